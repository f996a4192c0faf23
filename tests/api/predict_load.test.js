// 64 clients predict while a network is trained, the daemon is started anew, aliases move and models come and go: no
// wrong answer, and no step of the training lost.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './daemon.js';
import { Shades } from './shades.js';

let shades, daemon, client, files, offline;
before(async () => {
  shades = await Shades.start('--predict-processes', 2);
  ({ daemon, client, files, offline } = shades);
});
after(() => shades.stop());

// A call that may fail because the daemon is not there, or is about to leave; null then.
async function attempt(method, path, body, type = 'application/json') {
  try {
    const response = await fetch(daemon.url + path, { method, body, headers: { 'content-type': type } });
    const text = await response.text();
    return { status: response.status, after: response.headers.get('retry-after'), json: text ? JSON.parse(text) : null };
  } catch {
    await sleep(20);
    return null;
  }
}

class Load {
  over = false;
  right = 0;
  refused = 0;
  wrong = [];
  seen = new Set(); // "live 1": the alias led to version 1; "gone 404"
  rounds = 0;

  // Versions 1 and 2 of "shades", by number and by the alias "live", and of "gone", which comes and goes; the
  // versions of either are the same two files.
  async client(k) {
    for (let n = k; !this.over; n++) {
      const version = 1 + (n % 2), i = n % files.length;
      const kind = ['shades', 'live', 'shades', 'gone'][(n >> 1) % 4];
      const reference = { shades: `shades@${version}`, live: 'shades@live', gone: 'gone' }[kind];
      const answer = await attempt('POST', `/v1/models/${reference}/predict`, shades.read(files[i]), 'image/png');
      if (answer) await this.judge(kind, version, i, answer);
    }
  }

  async judge(kind, version, i, { status, after, json }) {
    if (status === 503) {
      this.refused++;
      if (json.code === 'busy' && !after) this.wrong.push(json);
      return sleep(20);
    }
    this.seen.add(`${kind} ${status === 200 ? json.version : status}`);
    const lost = kind === 'gone' && status === 404 && /^there is no model called gone$|^the model gone has no version/.test(json.detail);
    const its = status === 200 && (kind !== 'shades' || json.version === version);
    if (its && JSON.stringify(json.predictions) === JSON.stringify([{ classes: offline[json.version - 1]?.[i] }])) this.right++;
    else if (!lost) this.wrong.push({ kind, version, i, status, json });
    return null;
  }

  // "gone" begins anew whatever became of the last round.
  async mover() {
    while (!this.over) {
      const live = 1 + (this.rounds % 2);
      if ((await attempt('PATCH', '/v1/models/shades', JSON.stringify({ aliases: { live } })))?.status !== 200) continue;
      const deleted = await attempt('DELETE', '/v1/models/gone');
      if (![204, 404].includes(deleted?.status)) continue;
      let there = 0;
      for (const n of [1, 2]) {
        const answer = await attempt('PUT', '/v1/models/gone/versions', shades.read(`run${n}/model.safetensors`), 'application/octet-stream');
        if (answer?.status !== 201) break;
        assert.equal(answer.json.version, n);
        there++;
      }
      this.rounds += there === 2;
    }
  }
}

// Of the steps that are recorded.
const losses = async (id) => {
  const { step, loss } = (await client.get(`/v1/jobs/${id}/curve?limit=1000`)).json;
  return step.map((n, i) => [n, loss[i]]);
};

test('64 clients, a training, two ends of the daemon, moving aliases and models that go', async (t) => {
  const settings = { network: 'googlenet_tiny', image_size: 28, epochs: 3, batch_size: 32, train_limit: 640, test_limit: 64, threads: 1 };
  await client.call('PATCH', '/v1/models/shades', { body: { aliases: { live: 1 } }, status: 200 });
  const { id } = await client.create(settings);
  const load = new Load();
  const crowd = [load.mover(), ...Array.from({ length: 64 }, (_, k) => load.client(k))];
  const step = async (n) => {
    while ((await client.job(id)).progress.step < n) await sleep(50);
  };
  const answers = (n) => until(`more than ${n} right answers`, () => load.wrong.length > 0 || load.right > n);
  await step(5);
  await answers(0);
  await daemon.leave();
  const first = load.right;
  await daemon.launch();
  await step(30);
  await answers(first);
  await daemon.end('SIGKILL');
  const second = load.right;
  await daemon.launch();
  const job = await client.succeeded(id);
  await answers(second);
  const wanted = ['shades 1', 'shades 2', 'live 1', 'live 2', 'gone 2', 'gone 404'];
  while (load.wrong.length === 0 && (load.rounds < 3 || !wanted.every((one) => load.seen.has(one)))) await sleep(50);
  load.over = true;
  await Promise.all(crowd);
  assert.deepEqual(load.wrong.slice(0, 1), []);
  t.diagnostic(`${load.right} right answers, ${load.refused} refusals, ${load.rounds} rounds`);
  assert.ok(load.right > second, `${load.right} right answers, ${load.refused} refusals`);

  // The same training undisturbed, to the bit.
  assert.equal(job.progress.step, 60);
  const twin = await client.succeeded((await client.create(settings)).id);
  const recorded = await losses(id);
  assert.ok(recorded.length > 10 && recorded.at(-1)[0] === 60);
  assert.deepEqual(recorded, await losses(twin.id));
  assert.equal(job.latest.test_loss, twin.latest.test_loss);
});

test('what is gone is said to be gone', async () => {
  const gone = async (reference) => (await shades.post(reference, shades.read(files[0]), 'image/png', 404)).json.detail;
  await client.call('DELETE', '/v1/models/gone');
  assert.equal(await gone('gone'), 'there is no model called gone');
  await client.call('PATCH', '/v1/models/shades', { body: { aliases: { live: null } }, status: 200 });
  assert.match(await gone('shades@live'), /live/);
  assert.match(await gone('shades@3'), /3/);
  await client.call('DELETE', '/v1/models/shades/versions/1', { status: 204 });
  assert.match(await gone('shades@1'), /1/);
  await shades.isWell();
});
