// Files that come while the disk is full, fails or hangs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon, ask } from './service.js';

const MIB = 1 << 20;
const preload = join(dirname(process.env.GOOGLENETD), '../tests/libfault_preload.so');
const folder = mkdtempSync(join(tmpdir(), 'googlenetd-upload-'));
after(() => rmSync(folder, { recursive: true }));

// A switch: while it is on, such calls fail or hang.
let switches = 0;
function weather(fault) {
  const file = join(folder, `on-${switches++}`);
  return {
    environment: { LD_PRELOAD: preload, FAULT: fault, FAULT_WHILE: file },
    on: () => writeFileSync(file, ''),
    off: () => rmSync(file, { force: true }),
  };
}

const TUS = { 'tus-resumable': '1.0.0' };
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function create(daemon, length, status = 201) {
  const answer = await fetch(`${daemon.url}/v1/uploads`, { method: 'POST', headers: { ...TUS, 'upload-length': String(length) } });
  const text = await answer.text();
  assert.equal(answer.status, status, text);
  return status === 201 ? answer.headers.get('location') : JSON.parse(text);
}

async function patch(daemon, path, offset, bytes) {
  const headers = { ...TUS, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) };
  const answer = await fetch(daemon.url + path, { method: 'PATCH', headers, body: bytes });
  const text = await answer.text();
  return { status: answer.status, json: text ? JSON.parse(text) : null };
}

// Once nobody writes to it any more: who would go on where it does not stand is told that then, and not that it is locked.
async function standing(daemon, path) {
  while ((await patch(daemon, path, 2 ** 40, Buffer.alloc(0))).status === 423) await sleep(50);
  return (await ask(daemon, 'GET', path)).json;
}

async function finish(daemon, path, file) {
  const { offset } = await standing(daemon, path);
  assert.equal((await patch(daemon, path, offset, file.subarray(offset))).status, 204);
  const { json } = await ask(daemon, 'GET', path);
  assert.deepEqual([json.status, json.sha256], ['complete', sha256(file)]);
}

for (const [call, action, status, code] of [['write', 'ENOSPC', 507, 'insufficient_storage'], ['write', 'EIO', 503, 'unavailable'], ['fsync', 'ENOSPC', 507, 'insufficient_storage'], ['fsync', 'EIO', 503, 'unavailable']])
  test(`${call} fails with ${action} in the middle: a sentence, the true offset, and the client goes on`, { timeout: 600000 }, async () => {
    const disk = weather(`${call}:uploads/up_:${call === 'write' ? 5 : 1}:100000:${action}`);
    const daemon = await Daemon.start({ environment: disk.environment });
    const file = randomBytes(40 * MIB), path = await create(daemon, file.length);
    disk.on();
    const { status: got, json } = await patch(daemon, path, 0, file);
    assert.deepEqual([got, json.code], [status, code], JSON.stringify(json));
    assert.match(json.detail, /uploads\/up_\w+: (No space left on device|Input\/output error)/);
    const { offset } = await standing(daemon, path);
    // Four writes were good, or what one fsync would have kept.
    assert.equal(offset, call === 'write' ? MIB : 0);
    assert.equal(statSync(join(daemon.data, path.replace('/v1', ''))).size, offset);
    assert.equal((await ask(daemon, 'GET', '/livez')).status, 200);
    disk.off();
    await finish(daemon, path, file);
    await daemon.stop();
  });

test('a creation that fails leaves nothing', { timeout: 600000 }, async () => {
  for (const call of ['write', 'fsync', 'rename']) {
    const disk = weather(`${call}:uploads:1:100000:ENOSPC`);
    const daemon = await Daemon.start({ environment: disk.environment });
    disk.on();
    assert.equal((await create(daemon, 1000, 507)).code, 'insufficient_storage', call);
    disk.off();
    assert.deepEqual(readdirSync(join(daemon.data, 'uploads')), [], call);
    await create(daemon, 1000);
    await daemon.stop();
  }
});

test('a small disk: what does not fit is refused before it comes, and jobs keep their space', { timeout: 600000 }, async (t) => {
  const small = mkdtempSync(join(tmpdir(), 'googlenetd-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=110m', 'tmpfs', small], { stdio: 'ignore' });
  } catch {
    rmSync(small, { recursive: true });
    return t.skip('only root can mount a small disk');
  }
  t.after(() => {
    execFileSync('umount', ['-l', small]);
    rmSync(small, { recursive: true });
  });
  const daemon = await Daemon.start({ data: join(small, 'data') });
  const refused = await create(daemon, 60 * MIB, 507);
  assert.match(refused.detail, /bytes left, of which \d+ are kept for jobs: there is no room for 62914560 more/);
  const file = randomBytes(20 * MIB), path = await create(daemon, file.length), rival = join(small, 'rival');
  assert.equal((await patch(daemon, path, 0, file.subarray(0, 5 * MIB))).status, 204);
  // Somebody else fills the disk meanwhile.
  writeFileSync(rival, Buffer.alloc(25 * MIB));
  const { status, json } = await patch(daemon, path, 5 * MIB, file.subarray(5 * MIB));
  assert.deepEqual([status, json.code], [507, 'insufficient_storage']);
  assert.equal((await standing(daemon, path)).offset, 5 * MIB);
  rmSync(rival);
  await finish(daemon, path, file);
  assert.equal((await ask(daemon, 'GET', '/readyz')).status, 200);
  await daemon.leave();
});

