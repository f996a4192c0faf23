// The daemon is told to end at the worst moments: it leaves within 8 s, and the next start goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon, ask, create, until } from './service.js';

const two = { args: ['--threads', '2'] };
// Kernels are measured for as long as many such steps take: images are small, and this network has few different
// convolutions for what it computes.
const large = { network: 'nin', image_size: 83, threads: 2, test_limit: 0 };

// The job is in the queue again or runs, was not failed, and its end counts as no accident.
async function goesOn(daemon, id, restarts) {
  await daemon.launch();
  const job = await until(daemon, id, ({ status }) => status === 'running', 'the next run');
  assert.equal(job.error, null);
  assert.ok(job.restart_count <= restarts, JSON.stringify(job));
  return job;
}

test('in the middle of a step of ordinary length', { timeout: 800000 }, async () => {
  const daemon = await Daemon.start(two);
  const id = await create(daemon, { ...large, batch_size: 128, train_limit: 60000, epochs: 10 });
  await until(daemon, id, (job) => job.progress.step >= 2, 'step 2');
  await daemon.leave();
  const { progress } = await goesOn(daemon, id, 0);
  assert.ok(progress.step >= 2, JSON.stringify(progress));
  await daemon.leave();
});

test('in the middle of a step of many parts', { timeout: 800000 }, async () => {
  const daemon = await Daemon.start();
  // On one thread, which a busy machine slows down least: a step takes seconds and has sixteen parts.
  const how = { threads: 1, batch_size: 512, train_limit: 60000, epochs: 1 };
  const id = await create(daemon, { ...large, ...how });
  const before = await until(daemon, id, (job) => job.progress.step >= 1, 'step 1');
  await sleep(200);
  await daemon.leave();
  // The step that it is in is given up, not those before.
  assert.doesNotMatch(daemon.log, /event=left_in_a_step/);
  const { progress } = await goesOn(daemon, id, 0);
  assert.ok(progress.step >= before.progress.step, JSON.stringify(progress));
  await daemon.leave();
});

test('in the middle of an evaluation', { timeout: 800000 }, async () => {
  const daemon = await Daemon.start(two);
  // An evaluation takes a second on two threads. The kernels are those of the first test.
  const id = await create(daemon, { ...large, batch_size: 128, train_limit: 128, epochs: 3 });
  await until(daemon, id, (job) => job.progress.step >= 1, 'the last step of the epoch');
  await sleep(200);
  const { json } = await ask(daemon, 'GET', `/v1/jobs/${id}/epochs`);
  assert.equal(json.data.length, 0, 'the evaluation was over before the signal');
  await daemon.leave();
  const { progress } = await goesOn(daemon, id, 0);
  assert.equal(progress.step, 1, 'the step before the evaluation is kept');
  await daemon.leave();
});
