// Evaluations: at the end of trainings and on request, what they find, deaths in the middle.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client, collect } from './client.js';
import { Daemon, until } from './daemon.js';
import { makePictures } from './pictures.js';

const binary = process.env.GOOGLENETD ?? new URL('../../build/server/googlenetd', import.meta.url).pathname;
const imports = mkdtempSync(join(tmpdir(), 'imports-'));
let daemon, client, job, set;

// Classes that a network cannot learn in one epoch: there are mistakes to look at.
const settings = { network: 'googlenet_tiny', image_size: 16, epochs: 1, batch_size: 16, optimizer: { learning_rate: 0.01 } };
const fashion = { ...settings, dataset: 'fashion_mnist', train_limit: 600, test_limit: 300 };

before(async () => {
  makePictures(join(imports, 'colours'), 30);
  daemon = await Daemon.start({ args: ['--imports', imports] });
  client = new Client(daemon.url);
  const { id } = (await client.post('/v1/datasets', { name: 'colours', source: { folder: 'colours' }, image: { size: 16 } }, { status: 201 })).json;
  set = await until('the import', async () => {
    const { json } = await client.get(`/v1/datasets/${id}`);
    return json.status === 'ready' && json;
  });
});
after(async () => {
  await daemon.stop();
  rmSync(imports, { recursive: true });
});

const get = async (id, of = client) => (await of.get(`/v1/evaluations/${id}`)).json;
const ask = async (body, status = 202) => (await client.post('/v1/evaluations', body, { status })).json;
const done = (id, of = client) => until(`the end of ${id}`, async () => {
  const found = await get(id, of);
  return ['succeeded', 'failed'].includes(found.status) && found;
}, 800);
const ids = async (query) => (await client.get(`/v1/evaluations?${query}`)).json.data.map(({ id }) => id);
const pointers = async (body) => (await ask(body, 400)).errors.map(({ pointer }) => pointer);
// Long enough to be met in the middle; where others want the cores, who evaluates comes after them all.
const long = async () => (await ask({ job: job.id, split: 'train', limit: 10000 })).id;
// As `googlenetd evaluate --json` prints it.
const offline = (file, dataset, ...more) =>
  JSON.parse(execFileSync(binary, ['evaluate', file, dataset, '--json', '--threads', '1', '--batch-size', '16', ...more], { encoding: 'utf8' }));
const near = (a, b, what) => assert.ok(Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b)), `${what}: ${a}, ${b}`);

test('a training that succeeds is evaluated, and its figures are its own', async () => {
  const stream = await client.stream('/v1/events');
  job = await client.succeeded((await client.create(fashion)).id);
  assert.match(job.evaluation_id, /^eval_[1-9]\d*$/);
  const found = await done(job.evaluation_id);
  assert.equal(found.error, null);
  assert.deepEqual([found.automatic, found.job_id, found.checkpoint, found.split, found.limit], [true, job.id, job.best.checkpoint, 'test', 300]);
  assert.deepEqual(found.dataset, { id: 'fashion_mnist', name: 'fashion_mnist', digest: null });
  assert.equal(found.examples, 300);
  assert.equal(found.accuracy, job.best.test_accuracy);
  assert.equal(found.loss, job.latest.test_loss);
  assert.equal(found.figures.accuracy, found.accuracy);
  assert.equal(found.temperature, null);
  assert.match(found.figures.calibration.no_temperature, /held no examples out/);
  assert.deepEqual(found.progress, { done: 300, total: 300 });
  const told = await collect(stream, ({ type, data }) => type === 'evaluation' && data.status === 'succeeded');
  const mine = told.filter(({ type, data }) => type === 'evaluation' && data.status !== data.previous).map(({ data }) => data);
  assert.deepEqual(mine.map(({ status, previous }) => [previous, status]), [[null, 'queued'], ['queued', 'running'], ['running', 'succeeded']]);
  assert.deepEqual([mine[2].evaluation_id, mine[2].job_id], [job.evaluation_id, job.id]);
  // None of that is among the job's own events, which end with its end.
  assert.equal((await client.get(`/v1/jobs/${job.id}/events?limit=1000`)).json.data.at(-1).data.status, 'succeeded');
});

test('kernels are measured for an evaluation as for a training, and kept', async () => {
  const kernels = join(mkdtempSync(join(tmpdir(), 'kernels-')), 'kernels.txt');
  const other = await Daemon.start({ environment: { GOOGLENETD_KERNELS: kernels } });
  const { bytes } = await client.get(`/v1/jobs/${job.id}/checkpoints/best/content`);
  const its = new Client(other.url);
  await its.call('PUT', '/v1/models/foreign/versions', { body: bytes, headers: { 'content-type': 'application/octet-stream' }, status: 201 });
  assert.equal(existsSync(kernels), false);
  const { id } = (await its.post('/v1/evaluations', { model: 'foreign', dataset: 'fashion_mnist', limit: 50 }, { status: 202 })).json;
  assert.equal((await done(id, its)).status, 'succeeded');
  assert.match(readFileSync(kernels, 'utf8'), /^forward .*\| (un)?settled /m);
  await other.stop();
  rmSync(dirname(kernels), { recursive: true });
});

