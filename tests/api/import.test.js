// Pictures of one's own, from files to a trained network: imports, what is told of them, jobs on them, deaths.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, collect } from './client.js';
import { Daemon, until } from './daemon.js';
import { makePictures, png, pngFacts, pngPixels } from './pictures.js';

const imports = mkdtempSync(join(tmpdir(), 'imports-'));
const archive = join(imports, 'colours.tar');
let daemon, client;

before(async () => {
  makePictures(join(imports, 'colours'), 10);
  writeFileSync(join(imports, 'colours/red/bad.png'), 'no picture');
  execFileSync('tar', ['cf', archive, '-C', join(imports, 'colours'), '.']);
  makePictures(join(imports, 'many'), 700);
  daemon = await Daemon.start({ args: ['--imports', imports] });
  client = new Client(daemon.url);
});
after(async () => {
  await daemon.stop();
  rmSync(imports, { recursive: true });
});

const image = { size: 16 };
const create = async (body) => (await client.post('/v1/datasets', { image, ...body }, { status: 201 })).json;
const get = async (id) => (await client.get(`/v1/datasets/${id}`)).json;
const done = (id) => until(`the end of the import of ${id}`, async () => {
  const set = await get(id);
  return ['ready', 'failed'].includes(set.status) && set;
});
const files = (path = '') => readdirSync(join(daemon.data, path)).sort();

test('a folder, an archive, content and an upload give the same set', async () => {
  const stream = await client.stream('/v1/events');
  const folder = await done((await create({ name: 'folder', source: { folder: 'colours' } })).id);
  assert.equal(folder.error, null);
  assert.deepEqual(folder.counts, { train: 24, test: 6, left_out: 1 });
  assert.deepEqual(folder.classes.map(({ name, train, test }) => [name, train, test]), [['blue', 8, 2], ['green', 8, 2], ['red', 8, 2]]);
  assert.deepEqual(folder.progress, { done: 30, total: 30 });
  assert.match(folder.digest, /^[0-9a-f]{64}$/);
  const told = await collect(stream, ({ type, data }) => type === 'dataset' && data.status === 'ready');
  assert.deepEqual(told.filter(({ data }) => data.status !== data.previous).map(({ data }) => data.status), ['importing', 'ready']);
  const { left_out } = (await client.get(`/v1/datasets/${folder.id}/report`)).json;
  assert.deepEqual(left_out.map(({ path }) => path), ['red/bad.png']);

  const same = [await create({ name: 'archive', source: { folder: 'colours.tar' } })];
  const content = await create({ name: 'content' });
  await client.call('PUT', `/v1/datasets/${content.id}/content`, { body: readFileSync(archive), headers: { 'content-type': 'application/x-tar' }, status: 202 });
  same.push(content);
  const upload = await client.call('POST', '/v1/uploads', { body: readFileSync(archive), status: 201,
    headers: { 'tus-resumable': '1.0.0', 'upload-length': String(readFileSync(archive).length), 'content-type': 'application/offset+octet-stream' } });
  const up = upload.headers.get('location').split('/').pop();
  same.push(await create({ name: 'upload', source: { upload: up } }));
  for (const { id, name } of same) {
    const set = await done(id);
    if (name === 'archive') assert.equal(set.digest, folder.digest, JSON.stringify(set.error));
    assert.ok(set.status === 'ready', JSON.stringify(set.error));
    assert.equal(set.digest, folder.digest);
    assert.deepEqual(files(`datasets/${id}`), ['pixels']);
  }
  assert.deepEqual(files('uploads'), []);
  const { json } = await client.post('/v1/datasets', { name: 'again', source: { upload: up } }, { status: 400 });
  assert.equal(json.errors[0].pointer, '/source/upload');
});

test('of requests that want one upload at the same time one gets it', async () => {
  const headers = { 'tus-resumable': '1.0.0', 'upload-length': String(statSync(archive).size), 'content-type': 'application/offset+octet-stream' };
  const upload = await client.call('POST', '/v1/uploads', { body: readFileSync(archive), headers, status: 201 });
  const source = { upload: upload.headers.get('location').split('/').pop() };
  const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => client.post('/v1/datasets', { name: `one of ${n}`, image, source })));
  const [made, ...refused] = answers.toSorted((a, b) => a.status - b.status);
  assert.deepEqual([made.status, ...refused.map(({ status, json }) => `${status} ${json.errors?.[0].pointer}`)], [201, ...Array(4).fill('400 /source/upload')]);
  assert.equal((await done(made.json.id)).status, 'ready');
  await client.call('DELETE', `/v1/datasets/${made.json.id}`, { status: 204 });
});

