// What strangers, and those who may only read, cannot take from those who may write: places and memory.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';

const BODIES = 3, MIB = 1 << 20;
let daemon, friend;

before(async () => {
  const args = ['--limits-upload-connections', BODIES, '--limits-predict-bytes', 64 * MIB].map(String);
  daemon = await Daemon.start({ args, environment: { GOOGLENETD_TOKEN: 'secret', GOOGLENETD_READ_TOKEN: 'look' } });
  friend = new Client(daemon.url, 'secret');
});
after(() => daemon.stop());

// Whether the daemon has read all that its connections have brought.
function allRead() {
  const rows = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1).map((row) => row.trim().split(/\s+/));
  const port = daemon.port.toString(16).toUpperCase().padStart(4, '0');
  return rows.every(([, local, , state, queues]) => !local.endsWith(`:${port}`) || state !== '01' || queues.endsWith(':00000000'));
}

// `count` connections that send `bytes` and then nothing; resolves to them once the daemon has all of it.
async function hold(count, bytes) {
  const sockets = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const socket = connect(daemon.port, '127.0.0.1', () => socket.write(bytes, () => resolve(socket)));
    socket.once('error', reject);
    socket.resume();
  })));
  await until('the daemon to read it', allRead);
  return sockets;
}
const release = (sockets) => sockets.forEach((socket) => socket.destroy());

async function connections() {
  const { text } = await friend.get('/metrics');
  return Number(text.match(/^googlenetd_http_connections (.*)$/m)[1]);
}

const dryRun = () => friend.post('/v1/jobs?dry_run=true', { network: 'googlenet_tiny' }, { status: 200 });

test('who was refused takes no place among the bodies on their way', async () => {
  const file = 'PUT /v1/datasets/none/content HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n';
  const sockets = await hold(2 * BODIES, `${file}\r\n`);
  await until('them', async () => (await connections()) > 2 * BODIES);
  const headers = { 'tus-resumable': '1.0.0', 'upload-length': '1' };
  await friend.call('POST', '/v1/uploads', { headers, status: 201 });
  const { text } = await friend.get('/metrics');
  assert.match(text, /^googlenetd_http_bodies 0$/m);
  release(sockets);
});

test('nothing is kept of a body where none is expected', async () => {
  const body = Buffer.alloc(600 << 10, ' ');
  for (const path of ['/livez', '/', '/v1/jobs']) {
    for (const framing of [`Content-Length: ${MIB}\r\n\r\n`, `Transfer-Encoding: chunked\r\n\r\n${(MIB).toString(16)}\r\n`]) {
      const sockets = await hold(140, Buffer.concat([Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${framing}`), body]));
      await dryRun();
      release(sockets);
      await until('their end', async () => (await connections()) < 20);
    }
  }
});

test('bodies that are large leave room for those that are small', async () => {
  const head = `POST /v1/models/none/predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer look\r\nContent-Length: ${64 * MIB}\r\n\r\n`;
  const sockets = await hold(3, Buffer.concat([Buffer.from(head), Buffer.alloc(34 * MIB)]));
  await dryRun();
  release(sockets);
});

test('files that are made for a reader are few at a time, however slowly they are read', { timeout: 600000 }, async () => {
  const settings = { network: 'googlenet', image_size: 32, batch_size: 2, train_limit: 4, test_limit: 2, epochs: 1, evaluate: false };
  const job = await friend.create({ ...settings, register_as: 'large' });
  await friend.succeeded(job.id);
  const path = '/v1/models/large/versions/1/onnx';
  // Each takes the beginning, and then nothing.
  const sockets = await Promise.all(Array.from({ length: 8 }, () => new Promise((resolve, reject) => {
    const socket = connect(daemon.port, '127.0.0.1');
    socket.once('error', reject);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer look\r\n\r\n`);
    socket.once('data', (bytes) => {
      socket.pause();
      assert.match(bytes.toString('latin1'), /^HTTP\/1.1 200 [^]*\r\nContent-Length: \d{8}\r\n/);
      resolve(socket);
    });
  })));
  const refusal = await friend.get(path, { status: 503 });
  assert.ok(refusal.headers.get('retry-after'));
  release(sockets);
  await until('a place', async () => (await friend.call('GET', path)).status === 200);
});
