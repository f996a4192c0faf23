// Bodies that are streamed to disk, byte by byte as they travel: refused before they are sent, broken off, dripping,
// framed in odd ways, many at a time.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';

const MIB = 1 << 20, SECONDS = 2, RATE = 20000, CONNECTIONS = 3;
let daemon, client;

before(async () => {
  const args = ['--limits-request-seconds', SECONDS, '--limits-upload-bytes-per-second', RATE, '--limits-upload-connections', CONNECTIONS];
  daemon = await Daemon.start({ args: args.map(String), environment: { GOOGLENETD_TOKEN: 'secret' } });
  client = new Client(daemon.url, 'secret');
});
after(() => daemon.stop());

const TUS = { 'tus-resumable': '1.0.0' };
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function create(length) {
  const { headers } = await client.call('POST', '/v1/uploads', { headers: { ...TUS, 'upload-length': String(length) }, status: 201 });
  return headers.get('location');
}
const get = async (path) => (await client.get(path)).json;
const remove = (path) => client.call('DELETE', path, { headers: TUS, status: 204 });

function head(path, offset, more, { token = 'secret', method = 'PATCH', type = 'application/offset+octet-stream' } = {}) {
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nTus-Resumable: 1.0.0\r\n` +
    `Content-Type: ${type}\r\nUpload-Offset: ${offset}\r\n${more}\r\n`;
}
const sized = (path, offset, length, more = '') => head(path, offset, `Content-Length: ${length}\r\n${more}`);

// A connection: { socket, write(bytes), text(), closed, answer() } where answer() waits for a final answer's status.
function dial() {
  const socket = connect(daemon.port, '127.0.0.1');
  let text = '', over = false;
  socket.setEncoding('latin1');
  socket.on('data', (more) => (text += more));
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.on('close', () => resolve((over = true))));
  return {
    socket, closed, text: () => text,
    write: (bytes) => new Promise((resolve) => (over ? resolve() : socket.write(bytes, 'latin1', resolve))),
    async answer() {
      const found = () => text.match(/HTTP\/1\.1 ([2-5]\d\d)[^]*?\r\n\r\n/);
      await until('an answer', () => found() || over);
      return found() ? Number(found()[1]) : null;
    },
  };
}

async function exchange(bytes) {
  const line = dial();
  await line.write(bytes);
  const status = await line.answer();
  line.socket.destroy();
  return { status, text: line.text() };
}

test('what the headers decide is answered before the body is sent', async () => {
  const path = await create(1000), gone = '/v1/uploads/up_0123456789abcdef', expect = 'Expect: 100-continue\r\n';
  const cases = [
    [401, head(path, 0, `Content-Length: 1000\r\n${expect}`, { token: 'wrong' })],
    [415, head(path, 0, `Content-Length: 1000\r\n${expect}`, { type: 'text/plain' })],
    [404, sized(gone, 0, 1000, expect)],
    [409, sized(path, 7, 900, expect)],
    [413, sized(path, 0, 1001, expect)],
    [413, sized(path, 0, 10 ** 12, expect)],
    [417, sized(path, 0, 1000, 'Expect: something\r\n')],
    [400, sized(path, 0, 1000, 'Content-Length: 999\r\n')],
    [400, sized(path, 0, 1000, 'Transfer-Encoding: chunked\r\n')],
    [405, head(path, 0, `Content-Length: 1000\r\n${expect}`, { method: 'PUT' })],
  ];
  for (const [status, bytes] of cases) {
    const answer = await exchange(bytes);
    assert.equal(answer.status, status, bytes + answer.text);
    assert.doesNotMatch(answer.text, /100 Continue/, bytes);
    assert.match(answer.text, /application\/problem\+json/);
  }
  const line = dial();
  await line.write(sized(path, 0, 1000, expect));
  await until('the word', () => line.text().includes('100 Continue'));
  await line.write(Buffer.alloc(1000));
  assert.equal(await line.answer(), 204);
  line.socket.destroy();
  await remove(path);
});

test('a client that sends without waiting hears the refusal, and is not read to the end', async () => {
  const path = await create(1000);
  for (const [token, status, code] of [['secret', 413, 'too_large'], ['wrong', 401, 'unauthorized']]) {
    const line = dial();
    await line.write(head(path, 0, `Content-Length: ${10 ** 11}\r\n`, { token }));
    let sent = 0;
    while (!line.text() && sent < 100 * MIB) {
      await Promise.race([line.write(Buffer.alloc(MIB)), sleep(200)]);
      sent += MIB;
    }
    assert.equal(await line.answer(), status);
    assert.match(line.text(), new RegExp(`Connection: close[^]*"code":"${code}"`));
    for (; sent < 100 * MIB; sent += MIB) await Promise.race([line.write(Buffer.alloc(MIB)), line.closed]);
    await line.closed;
  }
  // A small body is read, and the connection serves on.
  const again = dial();
  await again.write(sized(path, 3, 5) + 'abcde' + 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until('both answers', () => /409 Conflict[^]*200 OK/.test(again.text()));
  again.socket.destroy();
  await remove(path);
});

test('chunks: any cut of them, trailers; too much and nonsense', async () => {
  const file = randomBytes(700000), path = await create(file.length);
  const pieces = ['1\r\n', file.subarray(0, 1), '\r\n00ff\r\n', file.subarray(1, 256), '\r\n', (file.length - 256).toString(16), '\r\n',
    file.subarray(256), '\r\n0\r\nX-Trailer: y\r\n\r\n'];
  const bytes = Buffer.concat([head(path, 0, 'Transfer-Encoding: chunked\r\n'), ...pieces].map((part) => Buffer.from(part)));
  const line = dial();
  for (let i = 0; i < 2000; i += 7) await line.write(bytes.subarray(i, Math.min(i + 7, 2000)));
  await line.write(bytes.subarray(2000));
  assert.equal(await line.answer(), 204);
  line.socket.destroy();
  assert.equal((await get(path)).sha256, sha256(file));
  await remove(path);

  // More than the upload may have: what came before is kept, in whole pieces.
  const small = await create(600000);
  const chunk = Buffer.concat([Buffer.from('493e0\r\n'), file.subarray(0, 300000), Buffer.from('\r\n')]);
  const more = await exchange(Buffer.concat([Buffer.from(head(small, 0, 'Transfer-Encoding: chunked\r\n')), chunk, chunk, chunk, Buffer.from('0\r\n\r\n')]));
  assert.equal(more.status, 413, more.text);
  assert.match(more.text, /may have 600000 bytes, and more came/);
  const kept = await until('the offset', async () => (await get(small)).offset);
  assert.ok(kept > 0 && kept <= 600000 && readFileSync(`${daemon.data}${small.replace('/v1', '')}`).length === kept, String(kept));
  await remove(small);

  const other = await create(1000);
  const broken = dial();
  await broken.write(head(other, 0, 'Transfer-Encoding: chunked\r\n') + '5\r\nabcde\r\nnonsense\r\n');
  await broken.closed;
  assert.doesNotMatch(broken.text(), / 2\d\d /);
  await until('what came', async () => (await get(other)).offset === 5);
  await remove(other);
});

test('a connection that breaks: what came is there, and the client goes on', async () => {
  const file = randomBytes(5 * MIB + 3), path = await create(file.length);
  let at = 0;
  for (const length of [1, 300000, 2 * MIB]) {
    const line = dial(), before = await metric('googlenetd_http_body_bytes_total');
    await line.write(sized(path, at, file.length - at));
    await line.write(file.subarray(at, at + length));
    // It has been read, if not yet written.
    await until('the bytes', async () => (await metric('googlenetd_http_body_bytes_total')) >= before + length);
    length === 300000 ? line.socket.resetAndDestroy() : line.socket.destroy();
    at += length;
    await until(`${at} bytes`, async () => (await get(path)).offset === at);
  }
  const rest = await exchange(Buffer.concat([Buffer.from(sized(path, at, file.length - at)), file.subarray(at)]));
  assert.equal(rest.status, 204);
  assert.equal((await get(path)).sha256, sha256(file));
  await remove(path);
});

// Ask to send, and wait for the daemon to be ready for it.
async function place(line, path, length) {
  await line.write(sized(path, 0, length, 'Expect: 100-continue\r\n'));
  await until('its place', () => line.text().startsWith('HTTP/1.1 100'));
}

async function metric(name) {
  const { text } = await client.get('/metrics');
  return Number(text.match(new RegExp(`^${name} (.*)$`, 'm'))[1]);
}

test('two at once: the second one is told, and nothing is torn', async () => {
  const file = randomBytes(MIB), path = await create(file.length), first = dial();
  await place(first, path, file.length);
  await first.write(file.subarray(0, 400000));
  assert.equal((await exchange(sized(path, 0, 1, 'Expect: 100-continue\r\n'))).status, 423);
  const second = await exchange(Buffer.concat([Buffer.from(sized(path, 0, file.length)), Buffer.alloc(file.length)]));
  assert.equal(second.status, 423, second.text);
  assert.match(second.text, /"code":"locked"/);
  await client.call('DELETE', path, { headers: TUS, status: 423 });
  await first.write(file.subarray(400000));
  assert.equal(await first.answer(), 204);
  first.socket.destroy();
  assert.equal((await get(path)).sha256, sha256(file));
  await remove(path);
});

test('a client that drips is cut off, one that is slow but not too slow is not', async () => {
  const drip = await create(MIB), slow = await create(MIB);
  const run = async (path, bytes, every, seconds) => {
    const line = dial(), began = Date.now();
    let sent = 0, over = false;
    line.closed.then(() => (over = true));
    await line.write(sized(path, 0, MIB));
    while (!over && Date.now() - began < seconds * 1000) {
      await line.write(Buffer.alloc(bytes));
      sent += bytes;
      await sleep(every);
    }
    line.socket.destroy();
    return { sent, over };
  };
  // A byte a time, as the timeout for silence would never notice; and four times the least rate.
  const [dripped, went] = await Promise.all([run(drip, 1, 100, 30), run(slow, RATE, 250, 4 * SECONDS)]);
  assert.ok(dripped.over && dripped.sent > 1, JSON.stringify(dripped));
  assert.ok(!went.over, JSON.stringify(went));
  await until('what came', async () => (await get(slow)).offset === went.sent);
  for (const path of [drip, slow]) await remove(path);
});

test('so many at a time, and no more; others are served meanwhile', async () => {
  const paths = [], lines = [];
  for (let i = 0; i <= CONNECTIONS; i++) paths.push(await create(1000));
  for (let i = 0; i < CONNECTIONS; i++) {
    lines.push(dial());
    await place(lines[i], paths[i], 1000);
  }
  const full = await exchange(sized(paths[CONNECTIONS], 0, 1000, 'Expect: 100-continue\r\n'));
  assert.equal(full.status, 503);
  assert.match(full.text, /Retry-After: 1[^]*"code":"busy"/);
  await client.get('/v1/jobs');
  for (const line of lines) line.socket.destroy();
  await until('a place', async () => (await exchange(sized(paths[CONNECTIONS], 0, 1000) + 'x'.repeat(1000))).status === 204);
  for (const path of paths) await until('the end', async () => (await client.call('DELETE', path, { headers: TUS })).status === 204);
});

test('a body never stands in memory as a whole', async () => {
  const memory = () => Number(readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]) * 1024;
  const size = 150 * MIB, path = await create(size), before = memory();
  const answer = await fetch(daemon.url + path, {
    method: 'PATCH', body: Buffer.alloc(size, 'x'),
    headers: { ...TUS, authorization: 'Bearer secret', 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' },
  });
  assert.equal(answer.status, 204);
  assert.ok(memory() - before < 20 * MIB, `${memory() - before}`);
  assert.equal((await get(path)).sha256, sha256(Buffer.alloc(size, 'x')));
  await remove(path);
});

test('the end of the daemon in the middle: soon, and the client goes on with the next one', async () => {
  const file = randomBytes(2 * MIB), path = await create(file.length), line = dial();
  const before = await metric('googlenetd_http_body_bytes_total');
  await line.write(sized(path, 0, file.length));
  await line.write(file.subarray(0, 1234567));
  await until('the bytes', async () => (await metric('googlenetd_http_body_bytes_total')) === before + 1234567);
  await daemon.leave();
  await line.closed;
  await daemon.launch();
  const { offset, sha256: none } = await get(path);
  assert.deepEqual([offset, none], [1234567, null]);
  const rest = await exchange(Buffer.concat([Buffer.from(sized(path, offset, file.length - offset)), file.subarray(offset)]));
  assert.equal(rest.status, 204);
  assert.equal((await get(path)).sha256, sha256(file));
  await remove(path);
});
