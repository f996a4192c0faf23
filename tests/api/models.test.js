// Models: from jobs and from files, aliases, downloads, cards, and what a death and a full disk leave.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client, collect } from './client.js';
import { Daemon, until } from './daemon.js';
import { png } from './pictures.js';

let daemon, client, job;
const SETTINGS = { network: 'googlenet_tiny', train_limit: 64, test_limit: 64, epochs: 2, batch_size: 32, precision: 'f32' };

before(async () => {
  daemon = await Daemon.start();
  client = new Client(daemon.url);
  job = (await client.create(SETTINGS)).id;
  await client.evaluated(job);
});
after(() => daemon.stop());

const register = (name, body, options) => client.post('/v1/models', { name, job, ...body }, { status: 201, ...options });
const patch = (name, body, options) => client.call('PATCH', `/v1/models/${name}`, { body, status: 200, ...options });
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');
const pointers = ({ json }) => json.errors.map(({ pointer }) => pointer);
// Files of models by folder: no file may be there that no version has.
const files = () => readdirSync(join(daemon.data, 'models'), { recursive: true }).filter((name) => name.includes('safetensors')).sort();

// A safetensors file: { name: shape } of zeros.
function safetensors(tensors, { type = 'F32', meta } = {}) {
  const header = meta ? { __metadata__: meta } : {};
  let offset = 0;
  for (const [name, shape] of Object.entries(tensors)) {
    const bytes = 4 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: type, shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const text = Buffer.from(JSON.stringify(header)), size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([size, text, Buffer.alloc(offset)]);
}

function tensorsOf(bytes) {
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())));
  delete header.__metadata__;
  return header;
}

// The same bytes as a program would write them that knows nothing of us.
function withoutMetadata(bytes) {
  const n = Number(bytes.readBigUInt64LE());
  const text = Buffer.from(JSON.stringify(tensorsOf(bytes))), size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([size, text, bytes.subarray(8 + n)]);
}

const put = (name, query, body, options) =>
  client.call('PUT', `/v1/models/${name}/versions?${query}`, { body, headers: { 'content-type': 'application/octet-stream' }, ...options });

test('a checkpoint becomes a version, and the next one the next', async () => {
  const first = await register('shirts');
  assert.equal(first.headers.get('location'), '/v1/models/shirts/versions/1');
  const { json } = first;
  assert.deepEqual([json.model, json.version, json.status, json.network, json.class_count], ['shirts', 1, 'ready', 'googlenet_tiny', 10]);
  assert.deepEqual(json.source, { kind: 'job', job, checkpoint: json.source.checkpoint });
  assert.equal(json.classes[0], 'T-shirt/top');
  assert.equal(json.dataset.name, 'fashion_mnist');
  assert.equal(json.settings.network, 'googlenet_tiny');
  const best = (await client.get(`/v1/jobs/${job}/checkpoints/best`)).json;
  assert.deepEqual([json.sha256, json.bytes, json.source.checkpoint], [best.sha256, best.bytes, best.id]);
  const epochs = (await client.get(`/v1/jobs/${job}/epochs`)).json.data;
  const epoch = epochs.find(({ step }) => step === best.step);
  assert.equal(json.metrics.test_accuracy, epoch.test_accuracy);
  assert.equal((await register('shirts', { checkpoint: 'latest' })).json.version, 2);
  const model = (await client.get('/v1/models/shirts')).json;
  assert.deepEqual(model.versions.map(({ version }) => version), [2, 1]);
  assert.deepEqual(model.aliases, {});
  const { data } = (await client.get('/v1/models?name=SHIRT')).json;
  assert.deepEqual(data, [model]);
});

