// The other pages: the form and its faults, comparing, the network, the token, and access for all.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { Daemon } from '../api/daemon.js';
import { chartRows, faults, get, openBrowser, openPage, post, shoot, small, until, webFolder } from './page.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let daemon, browser, ids;
before(async () => {
  daemon = await Daemon.start({ args: ['--web', webFolder] });
  browser = await openBrowser();
  ids = [];
  for (const rate of [0.05, 0.02])
    ids.push((await post(daemon, '/v1/jobs', small({ name: `rate ${rate}`, epochs: 2, optimizer: { learning_rate: rate, momentum: 0.9 } }))).id);
  await until(async () => (await get(daemon, '/v1/jobs')).data.every((j) => j.status === 'succeeded'), 'the jobs to end');
});
after(async () => {
  await browser?.close();
  await daemon?.end('SIGKILL');
});

test('the form has the chapter’s values, and faults stand at their fields', async () => {
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/new`);
  await page.getByLabel('Batch size').waitFor();
  assert.equal(await page.getByLabel('Batch size').inputValue(), '128');
  assert.equal(await page.getByLabel('Learning rate').inputValue(), '0.1');
  await page.getByText('5,977,530').waitFor();
  await page.getByText('4,690').waitFor();
  // What the daemon estimates: memory always, time once such a job has run.
  const fact = (name) => page.locator('.facts div', { hasText: name }).locator('dd');
  assert.match(await fact('Memory').textContent(), /^about \d{3} MB$/);
  assert.match(await fact('Time').textContent(), /^not known/);
  await page.getByLabel('Network').selectOption('googlenet_tiny');
  await page.getByLabel('Batch size').fill('32');
  await until(async () => /^about .*judging by job_\d+ \(.*\/s\)$/.test(await fact('Time').textContent()), 'an estimate of the time');
  await page.getByLabel('Batch size').fill('0');
  await page.getByLabel('Momentum').fill('fast');
  const fault = (name) => page.locator(`.field:has(> label:text-is("${name}")) .fault`);
  await until(async () => (await fault('Batch size').textContent()).includes('must be 1 to 4096, got 0'), 'the fault at its field');
  assert.notEqual(await fault('Momentum').textContent(), '');
  assert.equal(await fault('Epochs').textContent(), '');
  assert.ok(await page.getByRole('button', { name: 'Start' }).isDisabled());
  await shoot(page, 'form');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a clone takes over the settings and starts', async () => {
  const { page, context } = await openPage(browser, `${daemon.url}/#/new?from=${ids[0]}`);
  await page.getByLabel('Name').fill('cloned');
  await page.getByLabel('Epochs').fill('1');
  assert.equal(await page.getByLabel('Momentum').inputValue(), '0.9');
  assert.equal(await page.getByLabel('Schedule').inputValue(), 'constant');
  await page.getByLabel('Schedule').selectOption('cosine');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByRole('heading', { name: 'cloned' }).waitFor();
  const made = (await get(daemon, '/v1/jobs')).data.find((j) => j.name === 'cloned');
  assert.equal(made.settings.train_limit, 1500);
  assert.equal(made.settings.epochs, 1);
  assert.deepEqual(made.settings.schedule, { type: 'cosine' });
  await context.close();
});

test('runs are compared, and the selection stands in the address', async () => {
  const { page, context } = await openPage(browser, `${daemon.url}/#/compare`);
  await page.getByLabel('rate 0.05').check();
  await page.getByLabel('rate 0.02').check();
  await page.getByRole('cell', { name: 'optimizer.learning_rate' }).waitFor();
  assert.equal(await page.getByRole('cell', { name: 'optimizer.momentum' }).count(), 0);
  await page.getByLabel('by').selectOption('step');
  const address = page.url();
  for (const id of ids) assert.ok(address.includes(id), address);
  await shoot(page, 'compare');
  await page.goto('about:blank');
  await page.goto(address);
  await page.getByRole('cell', { name: 'optimizer.learning_rate' }).waitFor();
  assert.equal(await page.getByLabel('by').inputValue(), 'step');
  assert.ok(await page.getByLabel('rate 0.02').isChecked());
  await context.close();
});

