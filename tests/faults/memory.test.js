// A job that cannot get its memory fails and says how much it needed; the daemon lives and trains on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Daemon, ask, create, ended, until } from './service.js';

function addressSpace(daemon) {
  const status = readFileSync(`/proc/${daemon.process.pid}/status`, 'utf8');
  return 1024 * Number(status.match(/VmSize:\s+(\d+) kB/)[1]);
}

// Let the daemon's address space grow by `bytes` from here and no more.
function confine(daemon, bytes) {
  execFileSync('prlimit', ['--pid', String(daemon.process.pid), `--as=${addressSpace(daemon) + bytes}`]);
}

// An evaluation would take memory of its own beside them, sooner or later.
const small = { epochs: 1, evaluate: false };
const large = { network: 'googlenet', threads: 1 };

for (const [what, more] of [
  ['feature maps', { ...large, image_size: 224, batch_size: 256 }],
  ['images', { ...large, image_size: 96, batch_size: 4096 }],
]) {
  test(`${what} that do not fit`, { timeout: 600000 }, async (t) => {
    const daemon = await Daemon.start();
    if (addressSpace(daemon) > 2 ** 40) {
      await daemon.stop();
      t.skip('the allocator of a sanitizer ends the program where memory ends');
      return;
    }
    // What a training leaves behind for the next one (threads, stacks, compiled code) is there before the limit.
    assert.equal((await until(daemon, await create(daemon, small), ended, 'the end')).status, 'succeeded');
    confine(daemon, 192 << 20);
    const job = await until(daemon, await create(daemon, more), ended, 'the end');
    assert.equal(job.status, 'failed');
    assert.equal(job.error.code, 'out_of_memory');
    assert.match(job.error.message, /\b[1-9]\d+ MB/);
    assert.equal((await ask(daemon, 'GET', '/readyz')).status, 200);
    // Smaller ones fit, also after a failure.
    assert.equal((await until(daemon, await create(daemon, small), ended, 'the end')).status, 'succeeded');
    await daemon.stop();
  });
}
