// Clients that leave in the middle of a body, at every moment: the daemon notices at once, and not when their time is up.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';

const SECONDS = 3600;  // that a client may be silent
let daemon, client;

before(async () => {
  daemon = await Daemon.start({ args: ['--limits-request-seconds', String(SECONDS)] });
  client = new Client(daemon.url);
});
after(() => daemon.stop());

const TUS = { 'tus-resumable': '1.0.0' };

async function create(length) {
  const { headers } = await client.call('POST', '/v1/uploads', { headers: { ...TUS, 'upload-length': String(length) }, status: 201 });
  return headers.get('location');
}

const patch = (path, length) => `PATCH ${path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n` +
  `Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n${length}\r\n\r\n`;
const removed = (path) => until(`the end of ${path}`, async () => (await client.call('DELETE', path, { headers: TUS })).status === 204);

// Sends all of it, with the end of the stream right behind, or with a reset; resolves to what was answered.
function send(bytes, { reset = false } = {}) {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port: daemon.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('data', (more) => (text += more)).on('error', () => {}).on('close', () => resolve(text));
    socket.on('end', () => socket.end());
    if (reset) socket.write(bytes, () => socket.resetAndDestroy());
    else socket.end(bytes);
  });
}

test('a client that leaves as its body begins holds nothing', async () => {
  for (const framing of ['Content-Length: 1000', 'Transfer-Encoding: chunked'])
    for (const piece of ['', '5\r\nabc', `200\r\n${'x'.repeat(300)}`]) {
      const path = await create(1000);
      await send(patch(path, framing) + piece);
      await removed(path);
    }
});

test('... after a reset, and after pieces that fill the buffer', async () => {
  for (const [bytes, how] of [[10, { reset: true }], [300000, {}], [300000, { reset: true }], [1 << 20, {}]]) {
    const path = await create(4 << 20);
    await send(Buffer.concat([Buffer.from(patch(path, `Content-Length: ${4 << 20}`)), Buffer.alloc(bytes)]), how);
    await removed(path);
  }
});

// The end then comes with the last bytes, on a connection that waits for them.
test('... in the middle of it', async () => {
  const leave = async (path) => {
    const socket = connect(daemon.port, '127.0.0.1').on('error', () => {});
    let text = '';
    socket.on('data', (more) => (text += more)).write(patch(path, 'Content-Length: 1000\r\nExpect: 100-continue'));
    await until('the word', () => text.includes('100 Continue'));
    socket.end('x'.repeat(300));
    await removed(path);
  };
  for (let i = 0; i < 5; i++) await Promise.all((await Promise.all(Array.from({ length: 4 }, () => create(1000)))).map(leave));
});

test('a request that breaks off is none', { timeout: 600000 }, async () => {
  const head = 'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n';
  for (const bytes of ['POST /v1/jo', head, `${head}\r\n`, `${head}\r\n{"epochs`]) assert.equal(await send(bytes), '');
});
