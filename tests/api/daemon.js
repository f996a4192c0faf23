// Starts the real daemon on a free port with a data folder of its own.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const binary = process.env.GOOGLENETD ?? join(root, 'build/server/googlenetd');

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// A test that fails may leave its daemon behind, and the runner would wait for that. By then those that are ended in
// order have gone.
const running = new Set();
export const killRunning = () => running.forEach((child) => child.kill('SIGKILL'));
if (process.argv[1]?.endsWith('.test.js')) after(() => void setTimeout(killRunning, 60000).unref());

// { code, signal } once a process has ended and its last lines have come, where somebody reads them. Where a child that
// it has left behind still holds the pipe, there will be no more of them.
function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      const tell = () => resolve({ code, signal });
      if (child.stderr.isPaused() || child.stderr.destroyed) return tell();
      child.once('close', tell);
      setTimeout(tell, 10000).unref();
    });
  });
}

export class Daemon {
  log = '';

  // `args` and `environment` go to the daemon on top of address and data folder; where there is a `first`, a
  // shell runs that before it. `program`: another one than this build's.
  static async start({ args = [], environment = {}, data, first, program = binary } = {}) {
    const daemon = new Daemon();
    daemon.program = program;
    daemon.args = args;
    daemon.first = first;
    daemon.environment = environment;
    daemon.data = data ?? (await mkdtemp(join(tmpdir(), 'googlenetd-')));
    daemon.port = await freePort();
    daemon.url = `http://127.0.0.1:${daemon.port}`;
    await daemon.launch();
    return daemon;
  }

  async launch() {
    // One thread: these jobs are small, and the machine may be busy.
    const where = ['serve', '--listen', `127.0.0.1:${this.port}`, '--data', this.data, '--threads', '1'];
    const shell = this.first ? ['sh', '-c', `${this.first}; exec "$0" "$@"`] : [];
    const [command, ...words] = [...shell, this.program, ...where, ...this.args];
    this.process = spawn(command, words, {
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: root,
      env: { ...process.env, ...this.environment },
    });
    running.add(this.process);
    this.process.once('exit', () => running.delete(this.process));
    this.process.stderr.on('data', (text) => (this.log += text));
    this.ended = ended(this.process);
    let over = false;
    this.ended.catch(() => {}).then(() => (over = true));
    for (const end = Date.now() + 300000; !over && Date.now() < end;) {
      try {
        if ((await fetch(`${this.url}/livez`)).ok) return;
      } catch {
        await sleep(50);
      }
    }
    throw new Error(`the daemon did not start:\n${this.log}`);
  }

  // Once its log has such a line: lines are written by a thread of their own, and come through a pipe.
  said(pattern) {
    return until(`${pattern} in the log`, () => this.log.match(pattern));
  }

  // Ends it with `signal`; resolves to how it ended.
  async end(signal = 'SIGTERM') {
    this.process.kill(signal);
    return this.ended;
  }

  // SIGTERM; it must end by itself, with code 0. What ends it otherwise, 7.5 s later by its own clock, says nothing.
  async leave() {
    const before = this.log.length;
    const { code, signal } = await this.end();
    if (code !== 0 || !/event=(stopped|left_in_a_(step|request))/.test(this.log.slice(before)))
      throw new Error(`the daemon did not end well: ${code ?? signal}\n${this.log}`);
  }

  // Ends it and removes its data; fails if it did not end well.
  async stop() {
    const { code, signal } = await this.end();
    await rm(this.data, { recursive: true });
    if (code !== 0) throw new Error(`the daemon ended with ${code ?? signal}:\n${this.log}`);
  }
}

// Runs the daemon with arguments that it must refuse; resolves to { code, log }.
export async function refused(args, environment = {}, program = binary) {
  const data = await mkdtemp(join(tmpdir(), 'googlenetd-'));
  const child = spawn(program, ['serve', '--data', data, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: root,
    env: { ...process.env, ...environment },
  });
  let log = '';
  child.stderr.on('data', (text) => (log += text));
  const { code } = await ended(child);
  await rm(data, { recursive: true });
  return { code, log };
}

// Asks `probe` until it answers something true. The limit only ends a test that hangs: where others use the machine, what
// takes a second can take a minute.
export async function until(what, probe, seconds = 300) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const answer = await probe();
    if (answer) return answer;
    await sleep(50);
  }
  throw new Error(`${what} did not happen within ${seconds} s`);
}

// `ms` on a quiet machine: where others use it too, everything takes longer, by as much as this process is slowed
// down while it computes. A quarter is added for what the daemon's threads take from each other.
export function patient(ms) {
  const began = performance.now(), before = process.cpuUsage();
  let used;
  do {
    const { user, system } = process.cpuUsage(before);
    used = (user + system) / 1000;
  } while (used < 100);
  return 1.25 * ms * Math.max(1, (performance.now() - began) / used);
}
