// Create, check, list, rename, clone, steer and delete jobs. One long job keeps the worker busy, so
// that the others stay in the queue.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';

const long = { network: 'googlenet_tiny', train_limit: 2000, test_limit: 100, epochs: 100000, batch_size: 16 };
let daemon, client, busy, datasets;

before(async () => {
  // The one data set that the tests need, and no other.
  datasets = await mkdtemp(join(tmpdir(), 'datasets-'));
  await symlink('/usr/share/datasets/fashion-mnist', join(datasets, 'fashion-mnist'));
  daemon = await Daemon.start({ args: ['--datasets', datasets] });
  client = new Client(daemon.url);
  busy = await client.create({ ...long, name: 'busy' });
  await until('the start', async () => (await client.job(busy.id)).status === 'running');
});

after(async () => {
  await daemon.stop();
  await rm(datasets, { recursive: true });
});

test('an empty object is the recipe of the chapter', async () => {
  const { json, headers } = await client.post('/v1/jobs', {}, { status: 201 });
  assert.equal(headers.get('location'), `/v1/jobs/${json.id}`);
  assert.equal(json.status, 'queued');
  const { settings } = json;
  assert.equal(settings.network, 'googlenet');
  assert.equal(settings.dataset, 'fashion_mnist');
  assert.deepEqual([settings.image_size, settings.epochs, settings.batch_size, settings.seed], [96, 10, 128, 0]);
  assert.deepEqual(settings.optimizer, {
    name: 'sgd', learning_rate: 0.1, momentum: 0, nesterov: false, beta1: 0.9, beta2: 0.999, epsilon: 1e-8,
    weight_decay: 0, decay_biases: true, clip_norm: 0,
  });
  assert.deepEqual([settings.accumulation, settings.ema], [1, { decay: 0, warmup: false }]);
  assert.deepEqual((await client.job(json.id)).id, json.id);
});

test('a dry run resolves and summarises, and makes nothing', async () => {
  const before = (await client.get('/v1/jobs?limit=1000')).json.data.length;
  const { json } = await client.post('/v1/jobs?dry_run=true', { epochs: 2, train_limit: 1000, name: 'dry' }, { status: 200 });
  assert.equal(json.name, 'dry');
  assert.equal(json.settings.batch_size, 128);
  assert.equal(json.total_steps, 2 * Math.ceil(1000 / 128));
  assert.equal(json.network.parameters, 5977530);
  assert.equal((await client.get('/v1/jobs?limit=1000')).json.data.length, before);
  // What it resolved to is itself a request, for the same.
  const again = await client.post('/v1/jobs?dry_run=true', json.settings, { status: 200 });
  assert.deepEqual(again.json.settings, json.settings);
});

test('a last batch of one example is no step of a network that normalises by the batch', async () => {
  const steps = async (network, train_limit) =>
    (await client.post('/v1/jobs?dry_run=true', { network, train_limit, epochs: 2, batch_size: 100 }, { status: 200 })).json.total_steps;
  assert.equal(await steps('googlenet', 301), 8);
  assert.equal(await steps('googlenet_bn', 301), 6);
  assert.equal(await steps('googlenet_bn', 302), 8);
});

test('a dry run shows the learning rate of each step', async () => {
  const dry = async (more) => (await client.post('/v1/jobs?dry_run=true', { ...more, optimizer: { learning_rate: 0.2 } }, { status: 200 })).json;
  const short = await dry({ epochs: 2, train_limit: 300, batch_size: 100, schedule: { type: 'cosine' } });
  const { step, learning_rate: rate } = short.learning_rate_curve;
  assert.deepEqual(step, [1, 2, 3, 4, 5, 6]);
  rate.forEach((value, i) => assert.ok(Math.abs(value - 0.1 * (1 + Math.cos((Math.PI * i) / 6))) < 1e-15, `${value} at ${i}`));
  const long = await dry({ epochs: 100 });
  assert.equal(long.learning_rate_curve.step.length, 256);
  assert.deepEqual([long.learning_rate_curve.step[0], long.learning_rate_curve.step.at(-1)], [1, long.total_steps]);
  assert.ok(long.learning_rate_curve.learning_rate.every((value) => value === 0.2));
  assert.deepEqual((await dry({ epochs: 1, train_limit: 1 })).learning_rate_curve, { step: [1], learning_rate: [0.2] });
});

