// A run in the browser: its curves are the daemon's, live, through reloads and restarts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Daemon } from '../api/daemon.js';
import { chartRows, checkCurves, faults, get, openBrowser, openPage, post, shoot, small, until, webFolder } from './page.js';

let daemon, browser;
before(async () => {
  daemon = await Daemon.start({ args: ['--web', webFolder] });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await daemon?.end('SIGKILL');
});

const ended = (id) => until(async () => ['succeeded', 'failed', 'stopped'].includes((await get(daemon, `/v1/jobs/${id}`)).status), `${id} to end`);

test('an empty list offers the chapter’s run', async () => {
  const { page, complaints, context } = await openPage(browser, daemon.url);
  await page.getByText('No runs yet').waitFor();
  await page.getByRole('button', { name: 'Start the chapter’s run' }).waitFor();
  await shoot(page, 'empty');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('curves grow while one looks and are the daemon’s numbers in the end', async () => {
  const { id } = await post(daemon, '/v1/jobs', small({ name: 'watched', epochs: 6 }));
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  const early = (await chartRows(page, 'Loss and accuracy')).length;
  await until(async () => (await chartRows(page, 'Loss and accuracy')).length > early + 5, 'the curve to grow');
  await page.reload();
  await ended(id);
  await checkCurves(daemon, page, id);
  await page.getByText('succeeded', { exact: true }).first().waitFor();
  await shoot(page, 'run');
  await page.reload();
  await checkCurves(daemon, page, id);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('the reader’s zoom survives new points', async () => {
  const { id } = await post(daemon, '/v1/jobs', small({ name: 'zoomed', epochs: 40 }));
  const { page, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  await until(async () => (await chartRows(page, 'Loss and accuracy')).length > 8, 'some points');
  const box = await page.locator('.u-over').first().boundingBox();
  await page.mouse.move(box.x + box.width * 0.2, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 100, { steps: 5 });
  await page.mouse.up();
  const before = (await chartRows(page, 'Loss and accuracy')).length;
  const crosshair = async () => {
    await page.mouse.move(box.x + 2, box.y + 100);
    await page.mouse.move(box.x + 1, box.y + 101);
    return page.locator('.legend .at').first().textContent();
  };
  const left = await crosshair();
  await until(async () => (await chartRows(page, 'Loss and accuracy')).length > before + 5, 'more points');
  assert.equal(await crosshair(), left, 'the left edge of the view has moved');
  await page.getByRole('button', { name: 'Reset zoom' }).first().click();
  assert.notEqual(await crosshair(), left);
  await post(daemon, `/v1/jobs/${id}/stop`, {});
  await context.close();
});

test('stop and resume by click', async () => {
  const { id } = await post(daemon, '/v1/jobs', small({ name: 'clicked', epochs: 30 }));
  const { page, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  await page.getByText('running', { exact: true }).first().waitFor();
  await chartRows(page, 'Loss and accuracy');
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('stopped', { exact: true }).first().waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByText('running', { exact: true }).first().waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('stopped', { exact: true }).first().waitFor();
  await checkCurves(daemon, page, id);
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
  assert.equal((await fetch(`${daemon.url}/v1/jobs/${id}`)).status, 404);
  await context.close();
});

test('a run that failed says why', async () => {
  const { id } = await post(daemon, '/v1/jobs', small({ name: 'too fast', optimizer: { learning_rate: 100, momentum: 0.9 } }));
  await ended(id);
  const { page, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  await page.getByText(/It failed: the loss became .*a smaller learning_rate may help/).waitFor();
  await shoot(page, 'failed');
  await context.close();
});

test('the daemon dies and comes back: the page heals, no point is lost or doubled', async () => {
  const { id } = await post(daemon, '/v1/jobs', small({ name: 'survivor', epochs: 12 }));
  const { page, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  await until(async () => (await get(daemon, `/v1/jobs/${id}`)).progress.epoch >= 2, 'two epochs');
  await daemon.end('SIGKILL');
  await page.getByText('Connection lost').waitFor();
  await daemon.launch();
  await page.getByText('Live', { exact: true }).waitFor();
  await ended(id);
  await checkCurves(daemon, page, id);
  await context.close();
});
