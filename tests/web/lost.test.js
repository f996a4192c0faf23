// The page never says what is not so: a daemon that died, hangs or lost its token is not "Live".
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { test } from 'node:test';
import { chartRows, checkCurves, ended, endless, get, live, openPage, setUp, shoot, shows, startDaemon, startJob, stopJob, until } from './page.js';

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
