// Whatever dies of a job of several ranks, the job goes on and no process stays behind; and launchers that do not start any.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';
import { allGone, client, ended, environment, epochsOf, family, lastBytes, launched, longBytes, mpirun, notesOf, ofTwo, program,
  savedAfter, shareDaemon, small, trained } from './ranks.js';

const SCRIPT = `sh -c 'exec ${mpirun} -n "$@"' sh {ranks} {program}`;

shareDaemon();

test('a rank, rank 0, the launcher and the guard are killed: each time it goes on from its last checkpoint', async () => {
  const settings = { ...small, epochs: 40 };
  const alone = await client.create(settings);
  await client.succeeded(alone.id);
  const { id } = await client.create({ ...settings, ranks: 2 });
  const victims = [({ ranks }) => ranks[1], ({ ranks }) => ranks[0], ({ launcher }) => launcher, ({ guard }) => guard];
  let saved = 0;
  for (const [i, victim] of victims.entries()) {
    // The training goes on while processes are looked for: that comes first.
    const processes = await launched();
    saved = await savedAfter(id, saved);
    process.kill(victim(processes), 'SIGKILL');
    await allGone(processes.all);
    await until('it is started again', async () => {
      const job = await client.job(id);
      const again = job.restart_count === i + 1;
      assert.ok(again || ['queued', 'running'].includes(job.status), `${job.status}, ${job.restart_count} restarts, ${JSON.stringify(job.error)}`);
      return again;
    }, 300);
  }
  assert.equal((await client.succeeded(id)).restart_count, 4);
  const notes = (await notesOf(id)).filter((note) => /^the ranks ended before the training: .*; it goes on from its last checkpoint$/.test(note));
  assert.equal(notes.length, 4);
  assert.match(notes[0], /training: (signal|exit code) \d+/);  // what more there is, is the launcher's
  assert.deepEqual((await epochsOf(id)).map(({ epoch }) => epoch), Array.from({ length: 40 }, (_, i) => i + 1));
  assert.equal(await lastBytes(id), await lastBytes(alone.id));
});

test('the daemon is killed: no process stays, and the next daemon goes on', async () => {
  const own = await Daemon.start({ program, environment, args: ['--launcher', SCRIPT] });
  const there = new Client(own.url);
  const { id } = await there.create(ofTwo);
  await trained(id, 1, there);
  const { all } = await launched(own);
  await own.end('SIGKILL');
  await own.launch();
  assert.equal((await there.succeeded(id)).restart_count, 1);
  await allGone(all);
  assert.equal(await lastBytes(id, there), await longBytes());

  // It is told to leave: the job is saved, and is not one that was lost.
  const { id: other } = await there.create({ ...ofTwo, seed: 1 });
  await trained(other, 1, there);
  const second = await launched(own);
  await own.leave();
  await allGone(second.all);
  await own.launch();
  assert.equal((await there.succeeded(other)).restart_count, 0);
  await own.stop();
});

// A daemon with another launcher, and settings; what becomes of a job of two ranks there.
async function failsWith(launcher, ...settings) {
  const own = await Daemon.start({ program, environment, args: ['--launcher', launcher, ...settings] });
  const there = new Client(own.url);
  const { id } = await there.create({ ...small, ranks: 2 });
  const job = await ended(id, there);
  job.notes = await notesOf(id, there);
  job.log = own.log;
  assert.deepEqual([job.status, family(own.process.pid)], ['failed', []]);
  await own.stop();
  return job;
}

test('launchers that do not do it: the job fails after three more tries, with what they said', async () => {
  let job = await failsWith('no-such-launcher -n {ranks} {program}');
  assert.deepEqual([job.error.code, job.restart_count], ['ranks', 3]);
  assert.match(job.error.message, /^its ranks ended 4 times .*: exit code 127, after it said: googlenetd: cannot start no-such-launcher: No such file or directory$/);

  job = await failsWith(`sh -c "echo there is no host {ranks} >&2; exit 3" {program}`);
  assert.deepEqual([job.error.code, job.restart_count], ['ranks', 3]);
  assert.match(job.error.message, /exit code 3, after it said: there is no host 2$/);

  // It ends well, and starts nothing; it prints, and leaves a process behind.
  job = await failsWith(`sh -c "sleep 1000 & echo done" {program}`);
  assert.match(job.error.message, /exit code 0, after it said: done$/);

  job = await failsWith(`sh -c '${mpirun} "$@" </dev/null' sh -n {ranks} {program}`);
  assert.deepEqual([job.error.code, job.restart_count], ['ranks', 3]);
  assert.match(job.error.message, /the input of rank 0 ends without an order: the launcher does not give its own to it/);

  // It starts nothing and stays, with the input open, whatever it goes on saying; or starts ranks, and keeps their input.
  job = await failsWith(`sh -c "echo asking for nodes >&2; while sleep 0.05; do echo asking for nodes; done" {program}`, '--launcher-seconds', '2');
  assert.deepEqual([job.error.code, job.restart_count], ['ranks', 3]);
  assert.match(job.error.message, /the launcher has not started the ranks within 2 s \(launcher_seconds\) and was ended: signal 15, Terminated, after it said: asking for nodes/);
  assert.match(job.notes.join('\n'), /^the launcher has not started the 2 ranks for \d s: it is waited for, for at most 2 s \(launcher_seconds\)$/m);

  job = await failsWith(`sh -c 'sleep 1000 | ${mpirun} "$@"' sh -n {ranks} {program} --rank-timeout 3`);
  assert.deepEqual([job.error.code, job.restart_count], ['invalid', 0]);
  assert.match(job.error.message, /^no order has come to rank 0 for 3 s \(--rank-timeout\): the launcher does not give its own input to it$/);

  job = await failsWith(`sh -c 'exec ${mpirun} "$@" | sed "s/^/0: /"' sh -n {ranks} {program}`);
  assert.deepEqual([job.error.code, job.restart_count], ['invalid', 0]);
  assert.match(job.error.message, /^the launcher does not bring back what rank 0 prints as it is, but as: 0: \{"googlenetd":"hello",/);

  // Rank 0 never was there.
  const said = (kind) => `echo "{\\"googlenetd\\":\\"${kind}\\",\\"ranks\\":2,\\"epoch_steps\\":4}";`;
  job = await failsWith(`sh -c '${said('hello')} ${said('ready')} ${said('done')} sleep 1000' {program}`);
  assert.deepEqual([job.error.code, job.error.message], ['invalid', 'rank 0 is done before the training has ended']);

  job = await failsWith(`sh -c "yes warning | head -n 1500 >&2; echo the last >&2; exit 3" {program}`);
  assert.match(job.error.message, /exit code 3, after it said: (warning; )+the last$/);
  assert.equal(job.log.match(/event=launcher job=1 said=/g).length, 4000);
  assert.equal(job.log.match(/event=launcher_lines_left_out job=1 count=501$/gm).length, 4);

  job = await failsWith(`${mpirun} -n 1 {program}`);
  assert.deepEqual([job.error.code, job.restart_count], ['invalid', 0]);
  assert.match(job.error.message, /the launcher has started 1 rank that stands together, not 2/);
});
