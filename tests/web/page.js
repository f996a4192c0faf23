// A Chromium page on the real daemon, with every complaint of the browser collected.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { chromium } from 'playwright-core';
import { Daemon } from '../api/daemon.js';
import { axe } from './axe.js';

export const webFolder = join(dirname(fileURLToPath(import.meta.url)), '../../web');

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
  '--disable-component-update', '--no-first-run'];

export const openBrowser = (executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium') => chromium.launch({ executablePath, args: FLAGS });

export const startDaemon = (options = {}) => Daemon.start({ args: ['--web', webFolder], ...options });

/** One daemon and one browser for the tests of a file: {daemon, browser} once they run; prepare(world) comes before the tests. */
export function setUp(prepare, options) {
  const world = {};
  before(async () => {
    // Each is ended by `after` also where the other does not start.
    const started = await Promise.allSettled([
      startDaemon(options).then((daemon) => { world.daemon = daemon; }), openBrowser().then((browser) => { world.browser = browser; })]);
    for (const { reason } of started) if (reason) throw reason;
    await prepare?.(world);
  });
  after(async () => {
    await world.browser?.close();
    await world.daemon?.end('SIGKILL');
  });
  return world;
}

/** A page, and `complaints`: console errors and breaches of the Content-Security-Policy. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(180000);
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints, context };
}

/** An answer that tells of an error is news to the console, not a fault of the page. */
export const faults = (complaints) => complaints.filter((c) => !c.startsWith('Failed to load resource'));

/** A picture of a page or a part of it, for people: only where SCREENSHOTS names a folder for them. */
export async function shoot(page, name, fullPage = false) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage });
}

/** What axe finds on the page; `options` are its own. It stays in a document that it has been put into. */
export async function violations(page, options = {}, part = null) {
  if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(axe);
  return page.evaluate(async ([within, more]) => (await globalThis.axe.run(within ?? document, { resultTypes: ['violations'], ...more })).violations, [part, options]);
}

/**
 * Of its rules, the one that looks at colours, by far the dearest, and all others. A scheme changes nothing but colours;
 * a width changes none of them, which pages.test.js makes sure of, and what a phone shows a desk shows too.
 */
export const COLOURS_ALONE = { runOnly: ['color-contrast'] };
export const ALL_BUT_COLOURS = { rules: { 'color-contrast': { enabled: false } } };

/** None of its findings may be serious. */
export async function checkAccess(page, what, options) {
  const serious = (await violations(page, options)).filter((v) => ['serious', 'critical'].includes(v.impact));
  assert.deepEqual(serious.map((v) => `${what}: ${v.id} ${v.nodes.map((n) => n.html).slice(0, 3)}`), []);
}

