// Bad requests to predict: each is refused by itself, in the words of a problem, and nothing else is disturbed.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { until } from './daemon.js';
import { chunk } from './pictures.js';
import { Shades, SIZE } from './shades.js';

let shades, client, post, good;
before(async () => {
  // One decoder, and one request at a time: what one leaves behind, the next one finds.
  shades = await Shades.start('--predict-processes', 1, '--limits-predictions', 1, '--limits-predict-seconds', 60,
    '--limits-request-seconds', 120, '--limits-connections-per-address', 1000);
  ({ client, post } = shades);
  good = shades.read(shades.files[0]);
});
after(() => shades.stop());

const base64 = (text) => Buffer.from(text, 'base64');
const TWICE = { // two pictures of 16 x 16, one after the other
  gif: base64('R0lGODlhEAAQAIEAAMgoKAAAAAAAAAAAACH5BAAKAAAALAAAAAAQABAAAAgdAAEIHEiwoMGDCBMqXMiwocOHECNKnEixosWBAQEAIfkEAAoAAAAsAAAAABAAEACBHjzSAAAAAAAAAAAACB0AAQgcSLCgwYMIEypcyLChw4cQI0qcSLGixYEBAQA7'),
  webp: base64('UklGRogAAABXRUJQVlA4WAoAAAACAAAADwAADwAAQU5JTQYAAAAAAAAAAABBTk1GKgAAAAAAAAAAAA8AAA8AAGQAAAJWUDhMEQAAAC8PwAMAB1CUIhel/4GI6H8AAEFOTUYqAAAAAAAAAAAADwAADwAAZAAAAFZQOEwRAAAALw/AAwAHUJ56VLr/gYjofwAA'),
  apng: base64('iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAACGFjVEwAAAACAAAAAPONk3AAAAAaZmNUTAAAAAAAAAAQAAAAEAAAAAAAAAAAAGQD6AAAikecOAAAABlJREFUeJxjPKGhwUAKYCJJ9aiGUQ1DSgMAjC0BOGYnUogAAAAaZmNUTAAAAAEAAAAQAAAAEAAAAAAAAAAAAGQD6AAAETR27AAAAB1mZEFUAAAAAnicY5SzucRACmAiSfWohlENQ0oDAMfxAUz+1lZkAAAAAElFTkSuQmCC'),
};
const JPEG = base64('/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71////m8H////6/+b9//j/wAALCAAQABABAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AK9FFFf/2Q==');
const WEBP = base64('UklGRh4AAABXRUJQVlA4TBEAAAAvD8ADAAdQlCIXpf+BiOh/AAA=');

// 10,000 x 10,000 that are really there, in 15 kB: a bit for each pixel.
function hugePng(side = 10000) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([1, 0], 8);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.alloc(side * (1 + side / 8)))), chunk('IEND', Buffer.alloc(0))]);
}

// The others say that they are so large.
function hugeJpeg() {
  const bytes = Buffer.from(JPEG), frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(10000, frame + 5);
  bytes.writeUInt16BE(10000, frame + 7);
  return bytes;
}
function hugeWebp() {
  const bytes = Buffer.from(WEBP);
  bytes.writeUInt32LE((bytes.readUInt32LE(21) & 0xf0000000) + 9999 * 16384 + 9999, 21);
  return bytes;
}

const half = (bytes) => bytes.subarray(0, bytes.length >> 1);

