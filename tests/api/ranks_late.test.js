// A rank or a launcher that stands still. Most of this is waiting: those that were told to stop are given up after 30 s of
// silence, and a launcher that brings nothing as late.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';
import { allGone, client, ended, environment, epochsOf, lastBytes, launched, longBytes, MPIRUN, notesOf, ofTwo, program, shareDaemon,
  trained } from './ranks.js';

shareDaemon('--launcher-seconds', '30');

// Whatever this launcher prints by itself is no sign of its ranks.
const talkative = `sh -c '(while sleep 0.05; do echo asking; done) & "$@"; kill $!' sh ${MPIRUN}`;

test('a rank that stands still is named; it goes on, or a stop ends it', async () => {
  const daemon = await Daemon.start({ program, environment, args: ['--launcher', talkative] });
  const other = new Client(daemon.url);
  const { id } = await other.create(ofTwo);
  await trained(id, 1, other);
  const { ranks, all } = await launched(daemon);
  process.kill(ranks[1], 'SIGSTOP');
  const late = /^rank [01] on \S+ has not been heard of for \d+ s/m;
  await until('it is named', async () => late.test((await notesOf(id, other)).join('\n')), 300);
  const known = (await epochsOf(id, other)).length;
  process.kill(ranks[1], 'SIGCONT');
  await trained(id, known + 1, other);
  process.kill(ranks[1], 'SIGSTOP');
  await other.post(`/v1/jobs/${id}/stop`, undefined, { status: 202 });
  assert.equal((await ended(id, other)).status, 'stopped');
  await allGone(all);
  await other.post(`/v1/jobs/${id}/resume`, undefined, { status: 202 });
  assert.equal((await other.succeeded(id)).restart_count, 0);
  assert.equal(await lastBytes(id, other), await longBytes());
  await daemon.stop();
});

test('a launcher that stands still while its ranks live is given up; the job goes on with another', async () => {
  const { id } = await client.create({ ...ofTwo, checkpoint: { every_epochs: 1 } });
  await trained(id, 1);
  const { launcher, all } = await launched();
  process.kill(launcher, 'SIGSTOP');
  await until('it is given up', async () => (await client.job(id)).restart_count === 1, 300);
  assert.match((await notesOf(id)).join('\n'), /rank 0 has not been heard of for 3\d s \(launcher_seconds\) and was ended: /);
  await allGone(all);
  assert.equal((await client.succeeded(id)).restart_count, 1);
  assert.equal(await lastBytes(id), await longBytes());
});
