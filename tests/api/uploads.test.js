// Files that are sent in parts: the tus protocol, its refusals, limits and what lasts over a restart.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';

const MIB = 1 << 20;
let daemon, client;

before(async () => {
  const args = ['--limits-upload-bytes', 40 * MIB, '--limits-datasets-bytes', 100 * MIB, '--limits-uploads', 6];
  daemon = await Daemon.start({ args: args.map(String) });
  client = new Client(daemon.url);
});
after(() => daemon.stop());

const TUS = { 'tus-resumable': '1.0.0' };
const BYTES = { ...TUS, 'content-type': 'application/offset+octet-stream' };
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const folder = () => join(daemon.data, 'uploads');

// The client of the tests sends text; these are bytes as they are.
async function send(method, path, { headers, bytes, status }) {
  const answer = await fetch(daemon.url + path, { method, headers, body: bytes });
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  assert.equal(answer.headers.get('tus-resumable'), '1.0.0');
  return { headers: answer.headers, json: text ? JSON.parse(text) : null };
}

async function create(length, headers = {}) {
  const answer = await client.call('POST', '/v1/uploads', { headers: { ...TUS, 'upload-length': String(length), ...headers }, status: 201 });
  const path = answer.headers.get('location');
  assert.match(path, /^\/v1\/uploads\/up_[0-9a-f]{16}$/);
  return path;
}

const patch = (path, offset, bytes, status = 204) =>
  send('PATCH', path, { headers: { ...BYTES, 'upload-offset': String(offset) }, bytes, status });
const offset = async (path) => Number((await client.call('HEAD', path, { headers: TUS, status: 200 })).headers.get('upload-offset'));
const remove = (path) => client.call('DELETE', path, { headers: TUS, status: 204 });

test('a file in three parts, with its name and its digest', async () => {
  const file = randomBytes(3 * MIB + 17);
  const path = await create(file.length, { 'upload-metadata': `filename ${Buffer.from('Hemden ü.zip').toString('base64')},draft` });
  const head = await client.call('HEAD', path, { headers: TUS, status: 200 });
  assert.equal(head.headers.get('upload-length'), String(file.length));
  assert.equal(head.headers.get('upload-offset'), '0');
  assert.equal(head.headers.get('upload-metadata'), 'filename SGVtZGVuIMO8LnppcA==,draft');
  assert.equal(head.headers.get('cache-control'), 'no-store');
  assert.ok(Date.parse(head.headers.get('upload-expires')) > Date.now() + 86000e3);
  for (const [from, to] of [[0, 1], [1, 2 * MIB], [2 * MIB, file.length]]) {
    const { headers } = await patch(path, from, file.subarray(from, to));
    assert.equal(headers.get('upload-offset'), String(to));
    assert.equal(await offset(path), to);
    const { json } = await client.get(path);
    assert.deepEqual([json.status, json.offset, json.filename], [to === file.length ? 'complete' : 'receiving', to, 'Hemden ü.zip']);
    assert.equal(json.sha256, to === file.length ? sha256(file) : null);
  }
  const { json } = await client.get('/v1/uploads');
  assert.deepEqual(json.data.map(({ id }) => `/v1/uploads/${id}`), [path]);
  assert.ok(readFileSync(join(folder(), path.split('/').at(-1))).equals(file));
  await remove(path);
  assert.deepEqual(readdirSync(folder()), []);
  for (const method of ['GET', 'DELETE', 'HEAD']) await client.call(method, path, { headers: TUS, status: 404 });
  await patch(path, 0, Buffer.from('x'), 404);
});

test('an empty file, and one that comes with its creation', async () => {
  const empty = await create(0);
  assert.deepEqual((await client.get(empty)).json.sha256, sha256(''));
  await patch(empty, 0, Buffer.alloc(0));
  const file = randomBytes(100000);
  const { headers } = await send('POST', '/v1/uploads', { headers: { ...BYTES, 'upload-length': '100000' }, bytes: file, status: 201 });
  assert.equal(headers.get('upload-offset'), '100000');
  const { json } = await client.get(headers.get('location'));
  assert.deepEqual([json.status, json.sha256, json.filename], ['complete', sha256(file), null]);
  for (const path of [empty, headers.get('location')]) await remove(path);
});

