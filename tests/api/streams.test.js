// Readers of events who come back with ids that this store never gave, and what they are told.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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

// Adds events to the store, beside the daemon or while it is away: `notes` long ones, then `points`.
function inject(id, notes, points) {
  execFileSync('python3', ['-c', `
import json, sqlite3, sys
path, job, notes, points = sys.argv[1], *map(int, sys.argv[2:])
note = json.dumps({"message": "x" * 4000})
point = json.dumps({"step": 2, "epoch": 1, "loss": 1.5, "accuracy": 0.5, "learning_rate": 0.1, "seconds": 1})
db = sqlite3.connect(path, timeout=60)
rows = [("note", note)] * notes + [("point", point)] * points
db.executemany(f"INSERT INTO events (job_id, time, type, data) VALUES ({job}, 1, ?, ?)", rows)
db.commit()`, join(daemon.data, 'store.db'), id.slice('job_'.length), String(notes), String(points)]);
}

const completeFrom = async () => (await client.get('/v1/events?limit=1')).json.complete_from;

test('old points of a job are forgotten; who comes back from before them is told', { timeout: 600000 }, async () => {
  const path = `/v1/jobs/${job.id}/events`;
  const stream = await client.stream(path);
  const before = await collect(stream, over);
  const old = stream.cursor;
  assert.equal(await completeFrom(), 1);
  assert.equal((await daemon.end()).code, 0);
  inject(job.id, 0, 10500);
  await daemon.launch();
  const still = ({ type }) => type !== 'point';
  let kept;
  await until('the points to go', async () => {
    kept = [];
    for (let after = 0, more = true; more;) {
      const { json } = await client.get(`${path}?limit=1000&after=${after}`);
      kept.push(...json.data);
      more = json.has_more;
      after = json.last_id;
    }
    return kept.length <= 10000 + before.filter(still).length;
  });
  const from = await completeFrom();
  assert.ok(from > 1);
  // What was told of its status is there, and the newest points.
  assert.deepEqual(kept.filter(still), before.filter(still));
  assert.equal(kept.length - before.filter(still).length, 10000);
  assert.equal(kept.findIndex(({ id }) => id >= from), before.filter(still).length);

  assert.equal((await firstAfter(old, '/v1/events'))[0].type, 'reset');
  const [first] = await collect(await client.stream(path, { 'last-event-id': old }), () => true);
  assert.equal(first.type, 'reset');
  assert.equal(first.job_id, job.id);
  // From the start, and from what is kept, nobody is told to read anew.
  const all = await collect(await client.stream(path), ({ id }) => id === kept.at(-1).id);
  assert.deepEqual(all, kept);
  const newest = await collect(await client.stream(path, { 'last-event-id': String(from - 1) }), ({ id }) => id === kept.at(-1).id);
  assert.deepEqual(newest, kept.slice(-10000));
});

test('a reader so slow that events go before it has them is told', { timeout: 600000 }, async () => {
  const from = await completeFrom();
  const { id } = await client.create({ ...settings, train_limit: 32 });
  await client.succeeded(id);
  assert.equal((await daemon.end()).code, 0);
  inject(id, 5000, 10000);  // notes: more than what lies between the daemon and a reader that does not read
  await daemon.launch();
  await until('the store to be looked through', async () => (await completeFrom()) > from);
  const stream = await client.stream(`/v1/jobs/${id}/events`);
  const events = [];
  const reading = stream[Symbol.asyncIterator]();
  events.push((await reading.next()).value);
  inject(id, 0, 600);
  const seen = await completeFrom();
  await client.create({ ...settings, train_limit: 32 });  // the daemon hears of what was added
  await until('the points to go', async () => (await completeFrom()) > seen);
  while (events.at(-1).type !== 'reset' && events.length < 5000) events.push((await reading.next()).value);
  assert.ok(events.length < 5000, `${events.length} events came before the reset`);
  assert.ok(events.at(-1).id >= await completeFrom());
  stream.close();
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
