// A whole life on the real data: create, follow, stop, resume, die and come back, succeed, download,
// delete. The streamed figures must be those of /curve and /epochs, none missing and none twice.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { Client, collect } from './client.js';
import { Daemon, until } from './daemon.js';

const settings = { network: 'googlenet_tiny', train_limit: 250, test_limit: 50, batch_size: 5, optimizer: { learning_rate: 0.02 }, epochs: 6, seed: 11, name: 'a life' };
const ended = (event) => event.type === 'status' && ['succeeded', 'failed'].includes(event.data.status);
let daemon, client, job;

before(async () => {
  daemon = await Daemon.start();
  client = new Client(daemon.url);
});
after(() => daemon.stop());

// What a reader of the stream knows at its end: points and epochs, less what was taken back.
function fold(events) {
  let points = [], epochs = [];
  for (const { type, data } of events) {
    if (type === 'point') points.push(data);
    if (type === 'epoch') epochs.push(data);
    if (type !== 'resumed') continue;
    points = points.filter((point) => point.step <= data.step);
    epochs = epochs.filter((epoch) => epoch.step <= data.step);
  }
  return { points, epochs };
}

const columns = (rows, keys) => Object.fromEntries(keys.map((key) => [key, rows.map((row) => row[key])]));

async function compareWithSeries(id, events) {
  const { points, epochs } = fold(events);
  const { has_more, last_id, ...curve } = (await client.get(`/v1/jobs/${id}/curve`)).json;
  assert.deepEqual([has_more, last_id], [false, curve.step.at(-1)]);
  assert.deepEqual(columns(points, ['step', 'epoch', 'loss', 'accuracy', 'learning_rate', 'seconds']), curve);
  assert.deepEqual(epochs, (await client.get(`/v1/jobs/${id}/epochs`)).json.data);
  assert.equal(epochs.length, settings.epochs);
  assert.equal(curve.step.length, 5 * settings.epochs);
  // Time passes on through the stop and the resume, and no faster than the job's own.
  assert.ok(curve.seconds.every((t, i) => t > (curve.seconds[i - 1] ?? 0)), String(curve.seconds));
  assert.ok(curve.seconds.at(-1) <= (await client.job(id)).progress.seconds);
}

// Where this process is late, a job has ended before what was to happen to it: `scene` makes another one until it says
// that it was in time.
async function inTime(scene) {
  for (let tries = 0; tries < 20; tries++) if (await scene()) return;
  assert.fail('twenty jobs have ended too soon');
}

// Asks for a stop; false if the job has succeeded already.
async function stop(id) {
  const { status, json } = await client.call('POST', `/v1/jobs/${id}/stop`);
  assert.ok(status === 202 ? ['stopping', 'stopped'].includes(json.status) : status === 409, JSON.stringify(json));
  return status === 202;
}

test('it trains, is followed, stopped and resumed, and succeeds', () => inTime(async () => {
  job = await client.create(settings);
  const stream = await client.stream(`/v1/jobs/${job.id}/events`);
  const events = [];
  let stopped = false;
  for await (const event of stream) {
    events.push(event);
    if (event.type === 'epoch' && event.data.epoch === 2 && !stopped) {
      stopped = await stop(job.id);
      if (!stopped) break;
    }
    if (event.type === 'status' && event.data.status === 'stopped') {
      const info = await client.job(job.id);
      assert.equal(info.stop_reason, 'requested');
      assert.ok(info.progress.step < info.progress.total_steps);
      await client.call('DELETE', '/v1/jobs/' + (await client.create(settings)).id, { status: 409 });
      await client.call('POST', `/v1/jobs/${job.id}/resume`, { status: 202 });
    }
    if (ended(event)) break;
  }
  stream.close();
  if (!stopped) return false;
  const ids = events.map((event) => event.id);
  assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b));
  const info = await client.job(job.id);
  assert.equal(info.status, 'succeeded', JSON.stringify(info.error));
  assert.equal(info.stop_reason, 'completed');
  assert.equal(info.progress.step, (settings.epochs * settings.train_limit) / settings.batch_size);
  assert.ok(info.started_at >= info.created_at && info.finished_at > info.started_at);
  assert.ok(info.environment.threads >= 1);
  await compareWithSeries(job.id, events);
  return true;
}));