test('an idempotency key makes one upload, also across a restart, and says where to go on', async () => {
  const file = randomBytes(1000), key = { 'idempotency-key': 'send-once', 'upload-length': '1000', 'upload-metadata': 'filename YQ==' };
  const first = await send('POST', '/v1/uploads', { headers: { ...TUS, ...key }, status: 201 });
  const path = first.headers.get('location');
  assert.equal(first.headers.get('idempotency-replayed'), null);
  await patch(path, 0, file.subarray(0, 400));
  await daemon.end('SIGKILL');
  await daemon.launch();
  for (const bytes of [undefined, file]) {
    const again = await send('POST', '/v1/uploads', { headers: { ...(bytes ? BYTES : TUS), ...key }, bytes, status: 201 });
    assert.deepEqual(['location', 'idempotency-replayed', 'upload-offset'].map((name) => again.headers.get(name)), [path, 'true', '400']);
  }
  for (const other of [{ 'upload-length': '1001' }, { 'upload-metadata': 'filename Yg==' }])
    assert.equal((await send('POST', '/v1/uploads', { headers: { ...TUS, ...key, ...other }, status: 409 })).json.code, 'key_reused');
  const wrong = await send('POST', '/v1/uploads', { headers: { ...TUS, ...key, 'idempotency-key': 'x'.repeat(256) }, status: 400 });
  assert.equal(wrong.json.errors[0].pointer, 'Idempotency-Key');
  await patch(path, 400, file.subarray(400));
  assert.equal((await client.get(path)).json.sha256, sha256(file));
  await remove(path);
  const anew = await send('POST', '/v1/uploads', { headers: { ...BYTES, ...key }, bytes: file, status: 201 });
  assert.deepEqual([anew.headers.get('idempotency-replayed'), anew.headers.get('upload-offset')], [null, '1000']);
  await remove(anew.headers.get('location'));
  // Many at once: one is made, and who comes too early is told so.
  const crowd = await Promise.all(Array.from({ length: 12 }, () =>
    fetch(`${daemon.url}/v1/uploads`, { method: 'POST', headers: { ...TUS, ...key, 'idempotency-key': 'crowd' } })));
  const made = new Set(crowd.filter(({ status }) => status === 201).map(({ headers }) => headers.get('location')));
  assert.equal(made.size, 1);
  for (const answer of crowd.filter(({ status }) => status !== 201)) assert.deepEqual([answer.status, (await answer.json()).code], [423, 'locked']);
  await remove([...made][0]);
});

test('a page goes on where the upload that it ended with is gone', async () => {
  const made = [];
  for (let i = 0; i < 4; i++)
    made.push((await client.call('POST', '/v1/uploads', { status: 201, headers: { 'tus-resumable': '1.0.0', 'upload-length': '5' } })).headers.get('location').split('/').pop());
  assert.deepEqual([...made].sort(), made, 'ids sort by time');
  const all = (await client.get('/v1/uploads')).json.data.map(({ id }) => id);
  assert.deepEqual(all.slice(-4), made);
  await client.call('DELETE', `/v1/uploads/${made[1]}`, { status: 204, headers: { 'tus-resumable': '1.0.0' } });
  const { json } = await client.get(`/v1/uploads?after=${made[1]}&limit=1`);
  assert.deepEqual([json.data.map(({ id }) => id), json.has_more], [[made[2]], true]);
  assert.deepEqual((await client.get(`/v1/uploads?after=${made[3]}`)).json.data, []);
  for (const wrong of ['up_1', 'set_1', `${made[0]}0`]) await client.get(`/v1/uploads?after=${wrong}`, { status: 400 });
  for (const id of [made[0], made[2], made[3]]) await client.call('DELETE', `/v1/uploads/${id}`, { status: 204, headers: { 'tus-resumable': '1.0.0' } });
});

test('OPTIONS says what there is, and every answer bears the version', async () => {
  const { headers } = await client.call('OPTIONS', '/v1/uploads', { status: 204 });
  assert.equal(headers.get('tus-version'), '1.0.0');
  assert.deepEqual(headers.get('tus-extension').split(',').sort(), ['creation', 'creation-with-upload', 'expiration', 'termination']);
  assert.equal(headers.get('tus-max-size'), String(40 * MIB));
  for (const [method, path] of [['OPTIONS', '/v1/uploads/up_1'], ['GET', '/v1/uploads'], ['GET', '/v1/uploads/up_1'], ['PUT', '/v1/uploads']])
    assert.equal((await client.call(method, path)).headers.get('tus-resumable'), '1.0.0', `${method} ${path}`);
  for (const path of ['/livez', '/v1/jobs', '/v1/uploadsx']) assert.equal((await client.call('GET', path)).headers.get('tus-resumable'), null);
});

