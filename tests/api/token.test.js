// The bearer token: who needs it, and what the daemon refuses to do without.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from './client.js';
import { Daemon, refused } from './daemon.js';

const binary = process.env.GOOGLENETD ?? new URL('../../build/server/googlenetd', import.meta.url).pathname;
const token = 'correct-horse-battery-staple', readToken = 'look-but-do-not-touch';
let daemon, stranger, friend, reader;

before(async () => {
  daemon = await Daemon.start({ environment: { GOOGLENETD_TOKEN: token, GOOGLENETD_READ_TOKEN: readToken } });
  stranger = new Client(daemon.url);
  friend = new Client(daemon.url, token);
  reader = new Client(daemon.url, readToken);
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

test('the command line takes it from a file or the environment', () => {
  const folder = mkdtempSync(join(tmpdir(), 'token-'));
  const file = join(folder, 'token');
  writeFileSync(file, `${token}\n`);
  const commands = [['predict', 'none', file], ['export', 'none', '--onnx', join(folder, 'x.onnx')], ['evaluate', 'none', 'fashion_mnist']];
  for (const command of commands) {
    const said = (environment, ...more) => {
      const r = spawnSync(binary, [...command, '--server', daemon.url, ...more], { encoding: 'utf8', env: { ...process.env, GOOGLENETD_TOKEN: '', ...environment } });
      assert.equal(r.status, 1);
      return r.stderr;
    };
    assert.match(said({}), /401, /);
    assert.match(said({ GOOGLENETD_TOKEN: `${token}x` }), /401, /);
    for (const right of [said({ GOOGLENETD_TOKEN: token }), said({ GOOGLENETD_TOKEN: 'another' }, '--token-file', file)]) assert.match(right, /no model called none/);
    assert.match(said({}, '--token-file', join(folder, 'none')), /none/);
  }
  rmSync(folder, { recursive: true });
});

test('the token for readers reads everything and changes nothing', async () => {
  const job = await friend.create({ network: 'googlenet_tiny', image_size: 28, train_limit: 64, test_limit: 32, epochs: 1 });
  for (const path of ['/v1/jobs', `/v1/jobs/${job.id}`, `/v1/jobs/${job.id}/events`, '/v1/networks', '/metrics', '/v1/settings']) {
    await reader.get(path);
    await reader.call('HEAD', path, { status: 200 });
  }
  const calls = [['POST', '/v1/jobs', {}], ['POST', '/v1/jobs?dry_run=true', {}], ['PATCH', `/v1/jobs/${job.id}`, { name: 'x' }], ['DELETE', `/v1/jobs/${job.id}`], ['POST', `/v1/jobs/${job.id}/stop`], ['POST', `/v1/jobs/${job.id}/clone`, {}]];
  for (const [method, path, body] of calls)
    assert.equal((await reader.call(method, path, { body, status: 403 })).json.code, 'read_only_token', path);
  // What changes nothing may be asked by any method.
  const preview = { settings: { network: 'googlenet_tiny' } }, path = '/v1/datasets/fashion_mnist/pictures/0/preview';
  const { bytes } = await reader.post(path, preview, { status: 200 });
  assert.deepEqual(bytes, (await friend.post(path, preview, { status: 200 })).bytes);
  await stranger.post(path, preview, { status: 401 });
  // There is no such model: who is asked at all looks for it.
  for (const asks of ['/v1/models/none/predict', '/v2/models/none/infer', '/v2/models/none/versions/1/infer']) {
    await reader.post(asks, {}, { status: 404 });
    await stranger.post(asks, {}, { status: 401 });
  }
  assert.equal((await friend.job(job.id)).name, job.name);
  assert.equal((await reader.get('/v1/system')).json.access, 'read');
  assert.equal((await friend.get('/v1/system')).json.access, 'write');
  for (const wrong of [readToken.slice(1), `${readToken}x`, `${readToken}${token}`])
    await new Client(daemon.url, wrong).get('/v1/jobs', { status: 401 });
});

test('a token for readers needs one for writers, and must be another', async () => {
  const alone = await refused(['--listen', '127.0.0.1:0'], { GOOGLENETD_TOKEN: undefined, GOOGLENETD_READ_TOKEN: readToken });
  assert.notEqual(alone.code, 0);
  assert.match(alone.log, /read_token_file.*token_file or GOOGLENETD_TOKEN/);
  const same = await refused(['--listen', '127.0.0.1:0'], { GOOGLENETD_TOKEN: token, GOOGLENETD_READ_TOKEN: token });
  assert.match(same.log, /must be another token/);
});

test('beyond loopback it does not start without one', async () => {
  for (const address of ['0.0.0.0:0', '[::]:0']) {
    const { code, log } = await refused(['--listen', address], { GOOGLENETD_TOKEN: '' });
    assert.notEqual(code, 0);
    assert.match(log, /token/);
  }
});
