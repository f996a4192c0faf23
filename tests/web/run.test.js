// A run in the browser: its curves are the daemon's, live, through reloads and restarts; what can be done with it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { chartRows, checkCurves, countRows, ended, endless, faults, figure, get, live, openPage, post, setUp, shoot, shows, startJob, statusIs, stopJob, until, visit } from './page.js';

const world = setUp();
const open = (path, options) => openPage(world.browser, `${world.daemon.url}/#${path}`, options);
const fact = (page, name) => page.locator('.facts > div').filter({ has: page.locator(`dt:text-is("${name}")`) }).locator('dd');

test('an empty list offers the chapter’s run', async () => {
  const { page, complaints, context } = await open('/');
  await page.getByText('No runs yet').waitFor();
  await page.getByRole('button', { name: 'Start the chapter’s run' }).waitFor();
  await shoot(page, 'empty');
  await page.getByRole('link', { name: 'bring pictures of your own' }).click();
  await page.getByRole('heading', { name: 'New data set' }).waitFor();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('curves grow while one looks and are the daemon’s numbers in the end', async (t) => {
  const id = await startJob(t, world.daemon, endless({ name: 'watched' }));
  const { page, complaints, context } = await open(`/runs/${id}`);
  const early = (await countRows(page, 'Loss'));
  await until(async () => (await countRows(page, 'Loss')) > early + 3, 'the curve to grow');
  assert.match(await page.title(), /^\d+ % · watched – googlenetd$/);
  await page.reload();
  await stopJob(world.daemon, id);
  await checkCurves(world.daemon, page, id);
  await page.getByText('stopped', { exact: true }).first().waitFor();
  await shoot(page, 'run');
  await page.reload();
  await checkCurves(world.daemon, page, id);
  // The two low charts share a column where there are three, so that none is left over.
  for (const [width, columns] of [[390, [0, 0, 0, 0]], [1280, [0, 1, 0, 1]], [1440, [0, 1, 2, 2]]]) {
    await page.setViewportSize({ width, height: 900 });
    await shows(() => page.locator('.two-low > .chart').evaluateAll((all) => {
      const lefts = all.map((e) => e.getBoundingClientRect().left), places = [...new Set(lefts)].sort((a, b) => a - b);
      return lefts.map((left) => places.indexOf(left));
    }), columns);
  }
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('text that the reader has selected stays selected while the run goes on, and goes on itself afterwards', async (t) => {
  const id = await startJob(t, world.daemon, endless({ name: 'selected' }));
  const { page, context } = await open(`/runs/${id}`);
  await shows(() => fact(page, 'Step').textContent(), /^[\d,]+ of [\d,]+$/);
  await fact(page, 'Step').evaluate((dd) => document.getSelection().selectAllChildren(dd));
  const selected = () => page.evaluate(() => String(document.getSelection()));
  const before = await selected();
  assert.match(before, /^[\d,]+ of [\d,]+$/);
  const loss = await fact(page, 'Train loss').textContent();
  const points = await countRows(page, 'Loss');
  await until(async () => (await fact(page, 'Train loss').textContent()) !== loss && (await countRows(page, 'Loss')) > points + 2, 'the page to go on');
  assert.equal(await selected(), before);
  await page.evaluate(() => document.getSelection().removeAllRanges());
  await until(async () => (await fact(page, 'Step').textContent()) !== before, 'the step to go on');
  await context.close();
});

test('the time that is left is right in a browser whose clock is not', async (t) => {
  const id = await startJob(t, world.daemon, endless({ name: 'clocks' }));
  const seconds = (text) => [...text.matchAll(/(\d+) (d|h|min|s)\b/g)].reduce((sum, [, n, unit]) => sum + n * { d: 86400, h: 3600, min: 60, s: 1 }[unit], 0);
  const left = async () => (Date.parse((await get(world.daemon, `/v1/jobs/${id}`)).estimated_finish_at) - Date.now()) / 1000;
  await until(async () => (await get(world.daemon, `/v1/jobs/${id}`)).estimated_finish_at, 'an estimate');
  for (const hours of [-7, 7]) {
    const { page, context } = await openPage(world.browser, 'about:blank');
    await page.clock.setFixedTime(Date.now() + hours * 3600000);
    await page.goto(`${world.daemon.url}/#/runs/${id}`);
    await until(async () => {
      const shown = seconds(await fact(page, 'Time left').textContent()), wanted = await left();
      return shown > 0.7 * wanted && shown < 1.4 * wanted;
    }, `the time left, ${hours} hours off`, 30000);
    await context.close();
  }
});

test('the star stands at the best epoch, also when that is the last', async () => {
  const id = await startJob(null, world.daemon, { name: 'stars', epochs: 6 });
  const { page, context } = await open(`/runs/${id}`);
  const star = page.getByRole('region', { name: 'Epochs' }).locator('tbody tr', { hasText: '★' });
  const best = async () => String((await get(world.daemon, `/v1/jobs/${id}`)).best?.epoch);
  await ended(world.daemon, id);
  await until(async () => (await star.count()) === 1 && (await star.locator('td').first().textContent()) === `${await best()} ★`, 'the star at the best epoch');
  await page.getByText(/Ended after all its 6 epochs/).waitFor();
  await context.close();
});

test('the reader’s zoom survives new points, is the same in all charts, and one button ends it in all', async (t) => {
  const id = await startJob(t, world.daemon, endless({ name: 'zoomed' }));
  const { page, context } = await open(`/runs/${id}`);
  await until(async () => (await countRows(page, 'Loss')) > 6, 'some points');
  const over = (title) => figure(page, title).locator('.u-over');
  const edge = async (title) => {
    // What comes meanwhile may move the chart away under the pointer.
    let text = '';
    await until(async () => {
      await over(title).scrollIntoViewIfNeeded();
      const box = await over(title).boundingBox();
      await page.mouse.move(box.x + 2, box.y + 20);
      await page.mouse.move(box.x + 1, box.y + 21);
      text = await figure(page, title).locator('.legend .at').textContent();
      return text.startsWith('epoch ');
    }, `the pointer's place in ${title}`);
    return Number(text.replace('epoch ', ''));
  };
  await over('Loss').scrollIntoViewIfNeeded();
  const box = await over('Loss').boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 50, { steps: 5 });
  await page.mouse.up();
  const left = await edge('Loss');
  assert.ok(left > 0);
  assert.equal(await edge('Learning rate'), left);
  const before = (await countRows(page, 'Loss'));
  await until(async () => (await countRows(page, 'Loss')) > before + 3, 'more points');
  assert.equal(await edge('Loss'), left, 'the left edge of the view has moved');
  await figure(page, 'Accuracy').getByRole('button', { name: 'Reset zoom' }).click();
  for (const title of ['Loss', 'Accuracy', 'Learning rate']) {
    assert.ok((await edge(title)) < left, title);
    await shows(() => figure(page, title).getByRole('button', { name: 'Reset zoom' }).isDisabled(), true);
  }
  await context.close();
});

test('stop and resume by keyboard: the focus stays; delete asks first', async (t) => {
  const id = await startJob(t, world.daemon, endless({ name: 'steered' }));
  const { page, context } = await open(`/runs/${id}`);
  await page.getByText('running', { exact: true }).first().waitFor();
  await chartRows(page, 'Loss');
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await page.getByRole('button', { name: 'Stop' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('stopped', { exact: true }).first().waitFor();
  await page.getByText('Stopped on request. It can be resumed.').waitFor();
  assert.equal(await focused(), 'Stop');
  await page.getByRole('button', { name: 'Resume' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('running', { exact: true }).first().waitFor();
  assert.equal(await focused(), 'Resume');
  await shows(() => page.getByRole('button', { name: 'Delete …' }).getAttribute('aria-disabled'), 'true');
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('stopped', { exact: true }).first().waitFor();
  await checkCurves(world.daemon, page, id);
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.keyboard.press('Escape');
  await statusIs(world.daemon, id, 'stopped');
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
  assert.equal((await fetch(`${world.daemon.url}/v1/jobs/${id}`)).status, 404);
  await context.close();
});

test('“Checkpoint now” says at once that one is being written, until it is there', async (t) => {
  const id = await startJob(t, world.daemon, endless({ name: 'checkpointed', checkpoint: { every_epochs: 0 } }));
  const { page, context } = await open(`/runs/${id}`);
  await until(async () => (await get(world.daemon, `/v1/jobs/${id}`)).progress.step > 0, 'the first step');
  await page.getByText('running', { exact: true }).first().waitFor();
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await page.route('**/checkpoint', async (route) => { await held; await route.continue(); });
  await page.getByRole('button', { name: 'Checkpoint now' }).click();
  await page.getByRole('button', { name: 'Writing a checkpoint …' }).waitFor();
  release();
  await page.getByRole('button', { name: 'Checkpoint now' }).waitFor();
  await page.getByRole('region', { name: 'Checkpoints' }).getByRole('button', { name: 'Download' }).first().waitFor();
  assert.equal((await get(world.daemon, `/v1/jobs/${id}`)).status, 'running');  // at its end one is written unasked
  await context.close();
});

test('a run that failed says why', async () => {
  const id = await startJob(null, world.daemon, { name: 'too fast', optimizer: { learning_rate: 100, momentum: 0.9 } });
  const { page, context } = await open(`/runs/${id}`);
  await page.getByText(/It failed: .*learning_rate/).waitFor();
  await shoot(page, 'failed');
  await context.close();
});

test('what has not been read yet is not told', async () => {
  const { daemon, browser } = world;
  const id = await startJob(null, daemon, { epochs: 1 });
  await ended(daemon, id);
  const { page, context } = await openPage(browser, `${daemon.url}/livez`);
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await page.route(/\/(epochs|checkpoints)(\?|$)/, (route) => held.then(() => route.continue()));
  await page.goto(`${daemon.url}/#/runs/${id}`);
  await page.getByRole('heading', { name: 'Epochs' }).waitFor();
  const sentences = page.getByText(/^(No epoch has ended|None was written)\.$/);
  assert.deepEqual(await sentences.evaluateAll((all) => all.filter((one) => one.checkVisibility()).map((one) => one.textContent)), []);
  assert.equal(await page.locator('main button:visible').evaluateAll((all) => all.filter((one) => !one.textContent && !one.ariaLabel).length), 0);
  release();
  await page.getByRole('region', { name: 'Epochs' }).getByRole('row').nth(1).waitFor();
  await context.close();
});

test('a chart by keyboard; downloads; copies', async () => {
  const id = await startJob(null, world.daemon, { name: 'files' });
  await ended(world.daemon, id);
  const { page, context } = await open(`/runs/${id}`, { permissions: ['clipboard-read', 'clipboard-write'] });
  const reset = page.getByRole('button', { name: 'Reset zoom' }).first();
  await chartRows(page, 'Loss');
  await page.locator('.plot').first().focus();
  await shows(() => reset.isDisabled(), true);
  const usable = () => page.getByRole('button', { name: 'Reset zoom' }).evaluateAll((all) => all.filter((b) => b.getAttribute('aria-disabled') !== 'true').length);
  await page.keyboard.press('+');
  await until(async () => (await usable()) === 4, 'the zoom in all charts');
  await page.keyboard.press('0');
  await until(async () => (await usable()) === 0, 'the whole view in all charts');

  const save = async (button) => {
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };
  const png = await save(page.getByRole('button', { name: 'PNG' }).first());
  assert.equal(png.name, 'Loss.png');
  assert.equal(png.bytes.subarray(1, 4).toString(), 'PNG');
  const csv = await save(page.getByRole('button', { name: 'curve .csv' }));
  assert.equal(csv.bytes.toString(), await (await fetch(`${world.daemon.url}/v1/jobs/${id}/curve`, { headers: { accept: 'text/csv' } })).text());
  const json = await save(page.getByRole('button', { name: 'epochs .json' }));
  assert.deepEqual(JSON.parse(json.bytes), await get(world.daemon, `/v1/jobs/${id}/epochs`));
  const model = await save(page.getByRole('button', { name: 'Download' }).first());
  assert.match(model.name, /\.safetensors$/);

  // What was chosen stands alone; the defaults are there for who asks.
  const names = (region) => page.getByRole('region', { name: region, exact: true }).locator('tbody td:first-child').allTextContents();
  const some = ['network', 'dataset', 'image_size', 'train_limit', 'test_limit', 'epochs', 'batch_size', 'optimizer.learning_rate', 'optimizer.momentum', 'threads'];
  await until(async () => JSON.stringify((await names('Settings')).sort()) === JSON.stringify(some.toSorted()), 'what is not the default');
  await page.getByText('Every setting, defaults filled in').click();
  const every = await names('Every setting');
  for (const name of [...some, 'optimizer.nesterov', 'environment.threads']) assert.ok(every.includes(name), name);

  // The box stays within the window, at its right edge too; Escape and a click elsewhere close it.
  const [opener, box] = [page.locator('summary', { hasText: 'Copy' }), page.locator('.popup')];
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 900 });
    await opener.click();
    await until(() => box.evaluate((b) => b.getBoundingClientRect().left >= 0 && b.getBoundingClientRect().right <= document.documentElement.clientWidth), 'the box within the window');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width}`);
    await page.getByRole('button', { name: 'Copy as curl' }).focus();
    await page.keyboard.press('Escape');
    await box.waitFor({ state: 'hidden' });
    assert.ok(await opener.evaluate((o) => o === document.activeElement));
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await opener.click();
  await box.waitFor();
  await page.getByRole('heading', { name: 'Checkpoints' }).click();
  await box.waitFor({ state: 'hidden' });

  const copied = async (name) => {
    await page.locator('summary', { hasText: 'Copy' }).evaluate((s) => { s.parentElement.open = true; });
    await page.evaluate(() => navigator.clipboard.writeText(''));
    await page.getByRole('button', { name }).click();
    return until(() => page.evaluate(() => navigator.clipboard.readText()), 'the copy');
  };
  const { settings } = await get(world.daemon, `/v1/jobs/${id}`);
  await shows(() => fact(page, 'Network').getByRole('link').getAttribute('href'), '#/network/googlenet_tiny?image_size=28');
  assert.deepEqual(JSON.parse(await copied('Copy as job file')), { name: 'files', ...settings });
  const command = await copied('Copy as curl');
  assert.match(command, /^curl -X POST .*'http:\/\/127\.0\.0\.1:\d+\/v1\/jobs'$/s);
  assert.ok(command.includes(JSON.stringify({ name: 'files', ...settings })));
  await context.close();
});

test('downloads that fail say so', async () => {
  const id = await startJob(null, world.daemon, { name: 'no files' });
  await ended(world.daemon, id);
  const { page, context } = await open(`/runs/${id}`);
  const button = page.getByRole('button', { name: 'Download' }).first();
  await button.waitFor();
  await page.route('**/content', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"detail":"the disk is gone"}' }));
  await page.route('**/curve', (route) => route.abort());
  await button.click();
  await page.getByText('The download failed: the disk is gone').waitFor();
  await page.getByRole('button', { name: 'curve .csv' }).click();
  await page.getByText(/^The download failed: \w/).first().waitFor();
  await context.close();
});

test('parent and clones lead to each other', async () => {
  const parent = await startJob(null, world.daemon, { name: 'the parent' });
  const { id: clone } = await post(world.daemon, `/v1/jobs/${parent}/clone`, { name: 'the clone' });
  await ended(world.daemon, clone);
  const { page, context } = await open(`/runs/${parent}`);
  await page.getByRole('link', { name: `${clone} the clone` }).click();
  await page.getByRole('heading', { name: 'the clone' }).waitFor();
  await page.getByRole('link', { name: `${parent} the parent` }).click();
  await page.getByRole('heading', { name: 'the parent' }).waitFor();
  await live(page);
  await context.close();
});
test('a run that started from another says so; the form of its clone shows it, and keeps it', async () => {
  const source = await startJob(null, world.daemon, { name: 'the source' });
  await ended(world.daemon, source);
  const id = await startJob(null, world.daemon, { name: 'tuned', seed: 3, init_from: { job: source } });
  const { settings: { init_from: from } } = await get(world.daemon, `/v1/jobs/${id}`);
  await ended(world.daemon, id);
  const { page, complaints, context } = await open(`/runs/${id}`);
  await page.getByText(`Started from ${source} the source, ${from.checkpoint}.`).waitFor();
  await page.getByText(/started from a trained model: (\d+) of \1 tensors taken$/).waitFor();
  await page.goto(`${world.daemon.url}/#/new?from=${id}`);
  const field = page.getByLabel('Start from', { exact: true });
  await until(async () => (await field.inputValue()) === `${source}@${from.checkpoint}`, 'the field to show the source');
  await page.getByRole('button', { name: 'Start', exact: false }).first().click();
  await page.getByText(`Started from ${source} the source, ${from.checkpoint}.`).waitFor();
  const { id: clone } = (await get(world.daemon, `/v1/jobs?parent_id=${id}`)).data[0];
  assert.deepEqual((await get(world.daemon, `/v1/jobs/${clone}`)).settings.init_from, from);
  await ended(world.daemon, clone);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a run that waits says where in the queue it is, and moves up', async (t) => {
  const first = await startJob(t, world.daemon, endless({ name: 'first' }));
  const second = await startJob(t, world.daemon, { name: 'second' });
  const third = await startJob(t, world.daemon, { name: 'third' });
  const { page, complaints, context } = await open(`/runs/${third}`);
  await page.getByText('In the queue behind 1 other run.').waitFor();
  await page.getByText('Nothing recorded yet.').first().waitFor();
  for (const name of ['PNG', 'Reset zoom']) await shows(() => page.getByRole('button', { name }).count(), 0);
  await shows(() => page.getByRole('button', { name: 'Delete …' }).getAttribute('title'), 'Stop it first');
  await shoot(page, 'queued');
  await post(world.daemon, `/v1/jobs/${second}/stop`);
  await page.getByText('Next in the queue.').waitFor();
  await stopJob(world.daemon, first);
  await page.getByText(/Ended after all its 2 epochs/).waitFor();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a run is renamed and its metadata edited; what another changed meanwhile is not overwritten', async (t) => {
  const id = await startJob(t, world.daemon, { name: 'old name', metadata: { keep: 'me', drop: 'me' } });
  await ended(world.daemon, id);
  const { page, context } = await open(`/runs/${id}`);
  await page.getByRole('button', { name: 'Edit …' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('new name');
  await page.getByLabel('Key', { exact: true }).nth(1).fill('');
  await page.getByLabel('Key', { exact: true }).nth(2).fill('added');
  await page.getByLabel('Value', { exact: true }).nth(2).fill('here');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'new name' }).waitFor();
  assert.deepEqual((await get(world.daemon, `/v1/jobs/${id}`)).metadata, { keep: 'me', added: 'here' });

  await page.getByRole('button', { name: 'Edit …' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('mine');
  await fetch(`${world.daemon.url}/v1/jobs/${id}`, { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: '{"name":"theirs"}' });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('changed elsewhere meanwhile').waitFor();
  assert.equal((await get(world.daemon, `/v1/jobs/${id}`)).name, 'theirs');
  await context.close();
});

test('a run is renamed while it goes on: its progress is no change of somebody else', async (t) => {
  const id = await startJob(t, world.daemon, endless({ name: 'goes on' }));
  const { page, complaints, context } = await open(`/runs/${id}`);
  await page.getByRole('button', { name: 'Edit …' }).click();
  const { progress: { step } } = await get(world.daemon, `/v1/jobs/${id}`);
  await page.getByRole('textbox', { name: 'Name' }).fill('renamed');
  await until(async () => (await get(world.daemon, `/v1/jobs/${id}`)).progress.step > step + 5, 'progress');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'renamed' }).waitFor();
  assert.equal((await get(world.daemon, `/v1/jobs/${id}`)).name, 'renamed');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

/** Requests of that method wait until go() is called; each is then answered by `answer`, or by the daemon. */
async function held(page, path, method, answer) {
  let go;
  const gate = new Promise((resolve) => { go = resolve; });
  const asked = [];
  await page.route(`**${path}`, async (route) => {
    if (route.request().method() !== method) return route.fallback();
    asked.push(route.request());
    await gate;
    return answer ? route.fulfill(answer) : route.continue();
  });
  return { go, asked };
}

test('a double click asks once', async (t) => {
  const id = await startJob(t, world.daemon, endless());
  await stopJob(world.daemon, id);
  const { page, complaints, context } = await open(`/runs/${id}`);
  const reads = await held(page, `/v1/jobs/${id}`, 'GET');
  await page.getByRole('button', { name: 'Edit …' }).dblclick();
  await until(() => reads.asked.length, 'the name to be asked for');
  reads.go();
  await page.getByRole('textbox', { name: 'Name' }).waitFor();
  await shows(() => page.locator('dialog').count(), 1);
  await page.keyboard.press('Escape');
  const resumes = await held(page, `/v1/jobs/${id}/resume`, 'POST');
  await page.getByRole('button', { name: 'Resume' }).dblclick();
  await until(() => resumes.asked.length, 'the run to be resumed');
  resumes.go();
  await page.locator('.badge.running').waitFor();
  assert.deepEqual([resumes.asked.length, await page.locator('.fault:visible').allTextContents()], [1, []]);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a question goes with its page, and what comes of it does not lead a reader away who has left', async (t) => {
  const ids = [await startJob(t, world.daemon, { name: 'one' }), await startJob(t, world.daemon, { name: 'two' })];
  for (const id of ids) await ended(world.daemon, id);
  const { page, complaints, context } = await open(`/runs/${ids[0]}`);
  await visit(page, world.daemon, `/runs/${ids[1]}`, 'h1:text("two")');
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.goBack();
  await page.getByRole('heading', { name: 'one' }).waitFor();
  await shows(() => page.locator('dialog').count(), 0);

  const reads = await held(page, `/v1/jobs/${ids[0]}`, 'GET');
  await page.getByRole('button', { name: 'Edit …' }).click();
  await until(() => reads.asked.length, 'the name to be asked for');
  await visit(page, world.daemon, '/system', 'h1');
  const answered = page.waitForResponse((r) => r.url().endsWith(`/v1/jobs/${ids[0]}`));
  reads.go();
  await (await answered).finished();
  await page.waitForTimeout(100);
  await shows(() => page.locator('dialog').count(), 0);

  await visit(page, world.daemon, `/runs/${ids[0]}`, 'h1:text("one")');
  const removal = await held(page, `/v1/jobs/${ids[0]}`, 'DELETE');
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.keyboard.press('Escape');
  await visit(page, world.daemon, '/system', 'h1');
  removal.go();
  await until(async () => (await fetch(`${world.daemon.url}/v1/jobs/${ids[0]}`)).status === 404, 'the run to be deleted');
  await page.waitForTimeout(100);
  assert.equal(new URL(page.url()).hash, '#/system');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('what failed after its dialog was closed is told, and what was typed is still there', async (t) => {
  const id = await startJob(t, world.daemon, { name: 'old' });
  await ended(world.daemon, id);
  const { page, context } = await open(`/runs/${id}`);
  const patch = await held(page, `/v1/jobs/${id}`, 'PATCH', { status: 507, contentType: 'application/problem+json',
    body: JSON.stringify({ type: 'about:blank', title: 'Insufficient Storage', status: 507, detail: 'the disk is full', code: 'no_space' }) });
  await page.getByRole('button', { name: 'Edit …' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('typed with care');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  patch.go();
  await page.getByText('the disk is full').waitFor();
  await shows(() => page.getByRole('textbox', { name: 'Name' }).inputValue(), 'typed with care');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await shows(() => page.locator('dialog').count(), 0);
  await context.close();
});
