// The disk hangs: threads that serve sockets never wait for it, and the daemon ends in time all the same.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until as happens } from '../api/daemon.js';
import { Daemon, ask, create, until } from './service.js';

const preload = join(dirname(process.env.GOOGLENETD), '../tests/libfault_preload.so');
const folder = mkdtempSync(join(tmpdir(), 'googlenetd-stall-'));
after(() => rmSync(folder, { recursive: true }));

// A switch: while it is on, commits hang.
let switches = 0;
function stall() {
  const file = join(folder, `on-${switches++}`);
  return {
    environment: { LD_PRELOAD: preload, FAULT: 'fsync:store.db:1:1000000:stall', FAULT_WHILE: file },
    on: () => writeFileSync(file, ''),
    off: () => rmSync(file, { force: true }),
  };
}

// Whether a process takes SIGTERM in its own time.
const blocksTerm = (pid) => (parseInt(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^SigBlk:\s*(\S+)/m)[1].slice(-8), 16) & 0x4000) !== 0;

const patch = (daemon, id, name) => ask(daemon, 'PATCH', `/v1/jobs/${id}`, { name });

// The slowest of so many answers, in milliseconds.
async function slowest(daemon, paths, times) {
  let worst = 0;
  for (let i = 0; i < times; i++)
    for (const path of paths) {
      const began = Date.now();
      const answer = await fetch(daemon.url + path);
      assert.equal(answer.status, 200, path);
      await answer.arrayBuffer();
      worst = Math.max(worst, Date.now() - began);
    }
  return worst;
}

test('while a commit hangs, health, figures and the page come at once, and reading goes on', { timeout: 600000 }, async () => {
  const disk = stall();
  const daemon = await Daemon.start({ environment: disk.environment, args: ['--limits-request-seconds', '60'] });
  const id = await create(daemon, { epochs: 1 });
  await until(daemon, id, (job) => job.status === 'succeeded', 'the end');
  disk.on();
  const began = Date.now();
  // More of them than there are threads for sockets, and than there are threads that write.
  const writers = Array.from({ length: 12 }, (_, i) => patch(daemon, id, `name ${i}`));
  await sleep(300);
  const memory = ['/livez', '/metrics', '/', '/openapi.json'];
  const worst = await slowest(daemon, memory, 25);
  const read = await slowest(daemon, [`/v1/jobs/${id}`, '/v1/jobs', `/v1/jobs/${id}/curve`], 5);
  while (Date.now() - began < 10000) await sleep(100);
  // Whoever waited for the disk would have waited for as long as it hung.
  const hung = Date.now() - began;
  assert.ok(worst < hung / 2, `${worst} ms of ${hung}`);
  assert.ok(read < hung / 2, `${read} ms of ${hung}`);
  // Health knows how long nothing has been written, and says so without trying it itself.
  const ready = await ask(daemon, 'GET', '/readyz');
  assert.equal(ready.status, 503);
  assert.match(ready.json.detail, /the disk of \S+ has not answered for \d+ s/);
  disk.off();
  for (const { status } of await Promise.all(writers)) assert.equal(status, 200);
  await happens('readiness', async () => (await ask(daemon, 'GET', '/readyz')).status === 200);
  assert.match((await ask(daemon, 'GET', `/v1/jobs/${id}`)).json.name, /^name \d+$/);
  await daemon.stop();
});

