// Jobs of several ranks, which a daemon with MPI ($GOOGLENETD_MPI) starts through its launcher ($MPIRUN, such as
// "srun --mpi=pmix --input=0"): they end in the bits of a job of one rank, and whatever dies, the job goes on and no process
// stays behind.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from './client.js';
import { Daemon, refused, until } from './daemon.js';
import { makePictures } from './pictures.js';

const program = process.env.GOOGLENETD_MPI;
const mpirun = process.env.MPIRUN ?? 'mpirun';
// Containers run as root and have fewer cores than ranks: so Open MPI 4, 5 and Slurm are told. The last marks our ranks.
const environment = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1', OMPI_MCA_rmaps_base_oversubscribe: '1',
  PRTE_MCA_rmaps_default_mapping_policy: ':oversubscribe', SLURM_OVERCOMMIT: '1', RANKS_OF_TEST: String(process.pid) };
// A rank is late after a twentieth of the time, and given up after all of it.
const MPIRUN = `${mpirun} -n {ranks} {program} --rank-timeout 100`;
const SCRIPT = `sh -c 'exec ${mpirun} -n "$@"' sh {ranks} {program}`;

// Batches of 16 in four shards, four steps an epoch, the last of 12.
const small = { network: 'googlenet_tiny', image_size: 28, train_limit: 60, test_limit: 20, batch_size: 16, shards: 4, threads: 1,
  precision: 'f32', epochs: 2, evaluate: false, optimizer: { learning_rate: 0.05, momentum: 0.9 } };
const long = { ...small, epochs: 24 };
const ofTwo = { ...long, ranks: 2 };
let daemon, client, imports;

before(async () => {
  imports = await mkdtemp(join(tmpdir(), 'imports-'));
  makePictures(join(imports, 'colours'), 10);
  daemon = await Daemon.start({ program, environment, args: ['--launcher', MPIRUN, '--imports', imports] });
  client = new Client(daemon.url);
});
after(async () => {
  await daemon.stop();
  await rm(imports, { recursive: true });
});

const checkpoints = async (id, of = client) => (await of.get(`/v1/jobs/${id}/checkpoints`)).json.data;
const epochsOf = async (id, of = client) => (await of.get(`/v1/jobs/${id}/epochs`)).json.data;
const eventsOf = async (id, of = client) => (await of.get(`/v1/jobs/${id}/events?limit=1000`)).json.data;
const notesOf = async (id, of = client) => (await eventsOf(id, of)).filter(({ type }) => type === 'note').map(({ data }) => data.message);
const lastBytes = async (id, of = client) => (await checkpoints(id, of)).find((row) => row.latest).sha256;

// What a job of one rank makes of it, once for all tests.
let unbroken;
async function longBytes() {
  unbroken ??= client.create(long).then(async ({ id }) => ((await client.succeeded(id)), lastBytes(id)));
  return unbroken;
}

async function ended(id, of = client) {
  return until(`${id} ends`, async () => {
    const job = await of.job(id);
    return ['queued', 'running', 'stopping'].includes(job.status) ? false : job;
  }, 600);
}

const trained = (id, epochs, of = client) =>
  until(`${id} trains ${epochs} epochs`, async () => (await epochsOf(id, of)).length >= epochs, 600);

// The step of the next checkpoint after `step`.
const savedAfter = (id, step) =>
  until(`${id} is saved`, async () => {
    const last = (await checkpoints(id)).find((row) => row.latest)?.step ?? 0;
    return last > step && last;
  }, 600);

// ---- Processes ----

function stat(pid) {
  try {
    const [, state, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').match(/^.*\) (\S) (\d+)/s);
    return { pid: Number(pid), parent: Number(parent), state, words: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') };
  } catch {
    return null;
  }
}

const everything = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(stat).filter((one) => one);

// All that descend from a process.
function family(pid) {
  const all = everything();
  const found = [];
  for (let parents = [pid]; parents.length; ) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map((child) => child.pid);
  }
  return found;
}

// The ranks, by rank; not every launcher is their parent.
function ranksHere() {
  const environ = (pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8');
    } catch {
      return '';
    }
  };
  return everything().filter(({ words }) => words[1] === 'rank').map(({ pid }) => ({ pid, text: environ(pid) }))
    .filter(({ text }) => text.includes(`RANKS_OF_TEST=${process.pid}\0`))
    .map(({ pid, text }) => ({ pid, rank: Number(text.match(/(?:^|\0)PMIX?_RANK=(\d+)\0/)?.[1]) }))
    .sort((one, two) => one.rank - two.rank).map(({ pid }) => pid);
}

// The processes of a launch, once both ranks are there: { guard, launcher, ranks, all }.
function launched(of = daemon) {
  return until('the ranks are there', () => {
    const all = family(of.process.pid);
    const ranks = ranksHere();
    const guard = all.find(({ words }) => words[1] === 'guard-ranks')?.pid;
    const launcher = all.find(({ parent }) => parent === guard)?.pid;
    return ranks.length === 2 && { guard, launcher, ranks, all: [...ranks, ...all.map(({ pid }) => pid)] };
  }, 300);
}

// One that has ended may still wait for its parent.
const lives = (pid) => !['Z', undefined].includes(stat(pid)?.state);
const allGone = (pids) => until('all have ended', () => !pids.some(lives), 120);

// ---- Tests ----

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
  const settings = { ...small, dataset: 'colours', train_limit: 20, test_limit: 0, precision: 'auto', shards: 2, init_from: { job: base.id } };
  const alone = await client.create(settings), two = await client.create({ ...settings, ranks: 2 });
  await client.succeeded(alone.id);
  await client.succeeded(two.id);
  assert.equal(await lastBytes(two.id), await lastBytes(alone.id));
  const taken = async (id) => (await eventsOf(id)).find(({ type }) => type === 'initialized').data;
  assert.deepEqual(await taken(two.id), await taken(alone.id));
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

// A daemon with another launcher; what becomes of a job of two ranks there.
async function failsWith(launcher) {
  const own = await Daemon.start({ program, environment, args: ['--launcher', launcher] });
  const there = new Client(own.url);
  const { id } = await there.create({ ...small, ranks: 2 });
  const job = await ended(id, there);
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

  job = await failsWith(`${mpirun} -n 1 {program}`);
  assert.deepEqual([job.error.code, job.restart_count], ['invalid', 0]);
  assert.match(job.error.message, /the launcher has started 1 rank that stands together, not 2/);
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
