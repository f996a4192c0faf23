// A daemon that wants a token: asked for once a browser, a wrong one says so, and it stands in no address and on no disk.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faults, live, openPage, post, setUp, shoot, shows, startDaemon, tiny, until } from './page.js';

const TOKEN = 'correct-horse-battery';
const READER = 'one-that-may-only-look';
const world = setUp(null, { environment: { GOOGLENETD_TOKEN: TOKEN, GOOGLENETD_READ_TOKEN: READER } });

async function enter(page, text) {
  await page.locator('#token').fill(text);
  await page.getByRole('button', { name: 'Go on' }).click();
}
const refused = (page) => page.getByText('The daemon does not take this token.');

test('a wrong token says so, Escape leaves nothing dead, the right one goes on; a new tab does not ask', async () => {
  const { daemon, browser } = world;
  const { page, complaints, context } = await openPage(browser, daemon.url);
  await page.locator('#token').waitFor();
  await shoot(page, 'token');
  await enter(page, 'wrong');
  await refused(page).waitFor();
  await page.keyboard.press('Escape');
  await enter(page, '');
  await page.getByText('Enter the token first.').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await enter(page, TOKEN);
  await page.getByText('No runs yet').waitFor();
  await live(page);
  assert.ok(await refused(page).isHidden());
  assert.ok(!page.url().includes('horse'));

  await page.reload();
  await live(page);
  const second = await context.newPage();
  const addresses = [];
  second.on('request', (request) => addresses.push(request.url()));
  await second.goto(`${daemon.url}/#/new`);
  await live(second);
  await second.getByLabel('Batch size').waitFor();
  assert.ok(await second.locator('#token').isHidden());
  for (const tab of [page, second]) {
    assert.equal(await tab.evaluate(() => localStorage.length), 0);
    assert.equal(await tab.evaluate(() => document.cookie), '');
  }
  assert.ok(!addresses.join().includes('horse'));
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('what waits in one tab goes on when another is given the token', async () => {
  const { daemon, browser } = world;
  const { page, context } = await openPage(browser, daemon.url);
  await page.locator('#token').waitFor();
  const second = await context.newPage();
  await second.goto(daemon.url);
  await second.locator('#token').waitFor();
  await enter(second, TOKEN);
  await live(second);
  await live(page);
  await context.close();
});

test('the token stays out of what is copied', async () => {
  const { daemon, browser } = world;
  const { page, context } = await openPage(browser, `${daemon.url}/#/new`, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.locator('#token').waitFor();
  await enter(page, TOKEN);
  await page.getByRole('button', { name: 'Copy as curl' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(command.includes('"Authorization: Bearer $GOOGLENETD_TOKEN"'), command);
  assert.ok(!command.includes(TOKEN));
  await context.close();
});

test('a model file is written straight to the file one chose, with the token', async () => {
  const { daemon, browser } = world;
  const headers = { Authorization: `Bearer ${TOKEN}` };
  const { id } = await post(daemon, '/v1/jobs', tiny({ epochs: 1 }), headers);
  const job = async () => (await fetch(`${daemon.url}/v1/jobs/${id}`, { headers })).json();
  await until(async () => (await job()).status === 'succeeded', 'the job to end');
  const { page, context } = await openPage(browser, `${daemon.url}/livez`);
  // The choice of a file is the browser's own window; a file of the page's private folder stands in for it.
  await page.addInitScript(() => {
    globalThis.showSaveFilePicker = async ({ suggestedName }) => {
      globalThis.chosen = await (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
      return globalThis.chosen;
    };
  });
  await page.goto(`${daemon.url}/#/runs/${id}`);
  await page.locator('#token').waitFor();
  await enter(page, TOKEN);
  await page.getByRole('button', { name: 'Download' }).first().click();
  const written = await until(() => page.evaluate(async () => {
    const file = globalThis.chosen && (await globalThis.chosen.getFile());
    return file?.size ? { name: file.name, size: file.size } : null;
  }), 'the file');
  const { data } = await (await fetch(`${daemon.url}/v1/jobs/${id}/checkpoints`, { headers })).json();
  assert.deepEqual(written, { name: `${id}-${data[0].id}.safetensors`, size: data[0].bytes });
  await context.close();
});

test('with a token that may only read, the page says so and offers nothing that would be refused', async () => {
  const { daemon, browser } = world;
  const { id } = await post(daemon, '/v1/jobs', tiny({ name: 'looked at', epochs: 1 }), { Authorization: `Bearer ${TOKEN}` });
  const { page, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  await page.locator('#token').waitFor();
  await enter(page, READER);
  await page.getByText('Live, for reading only').waitFor();
  await page.getByText('succeeded', { exact: true }).first().waitFor();
  for (const name of ['Stop', 'Resume', 'Checkpoint now', 'Edit …', 'Delete …'])
    await shows(() => page.getByRole('button', { name }).getAttribute('aria-disabled'), 'true', name);
  await context.close();
});

test('a dialog makes room for the question for another token, and is there again after it', async () => {
  const { daemon, browser } = world;
  const { id } = await post(daemon, '/v1/jobs', tiny({ name: 'old name', epochs: 1 }), { Authorization: `Bearer ${TOKEN}` });
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/runs/${id}`);
  await page.locator('#token').waitFor();
  await enter(page, TOKEN);
  await page.getByRole('button', { name: 'Edit …' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('typed with care');
  // As a daemon with another token would answer, and then one whose disk is full.
  const answers = [{ status: 401, detail: 'another token' }, { status: 507, detail: 'the disk is full' }];
  await page.route(`**/v1/jobs/${id}`, (route) => {
    const json = route.request().method() === 'PATCH' && answers.shift();
    return json ? route.fulfill({ status: json.status, contentType: 'application/problem+json', json }) : route.continue();
  });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('#token').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'token');
  await page.locator('#token').click({ timeout: 5000 });
  await enter(page, TOKEN);
  await page.getByText('the disk is full').waitFor();
  await shows(() => page.getByRole('textbox', { name: 'Name' }).inputValue(), 'typed with care');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'typed with care' }).waitFor();
  await shows(() => page.locator('dialog').count(), 0);
  // What was not sent comes back too, unless one goes to another page meanwhile.
  for (const stay of [true, false]) {
    await page.getByRole('button', { name: 'Edit …' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('half');
    let refuse = true;
    await page.route('**/v1/jobs/job_99', (route) => (refuse ? route.fulfill({ status: 401, json: { status: 401 } }) : route.continue()));
    await page.evaluate(async () => { (await import(new URL('js/api.js', location.href).href)).getJob('job_99').catch(() => {}); });
    await page.locator('#token').waitFor();
    refuse = false;
    if (!stay) await page.evaluate(() => { location.hash = '#/system'; });
    await enter(page, TOKEN);
    await page.locator('#token').waitFor({ state: 'hidden' });
    if (stay) await shows(() => page.getByRole('textbox', { name: 'Name' }).inputValue(), 'half');
    if (stay) assert.equal(await page.evaluate(() => document.activeElement.id), 'edit-name');
    await page.keyboard.press('Escape');
    await page.unroute('**/v1/jobs/job_99');
  }
  await page.getByRole('heading', { name: 'Machine' }).waitFor();
  await shows(() => page.locator('dialog').count(), 0);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a file on its way for which another token is wanted is sent again once it is there', async () => {
  const { daemon, browser } = world;
  const { page, context } = await openPage(browser, `${daemon.url}/#/upload`);
  await page.locator('#token').waitFor();
  await enter(page, TOKEN);
  await page.locator('#file').setInputFiles({ name: 'weights.safetensors', mimeType: 'application/octet-stream', buffer: Buffer.from('no weights') });
  // As a daemon with another token would answer.
  const sent = [];
  await page.route('**/versions?*', (route) => {
    sent.push(route.request().headers().authorization);
    return sent.length > 1 ? route.continue() : route.fulfill({ status: 401, contentType: 'application/problem+json', json: { status: 401, detail: 'another token' } });
  });
  await page.getByRole('button', { name: 'Upload', exact: true }).click();
  await page.locator('#token').waitFor();
  await enter(page, TOKEN);
  await page.getByText(/safetensors/).last().waitFor();
  await until(async () => sent.length === 2, 'the second time');
  assert.deepEqual(sent, Array(2).fill(`Bearer ${TOKEN}`));
  assert.ok(await page.locator('#token').isHidden());
  await context.close();
});

test('a part of an upload for which another token is wanted is not sent again before the daemon was asked', async () => {
  const { daemon, browser } = world;
  const { page, context } = await openPage(browser, `${daemon.url}/#/datasets/new`);
  await page.locator('#token').waitFor();
  await enter(page, TOKEN);
  await page.locator('#file').setInputFiles({ name: 'little.zip', mimeType: 'application/zip', buffer: Buffer.from('no pictures') });
  const sent = [];
  await page.route('**/v1/uploads/*', (route) => {
    const method = route.request().method();
    sent.push(method);
    // As a daemon with another token would answer, from the first part on until the page has asked for it.
    if (sent.length > 1 && sent.length <= 3) return route.fulfill({ status: 401, contentType: 'application/problem+json', json: { status: 401, detail: 'another token' } });
    return route.continue();
  });
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.locator('#token').waitFor();
  assert.deepEqual(sent, ['HEAD', 'PATCH', 'HEAD']);
  await enter(page, TOKEN);
  await until(async () => sent.length >= 5, 'the second time');
  assert.deepEqual(sent.slice(0, 5), ['HEAD', 'PATCH', 'HEAD', 'HEAD', 'PATCH']);
  await context.close();
});

test('what waits for a token goes on when the daemon comes back without one, or with that of the page', async (t) => {
  const { browser } = world;
  const daemon = await startDaemon({ environment: { GOOGLENETD_TOKEN: TOKEN } });
  t.after(() => daemon.end('SIGKILL'));
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/new`);
  await page.locator('#token').waitFor();
  await enter(page, TOKEN);
  await page.getByLabel('Name', { exact: true }).fill('half of a form');
  for (const back of [{ GOOGLENETD_TOKEN: TOKEN }, {}]) {
    for (const environment of [{ GOOGLENETD_TOKEN: 'quite-another-token' }, back]) {
      await daemon.end();
      daemon.environment = environment;
      await daemon.launch();
      await page.locator('#token').waitFor({ state: environment === back ? 'hidden' : 'visible' });
    }
    await live(page);
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'half of a form');
  }
  assert.deepEqual(faults(complaints), []);
  await context.close();
});