test('the list of events is the stream', async () => {
  const streamed = await collect(await client.stream(`/v1/jobs/${job.id}/events`), ended);
  const listed = [];
  for (let after = 0; ; ) {
    const { json } = await client.get(`/v1/jobs/${job.id}/events?limit=7&after=${after}`);
    listed.push(...json.data);
    if (!json.has_more) break;
    after = json.last_id;
  }
  assert.deepEqual(listed.slice(0, streamed.length), streamed);
});

test('a reader that comes back misses nothing and gets nothing twice', async () => {
  const whole = await collect(await client.stream(`/v1/jobs/${job.id}/events`), ended);
  const pieces = [];
  for (let last = '0'; pieces.length < whole.length; last = String(pieces.at(-1).id)) {
    let n = 0;
    const stream = await client.stream(`/v1/jobs/${job.id}/events?after=0`, { 'last-event-id': last });
    pieces.push(...(await collect(stream, (event) => ++n === 5 || ended(event))));
  }
  assert.deepEqual(pieces, whole);
});

test('the series come as CSV too, with the same numbers', async () => {
  const headers = { accept: 'text/csv' };
  const parse = (text) => {
    const [names, ...rows] = text.trimEnd().split('\r\n').map((line) => line.split(','));
    // What was not measured is an empty cell.
    return rows.map((row) => Object.fromEntries(row.map((value, i) => [names[i], value === '' ? null : Number(value)])));
  };
  const epochs = (await client.get(`/v1/jobs/${job.id}/epochs`, { headers })).text;
  assert.deepEqual(parse(epochs), (await client.get(`/v1/jobs/${job.id}/epochs`)).json.data);
  const curve = parse((await client.get(`/v1/jobs/${job.id}/curve`, { headers })).text);
  const { has_more, last_id, ...rest } = (await client.get(`/v1/jobs/${job.id}/curve`)).json;
  assert.deepEqual([has_more, last_id], [false, rest.step.at(-1)]);
  assert.deepEqual(columns(curve, Object.keys(curve[0])), rest);
  await client.get(`/v1/jobs/${job.id}/curve`, { status: 406, headers: { accept: 'image/png' } });
});

test('the series can be read from a cursor', async () => {
  const whole = (await client.get(`/v1/jobs/${job.id}/curve`)).json;
  const rest = (await client.get(`/v1/jobs/${job.id}/curve?after=${whole.step[9]}`)).json;
  assert.deepEqual(rest.step, whole.step.slice(10));
  const page = (await client.get(`/v1/jobs/${job.id}/epochs?after=2&limit=3`)).json;
  assert.deepEqual(page.data.map((epoch) => epoch.epoch), [3, 4, 5]);
  assert.deepEqual([page.has_more, page.last_id], [true, 5]);
  await client.get(`/v1/jobs/${job.id}/curve?after_step=1`, { status: 400 });
});

test('the model is downloaded whole, in ranges, and checked', async () => {
  const { data } = (await client.get(`/v1/jobs/${job.id}/checkpoints`)).json;
  const latest = data.find((checkpoint) => checkpoint.latest);
  assert.ok(data.some((checkpoint) => checkpoint.best));
  const path = `/v1/jobs/${job.id}/checkpoints/${latest.id}`;
  assert.deepEqual((await client.get(path)).json, latest);

  const whole = await client.get(`${path}/content`);
  assert.equal(whole.bytes.length, latest.bytes);
  assert.equal(whole.headers.get('content-length'), String(latest.bytes));
  const digest = createHash('sha256').update(whole.bytes).digest();
  assert.equal(digest.toString('hex'), latest.sha256);
  assert.equal(whole.headers.get('repr-digest'), `sha-256=:${digest.toString('base64')}:`);
  assert.deepEqual((await client.get(`/v1/jobs/${job.id}/checkpoints/latest/content`)).bytes, whole.bytes);

  const length = Number(whole.bytes.readBigUInt64LE(0));
  const tensors = JSON.parse(whole.bytes.subarray(8, 8 + length));
  delete tensors.__metadata__;
  assert.ok(Object.keys(tensors).every((name) => !name.startsWith('optimizer.')));
  const count = Object.values(tensors).reduce((sum, tensor) => sum + tensor.shape.reduce((a, b) => a * b, 1), 0);
  assert.equal(count, (await client.get('/v1/networks/googlenet_tiny')).json.parameters);

  const range = (value, status, more) => client.get(`${path}/content`, { status, headers: { range: value, ...more } });
  const size = latest.bytes;
  const first = await range('bytes=0-999', 206);
  assert.equal(first.headers.get('content-range'), `bytes 0-999/${size}`);
  const rest = await range('bytes=1000-', 206, { 'if-range': whole.headers.get('etag') });
  assert.deepEqual(Buffer.concat([first.bytes, rest.bytes]), whole.bytes);
  assert.deepEqual((await range('bytes=-8', 206)).bytes, whole.bytes.subarray(-8));
  assert.equal((await range(`bytes=${size}-`, 416)).headers.get('content-range'), `bytes */${size}`);
  await range('bytes=0-9', 200, { 'if-range': '"another"' });
  await client.get(`${path}/content`, { status: 304, headers: { 'if-none-match': whole.headers.get('etag') } });
  await client.get(`${path}/content`, { status: 412, headers: { 'if-match': '"another"' } });
  await range('bytes=0-9', 206, { 'if-match': whole.headers.get('etag') });
  await client.get(`/v1/jobs/${job.id}/checkpoints/step_999999/content`, { status: 404 });
  // Range means something to GET alone.
  for (const value of ['bytes=0-9', `bytes=${size}-`]) {
    const head = await client.call('HEAD', `${path}/content`, { status: 200, headers: { range: value } });
    assert.deepEqual([head.headers.get('content-length'), head.headers.get('content-range'), head.headers.get('accept-ranges')], [String(size), null, 'bytes']);
  }
});