test('refusals name all faults, and leave nothing', async () => {
  const before = files();
  const all = await client.post('/v1/models', { name: 'a/b', job: 'job_999', checkpoint: 7, more: 1 }, { status: 400 });
  assert.deepEqual(pointers(all).sort(), ['/checkpoint', '/job', '/more', '/name']);
  assert.deepEqual(pointers(await client.post('/v1/models', {}, { status: 400 })).sort(), ['/job', '/name']);
  assert.deepEqual(pointers(await client.post('/v1/models', { name: 'none', job, checkpoint: 'step_12345' }, { status: 400 })), ['/checkpoint']);
  for (const query of ['limit=0', 'after=x', 'x=1']) await client.get(`/v1/models?${query}`, { status: 400 });
  for (const path of ['none', 'shirts/versions/9', 'shirts/versions/x', 'shirts/versions/9/content', 'shirts/versions/0/card', 'none/versions/1/onnx'])
    await client.get(`/v1/models/${path}`, { status: 404 });
  await client.get('/v1/models/none', { status: 404 });
  assert.deepEqual(files(), before);
});

test('a key makes one version, also after a restart', async () => {
  const options = { headers: { 'idempotency-key': 'once' } };
  const first = await register('keyed', {}, options);
  await daemon.leave();
  await daemon.launch();
  const again = await register('keyed', {}, options);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
  assert.deepEqual(again.json, first.json);
  assert.equal((await register('other', {}, { ...options, status: 409 })).json.code, 'key_reused');
  assert.equal((await register('keyed')).json.version, 2);
});

test('aliases move by merge patch, all or nothing', async () => {
  const made = await patch('shirts', { aliases: { production: 1, old: 1 }, metadata: { who: 'me' } });
  assert.deepEqual([made.json.aliases, made.json.metadata], [{ old: 1, production: 1 }, { who: 'me' }]);
  const bad = await patch('shirts', { aliases: { production: 2, old: 9, 7: 1, 'a b': 1, latest: 1 }, name: 'x' }, { status: 400 });
  assert.deepEqual(pointers(bad).sort(), ['/aliases/7', '/aliases/a b', '/aliases/latest', '/aliases/old', '/name']);
  assert.deepEqual((await client.get('/v1/models/shirts')).json, made.json);
  // If-Match: of two who have read the same, one is told.
  const headers = { 'if-match': made.headers.get('etag') };
  const moved = await patch('shirts', { aliases: { production: 2, old: null } }, { headers });
  assert.deepEqual(moved.json.aliases, { production: 2 });
  await patch('shirts', { aliases: { production: 1 } }, { headers, status: 412 });
  assert.equal((await client.get('/v1/models/shirts/versions/production')).json.version, 2);
  assert.deepEqual((await client.get('/v1/models/shirts/versions/2')).json.aliases, ['production']);
  await client.get('/v1/models/shirts/versions/old', { status: 404 });
  // The newest has a word of its own, whatever production is.
  await patch('shirts', { aliases: { production: 1, latest: null } });
  assert.equal((await client.get('/v1/models/shirts/versions/latest')).json.version, 2);
  assert.equal((await client.get('/v1/models/shirts/versions/production')).json.version, 1);
  for (const [model, version] of [['shirts', 1], ['shirts@production', 1], ['shirts@latest', 2]]) {
    const { json } = await client.post('/v1/jobs?dry_run=true', { ...SETTINGS, init_from: { model } }, { status: 200 });
    assert.equal(json.settings.init_from.model, `shirts@${version}`);
  }
  await patch('shirts', { aliases: { production: 2 } });
});

test('a model has so many aliases and no more', async () => {
  const many = (from, to, version) => Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`a${from + i}`, version]));
  const before = Object.keys((await client.get('/v1/models/shirts')).json.aliases).length;
  const made = await patch('shirts', { aliases: many(before, 256, 1) });
  assert.equal(Object.keys(made.json.aliases).length, 256);
  assert.deepEqual(pointers(await patch('shirts', { aliases: { one: 1 } }, { status: 400 })), ['/aliases']);
  // In the place of another, and where one is moved.
  await patch('shirts', { aliases: { a200: null, one: 1 } });
  await patch('shirts', { aliases: { one: 2, none: null } });
  await patch('shirts', { aliases: { ...many(before, 256, null), one: null } });
  assert.equal(Object.keys((await client.get('/v1/models/shirts')).json.aliases).length, before);
});