test('an idempotency key asks for one evaluation, also across a restart', async () => {
  const headers = { 'idempotency-key': 'judge' }, body = { job: job.id, limit: 50 };
  const first = await client.post('/v1/evaluations', body, { status: 202, headers });
  assert.equal(first.headers.get('idempotency-replayed'), null);
  await done(first.json.id);
  await daemon.end('SIGKILL');
  await daemon.launch();
  const again = await client.post('/v1/evaluations', body, { status: 202, headers });
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.deepEqual([again.json.id, again.json.status, again.headers.get('location')], [first.json.id, 'succeeded', first.headers.get('location')]);
  assert.equal((await client.post('/v1/evaluations', { ...body, limit: 51 }, { status: 409, headers })).json.code, 'key_reused');
  await client.call('DELETE', `/v1/evaluations/${first.json.id}`, { status: 204 });
});

test('with test-time flips it finds something else, and says so', async () => {
  await client.post('/v1/models', { name: 'flipped', job: job.id }, { status: 201 });
  const card = async (name) => (await client.get(`/v1/models/${name}/versions/1/card`)).json.evaluation;
  const plain = await get(job.evaluation_id), before = await card('flipped');
  assert.equal(plain.test_time_flips, false);
  const headers = { 'idempotency-key': 'mirror' }, body = { job: job.id, limit: 300, test_time_flips: true };
  const { json: asked } = await client.post('/v1/evaluations', body, { status: 202, headers });
  assert.equal(asked.test_time_flips, true);
  const found = await done(asked.id);
  assert.equal(found.status, 'succeeded', JSON.stringify(found.error));
  assert.deepEqual([found.test_time_flips, found.examples, found.progress], [true, 300, { done: 300, total: 300 }]);
  assert.notEqual(found.loss, plain.loss);
  // Confusions and mistakes are of the averages, as on the command line.
  const file = join(daemon.data, 'jobs', job.id, `${found.checkpoint}.model.safetensors`);
  const line = offline(file, 'fashion_mnist', '--limit', '300', '--worst', '300', '--test-time-flips');
  assert.equal(line.test_time_flips, true);
  near(found.loss, line.loss, 'loss');
  assert.deepEqual((await client.get(`/v1/evaluations/${found.id}/confusion`)).json.cells, line.confusion);
  const { data } = (await client.get(`/v1/evaluations/${found.id}/mistakes?limit=1000`)).json;
  assert.deepEqual(data.map(({ example, guess }) => [example, guess]), line.worst.map(({ example, guess }) => [example, guess]));
  // Neither the same key for a plain one, nor a card, before its model was registered or after.
  assert.equal((await client.post('/v1/evaluations', { ...body, test_time_flips: false }, { status: 409, headers })).json.code, 'key_reused');
  const own = await done((await ask({ model: 'flipped', limit: 20, test_time_flips: true })).id);
  assert.deepEqual([own.status, own.test_time_flips], ['succeeded', true]);
  await client.post('/v1/models', { name: 'flipped_late', job: job.id }, { status: 201 });
  assert.equal(before.accuracy, plain.accuracy);
  for (const name of ['flipped', 'flipped_late']) {
    assert.deepEqual(await card(name), before);
    await client.call('DELETE', `/v1/models/${name}`, { status: 204 });
  }
  for (const test_time_flips of [1, 'yes', null]) {
    const { errors } = await ask({ job: job.id, test_time_flips }, 400);
    assert.equal(errors.length, 1);
    assert.equal(errors[0].pointer, '/test_time_flips');
    assert.match(errors[0].detail, /^must be true or false, got /);
  }
});

