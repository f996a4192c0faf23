// How the page stays live: one stream for all tabs, silence where nobody looks, polling where streams do not get
// through.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCurves, countRows, endless, get, live, openPage, setUp, shows, startJob, stopJob, until } from './page.js';

const world = setUp();
const rows = (page) => countRows(page, 'Loss');
const steps = async (id) => (await get(world.daemon, `/v1/jobs/${id}/curve`)).step.length;
const start = (t, name) => startJob(t, world.daemon, endless({ name }));

/** Event streams that are open in this context, by page. */
function streams(context) {
  const open = new Set();
  const isStream = (request) => new URL(request.url()).pathname === '/v1/events';
  context.on('request', (request) => { if (isStream(request)) open.add(request); });
  for (const end of ['requestfinished', 'requestfailed']) context.on(end, (request) => open.delete(request));
  const forget = (page) => page.on('close', () => {
    for (const request of open) if (request.frame().page() === page) open.delete(request);
  });
  context.pages().forEach(forget);
  context.on('page', forget);
  return open;
}

for (const [how, script] of [
  ['', () => {}],
  [', also where there are no locks', () => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })],
]) {
  test(`two tabs share one stream, and the second takes over${how}`, async (t) => {
    const { daemon, browser } = world;
    const id = await start(t, `shared${how}`);
    const { context, page: first } = await openPage(browser, `${daemon.url}/livez`);
    await context.addInitScript(script);
    await context.clock.install();
    const open = streams(context);
    const url = `${daemon.url}/#/runs/${id}`;
    await first.goto(url);
    await live(first);
    const second = await context.newPage();
    await second.goto(url);
    await live(second);
    const early = [await rows(first), await rows(second)];
    await until(async () => (await rows(first)) > early[0] + 3 && (await rows(second)) > early[1] + 3, 'both to grow');
    // Where there are no locks, a tab that the machine keeps waiting may be missed, and be there again.
    await until(() => open.size === 1, 'one of them to read the stream');

    await first.close();
    await context.clock.fastForward(2500);  // of silence, after which it is missed where there are no locks
    await until(() => open.size === 1, 'the second to read the stream');
    const later = await rows(second);
    await until(async () => (await rows(second)) > later + 3, 'the second to go on');
    await stopJob(daemon, id);
    await checkCurves(daemon, second, id);
    await context.close();
  });
}

test('a hidden tab is quiet, and catches up when it is looked at again', async (t) => {
  const { daemon, browser } = world;
  const id = await start(t, 'unseen');
  const { page, context } = await openPage(browser, `${daemon.url}/livez`);
  // A tab that looked would ask for its run every few seconds of the page's own clock.
  await page.clock.install();
  await page.goto(`${daemon.url}/#/runs/${id}`);
  await live(page);
  const show = (state) => page.evaluate((visibility) => {
    Object.defineProperty(document, 'visibilityState', { value: visibility, configurable: true });
    Object.defineProperty(document, 'hidden', { value: visibility === 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
  await rows(page);
  await show('hidden');
  await page.waitForLoadState('networkidle');
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));
  const seen = await rows(page);
  const before = await steps(id);
  await until(async () => (await steps(id)) > before + 5, 'points that nobody looks at');
  await page.clock.runFor(20000);
  assert.deepEqual(requests, []);
  assert.equal(await rows(page), seen);
  await show('visible');
  await until(async () => (await rows(page)) > seen + 5, 'the page to catch up');
  await live(page);
  await stopJob(daemon, id);
  await checkCurves(daemon, page, id);
  await context.close();
});

test('where streams do not get through, the page asks', async (t) => {
  const { daemon, browser } = world;
  const id = await start(t, 'polled');
  const { page, context } = await openPage(browser, `${daemon.url}/livez`);
  await page.route('**/v1/events', (route) => route.abort());
  await page.clock.install();
  await page.goto(`${daemon.url}/#/runs/${id}`);
  // The page's clock runs ahead where it would wait, so that the training need not go on so long.
  const asks = page.getByText('Live, by asking every few seconds');
  await until(async () => {
    await page.clock.fastForward(1000);
    return asks.isVisible();
  }, 'the page to give up the stream');
  const early = await rows(page);
  await until(async () => (await steps(id)) > early + 3, 'points to ask for');
  await page.clock.fastForward(3000);  // what lies between two questions
  await until(async () => (await rows(page)) > early + 3, 'the curve to grow');
  await stopJob(daemon, id);
  await checkCurves(daemon, page, id);
  await page.unroute('**/v1/events');
  await live(page);
  await context.close();
});

test('a page that comes back too late for the events that are kept reads everything anew', async (t) => {
  const { daemon, browser } = world;
  const id = await start(t, 'late');
  const { page, context } = await openPage(browser, `${daemon.url}/livez`);
  const reads = [];
  let away = false, back = false;
  page.on('request', (request) => reads.push(new URL(request.url()).pathname));
  await page.route('**/v1/events', (route) => {
    if (away) return route.abort();
    const headers = route.request().headers(), last = headers['last-event-id'];
    if (last && !back) {
      back = true;
      reads.length = 0; // while it had no stream it asked for the curve from time to time
    }
    // As if what comes after it had been forgotten: the daemon answers with "reset", and what happens from then on.
    return route.continue(last ? { headers: { ...headers, 'last-event-id': '0123456789abcdef-1' } } : {});
  });
  // The stream breaks once it has brought something.
  await page.addInitScript(() => {
    const { fetch } = window;
    window.fetch = async (url, options) => {
      if (!String(url).endsWith('v1/events')) return fetch(url, options);
      const control = new AbortController();
      options.signal?.addEventListener('abort', () => control.abort());
      window.breakStream = () => control.abort();
      return fetch(url, { ...options, signal: control.signal });
    };
  });
  await page.clock.install();
  await page.goto(`${daemon.url}/#/runs/${id}`);
  await live(page);
  const early = await rows(page);
  await until(async () => (await rows(page)) > early + 3, 'the stream to bring points');
  away = true;
  await page.evaluate(() => window.breakStream());
  const before = await steps(id);
  await until(async () => (await steps(id)) > before + 5, 'points that the page does not hear of');
  away = false;
  await page.clock.fastForward(5000);  // the longest wait before it tries again
  await until(() => back, 'the page to come back with an id');
  await until(() => reads.includes(`/v1/jobs/${id}/curve`) && reads.includes(`/v1/jobs/${id}/epochs`), 'the curve to be read anew');
  await live(page);
  await stopJob(daemon, id);
  await checkCurves(daemon, page, id);
  await context.close();
});

test('a run that is deleted elsewhere leaves the page, and nothing else suffers', async (t) => {
  const { daemon, browser } = world;
  const id = await start(t, 'doomed');
  const { page, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  await live(page);
  await stopJob(daemon, id);
  // Where the disk is slow, the store says so (503), and the call is made again.
  const remove = async () => (await fetch(`${daemon.url}/v1/jobs/${id}`, { method: 'DELETE' })).status;
  let status = await remove();
  while (status === 503) status = await remove();
  assert.equal(status, 204);
  await page.getByRole('heading', { name: `There is no run ${id}` }).waitFor();
  await page.getByRole('link', { name: 'All runs' }).waitFor();
  await shows(() => page.locator('nav [aria-current=true]').textContent(), 'Runs');
  await page.reload();
  await page.getByRole('heading', { name: `There is no run ${id}` }).waitFor();
  await live(page);
  await context.close();
});