test('the file comes whole, in part, and not again', async () => {
  const { json } = await client.get('/v1/models/shirts/versions/1');
  const whole = await client.get('/v1/models/shirts/versions/1/content');
  assert.equal(sha(whole.bytes), json.sha256);
  assert.equal(whole.headers.get('etag'), `"${json.sha256}"`);
  assert.equal(whole.bytes.length, json.bytes);
  const part = await client.get('/v1/models/shirts/versions/1/content', { headers: { range: 'bytes=10-19' }, status: 206 });
  assert.deepEqual(part.bytes, whole.bytes.subarray(10, 20));
  await client.get('/v1/models/shirts/versions/1/content', { headers: { range: `bytes=${json.bytes}-` }, status: 416 });
  await client.get('/v1/models/shirts/versions/1/content', { headers: { 'if-none-match': `"${json.sha256}"` }, status: 304 });
  const meta = JSON.parse(whole.bytes.subarray(8, 8 + Number(whole.bytes.readBigUInt64LE()))).__metadata__;
  assert.deepEqual([meta.model, meta.classes, meta.picture_size, meta.dataset], ['googlenet_tiny', '10', '28', 'fashion_mnist']);
});

test('ONNX and the card', async () => {
  const folded = await client.get('/v1/models/shirts/versions/1/onnx');
  assert.ok(folded.bytes.includes('"in_graph":true') && folded.bytes.includes('# shirts, version 1\n'));
  const out = await client.get('/v1/models/shirts/versions/1/onnx?preprocessing=false&fold_batch_norm=false&probabilities=true');
  assert.ok(folded.bytes.includes('pixels') && folded.bytes.includes('T-shirt/top'));
  assert.ok(out.bytes.includes('"in_graph":false') && out.bytes.includes('probabilities'));
  // As of every flag of the API, its name alone is a yes.
  assert.ok((await client.get('/v1/models/shirts/versions/1/onnx?probabilities')).bytes.includes('probabilities'));
  await client.get('/v1/models/shirts/versions/1/onnx?preprocessing=maybe', { status: 400 });
  assert.deepEqual(files().filter((name) => !/^model_\d+\/\d+\.safetensors$/.test(name)), []);
  const { json } = await client.get('/v1/models/shirts/versions/1/card');
  assert.ok(json.limits.some((text) => /never seen colour/.test(text)), json.limits.join('\n'));
  assert.ok(json.limits.some((text) => /fashion_mnist alone/.test(text)));
  assert.ok(json.limits.includes('It was trained on the first 64 training examples alone (train_limit).'));
  assert.equal(json.metrics.epoch, (await client.get('/v1/models/shirts/versions/1')).json.metrics.epoch);
  const { text, headers } = await client.get('/v1/models/shirts/versions/1/card', { headers: { accept: 'text/markdown' } });
  assert.match(headers.get('content-type'), /^text\/markdown/);
  assert.match(text, /^# shirts, version 1\n/);
  assert.match(text, /\| test\\_accuracy \| \d/);
  await client.get('/v1/models/shirts/versions/1/card', { headers: { accept: 'image/png' }, status: 406 });
});

test('weights from elsewhere: what fits, and all that does not', async () => {
  const { bytes } = await client.get('/v1/models/shirts/versions/1/content');
  const foreign = withoutMetadata(bytes);
  const names = 'a,b,c,d,e,f,g,h,i,j';
  const taken = await put('foreign', `network=googlenet_tiny&class_names=${names}`, foreign, { status: 201 });
  assert.equal(taken.headers.get('location'), '/v1/models/foreign/versions/1');
  assert.deepEqual([taken.json.source.kind, taken.json.classes, taken.json.metrics], ['upload', names.split(','), null]);
  const back = await client.get('/v1/models/foreign/versions/1/content');
  for (const [name, { shape }] of Object.entries(tensorsOf(bytes))) assert.deepEqual(tensorsOf(back.bytes)[name].shape, shape);
  // More names than a query holds, in the file itself, which then needs none.
  const many = Array.from({ length: 1000 }, (_, i) => `class ${i}, "ü"`);
  const shapesOf = Object.entries(tensorsOf(foreign)).map(([name, { shape }]) => [name, shape]);
  const thousand = Object.fromEntries(shapesOf.map(([name, shape], i) => [name, i < shapesOf.length - 2 ? shape : [1000, ...shape.slice(1)]]));
  const said = { model: 'googlenet_tiny', class_names: JSON.stringify(many) };
  assert.deepEqual((await put('thousand', '', safetensors(thousand, { meta: said }), { status: 201 })).json.classes, many);
  const fewer = { ...said, class_names: JSON.stringify(many.slice(1)) };
  assert.ok((await put('thousand', '', safetensors(thousand, { meta: fewer }), { status: 400 })).json.errors.length >= 1);
  for (const names of ['[]', '{}', 'a,b', '[1]'])
    assert.match((await put('thousand', '', safetensors(thousand, { meta: { ...said, class_names: names } }), { status: 400 })).json.detail, /class_names/);
  await client.call('DELETE', '/v1/models/thousand', { status: 204 });
  // One of ours says itself what it is.
  assert.equal((await put('foreign', '', bytes, { status: 201 })).json.classes[0], 'T-shirt/top');
  assert.match((await client.get('/v1/models/foreign/versions/1/card')).json.limits.join('\n'), /was not trained here/);

  const before = files();
  const shapes = Object.fromEntries(Object.entries(tensorsOf(bytes)).map(([name, { shape }]) => [name, shape]));
  const [first, second] = Object.keys(shapes);
  const { [first]: _, ...less } = shapes;
  const wrong = await put('bad', 'network=googlenet_tiny', safetensors({ ...less, [second]: [1, 2], extra: [3] }), { status: 400 });
  assert.deepEqual(pointers(wrong).sort(), [`/tensors/${first}`, `/tensors/${second}`, '/tensors/extra'].sort());
  assert.match((await put('bad', '', foreign, { status: 400 })).json.detail, /does not say which network/);
  assert.match((await put('bad', 'network=googlenet_tiny', safetensors(shapes, { type: 'I32' }), { status: 400 })).json.errors[0].detail, /is I32, not F32/);
  assert.deepEqual(pointers(await put('bad', 'network=none&classes=0&class_names=a,,b&x=1', foreign, { status: 400 })).sort(), ['?class_names', '?classes', '?network', '?x']);
  assert.deepEqual(pointers(await put('bad', 'network=googlenet_tiny&class_names=a,b', foreign, { status: 400 })), ['?class_names']);
  for (const body of ['', 'no safetensors', foreign.subarray(0, 5000)]) await put('bad', 'network=googlenet_tiny', body, { status: 400 });
  await put('b@d', 'network=googlenet_tiny', foreign, { status: 400 });
  await client.get('/v1/models/bad', { status: 404 });
  assert.deepEqual(files(), before);
  assert.deepEqual(readdirSync(join(daemon.data, 'uploads')), []);
});

// The same tensors with their floats in 16 bits, rounded towards zero: halves, or the upper halves of floats.
function narrowed(bytes, type) {
  const tensors = tensorsOf(bytes), start = 8 + Number(bytes.readBigUInt64LE()), header = {}, parts = [];
  const half = (bits) => {
    const exponent = ((bits >>> 23) & 0xff) - 112;
    return ((bits >>> 16) & 0x8000) | (exponent <= 0 ? 0 : (exponent << 10) | ((bits >>> 13) & 0x3ff));
  };
  let offset = 0;
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(tensors).sort((a, b) => a[1].data_offsets[0] - b[1].data_offsets[0])) {
    const old = bytes.subarray(start + from, start + to);
    const part = dtype === 'F32' ? Buffer.alloc(old.length / 2) : old;
    if (dtype === 'F32')
      for (let i = 0; i < old.length; i += 4) part.writeUInt16LE(type === 'BF16' ? old.readUInt16LE(i + 2) : half(old.readUInt32LE(i)), i / 2);
    header[name] = { dtype: dtype === 'F32' ? type : dtype, shape, data_offsets: [offset, offset + part.length] };
    parts.push(part);
    offset += part.length;
  }
  const text = Buffer.from(JSON.stringify(header)), size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([size, text, ...parts]);
}

