// Bad requests: whatever comes, the answer is a problem in words or a closed connection, and the
// daemon goes on.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { Client } from './client.js';
import { Daemon } from './daemon.js';

let daemon, client;

before(async () => {
  daemon = await Daemon.start({ args: ['--limits-request-seconds', '3'] });
  client = new Client(daemon.url);
});
after(() => daemon.stop());
afterEach(() => client.get('/livez'));

const create = (body, status, headers) => client.call('POST', '/v1/jobs', { body, status, headers });

// Sends bytes as they are; resolves to all that comes back until the end of the connection.
function raw(...pieces) {
  return new Promise((resolve) => {
    const socket = connect(daemon.port, '127.0.0.1');
    let answer = '';
    socket.setTimeout(15000, () => socket.destroy());
    socket.on('data', (bytes) => (answer += bytes.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    for (const piece of pieces) socket.write(piece);
  });
}

const statuses = (answer) => [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));

test('text that is not JSON', async () => {
  const texts = ['', '{', '{"epochs":', '{"epochs":1', '{"epochs":1}}', '{"epochs":01}', '{"epochs":+1}', '{"epochs":1.}', '{"epochs":.5}',
    '{"epochs":NaN}', '{"epochs":Infinity}', "{'epochs':1}", '{"epochs":1,}', '{epochs:1}', '[1,2', 'null x', '\ufeff\ufeff{}', '{}\ufeff', '{"name":"\\u0000"}',
    '{"name":"\\ud800"}', '{"name":"a\nb"}', '{"name":"\\x"}', '/* */{}', '{"a":1}{"b":2}', 'undefined', '\0'];
  for (const text of texts) {
    const { json, status } = await create(text);
    assert.equal(status, 400, JSON.stringify(text));
    assert.equal(json.code, 'invalid_request');
    if (!text) assert.match(json.detail, /the body is empty: JSON is expected/);
  }
});

test('a byte order mark before the text', async () => {
  await client.call('POST', '/v1/jobs?dry_run=true', { body: '\ufeff{}', status: 200 });
});

test('a body that is compressed', async () => {
  const headers = { 'content-encoding': 'gzip' };
  for (const [method, path, type] of [['POST', '/v1/jobs', 'application/json'], ['POST', '/v1/models/none/predict', 'image/png'], ['PUT', '/v1/datasets/none/content', 'application/zip']]) {
    const response = await fetch(daemon.url + path, { method, body: 'x', headers: { ...headers, 'content-type': type } });
    assert.deepEqual([response.status, response.headers.get('accept-encoding')], [415, 'identity'], path);
    assert.match((await response.json()).detail, /not with Content-Encoding gzip$/);
  }
  await create('{"epochs":0}', 400, { 'content-encoding': 'identity' });
});

test('a form around a file', async () => {
  const body = new FormData();
  body.append('file', new Blob(['x']), 'x.zip');
  for (const path of ['/v1/datasets/none/content', '/v1/models/none/versions']) {
    const response = await fetch(daemon.url + path, { method: 'PUT', body });
    assert.equal(response.status, 415, path);
    assert.match((await response.json()).detail, /the file itself, as curl -T sends it/);
  }
});

test('a slash too many', async () => {
  for (const path of ['/v1/jobs/', '//v1/jobs', '/v1//jobs//'])
    assert.match((await (await fetch(daemon.url + path)).json()).detail, /^there is nothing at \S+, but at \/v1\/jobs$/);
  assert.equal((await (await fetch(daemon.url + '/v1/none/')).json()).detail, 'there is nothing at /v1/none/');
});

test('bytes that are not UTF-8', async () => {
  for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82]]) {
    const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from(bytes), Buffer.from('"}')]);
    const response = await fetch(`${daemon.url}/v1/jobs`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    assert.equal(response.status, 400);
  }
});

test('deep nesting', async () => {
  for (const depth of [40, 1000, 100000, 500000]) {
    await create('['.repeat(depth) + ']'.repeat(depth), 400);
    await create('{"a":'.repeat(depth / 10) + '1' + '}'.repeat(depth / 10), 400);
  }
});

test('values of the wrong type', async () => {
  for (const value of [null, true, 'ten', [], {}, [1], 1.5, -1, 0, 1e308, -1e308])
    for (const field of ['epochs', 'batch_size'])
      if (!(value === 1)) {
        const { json } = await create({ [field]: value }, 400);
        assert.deepEqual(json.errors.map((error) => error.pointer), [`/${field}`]);
      }
  for (const text of ['[]', 'null', '7', '"text"', 'true']) assert.match((await create(text, 400)).json.detail, /^body: must be an object, got /);
});

test('huge numbers', async () => {
  for (const number of ['1e400', '-1e400', '9'.repeat(400), '1e-400000', '9007199254740992', '18446744073709551616'])
    await create(`{"epochs":${number}}`, 400);
  await create('{"seed":9007199254740992}', 400);
  await create('{"seed":1e400}', 400);
});

test('unknown fields, hostile names and a field given twice', async () => {
  const { json } = await create({ '': 1, 'a/b~c': 2, __proto__x: 3, epoch: 4 }, 400);
  assert.deepEqual(json.errors.map((error) => error.pointer).sort(), ['/', '/__proto__x', '/a~1b~0c', '/epoch']);
  await create('{"epochs":1,"epochs":2}', 400);
  await create(Object.fromEntries(Array.from({ length: 20000 }, (_, i) => [`field${i}`, i])), 400);
});

