// The daemon among failing disks and signals: jobs fail cleanly or wait, what was stored stays.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { until as happens } from '../api/daemon.js';
import { Daemon, ask, create, ended, model, notes, until } from './service.js';

const preload = join(dirname(process.env.GOOGLENETD), '../tests/libfault_preload.so');
const trap = (fault) => ({ environment: { LD_PRELOAD: preload, FAULT: fault } });

let undisturbed;

test('an undisturbed run, to compare with', async () => {
  const daemon = await Daemon.start();
  const id = await create(daemon);
  assert.equal((await until(daemon, id, ended, 'the end')).status, 'succeeded');
  undisturbed = await model(daemon, id);
  await daemon.stop();
});

// The third checkpoint cannot be made to last at the first try: training waits, writes it anew, and goes on to
// the same bits.
for (const [call, path] of [['fsync', 'training.safetensors.tmp'], ['rename', 'training.safetensors'],
  ['write', 'training.safetensors.tmp'], ['fsync', 'model.safetensors.tmp'], ['rename', 'model.safetensors'],
  ['fsync', 'jobs/job_1$']]) {
  for (const error of ['EIO', 'ENOSPC']) {
    test(`${call} of ${path} fails with ${error}`, async () => {
      const daemon = await Daemon.start(trap(`${call}:${path}:3:2:${error}`));
      const id = await create(daemon);
      const job = await until(daemon, id, ended, 'the end');
      assert.equal(job.status, 'succeeded', JSON.stringify(job));
      assert.equal(job.warning, null);
      await daemon.said(/event=training_waits .*(Input\/output error|No space left)/);
      assert.match(await notes(daemon, id), /training waited for .*(Input\/output error|No space left)/);
      assert.equal(await model(daemon, id), undisturbed);
      await daemon.stop();
    });
  }
}

test('a checkpoint that can never be written: the job waits and says why, and a stop ends it', async () => {
  const daemon = await Daemon.start(trap('fsync:training.safetensors.tmp:3:1000000:EIO'));
  const id = await create(daemon);
  const job = await until(daemon, id, ({ warning }) => warning, 'the warning');
  assert.equal(job.status, 'running');
  assert.match(job.warning, /Input\/output error/);
  const ready = await ask(daemon, 'GET', '/readyz');
  assert.equal(ready.status, 503);
  assert.match(ready.json.detail, /job_1 waits: .*Input\/output error/);
  await model(daemon, id);
  assert.equal((await ask(daemon, 'POST', `/v1/jobs/${id}/stop`)).status, 202);
  const stopped = await until(daemon, id, ended, 'the end');
  assert.equal(stopped.status, 'stopped');
  assert.equal(stopped.warning, null);
  assert.match(await notes(daemon, id), /ended without the newest steps, which could not be written: .*Input\/output error/);
  assert.equal((await ask(daemon, 'GET', '/readyz')).status, 200);
  // The checkpoint before it is kept, and the job goes on from it where the disk works.
  assert.equal((await daemon.end()).code, 0);
  daemon.environment = {};
  await daemon.launch();
  assert.equal((await ask(daemon, 'POST', `/v1/jobs/${id}/resume`)).status, 202);
  assert.equal((await until(daemon, id, ended, 'the end')).status, 'succeeded');
  assert.equal(await model(daemon, id), undisturbed);
  await daemon.stop();
});

test('a store that cannot be written holds training up, and loses nothing', async () => {
  // The store is made before, so that the writes that are counted do not depend on what it takes to make one.
  const daemon = await Daemon.start();
  assert.equal((await daemon.end()).code, 0);
  ({ environment: daemon.environment } = trap('write:store.db-wal:36:40:ENOSPC'));
  await daemon.launch();
  const id = await create(daemon);
  const job = await until(daemon, id, ended, 'the end');
  assert.equal(job.status, 'succeeded');
  await daemon.said(/event=training_waits .*the disk is full/);
  const { json } = await ask(daemon, 'GET', `/v1/jobs/${id}/curve`);
  assert.deepEqual(json.step, Array.from({ length: 20 }, (_, i) => 4 * (i + 1)));
  assert.equal(await model(daemon, id), undisturbed);
  await daemon.stop();
});

test('SIGTERM checkpoints and leaves within 8 s; the next start goes on', async () => {
  const daemon = await Daemon.start();
  const id = await create(daemon, { epochs: 1000 });
  await until(daemon, id, (job) => job.progress.step > 50, 'step 50');
  await daemon.leave();
  await daemon.launch();
  const { json } = await ask(daemon, 'GET', `/v1/jobs/${id}`);
  assert.ok(['queued', 'running'].includes(json.status));
  assert.ok(json.progress.step > 50);
  assert.equal(json.restart_count, 0);
  await daemon.stop();
});

test('SIGHUP, SIGUSR1 and SIGUSR2 checkpoint what runs', async () => {
  const daemon = await Daemon.start();
  const id = await create(daemon, { epochs: 1000, checkpoint: { every_epochs: 1000, keep: 100 } });
  await until(daemon, id, (job) => job.progress.step > 5, 'step 5');
  // Only who asks gets one within an epoch of 20 steps; those of the best epochs stand at an end. The log has them all.
  const within = () => [...daemon.log.matchAll(/event=checkpoint job=1 .*?\bstep=(\d+)/g)].filter(([, step]) => step % 20 !== 0).length;
  const follows = (from, pattern) => happens(`${pattern} in the log`, () => daemon.log.slice(from).match(pattern));
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) {
    const before = within();
    // A request that comes at the end of an epoch is answered by the checkpoint there: ask again.
    for (let i = 0; i < 20 && within() === before; i++) {
      const from = daemon.log.length;
      daemon.process.kill(signal);
      await follows(from, new RegExp(`event=checkpoint_all signal=${signal}\\n[^]*event=checkpoint job=1 .*\\n`));
    }
    assert.ok(within() > before, `${signal}: no checkpoint in the middle of an epoch`);
    // What was asked for and not yet answered must not count for the next.
    await follows(daemon.log.length, /event=epoch [^]*event=epoch /);
  }
  await daemon.stop();
});

test('a second daemon is kept out of the folder', async () => {
  const daemon = await Daemon.start();
  const refused = () => assert.rejects(Daemon.start({ data: daemon.data }), /belongs to another running daemon/);
  await refused();
  // Somebody took it for the lock of a daemon that had died.
  rmSync(join(daemon.data, 'lock'));
  await refused();
  await refused();
  await daemon.stop();
});

test('going on with other threads or instructions is told', { timeout: 600000 }, async () => {
  const daemon = await Daemon.start();
  const id = await create(daemon, { epochs: 100000, threads: 0, precision: 'f32' });
  const { environment } = await until(daemon, id, (job) => job.progress.step >= 3, 'step 3');
  const elsewhere = [];
  if (availableParallelism() > 1)
    elsewhere.push({ args: ['--threads', '2'], words: /threads changed from 1 to 2.*: results may differ/ });
  if (environment.cpu_isa !== 'avx2')
    elsewhere.push({ environment: { ONEDNN_MAX_CPU_ISA: 'AVX2' }, words: /instructions changed from \S+ to avx2.*: results may differ/ });
  for (const { words, args = [], environment = {} } of elsewhere) {
    assert.equal((await daemon.end()).code, 0);
    Object.assign(daemon, { args, environment });
    await daemon.launch();
    await until(daemon, id, ({ status }) => status === 'running', 'the next run');
    await happens(String(words), async () => words.test(await notes(daemon, id)));
  }
});