test('weights in 16 bits become the same numbers in 32', async () => {
  const { bytes } = await client.get('/v1/models/shirts/versions/1/content');
  const floats = (file, { data_offsets: [from, to] }) => {
    const start = 8 + Number(file.readBigUInt64LE());
    return Array.from({ length: (to - from) / 4 }, (_, i) => file.readFloatLE(start + from + 4 * i));
  };
  for (const [type, error] of [['F16', 2 ** -10], ['BF16', 2 ** -7]]) {
    const { json } = await put('narrow', 'network=googlenet_tiny', narrowed(bytes, type), { status: 201 });
    const back = (await client.get(`/v1/models/narrow/versions/${json.version}/content`)).bytes;
    const before = tensorsOf(bytes), after = tensorsOf(back);
    let rounded = 0;
    for (const [name, tensor] of Object.entries(before).filter(([, { dtype }]) => dtype === 'F32')) {
      assert.deepEqual([after[name].dtype, after[name].shape], ['F32', tensor.shape]);
      const was = floats(bytes, tensor);
      for (const [i, x] of floats(back, after[name]).entries()) {
        // Below the smallest normal half nothing is left.
        assert.ok(Math.abs(x - was[i]) <= Math.abs(was[i]) * error + (type === 'F16' ? 2 ** -14 : 0), `${name} ${x} ${was[i]}`);
        rounded += x !== was[i];
      }
    }
    assert.ok(rounded > 100);
  }
  await client.call('DELETE', '/v1/models/narrow', { status: 204 });
});

