// Data sets on the page: a zip sent through a line that breaks, what is shown of it, a training on it, and its end.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { discs, zip } from './archive.js';
import { Cutter } from './cutter.js';
import { ALL_BUT_COLOURS, checkAccess, checkWidth, COLOURS_ALONE, faults, get, live, openBrowser, openPage, post, setUp, shoot, shows, startDaemon, stopJob, unfold, until, visit } from './page.js';

const MIB = 1 << 20;
const HTML = '<img src=x onerror=alert(1)> & "co"';
const LONG = 'w'.repeat(128);

const folder = mkdtempSync(join(tmpdir(), 'googlenetd-sets-'));
const imports = join(folder, 'imports');
mkdirSync(join(imports, 'many'), { recursive: true });
after(() => rmSync(folder, { recursive: true }));
const world = setUp(null, { args: ['--imports', imports, '--web', new URL('../../web', import.meta.url).pathname] });

const COLOURS = { amber: [250, 170, 40], [HTML]: [70, 130, 250], [LONG.slice(1)]: [90, 200, 110] };
const shirtFiles = Object.entries(COLOURS).flatMap(([name, colour], c) =>
  Array.from({ length: c ? 15 : 60 }, (_, i) => [`${name}/${i}.png`, discs(100 * c + i, colour, 60, 40 + (i % 3) * 10)]));
/** Three classes, 4:1:1; two pairs of equal pictures, one of them of two classes, files of many faults, and what makes it large. */
function shirts(large = 0) {
  const files = [...shirtFiles];
  const [path, same] = files[3];
  assert.ok(path.startsWith('amber'));
  files.push(['amber/again.png', same], [`${HTML}/amber.png`, files[5][1]], ['amber/cut.png', files[0][1].subarray(0, 200)], ['amber/empty.png', Buffer.alloc(0)],
    ['amber/<b>bold</b>.png', Buffer.from('no picture')], ['__MACOSX/amber/._1.png', Buffer.from('x')], ['amber/flat.png', discs(1, [0, 0, 0])]);
  if (large) files.push(['amber/large.png', randomBytes(large)]);
  return zip(files);
}