test('a dry run counts updates, and knows every schedule', async () => {
  const dry = async (body) => (await client.post('/v1/jobs?dry_run=true', { epochs: 3, train_limit: 1000, batch_size: 100, ...body }, { status: 200 })).json;
  const near = (values, wanted) => values.forEach((v, i) => assert.ok(Math.abs(v - wanted[i]) < 1e-12, `${v} at ${i}, not ${wanted[i]}`));
  // Ten batches an epoch are four updates of three batches, the last of one.
  const groups = await dry({ accumulation: 3, schedule: { type: 'step', every_epochs: 1, gamma: 0.5 } });
  assert.equal(groups.total_steps, 12);
  near(groups.learning_rate_curve.learning_rate, [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025]);
  const warm = await dry({ epochs: 2, accumulation: 5, schedule: { type: 'polynomial', warmup_epochs: 1, warmup_start: 0.5 } });
  near(warm.learning_rate_curve.learning_rate, [0.05, 0.075, 0.1, 0.05]);
  const cycle = (await dry({ schedule: { type: 'one_cycle' } })).learning_rate_curve.learning_rate;
  assert.equal(cycle.length, 30);
  near([cycle[0], Math.max(...cycle), cycle[8], cycle[29]], [0.004, 0.1, 0.1, 4e-7]);
  const fall = (await dry({ schedule: { type: 'exponential', gamma: 0.25 } })).learning_rate_curve.learning_rate;
  near([fall[0], fall[5], fall[10]], [0.1, 0.05, 0.025]);
});

test('ready-made jobs are without fault', async () => {
  const folder = fileURLToPath(new URL('../../config/jobs/', import.meta.url));
  // One trains on pictures that have to be fetched first: that they are not here is all that is wrong with it.
  const elsewhere = { 'emoji.json': ['/dataset'] };
  for (const file of readdirSync(folder)) {
    const { json } = await client.post('/v1/jobs?dry_run=true', JSON.parse(readFileSync(join(folder, file), 'utf8')), { status: file in elsewhere ? 400 : 200 });
    assert.deepEqual(json.errors?.map(({ pointer }) => pointer), elsewhere[file], file);
  }
});

test('settings say beside which others they mean something', async () => {
  const { json } = await client.get('/v1/settings');
  const field = Object.fromEntries(json.data.map((row) => [row.path, row]));
  assert.deepEqual(field['schedule.gamma'].when, { 'schedule.type': ['step', 'exponential'] });
  assert.deepEqual([field['optimizer.nesterov'].when, field['optimizer.nesterov'].needs], [{ 'optimizer.name': ['sgd'] }, 'optimizer.momentum']);
  assert.deepEqual([field.epochs.when, field.epochs.needs], [null, null]);
});

test('a data set that is not there is a fault of the request, which names where it was looked for', async () => {
  const before = (await client.get('/v1/jobs?limit=1')).json.last_id;
  const mnist = (await client.get('/v1/datasets')).json.data.find(({ id }) => id === 'mnist');
  const known = await client.create(long);
  for (const [path, body] of [['/v1/jobs', { dataset: 'mnist' }], ['/v1/jobs?dry_run=true', { dataset: 'mnist', epochs: 0 }],
    [`/v1/jobs/${known.id}/clone`, { dataset: 'mnist' }]]) {
    const { json } = await client.post(path, body, { status: 400 });
    const fault = json.errors.find(({ pointer }) => pointer === '/dataset');
    assert.equal(fault.code, 'dataset_unavailable');
    assert.ok(fault.detail.includes(`${mnist.source.folder}/train-images-idx3-ubyte is missing`), fault.detail);
    assert.equal(json.code, body.epochs === 0 ? 'invalid_request' : 'dataset_unavailable');
  }
  assert.equal(mnist.status, 'failed');
  assert.match(mnist.error.message, /train-images-idx3-ubyte is missing/);
  assert.equal(Number((await client.get('/v1/jobs?limit=1')).json.last_id.slice(4)), Number(before.slice(4)) + 1);
});

