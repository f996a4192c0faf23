// Long series: JSON in pages, CSV whole, neither ever whole in the daemon's memory.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from './client.js';
import { Daemon } from './daemon.js';

const POINTS = 300000;
let daemon, client, id;

// Points of a training that would take a day, put where they are stored.
const insert = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("DELETE FROM points")
rows = ((1, s, s / 500, 2.3 / (1 + s * 1e-4), 1 - 1 / (1 + s * 1e-4), 0.1, s * 0.03) for s in range(1, ${POINTS} + 1))
db.executemany("INSERT INTO points (job_id, step, epoch, loss, accuracy, learning_rate, seconds) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
db.commit()
`;

before(async () => {
  // AddressSanitizer keeps what was freed; here the memory in use is looked at.
  const asan = [process.env.ASAN_OPTIONS, 'quarantine_size_mb=1', 'thread_local_quarantine_size_kb=64'];
  daemon = await Daemon.start({ environment: { ASAN_OPTIONS: asan.filter(Boolean).join(':') } });
  client = new Client(daemon.url);
  // An evaluation would take memory of its own.
  ({ id } = await client.create({ network: 'googlenet_tiny', image_size: 28, train_limit: 64, test_limit: 32, epochs: 1, evaluate: false }));
  await client.succeeded(id);
  assert.equal((await daemon.end()).code, 0);
  execFileSync('python3', ['-c', insert, join(daemon.data, 'store.db')]);
  await daemon.launch();
});
after(() => daemon.stop());

const resident = async () => Number((await client.get('/metrics')).text.match(/^process_resident_memory_bytes (\d+)/m)[1]);
const loss = (step) => 2.3 / (1 + step * 1e-4);

test('JSON comes in pages, each behind the last', { timeout: 600000 }, async () => {
  const first = (await client.get(`/v1/jobs/${id}/curve`)).json;
  assert.equal(first.step.length, 10000);
  assert.deepEqual([first.has_more, first.last_id], [true, 10000]);
  let after = 0, count = 0, more = true;
  while (more) {
    const page = (await client.get(`/v1/jobs/${id}/curve?after=${after}&limit=70000`)).json;
    assert.equal(page.step[0], after + 1);
    assert.equal(page.step.at(-1), page.last_id);
    for (const column of ['epoch', 'loss', 'accuracy', 'learning_rate', 'seconds']) assert.equal(page[column].length, page.step.length);
    assert.equal(page.loss.at(-1), loss(page.last_id));
    count += page.step.length;
    ({ last_id: after, has_more: more } = page);
  }
  assert.equal(count, POINTS);
  const none = (await client.get(`/v1/jobs/${id}/curve?after=${POINTS}`)).json;
  assert.deepEqual([none.step, none.has_more, none.last_id], [[], false, null]);
  await client.get(`/v1/jobs/${id}/curve?limit=100001`, { status: 400 });
});

test('CSV comes whole, and the daemon never holds it', { timeout: 600000 }, async () => {
  const before = await resident();
  let most = 0, lines = -1, bytes = 0, last = '';
  const response = await fetch(`${daemon.url}/v1/jobs/${id}/curve`, { headers: { accept: 'text/csv' } });
  assert.equal(response.status, 200);
  for await (const chunk of response.body) {
    const text = last + Buffer.from(chunk).toString();
    const split = text.split('\r\n');
    last = split.pop();
    lines += split.length;
    bytes += chunk.length;
    if (lines % 7 === 0) most = Math.max(most, await resident());
  }
  assert.equal(last, '');
  assert.equal(lines, POINTS);
  assert.ok(bytes > 15e6, String(bytes));
  // Whole, it would be these bytes and those of the rows besides.
  assert.ok(most - before < bytes / 2, `${most - before} bytes more, of ${bytes}`);
  const part = (await client.get(`/v1/jobs/${id}/curve?after=100&limit=12000`, { headers: { accept: 'text/csv' } })).text.trimEnd().split('\r\n');
  assert.equal(part.length, 12001);
  assert.deepEqual([part[1], part.at(-1)].map((line) => Number(line.split(',')[0])), [101, 12100]);
  assert.equal(Number(part.at(-1).split(',')[2]), loss(12100));
});

test('a reader of CSV that leaves in the middle leaves nothing behind', async () => {
  const control = new AbortController();
  const response = await fetch(`${daemon.url}/v1/jobs/${id}/curve`, { headers: { accept: 'text/csv' }, signal: control.signal });
  await response.body.getReader().read();
  control.abort();
  for (;;) {
    const { text } = await client.get('/metrics');
    if (Number(text.match(/^googlenetd_http_connections (\d+)$/m)[1]) <= 2) break;
  }
});

// What an answer of unknown length looks like to curl. Where HTTP has no chunks, only a reset tells that it was cut off.
const FORMS = { 'HTTP/1.0': ['--http1.0'], 'HTTP/1.0 kept alive': ['--http1.0', '-H', 'Connection: keep-alive'],
  'HTTP/1.1 closed': ['-H', 'Connection: close'], 'HTTP/1.1': [] };
const RESET = 56;

// Those that have begun to read, and stopped, as nobody reads what they print; `rest` reads on, to { form, code, text }.
function readers(after = 0) {
  return Promise.all(Object.entries(FORMS).map(async ([form, words]) => {
    const curl = spawn('curl', ['-sS', '-N', ...words, '-H', 'Accept: text/csv', `${daemon.url}/v1/jobs/${id}/curve?after=${after}`], { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = new Promise((resolve) => curl.once('close', resolve));
    const pieces = [];
    await new Promise((resolve) => curl.stdout.on('data', (data) => {
      if (pieces.push(data) === 1) curl.stdout.pause();
      resolve();
    }));
    const rest = async () => {
      curl.stdout.resume();
      return { form, code: await ended, text: Buffer.concat(pieces).toString() };
    };
    return { rest };
  }));
}

async function cutOff(all) {
  for (const { form, code, text } of await Promise.all(all.map(({ rest }) => rest()))) {
    assert.match(text, /^step,epoch,/, form);
    assert.ok(text.length < 15e6, form);
    assert.equal(code, RESET, `${form}: ${text.length} bytes`);
  }
}

test('an answer that is whole ends in good order, by any form of HTTP', { timeout: 600000 }, async () => {
  const all = await readers(POINTS - 30000);
  for (const { form, code, text } of await Promise.all(all.map(({ rest }) => rest()))) {
    assert.equal(code, 0, form);
    assert.match(text, new RegExp(`\\r\\n${POINTS},[^\\r\\n]*\\r\\n$`), form);
  }
});

test('an answer of a daemon that dies in the middle does not look whole', { timeout: 600000 }, async () => {
  const all = await readers();
  await daemon.end('SIGKILL');
  await cutOff(all);
  await daemon.launch();
});

test('an answer that cannot be read on in the middle does not look whole', { timeout: 600000 }, async () => {
  const all = await readers();
  await client.call('DELETE', `/v1/jobs/${id}`, { status: 204 });
  await cutOff(all);
});
