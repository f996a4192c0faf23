// Data sets of one's own: create, look, cancel, delete; what is refused, and what readers of events are told.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client, collect } from './client.js';
import { Daemon, until } from './daemon.js';

let daemon, client, imports;

before(async () => {
  imports = await mkdtemp(join(tmpdir(), 'imports-'));
  await mkdir(join(imports, 'empty'));
  await symlink('/usr', join(imports, 'outside'));
  daemon = await Daemon.start({ args: ['--imports', imports] });
  client = new Client(daemon.url);
});
after(async () => {
  await daemon.stop();
  await rm(imports, { recursive: true });
});

const create = async (body, status = 201) => (await client.post('/v1/datasets', body, { status })).json;
const daemonAgain = async () => {
  await daemon.end('SIGKILL');
  await daemon.launch();
};
const faults = async (body) => Object.fromEntries((await create(body, 400)).errors.map(({ pointer, detail }) => [pointer, detail]));

test('a set without a source waits for its content', async () => {
  const { json, headers } = await client.post('/v1/datasets', { name: 'waits', image: { channels: 1, fit: 'pad' }, seed: 7 }, { status: 201 });
  assert.match(json.id, /^set_\d+$/);
  assert.equal(headers.get('location'), `/v1/datasets/${json.id}`);
  assert.equal(json.status, 'waiting');
  assert.equal(json.source, null);
  assert.deepEqual(json.image, { channels: 1, size: 96, fit: 'pad', filter: 'bilinear' });
  assert.deepEqual([json.test_share, json.seed, json.bytes, json.digest, json.error], [0.2, 7, 0, null, null]);
  assert.deepEqual((await client.get(`/v1/datasets/${json.id}`)).json, json);
  assert.deepEqual((await client.get('/v1/datasets/waits')).json, json);
  assert.equal((await create({ name: 'waits' }, 409)).code, 'name_taken');
  await client.get(`/v1/datasets/${json.id}/report`, { status: 404 });
});

