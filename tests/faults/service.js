// What the tests of faults share: a small job, a daemon that never outlives its test, and a plain client.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon, killRunning } from '../api/daemon.js';

export const settings = {
  network: 'googlenet_tiny', image_size: 28, batch_size: 8, train_limit: 160, test_limit: 40, epochs: 4, threads: 1,
  seed: 2, optimizer: { learning_rate: 0.02, momentum: 0.9 }, checkpoint: { keep: 3 },
};

// Each test has daemons of its own, which do not outlive it.
export { Daemon };
afterEach(killRunning);

export async function ask(daemon, method, path, body) {
  const headers = body ? { 'content-type': 'application/json' } : {};
  const answer = await fetch(daemon.url + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, json: text ? JSON.parse(text) : null };
}

export async function create(daemon, more = {}) {
  const { status, json } = await ask(daemon, 'POST', '/v1/jobs', { ...settings, ...more });
  assert.equal(status, 201, JSON.stringify(json));
  return json.id;
}

export async function until(daemon, id, good, what) {
  for (let i = 0; i < 6000; i++) {
    const { json } = await ask(daemon, 'GET', `/v1/jobs/${id}`);
    if (good(json)) return json;
    await sleep(50);
  }
  assert.fail(`${id}: ${what} did not come in five minutes`);
}

// What the events say besides figures and states.
export async function notes(daemon, id) {
  const texts = [];
  for (let after = 0, more = true; more;) {
    const { json } = await ask(daemon, 'GET', `/v1/jobs/${id}/events?limit=1000&after=${after}`);
    texts.push(...json.data.filter(({ type }) => type === 'note').map(({ data }) => data.message));
    [more, after] = [json.has_more, json.last_id];
  }
  return texts.join('\n');
}

export const ended = (job) => ['stopped', 'succeeded', 'failed'].includes(job.status);

// The newest model, which must be what its row says.
export async function model(daemon, id) {
  const { json } = await ask(daemon, 'GET', `/v1/jobs/${id}/checkpoints`);
  const { sha256, bytes } = json.data.at(-1);
  const content = await fetch(`${daemon.url}/v1/jobs/${id}/checkpoints/latest/content`);
  const body = Buffer.from(await content.arrayBuffer());
  assert.equal(body.length, bytes);
  assert.equal(createHash('sha256').update(body).digest('hex'), sha256);
  return sha256;
}