test('pictures that are too large, cut off or animated', async () => {
  const cases = {
    'a PNG of 10,000 x 10,000': [hugePng(), 413, 'picture_too_large'],
    'a JPEG of 10,000 x 10,000': [hugeJpeg(), 413, 'picture_too_large'],
    'a WebP of 10,000 x 10,000': [hugeWebp(), 413, 'picture_too_large'],
    'half a PNG': [half(good), 422, 'picture_truncated'],
    'half a JPEG': [JPEG.subarray(0, -9), 422, 'picture_truncated'],
    'half a WebP': [half(WEBP), 422, 'picture_truncated'],
    'a GIF': [TWICE.gif, 415, 'picture_format'],
    'an animated WebP': [TWICE.webp, 422, 'picture_animated'],
    'an APNG': [TWICE.apng, 422, 'picture_animated'],
    'nothing': [Buffer.alloc(0), 422, 'picture_empty'],
    'a word': [Buffer.from('no picture'), 415, 'picture_unknown'],
  };
  for (const [what, [bytes, status, code]] of Object.entries(cases)) {
    for (const [type, body] of [
      ['image/jpeg', bytes],
      ['application/octet-stream', bytes],
      ['application/json', JSON.stringify({ images: [{ base64: bytes.toString('base64') }] })],
    ]) {
      const { json } = await post('shades', body, type, status);
      assert.equal(json.code, code, `${what} as ${type}: ${json.detail}`);
    }
    // Beside a good one, it is named.
    const form = new FormData();
    for (const file of [good, bytes]) form.append('file', new Blob([file]), 'x');
    const body = new Response(form);
    const { json } = await post('shades', new Uint8Array(await body.clone().arrayBuffer()), body.headers.get('content-type'), status);
    assert.deepEqual([json.code, json.detail.startsWith('picture 1: ')], [code, true], `${what}: ${json.detail}`);
    await shades.isWell();
  }
});

test('bodies that are none of what a body may be', async () => {
  const bad = async (type, body, status, query = '') => {
    const { json } = await post('shades', body, type, status, query);
    assert.ok(json.detail.length > 10, json.detail);
  };
  for (const type of ['text/plain', 'image/gif', 'image/svg+xml', 'image/', 'application/pdf', 'multipart/mixed; boundary=x', 'application/x-www-form-urlencoded'])
    await bad(type, good, 415);
  // No part at all, a boundary that is none, parts that do not end.
  for (const [type, body] of [
    ['multipart/form-data', good],
    ['multipart/form-data; boundary=', good],
    ['multipart/form-data; boundary=x', ''],
    ['multipart/form-data; boundary=x', '--x--\r\n'],
    ['multipart/form-data; boundary=x', '--x\r\n\r\n'],
    ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nabc'],
    [`multipart/form-data; boundary=${'x'.repeat(200)}`, good],
  ])
    await bad(type, body, 400);
  await bad('multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n--x--\r\n', 422);
  const many = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'.repeat(65) + '--x--\r\n';
  await bad('multipart/form-data; boundary=x', many, 413);

  const image = (item) => JSON.stringify({ images: [item] });
  for (const text of ['', '{', '[]', 'null', '7', '"x"', '{"images":7}', '{"images":{}}', '{"images":[[]]}', '[[[[[[[[[[[[[[[[[[[[[[[[[[', '{"images":[{"base64":"AA==","base64":"AA=="}',
    '\u0000', '\ufffe', `{"images":[${'{},'.repeat(70)}{}]}`])
    await bad('application/json', text, 400);
  for (const text of ['?', 'A', 'AA=A', '=', '====', 'AAAA=', 'AA==AA==', '\u00e9\u00e9\u00e9\u00e9', 'A\n', 'data:,AAAA', 'data:image/png;base64;AAAA', 7, null, {}, []])
    await bad('application/json', image({ base64: text }), 400);
  for (const item of [{ pixels: [] }, { shape: [1, 1, 1] }, { pixels: 'AA', shape: [1, 1, 1] }, { pixels: [0.5], shape: [1, 1, 1] }, { pixels: [-1], shape: [1, 1, 1] }, { pixels: [1, 2], shape: [1, 1, 1] },
    { pixels: [null], shape: [1, 1, 1] }, { pixels: [1], shape: [1e300, 1, 1] }, { pixels: [1], shape: [-1, -1, 1] }, { pixels: [1], shape: [1, 1] }, { pixels: [1], shape: '1' }, { pixels: [1], shape: [65536, 65536, 3] }, { base64: 'AA==', pixels: [1], shape: [1, 1, 1] }])
    await bad('application/json', image(item), 400);
  await bad('image/png', good, 400, '?top_k=1001');
  await bad('image/png', good, 400, '?top_k=x&explain=maybe');
  await shades.isWell();
});

