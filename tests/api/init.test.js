// Jobs that start from another job's model: what is taken is told, what does not fit is refused before a job is made, and a job, its
// clone and theirs have the same bytes whatever becomes of the source.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';
import { makePictures } from './pictures.js';

const tiny = { network: 'googlenet_tiny', image_size: 28, train_limit: 64, test_limit: 32, batch_size: 16, epochs: 2, precision: 'f32' };
const register = process.env.REGISTER_MODEL ?? fileURLToPath(new URL('../../build/tests/api/register_model', import.meta.url));
let daemon, client, base, imports;

before(async () => {
  imports = await mkdtemp(join(tmpdir(), 'imports-'));
  makePictures(join(imports, 'colours'), 10);
  daemon = await Daemon.start({ args: ['--imports', imports] });
  client = new Client(daemon.url);
  base = await client.create(tiny);
  await client.succeeded(base.id);
});
after(async () => {
  await daemon.stop();
  await rm(imports, { recursive: true });
});

const folder = (id) => join(daemon.data, 'jobs', id);
const digest = async (path) => createHash('sha256').update(await readFile(path)).digest('hex');
const checkpoints = async (id) => (await client.get(`/v1/jobs/${id}/checkpoints`)).json.data;
const eventsOf = async (id) => (await client.get(`/v1/jobs/${id}/events`)).json.data;

async function faults(init_from, more = {}) {
  const { json } = await client.post('/v1/jobs', { ...tiny, ...more, init_from }, { status: 400 });
  return Object.fromEntries(json.errors.map(({ pointer, detail }) => [pointer, detail]));
}

test('it starts from the best checkpoint, exactly named, and tells what it took', async () => {
  const best = (await checkpoints(base.id)).find((row) => row.best);
  const job = await client.create({ ...tiny, seed: 5, freeze: 'features', head_learning_rate_factor: 2, init_from: { job: base.id } });
  assert.deepEqual(job.settings.init_from, { job: base.id, checkpoint: best.id, sha256: best.sha256 });
  assert.deepEqual([job.settings.freeze, job.settings.head_learning_rate_factor], ['features', 2]);
  assert.equal(await digest(join(folder(job.id), 'init.safetensors')), best.sha256);
  await client.succeeded(job.id);
  const events = await eventsOf(job.id);
  const told = events.filter(({ type }) => type === 'initialized');
  assert.equal(told.length, 1);
  assert.deepEqual(told[0].data.new, []);
  assert.equal(told[0].data.taken.length, new Set(told[0].data.taken).size);
  assert.ok(told[0].id < events.find(({ type }) => type === 'point').id);
  assert.ok((await eventsOf(base.id)).every(({ type }) => type !== 'initialized'));
});

test('a step is named by its number; a dry run names it too, and makes nothing', async () => {
  const [{ id, step }] = await checkpoints(base.id);
  const before = await readdir(join(daemon.data, 'jobs'));
  const { json } = await client.post('/v1/jobs?dry_run=true', { ...tiny, init_from: { job: base.id, checkpoint: step } }, { status: 200 });
  assert.equal(json.settings.init_from.checkpoint, id);
  assert.deepEqual(await readdir(join(daemon.data, 'jobs')), before);
});

test('another head is new, and the event says which tensors', async () => {
  const { json: set } = await client.post('/v1/datasets', { name: 'colours', source: { folder: 'colours' }, image: { channels: 1, size: 28 } }, { status: 201 });
  await until('the import ends', async () => (await client.get(`/v1/datasets/${set.id}`)).json.status === 'ready');
  const job = await client.create({ ...tiny, train_limit: 20, test_limit: 0, dataset: 'colours', init_from: { job: base.id, checkpoint: 'latest' } });
  await client.succeeded(job.id);
  const { data } = (await eventsOf(job.id)).find(({ type }) => type === 'initialized');
  assert.match(data.new[0].reason, /^tensor \S+\.weight is 10x\d+, not 3x\d+$/);
  assert.match(data.new[1].reason, /^tensor \S+\.bias is 10, not 3$/);
  assert.equal(data.new.length, 2);
});

test('what cannot be is refused at its place', async () => {
  assert.match((await faults({ job: 'job_999' }))['/init_from'], /job_999/);
  assert.match((await faults({ job: base.id, checkpoint: 'step_77' }))['/init_from'], /no checkpoint step_77/);
  assert.match((await faults({ model: 'nobody@3' }))['/init_from'], /nobody/);
  assert.match((await faults({ job: base.id }, { network: 'googlenet', image_size: 96 }))['/init_from'], /of the network googlenet_tiny, not googlenet/);
  assert.match((await faults({ job: base.id, sha256: '0'.repeat(64) }))['/init_from'], /SHA-256/);
  assert.match((await faults({ job: base.id, model: 'a' }))['/init_from'], /one of model and job, got 2/);
  assert.match((await faults({ sha256: '0'.repeat(64) }))['/init_from'], /one of model and job, got 0/);
  assert.match((await faults({ file: '/etc/passwd' }))['/init_from/file'], /command line/);
  assert.match((await faults({ model: 'a', checkpoint: 'best' }))['/init_from/checkpoint'], /belongs to a job/);
  assert.deepEqual(Object.keys(await faults({ job: 'job_0', checkpoint: 'worst', sha256: 'A', model: '', other: 1 })).sort(),
    ['/init_from/checkpoint', '/init_from/job', '/init_from/model', '/init_from/other', '/init_from/sha256']);
  assert.deepEqual(Object.keys(await faults({ job: 'job_999' }, { epochs: 0, freeze: 'head' })).sort(), ['/epochs', '/freeze', '/init_from']);
  assert.deepEqual(Object.keys(await faults({ job: base.id }, { network: 'nothing' })), ['/network']);
  for (const wrong of [null, 'job_1', 7, [], [1]]) assert.match((await faults(wrong))['/init_from'], /must be an object/);
  assert.match((await faults({}, { freeze: 'features' }))['/freeze'], /needs init_from/);
  assert.match((await faults({}, { freeze: 'head' }))['/freeze'], /"none", "features"/);
  assert.match((await faults({}, { head_learning_rate_factor: 0 }))['/head_learning_rate_factor'], /above 0/);
});