test('an idempotency key makes one set, whatever has become of its source since, also across a restart', async () => {
  const length = '5', tus = { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' };
  const upload = await client.call('POST', '/v1/uploads', { body: 'hello', status: 201, headers: { ...tus, 'upload-length': length } });
  const body = { name: 'once', source: { upload: upload.headers.get('location').split('/').pop() } }, headers = { 'idempotency-key': 'set' };
  const first = await client.post('/v1/datasets', body, { status: 201, headers });
  assert.equal(first.headers.get('idempotency-replayed'), null);
  await until('the end', async () => (await client.get('/v1/datasets/once')).json.status === 'failed');
  for (const restart of [false, true]) {
    if (restart) {
      await daemon.end('SIGKILL');
      await daemon.launch();
    }
    const again = await client.post('/v1/datasets', body, { status: 201, headers });
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assert.equal(again.headers.get('location'), `/v1/datasets/${first.json.id}`);
    assert.deepEqual(again.json, (await client.get('/v1/datasets/once')).json);
  }
  assert.equal((await client.post('/v1/datasets', { name: 'other' }, { status: 409, headers })).json.code, 'key_reused');
  const wrong = await client.post('/v1/datasets', { name: 'n' }, { status: 400, headers: { 'idempotency-key': 'é' } });
  assert.equal(wrong.json.errors[0].pointer, 'Idempotency-Key');
  // What is refused has made nothing; what is deleted takes its key along.
  await client.post('/v1/datasets', {}, { status: 400, headers: { 'idempotency-key': 'free' } });
  await client.post('/v1/datasets', { name: 'free' }, { status: 201, headers: { 'idempotency-key': 'free' } });
  await client.call('DELETE', `/v1/datasets/${first.json.id}`, { status: 204 });
  assert.equal((await client.post('/v1/datasets', { name: 'once' }, { status: 201, headers })).headers.get('idempotency-replayed'), null);
  const crowd = await Promise.all(Array.from({ length: 20 }, () => client.post('/v1/datasets', { name: 'crowd' }, { status: 201, headers: { 'idempotency-key': 'crowd' } })));
  assert.equal(new Set(crowd.map(({ json }) => json.id)).size, 1);
});

test('a name of 128 bytes of any script is found in a path', async () => {
  for (const letter of ['w', '字', '😀']) {
    const name = letter.repeat(128 / Buffer.byteLength(letter)), made = await create({ name }, 201);
    assert.equal((await client.get(`/v1/datasets/${encodeURIComponent(name)}`)).json.id, made.id);
    await client.call('DELETE', `/v1/datasets/${made.id}`, { status: 204 });
  }
});

test('all that is wrong with a request is named', async () => {
  assert.deepEqual(Object.keys(await faults({ name: 'set_3', source: { folder: 'empty', upload: 'up_1' }, image: { channels: 2, size: 7, fit: 'x', filter: 1, y: 2 },
    test_share: 0.95, seed: -1, z: 1 })).sort(),
  ['/image/channels', '/image/filter', '/image/fit', '/image/size', '/image/y', '/name', '/seed', '/source', '/test_share', '/z']);
  for (const name of ['', 'a/b', 'fashion_mnist', 'set_1', 'a\nb', 'x'.repeat(129), 1, '.', '..', ' a', 'a ']) assert.ok('/name' in await faults({ name }), String(name));
  assert.ok('/name' in await faults({}));
  for (const source of ['empty', {}, { folder: '' }]) assert.ok(Object.keys(await faults({ name: 'n', source })).some((key) => key.startsWith('/source')), source);
  for (const body of ['[]', '1', '"a"']) await client.post('/v1/datasets', body, { status: 400 });
  assert.match((await faults('{"name":"a","name":"b"}'))['/name'], /twice/);
});

test('a source may not lead out of the imports folder', async () => {
  for (const folder of ['..', '../', 'empty/../..', '/usr', '/', '.', 'outside', 'outside/bin', 'no such'])
    assert.ok((await faults({ name: 'n', source: { folder } }))['/source/folder'], folder);
});

test('a source that cannot be looked at is not said to be missing', async () => {
  await symlink('around', join(imports, 'around'));
  assert.match((await faults({ name: 'n', source: { folder: 'around' } }))['/source/folder'], /around cannot be looked at: Too many levels/);
  assert.match((await faults({ name: 'n', source: { folder: 'no such' } }))['/source/folder'], /there is no no such/);
});

test('what lies in the imports folder is listed, but for what leads out or is hidden', async () => {
  await mkdir(join(imports, '.hidden'));
  for (const [name, bytes] of [['a.ZIP', 5], ['b.tar.gz', 0], ['notes.txt', 1], ['.zip', 1]]) await writeFile(join(imports, name), 'x'.repeat(bytes));
  const { json } = await client.get('/v1/imports');
  assert.deepEqual(json.data.map(({ folder, kind, bytes }) => [folder, kind, bytes]), [['a.ZIP', 'archive', 5], ['b.tar.gz', 'archive', 0], ['empty', 'folder', null]]);
  await client.get('/v1/imports?x=1', { status: 400 });
});

test('an imports folder that comes later, as on a disk, is no reason not to start', async () => {
  const disk = await mkdtemp(join(tmpdir(), 'imports-')), late = join(disk, 'late');
  const other = await Daemon.start({ args: ['--imports', late] });
  const its = new Client(other.url);
  await other.said(/level=warning event=imports_away folder=\S*late error="No such file or directory"/);
  const { json } = await its.post('/v1/datasets', { name: 'n', source: { folder: 'a' } }, { status: 400 });
  assert.match(json.errors[0].detail, /the folder of imports, .*late: No such file or directory/);
  await mkdir(join(late, 'a'), { recursive: true });
  assert.deepEqual((await its.get('/v1/imports')).json.data.map(({ folder }) => folder), ['a']);
  await its.post('/v1/datasets', { name: 'n', source: { folder: 'a' } }, { status: 201 });
  await other.stop();
  await rm(disk, { recursive: true });
});

test('without an imports folder the fault says how to get one', async () => {
  const other = await Daemon.start();
  const { json } = await new Client(other.url).post('/v1/datasets', { name: 'n', source: { folder: 'a' } }, { status: 400 });
  assert.match(json.errors[0].detail, /--imports FOLDER/);
  assert.deepEqual((await new Client(other.url).get('/v1/imports')).json.data, []);
  await other.stop();
});

test('cancel and delete', async () => {
  const { id } = await create({ name: 'goes' });
  const { json } = await client.post(`/v1/datasets/${id}/cancel`, undefined, { status: 200 });
  assert.deepEqual([json.status, json.error.code], ['failed', 'cancelled']);
  assert.ok(json.finished_at);
  assert.deepEqual((await client.post(`/v1/datasets/${id}/cancel`, {}, { status: 200 })).json, json);
  await client.call('DELETE', `/v1/datasets/${id}`, { status: 204 });
  await client.call('DELETE', `/v1/datasets/${id}`, { status: 404 });
  await client.get(`/v1/datasets/${id}`, { status: 404 });
  const again = await create({ name: 'goes' });
  assert.notEqual(again.id, id);
});

test('the known sets cannot be changed', async () => {
  for (const [method, path, body] of [['DELETE', ''], ['POST', '/cancel'], ['PATCH', '', { name: 'ours' }]])
    assert.equal((await client.call(method, `/v1/datasets/fashion_mnist${path}`, { body, status: 409 })).json.code, 'dataset_is_known');
  await client.get('/v1/datasets/fashion_mnist/report', { status: 404 });
});

test('lists are filtered, and cut into pages', async () => {
  for (const name of ['list-a', 'list-b', 'list-c']) await create({ name });
  const all = (await client.get('/v1/datasets?limit=1000')).json.data.map(({ id }) => id);
  assert.deepEqual(all.slice(-2), ['fashion_mnist', 'mnist']);
  const paged = [];
  for (let after = '', more = true; more;) {
    const { json } = await client.get(`/v1/datasets?limit=1${after && `&after=${after}`}`);
    assert.equal(json.data.length, 1);
    paged.push(json.data[0].id);
    after = json.last_id;
    more = json.has_more;
  }
  assert.deepEqual(paged, all);
  const names = async (query) => (await client.get(`/v1/datasets?${query}`)).json.data.map(({ name }) => name);
  assert.deepEqual(await names('name=LIST-'), ['list-c', 'list-b', 'list-a']);
  assert.deepEqual(await names('name=list-&limit=2'), ['list-c', 'list-b']);
  assert.deepEqual(await names('status=ready'), ['fashion_mnist']);
  assert.deepEqual(await names('status=ready,failed&name=mnist'), ['fashion_mnist', 'mnist']);
  assert.deepEqual(await names('status=importing'), []);
  for (const query of ['status=', 'status=done', 'after=set_x', 'limit=0', 'x=1']) await client.get(`/v1/datasets?${query}`, { status: 400 });
});

test('a set is renamed, and what its people note of it kept', async () => {
  const { id, metadata } = await create({ name: 'before' }), path = `/v1/datasets/${id}`;
  assert.deepEqual(metadata, {});
  const stream = await client.stream('/v1/events'), events = [];
  const reading = collect(stream, (event) => events.push(event) && event.data.name === 'größer');
  const patch = async (body, status = 200, headers = {}) => (await client.call('PATCH', path, { body, status, headers })).json;
  const first = (await client.get(path)).headers.get('etag');
  const changed = await patch({ name: 'größer', metadata: { camera: 'phone', place: 'roof' } }, 200, { 'if-match': first, 'content-type': 'application/merge-patch+json' });
  assert.deepEqual([changed.name, changed.title, changed.metadata, changed.status], ['größer', 'größer', { camera: 'phone', place: 'roof' }, 'waiting']);
  assert.equal((await patch({ name: 'lost' }, 412, { 'if-match': first })).code, 'precondition_failed');
  assert.deepEqual((await patch({ metadata: { place: null } })).metadata, { camera: 'phone' });
  assert.deepEqual((await client.get(`/v1/datasets/${encodeURIComponent('größer')}`)).json, (await client.get(path)).json);
  await client.get('/v1/datasets/before', { status: 404 });
  // The same rules as for a new one, and for what jobs have.
  await create({ name: 'taken' });
  assert.equal((await patch({ name: 'taken' }, 409)).code, 'name_taken');
  assert.equal((await patch({ name: 'größer', metadata: null })).name, 'größer');
  for (const [body, pointer] of [[{ name: null }, '/name'], [{ name: 'set_7' }, '/name'], [{ name: 'a/b' }, '/name'], [{ name: 'mnist' }, '/name'], [{ seed: 1 }, '/seed'],
    [{ metadata: { a: 1 } }, '/metadata/a'], [[], '']]) assert.deepEqual((await patch(body, 400)).errors.map((e) => e.pointer), [pointer], JSON.stringify(body));
  assert.deepEqual((await client.get(path)).json.metadata, {});
  await reading;
  assert.deepEqual(events.at(-1).data.metadata, { camera: 'phone', place: 'roof' });
  assert.deepEqual([events.at(-1).data.dataset_id, events.at(-1).data.previous, events.at(-1).data.status], [id, 'waiting', 'waiting']);
  // It lasts.
  await patch({ metadata: { note: 'kept' } });
  await daemonAgain();
  assert.deepEqual((await client.get(path)).json.metadata, { note: 'kept' });
  await client.call('DELETE', path, { status: 204 });
});

test('readers of events are told', async () => {
  const stream = await client.stream('/v1/events'), events = [];
  const reading = collect(stream, (event) => events.push(event) && event.data.status === 'deleted');
  const { id } = await create({ name: 'told' });
  await client.post(`/v1/datasets/${id}/cancel`, undefined, { status: 200 });
  // Of what is deleted the last event alone is left.
  await until('what was told before', () => events.length === 2);
  await client.call('DELETE', `/v1/datasets/${id}`, { status: 204 });
  await reading;
  assert.deepEqual(events.map(({ type, job_id, data }) => [type, job_id, data.dataset_id, data.previous, data.status]), [
    ['dataset', null, id, null, 'waiting'], ['dataset', null, id, 'waiting', 'failed'], ['dataset', null, id, 'failed', 'deleted'],
  ]);
  // What was told of it before is gone with it; that it is gone stays.
  const kept = (await client.get('/v1/events?limit=1000')).json.data.filter(({ data }) => data.dataset_id === id);
  assert.deepEqual(kept.map(({ data }) => data.status), ['deleted']);
});

test('a token that may only read may not create', async () => {
  const reader = await Daemon.start({ environment: { GOOGLENETD_TOKEN: 'writes', GOOGLENETD_READ_TOKEN: 'reads' } });
  const client = new Client(reader.url, 'reads');
  await client.get('/v1/datasets');
  for (const [method, path, body] of [['POST', '', { name: 'n' }], ['POST', '/set_1/cancel'], ['DELETE', '/set_1'], ['PATCH', '/set_1', {}]])
    assert.equal((await client.call(method, `/v1/datasets${path}`, { body, status: 403 })).json.code, 'read_only_token');
  await reader.stop();
});

test('sets survive a restart, and no id is given twice', async () => {
  const { id } = await create({ name: 'stays' });
  const gone = await create({ name: 'gone' });
  await client.call('DELETE', `/v1/datasets/${gone.id}`, { status: 204 });
  const before = (await client.get(`/v1/datasets/${id}`)).json;
  await mkdir(join(daemon.data, 'datasets/set_900'), { recursive: true });
  await writeFile(join(daemon.data, 'datasets/set_900/pixels'), 'of another store');
  await daemon.end('SIGKILL');
  await daemon.launch();
  assert.deepEqual((await client.get(`/v1/datasets/${id}`)).json, before);
  await daemon.said(/lost_and_found what=\S*set_900/);
  assert.equal((await create({ name: 'next' })).id, 'set_901');
});
