// The content of a data set in one go: streamed to disk, whole or not there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';

const MIB = 1 << 20;
const folder = mkdtempSync(join(tmpdir(), 'googlenetd-content-')), file = join(folder, 'pictures.zip');
let daemon, client;

before(async () => {
  daemon = await Daemon.start({ args: ['--limits-upload-bytes', String(8 * MIB)] });
  client = new Client(daemon.url);
  writeFileSync(file, randomBytes(3 * MIB));
});
after(async () => {
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

let count = 0;
const create = async () => (await client.post('/v1/datasets', { name: `set ${count++}` }, { status: 201 })).json.id;
const uploads = () => readdirSync(join(daemon.data, 'uploads'));
const put = (id, options) => client.call('PUT', `/v1/datasets/${id}/content`, { headers: { 'content-type': 'application/zip' }, ...options });

test('curl -T: of known length and of unknown, and then it is imported', async () => {
  for (const args of [['-T', file], ['-T', '-']]) {
    const id = await create();
    const out = execFileSync('curl', ['-sS', ...args, `${daemon.url}/v1/datasets/${id}/content`, '-w', '\n%{http_code}'],
      { input: args[1] === '-' ? randomBytes(3 * MIB) : undefined, encoding: 'utf8' });
    const [text, status] = out.split('\n');
    assert.equal(status, '202', out);
    assert.deepEqual([JSON.parse(text).id, JSON.parse(text).status], [id, 'importing']);
    assert.deepEqual(uploads(), []);
    // It has its content, and takes no other.
    assert.equal((await put(id, { body: 'more', status: 409 })).json.code, 'dataset_not_waiting');
  }
});

test('refusals', async () => {
  const id = await create();
  await put('set_999', { body: 'x', status: 404 });
  assert.equal((await put('fashion_mnist', { body: 'x', status: 409 })).json.code, 'dataset_is_known');
  assert.match((await put(id, { body: '', status: 400 })).json.detail, /empty/);
  const large = await put(id, { body: 'x'.repeat(8 * MIB + 1), status: 413 });
  assert.match(large.json.detail, /may have 8388608 bytes, this one has 8388609/);
  const big = join(folder, 'big.zip');
  writeFileSync(big, randomBytes(40 * MIB));
  // The refusal comes in the middle of the body.
  const chunked = execFileSync('curl', ['-sS', '-T', big, '-H', 'Transfer-Encoding: chunked', `${daemon.url}/v1/datasets/${id}/content`, '-w', '\n%{http_code}'],
    { encoding: 'utf8' });
  assert.match(chunked, /"code":"too_large"[^]*\n413$/);
  assert.equal((await client.get(`/v1/datasets/${id}`)).json.status, 'waiting');
  await until('the end of the remainder', () => uploads().length === 0);
});

test('a connection that breaks, and a kill: the set still waits, and nothing is left', async () => {
  const id = await create();
  for (const how of ['break', 'kill']) {
    const socket = connect(daemon.port, '127.0.0.1').on('error', () => {});
    socket.write(`PUT /v1/datasets/${id}/content HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${5 * MIB}\r\n\r\n`);
    socket.write(randomBytes(2 * MIB));
    await until('the first bytes', () => uploads().some((name) => /^up_\w+\.part$/.test(name)));
    if (how === 'kill') {
      daemon.process.kill('SIGKILL');
      await daemon.ended;
      await daemon.launch();
    }
    socket.destroy();
    await until('nothing', () => uploads().length === 0);
    assert.equal((await client.get(`/v1/datasets/${id}`)).json.status, 'waiting');
  }
  assert.ok(!readdirSync(daemon.data).includes('lost+found'), daemon.log);
  await put(id, { body: 'x'.repeat(1000), status: 202 });
});