test('the report of what is not all well has all its parts, and so has that of an import that fails', async () => {
  const folder = join(imports, 'mixed'), one = join(folder, 'train/red'), two = join(folder, 'train/blue'), three = join(folder, 'test/red');
  for (const path of [one, two, three]) mkdirSync(path, { recursive: true });
  const noise = (seed) => png(20, 16, (x, y) => [(x * 37 + y * seed) % 256, (x * y * seed) % 256, 9]);
  for (let i = 0; i < 9; i++) writeFileSync(join(one, `${i}.png`), noise(i + 3));
  writeFileSync(join(two, 'grey.png'), png(8, 8, () => [7, 7, 7]));
  writeFileSync(join(two, 'same.png'), noise(3));
  writeFileSync(join(three, 'same.png'), noise(3));
  writeFileSync(join(three, 'text.png'), 'text');
  const set = await done((await create({ name: 'mixed', source: { folder: 'mixed' } })).id);
  const { json: report } = await client.get(`/v1/datasets/${set.id}/report`);
  assert.deepEqual([report.source, report.layout, report.split, report.image], ['folder', 'split_folders', { given: true }, set.image]);
  assert.deepEqual(report.counts, { train: 11, test: 1, left_out: 1 });
  assert.deepEqual(report.imbalance.ratio, 4.5);
  assert.deepEqual([report.formats, report.reasons], [{ PNG: 12 }, { picture_unknown: 1 }]);
  assert.deepEqual([report.sizes.smallest, report.sizes.enlarged], [{ width: 8, height: 8, path: 'train/blue/grey.png' }, 1]);
  assert.deepEqual(report.duplicates.exact, { groups: 1, pictures: 3, across_splits: 1, different_labels: 1 });
  assert.deepEqual(report.one_colour, [{ path: 'train/blue/grey.png', label: 0, split: 'train', index: 0 }]);
  assert.ok(report.warnings.length > 2 && report.imbalance.advice);

  for (const path of ['hopeless/a', 'hopeless/b', 'empty/a']) mkdirSync(join(imports, path), { recursive: true });
  for (const path of ['hopeless/a/1.png', 'hopeless/b/2.png']) writeFileSync(join(imports, path), 'text');
  for (const name of ['hopeless', 'empty']) {
    const failed = await done((await create({ name, source: { folder: name } })).id);
    assert.equal(failed.status, 'failed');
    const { json } = await client.call('GET', `/v1/datasets/${failed.id}/report`);
    assert.deepEqual(json.left_out.map(({ path }) => path), name === 'empty' ? [] : ['a/1.png', 'b/2.png']);
  }
  // Damaged, it is not passed on. An answer that is no JSON is a fault of the daemon's, not of who asks.
  const path = join(daemon.data, 'datasets', set.id, 'pixels/report.json'), whole = readFileSync(path), odd = Buffer.from(whole);
  odd[odd.indexOf('"counts"') + 8] = 0x20;
  for (const [bytes, detail] of [[odd, /^mixed: report\.json: line 1, column \d+: expected a colon after the key$/], [whole.subarray(0, -3), /report\.json: line/],
    [Buffer.concat([whole, whole]), /more text after the end/], ['', /report\.json is empty/], ['7', /does not begin with \{/]]) {
    writeFileSync(path, bytes);
    const { json } = await client.get(`/v1/datasets/${set.id}/report`, { status: 500 });
    assert.equal(json.code, 'file_damaged');
    assert.match(json.detail, detail);
  }
  rmSync(path);
  symlinkSync('report.json', path);  // it cannot be looked at, which is not the same as having none
  assert.match((await client.get(`/v1/datasets/${set.id}/report`, { status: 503 })).json.detail, /symbolic links/);
  rmSync(path);
  assert.equal((await client.get(`/v1/datasets/${set.id}/report`, { status: 404 })).json.code, 'report_not_found');
  writeFileSync(path, whole);
  assert.deepEqual((await client.get(`/v1/datasets/${set.id}/report`)).json, report);

  const { id } = await create({ name: 'text' });
  await client.call('PUT', `/v1/datasets/${id}/content`, { body: 'no archive', status: 202 });
  assert.equal((await done(id)).status, 'failed');
  assert.equal((await client.get(`/v1/datasets/${id}/report`)).json.source, '');
});

test('pictures are listed and shown as they are stored', async () => {
  const list = async (query = '') => (await client.get(`/v1/datasets/folder/pictures${query}`)).json;
  const all = await list();
  assert.equal(all.data.length, 30);
  assert.deepEqual(all.data.map(({ n }) => n), [...Array(30).keys()]);
  assert.deepEqual([...new Set(all.data.slice(0, 24).map(({ split }) => split))], ['train']);
  assert.deepEqual([...new Set(all.data.slice(24).map(({ split }) => split))], ['test']);
  for (const { file, class: name } of all.data) assert.match(file, new RegExp(`^${name}/\\d+\\.png$`));
  const red = await list('?class=red&split=test');
  assert.deepEqual(red.data.map(({ split, class: name, label }) => [split, name, label]), [['test', 'red', 2], ['test', 'red', 2]]);
  const first = await list('?class=green&limit=3'), second = await list(`?class=green&limit=100&after=${first.last_id}`);
  assert.deepEqual([first.has_more, second.has_more], [true, false]);
  assert.deepEqual([...first.data, ...second.data], (await list('?class=green')).data);
  for (const query of ['class=pink', 'split=both', 'limit=0', 'x=1']) await client.get(`/v1/datasets/folder/pictures?${query}`, { status: 400 });

  const { n, file } = red.data[0];
  const path = `/v1/datasets/folder/pictures/${n}/content`;
  const { bytes, headers } = await client.get(path);
  assert.deepEqual(pngFacts(bytes), { width: 16, height: 16, channels: 3 });
  assert.deepEqual(pngPixels(bytes), pngPixels(readFileSync(join(imports, 'colours', file))));
  assert.equal(headers.get('cache-control'), 'private, max-age=31536000, immutable');
  await client.get(path, { headers: { 'if-none-match': headers.get('etag') }, status: 304 });
  for (const bad of ['30', '-1', 'x', '99999999999']) await client.get(`/v1/datasets/folder/pictures/${bad}/content`, { status: 404 });
  const known = await client.get('/v1/datasets/fashion_mnist/pictures?split=test&limit=2');
  assert.deepEqual(known.json.data.map(({ n, file }) => [n, file]), [[60000, null], [60001, null]]);
  assert.deepEqual(pngFacts((await client.get('/v1/datasets/fashion_mnist/pictures/60000/content')).bytes), { width: 28, height: 28, channels: 1 });
  const { id } = await create({ name: 'without' });
  assert.equal((await client.get(`/v1/datasets/${id}/pictures`, { status: 409 })).json.code, 'dataset_not_ready');
});

test('a preview shows what augmentation does, draw by draw', async () => {
  const preview = async (settings, query = '') =>
    (await client.post(`/v1/datasets/folder/pictures/3/preview${query}`, { settings: { network: 'googlenet_tiny', image_size: 16, ...settings } }, { status: 200 })).bytes;
  const stored = pngPixels((await client.get('/v1/datasets/folder/pictures/3/content')).bytes);
  assert.deepEqual(pngPixels(await preview({}, '?draws=1')), stored);
  assert.deepEqual(pngFacts(await preview({}, '?draws=3')), { width: 48, height: 16, channels: 3 });
  const augmentation = { crop_padding: 2, flip: 'random' };
  const strip = pngPixels(await preview({ augmentation }));
  const draws = await Promise.all([...Array(8).keys()].map(async (draw) => pngPixels(await preview({ augmentation }, `?draw=${draw}&draws=1`))));
  draws.forEach((pixels, draw) => {
    for (let y = 0; y < 16; y++) assert.deepEqual(pixels.subarray(y * 48, y * 48 + 48), strip.subarray(y * 384 + draw * 48, y * 384 + draw * 48 + 48));
  });
  assert.ok(new Set(draws.map((pixels) => pixels.toString('hex'))).size > 2);
  const { json } = await client.post('/v1/datasets/folder/pictures/3/preview', { settings: { augmentation: { crop_padding: 16 } }, x: 1 }, { status: 400 });
  assert.ok(json.errors.some(({ pointer }) => pointer === '/augmentation/crop_padding'));
  assert.ok(json.errors.some(({ pointer }) => pointer === '/x'));
  assert.equal(json.errors.length, 2);
});

test('a job trains on a set by name or id, holds it, and remembers it', async () => {
  const set = await get('folder');
  const settings = { network: 'googlenet_tiny', image_size: 16, epochs: 1, batch_size: 8, dataset: 'folder' };
  const { json: dry } = await client.post('/v1/jobs?dry_run=true', settings, { status: 200 });
  assert.equal(dry.settings.dataset, set.id);
  assert.deepEqual([dry.network.input.channels, dry.total_steps], [3, 3]);
  const job = await client.create(settings);
  assert.deepEqual(job.dataset, { id: set.id, name: 'folder', digest: set.digest });
  assert.equal(job.settings.dataset, set.id);
  await client.succeeded(job.id);
  assert.deepEqual((await client.get('/v1/jobs?dataset=folder')).json.data.map(({ id }) => id), [job.id]);
  const long = await client.create({ ...settings, epochs: 100000 });
  assert.equal((await client.call('DELETE', `/v1/datasets/${set.id}`, { status: 409 })).json.code, 'dataset_in_use');
  await client.post(`/v1/jobs/${long.id}/stop`, undefined, { status: 202 });
  await until('the stop', async () => (await client.job(long.id)).status === 'stopped');
  await client.call('DELETE', `/v1/datasets/${set.id}`, { status: 204 });
  assert.deepEqual((await client.job(job.id)).dataset, job.dataset);
  assert.equal((await client.post(`/v1/jobs/${long.id}/resume`, undefined, { status: 409 })).json.code, 'dataset_unavailable');
  assert.equal((await client.post(`/v1/jobs/${job.id}/clone`, {}, { status: 400 })).json.errors[0].pointer, '/dataset');
  const { id } = await create({ name: 'waits' });
  const { json } = await client.post('/v1/jobs', { dataset: id }, { status: 400 });
  assert.match(json.errors[0].detail, /not ready: waits is waiting/);
  assert.ok(!files('datasets').includes(set.id));
});

test('what is no archive fails, with a sentence', async () => {
  const { id } = await create({ name: 'nonsense' });
  await client.call('PUT', `/v1/datasets/${id}/content`, { body: 'nonsense'.repeat(1000), headers: { 'content-type': 'application/zip' }, status: 202 });
  const set = await done(id);
  assert.equal(set.status, 'failed');
  assert.equal(set.error.message, 'what was sent is text that begins "nonsensenons"; it must be a zip, tar or tar.gz archive');
  assert.ok(!files('datasets').includes(id) || !files(`datasets/${id}`).some((name) => /source|pixels/.test(name)));
});

test('a limit that leaves classes out is told among the events of a job', async () => {
  const { id } = await done((await create({ name: 'limited', source: { folder: 'colours' } })).id);
  const job = await client.create({ network: 'googlenet_tiny', image_size: 16, epochs: 1, batch_size: 8, dataset: id, train_limit: 8, evaluate: false, register_as: 'limited' });
  await client.succeeded(job.id);
  const notes = (await client.get(`/v1/jobs/${job.id}/events`)).json.data.filter(({ type }) => type === 'note').map(({ data }) => data.message);
  assert.equal(notes[0], 'train_limit takes the first 8, and these are of 1 of 3 classes: none is of "green" and others');
  const { limits } = (await client.get('/v1/models/limited/versions/1/card')).json;
  assert.ok(limits.includes('It was trained on the first 8 training examples alone (train_limit), and these lie class by class: some may be missing.'), limits.join('\n'));
});

test('a set whose files are damaged says so, when its pictures or a job meet that', async () => {
  const make = async (name) => (await done((await create({ name, source: { folder: 'colours' } })).id)).id;
  const pixels = (id) => join(daemon.data, 'datasets', id, 'pixels/train.pixels');
  const settings = { network: 'googlenet_tiny', image_size: 16, epochs: 1, batch_size: 8 };
  const looked = await make('looked at');
  writeFileSync(pixels(looked), readFileSync(pixels(looked)).subarray(0, 1000));
  const { json } = await client.get(`/v1/datasets/${looked}/pictures`, { status: 409 });
  assert.equal(json.code, 'dataset_not_ready');
  assert.match(json.detail, /^looked at has no pictures: its files are damaged: .*pixels\/train\.pixels has 1000 bytes, it should have \d+$/);
  const { status, error } = await get(looked);
  assert.deepEqual([status, error.code], ['failed', 'damaged']);
  assert.match(error.message, /^its files are damaged: /);
  const { json: refused } = await client.post('/v1/jobs', { ...settings, dataset: looked }, { status: 400 });
  assert.equal(refused.errors[0].pointer, '/dataset');

  const trained = await make('trained on');
  rmSync(pixels(trained));
  const job = await client.create({ ...settings, dataset: trained });
  const failed = await until('the end of the job', async () => {
    const info = await client.job(job.id);
    return info.status === 'failed' && info;
  });
  assert.match(failed.error.message, /train\.pixels/);
  await until('the end of the set', async () => (await get(trained)).error?.code === 'damaged');

  // What is left stays for whoever wants to look, until the set is deleted.
  await daemon.leave();
  await daemon.launch();
  for (const id of [looked, trained]) {
    assert.deepEqual([(await get(id)).error.code, files(`datasets/${id}`)], ['damaged', ['pixels']]);
    await client.call('DELETE', `/v1/datasets/${id}`, { status: 204 });
    assert.ok(!files('datasets').includes(id));
  }
});

test('sets on a disk that is not there at a start: a job waits for it, and they are ready once they are looked at', async () => {
  const { id } = await done((await create({ name: 'far', source: { folder: 'colours' } })).id);
  const other = (await done((await create({ name: 'far too', source: { folder: 'colours' } })).id)).id;
  const job = await client.create({ network: 'googlenet_tiny', image_size: 16, epochs: 100000, batch_size: 8, dataset: id, evaluate: false });
  await until('a step', async () => (await client.job(job.id)).progress.step > 0);
  await daemon.leave();
  const sets = join(daemon.data, 'datasets');
  renameSync(sets, `${sets}.away`);
  mkdirSync(sets);  // as below a mount
  await daemon.launch();
  const waits = await until('the warning', async () => {
    const now = await client.job(job.id);
    return (now.warning || now.error) && now;
  });
  assert.match(waits.warning ?? JSON.stringify(waits.error), /the data set far is not there, nor any other: is a disk not mounted\?/);
  assert.equal((await get(other)).error.code, 'files_missing');
  rmdirSync(sets);
  renameSync(`${sets}.away`, sets);
  await until('more steps', async () => (await client.job(job.id)).progress.step > waits.progress.step);
  assert.equal((await get(other)).status, 'ready');
  await client.post(`/v1/jobs/${job.id}/stop`, undefined, { status: 202 });
});

test('an import is cancelled, or its set deleted, while it runs', async () => {
  // One that was done before it was told to end is none: then another is begun.
  const running = async (name) => {
    const { id } = await create({ name, source: { folder: 'many' } });
    await until('some progress', async () => (await get(id)).progress.done > 0);
    return id;
  };
  const gone = (id) => until('no files', () => !files('datasets').includes(id));
  await until('a cancellation in time', async () => {
    const id = await running('cancel');
    const { status, json } = await client.call('POST', `/v1/datasets/${id}/cancel`);
    if (status === 409 && json.code === 'dataset_is_done') return false;
    assert.equal(json.error.code, 'cancelled');
    await gone(id);
    return true;
  });
  await until('a deletion in time', async () => {
    const id = await running('delete');
    const { status } = await get(id);
    await client.call('DELETE', `/v1/datasets/${id}`, { status: 204 });
    await gone(id);
    return status !== 'ready';
  });
});

test('a limit of bytes fails an import, and leaves nothing', async () => {
  const small = await Daemon.start({ args: ['--imports', imports, '--limits-datasets-bytes', '100000'] });
  const other = new Client(small.url);
  const { id } = (await other.post('/v1/datasets', { name: 'many', source: { folder: 'many' }, image }, { status: 201 })).json;
  const set = await until('the end', async () => {
    const { json } = await other.get(`/v1/datasets/${id}`);
    return json.status === 'failed' && json;
  });
  assert.equal(set.error.code, 'quota_exceeded');
  assert.deepEqual(readdirSync(join(small.data, 'datasets', id)).filter((name) => name.startsWith('pixels')), []);
  await small.stop();
});

test('killed at any moment, an import begins again and gives the same set', { timeout: 600000 }, async () => {
  const whole = await done((await create({ name: 'whole', source: { folder: 'many' } })).id);
  for (let kill = 0; kill < 5; kill++) {
    const { id } = await create({ name: `killed ${kill}`, source: { folder: 'many' } });
    await sleep(40 + 90 * kill);
    await daemon.end('SIGKILL');
    await daemon.launch();
    const set = await done(id);
    assert.equal(set.status, 'ready', JSON.stringify(set.error));
    assert.equal(set.digest, whole.digest);
    assert.deepEqual(files(`datasets/${id}`), ['pixels']);
  }
  // SIGTERM in the middle of one: it ends in order, and goes on.
  const { id } = await create({ name: 'left', source: { folder: 'many' } });
  await until('some progress', async () => (await get(id)).progress.done > 0);
  await daemon.leave();
  await daemon.launch();
  assert.equal((await done(id)).digest, whole.digest);
  assert.ok(!files().includes('lost+found'), daemon.log);
});
