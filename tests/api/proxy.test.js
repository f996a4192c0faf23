// Behind a real nginx in its usual settings: the page can do everything, a stream of events comes at once, and
// pages of others can do nothing.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client, collect } from './client.js';
import { Daemon, until } from './daemon.js';

const settings = { network: 'googlenet_tiny', image_size: 28, batch_size: 32, train_limit: 64, test_limit: 32, epochs: 1 };
const proxies = [];
let daemon, folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nginx-'));
  daemon = await Daemon.start({ args: ['--hosts', 'lab.example'] });
});
after(async () => {
  for (const proxy of proxies) {
    proxy.kill('SIGTERM');
    await new Promise((resolve) => proxy.once('exit', resolve));
  }
  await daemon.stop();
  await rm(folder, { recursive: true });
});

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const listens = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true) || socket.destroy()).on('error', () => resolve(false));
  });

// nginx with these lines in its location; resolves to its port.
async function nginx(location) {
  const port = await freePort();
  const home = await mkdtemp(join(folder, 'home-'));
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${home}/${name};`).join(' ');
  await writeFile(join(home, 'nginx.conf'), `
    daemon off; pid ${home}/pid; error_log stderr; worker_processes 1;
    events {}
    http {
      access_log off; ${paths}
      server { listen 127.0.0.1:${port}; location / { ${location} } }
    }`);
  const proxy = spawn('nginx', ['-c', join(home, 'nginx.conf'), '-p', home], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  let log = '';
  proxy.stderr.on('data', (text) => (log += text));
  proxies.push(proxy);
  await until(`nginx (${log})`, () => listens(port));
  return port;
}

// A request with all its headers as they stand, Host too.
function raw(port, method, path, headers, body = '') {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' });
    let text = '';
    socket.on('data', (more) => (text += more)).on('error', reject);
    socket.on('close', () => resolve({ status: Number(text.split(' ')[1]), text }));
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`);
  });
}

