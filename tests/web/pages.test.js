// The other pages: the form and its faults, clones, comparing, the network, the machine, and access for all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chartRows, checkAccess, checkWidth, COLOURS_ALONE, ended, faults, figure, get, openPage, setUp, shoot, shows, startJob, unfold, until, visit } from './page.js';


const ids = [];
const world = setUp(async ({ daemon }) => {
  for (const rate of [0.05, 0.02]) ids.push(await startJob(null, daemon, { name: `rate ${rate}`, optimizer: { learning_rate: rate, momentum: 0.9 } }));
  await ended(daemon, ids[1]);
});
const open = (path, options) => openPage(world.browser, `${world.daemon.url}/#${path}`, options);
const field = (page, path) => page.locator(`.field[data-path="${path}"]`);
const fault = (page, path) => field(page, path).locator('.fault');
const fact = (page, name) => page.locator('.facts div').filter({ has: page.locator(`dt:text-is("${name}")`) }).locator('dd');

test('the form has the chapter’s values, and faults stand at their fields', async () => {
  const { page, complaints, context } = await open('/new');
  await page.getByLabel('Batch size').waitFor();
  await shows(() => page.getByLabel('Batch size').inputValue(), '128');
  await shows(() => page.getByLabel('Learning rate', { exact: true }).inputValue(), '0.1');
  await page.getByText('5,977,530').waitFor();
  await page.getByText('4,690').waitFor();
  // What the daemon estimates: memory always, time once such a job has run.
  await shows(() => fact(page, 'Memory').textContent(), /^about \d{3} MB$/);
  await shows(() => fact(page, 'Time').textContent(), /^not known/);
  await page.getByLabel('Network').selectOption('googlenet_tiny');
  await page.getByLabel('Batch size').fill('20');
  await until(async () => /^about .*judging by job_\d+ \(.*\/s\)$/.test(await fact(page, 'Time').textContent()), 'an estimate of the time');
  await page.getByLabel('Batch size').fill('0');
  await page.getByLabel('Momentum').fill('fast');
  await until(async () => (await fault(page, 'batch_size').textContent()).includes('must be 1 to 4096, got 0'), 'the fault at its field');
  await shows(() => fault(page, 'optimizer.momentum').textContent(), /./);
  await shows(() => fault(page, 'epochs').textContent(), '');
  // Beside the button, which may be far from them, stands which they are, and the way there.
  const named = page.locator('.submit').getByRole('alert').filter({ hasText: 'to mend' });
  await shows(() => named.textContent(), '2 settings to mend: Batch size, Momentum');
  await named.getByRole('button', { name: 'Momentum' }).click();
  assert.ok(await page.getByLabel('Momentum').evaluate((e) => e === document.activeElement && e.getBoundingClientRect().bottom < document.querySelector('.submit').getBoundingClientRect().top));
  assert.ok(await field(page, 'ranks').isHidden());
  await unfold(page);
  await page.getByLabel('Shards', { exact: true }).fill('2');
  await page.getByLabel('Ranks').fill('2');
  await until(async () => (await fault(page, 'ranks').textContent()).includes('this daemon has no launcher'), 'the fault of ranks');
  await shows(() => page.getByRole('button', { name: 'Start' }).getAttribute('aria-disabled'), 'true');
  await shoot(page, 'form');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

/** A value for each setting that is not its default. */
function otherValues(settings) {
  const own = { network: 'googlenet_tiny', image_size: 32, train_limit: 40, test_limit: 20, epochs: 1, 'optimizer.momentum': 0.5, threads: 1,
    'schedule.type': 'cosine', precision: 'f32', 'optimizer.name': 'sgd', dataset: 'fashion_mnist', 'checkpoint.keep': 2, ranks: 1, name: 'everything', register_as: 'everything',
    blocks: { '1.0': [4, [4, 8], [4, 8], 12] } };
  const made = {};
  for (const { path, type, default: usual, minimum, choices } of settings) {
    // What a job starts from has to be there, and what is frozen needs it: run.test.js has them.
    if (type === 'metadata' || type === 'init_from' || path === 'freeze') continue;
    // This daemon has no launcher.
    if (path === 'ranks') continue;
    made[path] = own[path] ?? (type === 'boolean' ? !usual : type === 'numbers' ? [0.25, 0.5].slice(0, usual.length || 1) : choices ? choices.at(-1) : type === 'integer' ? Math.max(minimum ?? 0, usual ?? 0) + 3 : 0.25);
  }
  return made;
}

test('where the groups of the form stand three abreast, the two low ones share a column', async () => {
  const { page, context } = await open('/new', { viewport: { width: 1440, height: 900 } });
  await page.locator('.field').first().waitFor();
  await shows(() => page.locator('.groups > fieldset').evaluateAll((all) => {
    const lefts = all.map((e) => e.getBoundingClientRect().left), places = [...new Set(lefts)].sort((a, b) => a - b);
    return lefts.map((left) => places.indexOf(left));
  }), [0, 1, 2, 2]);
  await context.close();
});

test('the form shows what belongs to the choices made, and the learning rate that comes of it', async () => {
  const { page, complaints, context } = await open('/new');
  await page.getByLabel('Batch size').waitFor();
  await unfold(page);
  const shown = async (...paths) => Promise.all(paths.map((path) => field(page, path).isVisible()));
  const lines = async () => Object.fromEntries((await chartRows(page, 'Learning rate')).map(([x, y]) => [x, Number(y)]));
  assert.deepEqual(await shown('optimizer.momentum', 'optimizer.nesterov', 'optimizer.beta1', 'schedule.gamma'), [true, false, false, false]);
  await page.getByLabel('Momentum').fill('0.9');
  assert.deepEqual(await shown('optimizer.nesterov'), [true]);
  await page.getByLabel('Optimizer').selectOption('adamw');
  assert.deepEqual(await shown('optimizer.momentum', 'optimizer.nesterov', 'optimizer.beta1'), [false, false, true]);
  // The momentum that was entered is no fault of an optimizer that has none.
  await page.getByLabel('Training examples').fill('400');
  await page.getByLabel('Batch size').fill('40');
  await page.getByLabel('Schedule').selectOption('step');
  await page.getByLabel('Step down every').fill('5');
  await until(async () => (await lines())['100']?.toFixed(4) === '0.0100', 'the curve of a step down');
  assert.equal((await lines())['1'], 0.1);
  await page.getByLabel('Schedule').selectOption('one_cycle');
  assert.deepEqual(await shown('schedule.gamma', 'schedule.peak_at', 'schedule.warmup_epochs', 'schedule.warmup_start'), [false, true, false, false]);
  await until(async () => (await lines())['1'] === 0.004, 'the curve of one cycle');
  await figure(page, 'Learning rate').scrollIntoViewIfNeeded();
  await shoot(page, 'schedule');
  await page.getByLabel('Batch size').fill('0');
  await figure(page, 'Learning rate').waitFor({ state: 'hidden' });
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('every setting has its place in the form, and all that is entered is sent', async () => {
  const settings = (await get(world.daemon, '/v1/settings')).data;
  const { page, context } = await open('/new');
  await page.getByLabel('Batch size').waitFor();
  assert.deepEqual((await page.locator('.field').evaluateAll((all) => all.map((f) => f.dataset.path))).sort(), settings.map((s) => s.path).sort());
  await unfold(page);
  const values = otherValues(settings);
  // The network first: it has an image size of its own.
  for (const [path, value] of Object.entries(values).sort(([a], [b]) => (b === 'network') - (a === 'network'))) {
    const input = field(page, path).locator('input, select');
    const kind = await input.evaluate((i) => i.closest('.field').checkVisibility() && i.tagName);
    // What means nothing beside the others cannot be entered.
    if (!kind) {
      delete values[path];
      continue;
    }
    if (typeof value === 'boolean') await input.setChecked(value);
    else if (kind === 'SELECT') await input.selectOption(String(value));
    else await input.fill(path === 'blocks' ? JSON.stringify(value) : [value].flat().join(', '));
  }
  await page.getByLabel('Key').fill('who');
  await page.getByLabel('Value').first().fill('me');
  const start = page.getByRole('button', { name: 'Start' });
  await start.and(page.locator(':not([aria-disabled])')).waitFor();
  await start.click();
  await page.getByRole('heading', { name: 'everything' }).waitFor();
  const job = (await get(world.daemon, '/v1/jobs?limit=1')).data[0];
  for (const [path, value] of Object.entries(values))
    assert.deepEqual(path.split('.').reduce((o, k) => o[k], path === 'name' ? job : job.settings), value, path);
  assert.deepEqual(job.metadata, { who: 'me' });
  await context.close();
});

test('a clone is posted as the difference, and keeps all the rest', async () => {
  const settings = { early_stopping: { patience: 7, min_delta: 0.01 }, checkpoint: { every_epochs: 2, every_seconds: 33, keep: 3 } };
  const parent = await startJob(null, world.daemon, { name: 'parent', metadata: { a: '1', b: '2' }, ...settings, epochs: 1 });
  const { page, context } = await open(`/new?from=${parent}`);
  await page.getByRole('textbox', { name: 'Name' }).fill('cloned');
  await shows(() => page.getByLabel('Momentum').inputValue(), '0.9');
  // What few people change is folded away, but not where somebody has changed it.
  await shows(() => page.getByLabel('Smallest improvement').inputValue(), '0.01');
  assert.deepEqual(await Promise.all(['early_stopping.min_delta', 'blocks', 'progressive_resizing.from'].map((path) => field(page, path).isVisible())), [true, false, false]);
  await page.getByLabel('Schedule').selectOption('cosine');
  await page.getByLabel('Key').nth(0).fill('');
  const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/clone'));
  const start = page.getByRole('button', { name: 'Start' });
  await start.and(page.locator(':not([aria-disabled])')).waitFor();
  await start.click();
  assert.deepEqual((await sent).postDataJSON(), { name: 'cloned', schedule: { type: 'cosine' }, metadata: { a: null } });
  await page.getByRole('heading', { name: 'cloned' }).waitFor();
  const made = (await get(world.daemon, '/v1/jobs?limit=1')).data[0];
  assert.equal(made.parent_id, parent);
  assert.deepEqual(made.metadata, { b: '2' });
  const old = (await get(world.daemon, `/v1/jobs/${parent}`)).settings;
  assert.deepEqual(made.settings, { ...old, schedule: { ...old.schedule, type: 'cosine' } });
  await context.close();
});

test('a double click starts one run, and so does a second try after an answer that was lost', async () => {
  const count = async () => (await get(world.daemon, '/v1/jobs?limit=1000')).data.length;
  const before = await count();
  const { page, context } = await open('/new');
  await page.getByLabel('Network').selectOption('googlenet_tiny');
  await page.getByLabel('Training examples').fill('40');
  await page.getByLabel('Test examples').fill('20');
  await page.getByRole('textbox', { name: 'Name' }).fill('once');
  const start = page.getByRole('button', { name: 'Start' });
  await start.and(page.locator(':not([aria-disabled])')).waitFor();
  // The daemon makes the job, but the page does not hear of it; a check of the form that is under way changes nothing.
  const keys = [];
  let checkedLate = null;
  await page.route(/\/v1\/jobs\?dry_run=true$/, async (route) => {
    await until(() => keys.length === 1, 'the start');
    await route.fulfill({ response: await route.fetch() });
    checkedLate = true;
  });
  await page.getByLabel('Test examples').fill('21');
  await page.waitForRequest(/dry_run=true$/);
  await page.route('**/v1/jobs', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    keys.push(route.request().headers()['idempotency-key']);
    const response = await route.fetch();
    return keys.length === 1 ? route.abort() : route.fulfill({ response });
  });
  await start.click();
  await page.locator('main .fault', { hasText: /\w/ }).waitFor();
  await until(() => checkedLate, 'the late answer');
  await page.evaluate(() => new Promise(requestAnimationFrame));
  await shows(() => page.locator('main .fault', { hasText: /\w/ }).count(), 1);
  await start.dblclick();
  await page.getByRole('heading', { name: 'once' }).waitFor();
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.equal(await count(), before + 1);
  await context.close();
});

test('runs are compared, and the selection stands in the address', async () => {
  const { page, context } = await open('/compare');
  await figure(page, 'Train loss').getByText('Choose a run or more.').waitFor();
  await page.getByLabel('rate 0.05').check();
  await page.getByLabel('rate 0.02').check();
  await page.getByLabel('Show', { exact: true }).selectOption('validation_accuracy');
  await figure(page, 'Validation accuracy').getByText('These runs have recorded none.').waitFor();
  await page.getByLabel('Show', { exact: true }).selectOption('loss');
  await page.getByRole('cell', { name: 'optimizer.learning_rate' }).waitFor();
  await shows(() => page.getByRole('cell', { name: 'optimizer.momentum' }).count(), 0);
  await page.getByLabel('by').selectOption('step');
  const address = page.url();
  for (const id of ids) assert.ok(address.includes(id), address);
  await shoot(page, 'compare');
  await page.goto('about:blank');
  await page.goto(address);
  await page.getByRole('cell', { name: 'optimizer.learning_rate' }).waitFor();
  await shows(() => page.getByLabel('by').inputValue(), 'step');
  await shows(() => page.getByLabel('rate 0.02').isChecked(), true);
  await context.close();
});

test('by wall time, the curves stand at the times that the daemon measured', async () => {
  const { page, context } = await open(`/compare?runs=${ids[0]}&by=time`);
  const rows = await chartRows(page, 'Train loss');
  const curve = await get(world.daemon, `/v1/jobs/${ids[0]}/curve`);
  assert.deepEqual(rows.map((r) => r.map(Number)), curve.seconds.map((t, i) => [t / 60, curve.loss[i]]));
  await page.getByLabel('Show', { exact: true }).selectOption('test_accuracy');
  const epochs = (await get(world.daemon, `/v1/jobs/${ids[0]}/epochs`)).data;
  const tests = await until(async () => {
    const now = await chartRows(page, 'Test accuracy');
    return now.length === epochs.length && now;
  }, 'the epochs');
  assert.deepEqual(tests.map((r) => r.map(Number)), epochs.map((e) => [curve.seconds[curve.step.indexOf(e.step)] / 60, e.test_accuracy]));
  await context.close();
});

test('a run that diverged does not flatten the others: the axis leaves its points out, and says so', async () => {
  const { page, context } = await openPage(world.browser, `${world.daemon.url}/livez`);
  await page.route(`**/v1/jobs/${ids[1]}/curve?*`, async (route) => {
    const curve = await (await route.fetch()).json();
    curve.loss = curve.loss.map((v, i) => (i < 2 ? v : 1e9 * i));
    await route.fulfill({ json: curve });
  });
  await page.goto(`${world.daemon.url}/#/compare?runs=${ids}`);
  const chart = figure(page, 'Train loss');
  const curve = await get(world.daemon, `/v1/jobs/${ids[1]}/curve`);
  await chart.getByText(`${curve.step.length - 2} points lie above this axis: arrowheads mark where.`).waitFor();
  // The crosshair near the bottom of the axis is at a loss of a healthy run.
  await page.getByLabel('Loss axis').selectOption('all');
  await until(() => chart.getByText('above this axis').isHidden(), 'all points');
  await page.getByLabel('Loss axis').selectOption('log');
  await shoot(page, 'diverged');
  assert.ok(page.url().includes('scale=log'));
  await context.close();
});

test('every network is drawn', async () => {
  const [first, ...others] = (await get(world.daemon, '/v1/networks')).data;
  const { page, complaints, context } = await open(`/network/${first.id}`);
  for (const { id, title } of [first, ...others]) {
    if (id !== first.id) await visit(page, world.daemon, `/network/${id}`, 'h1');
    await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor();
    await page.getByRole('heading', { name: 'Stage 4' }).waitFor();
    assert.deepEqual(faults(complaints), [], id);
  }
  await context.close();
});

test('the network has nine Inception blocks of four paths', async () => {
  const { page, context } = await open('/network/googlenet');
  await page.getByRole('heading', { name: 'Inception 4.1' }).waitFor();
  await shows(() => page.locator('.inception').count(), 9);
  await shows(() => page.locator('.inception .path').count(), 36);
  await shows(() => page.locator('.inception').first().locator('.path').nth(2).locator('.layer').count(), 2);
  await page.getByText('Conv 5 × 5').first().waitFor();
  await shows(() => page.locator('main').textContent(), /5,977,530 parameters/);
  const row = page.getByRole('row', { name: /^VGG-11/ });
  await row.waitFor();
  assert.deepEqual((await row.getByRole('cell').allInnerTexts()).slice(-7, -2), ['224', '128,806,154', '9,219,328', '119,586,826', '7,547,232,256']);
  const train = (size) => shows(() => page.getByRole('link', { name: 'Train this' }).getAttribute('href'), `#/new?network=googlenet&image_size=${size}`);
  await train(96);
  await shoot(page, 'network');
  // The size is part of the address: a link that is passed on, or read again, shows the same.
  await page.getByLabel('Image size').fill('64');
  await page.getByLabel('Image size').blur();
  await train(64);
  assert.ok(page.url().endsWith('#/network/googlenet?image_size=64'), page.url());
  await page.reload();
  await train(64);
  await context.close();
});

test('the machine is told as the daemon tells it', async () => {
  const { page, complaints, context } = await open('/system');
  const system = await get(world.daemon, '/v1/system');
  await until(async () => (await fact(page, 'Version').count()) === 1, 'the facts');
  await shows(() => fact(page, 'Version').textContent(), `googlenetd ${system.version}`);
  await shows(() => fact(page, 'Cores').textContent(), `${system.cpu.usable_cores} usable of ${system.cpu.cores}`);
  await shows(() => fact(page, 'Memory in use').textContent(), /^[\d.]+ \wB of [\d.]+ \wB$/);
  await shows(() => fact(page, 'Data folder').textContent(), world.daemon.data);
  await shows(() => fact(page, 'Runs at a time').textContent(), String(system.training.workers));
  await shoot(page, 'system');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

/** Rules of the style sheets for some widths alone: how many there are, and those that set what a contrast depends on. */
const rulesOfWidths = (page) => page.evaluate(() => {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
    .filter((media) => media instanceof CSSMediaRule && /width|height|orientation|aspect/.test(media.media.mediaText)).flatMap((media) => [...media.cssRules]);
  // A larger root makes all text larger; a label before a cell is muted as others are, and axe looks at elements only.
  const coloured = rules.filter(({ selectorText, style }) => !selectorText?.endsWith('::before')
    && [...style ?? []].some((name) => /^(--|color$|background|opacity|filter|mix-blend)/.test(name) || (name.startsWith('font') && selectorText !== ':root')));
  return { count: rules.length, coloured: coloured.map((rule) => rule.cssText) };
});

test('every page passes axe, light and dark, and fits from a phone to a wall', async () => {
  const failed = await startJob(null, world.daemon, { name: 'too fast', optimizer: { learning_rate: 100, momentum: 0.9 } });
  await ended(world.daemon, failed);
  // What each page shows when it is complete.
  const pages = { runs: ['/', '.runs tbody tr'], run: [`/runs/${ids[0]}`, '.legend .value'], failed: [`/runs/${failed}`, '.reason.bad'],
    new: ['/new', '.facts dd'], compare: [`/compare?runs=${ids.join()}`, '.legend .value'], network: ['/network/googlenet', '.inception'],
    system: ['/system', 'meter'], nothing: ['/nowhere', 'h1'] };
  const { page, context } = await openPage(world.browser, world.daemon.url, { viewport: { width: 360, height: 740 }, bypassCSP: true });
  // So colours that are right at one width are right at all.
  const { count, coloured } = await rulesOfWidths(page);
  assert.ok(count > 10, String(count));
  assert.deepEqual(coloured, []);
  // The head of a phone's page has no row for the connection alone.
  await shows(() => page.evaluate(() => document.querySelector('.connection').getBoundingClientRect().bottom <= document.querySelector('nav').getBoundingClientRect().top), true);
  for (const [name, [path, sign]] of Object.entries(pages)) {
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 360, height: 740 });
    await visit(page, world.daemon, path, sign);
    await checkWidth(page, `${path} 360`);
    await checkAccess(page, `${path} dark 360`);
    await shoot(page, `${name}-dark-360`);
    if (name === 'failed') {
      await page.getByRole('button', { name: 'Delete …' }).click();
      await checkAccess(page, 'the question before deleting');
      await page.keyboard.press('Escape');
    }
    // What else a scheme and a width change are the colours and the room.
    await page.setViewportSize({ width: 3840, height: 2160 });
    await checkWidth(page, `${path} 3840`);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 800 });
    await checkWidth(page, `${path} 1280`);
    await checkAccess(page, `${path} light 1280`, COLOURS_ALONE);
    await shoot(page, `${name}-light-1280`);
  }
  await context.close();
});

test('the pages keep to their policy: nothing inline, nothing from elsewhere, no complaints', async () => {
  const policy = (await fetch(world.daemon.url)).headers.get('content-security-policy');
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  const { page, complaints, context } = await openPage(world.browser, `${world.daemon.url}/livez`);
  await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  const elsewhere = [];
  page.on('request', (request) => { if (!request.url().startsWith(`${world.daemon.url}/`) && !request.url().startsWith('blob:')) elsewhere.push(request.url()); });
  const pages = [['/', '.runs tbody tr'], [`/runs/${ids[0]}`, '.legend .value'], ['/new', '.facts dd'], [`/compare?runs=${ids.join()}&by=time`, '.legend .value'],
    ['/network/googlenet', '.inception'], ['/system', 'meter']];
  for (const [path, sign] of pages) {
    await visit(page, world.daemon, path, sign);
    for (const details of await page.locator('details').all()) await details.evaluate((d) => { d.open = true; });
  }
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(complaints, []);
  // The listener does hear of breaches.
  await page.evaluate(() => { document.body.append(Object.assign(document.createElement('img'), { src: 'http://127.0.0.2/x.png' })); });
  await until(() => complaints.some((c) => c.includes('policy: img-src')), 'a complaint');
  await context.close();
});

test('the first paint takes less than 200 kB', async () => {
  const { page, context } = await open('/');
  await page.getByRole('heading', { name: 'Runs' }).waitFor();
  // The page's own files: how many of the daemon's answers have come by then is a matter of time.
  const sizes = await page.evaluate(() => ['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type)
    .filter((e) => !new URL(e.name).pathname.startsWith('/v1/')).map((e) => e.encodedBodySize)));
  const total = sizes.reduce((a, b) => a + b, 0);
  assert.ok(total > 50000 && total < 200000, `${total} bytes`);
  await context.close();
});