test('a model outlives its job; what is deleted is gone', async () => {
  const clone = (await client.post(`/v1/jobs/${job}/clone`, { seed: 5, epochs: 1 }, { status: 201 })).json.id;
  await client.succeeded(clone);
  const { json } = await client.post('/v1/models', { name: 'orphan', job: clone }, { status: 201 });
  await client.call('DELETE', `/v1/jobs/${clone}`, { status: 204 });
  assert.equal(sha((await client.get('/v1/models/orphan/versions/1/content')).bytes), json.sha256);
  await client.get('/v1/models/orphan/versions/1/onnx');
  assert.equal((await client.call('DELETE', '/v1/models/shirts/versions/2', { status: 409 })).json.code, 'version_in_use');
  for (const version of ['+1', '%201', '01', '1x', '0']) await client.call('DELETE', `/v1/models/shirts/versions/${version}`, { status: 404 });
  await client.call('DELETE', '/v1/models/shirts/versions/1', { status: 204 });
  await client.call('DELETE', '/v1/models/shirts/versions/1', { status: 404 });
  await client.call('DELETE', '/v1/models/orphan', { headers: { 'if-match': '"no"' }, status: 412 });
  await client.call('DELETE', '/v1/models/orphan', { status: 204 });
  await client.get('/v1/models/orphan', { status: 404 });
  assert.equal((await register('shirts')).json.version, 3);
});