test('the command line asks the daemon, which keeps what it finds', async () => {
  await client.post('/v1/models', { name: 'seen', job: job.id }, { status: 201 });
  const tell = (...args) => execFileSync(binary, ['evaluate', 'seen@1', 'fashion_mnist', '--server', daemon.url, '--limit', '300', ...args], { encoding: 'utf8' });
  const csv = join(imports, 'seen.csv');
  const found = JSON.parse(tell('--json', '--worst', '4', '--csv', csv));
  const { worst, ...rest } = found;
  assert.deepEqual(rest, await get(found.id));
  assert.deepEqual([rest.status, rest.examples, rest.model, rest.accuracy], ['succeeded', 300, { name: 'seen', version: 1 }, job.best.test_accuracy]);
  assert.deepEqual(worst, (await client.get(`/v1/evaluations/${found.id}/mistakes?limit=4`)).json.data);
  assert.equal(readFileSync(csv, 'utf8'), (await client.get(`/v1/evaluations/${found.id}/confusion`, { headers: { accept: 'text/csv' } })).text);
  // For people it says the same as of a file.
  const text = tell();
  assert.match(text, new RegExp(`^300 examples: accuracy ${found.accuracy.toFixed(4)}, top-5 ${found.top5_accuracy.toFixed(4)}, loss ${found.loss.toFixed(4)}\\nexpected calibration error 0\\.\\d{4}\\n`));
  const { bytes } = await client.get('/v1/models/seen/versions/1/content');
  writeFileSync(join(imports, 'seen.safetensors'), bytes);
  assert.equal(text, execFileSync(binary, ['evaluate', join(imports, 'seen.safetensors'), 'fashion_mnist', '--threads', '1', '--limit', '300'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  assert.ok(tell('--test-time-flips').startsWith('300 examples with test-time flips: accuracy 0.'));
  await client.call('DELETE', '/v1/models/seen', { status: 204 });
});

test('its figures are those of the command line', async () => {
  const found = await get(job.evaluation_id);
  const step = found.checkpoint;
  const file = join(daemon.data, 'jobs', job.id, `${step}.model.safetensors`);
  const line = offline(file, 'fashion_mnist', '--limit', '300', '--worst', '300');
  near(found.loss, line.loss, 'loss');
  assert.deepEqual([found.accuracy, found.top5_accuracy], [line.accuracy, line.top5_accuracy]);
  near(found.calibration_error, line.calibration.expected_error, 'calibration');
  assert.deepEqual(found.figures.classes, line.classes);
  assert.deepEqual(found.figures.macro, line.macro);
  assert.deepEqual(found.figures.confused, line.confused);
  const { json: confusion } = await client.get(`/v1/evaluations/${found.id}/confusion`);
  assert.deepEqual(confusion.cells, line.confusion);
  assert.deepEqual(confusion.classes, line.classes.map(({ name }) => name));
  const { json: mistakes } = await client.get(`/v1/evaluations/${found.id}/mistakes?limit=1000`);
  assert.equal(mistakes.data.length, found.mistakes);
  assert.deepEqual(mistakes.data.map(({ example, truth, guess }) => [example, truth, guess]), line.worst.map(({ example, truth, guess }) => [example, truth, guess]));
});

test('the confusion matrix comes as CSV, whole', async () => {
  const { text, headers } = await client.get(`/v1/evaluations/${job.evaluation_id}/confusion`, { headers: { accept: 'text/csv' } });
  assert.match(headers.get('content-disposition'), /eval_\d+-confusion\.csv/);
  const rows = text.trimEnd().split('\r\n').map((line) => line.split(','));
  assert.equal(rows.length, 11);
  assert.deepEqual(rows.map(([name]) => name), ['truth', ...rows[0].slice(1)]);
  const { json } = await client.get(`/v1/evaluations/${job.evaluation_id}/confusion`);
  for (const [truth, guess, count] of json.cells) assert.equal(Number(rows[truth + 1][guess + 1]), count);
  assert.equal(rows.slice(1).flatMap((row) => row.slice(1)).reduce((sum, cell) => sum + Number(cell), 0), 300);
  await client.get(`/v1/evaluations/${job.evaluation_id}/confusion`, { headers: { accept: 'text/html' }, status: 406 });
});

test('mistakes come in pages, by class and by guess, with pictures that are of their class', async () => {
  const path = `/v1/evaluations/${job.evaluation_id}/mistakes`;
  const all = (await client.get(`${path}?limit=1000`)).json;
  assert.deepEqual(all.data.map(({ rank }) => rank), all.data.map((_, i) => i + 1));
  assert.ok(all.data.every(({ loss }, i) => i === 0 || loss <= all.data[i - 1].loss));
  assert.ok(all.data.every(({ truth, guess }) => truth !== guess));
  const first = (await client.get(`${path}?limit=3`)).json;
  const second = (await client.get(`${path}?limit=3&after=${first.last_id}`)).json;
  assert.deepEqual([...first.data, ...second.data], all.data.slice(0, 6));
  assert.equal(first.has_more, true);
  const { truth_name: truth, guess_name: guess } = all.data[0];
  const some = (await client.get(`${path}?limit=1000&class=${encodeURIComponent(truth)}&predicted=${encodeURIComponent(guess)}`)).json;
  assert.deepEqual(some.data, all.data.filter((m) => m.truth_name === truth && m.guess_name === guess));
  const { cells } = (await client.get(`/v1/evaluations/${job.evaluation_id}/confusion`)).json;
  assert.equal(some.data.length, cells.find(([t, g]) => t === all.data[0].truth && g === all.data[0].guess)[2]);
  const picture = (await client.get(`/v1/datasets/fashion_mnist/pictures?after=${all.data[0].picture - 1}&limit=1`)).json.data[0];
  assert.deepEqual([picture.n, picture.class, picture.split], [all.data[0].picture, truth, 'test']);
  assert.equal((await client.get(`${path}?class=nonsense`, { status: 400 })).json.errors[0].pointer, '?class');
});

test('the temperature is fitted on what the training held out', async () => {
  const { id } = await client.create({ ...settings, dataset: 'colours', validation_split: 0.25 });
  const { evaluation_id } = await client.succeeded(id);
  const found = await done(evaluation_id);
  assert.equal(found.status, 'succeeded', JSON.stringify(found.error));
  assert.ok(found.temperature > 0);
  assert.equal(found.figures.calibration.temperature_examples, 18);
  assert.deepEqual(found.dataset, { id: set.id, name: 'colours', digest: set.digest });
  // With the job's file beside it the command line fits the same one.
  const folder = mkdtempSync(join(tmpdir(), 'run-'));
  const file = join(folder, 'model.safetensors');
  writeFileSync(file, (await client.get(`/v1/jobs/${id}/checkpoints/best/content`)).bytes);
  const pixels = join(daemon.data, 'datasets', set.id, 'pixels');
  writeFileSync(join(folder, 'job.json'), JSON.stringify({ ...settings, dataset: pixels, validation_split: 0.25 }));
  const line = offline(folder, pixels);
  near(line.calibration.temperature, found.temperature, 'temperature');
  near(line.loss, found.loss, 'loss');
  rmSync(folder, { recursive: true });
  // On another split or another set it stays honest.
  const other = await done((await ask({ job: id, split: 'train' })).id);
  assert.equal(other.examples, 72);
  assert.equal(other.automatic, false);
});

test('jobs that do not want it, and those that do not succeed, have none', async () => {
  const silent = await client.succeeded((await client.create({ ...fashion, evaluate: false })).id);
  assert.equal(silent.evaluation_id, null);
  assert.equal(silent.settings.evaluate, false);
  const stopped = await client.create({ ...fashion, epochs: 100000 });
  await until('a checkpoint', async () => (await client.job(stopped.id)).best?.checkpoint);
  await client.post(`/v1/jobs/${stopped.id}/stop`, undefined, { status: 202 });
  await until('the stop', async () => (await client.job(stopped.id)).status === 'stopped');
  assert.equal((await client.job(stopped.id)).evaluation_id, null);
  // It can be asked for, by any of its checkpoints.
  const { json } = await client.get(`/v1/jobs/${stopped.id}/checkpoints`);
  for (const checkpoint of ['best', 'latest', json.data[0].id]) {
    const asked = await ask({ job: stopped.id, checkpoint, limit: 50 });
    assert.match(asked.checkpoint, /^step_\d+$/);
    assert.equal((await done(asked.id)).examples, 50);
  }
  assert.deepEqual((await ids(`job=${stopped.id}`)).length, 3);
});

test('all faults of a request are named', async () => {
  assert.deepEqual(await pointers({}), ['']);
  assert.deepEqual(await pointers({ job: 'job_99999', split: 'all', limit: -1, x: 1 }), ['/limit', '/x', '/split', '/job']);
  assert.deepEqual(await pointers({ job: job.id, checkpoint: 'step_77', dataset: 'nothing' }), ['/checkpoint', '/dataset']);
  assert.deepEqual(await pointers({ job: job.id, dataset: 'mnist' }), ['/dataset']);
  assert.match((await client.get('/v1/evaluations?model=nobody@old', { status: 400 })).json.errors[0].detail, /name@alias: there is no model/);
  await client.post('/v1/evaluations', '{"job": "a", "job": "b"}', { status: 400 });
  for (const path of ['', '/confusion', '/mistakes']) await client.get(`/v1/evaluations/eval_99999${path}`, { status: 404 });
  await client.get('/v1/evaluations/nonsense', { status: 404 });
  assert.match((await client.get('/v1/evaluations?status=done', { status: 400 })).json.detail, /^\?status: must be one or more of queued, running, succeeded, failed.* got done$/);
});

test('a data set that does not go with the network is refused at once, with what is wrong', async () => {
  const before = await ids('limit=1');
  const faults = async (body) => {
    const { status, code, errors } = await ask(body, 422);
    assert.deepEqual([status, code], [422, 'dataset_does_not_fit']);
    return errors.map(({ pointer, detail }) => `${pointer} ${detail}`);
  };
  assert.deepEqual(await faults({ job: job.id, dataset: 'colours' }), [
    '/dataset has images of 3 channels, and the network takes 1',
    '/dataset has other classes: label 0 is blue here, and T-shirt/top to the network',
  ]);
  // Also of a version of a model, whose job may be gone; and the number of classes counts, and their names.
  const { json: version } = await client.post('/v1/models', { name: 'fits', job: job.id }, { status: 201 });
  assert.deepEqual(await faults({ model: 'fits@1', dataset: set.id }), await faults({ job: job.id, dataset: 'colours' }));
  const create = (body) => client.post('/v1/datasets', { source: { folder: body.name }, image: { size: 16, channels: 1 }, ...body }, { status: 201 });
  makePictures(join(imports, 'few'), 4);
  await create({ name: 'few', test_share: 0 });
  await until('the import', async () => (await client.get('/v1/datasets/few')).json.status === 'ready');
  assert.match((await faults({ model: 'fits', dataset: 'few' })).join(), /^\/split must be one with pictures, test has none,\/dataset has other classes: label 0 is /);
  // Nor can it be trained on, which is told at once as well.
  for (const path of ['/v1/jobs', '/v1/jobs?dry_run=true'])
    assert.deepEqual((await client.post(path, { ...settings, dataset: 'few' }, { status: 400 })).json.errors.map(({ pointer, detail }) => [pointer, detail.slice(0, 20)]), [['/dataset', 'has no test examples']]);
  const { id } = await client.succeeded((await client.create({ ...settings, dataset: 'colours', evaluate: false })).id);
  assert.deepEqual(await faults({ job: id, dataset: 'fashion_mnist' }), [
    '/dataset has images of 1 channel, and the network takes 3',
    `/dataset has 10 classes, and the network tells ${set.classes.length} apart`,
  ]);
  await client.call('DELETE', `/v1/models/${version.model}`, { status: 204 });
  assert.deepEqual(await ids('limit=1'), before);
});

test('classes are the same however their letters are written', async () => {
  const names = ['à la carte', 'é', 'ñ'];
  makePictures(join(imports, 'accents'), 12, { [names[0]]: [200, 40, 40], [names[1]]: [40, 180, 60], [names[2]]: [30, 60, 210] });
  const { id: own } = (await client.post('/v1/datasets', { name: 'accents', source: { folder: 'accents' }, image: { size: 16 } }, { status: 201 })).json;
  await until('the import', async () => (await client.get(`/v1/datasets/${own}`)).json.status === 'ready');
  const trained = await client.succeeded((await client.create({ ...settings, dataset: own, evaluate: false })).id);
  const { bytes } = await client.get(`/v1/jobs/${trained.id}/checkpoints/best/content`);
  const apart = names.map((name) => name.normalize('NFD'));
  assert.notDeepEqual(apart, names);
  await client.call('PUT', `/v1/models/apart/versions?class_names=${encodeURIComponent(JSON.stringify(apart))}`,
    { body: bytes, headers: { 'content-type': 'application/octet-stream' }, status: 201 });
  const { classes } = (await client.get('/v1/models/apart/versions/1')).json;
  assert.deepEqual(classes, apart);
  const further = await client.create({ ...settings, dataset: own, evaluate: false, init_from: { model: 'apart' } });
  await client.succeeded(further.id);
  const told = (await client.get(`/v1/jobs/${further.id}/events`)).json.data.find(({ type }) => type === 'initialized').data;
  assert.deepEqual(told.new, []);
  const found = await done((await ask({ model: 'apart', dataset: own, split: 'train' })).id);
  assert.equal(found.status, 'succeeded');
  for (const name of [names[1], apart[1]]) {
    await client.get(`/v1/evaluations/${found.id}/mistakes?class=${encodeURIComponent(name)}`);
    assert.equal((await client.get(`/v1/datasets/${own}/pictures?class=${encodeURIComponent(name)}&limit=1`)).json.data[0].class, names[1]);
  }
  assert.equal((await ask({ model: 'apart', dataset: set.id }, 422)).code, 'dataset_does_not_fit');
});

test('a table has straight columns whatever letters the classes have', async () => {
  await client.post('/v1/models', { name: 'accents', job: (await client.get('/v1/jobs?dataset=accents')).json.data.at(-1).id }, { status: 201 });
  const file = join(imports, 'accents.safetensors');
  writeFileSync(file, (await client.get('/v1/models/accents/versions/1/content')).bytes);
  const own = (await client.get('/v1/datasets/accents')).json.id;
  for (const args of [['accents', 'accents', '--server', daemon.url], [file, join(daemon.data, 'datasets', own, 'pixels'), '--threads', '1']]) {
    const text = execFileSync(binary, ['evaluate', ...args, '--split', 'train'], { encoding: 'utf8' });
    const rows = ['class', 'à la carte', 'é', 'ñ', 'mean', 'weighted mean'].map((name) => text.split('\n').find((line) => line.startsWith(`${name}  `)));
    assert.deepEqual(rows.map((row) => row.length), rows.map(() => 24 + 4 * 10), text);
  }
});

test('lists go by the name that a set has now', async () => {
  const named = async (name) => {
    const { id } = (await client.post('/v1/datasets', { name, source: { folder: 'colours' }, image: { size: 16 } }, { status: 201 })).json;
    await until('the import', async () => (await client.get(`/v1/datasets/${id}`)).json.status === 'ready');
    return id;
  };
  const evaluated = async (dataset) => {
    const { id } = await client.succeeded((await client.create({ ...settings, dataset })).id);
    return (await client.job(id)).evaluation_id;
  };
  const jobs = async (name) => (await client.get(`/v1/jobs?dataset=${name}`)).json.data.map(({ evaluation_id }) => evaluation_id);
  const first = await named('spring'), of_first = await evaluated(first);
  assert.deepEqual(await ids('dataset=spring'), [of_first]);
  await client.call('PATCH', `/v1/datasets/${first}`, { body: { name: 'autumn' }, status: 200 });
  assert.deepEqual(await ids('dataset=autumn'), [of_first]);
  // What nobody is called now is what somebody was called then.
  assert.deepEqual(await ids('dataset=spring'), [of_first]);
  const second = await named('spring');
  assert.deepEqual(await ids('dataset=spring'), []);
  const of_second = await evaluated(second);
  for (const [name, id, want] of [['autumn', first, of_first], ['spring', second, of_second]]) {
    for (const dataset of [name, id]) assert.deepEqual([await ids(`dataset=${dataset}`), await jobs(dataset)], [[want], [want]]);
  }
  await client.call('DELETE', `/v1/datasets/${second}`, { status: 204 });
  assert.deepEqual([await ids('dataset=spring'), await ids(`dataset=${second}`)], [[of_second, of_first], [of_second]]);
});

test('what cannot be read is not taken for what is not there', async () => {
  const rename = (from, to) => execFileSync('python3', ['-c', 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(f"ALTER TABLE {sys.argv[2]} RENAME TO {sys.argv[3]}")',
    join(daemon.data, 'store.db'), from, to]);
  const without = async (table, look) => {
    rename(table, `${table}_away`);
    try {
      await look();
    } finally {
      rename(`${table}_away`, table);
    }
  };
  const own = await client.succeeded((await client.create({ ...settings, dataset: set.id })).id);
  const { evaluation_id } = await client.job(own.id);
  await done(evaluation_id);
  await without('models', async () => {
    await client.get('/v1/evaluations?model=nobody', { status: 500 });
    await ask({ model: 'nobody', dataset: set.id }, 500);
  });
  await without('datasets', async () => {
    await client.get('/v1/evaluations?dataset=colours', { status: 500 });
    await client.get('/v1/jobs?dataset=colours', { status: 500 });
    await client.get(`/v1/evaluations/${evaluation_id}/mistakes`, { status: 500 });
    await ask({ job: own.id }, 500);
    await ask({ job: own.id, dataset: 'fashion_mnist' }, 500);
  });
  await without('checkpoints', () => ask({ job: own.id, dataset: 'fashion_mnist' }, 500));
  assert.deepEqual(await ids('model=nobody'), []);
  assert.deepEqual(await pointers({ model: 'nobody' }), ['/model']);
  assert.equal((await client.get(`/v1/evaluations/${evaluation_id}/mistakes?limit=1`)).json.object, 'list');
});

test('one that has failed has found nothing', async () => {
  const first = await long(), found = await ask({ job: job.id });
  for (const id of [first, found.id]) await client.post(`/v1/evaluations/${id}/cancel`, undefined, { status: 200 });
  assert.equal((await get(found.id)).figures, null);
  assert.equal((await client.get(`/v1/evaluations/${found.id}/confusion`, { status: 409 })).json.code, 'evaluation_not_ready');
  assert.equal((await client.post(`/v1/evaluations/${job.evaluation_id}/cancel`, undefined, { status: 409 })).json.code, 'evaluation_is_done');
});

test('an evaluation is given a name and notes, also while it runs, and keeps them and its figures', async () => {
  const { evaluation_id } = await client.job(job.id), path = `/v1/evaluations/${evaluation_id}`;
  const patch = async (at, body, status = 200, headers = {}) => (await client.call('PATCH', at, { body, status, headers })).json;
  const { json: before, headers } = await client.get(path);
  assert.deepEqual([before.name, before.metadata], ['', {}]);
  const changed = await patch(path, { name: 'in spring', metadata: { ticket: '7' } }, 200, { 'if-match': headers.get('etag') });
  assert.deepEqual(changed, { ...before, name: 'in spring', metadata: { ticket: '7' } });
  assert.deepEqual((await client.get('/v1/evaluations?limit=1000')).json.data.find((e) => e.id === evaluation_id).name, 'in spring');
  assert.equal((await patch(path, { name: 'lost' }, 412, { 'if-match': headers.get('etag') })).code, 'precondition_failed');
  assert.deepEqual((await patch(path, { split: 'train' }, 400)).errors.map((e) => e.pointer), ['/split']);
  await patch('/v1/evaluations/eval_999', { name: 'x' }, 404);
  const told = (await client.get('/v1/events?limit=1000')).json.data.findLast((e) => e.data.evaluation_id === evaluation_id).data;
  assert.deepEqual([told.name, told.metadata, told.status, told.previous], ['in spring', { ticket: '7' }, 'succeeded', 'succeeded']);
  assert.equal((await patch(path, { name: null, metadata: { ticket: null } })).name, '');
  const id = await long();
  await running(id);
  await patch(`/v1/evaluations/${id}`, { name: 'underway' });
  const end = await done(id);
  assert.deepEqual([end.name, end.status, end.figures.classes.length > 1], ['underway', 'succeeded', true]);
});

test('lists go by filter, and a deletion takes everything', async () => {
  assert.ok((await ids(`job=${job.id}`)).includes(job.evaluation_id));
  assert.ok((await ids('dataset=colours')).length >= 2);
  assert.deepEqual(await ids(`dataset=${set.id}`), await ids('dataset=colours'));
  assert.ok(!(await ids('status=succeeded')).some((id) => (/failed/).test(id)));
  const [newest, next] = await ids('limit=2');
  assert.deepEqual(await ids(`limit=1&after=${newest}`), [next]);
  const { json } = await client.get('/v1/evaluations?limit=1');
  assert.equal('figures' in json.data[0], false);
  await client.call('DELETE', `/v1/evaluations/${job.evaluation_id}`, { status: 204 });
  await client.get(`/v1/evaluations/${job.evaluation_id}`, { status: 404 });
  await client.get(`/v1/evaluations/${job.evaluation_id}/mistakes`, { status: 404 });
  assert.equal((await client.job(job.id)).evaluation_id, null);
});

const running = (id) => until(`the run of ${id}`, async () => {
  const found = await get(id);
  return found.status === 'running' && found.progress.done > 0;
});

test('cancelled or deleted while it runs, it ends, and the next one goes on', async () => {
  const [first, second, third] = [await long(), await long(), await long()];
  await running(first);
  assert.equal((await get(second)).status, 'queued');
  for (const id of [first, third]) {
    const cancelled = (await client.post(`/v1/evaluations/${id}/cancel`, undefined, { status: 200 })).json;
    assert.deepEqual([cancelled.status, cancelled.error.code], ['failed', 'cancelled']);
    await client.post(`/v1/evaluations/${id}/cancel`, {}, { status: 200 });
  }
  await running(second);
  await client.call('DELETE', `/v1/evaluations/${second}`, { status: 204 });
  assert.equal((await done((await ask({ job: job.id, limit: 20 })).id)).status, 'succeeded');
  assert.equal((await get(first)).error.code, 'cancelled');
});

test('killed in the middle, it begins again and finds the same', { timeout: 1400000 }, async () => {
  const whole = await done(await long());
  for (const signal of ['SIGKILL', 'SIGTERM']) {
    const id = await long(), behind = (await ask({ job: job.id, limit: 20 })).id;
    await running(id);
    if (signal === 'SIGTERM') await daemon.leave();
    else await daemon.end(signal);
    await daemon.launch();
    const again = await done(id);
    assert.equal(again.status, 'succeeded', JSON.stringify(again.error));
    assert.equal(again.restart_count, signal === 'SIGKILL' ? 1 : 0);
    assert.deepEqual(again.figures, whole.figures);
    assert.equal((await done(behind)).status, 'succeeded');
  }
});

test('killed at the end of a training, its evaluation comes all the same', { timeout: 1400000 }, async () => {
  for (let kill = 0; kill < 3; kill++) {
    const { id } = await client.create({ ...fashion, train_limit: 200, test_limit: 3000 });
    await until('the end', async () => (await client.job(id)).status === 'succeeded');
    await daemon.end('SIGKILL');
    await daemon.launch();
    const ended = await client.succeeded(id);
    const found = await done(ended.evaluation_id);
    assert.equal(found.status, 'succeeded', JSON.stringify(found.error));
    assert.equal(found.accuracy, ended.best.test_accuracy);
  }
});

test('a job takes its evaluations with it', async () => {
  const { id } = await client.create(fashion);
  const { evaluation_id } = await client.succeeded(id);
  const asked = await long();
  await done(evaluation_id);
  await client.call('DELETE', `/v1/jobs/${id}`, { status: 204 });
  await client.get(`/v1/evaluations/${evaluation_id}`, { status: 404 });
  assert.deepEqual(await ids(`job=${id}`), []);
  await client.call('DELETE', `/v1/evaluations/${asked}`, { status: 204 });
});

test('a version has on its card what was found of its checkpoint, before it was registered and after', async () => {
  const shown = async (name) => (await client.get(`/v1/models/${name}/versions/1/card`)).json.evaluation;
  // Registered at the end of its training, before it is evaluated.
  const trained = await client.succeeded((await client.create({ ...settings, dataset: 'colours', register_as: 'early', epochs: 2, checkpoint: { keep: 3 } })).id);
  const found = await done(trained.evaluation_id);
  assert.equal(found.status, 'succeeded', JSON.stringify(found.error));
  await client.post('/v1/models', { name: 'late', job: trained.id }, { status: 201 });
  // It may have been evaluated faster than registered.
  await until('the model early', async () => (await fetch(`${daemon.url}/v1/models/early`)).ok);
  for (const name of ['early', 'late']) {
    const card = await shown(name);
    assert.deepEqual([card.id, card.dataset.id, card.split, card.count], [found.id, set.id, 'test', found.examples]);
    for (const key of ['accuracy', 'top5_accuracy', 'loss', 'macro_f1', 'calibration_error', 'temperature']) assert.equal(card[key], found[key], key);
    const listed = (await client.get(`/v1/models/${name}`)).json.versions[0];
    assert.deepEqual(listed.evaluation, card);
    // What is always found is no limit.
    const { limits } = (await client.get(`/v1/models/${name}/versions/1/card`)).json;
    assert.deepEqual(limits.filter((text) => text.includes(' it finds ')), card.worst_classes.filter((c) => c.recall < 1)
      .map((c) => `Of ${c.support} picture${c.support === 1 ? '' : 's'} of ${c.name} it finds ${(100 * c.recall).toFixed(1)}%.`));
  }
  // A newer one of the checkpoint is on both; one of a version is on that one alone.
  const newer = await done((await ask({ job: trained.id, limit: 5 })).id);
  assert.deepEqual([(await shown('early')).id, (await shown('late')).id], [newer.id, newer.id]);
  // The first few examples are of the first class: of the others nothing is known then, and the card says so.
  const others = newer.figures.classes.filter((c) => c.support === 0).map((c) => c.name);
  assert.ok(others.length > 0 && others.length <= 5, `${others}`);
  const { limits: told } = (await client.get('/v1/models/early/versions/1/card')).json;
  assert.deepEqual(told.filter((text) => text.includes('not known')), [`It was tested on no pictures of ${others.join(', ')}: how often it finds them is not known.`]);
  const own = await done((await ask({ model: 'late@1' })).id);
  assert.deepEqual([(await shown('early')).id, (await shown('late')).id], [newer.id, own.id]);
  // One on the examples that it was trained on is listed, and is no figure of the model: not of one that is there, nor
  // of one that is registered later.
  const checkpoint = await done((await ask({ job: trained.id, split: 'train' })).id);
  const version = await done((await ask({ model: 'late@1', split: 'train' })).id);
  for (const one of [checkpoint, version]) assert.deepEqual([one.status, one.split], ['succeeded', 'train']);
  assert.deepEqual([(await shown('early')).id, (await shown('late')).id], [newer.id, own.id]);
  assert.ok((await ids('model=late')).includes(version.id));
  await client.post('/v1/models', { name: 'later', job: trained.id }, { status: 201 });
  assert.equal((await shown('later')).id, newer.id);
  // Another checkpoint of the job is another file.
  const other = (await client.get(`/v1/jobs/${trained.id}/checkpoints`)).json.data.find((c) => c.id !== found.checkpoint);
  await client.post('/v1/models', { name: 'other', job: trained.id, checkpoint: other.id }, { status: 201 });
  assert.equal(await shown('other'), null);
});

test('a version of a model is evaluated, and its card shows it', async () => {
  const mine = await client.succeeded((await client.create({ ...settings, dataset: 'colours', validation_split: 0.25 })).id);
  const automatic = await done(mine.evaluation_id);
  await client.post('/v1/models', { name: 'hues', job: mine.id }, { status: 201 });
  const asked = await ask({ model: 'hues' });
  assert.deepEqual([asked.model, asked.job_id, asked.dataset.id], [{ name: 'hues', version: 1 }, null, set.id]);
  const found = await done(asked.id);
  assert.equal(found.status, 'succeeded', JSON.stringify(found.error));
  assert.deepEqual(found.figures, automatic.figures);
  assert.deepEqual(await ids('model=hues'), [found.id]);
  assert.deepEqual(await ids('model=hues@2'), []);
  for (const wrong of ['@', 'hues@', 'hues@%2B1', 'hues@%201', 'hues@01', 'hues@9999999999999999999'])
    assert.equal((await client.get(`/v1/evaluations?model=${wrong}`, { status: 400 })).json.errors[0].pointer, '?model');
  const card = await client.get('/v1/models/hues/versions/1/card');
  assert.ok(card.text.includes(found.id), card.text);
  // The model has a file of its own.
  await client.call('DELETE', `/v1/jobs/${mine.id}`, { status: 204 });
  const again = await done((await ask({ model: 'hues@1', split: 'train' })).id);
  assert.equal(again.status, 'succeeded', JSON.stringify(again.error));
  assert.deepEqual(await pointers({ model: 'hues@7' }), ['/model']);
  assert.deepEqual(await pointers({ model: 'hues', job: job.id }), ['/model']);
});

test('a model that has the name of one that is gone has none of its evaluations', async () => {
  const trained = await client.succeeded((await client.create({ ...fashion, evaluate: false })).id);
  const register = () => client.post('/v1/models', { name: 'again', job: trained.id }, { status: 201 });
  await register();
  const { id } = await done((await ask({ model: 'again@1', limit: 20 })).id);
  assert.deepEqual(await ids('model=again'), [id]);
  await client.call('DELETE', '/v1/models/again', { status: 204 });
  assert.deepEqual(await ids('model=again'), [id]);
  await register();
  assert.deepEqual([await ids('model=again'), await ids('model=again@1')], [[], []]);
  const { id: own } = await done((await ask({ model: 'again@1', limit: 20 })).id);
  assert.deepEqual(await ids('model=again'), [own]);
});
