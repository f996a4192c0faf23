// What a run gets wrong, in the browser: the confusion matrix, its pictures, bars, the reliability diagram.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discs, zip } from './archive.js';
import { ALL_BUT_COLOURS, COLOURS_ALONE, ended, faults, get, openPage, post, setUp, shoot, shows, startJob, taught, until, violations, visit } from './page.js';


let id, evaluation;
const world = setUp(async ({ daemon }) => {
  id = await startJob(null, daemon, { name: 'seen', ...taught });
  await ended(daemon, id);
  const { evaluation_id } = await get(daemon, `/v1/jobs/${id}`);
  evaluation = await until(async () => {
    const found = await get(daemon, `/v1/evaluations/${evaluation_id}`);
    return found.status === 'succeeded' && found;
  }, 'the evaluation');
});
const open = (options) => openPage(world.browser, `${world.daemon.url}/#/runs/${id}`, options);
const names = () => evaluation.figures.classes.map((c) => c.name);
const panel = (page) => page.locator('.evaluation');
const pictures = (page) => panel(page).locator('.mistakes li');
// Those that are in sight; the others of a list that scrolls wait.
const shownSome = (page) => until(async () => (await pictures(page).locator('canvas[data-state=shown]').count()) >= 6, 'the pictures in sight');

test('the figures are the daemon’s', async () => {
  const { page, complaints, context } = await open();
  await panel(page).locator('.mistakes li').first().waitFor();
  const fact = (name) => panel(page).locator('.facts > div').filter({ has: page.locator(`dt:text-is("${name}")`) }).locator('dd').textContent();
  await shows(() => fact('Accuracy'), `${(100 * evaluation.accuracy).toFixed(1)} %`);
  await shows(() => fact('Macro F1'), `${(100 * evaluation.macro_f1).toFixed(1)} %`);
  await shows(() => fact('Mistakes'), `${evaluation.mistakes} of 200`);
  const rows = await panel(page).getByRole('region', { name: 'Each class' }).locator('tbody').evaluate((body) => [...body.rows].map((r) => [...r.cells].map((c) => c.textContent)));
  assert.deepEqual(rows.map(([name, support]) => [name, support]), evaluation.figures.classes.map((c) => [c.name, String(c.support)]));
  assert.deepEqual(rows.map((r) => r[4]), evaluation.figures.classes.map((c) => `${(100 * c.f1).toFixed(1)} %`));
  await page.getByLabel('Order').selectOption('f1');
  const first = await panel(page).getByRole('region', { name: 'Each class' }).locator('tbody th').first().textContent();
  assert.equal(first, [...evaluation.figures.classes].sort((a, b) => a.f1 - b.f1)[0].name);
  await shows(() => panel(page).locator('figure .hint').textContent(), /At temperature .*, fitted on 120 held-out examples/);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a click on a cell, an arrow key and a pair show the pictures of that mistake', async () => {
  const { page, complaints, context } = await open();
  await panel(page).locator('.mistakes li').first().waitFor();
  const [{ truth, guess, count }] = evaluation.figures.confused;
  // Each name is set apart, so that one that runs from right to left takes nothing along.
  const taken = `\u2068${names()[truth]}\u2069 taken for \u2068${names()[guess]}\u2069`;
  const heading = panel(page).getByRole('heading', { name: taken, exact: true });
  await panel(page).getByRole('button', { name: taken, exact: true }).click();
  await heading.waitFor();
  await until(async () => (await pictures(page).count()) === Math.min(count, 24), 'its pictures');
  await panel(page).getByRole('button', { name: 'All mistakes' }).click();
  await until(async () => (await pictures(page).count()) === Math.min(evaluation.mistakes, 24), 'all mistakes');
  // By keyboard, from the corner to that cell.
  const canvas = panel(page).locator('canvas.matrix');
  await canvas.focus();
  for (let i = 0; i < 12; i++) await page.keyboard.press('ArrowUp');
  for (let i = 0; i < 12; i++) await page.keyboard.press('ArrowLeft');
  for (let i = 0; i < truth; i++) await page.keyboard.press('ArrowDown');
  for (let i = 0; i < guess; i++) await page.keyboard.press('ArrowRight');
  await panel(page).getByText(new RegExp(`^${taken}: ${count} example`)).waitFor();
  await page.keyboard.press('Enter');
  await heading.waitFor();
  // By pointer: a cell of the first row, wherever it lies.
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  let said = '';
  for (let y = box.height - 8; y > 0 && !said.includes(names()[9]); y -= 8) {
    await page.mouse.move(box.x + box.width - 8, box.y + y);
    said = await panel(page).locator('canvas.matrix + p').textContent();
  }
  assert.match(said, new RegExp(`${names()[9]}`));
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

for (const [name, options, rules] of [['light', {}, {}], ['dark', { colorScheme: 'dark' }, COLOURS_ALONE], ['phone', { viewport: { width: 375, height: 800 } }, ALL_BUT_COLOURS]]) {
  test(`it is legible and accessible: ${name}`, async () => {
    const { page, complaints, context } = await open(options);
    await pictures(page).first().scrollIntoViewIfNeeded();
    await shownSome(page);
    await shoot(panel(page), `evaluation-${name}`);
    assert.deepEqual((await violations(page, rules, '.evaluation')).map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 150))]), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is not wider than the screen');
    assert.deepEqual(faults(complaints), []);
    await context.close();
  });
}

