// Readers of events who come back with ids that this store never gave, and what they are told.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cp } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Client, collect } from './client.js';
import { Daemon, until } from './daemon.js';

// Without evaluations: they go on after their job, and what they told of their progress is forgotten when they are over.
const settings = { network: 'googlenet_tiny', image_size: 28, batch_size: 32, train_limit: 64, test_limit: 32, epochs: 1, evaluate: false };
const over = ({ type, data }) => type === 'status' && data.status === 'succeeded';
let daemon, client, job;

before(async () => {
  daemon = await Daemon.start({ args: ['--limits-heartbeat-seconds', '1'] });
  client = new Client(daemon.url);
  job = await client.create(settings);
  await client.succeeded(job.id);
});
after(() => daemon.stop());

// The first event that comes to a reader with this id, when a job is made after it has come.
async function firstAfter(id, path = '/v1/events') {
  const stream = await client.stream(path, { 'last-event-id': id });
  const events = [];
  const reading = (async () => {
    for await (const event of stream) {
      events.push({ ...event, cursor: stream.cursor });
      if (events.length === 2) break;
    }
  })();
  await until('the start', () => stream.start);
  await client.create({ ...settings, train_limit: 32 });
  await reading;
  stream.close();
  return events;
}

test('ids beyond the last, of no store, or too long to be one: reset, then what happens from now on', { timeout: 600000 }, async () => {
  const lastOf = async () => (await client.get('/v1/events?limit=1000')).json.last_id;
  for (const id of ['999999', '99999999999999999999', '0123456789abcdef-1', 'nonsense', '-5', '1.5', `${'9'.repeat(300)}`]) {
    const before = await lastOf();
    const [reset, next] = await firstAfter(id);
    assert.equal(reset.type, 'reset', id);
    assert.equal(reset.job_id, null);
    assert.deepEqual(reset.data, { reason: 'unknown_id' });
    assert.ok(reset.id >= before, id);
    assert.ok(next.id > reset.id && next.type !== 'reset', id);
    // Its own id is one to come back with.
    const again = await client.stream('/v1/events', { 'last-event-id': reset.cursor });
    assert.equal((await collect(again, () => true))[0].id, next.id);
    await until('quiet', async () => (await client.get('/v1/jobs?status=queued,running')).json.data.length === 0);
  }
});

test('the id of a frame brings a reader back to its place, a plain number too', { timeout: 600000 }, async () => {
  const all = (await client.get(`/v1/jobs/${job.id}/events?limit=1000`)).json.data;
  const stream = await client.stream(`/v1/jobs/${job.id}/events`);
  await collect(stream, ({ id }) => id === all[2].id);
  assert.match(stream.cursor, /^[0-9a-f]+-\d+$/);
  for (const id of [stream.cursor, String(all[2].id)])
    assert.deepEqual(await collect(await client.stream(`/v1/jobs/${job.id}/events`, { 'last-event-id': id }), over), all.slice(3));
  const from = await collect(await client.stream(`/v1/jobs/${job.id}/events?after=0`), over);
  assert.deepEqual(from, all);
});

test('the stream of a job tells its deletion, and ends', { timeout: 600000 }, async () => {
  const { id } = await client.create(settings);
  await client.succeeded(id);
  const stream = await client.stream(`/v1/jobs/${id}/events`);
  const events = [];
  const reading = (async () => {
    for await (const event of stream) events.push(event);  // until the daemon ends it
  })();
  await until('its events', () => events.some(over));
  await client.call('DELETE', `/v1/jobs/${id}`, { status: 204 });
  await reading;
  assert.deepEqual([events.at(-1).type, events.at(-1).job_id], ['deleted', id]);
  await client.get(`/v1/jobs/${id}/events`, { status: 404 });
});

test('proxies and caches are told to leave a stream alone', async () => {
  const control = new AbortController();
  const { headers } = await fetch(`${daemon.url}/v1/events`, { headers: { accept: 'text/event-stream' }, signal: control.signal });
  control.abort();
  assert.equal(headers.get('x-accel-buffering'), 'no');
  assert.equal(headers.get('cache-control'), 'no-cache');
});

// Keep this one last: it takes the store back.
test('a backup that was restored is another life: readers of the lost one are told', { timeout: 600000 }, async () => {
  const cursor = async (path) => {
    const stream = await client.stream(path, { 'last-event-id': '0' });
    await collect(stream, over);
    return stream.cursor;
  };
  assert.equal((await daemon.end()).code, 0);
  const backup = `${daemon.data}-backup`;
  await cp(daemon.data, backup, { recursive: true });
  await daemon.launch();
  const old = await cursor(`/v1/jobs/${job.id}/events`);
  const lost = await client.create(settings);
  await client.succeeded(lost.id);
  const gone = await cursor(`/v1/jobs/${lost.id}/events`);
  assert.equal((await daemon.end()).code, 0);
  await rm(daemon.data, { recursive: true });
  await cp(backup, daemon.data, { recursive: true });
  await rm(backup, { recursive: true });
  await daemon.launch();
  // As many events happen again as were lost, and more: the numbers alone do not tell.
  for (const seed of [1, 2]) await client.succeeded((await client.create({ ...settings, seed })).id);
  const [reset] = await firstAfter(gone);
  assert.equal(reset.type, 'reset');

  assert.equal((await daemon.end()).code, 0);
  for (const name of ['store.db', 'store.db-wal', 'store.db-shm']) await rm(join(daemon.data, name), { force: true });
  await daemon.launch();
  await client.succeeded((await client.create(settings)).id);
  assert.equal((await firstAfter(old))[0].type, 'reset');
});
