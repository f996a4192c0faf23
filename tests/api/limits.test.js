// What a client can make grow is bounded: time, connections, readers of events.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';

const SECONDS = 2, IDLE = 8, BEAT = 1;
let daemon, client;

before(async () => {
  const args = ['--limits-request-seconds', SECONDS, '--limits-idle-seconds', IDLE, '--limits-heartbeat-seconds', BEAT,
    '--limits-connections-per-address', 40, '--limits-streams', 3];
  daemon = await Daemon.start({ args: args.map(String) });
  client = new Client(daemon.url);
});
after(() => daemon.stop());

async function metric(name) {
  const { text } = await client.get('/metrics');
  return Number(text.match(new RegExp(`^${name} (.*)$`, 'm'))[1]);
}

// Sends a byte every 100 ms without end; resolves once it was cut off, to the seconds that it had.
function drip(head, bytes = 'x') {
  return new Promise((resolve) => {
    const socket = connect(daemon.port, '127.0.0.1');
    const start = Date.now();
    socket.on('error', () => {});
    socket.write(head);
    const timer = setInterval(() => socket.write(bytes), 100);
    socket.resume();
    socket.on('close', () => {
      clearInterval(timer);
      resolve((Date.now() - start) / 1000);
    });
  });
}

test('a client that drips is cut off by total time', { timeout: 600000 }, async () => {
  const slow = [
    drip('G'),
    drip('GET /livez HTTP/1.1\r\nHost: localhost\r\nX: '),
    drip('POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n', ' '),
    drip('POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\n \r\n'),
  ];
  for (const seconds of await Promise.all(slow)) assert.ok(seconds > SECONDS * 0.8, `${seconds} s`);
  assert.ok((await metric('googlenetd_http_connections_cut_total')) >= slow.length);
});

test('a hundred that drip do not keep others out', { timeout: 600000 }, async () => {
  const slow = Array.from({ length: 100 }, () => drip('GET /livez HTTP/1.1\r\nHost: localhost\r\nX: '));
  await sleep(300);
  for (let i = 0; i < 10; i++) {
    // A new connection each time: it is the way in that is to stay open.
    await client.get('/livez', { headers: { connection: 'close' } });
    await sleep(50);
  }
  assert.ok((await metric('googlenetd_http_connections')) <= 45);
  await Promise.all(slow);
});

test('streams outlive the time of a request, are bounded, and are freed when the reader leaves', { timeout: 600000 }, async () => {
  const streams = [];
  for (let i = 0; i < 3; i++) {
    const stream = await client.stream('/v1/events');
    stream.ended = (async () => {
      for await (const event of stream) (stream.events ??= []).push(event);
    })();
    streams.push(stream);
  }
  const refusal = await client.get('/v1/events', { status: 503, headers: { accept: 'text/event-stream' } });
  assert.ok(refusal.headers.get('retry-after'));
  assert.equal(await metric('googlenetd_http_streams'), 3);

  await sleep((SECONDS + 2) * 1000);
  // Without an evaluation: nothing is to happen any more once it is over.
  const { id } = await client.create({ network: 'googlenet_tiny', train_limit: 20, test_limit: 10, epochs: 1, evaluate: false });
  for (const stream of streams)
    await until('the event', () => stream.events?.some((event) => event.type === 'created' && event.job_id === id));
  await client.succeeded(id);

  streams.forEach((stream) => stream.close());
  await until('the end of the streams', async () => (await metric('googlenetd_http_streams')) === 0);
  const again = await client.stream('/v1/events');
  again.close();
});

test('connections that come and go leave nothing behind', { timeout: 600000 }, async () => {
  await until('quiet', async () => (await metric('googlenetd_http_connections')) <= 2);
  const before = await metric('process_open_fds');
  for (let round = 0; round < 4; round++) {
    const streams = await Promise.all([client.stream('/v1/events'), client.stream('/v1/events')]);
    const torn = Array.from({ length: 10 }, () => drip('POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Le'));
    await client.get('/v1/jobs');
    streams.forEach((stream) => stream.close());
    if (round % 2 === 0) await Promise.all(torn);
    await until('free streams', async () => (await metric('googlenetd_http_streams')) === 0);
  }
  await until('as many descriptors as before', async () => (await metric('process_open_fds')) <= before + 2);
});