test('a precision that the CPU does not compute is refused, with those that it does', async () => {
  const older = await Daemon.start({ environment: { ONEDNN_MAX_CPU_ISA: 'SSE41' } });
  const { post, get } = new Client(older.url);
  assert.deepEqual((await get('/v1/system')).json.cpu.precisions, ['f32']);
  const { json } = await post('/v1/jobs?dry_run=true', { precision: 'bf16' }, { status: 400 });
  assert.deepEqual(json.errors.map(({ pointer }) => pointer), ['/precision']);
  assert.match(json.errors[0].detail, /^must be f32 or auto: bf16 needs AVX512-BF16 or AMX, and this CPU has sse4/);
  await post('/v1/jobs?dry_run=true', { precision: 'auto' }, { status: 200 });
  await older.stop();
});

test('a job that no machine could hold is refused, with what it needs and what there is', async () => {
  for (const path of ['/v1/jobs', '/v1/jobs?dry_run=true']) {
    const { json } = await client.post(path, { image_size: 1024, batch_size: 4096 }, { status: 400 });
    assert.equal(json.code, 'too_large_for_memory');
    assert.deepEqual(json.errors.map(({ pointer }) => pointer), ['/batch_size']);
    assert.match(json.errors[0].detail, /\d GB/);
  }
});

test('all faults are named at once', async () => {
  const body = {
    batch_size: 0,
    epochs: 'ten',
    learning_rate: 0.1,
    optimizer: { name: 'adam', momentum: 1 },
    seed: 2 ** 53,
    dataset: '/etc',
    metadata: { key: 7 },
  };
  const { json } = await client.post('/v1/jobs?dry_run=maybe&color=red', body, { status: 400 });
  assert.equal(json.code, 'invalid_request');
  const pointers = json.errors.map((error) => error.pointer).sort();
  const wanted = ['/batch_size', '/epochs', '/learning_rate', '/optimizer/name', '/optimizer/momentum', '/seed', '/dataset', '/metadata/key', '?dry_run', '?color'];
  assert.deepEqual(pointers, wanted.sort());
  assert.match(json.errors.find((error) => error.pointer === '/batch_size').detail, /must be 1 to 4096, got 0/);
});

test('an idempotency key makes one job, also across a restart', async () => {
  const headers = { 'idempotency-key': 'first-try' };
  const first = await client.post('/v1/jobs', { ...long, seed: 5 }, { status: 201, headers });
  assert.equal(first.headers.get('idempotency-replayed'), null);
  const second = await client.post('/v1/jobs', { ...long, seed: 5 }, { status: 201, headers });
  assert.equal(second.json.id, first.json.id);
  assert.equal(second.headers.get('idempotency-replayed'), 'true');
  assert.equal(second.headers.get('location'), first.headers.get('location'));
  const { json } = await client.post('/v1/jobs', { ...long, seed: 6 }, { status: 409, headers });
  assert.equal(json.code, 'key_reused');
  for (const key of ['x'.repeat(256), 'é'])
    assert.equal((await client.post('/v1/jobs', {}, { status: 400, headers: { 'idempotency-key': key } })).json.errors[0].pointer, 'Idempotency-Key');

  await daemon.end('SIGKILL');
  await daemon.launch();
  const third = await client.post('/v1/jobs', { ...long, seed: 5 }, { status: 201, headers });
  assert.equal(third.json.id, first.json.id);
});

