// A training on the command line whose disk fails at every point in turn: it says so, and going on from what is left
// arrives at the model of an undisturbed run. And one whose disk hangs: SIGTERM ends it all the same.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const binary = process.env.GOOGLENETD;
const library = join(dirname(binary), '../tests/libfault_preload.so');
// With this seed the second epoch is better than the first, so that a best model that is left behind is seen.
const job = { network: 'googlenet_tiny', image_size: 28, batch_size: 8, train_limit: 8, test_limit: 8, epochs: 2, threads: 1, seed: 7, precision: 'f32' };

function scratch(t) {
  const dir = mkdtempSync(join(tmpdir(), 'googlenetd-faults-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'job.json'), JSON.stringify(job));
  return dir;
}

function train(dir, args, environment = {}) {
  const r = spawnSync(binary, ['train', 'job.json', ...args], { cwd: dir, encoding: 'utf8', env: { ...process.env, ...environment } });
  return { code: r.status, signal: r.signal, out: r.stdout, err: r.stderr };
}

const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

test('every rename, fsync and many a write that fails', { timeout: 800000 }, (t) => {
  const dir = scratch(t);
  assert.equal(train(dir, ['--out', 'whole']).code, 0);
  assert.equal(train(dir, ['--out', 'half', '--set', 'epochs=1']).code, 0);
  assert.notEqual(sha256(join(dir, 'half/best.safetensors')), sha256(join(dir, 'whole/best.safetensors')));
  // Each call, from the first, until there are no more of them; of the writes, one in twenty.
  for (const [call, action, stride] of [['rename', 'EIO', 1], ['rename', 'kill', 1], ['fsync', 'EIO', 1], ['write', 'ENOSPC', 20]]) {
    let hit = true;
    let count = 0;
    for (let n = 1; hit; n += stride) {
      const what = `${action} at ${call} ${n}`;
      rmSync(join(dir, 'run'), { recursive: true, force: true });
      cpSync(join(dir, 'half'), join(dir, 'run'), { recursive: true });
      const r = train(dir, ['--out', 'run', '--resume'], { LD_PRELOAD: library, FAULT: `${call}:run/:${n}:1:${action}` });
      hit = r.code !== 0;
      count += hit;
      if (r.signal) assert.equal(r.signal, 'SIGKILL', what);
      else if (hit) assert.equal(r.code, 1, what);
      if (r.code === 1) assert.match(r.err, /^googlenetd: .*(Input\/output error|No space left on device)\n$/, what);
      const again = train(dir, ['--out', 'run', '--resume']);
      assert.equal(again.code, 0, `${what}: ${again.err}`);
      for (const name of ['model.safetensors', 'best.safetensors'])
        assert.equal(sha256(join(dir, 'run', name)), sha256(join(dir, 'whole', name)), `${what}: ${name}`);
      assert.equal(readFileSync(join(dir, 'run/epochs.csv'), 'utf8').split('\n').length, 4, what);
    }
    assert.ok(count >= 6, `${count} faults of ${call}`);
  }
});

test('figures are printed though their confusion matrix cannot be written', (t) => {
  const dir = scratch(t);
  assert.equal(train(dir, ['--out', 'run', '--set', 'epochs=1']).code, 0);
  const r = spawnSync(binary, ['evaluate', 'run', 'fashion_mnist', '--limit', '8', '--csv', 'seen.csv'],
    { cwd: dir, encoding: 'utf8', env: { ...process.env, LD_PRELOAD: library, FAULT: 'rename:seen.csv:1:1:EIO' } });
  assert.equal(r.status, 1);
  assert.match(r.stderr, /seen\.csv.*Input\/output error/);
  assert.match(r.stdout, /^8 examples: accuracy/);
  assert.ok(!existsSync(join(dir, 'seen.csv')));
});

for (const signals of [['SIGTERM'], ['SIGINT', 'SIGTERM']])
  test(`a disk that hangs: ${signals.length === 1 ? 'one signal ends it in time' : 'a second signal ends it at once'}`, { timeout: 600000 }, async (t) => {
    const dir = scratch(t);
    writeFileSync(join(dir, 'hang'), '');
    const child = spawn(binary, ['train', 'job.json', '--set', 'epochs=1000'], {
      cwd: dir, stdio: 'ignore',
      env: { ...process.env, LD_PRELOAD: library, FAULT: 'fsync:checkpoint:3:1:stall', FAULT_WHILE: join(dir, 'hang') },
    });
    const ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
    const rows = () => existsSync(join(dir, 'job.run/epochs.csv')) && readFileSync(join(dir, 'job.run/epochs.csv'), 'utf8').split('\n').length;
    while (rows() < 5) await new Promise((go) => setTimeout(go, 20));
    for (const signal of signals) {
      child.kill(signal);
      await new Promise((go) => setTimeout(go, 400));
    }
    const code = await ended;
    assert.equal(code, 143);
    assert.ok(existsSync(join(dir, 'job.run/checkpoint.safetensors')));
  });