test('the network has nine Inception blocks of four paths', async () => {
  const { page, context } = await openPage(browser, `${daemon.url}/#/network/googlenet`);
  await page.getByRole('heading', { name: 'Inception 4.1' }).waitFor();
  assert.equal(await page.locator('.inception').count(), 9);
  assert.equal(await page.locator('.inception .path').count(), 36);
  assert.equal(await page.locator('.inception').first().locator('.path').nth(2).locator('.layer').count(), 2);
  await page.getByText('Conv 5 × 5').first().waitFor();
  assert.match(await page.locator('main').textContent(), /5,977,530 parameters/);
  await shoot(page, 'network');
  await context.close();
});

test('a token is asked for, and kept out of addresses', async () => {
  const guarded = await Daemon.start({ args: ['--web', webFolder], environment: { GOOGLENETD_TOKEN: 'correct-horse-battery' } });
  try {
    const { page, context } = await openPage(browser, guarded.url);
    await page.locator('#token').waitFor();
    await shoot(page, 'token');
    await page.locator('#token').fill('wrong');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.locator('#token').fill('correct-horse-battery');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('No runs yet').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    assert.ok(!page.url().includes('horse'));
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    await context.close();
    const stranger = await openPage(browser, guarded.url, { bypassCSP: true });
    await stranger.page.locator('#token').waitFor();
    await inspect(stranger.page, 'the question for the token');
    await stranger.context.close();
  } finally {
    await guarded.end('SIGKILL');
  }
});

/** Serious findings of axe, and how many pixels the page is too wide. */
async function inspect(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(serious.map((v) => `${what}: ${v.id} ${v.nodes.map((n) => n.html).slice(0, 3)}`), []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${what} is ${wide} pixels too wide`);
}

test('every page passes axe, light and dark, from a phone to a wall', async () => {
  const failed = (await post(daemon, '/v1/jobs', small({ name: 'too fast', optimizer: { learning_rate: 100, momentum: 0.9 } }))).id;
  await until(async () => (await get(daemon, `/v1/jobs/${failed}`)).status === 'failed', 'the failure');
  const paths = { runs: '/', run: `/runs/${ids[0]}`, failed: `/runs/${failed}`, new: '/new', compare: `/compare?runs=${ids.join()}`,
    network: '/network/googlenet', nothing: '/nowhere' };
  const screens = [['light', 1280, 800], ['dark', 360, 740], ['light', 360, 740], ['dark', 3840, 2160]];
  for (const [colorScheme, width, height] of screens) {
    const { page, context } = await openPage(browser, daemon.url, { colorScheme, viewport: { width, height }, bypassCSP: true });
    for (const [name, path] of Object.entries(paths)) {
      await page.goto(`${daemon.url}/#${path}`);
      await page.waitForTimeout(1000);
      await inspect(page, `${path} ${colorScheme} ${width}`);
      await shoot(page, `${name}-${colorScheme}-${width}`);
    }
    await page.goto(`${daemon.url}/#${paths.failed}`);
    await page.getByRole('button', { name: 'Delete …' }).click();
    await inspect(page, `the question before deleting ${colorScheme} ${width}`);
    await context.close();
  }
});

test('the pages keep to their policy: nothing inline, nothing from elsewhere, no complaints', async () => {
  const policy = (await fetch(daemon.url)).headers.get('content-security-policy');
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/livez`);
  await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  const elsewhere = [];
  page.on('request', (request) => { if (!request.url().startsWith(`${daemon.url}/`) && !request.url().startsWith('blob:')) elsewhere.push(request.url()); });
  for (const path of ['/', `/runs/${ids[0]}`, '/new', `/compare?runs=${ids.join()}&by=time`, '/network/googlenet']) {
    await page.goto(`${daemon.url}/#${path}`);
    await page.getByRole('heading').first().waitFor();
    await page.waitForTimeout(700);
    for (const details of await page.locator('details').all()) await details.evaluate((d) => { d.open = true; });
  }
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(complaints, []);
  // The listener does hear of breaches.
  await page.evaluate(() => { document.body.append(Object.assign(document.createElement('img'), { src: 'http://127.0.0.2/x.png' })); });
  await until(() => complaints.some((c) => c.includes('policy: img-src')), 'a complaint');
  await context.close();
});

