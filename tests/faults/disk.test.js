// A disk that is really full, stores that were lost or come from a backup: nothing is lost, nothing is stranded.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until as happens } from '../api/daemon.js';
import { Daemon, ask, create, ended, model, settings, until } from './service.js';

// A file system of so many bytes, filled and freed at will; null where only root can mount one.
function smallDisk(t, size) {
  const folder = mkdtempSync(join(tmpdir(), 'googlenetd-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    t.skip('only root can mount a small disk');
    return null;
  }
  t.after(() => {
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true });
  });
  const ballast = (i) => join(folder, `ballast-${i}`);
  return {
    data: join(folder, 'data'),
    // Until not a byte more fits.
    fill() {
      for (let i = 0, size = 8 << 20; size > 0; i++) {
        try {
          writeFileSync(ballast(i), Buffer.alloc(size));
        } catch {
          size >>= 1;
        }
      }
    },
    free() {
      for (const name of readdirSync(folder)) if (name.startsWith('ballast')) rmSync(join(folder, name));
    },
  };
}

const waits = ({ warning }) => /full|No space/.test(warning ?? '');
const status = async (daemon, id) => (await ask(daemon, 'GET', `/v1/jobs/${id}`)).json.status;

let undisturbed;
const twenty = { epochs: 20, batch_size: 16, train_limit: 320 };  // long enough to be met in the middle

test('an undisturbed run, to compare with', { timeout: 600000 }, async () => {
  const daemon = await Daemon.start();
  const id = await create(daemon, twenty);
  assert.equal((await until(daemon, id, ended, 'the end')).status, 'succeeded');
  undisturbed = await model(daemon, id);
  await daemon.stop();
});

test('a full disk: training waits and says so, and goes on by itself to the same bits', { timeout: 600000 }, async (t) => {
  const disk = smallDisk(t, '32m');
  if (!disk) return;
  const daemon = await Daemon.start({ data: disk.data });
  const id = await create(daemon, twenty);
  await until(daemon, id, ({ progress }) => progress.step > 40, 'step 40');
  disk.fill();
  const job = await until(daemon, id, waits, 'the warning');
  assert.equal(job.status, 'running');
  assert.equal(job.error, null);
  const ready = await ask(daemon, 'GET', '/readyz');
  assert.equal(ready.status, 503, JSON.stringify(ready.json));
  assert.equal((await ask(daemon, 'GET', '/livez')).status, 200);
  // It stays so, and reading goes on.
  await sleep(2000);
  assert.equal(await status(daemon, id), 'running');
  assert.equal((await ask(daemon, 'GET', `/v1/jobs/${id}/curve`)).status, 200);
  disk.free();
  const done = await until(daemon, id, ended, 'the end');
  assert.equal(done.status, 'succeeded', JSON.stringify(done));
  assert.equal(done.warning, null);
  assert.equal(await model(daemon, id), undisturbed);
  const { json } = await ask(daemon, 'GET', `/v1/jobs/${id}/curve`);
  assert.deepEqual(json.step, Array.from({ length: 100 }, (_, i) => 4 * (i + 1)));
  await happens('readiness', async () => (await ask(daemon, 'GET', '/readyz')).status === 200);
  assert.equal((await daemon.end()).code, 0);
});