// Resolves to { status, json } of a request of which only the head is sent: who says "Expect: 100-continue" hears of a
// refusal before the body.
function announce(path, type, bytes) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': type, 'content-length': bytes, expect: '100-continue' };
    const r = request(shades.daemon.url + path, { method: 'POST', headers }, (response) => {
      let text = '';
      response.on('data', (piece) => (text += piece));
      response.on('end', () => (resolve({ status: response.statusCode, type: response.headers['content-type'], json: JSON.parse(text) }), r.destroy()));
    });
    r.on('continue', () => reject(new Error(`${bytes} bytes are welcome`)));
    r.on('error', reject);
    r.flushHeaders();
  });
}

test('40 MB are refused, by their head and while they come', async () => {
  for (const path of ['/v1/models/shades/predict', '/v2/models/shades/infer'])
    for (const type of ['image/png', 'multipart/form-data; boundary=x', 'application/json']) {
      const answer = await announce(path, type, 40 << 20);
      assert.deepEqual([answer.status, answer.type.split(';')[0]], [413, 'application/problem+json']);
      assert.match(answer.json.detail, /16777216/);
    }
  // The same without a word before: the connection may be cut off before the answer is read.
  const pieces = async function* () {
    for (let i = 0; i < 40; i++) yield new Uint8Array(1 << 20);
  };
  for (const body of [new Uint8Array(40 << 20), pieces()]) {
    const response = await fetch(`${shades.daemon.url}/v1/models/shades/predict`, { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'image/png' } }).catch(() => null);
    if (response) assert.equal(response.status, 413);
    await response?.arrayBuffer().catch(() => null);
    await shades.isWell();
  }
});

test('tensors that are none', async () => {
  const count = 3 * SIZE * SIZE, shape = [1, 3, SIZE, SIZE];
  const infer = async (body, status = 400, type = 'application/json') => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const { json } = await client.post('/v2/models/shades/infer', text, { headers: { 'content-type': type }, status });
    assert.equal(json.error, json.detail);
    return json;
  };
  const input = (more) => ({ inputs: [{ name: 'image', shape, datatype: 'UINT8', data: Array(count).fill(7), ...more }] });
  for (const text of ['', '{', '[]', 'null', '7', '{}', '{"inputs":7}', '{"inputs":[]}', '{"inputs":[7]}', '{"inputs":[{}]}', '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['])
    await infer(text);
  for (const more of [{ shape: 7 }, { shape: [] }, { shape: [1, 3, SIZE] }, { shape: [0, 3, SIZE, SIZE] }, { shape: [-1, 3, SIZE, SIZE] }, { shape: [1e300, 3, SIZE, SIZE] }, { shape: [1.5, 3, SIZE, SIZE] }, { shape: [2, 3, SIZE, SIZE] }, { shape: ['1', 3, SIZE, SIZE] },
    { data: [] }, { data: 'AAAA' }, { data: {} }, { data: Array(count - 1).fill(7) }, { data: Array(count).fill('7') }, { data: Array(count).fill(true) }, { data: Array(count).fill(256) }, { data: Array(count).fill(-1) }, { data: Array(count).fill(0.5) },
    { datatype: 'BYTES' }, { datatype: 7 }, { name: 7 }])
    await infer(input(more));
  await infer({ ...input({}), id: 7 });
  await infer({ ...input({}), outputs: [] });
  await infer({ ...input({}), outputs: [{ name: 'logits' }, { name: 'logits' }, { name: 'logits' }] });
  await infer(input({}), 415, 'text/plain');
  // Numbers that JSON has and a float32 has not; and those that are too much for the network.
  const floats = (number) => `{"inputs":[{"name":"image","shape":[${shape}],"datatype":"FP32","data":[${Array(count).fill(number)}]}]}`;
  for (const number of ['1e39', '-1e39', '1e999'])
    assert.deepEqual((await infer(floats(number))).errors.map(({ pointer }) => pointer), ['/inputs/0/data']);
  assert.equal((await infer(floats('3e38'), 422)).code, 'no_number');
  await shades.isWell();
});

const decoders = () => {
  try {
    return execFileSync('pgrep', ['-P', String(shades.daemon.process.pid)], { encoding: 'utf8' }).trim().split('\n').map(Number);
  } catch {
    return []; // none
  }
};

