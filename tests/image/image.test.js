// The image as an operator would run it: no root, no capabilities, nothing writable but /data and /tmp.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { patient } from '../api/daemon.js';
import { Container, Volume, byBuildah, freePort, inspect } from './engine.js';

const token = 'correct-horse-battery-staple';
const secrets = mkdtempSync(join(tmpdir(), 'googlenetd-secret-'));
writeFileSync(join(secrets, 'token'), `${token}\n`, { mode: 0o444 });
process.once('exit', () => rmSync(secrets, { recursive: true }));

// What a failed test leaves running.
const running = new Set();
afterEach(async () => {
  for (const daemon of running) await daemon.end('SIGKILL').catch(() => {});
  running.clear();
});

class Daemon {
  static async start(volume) {
    const daemon = new Daemon();
    const port = await freePort();
    daemon.url = `http://127.0.0.1:${port}`;
    daemon.container = new Container({
      environment: { GOOGLENETD_LISTEN: `0.0.0.0:${port}`, GOOGLENETD_TOKEN_FILE: '/run/secrets/token' },
      mounts: [`${volume.source}:/data`, `${join(secrets, 'token')}:/run/secrets/token:ro`],
    });
    running.add(daemon);
    let code;
    daemon.container.ended.then((value) => (code = value));
    await until('the start', async () => {
      assert.equal(code, undefined, daemon.container.log);
      return (await fetch(`${daemon.url}/readyz`).catch(() => undefined))?.ok;
    });
    return daemon;
  }

  async call(method, path, status, body) {
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) };
    const answer = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.equal(answer.status, status, `${method} ${path}: ${text}`);
    return JSON.parse(text);
  }

  job(id) {
    return this.call('GET', `/v1/jobs/${id}`, 200);
  }

  // Resolves to the exit code.
  async end(signal = 'SIGTERM') {
    this.container.kill(signal);
    const code = await this.container.ended;
    running.delete(this);
    return code;
  }
}

async function until(what, probe, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const answer = await probe();
    if (answer) return answer;
    await sleep(50);
  }
  throw new Error(`${what} did not happen within ${seconds} s`);
}

// The answer with this predicate; fails at once when the job does.
const untilJob = (daemon, id, what, is) =>
  until(what, async () => {
    const job = await daemon.job(id);
    assert.notEqual(job.status, 'failed', JSON.stringify(job.error));
    return is(job) && job;
  }, 120);

test('the image is small, nobody special, and says what it is', async (t) => {
  const { size, config } = inspect();
  t.diagnostic(`${(size / 1e6).toFixed(0)} MB`);
  assert.ok(size < 250e6, `${size} bytes`);
  assert.equal(config.User, '10001:10001');
  assert.deepEqual(config.Entrypoint, ['googlenetd']);
  assert.deepEqual(config.Cmd, ['serve']);
  assert.deepEqual(Object.keys(config.Volumes), ['/data']);
  assert.deepEqual(Object.keys(config.ExposedPorts), ['8080/tcp']);
  assert.deepEqual(config.Healthcheck.Test, ['CMD', 'googlenetd', 'health']);
  const version = new Container({ args: ['--version'] });
  assert.equal(await version.ended, 0, version.log);
  assert.equal(config.Labels['org.opencontainers.image.version'], version.log.match(/^googlenetd (\S+)$/m)[1]);
});

test('without a token it says what it needs, and ends', async () => {
  const container = new Container();
  assert.equal(await container.ended, 2);
  assert.match(container.log, /0\.0\.0\.0:8080 is beyond this machine, which needs a token: set token_file or GOOGLENETD_TOKEN/);
});

// The small network on a part of the real images; long enough to be interrupted.
const settings = {
  network: 'googlenet_tiny', image_size: 28, batch_size: 32, train_limit: 3200, test_limit: 500, epochs: 4, seed: 3,
  threads: 1, optimizer: { learning_rate: 0.05, momentum: 0.9 },
};

test('a training goes on where SIGTERM has interrupted it', async (t) => {
  const volume = new Volume();
  t.after(() => volume.remove());
  let daemon = await Daemon.start(volume);
  assert.equal((await fetch(`${daemon.url}/v1/jobs`)).status, 401);
  assert.match(await (await fetch(daemon.url)).text(), /<title>/);
  assert.deepEqual(daemon.container.exec('googlenetd', 'health'), { code: 0, out: 'ready\n', err: '' });

  const { id } = await daemon.call('POST', '/v1/jobs', 201, settings);
  await untilJob(daemon, id, 'step 120', ({ progress }) => progress.step >= 120);
  const began = Date.now();
  assert.equal(await daemon.end(), 0, daemon.container.log);
  assert.ok(Date.now() - began < patient(8000), `${Date.now() - began} ms`);
  assert.match(daemon.container.log, /event=stopped exit=0/);

  daemon = await Daemon.start(volume);
  const { data: checkpoints } = await daemon.call('GET', `/v1/jobs/${id}/checkpoints`, 200);
  assert.ok(checkpoints.at(-1)?.step >= 120, JSON.stringify(checkpoints));
  const done = await untilJob(daemon, id, 'the end', ({ status }) => status === 'succeeded');
  assert.equal(done.progress.epoch, settings.epochs);
  assert.ok(done.best.test_accuracy > 0.4, JSON.stringify(done.best));

  // It was as if nothing had been: a run that nobody interrupts gives the same model.
  const calm = await daemon.call('POST', `/v1/jobs/${id}/clone`, 201, {});
  await untilJob(daemon, calm.id, 'the end of the second', ({ status }) => status === 'succeeded');
  const models = [];
  for (const one of [id, calm.id]) {
    const { data } = await daemon.call('GET', `/v1/jobs/${one}/checkpoints`, 200);
    models.push(data.find(({ step }) => step === done.progress.total_steps).sha256);
  }
  assert.equal(models[0], models[1]);
  assert.equal(await daemon.end(), 0);
});

test('its root is read-only and it has no rights', { skip: byBuildah && 'buildah cannot do that' }, async (t) => {
  const volume = new Volume();
  t.after(() => volume.remove());
  const daemon = await Daemon.start(volume);
  const { code, err } = daemon.container.exec('touch', '/file');
  assert.equal(code, 1);
  assert.match(err, /Read-only file system/);
  const { out } = daemon.container.exec('cat', '/proc/1/status');
  assert.match(out, /^Name:\tgooglenetd$/m);
  assert.match(out, /^Uid:\t10001\t10001/m);
  assert.match(out, /^CapEff:\t0+$/m);
  assert.match(out, /^NoNewPrivs:\t1$/m);
  assert.equal(await daemon.end(), 0);
});

test('a second signal ends it at once, though it is process 1', { skip: byBuildah && 'with buildah it is not' }, async (t) => {
  const volume = new Volume();
  t.after(() => volume.remove());
  const daemon = await Daemon.start(volume);
  // Once a step is done the next has begun, and on one thread takes seconds on any machine.
  const { id } = await daemon.call('POST', '/v1/jobs', 201, { batch_size: 1024, epochs: 1, threads: 1 });
  await untilJob(daemon, id, 'a step', ({ progress }) => progress.step >= 1);
  // Faster than the engine could, or it would have left already.
  const pid = daemon.container.pid();
  process.kill(pid, 'SIGTERM');
  await sleep(20);
  process.kill(pid, 'SIGINT');
  assert.equal(await daemon.container.ended, 128 + 2, daemon.container.log);
  running.delete(daemon);
});
