// What a client may expect of all resources alike: pages, items of collections, methods, problems, conditions.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client, description } from './client.js';
import { Daemon, until } from './daemon.js';
import { makePictures } from './pictures.js';

const imports = mkdtempSync(join(tmpdir(), 'imports-'));
const TUS = { 'tus-resumable': '1.0.0' };
const BYTES = { 'content-type': 'application/octet-stream' };
const SETTINGS = { network: 'googlenet_tiny', image_size: 16, train_limit: 64, test_limit: 64, epochs: 2, batch_size: 32, optimizer: { learning_rate: 0.01 } };
let daemon, client, job, set;

// Two of everything that can be listed.
before(async () => {
  makePictures(join(imports, 'colours'), 12);
  writeFileSync(join(imports, 'another.zip'), '');
  daemon = await Daemon.start({ args: ['--imports', imports] });
  client = new Client(daemon.url);
  job = await client.create({ ...SETTINGS, register_as: 'shirts' });
  await client.create({ ...SETTINGS, register_as: 'shirts' });
  await client.evaluated('job_2');
  await client.post('/v1/models', { name: 'others', job: job.id }, { status: 201 });
  for (const name of ['first', 'colours'])
    set = (await client.post('/v1/datasets', { name, source: { folder: 'colours' }, image: { size: 16 } }, { status: 201 })).json;
  for (const length of ['5', '7'])
    await client.call('POST', '/v1/uploads', { headers: { ...TUS, 'upload-length': length }, status: 201 });
  await until('the imports', async () => (await client.get('/v1/datasets?status=ready&name=o')).json.data.some(({ id }) => id === set.id));
});
after(async () => {
  await daemon.stop();
  rmSync(imports, { recursive: true });
});

// Every path of the description that is a list, with what its parameters stand for here.
const NAMES = () => ({ job: job.id, checkpoint: 'best', network: 'googlenet_tiny', dataset: set.id, picture: 3, model: 'shirts', version: 1, evaluation: 'eval_1', upload: upload?.id });
let upload;
const fill = (template) => template.replace(/\{(\w+)\}/g, (_, name) => NAMES()[name]);
const isList = ({ schema }) => schema?.$ref?.endsWith('List');
const lists = Object.entries(description.paths).filter(([, { get }]) => get?.responses[200] && isList(get.responses[200].content?.['application/json'] ?? {}));

test('every list comes in pages by after and limit, whatever it holds', async () => {
  upload = (await client.get('/v1/uploads')).json.data[0];
  assert.ok(lists.length >= 14, lists.map(([path]) => path).join());
  for (const [template] of lists) {
    const path = fill(template);
    const whole = (await client.get(`${path}?limit=1000`)).json;
    assert.ok(whole.data.length >= 2, `${path} has ${whole.data.length}`);
    const first = (await client.get(`${path}?limit=1`)).json;
    assert.deepEqual([first.object, first.data, first.has_more], ['list', whole.data.slice(0, 1), true], path);
    assert.notEqual(first.last_id, null, path);
    const second = (await client.get(`${path}?limit=1&after=${encodeURIComponent(first.last_id)}`)).json;
    assert.deepEqual(second.data, whole.data.slice(1, 2), path);
    const none = (await client.get(`${path}?limit=1&after=${encodeURIComponent(whole.last_id)}`)).json;
    assert.deepEqual([none.data, none.has_more, none.last_id], [[], false, null], path);
    const wrong = (await client.get(`${path}?limit=0&after=%2B&colour=red`, { status: 400 })).json;
    assert.deepEqual(wrong.errors.map(({ pointer }) => pointer).sort(), ['?after', '?colour', '?limit'], path);
  }
});