test('refusals', async () => {
  const path = await create(1000);
  await patch(path, 0, Buffer.alloc(10));
  const cases = [
    ['POST', '/v1/uploads', { 'upload-length': '5' }, 412, 'tus_version'],
    ['POST', '/v1/uploads', { 'tus-resumable': '0.2.2', 'upload-length': '5' }, 412, 'tus_version'],
    ['POST', '/v1/uploads', TUS, 400, 'invalid_request'],
    ['POST', '/v1/uploads?x=1', { ...TUS, 'upload-length': '5' }, 400, 'invalid_request'],
    ...['-1', '1.5', '0x10', ' ', '9'.repeat(19)].map((n) => ['POST', '/v1/uploads', { ...TUS, 'upload-length': n }, 400, 'invalid_request']),
    ['POST', '/v1/uploads', { ...TUS, 'upload-length': String(40 * MIB + 1) }, 413, 'too_large'],
    ...['a b', 'a YQ==,a YQ==', 'a YQ== b', ',a', 'a YQ', 'ä YQ==', `a ${'A'.repeat(4096)}`].map((m) =>
      ['POST', '/v1/uploads', { ...TUS, 'upload-length': '5', 'upload-metadata': Buffer.from(m).toString('latin1') }, 400, 'invalid_request']),
    ['GET', path, { 'tus-resumable': '2' }, 412, 'tus_version'],
    ['GET', '/v1/uploads/up_0123456789abcdef', TUS, 404, 'upload_not_found'],
    ['PATCH', path, { 'content-type': BYTES['content-type'], 'upload-offset': '10' }, 412, 'tus_version'],
    ['PATCH', path, { ...TUS, 'content-type': 'application/json', 'upload-offset': '10' }, 415, 'unsupported_media_type'],
    ['PATCH', path, BYTES, 400, 'invalid_request'],
    ['PATCH', path, { ...BYTES, 'upload-offset': '11' }, 409, 'offset_mismatch'],
    ['PATCH', path, { ...BYTES, 'upload-offset': '0' }, 409, 'offset_mismatch'],
    ['POST', path, { ...BYTES, 'upload-offset': '10' }, 400, 'invalid_request'],
    ['POST', path, { ...BYTES, 'upload-offset': '10', 'x-http-method-override': 'PUT' }, 400, 'invalid_request'],
  ];
  for (const [method, at, headers, status, code] of cases) {
    const { json } = await client.call(method, at, { headers, status });
    assert.equal(json.code, code, JSON.stringify([method, headers, json]));
  }
  const { json } = await patch(path, 10, Buffer.alloc(991), 413);
  assert.match(json.detail, /991 bytes.*room for 990/);
  assert.match((await patch(path, 3, Buffer.alloc(5), 409)).json.detail, /stands at 10, not at 3/);
  const { json: type } = await send('POST', '/v1/uploads', { headers: { ...TUS, 'upload-length': '5', 'content-type': 'text/plain' }, bytes: 'abcde', status: 415 });
  assert.equal(type.code, 'unsupported_media_type');
  assert.equal(await offset(path), 10);
  await remove(path);
  assert.deepEqual((await client.get('/v1/uploads')).json.data, []);
});

test('PATCH and DELETE by POST', async () => {
  const path = await create(5);
  await send('POST', path, { headers: { ...BYTES, 'upload-offset': '0', 'x-http-method-override': 'PATCH' }, bytes: 'abcde', status: 204 });
  assert.equal((await client.get(path)).json.sha256, sha256('abcde'));
  await send('POST', path, { headers: { ...TUS, 'x-http-method-override': 'DELETE' }, status: 204 });
  await client.get(path, { status: 404 });
});

test('a limit for one upload, for their number, for all bytes', async () => {
  const paths = [];
  for (let i = 0; i < 2; i++) paths.push(await create(40 * MIB));
  const { json } = await client.call('POST', '/v1/uploads', { headers: { ...TUS, 'upload-length': String(21 * MIB) }, status: 507 });
  assert.equal(json.code, 'quota_exceeded');
  assert.match(json.detail, new RegExp(`${100 * MIB} bytes together and have ${80 * MIB}: there is no room for ${21 * MIB}`));
  for (let i = 0; i < 4; i++) paths.push(await create(MIB));
  const { json: full } = await client.call('POST', '/v1/uploads', { headers: { ...TUS, 'upload-length': '1' }, status: 409 });
  assert.equal(full.code, 'too_many_uploads');
  // A refusal takes nothing from the quota, and what is deleted comes back.
  for (const path of paths) await remove(path);
  for (let i = 0; i < 2; i++) await remove(await create(40 * MIB));
  assert.deepEqual(readdirSync(folder()), []);
});

test('a disk that cannot hold it is said at once', async (t) => {
  const huge = await Daemon.start({ args: ['--limits-upload-bytes', String(2 ** 50)] });
  t.after(() => huge.stop());
  const other = new Client(huge.url);
  const { json } = await other.call('POST', '/v1/uploads', { headers: { ...TUS, 'upload-length': String(2 ** 49) }, status: 507 });
  assert.equal(json.code, 'insufficient_storage');
  assert.match(json.detail, /bytes left, of which \d+ are kept for jobs/);
});

