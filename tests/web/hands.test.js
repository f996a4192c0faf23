// By keyboard alone and by finger: where the focus is after each action, and what is large enough to be hit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crowd } from './crowd.js';
import { ended, endless, faults, figure, get, live, openPage, post, setUp, shows, startJob, statusIs, stopJob, taught, visit } from './page.js';

let id;  // of a run that has ended, with an evaluation
const world = setUp(async ({ daemon }) => {
  id = await startJob(null, daemon, { name: 'by hand', ...taught, epochs: 2 });
  await ended(daemon, id);
});
const focused = (page) => page.evaluate(() => { const e = document.activeElement; return e.getAttribute('aria-label') ?? (e.id || e.textContent); });

test('Enter in a line of a dialog sends it, a failure leaves the focus at its button, and what is gone leaves it near by', async () => {
  const { daemon, browser } = world;
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  await page.getByRole('button', { name: 'Edit …' }).press('Enter');
  await page.getByRole('textbox', { name: 'Name' }).fill('by keyboard');
  // As the last key of a word that is put together of several.
  await page.getByRole('textbox', { name: 'Name' }).dispatchEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true });
  assert.equal(await page.getByRole('dialog').count(), 1);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'by keyboard' }).waitFor();
  await shows(() => focused(page), 'Edit …');

  await page.getByRole('button', { name: 'Register as model …' }).press('Enter');
  await page.getByLabel('Model', { exact: true }).fill('no/name');
  await page.getByRole('button', { name: 'Register', exact: true }).press('Enter');
  await page.getByText(/1 to 64 letters, digits, dots/).waitFor();
  await shows(() => focused(page), 'Register');
  for (let n = 0; n < 2; n++) await post(daemon, '/v1/models', { name: 'keyed', job: id, checkpoint: 'best' });
  await page.keyboard.press('Escape');
  await shows(() => focused(page), 'Register as model …');

  await visit(page, daemon, '/models/keyed', 'tr[data-version="1"]');
  await page.getByRole('button', { name: 'Delete version 1' }).press('Enter');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).press('Enter');
  await page.locator('tr[data-version="1"]').waitFor({ state: 'detached' });
  await shows(() => focused(page), 'Versions');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('the last page of a list takes the focus from nobody, nor does a row that moves', async (t) => {
  const { daemon, browser } = world;
  const crowd = await Crowd.start(daemon, await get(daemon, `/v1/jobs/${id}`), 120);
  t.after(() => crowd.close());
  const { page, context } = await openPage(browser, `${crowd.url}/#/`);
  await live(page);
  const older = page.getByRole('button', { name: 'Older' });
  await older.focus();
  for (const shown of ['51 to 100', '101 to 120']) {
    await page.keyboard.press('Enter');
    await page.getByText(new RegExp(`^${shown} of`)).waitFor();
  }
  await shows(() => older.getAttribute('aria-disabled'), 'true');
  assert.equal(await focused(page), 'Older');
  await page.keyboard.press('Enter');
  await page.getByText(/^101 to 120 of/).waitFor();

  await visit(page, { url: crowd.url }, '/?sort=name&down=no', 'tr[data-id=job_1]');
  await page.getByRole('link', { name: 'run 1', exact: true }).focus();
  crowd.names.set(1, 'run 100 and more');
  crowd.send('updated', 1, {});
  await page.getByRole('link', { name: 'run 100 and more' }).waitFor();
  await shows(() => page.locator('tbody tr').evaluateAll((rows) => rows.findIndex((r) => r.dataset.id === 'job_1')), 2);
  assert.equal(await focused(page), 'run 100 and more');
  await context.close();
});

