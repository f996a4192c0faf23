// Clients that others wrote: tus-js-client, which goes on after a kill of the daemon and in another process of its own,
// and curl.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import * as tus from 'tus-js-client';
import { Client } from './client.js';
import { Daemon } from './daemon.js';

const MIB = 1 << 20;
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'googlenetd-tus-'));
let daemon, client;

before(async () => {
  daemon = await Daemon.start({ environment: { GOOGLENETD_TOKEN: 'secret' } });
  client = new Client(daemon.url, 'secret');
});
after(async () => {
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

// Resolves to the path of the upload once it is whole.
function upload(file, options = {}) {
  return new Promise((resolve, reject) => {
    const sender = new tus.Upload(file, {
      endpoint: `${daemon.url}/v1/uploads`, headers: { authorization: 'Bearer secret' }, metadata: { filename: 'shirts ü.zip' },
      retryDelays: Array(100).fill(50), onError: reject, onSuccess: () => resolve(new URL(sender.url).pathname), ...options,
    });
    options.began?.(sender);
    sender.start();
  });
}

async function check(path, file) {
  const { json } = await client.get(path);
  assert.deepEqual([json.status, json.length, json.sha256, json.filename], ['complete', file.length, sha256(file), 'shirts ü.zip']);
  await client.call('DELETE', path, { headers: { 'tus-resumable': '1.0.0' }, status: 204 });
}

test('tus-js-client: whole, in parts, with the first part in the creation, by POST alone', async () => {
  const file = randomBytes(3 * MIB + 1);
  await check(await upload(file), file);
  await check(await upload(file, { chunkSize: 700000 }), file);
  await check(await upload(file, { chunkSize: 700000, uploadDataDuringCreation: true }), file);
  await check(await upload(file, { chunkSize: 700000, overridePatchMethod: true }), file);
  await check(await upload(Buffer.alloc(0)), Buffer.alloc(0));
});

test('tus-js-client: one that was stopped is gone on with by another, which knows its address', async () => {
  const file = randomBytes(6 * MIB);
  let url;
  await new Promise((resolve) => {
    upload(file, {
      chunkSize: 500000,
      began: (sender) => (sender.options.onChunkComplete = (size, done) => {
        if (done < 2 * MIB) return;
        url = sender.url;
        sender.abort().then(resolve);
      }),
    });
  });
  const { json } = await client.get(new URL(url).pathname);
  assert.ok(json.offset >= 2 * MIB && json.offset < file.length, String(json.offset));
  await check(await upload(file, { uploadUrl: url }), file);
});

test('tus-js-client: it ends an upload', async () => {
  const file = randomBytes(MIB);
  const path = await upload(file);
  await tus.Upload.terminate(daemon.url + path, { headers: { authorization: 'Bearer secret' } });
  await client.get(path, { status: 404 });
});

test('killed fifty times while files come: the client goes on, and nothing is torn or left', { timeout: 600000 }, async () => {
  let kills = 0, files = 0, done = false;
  const killer = (async () => {
    while (!done) {
      await sleep(20 + Math.random() * 150);
      if (done) break;
      daemon.process.kill('SIGKILL');
      await daemon.ended;
      kills++;
      await daemon.launch();
    }
  })();
  while (kills < 50) {
    const file = randomBytes(8 * MIB + files), chunkSize = [Infinity, 300000, 2 * MIB][files++ % 3];
    // What is asked after a kill may meet the next one.
    const path = await upload(file, { chunkSize });
    assert.ok(readFileSync(join(daemon.data, 'uploads', path.split('/').at(-1))).equals(file));
    for (let answered = false; !answered; await sleep(20))
      answered = await client.get(path).then(({ json }) => {
        assert.deepEqual([json.status, json.length], ['complete', file.length]);
        // After a kill between the last byte and the digest it is not there.
        if (json.sha256) assert.equal(json.sha256, sha256(file));
        return true;
      }, (error) => {
        if (error.code === 'ERR_ASSERTION') throw error;
      });
    for (let gone = false; !gone; await sleep(20))
      gone = await client.call('DELETE', path, { headers: { 'tus-resumable': '1.0.0' } }).then(({ status }) => [204, 404].includes(status), () => false);
  }
  done = true;
  await killer;
  await daemon.leave();
  await daemon.launch();
  // Creations whose answer a kill swallowed are uploads of no byte, whole or not there; nothing else is left.
  const { json } = await client.get('/v1/uploads');
  for (const { offset } of json.data) assert.equal(offset, 0);
  assert.equal(readdirSync(join(daemon.data, 'uploads')).length, 2 * json.data.length);
  assert.ok(!readdirSync(daemon.data).includes('lost+found'), daemon.log);
  assert.ok(files >= 3 && kills >= 50, `${files} files, ${kills} kills`);
});

test('curl -T: whole, and the rest of it after a break', async () => {
  const bytes = randomBytes(5 * MIB), file = join(folder, 'pictures.zip'), tail = join(folder, 'rest');
  writeFileSync(file, bytes);
  const curl = async (...args) => {
    const all = ['-sS', '-i', '-H', 'Authorization: Bearer secret', '-H', 'Tus-Resumable: 1.0.0', ...args];
    return (await run('curl', all)).stdout;
  };
  const create = async () =>
    (await curl('-X', 'POST', '-H', `Upload-Length: ${bytes.length}`, `${daemon.url}/v1/uploads`)).match(/^location: (\S+)/im)[1];
  const send = (path, offset, from, ...more) =>
    curl('-X', 'PATCH', '-H', 'Content-Type: application/offset+octet-stream', '-H', `Upload-Offset: ${offset}`, '-T', from, ...more, daemon.url + path);

  const whole = await create();
  assert.match(await send(whole, 0, file), /204 No Content[^]*Upload-Offset: 5242880/);
  assert.equal((await client.get(whole)).json.sha256, sha256(bytes));

  const broken = await create();
  await send(broken, 0, file, '--limit-rate', '2M', '--max-time', '1').catch(() => {});
  let offset = -1, before;
  do {
    before = offset;
    await sleep(100);
    offset = (await client.get(broken)).json.offset;
  } while (offset !== before || offset === 0);
  assert.ok(offset < bytes.length, String(offset));
  writeFileSync(tail, bytes.subarray(offset));
  assert.match(await send(broken, offset, tail), /204 No Content/);
  assert.equal((await client.get(broken)).json.sha256, sha256(bytes));

  assert.match(await send(broken, 0, file), /409 Conflict[^]*"code":"offset_mismatch"/);
});
