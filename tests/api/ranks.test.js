// Jobs of several ranks, which a daemon starts through its launcher: they end in the bits of a job of one rank.
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Client } from './client.js';
import { Daemon, refused, until } from './daemon.js';
import { makePictures } from './pictures.js';
import { MPIRUN, allGone, checkpoints, client, daemon, ended, environment, epochsOf, eventsOf, family, lastBytes, launched, longBytes,
  ofTwo, program, ranksHere, shareDaemon, small, trained } from './ranks.js';

const imports = mkdtempSync(join(tmpdir(), 'imports-'));
makePictures(join(imports, 'colours'), 10);
shareDaemon('--imports', imports);
after(() => rm(imports, { recursive: true }));

test('two and four ranks end in the bits of one, with the same rows and events', async () => {
  const alone = await client.create({ ...small, evaluate: true });
  await client.succeeded(alone.id);
  const curve = async (id) => (await client.get(`/v1/jobs/${id}/curve`)).json;
  const told = async (id) => (await eventsOf(id)).map(({ type }) => type).filter((type) => type !== 'evaluation');
  for (const ranks of [2, 4]) {
    const { id } = await client.create({ ...small, ranks, evaluate: true });
    const job = await client.succeeded(id);
    assert.deepEqual([job.settings.ranks, job.environment.threads, job.restart_count], [ranks, 1, 0]);
    assert.equal(await lastBytes(id), await lastBytes(alone.id));
    const rows = (epochs) => epochs.map(({ examples_per_second, duration_seconds, ...row }) => row);
    assert.deepEqual(rows(await epochsOf(id)), rows(await epochsOf(alone.id)));
    assert.deepEqual((await curve(id)).loss, (await curve(alone.id)).loss);
    assert.deepEqual(await told(id), await told(alone.id));
    assert.deepEqual(job.best, (await client.job(alone.id)).best);
    assert.ok(job.evaluation_id);
    assert.equal(job.progress.step, 8);
  }
});

test('a set that people brought, started from another job, in bfloat16 where the CPU has it', async () => {
  const { json: set } = await client.post('/v1/datasets', { name: 'colours', source: { folder: 'colours' }, image: { channels: 1, size: 28 } }, { status: 201 });
  await until('the import ends', async () => (await client.get(`/v1/datasets/${set.id}`)).json.status === 'ready', 300);
  const base = await client.create(small);
  await client.succeeded(base.id);
  const settings = { ...small, dataset: 'colours', train_limit: 16, test_limit: 0, precision: 'auto', shards: 2, init_from: { job: base.id } };
  const alone = await client.create(settings), two = await client.create({ ...settings, ranks: 2 });
  await client.succeeded(alone.id);
  await client.succeeded(two.id);
  assert.equal(await lastBytes(two.id), await lastBytes(alone.id));
  const taken = async (id) => (await eventsOf(id)).find(({ type }) => type === 'initialized').data;
  assert.deepEqual(await taken(two.id), await taken(alone.id));
  const notes = async (id) => (await eventsOf(id)).filter(({ type }) => type === 'note').map(({ data }) => data.message);
  assert.match((await notes(alone.id)).join(), /^train_limit takes the first 16, and these are of 2 of 3 classes/);
  assert.deepEqual(await notes(two.id), await notes(alone.id));
});

test('a checkpoint when it is asked for; stopped, resumed, and the bits of one that was not', async () => {
  const { id } = await client.create({ ...ofTwo, checkpoint: { every_epochs: 0, keep: 100 } });
  await trained(id, 1);
  const known = (await checkpoints(id)).map((row) => row.id);
  await client.post(`/v1/jobs/${id}/checkpoint`, undefined, { status: 202 });
  await until('the checkpoint is there', async () => (await checkpoints(id)).some((row) => !known.includes(row.id)), 300);
  const { all } = await launched();
  await client.post(`/v1/jobs/${id}/stop`, undefined, { status: 202 });
  const stopped = await ended(id);
  assert.deepEqual([stopped.status, stopped.restart_count], ['stopped', 0]);
  await allGone(all);
  const [last] = (await checkpoints(id)).filter((row) => row.latest);
  assert.equal(last.step, stopped.progress.step);
  assert.ok(last.step < 96);
  await client.post(`/v1/jobs/${id}/resume`, undefined, { status: 202 });
  await client.succeeded(id);
  assert.equal(await lastBytes(id), await longBytes());
});

test('a stop before the ranks are there ends them', async () => {
  const { id } = await client.create(ofTwo);
  await until('it runs', async () => (await client.job(id)).status === 'running');
  await client.post(`/v1/jobs/${id}/stop`, undefined, { status: 202 });
  const job = await ended(id);
  assert.equal(job.status, 'stopped');
  await allGone([...ranksHere(), ...family(daemon.process.pid).filter(({ words }) => words[1] === 'guard-ranks').map(({ pid }) => pid)]);
});

test('a program that was replaced by another since, as upgrades do, starts its ranks', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'program-'));
  t.after(() => rm(dir, { recursive: true }));
  const installed = join(dir, 'googlenetd');
  await copyFile(program, installed);
  const own = await Daemon.start({ program: installed, environment, args: ['--launcher', MPIRUN] });
  await rm(installed);
  await copyFile(program, installed);
  const there = new Client(own.url);
  const { id } = await there.create({ ...small, ranks: 2 });
  const job = await ended(id, there);
  assert.equal(job.status, 'succeeded', JSON.stringify(job.error));
  await own.stop();
});

test('refused: faults of ranks, and a daemon or a program that cannot start them', async () => {
  for (const path of ['/v1/jobs', '/v1/jobs?dry_run=true']) {
    const { json } = await client.post(path, { ...small, shards: 3, ranks: 2, epochs: 0 }, { status: 400 });
    assert.deepEqual(json.errors.map(({ pointer, detail }) => [pointer, detail]).sort(), [
      ['/epochs', 'must be 1 to 100000, got 0'], ['/ranks', 'must divide shards, 3, got 2']]);
  }
  const { json } = await client.post('/v1/jobs?dry_run=true', { ...small, ranks: 2 }, { status: 200 });
  assert.equal(json.settings.ranks, 2);

  const plain = await Daemon.start({ program, environment });
  for (const path of ['/v1/jobs', '/v1/jobs?dry_run=true']) {
    const { json } = await new Client(plain.url).post(path, { ...small, ranks: 2, epochs: 0 }, { status: 400 });
    const fault = json.errors.find(({ pointer }) => pointer === '/ranks');
    assert.deepEqual([fault.code, fault.detail], ['no_launcher', 'must be 1: this daemon has no launcher to start 2 ranks with']);
    assert.equal(json.errors.length, 2);
  }
  await plain.stop();

  const faults = [['--launcher', 'mpirun -n 2'], ['--launcher', `mpirun '{program}`]];
  for (const args of faults) {
    const { code, log } = await refused(args, {}, program);
    assert.equal(code, 2);
    assert.match(log, /\/launcher (must have the word \{program\} once|has a quote that is not closed)/);
  }
  if (process.env.MPI_BUILT === 'ON')
    return;
  const { code, log } = await refused(['--launcher', MPIRUN]);
  assert.equal(code, 2);
  assert.match(log, /\/launcher needs MPI, and this googlenetd was built without it/);
});