test('uploads are listed by status, versions by the job that they came from', async () => {
  const ids = async (query) => (await client.get(`/v1/uploads?${query}`)).json.data.map(({ id }) => id);
  const headers = { ...TUS, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' };
  await client.call('PATCH', `/v1/uploads/${upload.id}`, { body: 'hello', headers, status: 204 });
  assert.deepEqual(await ids('status=complete'), [upload.id]);
  assert.equal((await ids('status=receiving')).length, 1);
  // A page may have ended with one that is of another status now, or with a checkpoint that is gone.
  const all = await ids('');
  assert.deepEqual(await ids(`status=receiving&after=${upload.id}`), all.slice(all.indexOf(upload.id) + 1));
  const { data } = (await client.get(`/v1/jobs/${job.id}/checkpoints`)).json;
  assert.deepEqual((await client.get(`/v1/jobs/${job.id}/checkpoints?after=step_1`)).json.data, data);
  assert.equal((await ids('status=complete,receiving')).length, 2);
  await client.get('/v1/uploads?status=done', { status: 400 });
  const versions = async (query) => (await client.get(`/v1/models/shirts/versions?${query}`)).json.data;
  assert.deepEqual((await versions('')).map(({ version }) => version), [2, 1]);
  assert.deepEqual(await versions(''), (await client.get('/v1/models/shirts')).json.versions);
  assert.deepEqual((await versions(`job=${job.id}`)).map(({ version, source }) => [version, source.job]), [[1, job.id]]);
  assert.deepEqual(await versions('job=job_99'), []);
  await client.get('/v1/models/nobody/versions', { status: 404 });
});

test('weights from elsewhere may tell of a set that has no id here', async () => {
  const { id } = await client.create({ ...SETTINGS, dataset: set.id, train_limit: 0, test_limit: 0, epochs: 1, batch_size: 8 });
  await client.succeeded(id);
  const weights = Buffer.from(await (await fetch(`${daemon.url}/v1/jobs/${id}/checkpoints/latest/content`)).arrayBuffer());
  const { json } = await client.call('PUT', '/v1/models/elsewhere/versions', { body: weights, headers: BYTES, status: 201 });
  assert.deepEqual([json.dataset.id, json.dataset.name], [null, set.name]);
  const { json: card } = await client.get('/v1/models/elsewhere/versions/1/card');
  assert.equal(card.dataset.id, null);
});

test('whatever takes a body says that it may be of a type it does not take', () => {
  const untold = Object.entries(description.paths).flatMap(([path, methods]) => Object.entries(methods)
    .filter(([, { requestBody, responses }]) => requestBody && !responses['415']).map(([method]) => `${method} ${path}`));
  assert.deepEqual(untold, []);
});

test('known sets count their classes as those of people do', async () => {
  for (const id of ['fashion_mnist', set.id]) {
    const { classes, counts } = (await client.get(`/v1/datasets/${id}`)).json;
    for (const split of ['train', 'test'])
      assert.equal(classes.reduce((sum, row) => sum + row[split], 0), counts[split], `${id} ${split}`);
  }
  const { classes } = (await client.get('/v1/datasets/fashion_mnist')).json;
  assert.deepEqual(classes.map(({ train, test }) => [train, test]), Array(10).fill([6000, 1000]));
  const known = (await client.get('/v1/datasets?name=fashion')).json.data[0];
  assert.deepEqual(known.classes, classes);
});

test('a data set has one id wherever it is told of', async () => {
  const version = (await client.get('/v1/models/shirts/versions/1')).json;
  const card = (await client.get('/v1/models/shirts/versions/1/card')).json;
  const evaluation = (await client.get('/v1/evaluations/eval_1')).json;
  const shown = { id: 'fashion_mnist', name: 'fashion_mnist', digest: null };
  for (const { object, dataset } of [version, card, evaluation, (await client.job(job.id))]) assert.deepEqual(dataset, shown, object);
  assert.equal((await client.get(`/v1/datasets/${version.dataset.id}`)).json.id, shown.id);
});

test('weights come by POST as by PUT, and evaluations of a version are found by its aliases too', async () => {
  const { bytes } = await client.get('/v1/models/shirts/versions/1/content');
  for (const [method, version] of [['POST', 1], ['PUT', 2]]) {
    const { json, headers } = await client.call(method, '/v1/models/foreign/versions', { body: bytes, headers: BYTES, status: 201 });
    assert.deepEqual([json.version, headers.get('location')], [version, `/v1/models/foreign/versions/${version}`]);
  }
  await client.call('PATCH', '/v1/models/foreign', { body: { aliases: { next: 2 } }, status: 200 });
  const { id } = (await client.post('/v1/evaluations', { model: 'foreign@next', limit: 10 }, { status: 202 })).json;
  const found = async (reference) => (await client.get(`/v1/evaluations?model=${reference}`)).json.data.map((row) => row.id);
  assert.deepEqual(await Promise.all(['foreign', 'foreign@2', 'foreign@next', 'foreign@1'].map(found)), [[id], [id], [id], []]);
  await client.get('/v1/evaluations?model=foreign@gone', { status: 400 });
  await client.call('DELETE', '/v1/models/foreign', { status: 204 });
});

test('what a list holds is there by itself, and the same', async () => {
  const items = [
    ['/v1/jobs', 'id'], [`/v1/jobs/${job.id}/checkpoints`, 'id'], ['/v1/datasets', 'id'], [`/v1/datasets/${set.id}/pictures`, 'n'],
    ['/v1/datasets/fashion_mnist/pictures', 'n'], ['/v1/uploads', 'id'], ['/v1/models', 'name'],
    ['/v1/models/shirts/versions', 'version'], ['/v1/evaluations', 'id'], ['/v1/networks', 'id'],
  ];
  // The same as long as nothing goes on: an evaluation may, of the test before.
  await until('the evaluations', async () => (await client.get('/v1/evaluations')).json.data.every(({ status }) => ['succeeded', 'failed'].includes(status)));
  for (const [path, key] of items) {
    const { data } = (await client.get(path)).json;
    for (const row of [data[0], data.at(-1)]) {
      const { json } = await client.get(`${path}/${row[key]}`);
      for (const [name, value] of Object.entries(row)) assert.deepEqual(json[name], value, `${path}/${row[key]} ${name}`);
    }
  }
});

test('what is not there says what it is', async () => {
  const missing = {
    '/v1/nothing': 'not_found', '/v1/jobs/job_99': 'job_not_found', '/v1/jobs/nonsense': 'job_not_found',
    '/v1/jobs/job_99/epochs': 'job_not_found', '/v1/jobs/job_99/curve': 'job_not_found', '/v1/jobs/job_99/events': 'job_not_found',
    '/v1/jobs/job_99/checkpoints': 'job_not_found', '/v1/jobs/job_99/checkpoints/best': 'job_not_found',
    [`/v1/jobs/${job.id}/checkpoints/step_9999`]: 'checkpoint_not_found', [`/v1/jobs/${job.id}/checkpoints/x/content`]: 'checkpoint_not_found',
    '/v1/datasets/set_99': 'dataset_not_found', '/v1/datasets/nonsense/report': 'dataset_not_found', '/v1/datasets/nonsense/pictures': 'dataset_not_found',
    '/v1/datasets/mnist/report': 'report_not_found', [`/v1/datasets/${set.id}/pictures/99999`]: 'picture_not_found',
    [`/v1/datasets/${set.id}/pictures/-1/content`]: 'picture_not_found', '/v1/evaluations/eval_99': 'evaluation_not_found',
    '/v1/evaluations/nonsense/mistakes': 'evaluation_not_found', '/v1/models/nobody': 'model_not_found',
    '/v1/models/nobody/versions/1': 'model_not_found', '/v1/models/shirts/versions/9': 'version_not_found',
    '/v1/models/shirts/versions/gone/card': 'version_not_found', '/v1/models/nobody/versions/1/content': 'model_not_found',
    '/v1/networks/nonsense': 'network_not_found', '/v1/uploads/up_0000000000000000': 'upload_not_found',
    '/v2/models/nobody': 'model_not_found', '/v2/models/shirts/versions/9': 'version_not_found',
  };
  for (const [path, code] of Object.entries(missing)) {
    const { json, headers } = await client.get(path, { status: 404 });
    assert.equal(json.code, code, path);
    assert.equal(headers.get('content-type'), 'application/problem+json');
  }
  // Whoever would change it is told the same.
  const changes = [
    ['PATCH', '/v1/jobs/job_99', 'job_not_found', {}], ['DELETE', '/v1/jobs/job_99', 'job_not_found'], ['POST', '/v1/jobs/job_99/stop', 'job_not_found'],
    ['POST', '/v1/jobs/job_99/resume', 'job_not_found'], ['POST', '/v1/jobs/job_99/checkpoint', 'job_not_found'], ['POST', '/v1/jobs/job_99/clone', 'job_not_found'],
    ['DELETE', '/v1/datasets/set_99', 'dataset_not_found'], ['POST', '/v1/datasets/nonsense/cancel', 'dataset_not_found'],
    ['POST', `/v1/datasets/${set.id}/pictures/99999/preview`, 'picture_not_found', {}],
    ['DELETE', '/v1/evaluations/eval_99', 'evaluation_not_found'], ['POST', '/v1/evaluations/eval_99/cancel', 'evaluation_not_found'],
    ['PATCH', '/v1/models/nobody', 'model_not_found', {}], ['DELETE', '/v1/models/nobody', 'model_not_found'],
    ['DELETE', '/v1/models/shirts/versions/9', 'version_not_found'], ['POST', '/v1/models/nobody/predict', 'model_not_found', { images: [] }],
    ['DELETE', '/v1/uploads/up_0000000000000000', 'upload_not_found'],
  ];
  for (const [method, path, code, body] of changes)
    assert.equal((await client.call(method, path, { body, status: 404 })).json.code, code, `${method} ${path}`);
});

test('every path names its methods, and refuses the others', async () => {
  for (const [template, methods] of Object.entries(description.paths)) {
    const path = fill(template);
    const known = Object.keys(methods).filter((name) => name !== 'parameters').map((name) => name.toUpperCase());
    const allowed = ['OPTIONS', ...known, ...(known.includes('GET') ? ['HEAD'] : [])].sort();
    const listed = (headers) => headers.get('allow').split(', ').sort();
    assert.deepEqual(listed((await client.call('OPTIONS', path, { status: 204 })).headers), allowed, path);
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((name) => !allowed.includes(name))) {
      const { headers, json } = await client.call(method, path, { status: 405 });
      assert.deepEqual(listed(headers), allowed, `${method} ${path}`);
      if (method !== 'HEAD') assert.equal(json.code, 'method_not_allowed');
    }
  }
});

