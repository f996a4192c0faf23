// A daemon with a model of two versions that tells dark pictures from light ones, and what `googlenetd predict`
// says of each picture.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from './client.js';
import { Daemon } from './daemon.js';
import { png } from './pictures.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const binary = process.env.GOOGLENETD ?? join(root, 'build/server/googlenetd');
const register = process.env.REGISTER_MODEL ?? join(root, 'build/tests/api/register_model');

export const SIZE = 32;
export const noise = (seed, light) => (x, y) => [0, 1, 2].map((c) => (((x * 7 + y * 13 + c * 29 + seed * 31) * 2654435761) >>> 25) + (light ? 96 : 0));
const picture = (seed, light) => png(20 + seed, 50 - seed, noise(seed, light));

export class Shades {
  // `args` go to the daemon. `files` are names of pictures in `dir`; offline[v - 1][i] are the classes that version v
  // gives to files[i].
  static async start(...args) {
    const s = new Shades();
    s.dir = mkdtempSync(join(tmpdir(), 'predict-'));
    s.data = join(s.dir, 'data');
    mkdirSync(s.data);
    for (let i = 0; i < 20; i++) {
      s.write(`in/dark/${i}.png`, picture(i, false));
      s.write(`in/light/${i}.png`, picture(i, true));
    }
    s.run('dataset', 'import', 'in', '--out', 'set', '--size', '40');
    for (const seed of [1, 2]) {
      s.write('job.json', JSON.stringify({ network: 'googlenet_tiny', image_size: SIZE, epochs: 1, batch_size: 8, threads: 1, seed, precision: 'f32' }));
      s.run('train', 'job.json', '--set', 'dataset=set/', '--out', `run${seed}`);
    }
    s.register('shades', 1, 2);
    s.daemon = await Daemon.start({ data: s.data, args: args.map(String) });
    s.client = new Client(s.daemon.url);
    s.files = Array.from({ length: 12 }, (_, i) => `in/${i % 2 ? 'dark' : 'light'}/${i}.png`);
    await s.predict('shades@1', s.files[0]); // kernels are measured once, and then known to both
    s.offline = [1, 2].map((n) => s.lines('predict', `run${n}`, ...s.files, '--json', '--threads', '1').map(({ classes }) => classes));
    return s;
  }

  async stop() {
    await this.daemon.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  run = (...args) => execFileSync(binary, args, { cwd: this.dir, encoding: 'utf8', env: { ...process.env, GOOGLENETD_KERNELS: join(this.data, 'kernels.txt') } });
  pipe = (input, ...args) => spawnSync(binary, args, { cwd: this.dir, encoding: 'utf8', input });
  tell = (...args) => this.pipe('', ...args);
  lines = (...args) => this.run(...args).trimEnd().split('\n').map((line) => JSON.parse(line));
  // Versions of a model out of these runs, while no daemon has the folder.
  register = (name, ...runs) => execFileSync(register, [this.data, name, ...runs.map((n) => join(this.dir, `run${n}/model.safetensors`))]);
  write(name, bytes) {
    mkdirSync(dirname(join(this.dir, name)), { recursive: true });
    writeFileSync(join(this.dir, name), bytes);
  }
  read = (name) => readFileSync(join(this.dir, name));

  post = (reference, body, type, status = 200, query = '') =>
    this.client.post(`/v1/models/${reference}/predict${query}`, body, { headers: { 'content-type': type }, status });
  predict = async (reference, name) => (await this.post(reference, this.read(name), 'image/png')).json;

  // That nothing was disturbed: a picture still gives what it gave.
  async isWell(i = 3) {
    assert.deepEqual((await this.predict('shades@2', this.files[i])).predictions, [{ classes: this.offline[1][i] }]);
  }
}