test('an idempotency key stands for method, path and the bytes of the body, and for nothing else', async () => {
  const parent = await client.create({ ...long, name: 'before' });
  const headers = { 'idempotency-key': 'bytes' };
  const clone = (body, status) => client.call('POST', `/v1/jobs/${parent.id}/clone`, { body, status, headers });
  const { json: first } = await clone('{"seed": 8}', 201);
  // Neither what the parent is called by now, nor what became of the first answer, matters.
  await client.call('PATCH', `/v1/jobs/${parent.id}`, { body: { name: 'after' }, status: 200 });
  await client.call('PATCH', `/v1/jobs/${first.id}`, { body: { metadata: { a: 'b' } }, status: 200 });
  assert.equal((await clone('{"seed": 8}', 201)).json.id, first.id);
  assert.equal((await clone('{"seed":8}', 409)).json.code, 'key_reused');
  assert.equal((await clone(undefined, 409)).json.code, 'key_reused');
  await client.call('POST', '/v1/jobs', { body: '{"seed": 8}', status: 409, headers });
  // A dry run makes nothing and so is not what was asked before.
  const dry = await client.call('POST', `/v1/jobs/${parent.id}/clone?dry_run=true`, { body: '{"seed": 8}', status: 200, headers });
  assert.equal(dry.json.object, 'dry_run');
  // The parent may be gone.
  await client.call('POST', `/v1/jobs/${parent.id}/stop`, { status: 202 });
  await client.call('DELETE', `/v1/jobs/${parent.id}`, { status: 204 });
  assert.equal((await clone('{"seed": 8}', 201)).json.id, first.id);
  // A refused request leaves the key free.
  const free = { 'idempotency-key': 'free' };
  await client.post('/v1/jobs', { epochs: 0 }, { status: 400, headers: free });
  await client.post('/v1/jobs', long, { status: 201, headers: free });
});

test('a hundred creates at once with one key make one job', async () => {
  const headers = { 'idempotency-key': 'crowd' };
  const answers = await Promise.all(Array.from({ length: 100 }, () => client.post('/v1/jobs', long, { status: 201, headers })));
  assert.equal(new Set(answers.map((answer) => answer.json.id)).size, 1);
});

test('lists go page by page, newest first, and by status', async () => {
  const ids = [];
  let path = '/v1/jobs?limit=2';
  for (;;) {
    const { json } = await client.get(path);
    ids.push(...json.data.map((job) => job.id));
    assert.ok(json.data.length <= 2);
    if (!json.has_more) break;
    assert.equal(json.last_id, ids.at(-1));
    path = `/v1/jobs?limit=2&after=${json.last_id}`;
  }
  const numbers = ids.map((id) => Number(id.slice(4)));
  assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => b - a));
  assert.deepEqual(ids, (await client.get('/v1/jobs?limit=1000')).json.data.map((job) => job.id));

  const active = (await client.get('/v1/jobs?limit=1000&status=queued,running')).json.data;
  assert.ok(active.every((job) => ['queued', 'running'].includes(job.status)));
  assert.deepEqual((await client.get('/v1/jobs?status=failed')).json.data, []);
  const { json } = await client.get('/v1/jobs?status=lost&after=7&limit=0', { status: 400 });
  assert.deepEqual(json.errors.map((error) => error.pointer).sort(), ['?after', '?limit', '?status']);
});

test('a job that has not changed is 304', async () => {
  const { json } = await client.post('/v1/jobs', long, { status: 201 });
  const { headers } = await client.get(`/v1/jobs/${json.id}`);
  const again = { 'if-none-match': headers.get('etag') };
  await client.get(`/v1/jobs/${json.id}`, { status: 304, headers: again });
  await client.call('PATCH', `/v1/jobs/${json.id}`, { body: { name: 'other' }, status: 200 });
  await client.get(`/v1/jobs/${json.id}`, { status: 200, headers: again });
});