test('a daemon that dies in the middle goes on, and so do the readers', () => inTime(async () => {
  const { id } = await client.create({ ...settings, seed: 12 });
  const events = await collect(await client.stream(`/v1/jobs/${id}/events`), (event) => event.type === 'epoch' && event.data.epoch === 3);
  await daemon.end('SIGKILL');
  await daemon.launch();
  const stream = await client.stream(`/v1/jobs/${id}/events`, { 'last-event-id': String(events.at(-1).id) });
  events.push(...(await collect(stream, ended)));
  const info = await client.job(id);
  assert.equal(info.status, 'succeeded', JSON.stringify(info.error));
  if (info.restart_count === 0) return false;
  assert.equal(info.restart_count, 1);
  await compareWithSeries(id, events);
  return true;
}));

test('a reader that takes nothing holds up neither the training nor the others', async () => {
  const { id } = await client.create({ ...settings, seed: 13, epochs: 2 });
  const lazy = Array.from({ length: 10 }, () => {
    const socket = connect(daemon.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nLast-Event-ID: 0\r\n\r\n');
    return socket;
  });
  await collect(await client.stream(`/v1/jobs/${id}/events`), ended);
  lazy.forEach((socket) => socket.destroy());
});

test('the stream of all jobs begins with what comes next', async () => {
  const stream = await client.stream('/v1/events');
  const iterator = stream[Symbol.asyncIterator]();
  // The evaluations of what was trained before go on beside it.
  const next = (async () => {
    for (;;) {
      const step = await iterator.next();
      if (step.done || step.value.type !== 'evaluation') return step;
    }
  })();
  await until('the start of the stream', () => stream.start);
  await client.call('DELETE', `/v1/jobs/${job.id}`, { status: 204 });
  const { value } = await next;
  stream.close();
  assert.deepEqual([value.type, value.job_id], ['deleted', job.id]);
  await client.get(`/v1/jobs/${job.id}`, { status: 404 });
  await client.get(`/v1/jobs/${job.id}/checkpoints/latest/content`, { status: 404 });
});

test('a recipe with everything in it gives the same model, stopped or not', async () => {
  const recipe = { ...settings, precision: 'f32', threads: 1, name: '', accumulation: 3, ema: { decay: 0.9, warmup: true },
    optimizer: { name: 'adamw', learning_rate: 0.002, weight_decay: 0.05, decay_biases: false, clip_norm: 1 },
    schedule: { type: 'cosine', warmup_epochs: 0.5 } };
  const one = await client.create(recipe);
  const whole = await client.succeeded(one.id);
  assert.equal(whole.progress.total_steps, 6 * 17);
  let broken;
  await inTime(async () => {
    ({ json: broken } = await client.call('POST', `/v1/jobs/${one.id}/clone`, { status: 201 }));
    await until('some steps', async () => (await client.job(broken.id)).progress.step > 3);
    return stop(broken.id);
  });
  await until('the stop', async () => (await client.job(broken.id)).status === 'stopped');
  await client.call('POST', `/v1/jobs/${broken.id}/resume`, { status: 202 });
  await client.succeeded(broken.id);
  const model = async (id) => (await client.get(`/v1/jobs/${id}/checkpoints/latest/content`)).bytes;
  assert.deepEqual(await model(broken.id), await model(one.id));
});