test('a full disk: stop and delete work, and what they free lets the rest go on', { timeout: 600000 }, async (t) => {
  const disk = smallDisk(t, '40m');
  if (!disk) return;
  const daemon = await Daemon.start({ data: disk.data });
  const old = await create(daemon);
  assert.equal((await until(daemon, old, ended, 'the end')).status, 'succeeded');
  const id = await create(daemon, { epochs: 100000 });
  const queued = await create(daemon);
  await until(daemon, id, ({ progress }) => progress.step > 40, 'step 40');
  disk.fill();
  await until(daemon, id, waits, 'the warning');
  // Nothing new fits.
  const refused = await ask(daemon, 'POST', '/v1/jobs', settings);
  assert.ok(refused.status >= 500, JSON.stringify(refused.json));
  assert.match(refused.json.detail, /full|No space/);
  // The one that waits is stopped, with a checkpoint to go on from; so is the one in the queue.
  assert.equal((await ask(daemon, 'POST', `/v1/jobs/${id}/stop`)).status, 202);
  const stopped = await until(daemon, id, ended, 'the end');
  assert.equal(stopped.status, 'stopped', JSON.stringify(stopped));
  await model(daemon, id);
  assert.equal((await ask(daemon, 'POST', `/v1/jobs/${queued}/stop`)).status, 202);
  assert.equal(await status(daemon, queued), 'stopped');
  assert.equal((await ask(daemon, 'DELETE', `/v1/jobs/${old}`)).status, 204);
  assert.ok(!existsSync(join(disk.data, 'jobs', old)));
  // A restart in the middle of it changes nothing.
  assert.equal((await daemon.end()).code, 0);
  await daemon.launch();
  assert.equal(await status(daemon, id), 'stopped');
  assert.equal((await ask(daemon, 'GET', `/v1/jobs/${old}`)).status, 404);
  disk.free();
  await happens('the resume', async () => (await ask(daemon, 'POST', `/v1/jobs/${queued}/resume`)).status === 202);
  const done = await until(daemon, queued, ended, 'the end');
  assert.equal(done.status, 'succeeded', JSON.stringify(done));
  assert.equal((await daemon.end()).code, 0);
});

test('a sudden death on a full disk: the reserve lets the next start happen', { timeout: 600000 }, async (t) => {
  const disk = smallDisk(t, '32m');
  if (!disk) return;
  const daemon = await Daemon.start({ data: disk.data });
  const id = await create(daemon, { epochs: 100000 });
  await until(daemon, id, ({ progress }) => progress.step > 40, 'step 40');
  disk.fill();
  await until(daemon, id, waits, 'the warning');
  assert.ok(existsSync(join(disk.data, 'reserve')));
  assert.equal((await daemon.end('SIGKILL')).signal, 'SIGKILL');
  disk.fill();
  await daemon.launch();
  assert.equal((await ask(daemon, 'GET', `/v1/jobs/${id}`)).json.restart_count, 1);
  assert.equal((await ask(daemon, 'POST', `/v1/jobs/${id}/stop`)).status, 202);
  await until(daemon, id, ended, 'the end');
  disk.free();
  await happens('the reserve', async () => (await ask(daemon, 'GET', '/readyz')).status === 200);
  assert.ok(existsSync(join(disk.data, 'reserve')));
  assert.equal((await ask(daemon, 'POST', `/v1/jobs/${id}/resume`)).status, 202);
  await until(daemon, id, ({ progress }) => progress.step > 80, 'step 80');
  assert.equal((await daemon.end()).code, 0);
});

test('SIGTERM on a full disk ends in time, and the next start on it still lets one delete', { timeout: 600000 }, async (t) => {
  const disk = smallDisk(t, '32m');
  if (!disk) return;
  const daemon = await Daemon.start({ data: disk.data });
  const id = await create(daemon, { epochs: 100000 });
  await until(daemon, id, ({ progress }) => progress.step > 40, 'step 40');
  disk.fill();
  await until(daemon, id, waits, 'the warning');
  await daemon.leave();
  await daemon.launch();
  const { json } = await ask(daemon, 'GET', `/v1/jobs/${id}`);
  assert.ok(['queued', 'running'].includes(json.status), JSON.stringify(json));
  assert.equal((await ask(daemon, 'POST', `/v1/jobs/${id}/stop`)).status, 202);
  await until(daemon, id, ended, 'the end');
  assert.equal((await ask(daemon, 'DELETE', `/v1/jobs/${id}`)).status, 204);
  assert.equal((await daemon.end()).code, 0);
});

// ---- Stores and folders that do not fit together ----

const jobFolder = (daemon, id) => join(daemon.data, 'jobs', id);
const lost = (daemon) => readdirSync(join(daemon.data, 'lost+found')).sort();