test('name and metadata are changed by merge patches, and nothing else is', async () => {
  const { id } = await client.create({ ...long, name: 'before', metadata: { who: 'me' } });
  const patch = (body, status, type = 'application/merge-patch+json') =>
    client.call('PATCH', `/v1/jobs/${id}`, { body, status, headers: { 'content-type': type } });
  assert.equal((await patch({ name: 'nach der Änderung' }, 200)).json.name, 'nach der Änderung');
  assert.deepEqual((await client.job(id)).metadata, { who: 'me' });
  assert.deepEqual((await patch({ metadata: { why: '' } }, 200, 'application/json')).json.metadata, { who: 'me', why: '' });
  assert.deepEqual((await patch({ metadata: { who: 'you', why: null, none: null } }, 200)).json.metadata, { who: 'you' });
  assert.equal((await client.job(id)).name, 'nach der Änderung');
  assert.equal((await patch({ name: null }, 200)).json.name, '');
  assert.deepEqual((await patch({ metadata: null }, 200)).json.metadata, {});
  // What changes nothing is no event.
  const count = async () => (await client.get(`/v1/jobs/${id}/events?limit=1000`)).json.data.length;
  const before = await count();
  await patch({}, 200);
  await patch({ name: '', metadata: {} }, 200);
  assert.equal(await count(), before);

  const pointers = async (body) => (await patch(body, 400)).json.errors.map(({ pointer }) => pointer).sort();
  assert.deepEqual(await pointers({ epochs: 3, nonsense: 1, name: 7 }), ['/epochs', '/name', '/nonsense']);
  assert.deepEqual(await pointers('{"name": "a", "name": "b", "metadata": {"a": "1", "a": "2"}}'), ['/metadata/a', '/name']);
  assert.deepEqual(await pointers({ name: 7, metadata: [] }), ['/metadata', '/name']);
  assert.deepEqual(await pointers({ metadata: { a: 1 } }), ['/metadata/a']);
  assert.deepEqual(await pointers([]), ['']);
  // Sixteen in all, not in one patch.
  const texts = (from, to) => ({ metadata: Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`key ${from + i}`, 'x'])) });
  await patch(texts(0, 10), 200);
  assert.deepEqual(await pointers(texts(10, 17)), ['/metadata']);
  assert.equal(Object.keys((await patch(texts(10, 16), 200)).json.metadata).length, 16);
  await patch({}, 415, 'text/plain');
  await client.call('PATCH', '/v1/jobs/job_99999', { body: { epochs: 1 }, status: 404 });
});

test('patches of different keys at the same time are all kept', async () => {
  const { id } = await client.create(long);
  const keys = Array.from({ length: 12 }, (_, i) => `key ${i}`);
  await Promise.all(keys.map((key) => client.call('PATCH', `/v1/jobs/${id}`, { body: { metadata: { [key]: 'x' } }, status: 200 })));
  assert.deepEqual(Object.keys((await client.job(id)).metadata).sort(), keys.sort());
});

test('If-Match lets no change of somebody else be lost', async () => {
  const created = await client.post('/v1/jobs', { ...long, name: 'mine' }, { status: 201 });
  const path = `/v1/jobs/${created.json.id}`;
  const etag = async () => (await client.get(path)).headers.get('etag');
  assert.equal(created.headers.get('etag'), await etag());
  const patch = (name, match, status) => client.call('PATCH', path, { body: { name }, status, headers: { 'if-match': match } });
  const first = await etag();
  const patched = await patch('yours', first, 200);
  assert.equal(patched.headers.get('etag'), await etag());
  assert.notEqual(patched.headers.get('etag'), first);
  for (const match of [first, '"nope"', 'nope', `W/${patched.headers.get('etag')}`])
    assert.equal((await patch('lost', match, 412)).json.code, 'precondition_failed');
  assert.equal((await client.job(created.json.id)).name, 'yours');
  await patch('any', '*', 200);
  await client.call('PATCH', path, { body: { name: 'none' }, status: 412, headers: { 'if-none-match': '*' } });
  // What is wrong with the request by itself is said first.
  await client.call('PATCH', path, { body: { epochs: 1 }, status: 400, headers: { 'if-match': first } });

  // Of many at once with the same tag, one wins.
  const tag = await etag();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) =>
    client.call('PATCH', path, { body: { name: `racer ${i}` }, headers: { 'if-match': tag } })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(19).fill(412)]);

  for (const verb of ['stop', 'resume', 'checkpoint', 'clone'])
    await client.call('POST', `${path}/${verb}`, { status: 412, headers: { 'if-match': first } });
  assert.equal((await client.job(created.json.id)).status, 'queued');
  await client.call('POST', `${path}/stop`, { status: 202, headers: { 'if-match': await etag() } });
  await client.call('DELETE', path, { status: 412, headers: { 'if-match': first } });
  await client.call('DELETE', path, { status: 204, headers: { 'if-match': await etag() } });
});