// Begins to send and does not wait for the answer.
function begin(daemon, path, bytes) {
  const headers = { ...TUS, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0', 'content-length': bytes.length };
  const call = request(daemon.url + path, { method: 'PATCH', headers, agent: false });
  const answer = new Promise((resolve) => {
    call.on('response', (response) => {
      response.resume();
      response.on('error', () => {});
      resolve(response.statusCode);
    });
    call.on('error', () => resolve(null));
  });
  call.end(bytes);
  return { call, answer };
}

for (const call of ['write', 'fsync'])
  test(`while ${call} hangs under more uploads than there are threads, others are served at once`, { timeout: 600000 }, async () => {
    const disk = weather(`${call}:uploads/up_:1:1000000:stall`);
    const daemon = await Daemon.start({ environment: disk.environment, args: ['--limits-request-seconds', '60', '--limits-upload-connections', '12'] });
    const file = randomBytes(2 * MIB), paths = [];
    for (let i = 0; i < 12; i++) paths.push(await create(daemon, file.length));
    disk.on();
    const began = Date.now();
    const senders = paths.map((path) => begin(daemon, path, file));
    await sleep(500);
    let worst = 0;
    for (let i = 0; i < 30; i++)
      for (const path of ['/livez', '/', '/v1/jobs', '/v1/uploads', '/metrics']) {
        const asked = Date.now();
        const answer = await fetch(daemon.url + path);
        assert.equal(answer.status, 200, path);
        await answer.arrayBuffer();
        worst = Math.max(worst, Date.now() - asked);
      }
    const job = { network: 'googlenet_tiny', image_size: 28, train_limit: 64, test_limit: 32, epochs: 1 };
    assert.equal((await ask(daemon, 'POST', '/v1/jobs', job)).status, 201);
    while (Date.now() - began < 6000) await sleep(100);
    // Whoever waited for the disk would have waited for as long as it hung.
    const hung = Date.now() - began;
    assert.ok(worst < hung / 2, `${worst} ms of ${hung}`);
    disk.off();
    for (const { answer } of senders) assert.equal(await answer, 204);
    for (const path of paths) assert.equal((await ask(daemon, 'GET', path)).json.sha256, sha256(file));
    await daemon.stop();
  });

test('a client whose bytes the disk does not take is told, and goes on later', { timeout: 600000 }, async () => {
  const disk = weather('write:uploads/up_:1:1000000:stall');
  const daemon = await Daemon.start({ environment: disk.environment, args: ['--limits-request-seconds', '2'] });
  const file = randomBytes(2 * MIB), path = await create(daemon, file.length), left = await create(daemon, file.length);
  disk.on();
  const gone = begin(daemon, left, file);
  const { status, json } = await patch(daemon, path, 0, file);
  assert.deepEqual([status, json.code], [503, 'timeout']);
  gone.call.destroy();
  // It is still being written to.
  assert.equal((await patch(daemon, path, 0, file)).status, 423);
  disk.off();
  await finish(daemon, path, file);
  await finish(daemon, left, file);
  await daemon.stop();
});

test('SIGTERM while the disk hangs under uploads ends the daemon in time, and they go on', { timeout: 600000 }, async () => {
  const disk = weather('write:uploads/up_:3:1000000:stall');
  const daemon = await Daemon.start({ environment: disk.environment });
  const file = randomBytes(2 * MIB), path = await create(daemon, file.length);
  disk.on();
  const sender = begin(daemon, path, file);
  await sleep(500);
  const { code } = await daemon.end('SIGTERM');
  assert.equal(code, 0, daemon.log);
  await sender.answer;
  disk.off();
  await daemon.launch();
  await finish(daemon, path, file);
  await daemon.stop();
});

// Each point where a creation, a write or an end touches the disk: the daemon dies there, and at its next start the
// upload is whole or not there.
for (const call of ['write', 'fsync', 'rename', 'unlink'])
  test(`killed at each ${call}`, { timeout: 600000 }, async () => {
    const file = randomBytes(600000);
    for (let n = 1; ; n++) {
      const disk = weather(`${call}:uploads:${n}:1:kill`);
      disk.on();
      const daemon = await Daemon.start({ environment: disk.environment });
      let path = null, removed = false;
      try {
        path = await create(daemon, file.length);
        await patch(daemon, path, 0, file.subarray(0, 300000));
        await patch(daemon, path, 300000, file.subarray(300000));
        removed = (await fetch(daemon.url + path, { method: 'DELETE', headers: TUS })).status === 204;
      } catch {
        // It has died, or will at its start.
      }
      if (removed) {
        await daemon.stop();
        assert.ok(n > 1, 'it was never hit');
        return;
      }
      await daemon.ended;
      disk.off();
      await daemon.launch();
      const { json } = await ask(daemon, 'GET', '/v1/uploads');
      assert.ok(json.data.length <= 1);
      for (const { id } of json.data) await finish(daemon, `/v1/uploads/${id}`, file);
      assert.equal(readdirSync(join(daemon.data, 'uploads')).length, 2 * json.data.length);
      assert.ok(!readdirSync(daemon.data).includes('lost+found'), daemon.log);
      await daemon.stop();
    }
  });