// What another has stopped may be dead by now.
const signal = (pid, name) => {
  try {
    process.kill(pid, name);
  } catch (error) {
    assert.equal(error.code, 'ESRCH');
  }
};

test('a decoder that dies costs the picture that it was at', async () => {
  let died = 0;
  for (let i = 0; died < 3; i++) {
    await shades.isWell(i % 12); // so that there is one
    const [pid] = decoders();
    signal(pid, 'SIGSTOP');
    const answer = client.post('/v1/models/shades@1/predict', good, { headers: { 'content-type': 'image/png' } });
    // It may not have come to the decoder yet: then it finds none, and a new one is started.
    await sleep(i);
    signal(pid, 'SIGKILL');
    const { status, json } = await answer;
    if (status === 200) {
      assert.deepEqual(json.predictions, [{ classes: shades.offline[0][0] }]);
      continue;
    }
    assert.deepEqual([status, json.code], [422, 'decoder_died'], json.detail);
    died++;
  }
});

test('a decoder that dies while it has nothing to do costs nothing', async () => {
  for (let i = 0; i < 5; i++) {
    const [pid] = decoders();
    signal(pid, 'SIGKILL');
    await until('its end', () => / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
    await shades.isWell(i);
  }
});

test('more requests than may wait are refused, and told when to come again', async () => {
  const agent = new Agent({ maxSockets: 600 });
  const answers = [];
  const ask = (i) => new Promise((resolve, reject) => {
    const r = request(`${shades.daemon.url}/v1/models/shades@1/predict`, { method: 'POST', agent, headers: { 'content-type': 'image/png' } }, (response) => {
      let text = '';
      response.on('data', (piece) => (text += piece));
      response.on('end', () => (answers.push({ i, status: response.statusCode, after: response.headers['retry-after'], json: JSON.parse(text) }), resolve()));
    });
    r.on('error', reject);
    r.end(shades.read(shades.files[i % 12]));
  });
  await shades.isWell();
  const [pid] = decoders();
  signal(pid, 'SIGSTOP');
  const all = Array.from({ length: 300 }, (_, i) => ask(i));
  await until('a refusal', () => answers.length > 0);
  assert.ok(answers.every(({ status }) => status === 503));
  // Others are served meanwhile.
  await client.get('/livez');
  await client.get('/v1/jobs');
  signal(pid, 'SIGCONT');
  await Promise.all(all);
  agent.destroy();
  for (const { i, status, after, json } of answers) {
    if (status === 503) assert.deepEqual([json.code, after], ['busy', '1'], JSON.stringify(json));
    else assert.deepEqual([status, json.predictions], [200, [{ classes: shades.offline[0][i % 12] }]]);
  }
  assert.ok(answers.some(({ status }) => status === 200));
  await shades.isWell();
});

// The last: the daemon has little memory from now on.
const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;
test('a model that does not fit in memory is refused in a sentence, and the others go on', { skip: !hasPrlimit && 'no prlimit' }, async (t) => {
  const { pid } = shades.daemon.process;
  const size = () => 1024 * Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmSize:\s+(\d+)/)[1]);
  if (size() > 2 ** 40) return t.skip('the allocator of a sanitizer ends the program where memory ends');
  // The same weights for images of 1,024 x 1,024: 32 of them and their feature maps take more than a gigabyte.
  const wide = await client.call('PUT', '/v1/models/wide/versions?image_size=1024', { body: shades.read('run1/model.safetensors'), headers: { 'content-type': 'application/octet-stream' }, status: 201 });
  assert.equal(wide.json.image_size, 1024);
  await shades.isWell();
  execFileSync('prlimit', ['--pid', String(pid), `--as=${size() + (400 << 20)}`]);
  const { json, headers } = await post('wide', good, 'image/png', 503);
  assert.equal(json.code, 'too_large_for_memory');
  assert.match(json.detail, /^the model needs about \S+ [MG]B of memory, and (RLIMIT_AS allows|only) \S+ [MG]B( are free now)?$/);
  assert.ok(Number(headers.get('retry-after')) > 0); // as every 503
  for (let i = 0; i < 12; i++) await shades.isWell(i);
  return null;
});