test('a job may ask to be registered, and succeeds in any case', async () => {
  const made = await client.create({ ...SETTINGS, epochs: 1, register_as: 'asked' });
  assert.equal(made.settings.register_as, 'asked');
  assert.equal((await client.succeeded(made.id)).warning, null);
  const version = (await client.get('/v1/models/asked/versions/1')).json;
  assert.equal(version.source.job, made.id);
  const notes = (await client.get(`/v1/jobs/${made.id}/events?limit=1000`)).json.data.filter(({ type }) => type === 'note');
  assert.ok(notes.some(({ data }) => data.message === 'registered as version 1 of the model asked'));
  assert.deepEqual(pointers(await client.post('/v1/jobs', { ...SETTINGS, register_as: 'a/b' }, { status: 400 })), ['/register_as']);
  // A twin becomes the next version.
  const { id } = (await client.post(`/v1/jobs/${made.id}/clone`, {}, { status: 201 })).json;
  await client.succeeded(id);
  assert.equal((await client.get('/v1/models/asked')).json.versions[0].source.job, id);
});

test('events tell of models', async () => {
  const stream = await client.stream('/v1/events'), told = [];
  const reading = collect(stream, (event) => {
    if (event.type === 'model' && event.data.name === 'told') told.push(event);
    return told.at(-1)?.data.action === 'deleted';
  });
  await register('told');
  await patch('told', { aliases: { production: 1 } });
  // Of what is deleted the last event alone is left.
  await until('what was told before', () => told.length === 3);
  await client.call('DELETE', '/v1/models/told', { status: 204 });
  await reading;
  assert.deepEqual(told.map(({ data }) => [data.action, data.version]), [['created', null], ['version_added', 1], ['updated', null], ['deleted', null]]);
});

test('aliases move and versions go under load: every answer is of a version that there was', async () => {
  for (let i = 0; i < 2; i++) await register('busy');
  await patch('busy', { aliases: { production: 1 } });
  let done = false, count = 0;
  const read = async () => {
    while (!done) {
      const { json } = await client.get('/v1/models/busy/versions/production/card');
      assert.ok(json.version > 0);
      count++;
    }
  };
  const readers = [read(), read(), read()];
  for (let version = 2; version < 14; version++) {
    await patch('busy', { aliases: { production: version } });
    await client.call('DELETE', `/v1/models/busy/versions/${version - 1}`, { status: 204 });
    await register('busy');
  }
  done = true;
  await Promise.all(readers);
  assert.ok(count > 5);
  await client.call('DELETE', '/v1/models/busy', { status: 204 });
});

test('kill -9 in the middle of registrations: whole versions, and nothing beside them', async () => {
  for (let i = 0; i < 4; i++) {
    const flood = Array.from({ length: 12 }, () => client.post('/v1/models', { name: 'flood', job }).catch(() => null));
    await Promise.race([flood[i], flood[2 * i + 1]]);
    daemon.process.kill('SIGKILL');
    const answers = (await Promise.all(flood)).filter((answer) => answer?.status === 201).map(({ json }) => json.version);
    await daemon.ended;
    await daemon.launch();
    const { versions } = (await client.get('/v1/models/flood')).json;
    const there = versions.map(({ version }) => version);
    for (const version of answers) assert.ok(there.includes(version), `${version} was answered and is gone`);
    for (const { version, status, sha256 } of versions) {
      assert.equal(status, 'ready');
      if (version === there[0]) assert.equal(sha((await client.get(`/v1/models/flood/versions/${version}/content`)).bytes), sha256);
    }
    const all = (await client.get('/v1/models?limit=1000')).json.data.flatMap(({ id, versions: own }) => own.map(({ version }) => `${id}/${version}.safetensors`));
    assert.deepEqual(files(), all.sort());
  }
  await client.call('DELETE', '/v1/models/flood', { status: 204 });
});

