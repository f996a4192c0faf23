// Nobody reads what the daemon writes to stderr: it goes on working, says what was lost, and ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon, ask, create, until } from './service.js';

const chatty = ['--log-level', 'debug'];

// Makes more lines than a pipe and the daemon's own buffer take, however many are written meanwhile.
async function fill(daemon) {
  for (let i = 0; i < 200; i++) {
    await Promise.all(Array.from({ length: 100 }, () => fetch(`${daemon.url}/${'x'.repeat(900)}`).then((answer) => answer.text())));
    const dropped = await lost(daemon);
    if (dropped > 0) return dropped;
  }
  assert.fail('no line was dropped');
}

async function lost(daemon) {
  const text = await (await fetch(`${daemon.url}/metrics`)).text();
  return Number(text.match(/^googlenetd_log_lines_dropped_total (\d+)$/m)[1]);
}

test('a full pipe holds nothing up; what was dropped is counted, and told once somebody reads', { timeout: 600000 }, async () => {
  const daemon = await Daemon.start({ args: chatty });
  daemon.process.stderr.pause();
  await fill(daemon);
  // Training, requests and the store go on.
  const id = await create(daemon, { epochs: 1 });
  assert.equal((await until(daemon, id, ({ status }) => status === 'succeeded', 'the end')).status, 'succeeded');
  const dropped = await lost(daemon);
  daemon.process.stderr.resume();
  await daemon.said(/event=log_lines_dropped/);
  const told = [...daemon.log.matchAll(/event=log_lines_dropped lines=(\d+)/g)].map((match) => Number(match[1]));
  assert.ok(told.length >= 1, 'no line says that lines were dropped');
  assert.ok(told.reduce((sum, lines) => sum + lines, 0) >= dropped, `${told} of ${dropped}`);
  // Every line that came is whole.
  for (const line of daemon.log.trimEnd().split('\n')) assert.match(line, /^time=\S+ level=\w+ event=/);
  await daemon.stop();
});

for (const times of [1, 2])
  test(`${times === 1 ? 'one SIGTERM ends' : 'a second SIGTERM kills'} it with the pipe full`, { timeout: 600000 }, async () => {
    const daemon = await Daemon.start({ args: chatty });
    daemon.process.stderr.pause();
    await fill(daemon);
    const id = await create(daemon, { epochs: 100000 });
    await until(daemon, id, (job) => job.progress.step > 3, 'step 3');
    daemon.process.kill('SIGTERM');
    if (times === 2) {
      await sleep(300);
      daemon.process.kill('SIGTERM');
    }
    const { code, signal } = await daemon.ended;
    if (times === 1) assert.deepEqual([code, signal], [0, null]);
    // It may have been quicker than the second signal.
    else assert.ok(signal === 'SIGTERM' || code === 0, `${code} ${signal}`);
    // What it had done is there.
    daemon.args = [];
    await daemon.launch();
    const job = await until(daemon, id, ({ status }) => status === 'running', 'the next run');
    assert.equal(job.error, null);
    await daemon.stop();
  });

test('without anybody at the other end of the pipe, or without any stderr, it works', { timeout: 600000 }, async () => {
  const daemon = await Daemon.start({ args: chatty });
  daemon.process.stderr.destroy();
  const id = await create(daemon, { epochs: 1 });
  await until(daemon, id, ({ status }) => status === 'succeeded', 'the end');
  assert.equal((await ask(daemon, 'GET', '/readyz')).status, 200);
  assert.equal((await daemon.end()).code, 0);

  // Started with 0, 1 and 2 closed: the store's file must not come to stand there.
  const where = ['serve', '--listen', `127.0.0.1:${daemon.port}`, '--data', daemon.data, '--threads', '1', ...chatty];
  daemon.process = spawn('sh', ['-c', 'exec "$@" <&- >&- 2>&-', 'sh', process.env.GOOGLENETD, ...where], { stdio: 'ignore' });
  daemon.ended = new Promise((resolve) => daemon.process.once('exit', (code, signal) => resolve({ code, signal })));
  for (let i = 0; ; i++) {
    if (await fetch(`${daemon.url}/livez`).then(({ ok }) => ok, () => false)) break;
    assert.ok(i < 1200 && daemon.process.exitCode === null, 'it does not start');
    await sleep(50);
  }
  const next = await create(daemon, { epochs: 1, seed: 7 });
  await until(daemon, next, ({ status }) => status === 'succeeded', 'the end');
  assert.equal((await daemon.end()).code, 0);
  await daemon.launch();
  assert.equal((await ask(daemon, 'GET', `/v1/jobs/${next}`)).json.status, 'succeeded');
  await daemon.stop();
});