test('runs side by side: the best figures are marked, where they were measured on the same pictures', async () => {
  const other = await startJob(null, world.daemon, { name: 'other', epochs: 1, train_limit: 100, test_limit: 200, validation_split: 0.2 });
  const fewer = await startJob(null, world.daemon, { name: 'fewer', epochs: 1, train_limit: 100, test_limit: 30 });
  for (const job of [other, fewer]) await ended(world.daemon, job);
  const { evaluation_id } = await get(world.daemon, `/v1/jobs/${other}`);
  const second = await until(async () => {
    const found = await get(world.daemon, `/v1/evaluations/${evaluation_id}`);
    return found.status === 'succeeded' && found;
  }, 'its evaluation');
  const { page, complaints, context } = await open();
  await visit(page, world.daemon, `/compare?runs=${id},${other}`, '.outcomes');
  const cell = (job, title) => page.locator(`.outcomes tr[data-id="${job}"] td[data-label="${title}"]`);
  await cell(other, 'Evaluated accuracy').filter({ hasText: '%' }).waitFor();
  await cell(id, 'Evaluated accuracy').filter({ hasText: '%' }).waitFor();
  const percent = (x) => `${(100 * x).toFixed(1)} %`, number = (x) => String(Number(x.toPrecision(4)));
  for (const [title, key, text, better] of [['Evaluated accuracy', 'accuracy', percent, Math.max], ['Top 5', 'top5_accuracy', percent, Math.max],
    ['Macro F1', 'macro_f1', percent, Math.max], ['Loss', 'loss', number, Math.min], ['Calibration error', 'calibration_error', percent, Math.min]]) {
    const best = better(evaluation[key], second[key]), mark = evaluation[key] !== second[key];
    for (const [job, e] of [[id, evaluation], [other, second]])
      await shows(() => cell(job, title).textContent(), `${text(e[key])}${mark && e[key] === best ? ' ★' : ''}`, `${title} of ${job}`);
  }
  await shows(() => cell(id, 'Evaluated on').textContent(), `200 test examples of ${evaluation.dataset.name}`);
  await shoot(page, 'compare-evaluations');
  await shows(() => page.locator('.outcomes tr[data-id] td[data-label="Best accuracy"]').filter({ hasText: '★' }).count(), 1);
  // Those that one came with are seen at once, however old they are.
  await shows(() => page.locator('.choices li small').evaluateAll((all) => all.slice(0, 2).map((e) => e.textContent)), [other, id]);
  await page.getByLabel(`fewer ${fewer}`).check();
  await page.getByText('but for what was measured on different pictures').waitFor();
  await cell(fewer, 'Evaluated accuracy').filter({ hasText: '%' }).waitFor();
  await shows(() => page.locator('.outcomes').getByText('★').count(), 0);
  await shows(() => page.locator('.choices li small').first().textContent(), other);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('long names of classes push no figure out of sight, and one without examples is told to be so', async () => {
  const { daemon, browser } = world;
  const classes = ['w'.repeat(120), 'a class whose name goes on and on and on, as those of some sets do', 'Travel & Places'];
  const files = classes.flatMap((name, c) => Array.from({ length: 12 }, (_, i) => [`${i < 8 ? 'train' : 'test'}/${name}/${i}.png`, discs(100 * c + i, [200, 90, 60])]));
  // Of these there are none to test with.
  for (let i = 0; i < 2; i++) files.push([`train/never tested/${i}.png`, discs(900 + i, [60, 90, 200])]);
  const { id: set } = await post(daemon, '/v1/datasets', { name: 'long names', image: { size: 32, channels: 3 } });
  await fetch(`${daemon.url}/v1/datasets/${set}/content`, { method: 'PUT', headers: { 'Content-Type': 'application/zip' }, body: zip(files) });
  await until(async () => (await get(daemon, `/v1/datasets/${set}`)).status === 'ready', 'the set');
  const run = await startJob(null, daemon, { dataset: set, image_size: 32, train_limit: 0, test_limit: 0, batch_size: 8, epochs: 1 });
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/runs/${run}`);
  await panel(page).locator('.mistakes li').first().waitFor();
  const never = panel(page).getByRole('region', { name: 'Each class' }).locator('tbody tr').filter({ hasText: 'never tested' });
  await shows(() => never.locator('td').evaluateAll(([support, , recall]) => [support.textContent, recall.textContent]), ['0', '–']);
  await panel(page).getByText('Without test examples, so that nothing is known of how well they are found: \u2068never tested\u2069.').waitFor();
  for (const width of [390, 1280, 1440, 2560]) {
    await page.setViewportSize({ width, height: 900 });
    const outside = await panel(page).evaluate((element) => [['td.num', '.scroll'], ['.confused button', '.scroll'], ['.mistakes .num', 'li']].flatMap(([what, within]) => {
      const all = [...element.querySelectorAll(what)];
      if (all.length === 0) return [`no ${what}`];
      return all.filter((e) => e.getBoundingClientRect().right > e.closest(within).getBoundingClientRect().right + 1).map((e) => `${what} ${e.textContent}`);
    }));
    assert.deepEqual(outside, [], `${width} pixels wide`);
  }
  assert.deepEqual(faults(complaints), []);
  await context.close();
});
