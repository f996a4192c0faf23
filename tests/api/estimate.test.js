// What a dry run says of memory and time, held against what trainings really take.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { Client } from './client.js';
import { Daemon } from './daemon.js';

// The most that a process has had in memory at a time.
function peakBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name) => 1024 * Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))[1]);
  return bytes('VmHWM');
}

const sanitized = process.env.ASAN_OPTIONS && 'a sanitizer takes memory of its own';
const bf16 = /avx512_bf16|amx_bf16/.test(readFileSync('/proc/cpuinfo', 'utf8'));
// Kernels are measured for each shape anew, which takes longer than these trainings: most batches or images are small, all
// of a training are of one size, and what optimizers keep is told from trainings of the same shapes. The second step needs
// what the first one needed.
const few = { train_limit: 32, test_limit: 16, epochs: 1 };
const large = { ...few, precision: 'f32', image_size: 144, batch_size: 4, train_limit: 8, test_limit: 4 };
const CASES = [
  ['a tiny network, the last batch of another size', { ...few, network: 'googlenet_tiny', precision: 'f32', train_limit: 150, test_limit: 100 }],
  ['the chapter’s network in f32', { ...few, precision: 'f32', image_size: 64, train_limit: 128, test_limit: 128 }],
  ['large images', large],
  ['with momentum', { ...large, optimizer: { momentum: 0.9 } }],
  ['with all that a recipe keeps', { ...large, accumulation: 2, ema: { decay: 0.9 }, optimizer: { name: 'adamw', learning_rate: 0.001, clip_norm: 1 } }],
  ['in bf16', { ...few, precision: 'bf16', batch_size: 8, train_limit: 16, test_limit: 8 }],
];

for (const [name, settings] of CASES) {
  const skip = sanitized || (settings.precision === 'bf16' && !bf16 && 'no bf16 here');
  test(`memory: ${name}`, { skip }, async (t) => {
    const daemon = await Daemon.start();
    const client = new Client(daemon.url);
    const { json } = await client.post('/v1/jobs?dry_run=true', settings, { status: 200 });
    const { id } = await client.create(settings);
    await client.succeeded(id);
    const peak = peakBytes(daemon.process.pid);
    await daemon.stop();
    const share = json.estimate.memory_bytes / peak;
    t.diagnostic(`${(json.estimate.memory_bytes / 1e6).toFixed(0)} MB estimated, ${share.toFixed(2)} of what it took`);
    assert.ok(share > 0.8 && share < 1.25, `${share} of what it took`);
  });
}

test('time: unknown until such a job has run, then from its speed', async () => {
  const daemon = await Daemon.start({ args: ['--threads', '2'] });
  const client = new Client(daemon.url);
  const dry = async (more) => (await client.post('/v1/jobs?dry_run=true', { ...settings, ...more }, { status: 200 })).json.estimate;
  const settings = { network: 'googlenet_tiny', precision: 'f32', train_limit: 320, test_limit: 40, batch_size: 32, epochs: 2 };
  const { memory_bytes: bytes, ...unknown } = await dry();
  assert.ok(bytes > 0);
  assert.deepEqual(unknown, { seconds: null, examples_per_second: null, measured_job: null });

  const { id } = await client.create(settings);
  const job = await client.succeeded(id);
  const speed = job.progress.examples_per_second;
  const known = await dry();
  assert.equal(known.measured_job, id);
  assert.equal(known.examples_per_second, speed);
  assert.ok(Math.abs(known.seconds - (2 * (320 + 40 / 3)) / speed) < 1e-9 * known.seconds);

  // Twice the work takes twice as long; a budget bounds it; another image size is scaled.
  assert.ok(Math.abs((await dry({ epochs: 4 })).seconds / known.seconds - 2) < 1e-9);
  assert.equal((await dry({ max_seconds: 0.001 })).seconds, 0.001);
  const larger = await dry({ image_size: 56 });
  assert.equal(larger.measured_job, id);
  assert.ok(larger.examples_per_second < speed / 3 && larger.examples_per_second > speed / 5, `${larger.examples_per_second} of ${speed}`);

  // Nothing is said from other networks, precisions or teams.
  for (const other of [{ network: 'googlenet' }, { precision: 'bf16' }, { threads: job.environment.threads === 1 ? 2 : 1 }]) {
    // Where one core is to be had, there is one team.
    if (other.threads && availableParallelism() === 1) continue;
    if (other.precision === 'bf16' && !bf16) continue;
    assert.equal((await dry(other)).seconds, null, JSON.stringify(other));
  }
  await daemon.stop();
});
