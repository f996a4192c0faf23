// The other pages: the form and its faults, comparing, the network, the token, and access for all.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { Daemon } from '../api/daemon.js';
import { faults, get, openBrowser, openPage, post, shoot, small, until, webFolder } from './page.js';

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
  await page.getByLabel('Model').selectOption('googlenet_tiny');
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
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByRole('heading', { name: 'cloned' }).waitFor();
  const made = (await get(daemon, '/v1/jobs')).data.find((j) => j.name === 'cloned');
  assert.equal(made.train_limit, 1500);
  assert.equal(made.epochs, 1);
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
    await page.locator('#token').fill('wrong');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.locator('#token').fill('correct-horse-battery');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('No runs yet').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    assert.ok(!page.url().includes('horse'));
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    await context.close();
  } finally {
    await guarded.end('SIGKILL');
  }
});

test('every page passes axe, light and dark, wide and narrow', async () => {
  const paths = ['/', `/runs/${ids[0]}`, '/new', `/compare?runs=${ids.join()}`, '/network/googlenet'];
  for (const [colorScheme, width] of [['light', 1280], ['dark', 360]]) {
    const { page, context } = await openPage(browser, daemon.url, { colorScheme, viewport: { width, height: 800 }, bypassCSP: true });
    for (const path of paths) {
      await page.goto(`${daemon.url}/#${path}`);
      await page.waitForTimeout(1200);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
      const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
      assert.deepEqual(serious.map((v) => `${path} ${colorScheme}: ${v.id} ${v.nodes.map((n) => n.html).slice(0, 3)}`), []);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${path} is ${wide} pixels too wide at ${width}`);
    }
    await shoot(page, `network-${colorScheme}-${width}`);
    await context.close();
  }
});

test('the first paint takes less than 200 kB', async () => {
  const { page, context } = await openPage(browser, daemon.url);
  await page.getByRole('heading', { name: 'Runs' }).waitFor();
  const sizes = await page.evaluate(() => performance.getEntriesByType('resource').filter((e) => !e.name.includes('/v1/')).map((e) => e.encodedBodySize));
  const total = sizes.reduce((a, b) => a + b, 0);
  assert.ok(total > 50000 && total < 200000, `${total} bytes`);
  await context.close();
});