const json = { 'Content-Type': 'application/json' };
// As a browser sends it that shows our page at http://lab.example, over TLS or from localhost, and as an old one
// or one over plain http does.
const browser = { Host: 'lab.example', Origin: 'http://lab.example', 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors', ...json };
const plain = { Host: 'lab.example', Origin: 'http://lab.example', ...json };
const foreign = { Host: 'lab.example', Origin: 'http://evil.example', 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'cors', ...json };

const usual = {
  'nothing but proxy_pass': () => `proxy_pass ${daemon.url};`,
  'Host passed on': () => `proxy_pass ${daemon.url}; proxy_set_header Host $host;`,
  'Host and port passed on': () => `proxy_pass ${daemon.url}; proxy_set_header Host $http_host;`,
  'HTTP/1.1 and the usual headers': () => `proxy_pass ${daemon.url}; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;`,
};

for (const [name, location] of Object.entries(usual))
  test(`nginx: ${name}`, { timeout: 600000 }, async () => {
    const port = await nginx(location());
    for (const headers of [browser, plain]) {
      const made = await raw(port, 'POST', '/v1/jobs', headers, JSON.stringify(settings));
      assert.equal(made.status, 201, made.text);
      const id = made.text.match(/"id":"(job_\d+)"/)[1];
      assert.equal((await raw(port, 'PATCH', `/v1/jobs/${id}`, headers, '{"name":"renamed"}')).status, 200);
      const stop = await raw(port, 'POST', `/v1/jobs/${id}/stop`, headers);
      assert.ok([200, 202, 409].includes(stop.status), stop.text);
      await until('the end', async () => /"status":"(stopped|succeeded)"/.test((await raw(port, 'GET', `/v1/jobs/${id}`, headers)).text));
      assert.equal((await raw(port, 'DELETE', `/v1/jobs/${id}`, headers)).status, 204);
    }
    assert.equal((await raw(port, 'GET', '/', { Host: 'lab.example' })).status, 200);
    for (const [method, path] of [['POST', '/v1/jobs'], ['DELETE', '/v1/jobs/job_1'], ['GET', '/v1/jobs'], ['POST', '/v1/jobs/job_1/stop']]) {
      const { status, text } = await raw(port, method, path, foreign, method === 'GET' ? '' : '{}');
      assert.equal(status, 403, text);
      assert.match(text, /"code":"foreign_origin"/);
    }
  });

test('without any setting: a proxy that puts our address into Host will do', { timeout: 600000 }, async () => {
  const bare = await Daemon.start();
  const port = await nginx(`proxy_pass ${bare.url};`);
  const dry = '/v1/jobs?dry_run=true';
  assert.equal((await raw(port, 'POST', dry, browser, '{}')).status, 200);
  assert.equal((await raw(port, 'POST', dry, foreign, '{}')).status, 403);
  // An old browser, or one over plain http, only names the page's origin: the sentence says what helps.
  const { status, text } = await raw(port, 'POST', dry, plain, '{}');
  assert.equal(status, 403);
  assert.match(text, /let it pass Host on, or list its name in the setting hosts/);
  const forwarding = await nginx(`proxy_pass ${bare.url}; proxy_set_header X-Forwarded-Host $host;`);
  assert.equal((await raw(forwarding, 'POST', dry, plain, '{}')).status, 200);
  await bare.stop();
});

test('events come through it as they happen, and the reader comes back to where it was', { timeout: 600000 }, async () => {
  const port = await nginx(usual['nothing but proxy_pass']());
  const client = new Client(`http://127.0.0.1:${port}`);
  const { id } = await client.create({ ...settings, epochs: 3 });
  const seen = await collect(await client.stream(`/v1/jobs/${id}/events`), ({ type }) => type === 'epoch');
  assert.ok(seen.some(({ type }) => type === 'created'));
  const stream = await client.stream(`/v1/jobs/${id}/events`, { 'last-event-id': String(seen.at(-1).id) });
  const rest = await collect(stream, ({ type, data }) => type === 'status' && data.status === 'succeeded');
  assert.equal(rest[0].id > seen.at(-1).id, true);
  assert.equal(rest.filter(({ type }) => type === 'epoch').length, 2);
});

test('a large answer and a download come through whole', { timeout: 600000 }, async () => {
  const port = await nginx(usual['nothing but proxy_pass']());
  const client = new Client(`http://127.0.0.1:${port}`);
  const { id } = await client.create(settings);
  await client.succeeded(id);
  const direct = new Client(daemon.url);
  const path = `/v1/jobs/${id}/checkpoints/latest/content`;
  assert.deepEqual((await client.get(path)).bytes, (await direct.get(path)).bytes);
  assert.deepEqual((await client.get('/openapi.json')).json, (await direct.get('/openapi.json')).json);
});

test('with the settings of the README, what is larger than nginx takes by itself comes through, and a refusal before it', { timeout: 600000 }, async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, location] = readme.match(/^```nginx\nlocation \/ \{\n(.*?)^\}$/ms);
  const port = await nginx(location.replace('http://127.0.0.1:8080', daemon.url));
  const url = `http://127.0.0.1:${port}`;
  const tus = { 'Tus-Resumable': '1.0.0' };
  const bytes = Buffer.alloc(5 << 20, 'pictures');
  const made = await fetch(`${url}/v1/uploads`, { method: 'POST', headers: { ...tus, 'Upload-Length': String(bytes.length) } });
  assert.equal(made.status, 201);
  const part = { ...tus, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' };
  const sent = await fetch(new URL(made.headers.get('location'), url), { method: 'PATCH', headers: part, body: bytes });
  assert.equal(sent.status, 204, await sent.text());
  assert.equal(sent.headers.get('upload-offset'), String(bytes.length));
  // The body of this one never comes.
  const socket = connect(port, '127.0.0.1');
  socket.write(`PUT /v1/datasets/none/content HTTP/1.1\r\nHost: lab.example\r\nContent-Length: ${1 << 30}\r\n\r\n`);
  const answer = await new Promise((resolve) => socket.once('data', (data) => resolve(String(data))));
  socket.destroy();
  assert.match(answer, /^HTTP\/1\.1 404 /);
});

test('a name that is not ours is refused, though a proxy passes it on', async () => {
  const port = await nginx(usual['Host passed on']());
  const { status, text } = await raw(port, 'GET', '/v1/jobs', { Host: 'evil.example' });
  assert.equal(status, 403);
  assert.match(text, /setting hosts/);
});