test('HEAD tells what GET would', async () => {
  for (const [template, { get }] of Object.entries(description.paths)) {
    // These differ each time, or are made for the purpose.
    if (!get || ['/metrics', '/v1/system'].includes(template) || template.endsWith('/onnx')) continue;
    const path = fill(template);
    const whole = await client.call('GET', path), head = await client.call('HEAD', path);
    assert.equal(head.status, whole.status, path);
    for (const name of ['content-type', 'content-length', 'etag', 'cache-control'])
      assert.equal(head.headers.get(name), whole.headers.get(name), `${path} ${name}`);
  }
});

test('what may be changed may be changed on the condition that nobody else has', async () => {
  const { evaluation_id } = await client.job('job_2');
  const things = [
    ['PATCH', `/v1/jobs/${job.id}`, { name: 'first' }], ['PATCH', '/v1/models/others', { metadata: { a: 'b' } }],
    ['PATCH', `/v1/datasets/${set.id}`, { metadata: { a: 'b' } }], ['PATCH', `/v1/evaluations/${evaluation_id}`, { name: 'one' }],
    ['POST', `/v1/datasets/${set.id}/cancel`, undefined, `/v1/datasets/${set.id}`, 409], ['DELETE', `/v1/datasets/${set.id}`],
    ['POST', `/v1/evaluations/${evaluation_id}/cancel`, undefined, `/v1/evaluations/${evaluation_id}`, 409], ['DELETE', `/v1/evaluations/${evaluation_id}`],
    ['DELETE', '/v1/models/shirts/versions/1'], ['DELETE', '/v1/models/others'], ['DELETE', '/v1/jobs/job_2'],
  ];
  for (const [method, path, body, shown = path, status] of things) {
    const before = await client.get(shown);
    const { json } = await client.call(method, path, { body, headers: { 'if-match': '"another"' }, status: 412 });
    assert.equal(json.code, 'precondition_failed', path);
    assert.deepEqual((await client.get(shown)).json, before.json, path);
    await client.call(method, path, { body, headers: { 'if-match': before.headers.get('etag') }, status: status ?? (method === 'DELETE' ? 204 : 200) });
  }
});
