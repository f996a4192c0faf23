// Health, figures, the description, the dashboard's files; and what every answer has in common.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, statfs, symlink, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client, description } from './client.js';
import { Daemon } from './daemon.js';

let daemon, client, web;

before(async () => {
  web = await mkdtemp(join(tmpdir(), 'web-'));
  await mkdir(join(web, 'vendor'));
  await writeFile(join(web, 'index.html'), '<!doctype html><title>googlenetd</title>');
  await writeFile(join(web, 'vendor/plot.js'), 'export const plot = 1;\n');
  await writeFile(join(web, '.hidden.js'), 'secret');
  await symlink('/etc/passwd', join(web, 'link.txt'));
  daemon = await Daemon.start({ args: ['--web', web] });
  client = new Client(daemon.url);
});

after(async () => {
  await daemon.stop();
  await rm(web, { recursive: true });
});

test('livez and readyz are well', async () => {
  for (const path of ['/livez', '/readyz']) {
    const { json, headers } = await client.get(path);
    assert.deepEqual(json, { status: 'ok' });
    assert.equal(headers.get('cache-control'), 'no-store');
  }
});

test('the description is served as it stands in the sources, and has an ETag', async () => {
  const { json, headers } = await client.get('/openapi.json');
  assert.deepEqual(json, description);
  await client.get('/openapi.json', { status: 304, headers: { 'if-none-match': headers.get('etag') } });
});

test('every described operation is one that the daemon knows', async () => {
  for (const [path, operations] of Object.entries(description.paths)) {
    const filled = path.replace('{job}', 'job_999').replace('{checkpoint}', 'step_1').replace('{network}', 'none');
    const { headers } = await client.call('OPTIONS', filled, { status: 204 });
    const known = headers.get('allow').toLowerCase().split(', ').sort();
    const described = Object.keys(operations).filter((name) => name !== 'parameters');
    const wanted = [...described, 'options', ...(described.includes('get') ? ['head'] : [])].sort();
    assert.deepEqual(known, wanted, path);
  }
});

test('HEAD answers as GET does, without the body', async () => {
  for (const path of ['/livez', '/v1/jobs', '/v1/networks/googlenet', '/openapi.json', '/']) {
    const get = await client.get(path);
    const head = await client.call('HEAD', path, { status: 200 });
    assert.equal(head.text, '');
    for (const name of ['content-length', 'content-type', 'etag'])
      assert.equal(head.headers.get(name), get.headers.get(name), `${name} of ${path}`);
  }
});

test('a reader who wants another state of a thing than there is gets none', async () => {
  for (const path of ['/v1/jobs', '/v1/networks/googlenet', '/v1/datasets', '/openapi.json', '/']) {
    const { headers } = await client.get(path);
    const etag = headers.get('etag');
    for (const match of [etag, '*', `"nope", ${etag}`]) await client.get(path, { status: 200, headers: { 'if-match': match } });
    for (const match of ['"nope"', 'nope', `W/${etag}`, `${etag.slice(0, -2)}"`]) {
      const { json } = await client.get(path, { status: 412, headers: { 'if-match': match } });
      assert.equal(json.code, 'precondition_failed');
    }
    // If-Match goes first.
    await client.get(path, { status: 412, headers: { 'if-match': '"nope"', 'if-none-match': etag } });
    await client.get(path, { status: 304, headers: { 'if-match': etag, 'if-none-match': etag } });
    await client.call('HEAD', path, { status: 412, headers: { 'if-match': '"nope"' } });
  }
});

test('wrong methods name the right ones', async () => {
  const { headers } = await client.call('PUT', '/v1/jobs', { status: 405, body: {} });
  assert.deepEqual(headers.get('allow').split(', ').sort(), ['GET', 'HEAD', 'OPTIONS', 'POST']);
  await client.call('DELETE', '/livez', { status: 405 });
  await client.call('POST', '/', { status: 405, body: {} });
});

