// The page never says what is not so: a daemon that died, hangs or lost its token is not "Live".
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { test } from 'node:test';
import { discs, zip } from './archive.js';
import { chartRows, checkCurves, ended, endless, faults, get, live, openPage, post, setUp, shoot, shows, startDaemon, startJob, stopJob, taught, until, visit } from './page.js';

const world = setUp();
const fact = (page, name) => page.locator('.facts div').filter({ has: page.locator(`dt:text-is("${name}")`) }).locator('dd');

test('the daemon dies and comes back: the page says since when, shows no time left, and heals; no point is lost or doubled', async (t) => {
  const { daemon, browser } = world;
  const id = await startJob(t, daemon, endless({ name: 'survivor' }));
  const { page, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  await live(page);
  await chartRows(page, 'Loss');
  await until(async () => /\d+ (s|min|h)/.test(await fact(page, 'Time left').textContent()), 'the time left');
  const other = await context.newPage();
  await other.goto(`${daemon.url}/#/`);
  await live(other);
  let tries = 0;  // to read the stream, in vain
  page.on('requestfailed', (request) => { if (request.url().endsWith('/v1/events')) tries++; });
  await daemon.end('SIGKILL');
  await page.getByText(/^No answer since \d.*\(\d+ (s|min).*\)$/).waitFor();
  await page.getByRole('alert').getByText(/The daemon has not answered since .* What stands here is from then\./).waitFor();
  await shows(() => fact(page, 'Time left').textContent(), 'not known');
  assert.ok(tries <= 3, `only said after ${tries} tries`);
  const dot = await page.evaluate(() => getComputedStyle(document.getElementById('connection'), '::before').color);
  await shoot(page, 'lost');
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByText('Stop: the daemon does not answer').waitFor();
  // It goes on trying, and never says otherwise meanwhile.
  const said = new Set();
  await until(async () => {
    said.add((await page.locator('#connection').textContent()).split(' since')[0]);
    return tries >= 5;
  }, 'some tries');
  assert.deepEqual([...said], ['No answer']);

  // A page that could not be loaded meanwhile comes when it can.
  await other.getByRole('link', { name: 'Machine' }).click();
  await other.getByRole('heading', { name: 'Not loaded' }).waitFor();
  await daemon.launch();
  await other.getByRole('heading', { name: 'Processor and version' }).waitFor();
  await other.close();
  await live(page);
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.getElementById('connection'), '::before').color), dot);
  assert.ok(await page.locator('#stale').isHidden());
  const { step } = (await get(daemon, `/v1/jobs/${id}`)).progress;
  // To a point at least: one that died before its first checkpoint begins anew, and has none at first.
  await until(async () => (await get(daemon, `/v1/jobs/${id}/curve`)).step.at(-1) > step, 'the run to go on');
  await stopJob(daemon, id);
  await checkCurves(daemon, page, id);
  await context.close();
});

test('a daemon that hangs is found out, though its connections stay open', async (t) => {
  const { daemon, browser } = world;
  const id = await startJob(t, daemon, endless({ name: 'frozen' }));
  const { page, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  await live(page);
  await chartRows(page, 'Loss');
  const second = await context.newPage();
  await second.goto(`${daemon.url}/#/`);
  await live(second);
  daemon.process.kill('SIGSTOP');
  try {
    for (const p of [page, second]) await p.getByText(/^No answer since/).waitFor();
  } finally {
    daemon.process.kill('SIGCONT');
  }
  for (const p of [page, second]) await live(p);
  await stopJob(daemon, id);
  await checkCurves(daemon, page, id);
  await context.close();
});

test('a tab is told that the daemon is of another version since', async () => {
  const { daemon, browser } = world;
  const { version } = await get(daemon, '/v1/system');
  const { page, context } = await openPage(browser, `${daemon.url}/#/`);
  await Promise.all([page.waitForResponse('**/v1/system'), page.reload()]);
  await live(page);
  assert.ok(await page.locator('#outdated').isHidden());
  await page.route('**/v1/system', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...await response.json(), version: '99.0.0' } });
  });
  await daemon.end('SIGKILL');
  await page.getByText(/^No answer since/).waitFor();
  await daemon.launch();
  await page.getByRole('status').getByText(`The daemon is version 99.0.0 now; this page is of version ${version}.`).waitFor();
  await shoot(page, 'outdated');
  await page.unroute('**/v1/system');
  await page.getByRole('button', { name: 'Load its page' }).click();
  await live(page);
  await page.locator('#outdated').waitFor({ state: 'hidden' });
  await context.close();
});

