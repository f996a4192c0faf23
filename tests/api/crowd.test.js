// Two jobs train while many read, and some steer: built with TSan this looks for races in the whole service.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, collect } from './client.js';
import { Daemon, until } from './daemon.js';

const settings = {
  network: 'googlenet_tiny', image_size: 28, batch_size: 16, train_limit: 96, test_limit: 32, epochs: 3,
  checkpoint: { keep: 2 },
};
const ENDED = ['stopped', 'succeeded', 'failed'];
let daemon, client;

before(async () => {
  // Two workers with an OpenMP team of two each.
  daemon = await Daemon.start({ args: ['--workers', '2', '--threads', '4'] });
  client = new Client(daemon.url);
});
after(async () => {
  await daemon.stop();
  assert.doesNotMatch(daemon.log, /Sanitizer/);
});

// Reads everything there is of a job, again and again.
async function poll(id, over) {
  const paths = ['', '/epochs', '/curve', '/checkpoints', '/events'].map((part) => `/v1/jobs/${id}${part}`);
  let reads = 0;
  while (!over()) {
    for (const path of [...paths, '/v1/jobs', '/metrics']) await client.get(path);
    // Where all cores are busy a commit may take as long as that of a disk that has stalled.
    assert.ok([200, 503].includes((await client.call('GET', '/readyz')).status));
    reads++;
  }
  return reads;
}

// Readers that come, look on for a moment and leave.
async function visit(over) {
  while (!over()) {
    const stream = await client.stream('/v1/events');
    const looking = (async () => {
      for await (const event of stream) assert.ok(event.id > 0);
    })();
    await sleep(50);
    stream.close();
    await looking;
  }
}

// Wishes of all kinds for a job of its own, which is deleted at the end.
async function steer(over) {
  while (!over()) {
    const { id } = await client.create({ ...settings, epochs: 100000 });
    await client.post(`/v1/jobs/${id}/checkpoint`);
    await client.call('PATCH', `/v1/jobs/${id}`, { body: { name: 'steered' }, status: 200 });
    await client.post(`/v1/jobs/${id}/stop`, undefined, { status: 202 });
    await until(`the end of ${id}`, async () => ENDED.includes((await client.job(id)).status));
    await client.call('DELETE', `/v1/jobs/${id}`, { status: 204 });
  }
}

test('two jobs, many readers, and all readers see the same', { timeout: 600000 }, async () => {
  const jobs = await Promise.all([client.create(settings), client.create({ ...settings, seed: 1 })]);
  let ended = false;
  const over = () => ended;
  const last = ({ type, data }) => type === 'status' && ENDED.includes(data.status);
  const streams = jobs.flatMap(({ id }) =>
    Array.from({ length: 8 }, async () => collect(await client.stream(`/v1/jobs/${id}/events`, { 'last-event-id': '0' }), last)));
  const others = [...jobs.flatMap(({ id }) => [poll(id, over), poll(id, over)]), visit(over), visit(over), steer(over)];
  // A reader that fails must not wait for the others.
  const seen = await Promise.race([Promise.all(streams), Promise.all(others).then(() => assert.fail('nobody reads'))]);
  daemon.process.kill('SIGHUP');
  ended = true;
  await Promise.all(others);

  for (const [i, { id }] of jobs.entries()) {
    assert.equal((await client.job(id)).status, 'succeeded');
    const stored = (await client.get(`/v1/jobs/${id}/events?limit=1000`)).json.data;
    const ids = stored.map((event) => event.id);
    for (const events of seen.slice(8 * i, 8 * i + 8)) assert.deepEqual(events.map((event) => event.id), ids);
  }
});

test('the end comes while two jobs train and readers read', { timeout: 600000 }, async () => {
  for (const seed of [2, 3]) await client.create({ ...settings, epochs: 1000, seed });
  await until('two running jobs', async () => (await client.get('/v1/jobs?status=running')).json.data.length === 2);
  const streams = await Promise.all(Array.from({ length: 8 }, () => client.stream('/v1/events')));
  const readers = streams.map(async (stream) => {
    for await (const event of stream) assert.ok(event.id > 0);
  });
  assert.equal((await daemon.end()).code, 0, daemon.log);
  // It ended by itself: the last resort, 7.5 s after the signal by the daemon's own clock, says nothing.
  assert.match(daemon.log, /event=(stopped|left_in_a_(step|request))/);
  await Promise.all(readers);
  await daemon.launch();
});
