// The order in which a checkpoint and a commit reach the disk, as the calls were made. A crash of the machine
// alone would show a wrong one, and only now and then; this holds each call against the written rule.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { Daemon, ask, create, ended, until } from './service.js';

const preload = join(dirname(process.env.GOOGLENETD), '../tests/libfault_preload.so');
const folder = mkdtempSync(join(tmpdir(), 'googlenetd-order-'));
after(() => rmSync(folder, { recursive: true }));

const recorded = () => readFileSync(join(folder, 'calls'), 'utf8').split('\n').filter(Boolean);

// The way of the checkpoint at step N (server/work/training.c), after the one before it: each call comes after
// the line above it, and between the two there is none that `no` names, and no row of that checkpoint: what
// is synced must not be written any more, and a row must not be there before its files.
const ROW = (N) => new RegExp(`^write .*/store\\.db-wal .*step_${N}( |$)`);
const SYNCED = /^fsync .*\/store\.db-wal$/;
const RULE = (N) => [
  { call: /^write .*\/job_1\/training\.safetensors\.tmp\S*$/ },
  { call: /^fsync .*\/job_1\/training\.safetensors\.tmp\S*$/ },
  { call: /^rename .*\/job_1\/training\.safetensors$/, no: /^write .*\/job_1\/training\.safetensors\.tmp/ },
  { call: new RegExp(`^fsync .*/job_1/step_${N}\\.model\\.safetensors\\.tmp\\S*$`) },
  { call: new RegExp(`^rename .*/job_1/step_${N}\\.model\\.safetensors$`), no: /^write .*model\.safetensors\.tmp/ },
  { call: new RegExp(`^rename .*/job_1/step_${N}\\.training\\.safetensors$`) },
  { call: /^fsync .*\/jobs\/job_1$/ },
  { call: ROW(N), no: /^unlink .*\/job_1\/step_/ },
  { call: SYNCED, no: /^unlink .*\/job_1\/step_/ },
];

function checkWay(calls, from, step) {
  let at = from;
  for (const { call, no } of RULE(step)) {
    const next = calls.findIndex((line, i) => i >= at && call.test(line));
    assert.ok(next >= 0, `step ${step}: after ${calls[at - 1]} there is no ${call}`);
    const wrong = calls.slice(at, next).find((line) => (call.source !== SYNCED.source && ROW(step).test(line)) || no?.test(line));
    assert.equal(wrong, undefined, `step ${step}: ${wrong} comes before ${call}`);
    at = next + 1;
  }
  return at;
}

test('a checkpoint: files, folder, row, and only then older ones go', async () => {
  const daemon = await Daemon.start({ environment: { LD_PRELOAD: preload, RECORD: join(folder, 'calls') } });
  const id = await create(daemon, { checkpoint: { keep: 2 } });
  assert.equal((await until(daemon, id, ended, 'the end')).status, 'succeeded');
  const { json } = await ask(daemon, 'GET', `/v1/jobs/${id}/checkpoints`);
  assert.ok(json.data.length >= 2);
  const calls = recorded();
  let at = 0;
  for (const step of [20, 40, 60, 80]) at = checkWay(calls, at, step);
  // The job's own folder has its name on disk before its first row.
  const named = calls.findIndex((line) => /^fsync .*\/jobs$/.test(line));
  assert.ok(named >= 0 && named < calls.findIndex((line) => ROW(20).test(line)));
  assert.ok(calls.some((line) => /^unlink .*\/job_1\/step_/.test(line)), 'nothing was deleted');
  await daemon.stop();
});

test('what was answered is on disk: the last that happened to the log is that it was synced', async () => {
  rmSync(join(folder, 'calls'));
  const daemon = await Daemon.start({ environment: { LD_PRELOAD: preload, RECORD: join(folder, 'calls') } });
  // Nothing writes beside what is asked for: no evaluation, and the end of the job is on disk before it is seen.
  const id = await create(daemon, { evaluate: false });
  await until(daemon, id, ended, 'the end');
  const lastOfLog = () => recorded().findLast((line) => /store\.db-wal( |$)/.test(line));
  const acknowledged = [
    ['PATCH', `/v1/jobs/${id}`, { name: 'another' }, 200],
    ['POST', '/v1/jobs?dry_run=true', { epochs: 2 }, 200],
    ['DELETE', `/v1/jobs/${id}`, undefined, 204],
  ];
  for (const [method, path, body, status] of acknowledged) {
    const before = recorded().length;
    assert.equal((await ask(daemon, method, path, body)).status, status);
    assert.match(lastOfLog(), /^fsync /, `${method} ${path}`);
    const wrote = recorded().slice(before).some((line) => /^write .*store\.db-wal/.test(line));
    assert.equal(wrote, !path.includes('dry_run'), `${method} ${path}`);
  }
  await daemon.stop();
});