test('the source may go before the job starts, and a clone still has its bytes', { timeout: 600000 }, async (t) => {
  const source = await client.create(tiny);
  await client.succeeded(source.id);
  // It keeps the one worker busy meanwhile.
  const long = await client.create({ ...tiny, train_limit: 2000, epochs: 1000, seed: 3 });
  t.after(() => client.call('POST', `/v1/jobs/${long.id}/stop`));
  await until('the long job runs', async () => (await client.job(long.id)).status === 'running');
  const settings = { ...tiny, freeze: 'features', seed: 9, init_from: { job: source.id } };
  const job = await client.create(settings);
  const inode = (await stat(join(folder(job.id), 'init.safetensors'))).ino;
  const { checkpoint, sha256 } = job.settings.init_from;
  assert.equal((await stat(join(folder(source.id), `${checkpoint}.model.safetensors`))).ino, inode);
  await client.call('DELETE', `/v1/jobs/${source.id}`, { status: 204 });
  await client.post('/v1/jobs', settings, { status: 400 });
  const { json: clone } = await client.post(`/v1/jobs/${job.id}/clone`, {}, { status: 201 });
  assert.deepEqual(clone.settings.init_from, job.settings.init_from);
  assert.equal(await digest(join(folder(clone.id), 'init.safetensors')), sha256);
  await client.post(`/v1/jobs/${job.id}/clone`, { init_from: { sha256: null } }, { status: 400 });
  await client.post(`/v1/jobs/${long.id}/stop`, undefined, { status: 202 });
  const models = [];
  for (const { id } of [job, clone]) {
    await client.succeeded(id);
    models.push((await checkpoints(id)).at(0).sha256);
  }
  assert.equal(models[0], models[1]);
  await client.call('DELETE', `/v1/jobs/${job.id}`, { status: 204 });
  await until('its files go', () => access(folder(job.id)).then(() => false, () => true));
  assert.deepEqual((await readdir(join(daemon.data, 'lost+found')).catch(() => [])), []);
});

test('a model under a name is named by its version; a daemon that starts again keeps the files', async () => {
  const job = await client.create({ ...tiny, init_from: { job: base.id } });
  await client.succeeded(job.id);
  await daemon.end();
  const file = join(folder(base.id), `${(await readdir(folder(base.id))).find((name) => name.endsWith('.model.safetensors'))}`);
  execFileSync(register, [daemon.data, 'tinies', file, file]);
  await daemon.launch();
  assert.equal(await digest(join(folder(job.id), 'init.safetensors')), job.settings.init_from.sha256);
  assert.deepEqual((await readdir(join(daemon.data, 'lost+found')).catch(() => [])), []);
  const named = await client.create({ ...tiny, init_from: { model: 'tinies' } });
  const { model, sha256 } = named.settings.init_from;
  assert.equal(model, 'tinies@2');
  assert.equal(await digest(join(folder(named.id), 'init.safetensors')), sha256);
  assert.equal((await client.create({ ...tiny, init_from: { model: 'tinies@1' } })).settings.init_from.model, 'tinies@1');
  assert.match((await faults({ model: 'tinies@3' }))['/init_from'], /tinies/);
});

test('a source whose file is gone is not there, and no path of the daemon is told', async () => {
  const { id } = await client.create({ ...tiny, epochs: 1, evaluate: false });
  await client.succeeded(id);
  for (const name of await readdir(folder(id))) if (name.endsWith('.model.safetensors')) await rm(join(folder(id), name));
  const { json } = await client.post('/v1/jobs', { ...tiny, init_from: { job: id } }, { status: 400 });
  assert.deepEqual(json.errors, [{ pointer: '/init_from', detail: 'its file is gone', code: 'source_not_found' }]);
});

// A link to itself can only not be looked at, as a file behind a folder without rights, which root would see.
test('a source whose file cannot be looked at is not said to be gone', async () => {
  const { id } = await client.create({ ...tiny, epochs: 1, evaluate: false });
  await client.succeeded(id);
  for (const name of (await readdir(folder(id))).filter((name) => name.endsWith('.model.safetensors'))) {
    await rm(join(folder(id), name));
    await symlink(name, join(folder(id), name));
  }
  const { json } = await client.post('/v1/jobs', { ...tiny, init_from: { job: id } }, { status: 400 });
  assert.deepEqual(json.errors.map(({ pointer, code }) => [pointer, code]), [['/init_from', 'source_unusable']]);
  assert.match(json.errors[0].detail, /Too many levels of symbolic links/);
});
