// What the tests of jobs of several ranks share: a daemon with MPI ($GOOGLENETD_MPI) that starts them through its launcher
// ($MPIRUN, such as "srun --mpi=pmix --input=0"), the jobs, and the processes.
import { readdirSync, readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';
import { lives, MPI_ENVIRONMENT } from './mpi.js';

export const program = process.env.GOOGLENETD_MPI;
export const mpirun = process.env.MPIRUN ?? 'mpirun';
// With what marks our ranks.
export const environment = { ...MPI_ENVIRONMENT, RANKS_OF_TEST: String(process.pid) };
// A rank is late after a twentieth of the time, and given up after all of it.
export const MPIRUN = `${mpirun} -n {ranks} {program} --rank-timeout 100`;

// Batches of 16 in four shards, four steps an epoch, the last of 12.
export const small = { network: 'googlenet_tiny', image_size: 28, train_limit: 60, test_limit: 20, batch_size: 16, shards: 4, threads: 1,
  precision: 'f32', epochs: 2, evaluate: false, optimizer: { learning_rate: 0.05, momentum: 0.9 } };
const long = { ...small, epochs: 24 };
export const ofTwo = { ...long, ranks: 2 };
export let daemon, client;

// A daemon for all tests of a file; `more`: further arguments.
export function shareDaemon(...more) {
  before(async () => {
    daemon = await Daemon.start({ program, environment, args: ['--launcher', MPIRUN, ...more] });
    client = new Client(daemon.url);
  });
  after(() => daemon.stop());
}

export const checkpoints = async (id, of = client) => (await of.get(`/v1/jobs/${id}/checkpoints`)).json.data;
export const epochsOf = async (id, of = client) => (await of.get(`/v1/jobs/${id}/epochs`)).json.data;
export const eventsOf = async (id, of = client) => (await of.get(`/v1/jobs/${id}/events?limit=1000`)).json.data;
export const notesOf = async (id, of = client) => (await eventsOf(id, of)).filter(({ type }) => type === 'note').map(({ data }) => data.message);
export const lastBytes = async (id, of = client) => (await checkpoints(id, of)).find((row) => row.latest).sha256;

// What a job of one rank makes of it, once for all tests.
let unbroken;
export async function longBytes() {
  unbroken ??= client.create(long).then(async ({ id }) => ((await client.succeeded(id)), lastBytes(id)));
  return unbroken;
}

export async function ended(id, of = client) {
  return until(`${id} ends`, async () => {
    const job = await of.job(id);
    return ['queued', 'running', 'stopping'].includes(job.status) ? false : job;
  }, 600);
}

export const trained = (id, epochs, of = client) =>
  until(`${id} trains ${epochs} epochs`, async () => (await epochsOf(id, of)).length >= epochs, 600);

// The step of the next checkpoint after `step`.
export const savedAfter = (id, step) =>
  until(`${id} is saved`, async () => {
    const last = (await checkpoints(id)).find((row) => row.latest)?.step ?? 0;
    return last > step && last;
  }, 600);

// ---- Processes ----

function stat(pid) {
  try {
    const [, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').match(/^.*\) \S (\d+)/s);
    return { pid: Number(pid), parent: Number(parent), words: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') };
  } catch {
    return null;
  }
}

const everything = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(stat).filter((one) => one);

// All that descend from a process.
export function family(pid) {
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
export function ranksHere() {
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
export function launched(of = daemon) {
  return until('the ranks are there', () => {
    const all = family(of.process.pid);
    const ranks = ranksHere();
    const guard = all.find(({ words }) => words[1] === 'guard-ranks')?.pid;
    const launcher = all.find(({ parent }) => parent === guard)?.pid;
    return ranks.length === 2 && { guard, launcher, ranks, all: [...ranks, ...all.map(({ pid }) => pid)] };
  }, 300);
}

export const allGone = (pids) => until('all have ended', () => !pids.some(lives), 120);
