// Trained models on the page: registered from a run, called by aliases, tried with pictures, saved, sent, deleted.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { discs } from './archive.js';
import { ALL_BUT_COLOURS, checkAccess, checkWidth, COLOURS_ALONE, ended, faults, get, openPage, post, setUp, shoot, shows, startDaemon, startJob, taught, tiny, until, visit } from './page.js';


let first, second;  // ids of jobs
const world = setUp(async ({ daemon }) => {
  first = await startJob(null, daemon, { name: 'shoes and shirts', ...taught });
  second = await startJob(null, daemon, { name: 'fewer', epochs: 1 });
  await ended(daemon, second);
});
const open = (path, options) => openPage(world.browser, `${world.daemon.url}/#${path}`, options);
const model = (name = 'shirts') => get(world.daemon, `/v1/models/${name}`);
const percent = (x) => `${(100 * x).toFixed(1)} %`;
const row = (page, version) => page.locator(`.versions tr[data-version="${version}"]`);
const fact = (page, name, within = 'main') => page.locator(`${within} .facts div`).filter({ has: page.locator(`dt:text-is("${name}")`) }).locator('dd').first();
const ranking = (page) => page.locator('.ranking li').evaluateAll((all) => all.map((li) => [li.querySelector('.line').textContent, li.querySelector('.num').textContent]));
const answered = (page, version) => page.getByText(new RegExp(`^Answered by version ${version} of shirts in [\\d.]+ ms\\.`)).waitFor();
const WIDE = { name: 'wide.png', mimeType: 'image/png', buffer: discs(3, [200, 120, 40], 60, 30) };

/** What the daemon says of a picture itself. */
async function predicted(reference, bytes) {
  const response = await fetch(`${world.daemon.url}/v1/models/${reference}/predict?explain=true`, { method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: bytes });
  return (await response.json()).predictions[0];
}
const asShown = ({ classes }) => classes.map((c) => [c.name, percent(c.probability)]);