function write(name, bytes) {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const setIs = (daemon, id, ...statuses) => until(async () => {
  const set = await get(daemon, `/v1/datasets/${id}`);
  return statuses.includes(set.status) && set;
}, `${id} to be ${statuses}`);
const fact = (page, name) => page.locator('.facts div').filter({ has: page.locator(`dt:text-is("${name}")`) }).locator('dd');
const section = (page, title) => page.locator('section').filter({ has: page.locator(`> h2:text-is("${title}")`) });
const shownPictures = (within) => within.locator('canvas[data-state=shown]');
/** A set's own page says so; the list, which may still be there, says it of others as well. */
const readyAlone = (page) => page.locator('main[data-path^="/datasets/set_"]').getByText('ready', { exact: true }).waitFor();
const start = (page) => page.getByRole('button', { name: 'Import', exact: true });

/** Whether all pixels of a canvas are of one colour. */
const isBlank = (canvas) => canvas.evaluate((c) => {
  const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
  return new Uint32Array(data.buffer).every((v, _, all) => v === all[0]);
});

let id;  // of the set that the first test makes

// What the uploads of these two meet, they meet in the browser that people have.
let whole;
after(() => whole?.close());
const inWholeBrowser = (name, body) => test(name, async () => {
  whole ??= await openBrowser(process.env.CHROMIUM_WHOLE);
  await body(whole);
});

// The upload that there is, once nobody writes to it any more: who would go on where it does not stand is told that then.
async function stoodStill(daemon) {
  const only = async () => (await get(daemon, '/v1/uploads')).data[0];
  const elsewhere = { method: 'PATCH', headers: { 'Tus-Resumable': '1.0.0', 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(2 ** 40) } };
  const { id } = await only();
  await until(async () => (await fetch(`${daemon.url}/v1/uploads/${id}`, elsewhere)).status === 409, 'it to stand still');
  return only();
}

inWholeBrowser('a zip goes through a line that breaks, is imported, and shows all that is in it', async (browser) => {
  const { daemon } = world;
  const cutter = await Cutter.start(daemon);
  const { page, complaints, context } = await openPage(browser, `${cutter.url}/#/datasets`);
  await page.getByText('These came with the program.').waitFor();
  await page.getByRole('link', { name: 'New data set' }).click();
  const bytes = shirts(6 * MIB);
  await page.locator('#file').setInputFiles(write('shirts of mine.zip', bytes));
  await shows(() => page.getByLabel('Name', { exact: true }).inputValue(), 'shirts of mine');
  // What the form proposes is what the daemon takes where nothing is said.
  const plain = await post(daemon, '/v1/datasets', { name: 'plain' });
  await fetch(`${daemon.url}/v1/datasets/${plain.id}`, { method: 'DELETE' });
  for (const [path, value] of [['image.channels', plain.image.channels], ['image.size', plain.image.size], ['image.fit', plain.image.fit],
    ['image.filter', plain.image.filter], ['test_share', plain.test_share], ['seed', plain.seed]])
    await shows(() => page.locator(`[name="${path}"]`).inputValue(), String(value), path);
  // The daemon's own words stand at the fields, before anything is sent.
  await page.getByLabel('Size', { exact: true }).fill('7');
  await page.getByLabel('Name', { exact: true }).fill('a/b');
  await start(page).click();
  await until(async () => (await page.locator('.field[data-path="image.size"] .fault').textContent()).includes('8 to 1024'), 'the fault of the size');
  await shows(() => page.locator('.field[data-path="name"] .fault').textContent(), /./);
  assert.deepEqual((await get(daemon, '/v1/uploads')).data, []);
  await page.getByLabel('Size', { exact: true }).fill('32');
  await page.getByLabel('Name', { exact: true }).fill(HTML);

  const offsets = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
  });
  cutter.cutAfter = 3 * MIB;
  await start(page).click();
  await page.getByText(/it goes on when the daemon answers/).waitFor();
  await shoot(page, 'upload-broken');
  const { offset } = await stoodStill(daemon);
  assert.ok(offset > 0 && offset < bytes.length, `${offset} have come`);
  cutter.down = false;
  await page.getByText(HTML).first().waitFor();
  await until(async () => (await get(daemon, '/v1/datasets')).data[0].name === HTML, 'the data set');
  assert.deepEqual([cutter.cuts, offsets[0], offsets.at(-1)], [1, 0, offset]);
  ({ id } = (await get(daemon, '/v1/datasets')).data[0]);
  await page.getByRole('link', { name: HTML }).click();
  await readyAlone(page);
  cutter.stop();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

inWholeBrowser('an upload is paused, goes on from there after the page was closed, and is cancelled', async (browser) => {
  const { daemon } = world;
  const cutter = await Cutter.start(daemon);
  cutter.perSecond = 2 * MIB;
  const path = write('slow.zip', shirts(24 * MIB));
  const { page, context } = await openPage(browser, `${cutter.url}/#/datasets/new`);
  const begin = async () => {
    await page.locator('#file').setInputFiles(path);
    await start(page).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
  };
  const known = async () => (await get(daemon, '/v1/uploads')).data;
  await begin();
  await until(() => page.locator('.transfer progress').evaluate((bar) => bar.value > 0.2), 'a part of it');
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText(/paused$/).waitFor();
  const { offset } = await stoodStill(daemon);
  assert.ok(offset > 0);
  page.on('dialog', (dialog) => dialog.accept());
  await page.reload();
  const first = page.waitForRequest((request) => request.method() === 'PATCH');
  await page.goto(`${cutter.url}/#/datasets/new`);
  await begin();
  assert.equal(Number((await first).headers()['upload-offset']), offset);
  assert.equal((await known()).length, 1);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Cancel it' }).click();
  await until(async () => (await known()).length === 0, 'nothing to be left');
  await shows(() => page.getByRole('button', { name: 'Pause' }).count(), 0);
  cutter.stop();
  await context.close();
});

test('classes, pictures, files left out, duplicates and what to do about it', async () => {
  const { daemon, browser } = world;
  const set = await setIs(daemon, id, 'ready');
  const report = await get(daemon, `/v1/datasets/${id}/report`);
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/datasets/${id}`);
  await page.getByRole('heading', { level: 1, name: HTML }).waitFor();
  await fact(page, 'Layout').waitFor();
  await shows(() => fact(page, 'Training pictures').textContent(), String(set.counts.train));
  await shows(() => fact(page, 'Left out').textContent(), String(set.counts.left_out));
  await shows(() => fact(page, 'Mean').textContent(), report.pixels.mean.map((v) => Number(v.toPrecision(3))).join(', '));

  const rows = await section(page, 'Classes').locator('tbody tr').evaluateAll((all) => all.map((r) => [...r.cells].map((c) => c.textContent)));
  assert.deepEqual(rows.map(([name, , train, test]) => [name, train, test]), set.classes.map((c) => [c.name, String(c.train), String(c.test)]));
  await page.getByLabel('Order').selectOption('most');
  await shows(() => section(page, 'Classes').locator('tbody th').first().textContent(), 'amber');
  const bars = await section(page, 'Classes').locator('svg').evaluateAll((all) => all.map((s) => s.lastElementChild.getBoundingClientRect().right - s.getBoundingClientRect().left));
  assert.ok(bars[0] > 3 * bars[1], String(bars));

  const warnings = page.getByRole('list', { name: 'Warnings' });
  for (const { text } of set.warnings) await warnings.getByText(text.slice(1)).waitFor();
  await shows(() => warnings.getByRole('link', { name: 'Start a run that weighs classes alike' }).getAttribute('href'), /class_weights=balanced/);

  const pictures = section(page, 'Pictures');
  await page.getByLabel('Split').selectOption('test');
  await page.getByLabel('Class', { exact: true }).selectOption({ label: HTML });
  const tests = set.classes.find((c) => c.name === HTML).test;
  await pictures.getByText(`1 to ${tests} of ${tests}`).waitFor();
  await shows(() => pictures.locator('.tile').count(), tests);
  await pictures.locator('.tile').first().scrollIntoViewIfNeeded();
  await until(async () => (await shownPictures(pictures).count()) === tests, 'the pictures');
  assert.equal(await shownPictures(pictures).first().evaluate((c) => c.width), 32);
  assert.equal(await isBlank(shownPictures(pictures).first()), false);
  assert.ok(page.url().includes('split=test'));
  // A page further on, and back; larger on a click, closed by Escape.
  await page.getByLabel('Class', { exact: true }).selectOption('');
  await page.getByLabel('Split').selectOption('train');
  await pictures.getByText(`1 to 60 of ${set.counts.train}`).waitFor();
  await pictures.getByRole('button', { name: 'Next' }).click();
  await pictures.getByText(`61 to ${set.counts.train} of ${set.counts.train}`).waitFor();
  await pictures.getByRole('button', { name: 'Previous' }).click();
  await pictures.getByText(`1 to 60 of ${set.counts.train}`).waitFor();
  await pictures.locator('.tile button').first().press('Enter');
  await page.locator('dialog canvas[data-state=shown]').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });

  const left = section(page, 'Files left out');
  for (const { path } of report.left_out) await left.getByText(path, { exact: true }).first().waitFor();
  await page.getByLabel('Reason').selectOption('picture_empty');
  await shows(() => left.locator('tbody th').allTextContents(), ['amber/empty.png']);
  await page.getByLabel('Reason').selectOption('');
  await left.getByLabel('Search').fill('bold');
  await shows(() => left.locator('tbody th').allTextContents(), ['amber/<b>bold</b>.png']);

  const groups = section(page, 'Duplicates').locator('.group');
  await shows(() => groups.count(), report.duplicates.groups.length);
  const mixed = groups.filter({ hasText: 'different classes' });
  await shows(() => mixed.count(), 1);
  await mixed.scrollIntoViewIfNeeded();
  await until(async () => (await shownPictures(mixed).count()) === 2, 'the two');
  const [one, two] = await shownPictures(mixed).evaluateAll((all) => all.map((c) => c.toDataURL()));
  assert.equal(one, two);
  const ends = report.duplicates.groups.find((g) => g.different_labels).pictures.map((p) => p.path.split('/').at(-1));
  await shows(() => mixed.locator('.line:last-child').allTextContents(), ends);
  await shoot(page, 'set');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('the form shows what augmentation does, with its settings; a run trains on the set; only then can it be deleted', async () => {
  const { daemon, browser } = world;
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/datasets/${id}`);
  await page.getByRole('link', { name: 'Start a run that weighs classes alike' }).click();
  await page.getByLabel('Class weights').waitFor();
  await shows(() => page.getByLabel('Class weights').inputValue(), 'balanced');
  await shows(() => page.getByLabel('Data set', { exact: true }).inputValue(), id);
  await shows(async () => (await page.getByLabel('Data set', { exact: true }).locator('option').allTextContents()).includes(`${HTML} (${id})`), true);
  await page.getByLabel('Network').selectOption('googlenet_tiny');
  await page.getByLabel('Image size').fill('32');
  const preview = page.locator('.augmentation');
  const drawn = () => preview.locator('canvas').evaluateAll((all) => all.slice(1).map((c) => (c.width > 1 ? c.toDataURL() : '')));
  // Without augmentation each epoch sees the same.
  await until(async () => (await preview.locator('canvas').count()) === 9 && (await preview.locator('canvas').nth(1).evaluate((c) => c.width)) === 32, 'pictures of the size entered');
  const plain = await drawn();
  await shows(() => preview.locator('canvas:visible').count(), 2);
  assert.deepEqual([plain.length, new Set(plain).size], [8, 1]);
  await page.getByLabel('Mirror images').selectOption('random');
  await until(async () => new Set(await drawn()).size === 2, 'some mirrored');
  await shows(() => preview.locator('canvas:visible').count(), 9);
  await page.getByLabel('Shift').fill('6');
  await until(async () => new Set(await drawn()).size > 4, 'some shifted');
  await preview.scrollIntoViewIfNeeded();
  await shoot(page, 'augmentation');
  await page.getByLabel('Shift').fill('0');
  await page.getByLabel('Mirror images').selectOption('none');
  await until(async () => JSON.stringify(await drawn()) === JSON.stringify(plain), 'what was before');

  await unfold(page);
  for (const [label, value] of [['Epochs', '5000'], ['Batch size', '10'], ['Threads', '1']]) await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole('button', { name: 'Start' }).and(page.locator(':not([aria-disabled])')).click();
  await page.getByRole('link', { name: HTML }).waitFor();
  const job = (await get(daemon, '/v1/jobs?limit=1')).data[0];
  assert.deepEqual([job.dataset.id, job.settings.class_weights], [id, 'balanced']);
  await page.getByRole('link', { name: HTML }).click();
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('alert').getByText(job.id).waitFor();
  await page.getByRole('button', { name: 'Keep it' }).click();
  await stopJob(daemon, job.id);
  await page.getByRole('button', { name: 'Delete …' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('These came with the program.').waitFor();
  await visit(page, daemon, `/runs/${job.id}`, '.facts dd');
  await page.getByRole('link', { name: HTML }).click();
  await page.getByRole('heading', { name: `There is no data set ${id}` }).waitFor();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('an answer that is lost after an upload makes no second set', async () => {
  const { daemon, browser } = world;
  const { page, context } = await openPage(browser, `${daemon.url}/#/datasets/new`);
  await page.locator('#file').setInputFiles({ name: 'heard late.zip', mimeType: 'application/zip', buffer: shirts() });
  await page.getByLabel('Size', { exact: true }).fill('32');
  const made = [];
  await page.route('**/v1/datasets', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    const response = await route.fetch();
    if (response.status() === 201) made.push([route.request().headers()['idempotency-key'], (await response.json()).id]);
    return made.length === 1 ? route.abort() : route.fulfill({ response });
  });
  await start(page).click();
  await until(() => made.length === 2, 'the second try');
  assert.ok(made[0][0]);
  assert.deepEqual(made[0], made[1]);
  await page.getByRole('link', { name: 'heard late' }).waitFor();
  assert.equal((await get(daemon, '/v1/datasets?name=heard')).data.length, 1);
  await setIs(daemon, made[0][1], 'ready');
  await context.close();
});

test('a folder that is dropped becomes the set that it would be on the daemon’s machine', async () => {
  const { daemon, browser } = world;
  const birds = join(imports, 'birds');
  // A plain tar header has no room for these names.
  ['owl', 'тукан 🦜', 'long '.repeat(25).trim()].forEach((name, c) => {
    mkdirSync(join(birds, name), { recursive: true });
    for (let i = 0; i < 6; i++) writeFileSync(join(birds, name, `${i}.png`), discs(10 * c + i, [80 * c, 200, 90], 20, 20));
  });
  const { id: theirs } = await post(daemon, '/v1/datasets', { name: 'theirs', image: { size: 16 }, source: { folder: 'birds' } });
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/datasets`);
  await page.locator('.sets tbody tr').first().waitFor();
  const line = await context.newCDPSession(page);
  for (const type of ['dragEnter', 'dragOver', 'drop'])
    await line.send('Input.dispatchDragEvent', { type, x: 600, y: 100, data: { items: [], files: [birds], dragOperationsMask: 1 } });
  await page.getByText(/^birds, 18 files, /).waitFor();
  await shows(() => page.getByLabel('Name', { exact: true }).inputValue(), 'birds');
  await page.getByLabel('Size', { exact: true }).fill('16');
  await start(page).click();
  await page.getByRole('link', { name: 'birds' }).waitFor();
  const mine = await setIs(daemon, 'birds', 'ready');
  assert.equal(mine.counts.train + mine.counts.test, 18);
  assert.equal(mine.digest, (await setIs(daemon, theirs, 'ready')).digest);
  // And one that is chosen.
  await visit(page, daemon, '/datasets/new', '#local-folder');
  await page.locator('#local-folder').setInputFiles(birds);
  await page.getByText(/^birds, 18 files, /).waitFor();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a file is dropped; what is no archive fails with a sentence', async () => {
  const { daemon, browser } = world;
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/datasets`);
  await live(page);
  await page.locator('.sets tbody tr').first().waitFor();
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(['no archive at all, but some text'], 'letter.zip'));
    return transfer;
  });
  await page.locator('main section').first().dispatchEvent('drop', { dataTransfer: data });
  await page.getByText('letter.zip, 32 B').waitFor();
  await page.getByLabel('Name', { exact: true }).fill(LONG);
  await start(page).click();
  await page.getByRole('link', { name: LONG }).click();
  const failed = await until(async () => (await get(daemon, `/v1/datasets/${LONG}`)).error, 'the failure');
  await page.getByText(`The import failed: ${failed.message.replace(/\.$/, '')}.`).waitFor();
  // Nothing is said of pictures where there are none.
  await shows(() => fact(page, 'Mean').count(), 0);
  assert.ok(await section(page, 'Files left out').isHidden());
  // A name that is taken is told before anything is sent.
  await visit(page, daemon, '/datasets/new', '#file');
  await page.locator('#file').setInputFiles({ name: `${LONG}.zip`, mimeType: 'application/zip', buffer: Buffer.from('x') });
  await start(page).click();
  await page.getByText('another data set has this name').waitFor();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a folder of the operator’s with 1,000 classes and 10,000 files left out: all can be found', async () => {
  const { daemon, browser } = world;
  for (let c = 0; c < 1000; c++) {
    mkdirSync(join(imports, 'many', `class ${c}`));
    for (let i = 0; i < 2; i++) writeFileSync(join(imports, 'many', `class ${c}`, `${i}.png`), discs(2 * c + i, [200, (c * 37) % 256, (c * 91) % 256], 12, 12));
    for (let i = 0; i < 10; i++) writeFileSync(join(imports, 'many', `class ${c}`, `wrong ${i}.png`), 'x');
  }
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/datasets/new`);
  await page.getByLabel('From the daemon’s machine').check();
  await page.getByLabel('Folder or archive').selectOption('many');
  await shows(() => page.getByLabel('Name', { exact: true }).inputValue(), 'many');
  await page.getByLabel('Size', { exact: true }).fill('8');
  await page.getByLabel('Test share').fill('0');
  await start(page).click();
  await page.getByRole('heading', { name: 'many' }).waitFor();
  await readyAlone(page);
  const left = section(page, 'Files left out');
  await left.getByText('1 to 100 of 10,000').waitFor();
  await left.getByLabel('Search').fill('class 777/');
  await shows(() => left.locator('tbody tr').count(), 10);
  await left.getByLabel('Search').fill('');
  for (let n = 101; n <= 401; n += 100) {
    await left.getByRole('button', { name: 'Next' }).click();
    await left.getByText(`${n} to ${n + 99} of 10,000`).waitFor();
  }
  const classes = section(page, 'Classes');
  await classes.getByText('1 to 200 of 1,000').waitFor();
  await classes.getByLabel('Search').fill('class 999');
  await classes.getByRole('button', { name: 'class 999' }).click();
  const pictures = section(page, 'Pictures');
  await pictures.getByText('1 to 2 of 2').waitFor();
  await until(async () => (await shownPictures(pictures).count()) === 2, 'both pictures');
  await shoot(page, 'set-many');
  await page.setViewportSize({ width: 375, height: 740 });
  await checkWidth(page, 'many 375');
  await checkAccess(page, 'many 375');
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a set without test pictures, which no training takes, is not offered for one', async () => {
  const { daemon, browser } = world;
  const files = Object.entries(COLOURS).slice(0, 2).map(([, colour], c) => [`class ${c}/only.png`, discs(c, colour)]);
  const { id } = await post(daemon, '/v1/datasets', { name: 'one picture a class', image: { size: 32, channels: 3 } });
  await fetch(`${daemon.url}/v1/datasets/${id}/content`, { method: 'PUT', headers: { 'Content-Type': 'application/zip' }, body: zip(files) });
  await setIs(daemon, id, 'ready');
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/datasets/${id}`);
  await page.getByText(/There are no test pictures/).waitFor();
  await page.getByText('2 classes.').waitFor();
  await shows(() => page.getByRole('link', { name: 'Train on this' }).count(), 0);
  await visit(page, daemon, '/datasets/fashion_mnist', '.facts dd');
  await page.getByRole('link', { name: 'Train on this' }).waitFor();
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('a set is renamed and noted on; a list that is open hears of it', async () => {
  const { daemon, browser } = world;
  const { id: own } = await post(daemon, '/v1/datasets', { name: 'before' });
  const { page, complaints, context } = await openPage(browser, `${daemon.url}/#/datasets/${own}`);
  await page.getByRole('heading', { level: 1, name: 'before' }).waitFor();
  await page.getByRole('button', { name: 'Edit …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('mnist');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('must not be the id of a data set').waitFor();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('after');
  await dialog.getByLabel('Key', { exact: true }).fill('camera');
  await dialog.getByLabel('Value', { exact: true }).first().fill('phone');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { level: 1, name: 'after' }).waitFor();
  await page.getByText(/^\u2068camera\u2069: \u2068phone\u2069$/).waitFor();
  const { name, metadata } = await get(daemon, `/v1/datasets/${own}`);
  assert.deepEqual([name, metadata], ['after', { camera: 'phone' }]);
  await visit(page, daemon, '/datasets', '.runs tbody tr');
  await fetch(`${daemon.url}/v1/datasets/${own}`, { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: '{"name":"elsewhere"}' });
  await page.getByRole('link', { name: 'elsewhere' }).waitFor();
  await visit(page, daemon, '/datasets/fashion_mnist', '.facts dd');
  await shows(() => page.getByRole('button', { name: 'Edit …' }).count(), 0);
  await fetch(`${daemon.url}/v1/datasets/${own}`, { method: 'DELETE' });
  assert.deepEqual(faults(complaints), []);
  await context.close();
});

test('with a token the pictures are there too, and who may only read is offered nothing else', async () => {
  const daemon = await startDaemon({ environment: { GOOGLENETD_TOKEN: 'writes', GOOGLENETD_READ_TOKEN: 'reads' } });
  try {
    const { page, complaints, context } = await openPage(world.browser, `${daemon.url}/#/datasets/fashion_mnist?class=ankle%20boot`);
    const enter = async (token) => {
      await page.locator('#token').fill(token);
      await page.getByRole('button', { name: 'Go on' }).click();
    };
    await enter('reads');
    await page.getByText('Live, for reading only').waitFor();
    await page.locator('.tile').first().scrollIntoViewIfNeeded();
    await shownPictures(page).first().waitFor();
    // A set that came with the machine has its classes counted like all others.
    await shows(() => section(page, 'Classes').locator('thead th:visible').allTextContents(), ['Class', 'Pictures', 'Training', 'Test', 'Share']);
    await shows(() => section(page, 'Classes').locator('tbody tr').first().textContent(), /6,000/);
    await visit(page, daemon, '/datasets/new', '#file');
    await shows(() => start(page).getAttribute('aria-disabled'), 'true');
    await visit(page, daemon, '/new', '.fault');
    await page.getByText('may only read: it cannot start a run').waitFor();
    await visit(page, daemon, '/', '.blank');
    await shows(() => page.getByRole('button', { name: 'Start the chapter’s run' }).getAttribute('aria-disabled'), 'true');
    await page.evaluate(() => sessionStorage.clear());
    await page.goto(`${daemon.url}/#/datasets/new`);
    await page.reload();
    await enter('writes');
    await page.locator('#file').setInputFiles({ name: 'guarded.zip', mimeType: 'application/zip', buffer: shirts() });
    await start(page).click();
    await page.getByRole('link', { name: 'guarded' }).click();
    await readyAlone(page);
    assert.deepEqual(faults(complaints), []);
    await context.close();
  } finally {
    await daemon.end('SIGKILL');
  }
});

test('every page of data sets passes axe, light and dark, and fits a phone', async () => {
  const { daemon, browser } = world;
  writeFileSync(join(imports, 'shirts.zip'), shirts());
  const made = await post(daemon, '/v1/datasets', { name: `${'x'.repeat(100)} ${HTML}`.slice(0, 128), source: { folder: 'shirts.zip' }, image: { size: 64 } });
  const failed = await post(daemon, '/v1/datasets', { name: 'broken', source: { folder: 'many/class 1' } });
  await setIs(daemon, made.id, 'ready');
  await setIs(daemon, failed.id, 'failed');
  const pages = { sets: ['/datasets', '.sets tbody tr'], 'set-new': ['/datasets/new', '.field'], 'set-ready': [`/datasets/${made.id}`, '.group canvas'], 'set-failed': [`/datasets/${failed.id}`, '.reason.bad'],
    'set-known': ['/datasets/fashion_mnist', '.tile canvas'], 'set-train': [`/new?dataset=${made.id}&network=googlenet_tiny`, '.augmentation canvas'] };
  const { page, context } = await openPage(browser, daemon.url, { bypassCSP: true });
  for (const [name, [path, sign]] of Object.entries(pages)) {
    // Pictures are drawn at each width in both schemes.
    for (const [colorScheme, width, rules] of [['light', 1280, {}], ['dark', 1280, COLOURS_ALONE], ['dark', 375, ALL_BUT_COLOURS], ['light', 375, null]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await visit(page, daemon, path, sign);
      await until(() => page.evaluate(() => ![...document.querySelectorAll('canvas:not([data-state])')].some((c) => c.width === 1 && c.getBoundingClientRect().top < innerHeight && c.getBoundingClientRect().bottom > 0)), 'pictures');
      await checkWidth(page, `${path} ${colorScheme} ${width}`);
      if (rules) await checkAccess(page, `${path} ${colorScheme} ${width}`, rules);
      await shoot(page, `${name}-${colorScheme}-${width}`, true);
    }
  }
  await context.close();
});