test('by wall time, the curves stand at the times that the daemon measured', async () => {
  const { page, context } = await openPage(browser, `${daemon.url}/#/compare?runs=${ids[0]}&by=time`);
  const rows = await chartRows(page, 'Train loss');
  const curve = await get(daemon, `/v1/jobs/${ids[0]}/curve`);
  assert.deepEqual(rows.map((r) => r.map(Number)), curve.seconds.map((t, i) => [t / 60, curve.loss[i]]));
  await page.getByLabel('Show', { exact: true }).selectOption('test_accuracy');
  const epochs = (await get(daemon, `/v1/jobs/${ids[0]}/epochs`)).data;
  const tests = await until(async () => {
    const now = await chartRows(page, 'Test accuracy');
    return now.length === epochs.length && now;
  }, 'the epochs');
  assert.deepEqual(tests.map((r) => r.map(Number)), epochs.map((e) => [curve.seconds[curve.step.indexOf(e.step)] / 60, e.test_accuracy]));
  await context.close();
});

test('a chart by keyboard, and its downloads', async () => {
  const { page, context } = await openPage(browser, `${daemon.url}/#/runs/${ids[0]}`);
  const reset = page.getByRole('button', { name: 'Reset zoom' }).first();
  await chartRows(page, 'Loss and accuracy');
  await page.locator('.plot').first().focus();
  assert.ok(await reset.isDisabled());
  await page.keyboard.press('+');
  await until(() => reset.isEnabled(), 'the zoom');
  await page.keyboard.press('0');
  await until(() => reset.isDisabled(), 'the whole view');

  const save = async (button) => {
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };
  const png = await save(page.getByRole('button', { name: 'PNG' }).first());
  assert.equal(png.name, 'Loss and accuracy.png');
  assert.equal(png.bytes.subarray(1, 4).toString(), 'PNG');
  const csv = await save(page.getByRole('button', { name: 'curve .csv' }));
  const text = await (await fetch(`${daemon.url}/v1/jobs/${ids[0]}/curve`, { headers: { accept: 'text/csv' } })).text();
  assert.equal(csv.bytes.toString(), text);
  const json = await save(page.getByRole('button', { name: 'epochs .json' }));
  assert.deepEqual(JSON.parse(json.bytes), await get(daemon, `/v1/jobs/${ids[0]}/epochs`));
  const model = await save(page.getByRole('button', { name: 'Download' }).first());
  assert.match(model.name, /\.safetensors$/);
  await context.close();
});

test('a run that has not begun offers no tools for empty charts', async () => {
  const blocker = (await post(daemon, '/v1/jobs', small({ name: 'blocker', epochs: 500 }))).id;
  const waiting = (await post(daemon, '/v1/jobs', small({ name: 'waiting' }))).id;
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/runs/${waiting}`);
  await page.getByText('queued', { exact: true }).first().waitFor();
  await page.getByText('Nothing recorded yet.').first().waitFor();
  for (const name of ['PNG', 'Reset zoom']) assert.equal(await page.getByRole('button', { name }).count(), 0);
  await shoot(page, 'queued');
  for (const id of [waiting, blocker]) await fetch(`${daemon.url}/v1/jobs/${id}/stop`, { method: 'POST' });
  await page.getByText('stopped', { exact: true }).first().waitFor();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('the first paint takes less than 200 kB', async () => {
  const { page, context } = await openPage(browser, daemon.url);
  await page.getByRole('heading', { name: 'Runs' }).waitFor();
  const sizes = await page.evaluate(() => ['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type).map((e) => e.encodedBodySize)));
  const total = sizes.reduce((a, b) => a + b, 0);
  assert.ok(total > 50000 && total < 200000, `${total} bytes`);
  await context.close();
});