test('a file that was damaged is the fault of nobody who asks', async () => {
  const { versions, id } = (await client.get('/v1/models/shirts')).json;
  const { version } = versions[0], path = join(daemon.data, 'models', id, `${version}.safetensors`);
  const whole = readFileSync(path), odd = Buffer.from(whole);
  odd[odd.length - 1] ^= 1;
  rmSync(path);  // the job has it too
  writeFileSync(path, odd);
  const picture = png(28, 28, () => [9, 9, 9]);
  const asked = [await client.call('POST', `/v1/models/shirts@${version}/predict`, { body: picture, headers: { 'content-type': 'image/png' }, status: 500 }),
    await client.get(`/v1/models/shirts/versions/${version}/onnx`, { status: 500 })];
  for (const { json } of asked) {
    assert.equal(json.code, 'file_damaged');
    assert.match(json.detail, /safetensors is damaged: its checksum does not match$/);
  }
  const { json: { id: evaluation } } = await client.post('/v1/evaluations', { model: `shirts@${version}`, limit: 10 }, { status: 202 });
  await until('the end of the evaluation', async () => (await client.get(`/v1/evaluations/${evaluation}`)).json.status === 'failed');
  assert.equal((await client.get(`/v1/evaluations/${evaluation}`)).json.error.code, 'file_damaged');
  writeFileSync(path, whole);
});

test('a file that somebody has deleted: the version says so', async () => {
  const { versions, id } = (await client.get('/v1/models/shirts')).json;
  const { version } = versions[0];
  rmSync(join(daemon.data, 'models', id, `${version}.safetensors`));
  assert.equal((await client.get(`/v1/models/shirts/versions/${version}/content`, { status: 404 })).json.code, 'file_missing');
  await daemon.leave();
  await daemon.launch();
  assert.equal((await client.get(`/v1/models/shirts/versions/${version}`)).json.status, 'missing');
  assert.equal((await client.get(`/v1/models/shirts/versions/${version}/content`, { status: 404 })).json.code, 'file_missing');
});

test('a limit, and a token that may only read', async () => {
  const small = await Daemon.start({ args: ['--limits-models', '1'], environment: { GOOGLENETD_TOKEN: 'write', GOOGLENETD_READ_TOKEN: 'read' } });
  const writer = new Client(small.url, 'write'), reader = new Client(small.url, 'read');
  try {
    const { id } = await writer.create({ ...SETTINGS, epochs: 1 });
    await writer.succeeded(id);
    await reader.post('/v1/models', { name: 'm', job: id }, { status: 403 });
    await writer.post('/v1/models', { name: 'm', job: id }, { status: 201 });
    assert.equal((await writer.post('/v1/models', { name: 'm', job: id }, { status: 409 })).json.code, 'store_full');
    const asked = await writer.succeeded((await writer.create({ ...SETTINGS, epochs: 1, register_as: 'm' })).id);
    assert.match(asked.warning, /^not registered as m: limits\.models allows 1 stored versions of models and no more/);
    await reader.get('/v1/models/m');
    await reader.get('/v1/models/m/versions/1/content');
    await reader.call('PATCH', '/v1/models/m', { body: { aliases: {} }, status: 403 });
    await reader.call('DELETE', '/v1/models/m', { status: 403 });
    await reader.call('PUT', '/v1/models/m/versions', { body: 'x', status: 403 });
  } finally {
    await small.stop();
  }
});

const sanitized = process.env.ASAN_OPTIONS && 'a sanitizer takes memory of its own';

test('a file that would not fit into memory is not read', { timeout: 600000, skip: sanitized }, async () => {
  const small = await Daemon.start({ first: 'ulimit -v 2300000' });
  const owner = new Client(small.url);
  const { memory } = (await owner.get('/v1/system')).json;
  // What reading takes three times stands in memory as the file and what comes of it.
  const body = Buffer.alloc(Math.ceil(memory.available_bytes / 3) + (10 << 20));
  const path = '/v1/models/large/versions?network=googlenet_tiny', headers = { 'content-type': 'application/octet-stream' };
  const { json } = await owner.call('PUT', path, { body, headers, status: 503 });
  assert.match(json.detail, /^reading the file needs about .* of memory, and only .* are free now$/);
  // One that fits is read, and is no model.
  await owner.call('PUT', path, { body: Buffer.alloc(1000), headers, status: 400 });
  await small.stop();
});