test('a mistake is shown large, with the file that it is', async () => {
  const { daemon, browser } = world;
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  const { evaluation_id: evaluation } = await get(daemon, `/v1/jobs/${id}`);
  const [{ picture, truth_name: truth, guess_name: guess }] = (await get(daemon, `/v1/evaluations/${evaluation}/mistakes?limit=1`)).data;
  await page.route(`**/v1/datasets/*/pictures/${picture}`, (route) => route.fulfill({ json: { n: picture, object: 'picture', split: 'test', class: truth, label: 0, file: 'shirts/of mine.png' } }));
  await page.getByRole('list', { name: 'Mistakes' }).getByRole('button').first().press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('heading', { name: `\u2068${truth}\u2069 taken for \u2068${guess}\u2069` }).waitFor();
  await dialog.getByText('shirts/of mine.png').waitFor();
  await dialog.locator('canvas').waitFor();
  await page.keyboard.press('Escape');
  await shows(() => page.evaluate(() => document.activeElement.className), 'thumb');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a chart is zoomed by buttons, moved by a finger, and shows all again after a double click', async (t) => {
  const { daemon, browser } = world;
  const long = await startJob(t, daemon, endless());
  await statusIs(daemon, long, 'running');
  await shows(async () => (await get(daemon, `/v1/jobs/${long}/epochs`)).data.length > 3, true);
  await stopJob(daemon, long);
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/runs/${long}`, { hasTouch: true });
  const loss = figure(page, 'Loss'), over = loss.locator('.u-over'), reset = loss.getByRole('button', { name: 'Reset zoom' });
  // The view as the page itself has it, of both charts, which move as one.
  const views = () => page.evaluate(() => [...document.querySelectorAll('.u-over')].slice(0, 2).map((o) => {
    o.dispatchEvent(new MouseEvent('mousemove', { clientX: o.getBoundingClientRect().left + 1, clientY: o.getBoundingClientRect().top + 1, bubbles: true }));
    return o.closest('figure').querySelector('.at').textContent;
  }));
  await over.waitFor();
  await shows(async () => (await views())[0], /^epoch 0/);
  await loss.getByRole('button', { name: 'Zoom in' }).click();
  await shows(() => reset.getAttribute('aria-disabled'), null);
  const before = Number((await views())[0].split(' ')[1]);
  assert.ok(before > 0.5, String(before));
  const box = await over.boundingBox(), y = box.y + 50, client = await context.newCDPSession(page);
  await client.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x: box.x + 50, y }] });
  for (const x of [80, 110, 140]) await client.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x: box.x + x, y }] });
  await client.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await shows(async () => Number((await views())[0].split(' ')[1]) < before, true);
  const moved = await views();
  assert.equal(moved[0], moved[1]);
  await over.dblclick({ position: { x: 100, y: 50 } });
  await shows(() => reset.getAttribute('aria-disabled'), 'true');
  await shows(async () => (await views())[0], /^epoch 0/);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('whatever a finger has to hit is as large as WCAG 2.2 wants it', async () => {
  const { daemon, browser } = world;
  const { page, context } = await openPage(browser, `${daemon.url}/#/`, { viewport: { width: 320, height: 700 }, hasTouch: true, isMobile: true });
  for (const [path, sign] of [['/', '.runs tbody tr'], [`/runs/${id}`, '.mistakes .thumb'], [`/compare?runs=${id}`, '.outcomes tbody tr'], ['/new', '.field'],
    ['/datasets', '.sets tbody tr'], ['/datasets/new', '.field'], ['/models', '.sets tbody tr'], ['/models/keyed', '.versions tbody tr'], ['/network/googlenet', '.layer'], ['/upload', '.field'], ['/system', 'dl']]) {
    await visit(page, daemon, path, sign);
    // Links within sentences are let off.
    const small = await page.evaluate(() => [...document.querySelectorAll('a, button, input, select, summary')]
      .filter((e) => e.checkVisibility() && !e.matches('.hidden') && getComputedStyle(e).display !== 'inline')
      .map((e) => [e, e.getBoundingClientRect()]).filter(([, r]) => r.width > 0 && (r.width < 24 || r.height < 24))
      .map(([e, r]) => `${e.outerHTML.slice(0, 90)} ${Math.round(r.width)} × ${Math.round(r.height)}`));
    assert.deepEqual(small, [], path);
  }
  await context.close();
});