test('another store behind the same address: what is gone leaves the page, what is new comes', async (t) => {
  const { browser } = world;
  const daemon = await startDaemon();
  t.after(() => daemon.end('SIGKILL'));
  for (const name of ['old one', 'old two']) await ended(daemon, await startJob(null, daemon, { name, epochs: 1 }));
  const { page, context } = await openPage(browser, `${daemon.url}/#/`);
  await live(page);
  await page.getByRole('link', { name: 'old two' }).waitFor();
  await daemon.end('SIGKILL');
  await page.getByText(/^No answer since/).waitFor();
  await rm(daemon.data, { recursive: true });
  await mkdir(daemon.data);
  await daemon.launch();
  await live(page);
  await page.getByText('No runs yet').waitFor();
  await page.goto(`${daemon.url}/#/compare`);
  await page.getByText('There are no runs yet.').waitFor();
  await page.goto(`${daemon.url}/#/`);
  await startJob(t, daemon, { name: 'new one', epochs: 1 });
  await page.getByRole('link', { name: 'new one' }).waitFor();
  await shows(() => page.getByRole('link', { name: /old/ }).count(), 0);
  await context.close();
});

test('what a page could not read while the daemon was away it reads once it is back, and says no longer that it could not', async () => {
  const { daemon, browser } = world;
  const { id: set } = await post(daemon, '/v1/datasets', { name: 'read late', image: { size: 32 } });
  const files = ['one', 'other'].flatMap((name, c) => Array.from({ length: 12 }, (_, i) => [`${name}/${i}.png`, discs(100 * c + i, [200, 80 * c, 40])]));
  await fetch(`${daemon.url}/v1/datasets/${set}/content`, { method: 'PUT', headers: { 'Content-Type': 'application/zip' }, body: zip(files) });
  await until(async () => (await get(daemon, `/v1/datasets/${set}`)).status === 'ready', 'the set');
  const id = await startJob(null, daemon, { name: 'read late', ...taught, epochs: 2 });
  await until(async () => (await get(daemon, `/v1/jobs/${id}`)).evaluation_id, 'the evaluation');

  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/system`);
  // Each with what is asked for, and what stands there only once it has been answered.
  const pages = [
    ['/new', { settings: page.getByLabel('Batch size') }],
    [`/new?from=${id}`, { 'clone?dry_run=true': page.getByText('Multiply-adds per image') }],
    ['/upload', { networks: page.locator('[name=network] option[value=alexnet]') }],
    ['/network/googlenet', { 'networks/*': page.getByRole('heading', { name: 'Stage 1' }), networks: page.getByRole('link', { name: 'AlexNet', exact: true }) }],
    [`/datasets/${set}`, { report: page.getByText('a folder per class', { exact: true }), 'pictures?*': page.getByText('1 to 24 of 24') }],
    [`/datasets/${set}`, { content: page.locator('canvas[data-state=shown]').first() }],
    [`/runs/${id}`, { settings: page.getByRole('cell', { name: 'train_limit' }).first(), confusion: page.locator('canvas.matrix[style]'), 'mistakes?*': page.locator('.mistakes .picture').first() }],
    [`/runs/${id}`, { 'evaluations/*': page.getByText(/computed in/) }],
  ];
  for (const [path, signs] of pages) {
    await visit(page, daemon, '/system', 'dl');
    await live(page);
    const asked = new Set();
    let away = true;
    for (const what of Object.keys(signs))
      await page.route(new RegExp(`/v1/(.*/)?${what.replaceAll('?', '\\?').replaceAll('*', '[^/]*')}($|\\?)`), (route) => {
        asked.add(what);
        return away ? route.abort() : route.continue();
      });
    await page.goto(`${daemon.url}/#${path}`);
    await shows(() => [...asked].sort(), Object.keys(signs).sort(), path);
    for (const [what, sign] of Object.entries(signs)) assert.equal(await sign.count(), 0, `${path} without ${what}`);
    away = false;
    for (const sign of Object.values(signs)) await sign.waitFor({ state: 'attached', timeout: 60000 });
    await shows(() => page.getByText('the daemon does not answer').count(), 0, path);
    await page.unrouteAll();
  }
  assert.deepEqual(faults(complaints), []);
  await context.close();
});