test('a request whose work takes too long is answered, and so is one that never had its turn', { timeout: 600000 }, async () => {
  const disk = stall();
  const limits = ['--limits-request-seconds', '2', '--http-handlers', '1', '--limits-waiting-requests', '3'];
  const daemon = await Daemon.start({ environment: disk.environment, args: limits });
  const id = await create(daemon, { epochs: 1 });
  await until(daemon, id, (job) => job.status === 'succeeded', 'the end');
  disk.on();
  const first = patch(daemon, id, 'first');
  await sleep(300);
  const others = await Promise.all(Array.from({ length: 8 }, (_, i) => patch(daemon, id, `other ${i}`)));
  const { status, json } = await first;
  assert.deepEqual([status, json.code], [503, 'timeout']);
  assert.match(json.detail, /may still be done/);
  for (const answer of others) {
    assert.deepEqual([answer.status, answer.json.code], [503, 'busy']);
    assert.match(answer.json.detail, /nothing was done/);
  }
  disk.off();
  // The work that had begun was done; that which had not begun was not.
  const job = await until(daemon, id, ({ name }) => name === 'first', 'the first name');
  assert.equal(job.name, 'first');
  await sleep(300);
  assert.equal((await ask(daemon, 'GET', `/v1/jobs/${id}`)).json.name, 'first');
  await daemon.said(new RegExp(`event=answer_too_late .*request_id=${json.request_id}`));
  await daemon.stop();
});

test('clients that leave while they wait leave nothing behind', { timeout: 600000 }, async () => {
  const disk = stall();
  const daemon = await Daemon.start({ environment: disk.environment });
  const id = await create(daemon, { epochs: 1 });
  await until(daemon, id, (job) => job.status === 'succeeded', 'the end');
  disk.on();
  const leavers = Array.from({ length: 20 }, () => {
    const call = request(`${daemon.url}/v1/jobs/${id}`, { method: 'PATCH', headers: { 'content-type': 'application/json' } });
    call.on('error', () => {});
    call.end('{"name":"gone"}');
    return call;
  });
  await sleep(300);
  for (const call of leavers) call.destroy();
  assert.equal((await fetch(`${daemon.url}/livez`)).status, 200);
  disk.off();
  await happens('the end of their connections', async () => {
    const text = await (await fetch(`${daemon.url}/metrics`)).text();
    return Number(text.match(/^googlenetd_http_connections (\d+)$/m)[1]) <= 2;
  });
  await daemon.stop();
});

for (const signal of ['SIGTERM', 'SIGINT'])
  test(`${signal} while commits hang ends the daemon in time, with code 0`, { timeout: 600000 }, async () => {
    const disk = stall();
    const daemon = await Daemon.start({ environment: disk.environment });
    const id = await create(daemon, { epochs: 100000 });
    await until(daemon, id, (job) => job.progress.step > 5, 'step 5');
    disk.on();
    const waiting = Array.from({ length: 6 }, () => patch(daemon, id, 'x').catch(() => {}));
    await sleep(500);
    const { code } = await daemon.end(signal);
    assert.equal(code, 0, daemon.log);
    disk.off();
    await Promise.all(waiting);
    // It goes on where its last checkpoint was.
    await daemon.launch();
    await until(daemon, id, (job) => job.progress.step > 5, 'the next run');
    await daemon.stop();
  });

test('a second SIGTERM leaves at once, and the first one ends a start that hangs', { timeout: 600000 }, async () => {
  const disk = stall();
  const daemon = await Daemon.start({ environment: disk.environment });
  const id = await create(daemon, { epochs: 100000 });
  await until(daemon, id, (job) => job.progress.step > 5, 'step 5');
  disk.on();
  const began = Date.now();
  daemon.process.kill('SIGTERM');
  await daemon.said(/event=stopping/);
  // One that comes at once is the echo of the first.
  await sleep(300);
  daemon.process.kill('SIGTERM');
  assert.equal((await daemon.ended).signal, 'SIGTERM');
  const second = Date.now() - began;

  const start = daemon.launch().catch((error) => error);
  await happens('its way with signals', () => blocksTerm(daemon.process.pid));
  const again = Date.now();
  daemon.process.kill('SIGTERM');
  assert.equal((await daemon.ended).code, 0, daemon.log);
  assert.ok(second < Date.now() - again, 'the second signal waited like the first');
  assert.match(String(await start), /did not start/);
  disk.off();
});
