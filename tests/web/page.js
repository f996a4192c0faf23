// A Chromium page on the real daemon, with every complaint of the browser collected.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
export const webFolder = join(root, 'web');
const shots = process.env.SCREENSHOTS ?? join(root, 'build/screenshots');

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
  '--disable-component-update', '--no-first-run'];

export const openBrowser = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });

/** A page, and `complaints`: console errors and breaches of the Content-Security-Policy. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.setDefaultTimeout(30000);
  await page.goto(url);
  return { page, complaints, context };
}

/** An answer that tells of an error is news to the console, not a fault of the page. */
export const faults = (complaints) => complaints.filter((c) => !c.startsWith('Failed to load resource'));

export async function shoot(page, name) {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}

export async function post(daemon, path, body, headers = {}) {
  const response = await fetch(daemon.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  return response.json();
}

export const get = async (daemon, path, headers = {}) => (await fetch(daemon.url + path, { headers })).json();

/** A job of real data that takes seconds. */
export const small = (more = {}) => ({
  network: 'googlenet_tiny', train_limit: 1500, test_limit: 200, batch_size: 32, epochs: 3, threads: 1,
  optimizer: { learning_rate: 0.05, momentum: 0.9 }, ...more,
});

/** The numbers of a chart's table: a list of rows of texts. */
export async function chartRows(page, title) {
  const figure = page.locator('figure', { hasText: title }).first();
  await figure.locator('details').evaluate((d) => { d.open = true; });
  await figure.locator('details tbody tr').first().waitFor();
  return figure.locator('details tbody tr').evaluateAll((rows) => rows.map((r) => [...r.cells].map((c) => c.textContent)));
}

export async function until(check, what, ms = 60000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** The page's table must hold each point of the daemon's curve once, with its very numbers. */
export async function checkCurves(daemon, page, id) {
  const curve = await get(daemon, `/v1/jobs/${id}/curve`);
  const epochs = (await get(daemon, `/v1/jobs/${id}/epochs`)).data;
  const rows = await until(async () => {
    const now = await chartRows(page, 'Loss and accuracy');
    return now.length === curve.step.length && now.filter((r) => r[3] !== '').length === epochs.length && now;
  }, `${curve.step.length} points and ${epochs.length} epochs`);
  rows.forEach(([epoch, loss, accuracy], i) => {
    assert.equal(Number(epoch), curve.epoch[i]);
    assert.equal(Number(loss), curve.loss[i]);
    assert.equal(Number(accuracy), curve.accuracy[i]);
  });
  const tests = rows.filter((r) => r[3] !== '').map((r) => Number(r[3]));
  assert.deepEqual(tests, epochs.map((e) => e.test_accuracy));
}
