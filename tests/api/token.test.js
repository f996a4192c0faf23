// The bearer token: who needs it, and what the daemon refuses to do without.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from './client.js';
import { Daemon, refused } from './daemon.js';

const token = 'correct-horse-battery-staple';
let daemon, stranger, friend;

before(async () => {
  daemon = await Daemon.start({ environment: { GOOGLENETD_TOKEN: token } });
  stranger = new Client(daemon.url);
  friend = new Client(daemon.url, token);
});
after(() => daemon.stop());

test('health and the description need none', async () => {
  for (const path of ['/livez', '/readyz', '/openapi.json']) await stranger.get(path);
});

test('everything else does', async () => {
  const calls = [['GET', '/v1/jobs'], ['POST', '/v1/jobs'], ['GET', '/v1/events'], ['GET', '/v1/networks'], ['GET', '/metrics'], ['DELETE', '/v1/jobs/job_1']];
  for (const [method, path] of calls) {
    const body = method === 'POST' ? {} : undefined;
    const { headers } = await stranger.call(method, path, { body, status: 401 });
    assert.match(headers.get('www-authenticate'), /^Bearer /);
  }
  assert.deepEqual((await friend.get('/v1/jobs')).json.data, []);
  await friend.get('/metrics');
});

test('what is nearly the token is not the token', async () => {
  const wrong = ['', 'Bearer', 'Bearer ', `Basic ${token}`, `Bearer ${token}x`, `Bearer ${token.slice(0, -1)}`, `Bearer ${token.toUpperCase()}`, `Bearer x${token}`, token];
  for (const authorization of wrong) await stranger.get('/v1/jobs', { status: 401, headers: { authorization } });
  await stranger.get(`/v1/jobs?token=${token}`, { status: 401 });
  await stranger.get('/v1/jobs', { headers: { authorization: `bearer ${token}` } });
});

test('beyond loopback it does not start without one', async () => {
  for (const address of ['0.0.0.0:0', '[::]:0']) {
    const { code, log } = await refused(['--listen', address], { GOOGLENETD_TOKEN: '' });
    assert.notEqual(code, 0);
    assert.match(log, /token/);
  }
});