test('lists are filtered by what jobs are', async () => {
  const parent = await client.create({ ...long, name: 'Größe ALPHA one', metadata: { 'team.a': 'red', ticket: '42' } });
  const { json: child } = await client.post(`/v1/jobs/${parent.id}/clone`, { name: 'alpha two', metadata: { ticket: '43' } }, { status: 201 });
  const big = await client.create({ name: 'beta', train_limit: 100, epochs: 1, metadata: { ticket: '42' } });
  const ids = async (query) => (await client.get(`/v1/jobs?limit=1000&${query}`)).json.data.map(({ id }) => id);
  assert.deepEqual(await ids('name=alpha'), [child.id, parent.id]);
  assert.deepEqual(await ids('name=Alpha%20one'), [parent.id]);
  assert.deepEqual(await ids(`name=${encodeURIComponent('größe')}`), [parent.id]);
  assert.deepEqual(await ids('name=%25'), []);
  assert.deepEqual(await ids('name=_lpha'), []);
  assert.deepEqual(await ids('metadata.ticket=42'), [big.id, parent.id]);
  assert.deepEqual(await ids('metadata.team.a=red'), [child.id, parent.id]);
  assert.deepEqual(await ids('metadata.ticket=42&metadata.team.a=red'), [parent.id]);
  assert.deepEqual(await ids('metadata.ticket=42&network=googlenet'), [big.id]);
  assert.deepEqual(await ids('metadata.nothing=42'), []);
  assert.deepEqual(await ids(`parent_id=${parent.id}`), [child.id]);
  assert.deepEqual(await ids('network=nothing'), []);
  assert.deepEqual(await ids('dataset=fashion_mnist'), await ids(''));
  assert.deepEqual(await ids('dataset=fashion_mnist&name=beta&status=queued&metadata.ticket=42'), [big.id]);
  assert.deepEqual(await ids('status=running&name=alpha'), []);
  // Pages of what is left, with nothing twice and nothing left out.
  const { json: first } = await client.get('/v1/jobs?name=alpha&limit=1');
  assert.deepEqual([first.data[0].id, first.has_more, first.last_id], [child.id, true, child.id]);
  const { json: second } = await client.get(`/v1/jobs?name=alpha&limit=1&after=${first.last_id}`);
  assert.deepEqual([second.data[0].id, second.has_more], [parent.id, false]);
  const { json } = await client.get('/v1/jobs?parent_id=7&status=&metadata.a=1&metadata.a=2&network=a&network=b&colour=red', { status: 400 });
  assert.deepEqual(json.errors.map(({ pointer }) => pointer).sort(), ['?colour', '?metadata.a', '?network', '?parent_id', '?status']);
});

test('queued jobs know their place', async () => {
  const queued = async () => (await client.get('/v1/jobs?limit=1000&status=queued')).json.data.reverse();
  const jobs = await queued();
  assert.ok(jobs.length > 2);
  // In the order of their creation, but for those that were resumed meanwhile.
  assert.deepEqual(jobs.map((job) => job.queue_position).sort((a, b) => a - b), jobs.map((_, i) => i + 1));
  assert.equal((await client.job(busy.id)).queue_position, null);
  const last = await client.create(long);
  assert.equal(last.queue_position, jobs.length + 1);
  const first = jobs.find((job) => job.queue_position === 1);
  assert.equal((await client.call('POST', `/v1/jobs/${first.id}/stop`, { status: 202 })).json.queue_position, null);
  assert.equal((await client.job(last.id)).queue_position, jobs.length);
  assert.equal((await client.call('POST', `/v1/jobs/${first.id}/resume`, { status: 202 })).json.queue_position, jobs.length + 1);
});

test('the settings of a job make its twin', async () => {
  const odd = { ...long, seed: 2 ** 53 - 1, optimizer: { learning_rate: 0.1 + 0.2, momentum: 0.9, nesterov: true }, schedule: { type: 'cosine' }, checkpoint: { keep: 3 } };
  const first = await client.create({ ...odd, name: 'first', metadata: { a: 'b' } });
  const twin = await client.create(first.settings);
  assert.deepEqual(twin.settings, first.settings);
  assert.deepEqual([twin.name, twin.metadata, twin.parent_id], ['', {}, null]);
});