test('a store that is gone leaves every checkpoint, and its ids are not given again', async () => {
  const daemon = await Daemon.start();
  const first = await create(daemon), second = await create(daemon);
  await until(daemon, second, ended, 'the end');
  const kept = readdirSync(jobFolder(daemon, first)).sort();
  const content = readFileSync(join(jobFolder(daemon, first), kept[0]));
  for (let round = 0; round < 2; round++) {
    assert.equal((await daemon.end()).code, 0);
    for (const name of readdirSync(daemon.data)) if (/^(store\.db|ids)/.test(name)) rmSync(join(daemon.data, name));
    daemon.log = '';
    await daemon.launch();
    if (round > 0) break;
    assert.deepEqual(lost(daemon), [first, second]);
    await daemon.said(/(event=lost_and_found[^]*){2}/);
    assert.equal(daemon.log.match(/event=lost_and_found/g).length, 2);
    assert.deepEqual(readdirSync(join(daemon.data, 'lost+found', first)).sort(), kept);
    assert.ok(readFileSync(join(daemon.data, 'lost+found', first, kept[0])).equals(content));
    assert.deepEqual(readdirSync(join(daemon.data, 'jobs')), []);
    assert.equal(await create(daemon), 'job_3');
    await until(daemon, 'job_3', ended, 'the end');
    // One that has the name of what is there already.
    cpSync(jobFolder(daemon, 'job_3'), jobFolder(daemon, 'job_1'), { recursive: true });
  }
  assert.deepEqual(lost(daemon), ['job_1', 'job_1.1', 'job_2', 'job_3']);
  assert.ok(readFileSync(join(daemon.data, 'lost+found', first, kept[0])).equals(content));
  assert.equal(await create(daemon), 'job_4');
  await daemon.stop();
});

test('an older backup of the store keeps the files of newer jobs and checkpoints', async () => {
  const daemon = await Daemon.start();
  const id = await create(daemon, { checkpoint: { keep: 100 } });
  await until(daemon, id, ended, 'the end');
  assert.equal((await daemon.end()).code, 0);
  const backup = mkdtempSync(join(tmpdir(), 'googlenetd-backup-'));
  const stores = readdirSync(daemon.data).filter((name) => name.startsWith('store.db'));
  for (const name of stores) cpSync(join(daemon.data, name), join(backup, name));
  await daemon.launch();
  const newer = await create(daemon);
  await until(daemon, newer, ended, 'the end');
  const { json: before } = await ask(daemon, 'GET', `/v1/events?limit=1000&after=0`);
  assert.equal((await daemon.end()).code, 0);
  // As if there had been another checkpoint since, beside those that the backup knows.
  const folder = jobFolder(daemon, id), known = readdirSync(folder).sort();
  const one = known.find((name) => /model/.test(name));
  cpSync(join(folder, one), join(folder, 'step_77777.model.safetensors'));
  writeFileSync(join(folder, 'notes of mine.txt'), 'mine');
  writeFileSync(join(folder, 'step_80.model.safetensors.tmp'), 'half');
  for (const name of readdirSync(daemon.data)) if (name.startsWith('store.db')) rmSync(join(daemon.data, name));
  for (const name of stores) cpSync(join(backup, name), join(daemon.data, name));
  await daemon.launch();
  assert.deepEqual(lost(daemon), ['job_1.step_77777.model.safetensors', newer]);
  assert.deepEqual(readdirSync(folder).sort(), ['notes of mine.txt', ...known].sort());
  await model(daemon, id);
  // Ids of jobs and events go on above all that were ever given.
  const next = await create(daemon);
  assert.equal(next, 'job_3');
  const { json: after } = await ask(daemon, 'GET', `/v1/jobs/${next}/events`);
  assert.ok(after.data[0].id > before.data.at(-1).id, `${after.data[0].id}, ${before.data.at(-1).id}`);
  await until(daemon, next, ended, 'the end');
  // Deleting a job takes its own files, and no others.
  assert.equal((await ask(daemon, 'DELETE', `/v1/jobs/${id}`)).status, 204);
  assert.ok(!existsSync(folder));
  assert.ok(lost(daemon).includes('job_1.notes of mine.txt'));
  rmSync(backup, { recursive: true });
  await daemon.stop();
});

test('folders that are no jobs, and a place that cannot be written, are left alone', async () => {
  const daemon = await Daemon.start();
  assert.equal((await daemon.end()).code, 0);
  mkdirSync(join(daemon.data, 'jobs', 'not_a_job'));
  mkdirSync(join(daemon.data, 'jobs', 'job_9'));
  writeFileSync(join(daemon.data, 'lost+found'), 'a file');
  daemon.log = '';
  await daemon.launch();
  await daemon.said(/event=lost_and_left what=\S*job_9/);
  assert.deepEqual(readdirSync(join(daemon.data, 'jobs')).sort(), ['job_9', 'not_a_job']);
  assert.equal(await create(daemon), 'job_10');
  await daemon.stop();
});