/** A safetensors file that says nothing of itself, with a tensor of another name. */
function renamed(file, [from, to]) {
  const length = Number(file.readBigUInt64LE(0)), header = JSON.parse(file.toString('utf8', 8, 8 + length));
  delete header.__metadata__;
  assert.ok(from in header, Object.keys(header).join());
  header[to] = header[from];
  delete header[from];
  const text = Buffer.from(JSON.stringify(header).padEnd(Math.ceil(length / 8) * 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([size, text, file.subarray(8 + length)]);
}

/** The sum of all colours of the picture. */
const light = (page) => page.locator('canvas.looked').evaluate((c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce((a, b) => a + b, 0));

test('a run becomes a model from its page, and the list shows it', async () => {
  const { page, complaints, context } = await open('/models');
  await page.getByText('No models yet.').waitFor();
  await page.getByRole('link', { name: 'Runs' }).click();
  await page.getByRole('link', { name: 'shoes and shirts' }).click();
  await ended(world.daemon, first);
  await page.getByRole('button', { name: 'Register as model …' }).and(page.locator(':not([aria-disabled])')).click();
  const dialog = page.getByRole('dialog');
  // The daemon's own words, in the dialog.
  await dialog.getByLabel('Model').fill('no/name');
  await page.keyboard.press('Enter');
  await dialog.getByText(/1 to 64 letters, digits, dots/).waitFor();
  await dialog.getByLabel('Model').fill('shirts');
  await dialog.getByRole('button', { name: 'Register' }).click();
  await page.getByRole('heading', { level: 1, name: 'shirts' }).waitFor();
  await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
  const { versions: [version] } = await model();
  assert.equal(version.source.job, first);
  await shows(() => fact(page, 'Its name stands for').textContent(), 'version 1, the newest');
  // All of it, to be copied, on one line.
  await shows(() => fact(page, 'SHA-256').textContent(), version.sha256);
  const [shown, height] = await fact(page, 'SHA-256').evaluate((dd) => [dd.clientHeight, parseFloat(getComputedStyle(dd).lineHeight)]);
  assert.ok(shown < 2 * height, `${shown} pixels high`);
  await shows(() => fact(page, 'From').textContent(), `${first}, ${version.source.checkpoint}`);
  await page.locator('.card').getByRole('link', { name: first }).click();
  await page.getByText('Registered as shirts, version 1.').waitFor();
  await visit(page, world.daemon, '/models', '.runs tbody tr');
  const cells = await page.locator('.runs tbody tr').evaluate((tr) => [...tr.cells].map((c) => c.textContent));
  assert.deepEqual(cells.slice(0, 6), ['shirts', '1', '–', 'googlenet_tiny', 'fashion_mnist', '10']);
  await page.getByLabel('Search').fill('alexnet');
  await page.getByText('No model is like that.').waitFor();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('the card is the daemon’s, and an evaluation comes to it while one looks', async () => {
  const { page, complaints, context } = await open('/models/shirts');
  await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
  const asked = await post(world.daemon, '/v1/evaluations', { model: 'shirts@1', limit: 150 });
  await until(async () => (await page.locator('.card').textContent()).includes(`${asked.id}, on 150 test examples`), 'the evaluation');
  const card = await get(world.daemon, '/v1/models/shirts/versions/1/card');
  await shows(() => fact(page, 'Accuracy', '.card').textContent(), percent(card.evaluation.accuracy));
  await shows(() => fact(page, 'Macro F1', '.card').textContent(), percent(card.evaluation.macro_f1));
  await shows(() => fact(page, 'Validation accuracy', '.card').textContent(), percent(card.metrics.validation_accuracy));
  await shows(() => page.locator('.limits li').allTextContents(), card.limits);
  await until(async () => (await row(page, 1).locator('td').allTextContents()).includes(percent(card.evaluation.calibration_error)), 'the figures of the version');
  await shows(async () => (await row(page, 1).locator('td').allTextContents()).includes(percent(card.evaluation.accuracy)), true);
  await page.locator('summary', { hasText: 'Settings' }).click();
  await page.getByRole('cell', { name: 'optimizer.learning_rate' }).waitFor();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a version is evaluated from its card, and what it gets wrong is shown', async () => {
  const { page, complaints, context } = await open('/models/shirts?version=1');
  await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
  const before = (await get(world.daemon, '/v1/evaluations?limit=1')).last_id;
  // A busy machine would take long for ten thousand.
  let sent;
  await page.route('**/v1/evaluations', async (route) => {
    sent = route.request().postDataJSON();
    await route.continue({ postData: JSON.stringify({ ...sent, limit: 250 }) });
  });
  await page.locator('.card').getByRole('button', { name: 'Evaluate …' }).click();
  const dialog = page.getByRole('dialog');
  await shows(() => dialog.getByLabel('Data set').inputValue(), 'fashion_mnist');
  await dialog.getByRole('button', { name: 'Evaluate', exact: true }).click();
  const evaluation = await until(async () => {
    const { data: [newest] } = await get(world.daemon, '/v1/evaluations?limit=1');
    return newest.id !== before && newest.status === 'succeeded' && newest;
  }, 'the evaluation');
  await page.locator('.evaluation .mistakes li').first().waitFor();
  assert.deepEqual(sent, { model: 'shirts@1', dataset: 'fashion_mnist', split: 'test', test_time_flips: false });
  await until(async () => (await fact(page, 'Mistakes', '.evaluation').textContent()) === `${evaluation.mistakes} of 250`, 'its figures');
  await page.getByText(new RegExp(`^Version 1 on the test examples of fashion_mnist, computed in `)).waitFor();
  await until(async () => (await page.locator('.card').textContent()).includes(`${evaluation.id}, on 250 test examples`), 'the card to show it');
  await shoot(page, 'model-evaluation', true);
  // With test-time flips it is named so, and the card stays.
  await page.locator('.card').getByRole('button', { name: 'Evaluate …' }).click();
  await dialog.getByLabel('With test-time flips').check();
  assert.ok(await dialog.evaluate((element) => element.scrollWidth <= element.clientWidth), 'the dialog is too narrow for its content');
  await dialog.getByRole('button', { name: 'Evaluate', exact: true }).click();
  await page.getByText(/^Version 1 on the test examples of fashion_mnist, with test-time flips, computed in /).waitFor();
  assert.equal(sent.test_time_flips, true);
  assert.equal((await get(world.daemon, '/v1/models/shirts/versions/1')).evaluation.id, evaluation.id);
  await shows(() => page.locator('.card').textContent(), new RegExp(`${evaluation.id}, on 250 test examples`));
  // What is shown there is of the version that is looked at.
  const made = await post(world.daemon, '/v1/models', { name: 'bare', job: first, checkpoint: 'latest' });
  await visit(page, world.daemon, `/models/${made.model}`, '.card .facts dd');
  await page.locator('.wrong > summary').click();
  await page.locator('.evaluation').getByText(made.evaluation ? /^Version 1 on/ : 'It has not been evaluated.').waitFor();
  await fetch(`${world.daemon.url}/v1/models/bare`, { method: 'DELETE' });
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('the evaluations of its versions are listed, live, and lead to what each found', async () => {
  const { page, complaints, context } = await open('/models/shirts');
  const listed = page.locator('.evaluations tbody tr'), cell = (id, title) => page.locator(`.evaluations tr[data-id="${id}"] [data-label="${title}"]`);
  await listed.first().waitFor();
  const found = (await get(world.daemon, '/v1/evaluations?model=shirts&limit=1000')).data, { versions } = await model();
  // The evaluation at the end of the training is that of the version made of it.
  const atEnd = (await get(world.daemon, `/v1/jobs/${first}`)).evaluation_id;
  assert.ok(found.length >= 3 && found.some((e) => e.test_time_flips), 'there are some of each kind');
  const ids = [...new Set([...found.map((e) => e.id), ...versions.map((v) => v.evaluation?.id)])].filter(Boolean).sort((a, b) => b.slice(5) - a.slice(5));
  await until(async () => (await listed.count()) === ids.length, 'all of them');
  assert.deepEqual(await listed.evaluateAll((rows) => rows.map((r) => r.dataset.id)), ids);
  for (const e of found) {
    await shows(() => cell(e.id, 'Accuracy').textContent(), percent(e.accuracy));
    await shows(() => cell(e.id, 'Version').textContent(), String(e.model.version));
    await shows(() => cell(e.id, 'Examples').textContent(), `${e.examples} test`);
    await shows(() => cell(e.id, 'Flips').textContent(), e.test_time_flips ? 'with flips' : 'without');
    await shows(() => cell(e.id, 'Ended').textContent(), /[^–]/);
  }
  // One that is asked for elsewhere comes by itself, and its figures when it ends.
  const asked = await post(world.daemon, '/v1/evaluations', { model: 'shirts@1', limit: 100, split: 'train' });
  await cell(asked.id, 'Accuracy').getByText('%', { exact: false }).waitFor();
  await until(async () => /^[\d.]+ %$/.test(await cell(asked.id, 'Accuracy').textContent()), 'its end');
  await shows(() => cell(asked.id, 'Accuracy').textContent(), percent((await get(world.daemon, `/v1/evaluations/${asked.id}`)).accuracy));
  await shows(() => listed.first().getAttribute('data-id'), asked.id);
  await shoot(page, 'model-evaluations', true);
  await page.getByRole('link', { name: asked.id, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: `Evaluation ${asked.id}` }).waitFor();
  await page.locator('.evaluation .mistakes li').first().waitFor();
  await shows(() => fact(page, 'Of').textContent(), 'shirts, version 1');
  await shows(() => fact(page, 'Split').textContent(), 'train');
  // That of a training has its run for a source.
  await visit(page, world.daemon, `/evaluations/${atEnd}`, '.evaluation .mistakes li');
  await shows(() => fact(page, 'Of').textContent(), new RegExp(`^${first}, step_`));
  await visit(page, world.daemon, `/evaluations/${asked.id}`, '.evaluation .mistakes li');
  await shoot(page, 'evaluation-page', true);
  // It is given a name and a note, and found by them.
  await page.getByRole('button', { name: 'Edit …' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('on what it saw');
  await page.getByLabel('Key', { exact: true }).fill('why');
  await page.getByLabel('Value', { exact: true }).first().fill('to compare');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { level: 1, name: 'on what it saw' }).waitFor();
  await page.getByText(/^\u2068why\u2069: \u2068to compare\u2069$/).waitFor();
  await visit(page, world.daemon, '/models/shirts', '.evaluations tbody tr');
  await page.getByRole('button', { name: 'Edit …' }).click();
  await page.getByLabel('Key', { exact: true }).fill('owner');
  await page.getByLabel('Value', { exact: true }).first().fill('Ada');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText(/^\u2068owner\u2069: \u2068Ada\u2069$/).waitFor();
  assert.deepEqual((await model()).metadata, { owner: 'Ada' });
  await page.getByRole('link', { name: 'on what it saw' }).click();
  await page.getByRole('heading', { level: 1, name: 'on what it saw' }).waitFor();
  await page.getByRole('button', { name: `Delete … ${asked.id}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'shirts' }).waitFor();
  await until(async () => (await listed.count()) === ids.length, 'it to be gone');
  assert.equal((await fetch(`${world.daemon.url}/v1/evaluations/${asked.id}`)).status, 404);
  await visit(page, world.daemon, '/evaluations/eval_99999', 'h1:text("There is no evaluation")');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('aliases are set, moved and taken away; versions come and go while one looks', async () => {
  const { page, complaints, context } = await open('/models/shirts');
  await row(page, 1).waitFor();
  await post(world.daemon, '/v1/models', { name: 'shirts', job: second });
  await row(page, 2).waitFor();
  const dialog = page.getByRole('dialog');
  const point = async (version, alias) => {
    await row(page, version).getByRole('button', { name: `An alias for version ${version}` }).click();
    await dialog.getByLabel('Alias').fill(alias);
  };
  await point(1, '12');
  await dialog.getByRole('button', { name: 'Point it here' }).click();
  await dialog.getByText(/not by digits alone/).waitFor();
  await dialog.getByLabel('Alias').fill('production');
  await dialog.getByText('The bare name of a model stands for its production version.').waitFor();
  await page.keyboard.press('Enter');
  await row(page, 1).locator('.alias', { hasText: 'production' }).waitFor();
  await until(async () => (await fact(page, 'Its name stands for').textContent()) === 'version 1, production', 'what the name stands for');
  assert.deepEqual((await model()).aliases, { production: 1 });
  // A version that is pointed at stays.
  await row(page, 1).getByRole('button', { name: 'Delete version 1' }).click();
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await dialog.getByText(/the alias production points at it/).waitFor();
  await page.keyboard.press('Escape');
  await point(2, 'production');
  await dialog.getByText('It points at version 1 now, and will at version 2.').waitFor();
  await dialog.getByRole('button', { name: 'Point it here' }).click();
  await row(page, 2).locator('.alias', { hasText: 'production' }).waitFor();
  await shows(() => row(page, 1).locator('.alias').count(), 0);
  await shoot(page, 'model-aliases', true);
  await row(page, 2).getByRole('button', { name: 'Take the alias production away' }).click();
  await row(page, 2).locator('.alias').waitFor({ state: 'detached' });
  assert.deepEqual((await model()).aliases, {});
  await post(world.daemon, '/v1/models', { name: 'shirts', job: second });
  await row(page, 3).getByRole('button', { name: 'Delete version 3' }).click();
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await row(page, 3).waitFor({ state: 'detached' });
  assert.deepEqual((await model()).versions.map((v) => v.version), [2, 1]);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a picture is tried: its classes, the version that answered, and where it looked', async () => {
  const { page, complaints, context } = await open('/models/shirts?version=1');
  await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
  const choose = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose a picture …' }).click();
  await (await choose).setFiles(WIDE);
  await answered(page, 1);
  assert.deepEqual(await ranking(page), asShown(await predicted('shirts@1', WIDE.buffer)));
  await page.getByText('The network saw the middle; what is darker was cut off.').waitFor();
  await shows(() => page.locator('canvas.looked').getAttribute('aria-label'), /the network looked most at its (upper |lower )?(left|middle|right)$/);
  // The slider lays the map over the picture, or takes it away; beside what was seen there is none of it.
  const corner = () => page.locator('canvas.looked').evaluate((c) => [...c.getContext('2d').getImageData(2, 2, 1, 1).data]);
  const sized = await page.locator('canvas.looked').evaluate((c) => c.width / c.height);
  assert.equal(sized, 2);
  const slider = page.getByLabel('Where it looked'), outside = await corner();
  await slider.fill('0');
  const bare = await light(page);
  await slider.fill('1');
  assert.notEqual(await light(page), bare);
  assert.deepEqual(await corner(), outside);
  await slider.fill('0.6');
  await page.locator('.try').scrollIntoViewIfNeeded();
  await shoot(page, 'model-try', true);
  // Another version answers for the same picture.
  await page.getByLabel('Version', { exact: true }).selectOption('2');
  await answered(page, 2);
  assert.deepEqual(await ranking(page), asShown(await predicted('shirts@2', WIDE.buffer)));
  assert.ok(page.url().endsWith('?version=2'));
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('JPEG and WebP, dropped and pasted; a picture of the data set', async () => {
  const { page, complaints, context } = await open('/models/shirts?version=1');
  await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
  const file = page.locator('.answer .file');
  for (const [how, type, name] of [['drop', 'image/jpeg', 'dropped.jpg'], ['paste', 'image/webp', 'pasted.webp']]) {
    // The browser makes the picture, and hands it over as a reader would.
    const bytes = await page.evaluate(async ([event, mime, called]) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 50, height: 70 }), ctx = canvas.getContext('2d');
      ctx.fillStyle = '#cde';
      ctx.fillRect(0, 0, 50, 70);
      ctx.fillStyle = '#431';
      ctx.fillRect(10, 15, 30, 40);
      const blob = await new Promise((resolve) => { canvas.toBlob(resolve, mime, 0.9); });
      const data = new DataTransfer();
      data.items.add(new File([blob], called, { type: mime }));
      const at = event === 'drop' ? document.querySelector('.try .drop') : document.body;
      at.dispatchEvent(event === 'drop' ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
        : new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
      return [...new Uint8Array(await blob.arrayBuffer())];
    }, [how, type, name]);
    await until(async () => (await file.textContent()) === name, `${name} to be answered`);
    await until(async () => JSON.stringify(await ranking(page)) === JSON.stringify(asShown(await predicted('shirts@1', Buffer.from(bytes)))), 'its classes');
  }
  await page.getByRole('button', { name: 'A test picture of its data set' }).click();
  await page.getByText(/It is known to be [A-Z]/).waitFor();
  const names = (await get(world.daemon, '/v1/models/shirts/versions/1')).classes;
  const [, known] = /known to be (.*)\.$/.exec(await page.locator('.answer [role=status]').textContent());
  assert.ok(names.includes(known), known);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('what is no picture is told in the daemon’s words, and the page goes on', async () => {
  const { page, complaints, context } = await open('/models/shirts?version=1');
  await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
  const give = (name, buffer) => page.locator('#picture').setInputFiles({ name, mimeType: 'image/png', buffer });
  const fault = page.locator('.try .fault');
  for (const [name, buffer, code] of [['words.png', Buffer.from('no picture at all'), 'picture_unknown'], ['cut.png', WIDE.buffer.subarray(0, 300), 'picture_truncated'], ['nothing.png', Buffer.alloc(0), null]]) {
    const response = buffer.length && await fetch(`${world.daemon.url}/v1/models/shirts/predict`, { method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: buffer });
    const problem = response ? await response.json() : { detail: '', code };
    assert.equal(problem.code, code);
    await give(name, buffer);
    await until(async () => (await fault.textContent()).startsWith(`${name}: ${problem.detail}`), `what is wrong with ${name}`);
    await shows(async () => (await fault.textContent()).length > name.length + 10, true);
    assert.ok(await page.locator('.answer').isHidden());
  }
  // From the disk, as a reader's would come; as a buffer it would go through the browser's debugger.
  const large = join(world.daemon.data, 'large.png');
  writeFileSync(large, Buffer.alloc(20e6, 7));
  await page.locator('#picture').setInputFiles(large);
  await until(async () => (await fault.textContent()).startsWith('large.png: '), 'what is wrong with a large one');
  await shoot(page, 'model-bad-picture');
  await give('good.png', WIDE.buffer);
  await answered(page, 1);
  await shows(() => fault.textContent(), '');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a network that cannot say where it looked still answers', async () => {
  const { page, complaints, context } = await openPage(world.browser, `${world.daemon.url}/livez`);
  const asked = [];
  await page.route('**/predict?*', async (route) => {
    asked.push(new URL(route.request().url()).searchParams.get('explain'));
    if (asked.at(-1) === 'true') await route.fulfill({ status: 422, contentType: 'application/problem+json', json: { title: 'x', status: 422, code: 'not_explainable', detail: 'it does not end so' } });
    else await route.continue();
  });
  await page.goto(`${world.daemon.url}/#/models/shirts?version=1`);
  await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
  await page.locator('#picture').setInputFiles(WIDE);
  await page.getByText('This network cannot say where it looks').waitFor();
  await answered(page, 1);
  assert.ok(await page.getByLabel('Where it looked').isHidden());
  await page.locator('#picture').setInputFiles({ ...WIDE, name: 'again.png' });
  await until(async () => (await page.locator('.answer .file').textContent()) === 'again.png', 'the second answer');
  assert.deepEqual(asked, ['true', null, null]);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('its files are saved, and come back as a model of another name', async () => {
  const { page, complaints, context } = await open('/models/shirts?version=1');
  await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
  const save = async (name) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
    return [download.suggestedFilename(), readFileSync(await download.path())];
  };
  const { versions } = await model();
  const [name, weights] = await save('Weights (safetensors)');
  assert.equal(name, 'shirts-1.safetensors');
  assert.equal(createHash('sha256').update(weights).digest('hex'), versions.find((v) => v.version === 1).sha256);
  const [markdown, text] = await save('Card (Markdown)');
  assert.equal(markdown, 'shirts-1.md');
  assert.match(String(text), /^# shirts, version 1/);
  await page.getByText('ONNX', { exact: true }).click();
  const [onnx, bytes] = await save('Save as ONNX');
  assert.equal(onnx, 'shirts-1.onnx');
  assert.ok(bytes.includes('googlenetd_model'));

  await page.getByRole('link', { name: 'Upload a version' }).click();
  await shows(() => page.getByLabel('Model', { exact: true }).inputValue(), 'shirts');
  await visit(page, world.daemon, '/models', 'h1');
  await page.getByRole('link', { name: 'Upload weights' }).click();
  const upload = page.getByRole('button', { name: 'Upload', exact: true });
  await upload.click();
  await page.getByText('Choose a file first.').waitFor();
  const choose = (buffer) => page.locator('#file').setInputFiles({ name: 'foreign weights.safetensors', mimeType: 'application/octet-stream', buffer });
  await choose(renamed(weights, ['3.weight', '3.wait']));
  await shows(() => page.getByLabel('Model', { exact: true }).inputValue(), 'foreign-weights');
  await page.getByLabel('Network').selectOption('googlenet_tiny');
  await upload.click();
  await until(async () => (await page.locator('#file-fault li').allTextContents()).some((text) => text === 'there is no tensor 3.weight'), 'the fault of the tensor');
  await shows(async () => (await page.locator('#file-fault li').allTextContents()).some((text) => text.includes('3.wait')), true);
  await shoot(page, 'model-upload-faults');
  await choose(weights);
  await page.getByLabel('Network').selectOption('nin');
  await upload.click();
  await page.getByText('the file is of the network googlenet_tiny, not nin').waitFor();
  await shows(() => page.locator('#file-fault li').count(), 0);
  await page.getByLabel('Network').selectOption('');
  await page.getByLabel('Class names').fill('a, b, c');
  await upload.click();
  await until(async () => (await page.locator('.field[data-path=class_names] .fault').textContent()).includes('must be 10 names'), 'the fault of the names');
  await page.getByLabel('Class names').fill('a,b,c,d,e,f,g,h,i,"j"');
  await upload.click();
  await page.getByRole('heading', { level: 1, name: 'foreign-weights' }).waitFor();
  await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
  await shows(() => fact(page, 'From').textContent(), 'an upload');
  assert.deepEqual((await get(world.daemon, '/v1/models/foreign-weights/versions/1')).classes.at(-1), '"j"');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a training starts from a version', async () => {
  const { page, context } = await open('/models/shirts?version=1');
  // On its own pictures, which may not be those that a new run begins with.
  await until(async () => (await page.getByRole('link', { name: 'Train from this' }).getAttribute('href')).endsWith('&dataset=fashion_mnist'), 'its data set');
  await page.getByRole('link', { name: 'Train from this' }).click();
  await page.getByLabel('Batch size').waitFor();
  await shows(() => page.getByLabel('Data set').inputValue(), 'fashion_mnist');
  const from = page.getByPlaceholder('shirts@3 or job_7@best');
  await shows(() => from.inputValue(), 'shirts@1');
  assert.ok((await from.evaluate((input) => [...input.list.options].map((o) => o.value))).includes('shirts@1'));
  await shows(() => page.getByLabel('Network', { exact: true }).inputValue(), 'googlenet_tiny');
  await context.close();
});

test('models pass axe and fit, light and dark, on a phone and a desk', async () => {
  const { page, complaints, context } = await openPage(world.browser, world.daemon.url, { bypassCSP: true });
  const pages = { models: ['/models', '.runs tbody tr'], model: ['/models/shirts?version=1', '.card .facts dd'], upload: ['/upload', '.field'] };
  for (const [name, [path, sign]] of Object.entries(pages)) {
    await visit(page, world.daemon, path, sign);
    if (name === 'model') {
      await page.locator('#picture').setInputFiles(WIDE);
      await answered(page, 1);
    }
    // A wall gives room alone.
    for (const [scheme, width, rules] of [['light', 1280, {}], ['dark', 1280, COLOURS_ALONE], ['dark', 360, ALL_BUT_COLOURS], ['light', 3840, null]]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
      await checkWidth(page, `${path} ${scheme} ${width}`);
      if (rules) await checkAccess(page, `${path} ${scheme} ${width}`, rules);
      await shoot(page, `${name}-${scheme}-${width}`, true);
    }
  }
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('by keyboard alone: from the list to an answer', async () => {
  const { page, context } = await open('/models');
  await page.getByRole('link', { name: 'shirts', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'shirts' }).waitFor();
  await page.getByRole('heading', { name: 'Card of version' }).waitFor();
  await row(page, 1).getByRole('button', { name: /^Version 1/ }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
  await page.getByRole('button', { name: 'A test picture of its data set' }).focus();
  await page.keyboard.press('Enter');
  await answered(page, 1);
  const slider = page.getByLabel('Where it looked');
  await slider.focus();
  const before = await slider.inputValue();
  await page.keyboard.press('ArrowRight');
  await shows(async () => (await slider.inputValue()) !== before, true);
  await context.close();
});

test('who may only read is offered what reads, and tries pictures', async () => {
  const writer = { Authorization: 'Bearer writes' };
  const daemon = await startDaemon({ environment: { GOOGLENETD_TOKEN: 'writes', GOOGLENETD_READ_TOKEN: 'reads' } });
  try {
    const { id } = await post(daemon, '/v1/jobs', tiny({ epochs: 1 }), writer);
    await until(async () => (await get(daemon, `/v1/jobs/${id}`, writer)).status === 'succeeded', 'the training');
    await post(daemon, '/v1/models', { name: 'kept', job: id }, writer);
    const { page, complaints, context } = await openPage(world.browser, `${daemon.url}/#/models/kept`);
    await page.locator('#token').fill('reads');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('Live, for reading only').waitFor();
    await page.getByRole('heading', { name: 'Card of version 1' }).waitFor();
    for (const name of ['Delete …', 'An alias for version 1', 'Delete version 1', 'Evaluate …'])
      await shows(() => page.getByRole('button', { name, exact: true }).getAttribute('aria-disabled'), 'true', name);
    await page.getByRole('button', { name: 'A test picture of its data set' }).click();
    await page.getByText(/^Answered by version 1 of kept in/).waitFor();
    await visit(page, daemon, `/runs/${id}`, '.facts dd');
    await shows(() => page.getByRole('button', { name: 'Register as model …' }).getAttribute('aria-disabled'), 'true');
    await visit(page, daemon, '/upload', '.field');
    await shows(() => page.getByRole('button', { name: 'Upload', exact: true }).getAttribute('aria-disabled'), 'true');
    assert.deepEqual(faults(complaints), []);
    await context.close();
  } finally {
    await daemon.end('SIGKILL');
  }
});

test('a model is deleted after a question; who looks at it hears of it', async () => {
  const { page, complaints, context } = await open('/models/shirts');
  await row(page, 1).waitFor();
  const other = await context.newPage();
  await other.goto(`${world.daemon.url}/#/models/shirts`);
  await row(other, 1).waitFor();
  await page.bringToFront();
  await page.getByRole('button', { name: 'Delete …', exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/2 versions with their files go/).waitFor();
  await dialog.getByRole('button', { name: 'Keep it' }).click();
  assert.equal((await model()).versions.length, 2);
  await page.getByRole('button', { name: 'Delete …', exact: true }).first().click();
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Models' }).waitFor();
  await until(async () => (await page.getByRole('link', { name: 'shirts', exact: true }).count()) === 0, 'it to be gone');
  await other.bringToFront();
  await other.getByRole('heading', { name: 'There is no model shirts' }).waitFor();
  assert.equal((await fetch(`${world.daemon.url}/v1/models/shirts`)).status, 404);
  assert.deepEqual(faults(complaints), []);
  await context.close();
});
