// A rank or a launcher that stands still. Most of this is waiting: those that were told to stop are given up after 30 s of
// silence, and a launcher that brings nothing as late.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from './daemon.js';
import { allGone, client, ended, epochsOf, lastBytes, launched, longBytes, notesOf, ofTwo, shareDaemon, trained } from './ranks.js';

shareDaemon('--launcher-seconds', '30');

test('a rank that stands still is named; it goes on, or a stop ends it', async () => {
  const { id } = await client.create(ofTwo);
  await trained(id, 1);
  let { ranks, all } = await launched();
  process.kill(ranks[1], 'SIGSTOP');
  const late = /^rank [01] on \S+ has not been heard of for \d+ s/m;
  await until('it is named', async () => late.test((await notesOf(id)).join('\n')), 300);
  const known = (await epochsOf(id)).length;
  process.kill(ranks[1], 'SIGCONT');
  await trained(id, known + 1);
  process.kill(ranks[1], 'SIGSTOP');
  await client.post(`/v1/jobs/${id}/stop`, undefined, { status: 202 });
  assert.equal((await ended(id)).status, 'stopped');
  await allGone(all);
  await client.post(`/v1/jobs/${id}/resume`, undefined, { status: 202 });
  assert.equal((await client.succeeded(id)).restart_count, 0);
  assert.equal(await lastBytes(id), await longBytes());
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