/** No page is wider than its window. */
export async function checkWidth(page, what) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${what} is ${wide} pixels too wide: ${wide > 0 && await page.evaluate(() => [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll')).map((e) => e.outerHTML.slice(0, 80)).slice(0, 8))}`);
}

export async function post(daemon, path, body = {}, headers = {}) {
  const response = await fetch(daemon.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return response.json();
}

/** A daemon that is busy for the moment (503) is asked again. */
export async function get(daemon, path, headers = {}) {
  const response = await until(async () => {
    const answer = await fetch(daemon.url + path, { headers });
    return answer.status !== 503 && answer;
  }, path);
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return response.json();
}

/** A job of real data that takes a tenth of a second an epoch. */
export const tiny = (more = {}) => ({
  network: 'googlenet_tiny', train_limit: 200, test_limit: 50, batch_size: 20, epochs: 2, threads: 1,
  optimizer: { learning_rate: 0.05, momentum: 0.9 }, ...more,
});

/** What learns something in a second: six in ten of its test examples are right, and no class is never guessed. */
export const taught = { epochs: 7, train_limit: 600, test_limit: 200, validation_split: 0.2, optimizer: { name: 'adamw', learning_rate: 0.003 } };

/** A job that goes on for long, with some points a second. */
export const endless = (more = {}) => ({ train_limit: 400, epochs: 5000, ...more });

/** Start a job; it is stopped when the test ends, if it still runs. */
export async function startJob(t, daemon, more) {
  const { id } = await post(daemon, '/v1/jobs', tiny(more));
  t?.after(() => fetch(`${daemon.url}/v1/jobs/${id}/stop`, { method: 'POST' }).catch(() => {}));
  return id;
}

export const statusIs = (daemon, id, ...statuses) =>
  until(async () => statuses.includes((await get(daemon, `/v1/jobs/${id}`)).status), `${id} to be ${statuses}`);
export const ended = (daemon, id) => statusIs(daemon, id, 'succeeded', 'failed', 'stopped');
export async function stopJob(daemon, id) {
  await post(daemon, `/v1/jobs/${id}/stop`);
  await ended(daemon, id);
}

/** Go to another page of the dashboard, and wait until `sign` stands on it. */
export async function visit(page, daemon, path, sign) {
  await page.goto(`${daemon.url}/#${path}`);
  await page.locator(`main[data-path="${path.split('?')[0]}"] ${sign}`).first().waitFor();
}

/** Have the settings that few people change be seen in a form. */
export const unfold = (page) => page.locator('details.rare').evaluateAll((all) => all.forEach((d) => { d.open = true; }));
export const live = (page) => page.getByText('Live', { exact: true }).waitFor();
export const figure = (page, title) => page.locator('figure').filter({ has: page.locator(`figcaption > span:text-is("${title}")`) });

/** A chart's table, which is opened: {rows, as lists of texts, of the page that is shown; count, of those on all its pages}. */
async function chartTable(page, title) {
  const details = figure(page, title).locator('details');
  // In one go, for it is asked again and again; null as long as there is no row to be seen.
  const read = () => details.evaluate((d) => {
    d.open = true;
    const rows = [...d.querySelectorAll('tbody tr')];
    if (!rows[0]?.checkVisibility()) return null;
    const pager = d.querySelector('.tools');
    return { rows: rows.map((r) => [...r.cells].map((c) => c.textContent)),
      count: pager.checkVisibility() ? Number(pager.querySelector('.where').textContent.match(/of ([\d,]+)/)[1].replaceAll(',', '')) : rows.length };
  });
  const now = await read();
  if (now) return now;
  await details.locator('tbody tr').first().waitFor();
  return read();
}

/** The numbers of a chart's table: a list of rows of texts. */
export const chartRows = async (page, title) => (await chartTable(page, title)).rows;

/** How many rows the table of a chart has, on all its pages. */
export const countRows = async (page, title) => (await chartTable(page, title)).count;

export async function until(check, what, ms = 300000) {
  const end = Date.now() + ms;
  // The longer it takes, the more seldom it is asked.
  for (let pause = 25; ; pause = Math.min(1.25 * pause, 200)) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/**
 * `read()` gives `wanted` in the end: a value, or a pattern of a text. What a page shows comes to it in several messages, so that what
 * stands in one place says nothing of another, and nothing is compared at once that was read once. The last that was read is told.
 */
export async function shows(read, wanted, what, ms) {
  let last;
  const fits = async () => {
    last = await read();
    return wanted instanceof RegExp ? wanted.test(last) : isDeepStrictEqual(last, wanted);
  };
  await until(fits, what, ms).catch((error) => {
    if (last === undefined) throw error;
  });
  if (wanted instanceof RegExp) assert.match(last, wanted, what);
  else assert.deepEqual(last, wanted, what);
}

const ROWS = 200;  // of a page of numbers

/** The page's tables must hold each point of the daemon's curve once, with its very numbers; the last page of them is looked at. */
export async function checkCurves(daemon, page, id) {
  const curve = await get(daemon, `/v1/jobs/${id}/curve`);
  const epochs = (await get(daemon, `/v1/jobs/${id}/epochs`)).data;
  const text = (v) => String(v ?? '');
  for (const [title, points, tests] of [['Loss', curve.loss, 'test_loss'], ['Accuracy', curve.accuracy, 'test_accuracy']]) {
    const wanted = curve.epoch.map((x, i) => [text(x), text(points[i]), text(epochs.find((e) => e.epoch === x)?.[tests])]);
    const last = wanted.slice(ROWS * Math.floor((wanted.length - 1) / ROWS));
    let now;
    await until(async () => {
      now = await chartTable(page, title);
      return now.count === wanted.length && JSON.stringify(now.rows) === JSON.stringify(last);
    }, `${wanted.length} points`).catch(() => {});
    assert.deepEqual(now, { rows: last, count: wanted.length });
  }
}