test('a connection may be silent for a while between two requests, and no longer', { timeout: 600000 }, async () => {
  const socket = connect(daemon.port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let text = '';
  socket.on('data', (data) => (text += data));
  const ask = () => socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const answers = (n) => until(`answer ${n}`, () => text.split('HTTP/1.1 200').length > n);
  ask();
  await answers(1);
  // Longer than a request may take.
  await sleep((SECONDS + 1) * 1000);
  ask();
  await answers(2);
  const start = Date.now();
  await closed;
  const seconds = (Date.now() - start) / 1000;
  assert.ok(seconds > IDLE * 0.5, `${seconds} s`);
});

test('a silent stream gets a comment from time to time', { timeout: 600000 }, async () => {
  const stream = await client.stream('/v1/events');
  const reader = (async () => {
    for await (const event of stream) assert.fail(`nothing was to happen, but ${event.type}`);
  })();
  await until('three heartbeats', () => stream.comments.filter((text) => text === 'heartbeat').length >= 3);
  stream.close();
  await reader;
});

test('where few files may be open, clients leave enough of them to a training', { timeout: 600000 }, async () => {
  const other = await Daemon.start({ first: 'ulimit -n 120', args: ['--limits-idle-seconds', String(IDLE)] });
  await other.said(/event=few_descriptors descriptors=120 connections=28/);
  const friend = new Client(other.url);
  // Each epoch writes a checkpoint.
  const settings = { network: 'googlenet_tiny', image_size: 28, batch_size: 32, train_limit: 64, test_limit: 32, epochs: 30 };
  const { json: { id } } = await friend.post('/v1/jobs', settings, { status: 201 });
  const idle = Array.from({ length: 200 }, () => connect(other.port, '127.0.0.1').on('error', () => {}));
  // A connection that had to be made anew finds no place among the others; they are closed after a while.
  const job = await until('the job’s end', async () => {
    const { json } = await friend.get(`/v1/jobs/${id}`).catch((error) => {
      if (error.message !== 'fetch failed') throw error;
      return { json: {} };
    });
    return ['succeeded', 'failed'].includes(json.status) && json;
  });
  assert.deepEqual([job.status, job.error, job.warning], ['succeeded', null, null]);
  assert.doesNotMatch(other.log, /Too many open files/);
  idle.forEach((socket) => socket.destroy());
  await other.stop();
});

test('a limit that may be raised is raised, so that as many can come as the settings say', async () => {
  const other = await Daemon.start({ first: 'ulimit -S -n 64' });
  assert.doesNotMatch(other.log, /few_descriptors/);
  assert.ok(Number(readFileSync(`/proc/${other.process.pid}/limits`, 'utf8').match(/^Max open files +(\d+)/m)[1]) >= 2048);
  await other.stop();
  await assert.rejects(Daemon.start({ first: 'ulimit -n 40' }), /the process may have 40 open files \(ulimit -n\), and at least 66 are needed/);
});

test('a daemon that is told to end lets its readers go, and ends well', { timeout: 600000 }, async () => {
  const other = await Daemon.start();
  const friend = new Client(other.url);
  const streams = await Promise.all(Array.from({ length: 20 }, () => friend.stream('/v1/events')));
  const readers = streams.map(async (stream) => {
    for await (const event of stream) assert.fail(event.type);
  });
  const idle = connect(other.port, '127.0.0.1').on('error', () => {});
  await other.stop();
  assert.match(other.log, /event=(stopped|left_in_a_request)/);
  await Promise.all(readers); // they saw the end of the stream, not a torn connection
  idle.destroy();
});