test('every answer forbids to guess types and to load anything', async () => {
  for (const path of ['/livez', '/v1/jobs', '/nothing']) {
    const { headers } = await client.call('GET', path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.match(headers.get('content-security-policy'), /^default-src 'none'/);
  }
});

test('every answer bears an id of its request: the one of the client, if it is fit for a header and a log', async () => {
  const ids = new Set();
  for (let i = 0; i < 20; i++) ids.add((await client.get('/livez')).headers.get('x-request-id'));
  assert.equal(ids.size, 20);
  const given = async (id) => (await client.call('GET', '/v1/jobs/job_9', { headers: { 'x-request-id': id }, status: 404 })).json.request_id;
  for (const id of ['a', 'trace-7_x.Y', 'z'.repeat(64)]) assert.equal(await given(id), id);
  for (const id of ['z'.repeat(65), 'a b', 'a"b', 'a;b', '\xe4', '<script>']) assert.match(await given(id), /^[0-9a-f]{16}$/);
});

test('pages have a strict policy, types and ETags', async () => {
  const page = await client.get('/');
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  const policy = page.headers.get('content-security-policy');
  assert.match(policy, /script-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|https?:/);
  const script = await client.get('/vendor/plot.js');
  assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8');
  assert.equal(script.text, 'export const plot = 1;\n');
  const headers = { 'if-none-match': `"other", W/${script.headers.get('etag')}` };
  assert.equal((await client.get('/vendor/plot.js', { status: 304, headers })).text, '');
});

test('only listed files are served', async () => {
  for (const path of ['/.hidden.js', '/link.txt', '/vendor', '/vendor/', '/%2e%2e/etc/passwd', '/nothing.html'])
    await client.get(path, { status: 404 });
  await writeFile(join(web, 'later.html'), 'came later');
  await client.get('/later.html', { status: 404 });
});

test('models are listed, and shown layer by layer as the chapter prints them', async () => {
  const list = (await client.get('/v1/networks')).json;
  assert.ok(list.data.some((model) => model.id === 'googlenet'));
  const { json } = await client.get('/v1/networks/googlenet?image_size=96&channels=1&classes=10');
  assert.equal(json.parameters, 5977530);
  const shapes = json.stages.map(({ shape }) => [shape.channels, shape.height, shape.width].join('x'));
  assert.deepEqual(shapes.slice(-6), ['64x24x24', '192x12x12', '480x6x6', '832x3x3', '1024x1x1', '10x1x1']);
  const sum = (key) => json.layers.reduce((total, layer) => total + layer[key], 0);
  assert.equal(sum('parameters'), json.parameters);
  assert.equal(sum('multiply_adds'), json.multiply_adds);
  const names = new Set(json.layers.map((layer) => layer.name));
  for (const layer of json.layers) for (const input of layer.inputs) assert.ok(names.has(input), input);
  assert.equal((await client.get('/v1/networks/googlenet?image_size=224&channels=3&classes=1000')).json.parameters, 6998552);
});

test('a model refuses what it cannot take, naming all of it', async () => {
  await client.get('/v1/networks/resnet', { status: 404 });
  const { json } = await client.get('/v1/networks/googlenet?image_size=0&channels=x&classes=0&color=red', { status: 400 });
  assert.deepEqual(json.errors.map((e) => e.pointer).sort(), ['?channels', '?classes', '?color', '?image_size']);
});

// The schema of a field in JobRequest or Settings.
function schemaOf(name, path) {
  const { properties } = description.components.schemas[name];
  const [first, second] = path.split('.');
  return second ? properties[first]?.properties[second] : properties[first];
}

test('the fields of a job are described as the schema has them, and make a form', async () => {
  const { json } = await client.get('/v1/settings');
  const fields = new Map(json.data.map((field) => [field.path, field]));
  assert.equal(fields.size, json.data.length);
  for (const { path, pointer, type, ...field } of fields.values()) {
    assert.equal(`/${path.replaceAll('.', '/')}`, pointer);
    const schema = schemaOf('JobRequest', path);
    const { default: value = null, ...same } = schema;
    assert.deepEqual(field.default, value, path);
    assert.deepEqual([field.title, field.description], [schema.title, schema.description], path);
    if (!['name', 'metadata'].includes(path)) assert.deepEqual(schemaOf('Settings', path), same);
    if (['integer', 'number'].includes(type)) {
      const least = schema.exclusiveMinimum ?? schema.minimum;
      assert.deepEqual([field.minimum, field.exclusive_minimum], [least, schema.exclusiveMinimum !== undefined], path);
      const most = schema.exclusiveMaximum ?? schema.maximum ?? null;
      assert.deepEqual([field.maximum, field.exclusive_maximum], [most, schema.exclusiveMaximum !== undefined], path);
    }
    if (type === 'numbers') {
      const { items } = schema;
      assert.equal(schema.type, 'array', path);
      assert.deepEqual([field.minimum, field.exclusive_minimum],
        [items.exclusiveMinimum ?? items.minimum, items.exclusiveMinimum !== undefined], path);
      assert.deepEqual([field.maximum, field.exclusive_maximum], [items.maximum, false], path);
    }
    if (type === 'choice') assert.deepEqual(field.choices, schema.enum, path);
    if (['integer', 'number', 'boolean', 'string'].includes(type)) assert.equal(type, schema.type, path);
    assert.ok(field.group, path);
  }
  const leaves = (properties) => Object.entries(properties).flatMap(([key, schema]) =>
    schema.properties ? leaves(schema.properties).map((leaf) => `${key}.${leaf}`) : [key]);
  assert.deepEqual([...fields.keys()].sort(), leaves(description.components.schemas.JobRequest.properties).sort());
  const networks = (await client.get('/v1/networks')).json.data.map(({ id }) => id);
  assert.deepEqual(fields.get('network').choices, networks);
  // What they say is the default is one.
  const body = {};
  for (const { path, default: value } of fields.values()) {
    const [first, second] = path.split('.');
    if (value === null) continue;
    if (second) (body[first] ??= {})[second] = value;
    else body[first] = value;
  }
  const dry = async (settings) => (await client.post('/v1/jobs?dry_run=true', settings, { status: 200 })).json.settings;
  assert.deepEqual(await dry(body), await dry({}));
});

test('datasets say what they are and where', async () => {
  const { json } = await client.get('/v1/datasets');
  const fashion = json.data.find((set) => set.id === 'fashion_mnist');
  assert.deepEqual(fashion.counts, { train: 60000, test: 10000, left_out: 0 });
  assert.deepEqual(fashion.image, { channels: 1, size: 28, fit: null, filter: null });
  assert.equal(fashion.classes.length, 10);
  assert.equal(fashion.status, 'ready');
  assert.deepEqual((await client.get('/v1/datasets/fashion_mnist')).json, fashion);
});

test('the machine says what it is and what is left of it', async () => {
  await client.create({ network: 'googlenet_tiny', train_limit: 2000, epochs: 100000 });
  const { json } = await client.get('/v1/system');
  assert.match(json.version, /^\d/);
  assert.ok(json.cpu.cores >= json.cpu.usable_cores && json.cpu.usable_cores >= 1);
  assert.ok(json.cpu.name && json.cpu.isa);
  assert.equal(json.cpu.cores, cpus().length);
  assert.deepEqual(json.cpu.precisions[0], 'f32');
  const { memory, disk, training } = json;
  assert.ok(memory.used_bytes > 1e6 && memory.used_bytes < memory.machine_bytes, JSON.stringify(memory));
  assert.ok(memory.available_bytes <= memory.machine_bytes && memory.limit_bytes <= memory.machine_bytes);
  assert.equal(disk.data, daemon.data);
  const there = await statfs(daemon.data);
  // Some file systems grow and shrink.
  assert.ok(Math.abs(disk.total_bytes / (there.blocks * there.bsize) - 1) < 0.1, JSON.stringify(disk));
  assert.ok(disk.free_bytes <= disk.total_bytes);
  assert.deepEqual([training.workers, training.threads_per_job], [1, 1]);
  assert.equal(Object.values(training.jobs).reduce((a, b) => a + b), 1);
  assert.equal(json.heartbeat_seconds, 15);
  assert.equal(json.access, 'open');
  // All that the configuration calls a limit, and no more.
  const names = readFileSync(new URL('../../server/config_table.c', import.meta.url), 'utf8').matchAll(/\{"limits\.(\w+)"/g);
  assert.deepEqual(Object.keys(json.limits), [...names].map(([, name]) => name));
  assert.deepEqual([json.limits.body_bytes, json.limits.upload_bytes, json.limits.jobs], [1048576, 68719476736, 10000]);
  assert.deepEqual(json.features, { imports: false, ranks: false });
  assert.ok(Date.now() - new Date(json.started_at) >= 1000 * json.uptime_seconds - 1000);
  await client.get('/v1/system?color=red', { status: 400 });
});

test('metrics are in Prometheus text with base units', async () => {
  const { text, headers } = await client.get('/metrics');
  assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const seen = new Set();
  for (const line of text.trimEnd().split('\n')) {
    const [, name] = line.match(/^(?:# (?:HELP|TYPE) )?(\w+)/);
    if (line.startsWith('# TYPE')) {
      assert.ok(!seen.has(name), `${name} twice`);
      seen.add(name);
      assert.equal(line.endsWith(' counter'), name.endsWith('_total'), line);
    } else if (!line.startsWith('#')) {
      assert.ok(seen.has(name), `${name} without a type`);
      assert.match(line, /^\w+(\{\w+="[^"]*"\})? -?[\d.e+-]+$/);
    }
  }
  for (const name of ['googlenetd_jobs', 'googlenetd_training_steps_total', 'process_resident_memory_bytes'])
    assert.ok(seen.has(name), name);
  assert.doesNotMatch(text, /job_\d/);
});
