// Containers of $IMAGE, by the engine that tests/image/run has found to work: $ENGINE and $RUN_OPTIONS.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const words = (text) => text.split(' ').filter(Boolean);
const [engine, ...engineOptions] = words(process.env.ENGINE);
const image = process.env.IMAGE;
const runOptions = words(process.env.RUN_OPTIONS);

export const byBuildah = engine === 'buildah';

const run = (...args) => execFileSync(engine, [...engineOptions, ...args], { encoding: 'utf8' });

// What the image says of itself: { size (bytes), config } with Docker's names.
export function inspect() {
  if (byBuildah) {
    const { Docker } = JSON.parse(run('inspect', '--type', 'image', image));
    const [{ size }] = JSON.parse(run('images', '--json', image));
    const [number, unit] = size.split(' ');
    return { size: number * { KB: 1e3, MB: 1e6, GB: 1e9 }[unit], config: Docker.config };
  }
  const [{ Size, Config, Healthcheck }] = JSON.parse(run('image', 'inspect', image));
  return { size: Size, config: { Healthcheck, ...Config } };
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// A place for /data that outlives its containers. Engines fill a new volume from the image; buildah, which has
// none, gets a folder that belongs to the image's user.
export class Volume {
  constructor() {
    if (byBuildah) {
      this.folder = mkdtempSync(join(tmpdir(), 'googlenetd-image-'));
      this.source = join(this.folder, 'data');
      mkdirSync(this.source, { mode: 0o750 });
      const [user, group] = inspect().config.User.split(':').map(Number);
      chownSync(this.source, user, group);
    } else {
      this.source = run('volume', 'create').trim();
    }
  }

  remove() {
    if (byBuildah) rmSync(this.folder, { recursive: true });
    else run('volume', 'rm', this.source);
  }
}

// A container as an operator would run it: read-only root, no capabilities, nothing to gain.
export class Container {
  static serial = 0;
  log = '';

  // `environment` as an object, `mounts` as "outside:inside:options", beside what the image sets.
  constructor({ environment = {}, mounts = [], args = [] } = {}) {
    this.name = `googlenetd-test-${process.pid}-${Container.serial++}`;
    const settings = [
      ...Object.entries(environment).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
      ...mounts.flatMap((mount) => ['-v', mount]),
    ];
    this.command = byBuildah ? this.#buildah(settings, args) : this.#engine(settings, args);
    this.process = spawn(engine, [...engineOptions, ...this.command], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (text) => (this.log += text));
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('close', (code) => {
        if (byBuildah) run('rm', this.name);
        resolve(code);
      });
    });
  }

  #engine(settings, args) {
    const strict = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
    return ['run', ...runOptions, ...strict, '--name', this.name, ...settings, image, ...args];
  }

  // buildah does not look at the entry point, and can neither make the root read-only nor run in a PID namespace
  // where it must do with chroot.
  #buildah(settings, args) {
    run('from', '--pull-never', '--name', this.name, image);
    const { Entrypoint, Cmd } = inspect().config;
    const command = [...Entrypoint, ...(args.length > 0 ? args : Cmd)];
    return ['run', '--isolation', 'chroot', '--cap-drop', 'ALL', ...settings, this.name, '--', ...command];
  }

  // The command in the running container, to its end: { code, out, err }.
  exec(...command) {
    const args = byBuildah ? [...this.command.slice(0, this.command.indexOf('--') + 1), ...command] : ['exec', this.name, ...command];
    const { status, stdout, stderr } = spawnSync(engine, [...engineOptions, ...args], { encoding: 'utf8' });
    return { code: status, out: stdout, err: stderr };
  }

  // Of the daemon, seen from here.
  pid() {
    return Number(run('inspect', '--format', '{{.State.Pid}}', this.name));
  }

  kill(signal) {
    if (byBuildah) process.kill(daemonBelow(this.process.pid), signal);
    else run('kill', '--signal', signal, this.name);
  }
}

// The process that runs googlenetd among the descendants of `pid`.
function daemonBelow(pid) {
  try {
    if (readlinkSync(`/proc/${pid}/exe`).endsWith('/googlenetd')) return pid;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      for (const child of words(readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'))) {
        const found = daemonBelow(Number(child));
        if (found) return found;
      }
    }
  } catch {
    // It has ended meanwhile.
  }
  return undefined;
}