test('uploads last over a restart, remainders go, and strangers are kept', async () => {
  const file = randomBytes(9 * MIB);
  const path = await create(file.length, { 'upload-metadata': 'filename YQ==' });
  await patch(path, 0, file.subarray(0, 6 * MIB));
  const whole = await create(3);
  await patch(whole, 0, Buffer.from('abc'));
  const long = await create(3);
  await daemon.leave();
  const at = (name) => join(folder(), name);
  writeFileSync(at('up_00000000000000aa.part'), 'of a PUT that was killed');
  writeFileSync(at('up_00000000000000ab.json'), '{"length":5}');
  writeFileSync(at('up_00000000000000ac.json.tmp-0123456789ab'), '{');
  writeFileSync(at('up_00000000000000ad'), 'without information');
  writeFileSync(at('notes.txt'), 'of the operator');
  writeFileSync(at(long.split('/').at(-1)), 'longer than it may be');
  await daemon.launch();
  const { json } = await client.get('/v1/uploads');
  assert.deepEqual(json.data.map(({ id, offset: n, filename, sha256: s }) => [`/v1/uploads/${id}`, n, filename, s]),
    [[path, 6 * MIB, 'a', null], [whole, 3, null, sha256('abc')]]);
  const lost = readdirSync(join(daemon.data, 'lost+found')).sort();
  const name = long.split('/').at(-1);
  assert.deepEqual(lost, ['notes.txt', 'up_00000000000000ad', name, `${name}.json`].sort());
  assert.equal(readdirSync(folder()).length, 4, String(readdirSync(folder())));
  // What came before is part of the digest, though it is read again little by little.
  await patch(path, 6 * MIB, file.subarray(6 * MIB, 7 * MIB));
  await patch(path, 7 * MIB, file.subarray(7 * MIB));
  assert.equal((await client.get(path)).json.sha256, sha256(file));
  await remove(path);
  await remove(whole);
});

test('who sends nothing for too long loses the upload', async (t) => {
  const short = await Daemon.start({ args: ['--limits-upload-idle-seconds', '4'] });
  t.after(() => short.stop());
  const other = new Client(short.url);
  const headers = { ...TUS, 'upload-length': '100000' };
  const at = async () => (await other.call('POST', '/v1/uploads', { headers, status: 201 })).headers.get('location');
  const idle = await at(), busy = await at();
  let i = 0;
  await until('the end of the idle one', async () => {
    const answer = await fetch(short.url + busy, { method: 'PATCH', headers: { ...BYTES, 'upload-offset': String(i++) }, body: 'x' });
    assert.equal(answer.status, 204);
    return (await other.call('GET', idle)).status === 404;
  });
  assert.equal((await other.call('GET', busy)).status, 200);
  await until('the end of the other one', async () => (await other.call('GET', busy)).status === 404);
  assert.deepEqual(readdirSync(join(short.data, 'uploads')), []);
  await short.said(new RegExp(`event=upload_expired upload=up_\\w+ bytes=${i}\\b`));
});

test('tokens: one that reads may look, and not send', async (t) => {
  const environment = { GOOGLENETD_TOKEN: 'all', GOOGLENETD_READ_TOKEN: 'look' };
  const guarded = await Daemon.start({ environment });
  t.after(() => guarded.stop());
  const all = new Client(guarded.url, 'all'), look = new Client(guarded.url, 'look'), none = new Client(guarded.url);
  const headers = { ...TUS, 'upload-length': '4' };
  await none.call('POST', '/v1/uploads', { headers, status: 401 });
  await look.call('POST', '/v1/uploads', { headers, status: 403 });
  const path = (await all.call('POST', '/v1/uploads', { headers, status: 201 })).headers.get('location');
  await look.call('HEAD', path, { headers: TUS, status: 200 });
  for (const [who, status] of [[none, 401], [look, 403]]) {
    await who.call('PATCH', path, { headers: { ...BYTES, 'upload-offset': '0' }, body: 'abcd', status });
    await who.call('POST', path, { headers: { ...BYTES, 'upload-offset': '0', 'x-http-method-override': 'PATCH' }, body: 'abcd', status });
    await who.call('DELETE', path, { headers: TUS, status });
  }
  await none.call('POST', '/v1/uploads', { headers: { ...headers, 'sec-fetch-site': 'cross-site' }, status: 403 });
  assert.equal(Number((await all.call('HEAD', path, { headers: TUS })).headers.get('upload-offset')), 0);
});