test('the words of before are gone', async () => {
  await client.post('/v1/jobs', { model: 'googlenet' }, { status: 400 });
  assert.equal((await client.get('/v1/jobs?state=queued', { status: 400 })).json.errors[0].pointer, '?state');
  await client.get(`/v1/jobs/${busy.id}/curve?after_step=0`, { status: 400 });
  const { json } = await client.get(`/v1/jobs/${busy.id}/events?limit=2`);
  assert.deepEqual(json.data.map(({ type, data }) => [type, data.status]), [['created', 'queued'], ['status', 'running']]);
  assert.match((await client.get('/metrics')).text, /^googlenetd_jobs\{status="running"\} 1$/m);
});

test('a clone has the settings of its parent, but for those in the body', async () => {
  const parent = await client.create({ ...long, name: 'parent', optimizer: { learning_rate: 0.05, momentum: 0.9 }, metadata: { a: 'b' } });
  const body = { seed: 3, optimizer: { momentum: null }, name: 'child' };
  const { json } = await client.post(`/v1/jobs/${parent.id}/clone`, body, { status: 201 });
  assert.equal(json.parent_id, parent.id);
  assert.deepEqual([json.name, json.settings.seed, json.settings.epochs], ['child', 3, long.epochs]);
  assert.deepEqual(json.settings.optimizer, { ...parent.settings.optimizer, momentum: 0 });
  assert.deepEqual(json.metadata, { a: 'b' });
  assert.equal((await client.call('POST', `/v1/jobs/${parent.id}/clone`, { status: 201 })).json.settings.optimizer.momentum, 0.9);
  await client.post(`/v1/jobs/${parent.id}/clone?dry_run=true`, {}, { status: 200 });
  await client.post(`/v1/jobs/${parent.id}/clone`, { epochs: -1 }, { status: 400 });
  await client.post(`/v1/jobs/${parent.id}/clone`, [1], { status: 400 });
  const twice = await client.post(`/v1/jobs/${parent.id}/clone`, '{"seed": 1, "optimizer": {"momentum": 0, "momentum": 0.5}, "seed": 2}', { status: 400 });
  assert.deepEqual(twice.json.errors.map(({ pointer }) => pointer), ['/optimizer/momentum', '/seed']);
  await client.post('/v1/jobs/job_99999/clone', {}, { status: 404 });
});

test('a queued job stops at once, resumes, and goes when it has ended', async () => {
  const { id } = await client.create(long);
  const steer = (verb, status) => client.call('POST', `/v1/jobs/${id}/${verb}`, { status });
  assert.equal((await client.call('DELETE', `/v1/jobs/${id}`, { status: 409 })).json.code, 'job_is_active');
  assert.equal((await steer('resume', 200)).json.status, 'queued');
  assert.equal((await steer('stop', 202)).json.status, 'stopped');
  assert.equal((await steer('stop', 200)).json.status, 'stopped');
  assert.equal((await steer('checkpoint', 409)).json.code, 'job_is_not_running');
  assert.equal((await steer('resume', 202)).json.status, 'queued');
  await client.post(`/v1/jobs/${id}/stop`, { now: true }, { status: 400 });
  await client.post(`/v1/jobs/${id}/stop`, {}, { status: 202 });
  await client.call('DELETE', `/v1/jobs/${id}`, { status: 204 });
  for (const [method, path] of [['GET', ''], ['DELETE', ''], ['POST', '/stop'], ['GET', '/epochs'], ['GET', '/curve'], ['GET', '/events'], ['GET', '/checkpoints']])
    await client.call(method, `/v1/jobs/${id}${path}`, { status: 404 });
});

test('ids that are none find nothing', async () => {
  for (const id of ['1', 'job_', 'job_0', 'job_01', 'job_-1', 'job_1x', 'job_99999999999999999999', 'Job_1', 'job_1%20', '%6a'])
    await client.get(`/v1/jobs/${id}`, { status: 404 });
});