test('names of files in place of names', async () => {
  for (const dataset of ['../fashion_mnist', '/usr/share/datasets/fashion-mnist', 'fashion_mnist/', './fashion_mnist', 'a\0b'])
    await create({ dataset }, 400);
  for (const path of ['/v1/jobs/../../etc/passwd', '/v1/jobs/%2e%2e%2fdata', '/v1/jobs/job_1/checkpoints/..%2f..%2fjobs.db/content',
    '/v1/jobs/job_1/checkpoints/%2e%2e/content', '/..%2f..%2fetc/passwd', '//etc/passwd', '/%00', '/v1%2fjobs'])
    assert.deepEqual(statuses(await raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)), [404], path);
});

test('wrong content types', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'multipart/form-data; boundary=x'])
    await create('{}', 415, { 'content-type': type });
  await create('{"epochs":0}', 400, { 'content-type': 'Application/JSON; charset=utf-8' });
});

test('a body where none is expected', async () => {
  await client.call('DELETE', '/v1/jobs/job_1', { body: {}, status: 400 });
});

test('bodies that are too large, by announcement and by surprise', async () => {
  const large = JSON.stringify({ name: 'x'.repeat(1 << 20) });
  await create(large, 413);
  const chunked = await fetch(`${daemon.url}/v1/jobs`, {
    method: 'POST',
    duplex: 'half',
    headers: { 'content-type': 'application/json' },
    body: new ReadableStream({
      pull(controller) {
        this.sent = (this.sent ?? 0) + 1;
        if (this.sent > 40) controller.close();
        else controller.enqueue(Buffer.alloc(1 << 16, ' '));
      },
    }),
  });
  assert.equal(chunked.status, 413);
  const announced = await raw('POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n');
  assert.deepEqual(statuses(announced), [413]);
});

test('a body of a million bytes is read', async () => {
  await create(' '.repeat((1 << 20) - 20) + '{"epochs":0}', 400);
});

test('long URIs and many headers', async () => {
  await client.get(`/v1/jobs?after=${'x'.repeat(3000)}`, { status: 414 });
  const answer = await raw(`GET /livez HTTP/1.1\r\nHost: localhost\r\n${'X-Filler: '.padEnd(200, 'x') + '\r\n'}`.repeat(1)
    + `${'X-Filler: '.padEnd(200, 'x')}\r\n`.repeat(500) + '\r\n');
  assert.ok(statuses(answer).every((status) => status >= 400 && status < 500), answer.slice(0, 100));
});

test('queries with too many, twice given and undecodable parameters', async () => {
  for (const query of ['limit=1&limit=2', 'limit=%', 'limit=%ff', 'limit=%00', '=', '%', `${'a=1&'.repeat(100)}`])
    await client.get(`/v1/jobs?${query}`, { status: 400 });
  await client.get('/v1/jobs?', { status: 200 });
  await client.get('/v1/jobs?&&', { status: 200 });
});

test('garbage in place of HTTP', async () => {
  for (const bytes of ['\0\0\0\0\r\n\r\n', 'GET\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'x'.repeat(100000)]) {
    const answer = await Promise.race([raw(bytes + '\r\n\r\n'), new Promise((resolve) => setTimeout(resolve, 500, ''))]);
    assert.ok(statuses(answer).every((status) => status >= 400), bytes.slice(0, 20));
  }
});

test('pipelined requests are answered in order, and garbage behind them ends the connection', async () => {
  const get = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const answer = await raw(get('/livez') + get('/nothing') + get('/readyz') + '\x01\x02garbage\r\n\r\n');
  const got = statuses(answer);
  assert.deepEqual(got.slice(0, 3), [200, 404, 200]);
  assert.ok(got.slice(3).every((status) => status >= 400));
});

test('smuggled lengths are refused or close the connection', async () => {
  const head = 'POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  for (const lengths of ['Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', 'Content-Length: -1\r\n', 'Content-Length: 2x\r\n', 'Transfer-Encoding: gzip\r\n']) {
    const answer = await raw(`${head}${lengths}Connection: close\r\n\r\n{}`);
    assert.ok(!statuses(answer).includes(201), lengths);
  }
  assert.deepEqual((await client.get('/v1/jobs')).json.data, []);
});

test('pages of other sites are turned away', async () => {
  const foreign = { origin: 'https://evil.example' };
  await client.call('POST', '/v1/jobs', { body: {}, status: 403, headers: foreign });
  await client.get('/v1/jobs', { status: 403, headers: foreign });
  await client.get('/v1/jobs', { status: 403, headers: { 'sec-fetch-site': 'cross-site' } });
  await client.get('/v1/jobs', { status: 200, headers: { origin: daemon.url, 'sec-fetch-site': 'same-origin' } });
  // A link to what shows nothing and changes nothing is harmless.
  await client.get('/livez', { status: 200, headers: { 'sec-fetch-site': 'cross-site' } });
  // A name of theirs that points at our address.
  const answer = await raw('GET /v1/jobs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
  assert.deepEqual(statuses(answer), [403]);
});
