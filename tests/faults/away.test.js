// What the daemon does while the disk that one of its folders is on is away: nothing is written to where it is
// mounted, nothing that it holds is given up, and all goes on once it is back. Taking the folder away, and putting an
// empty one in its place, stands for that.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, rmdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until as happens } from '../api/daemon.js';
import { makePictures } from '../api/pictures.js';
import { Daemon, ask, create, ended, model, notes, until } from './service.js';

const TUS = { 'tus-resumable': '1.0.0' };

function archive(count) {
  const folder = mkdtempSync(join(tmpdir(), 'pictures-'));
  makePictures(folder, count);
  const bytes = execFileSync('tar', ['-c', '-C', folder, '.'], { maxBuffer: 2 ** 28 });
  rmSync(folder, { recursive: true });
  return bytes;
}
// The large one is some work for the importer, so that others wait.
const few = archive(20), many = archive(300);

function takeAway(daemon, name) {
  const folder = join(daemon.data, name);
  renameSync(folder, `${folder}.away`);
  mkdirSync(folder);
}

// Fails where something was written meanwhile.
function bringBack(daemon, name) {
  const folder = join(daemon.data, name);
  assert.deepEqual(readdirSync(folder), []);
  rmdirSync(folder);
  renameSync(`${folder}.away`, folder);
}

const comesTo = (daemon, path, status) => happens(`${path} is ${status}`, async () => {
  const { json } = await ask(daemon, 'GET', path);
  assert.ok(json.status === status || json.status !== 'failed', JSON.stringify(json.error));
  return json.status === status;
});

// Through some tries, of which there is one a second.
async function stays(daemon, path, status) {
  for (const end = Date.now() + 2500; Date.now() < end;) await comesTo(daemon, path, status);
}

async function newSet(daemon, name, more = {}) {
  const { status, json } = await ask(daemon, 'POST', '/v1/datasets', { name, image: { channels: 1, size: 28 }, ...more });
  assert.equal(status, 201, JSON.stringify(json));
  return `/v1/datasets/${json.id}`;
}

async function bring(daemon, path, bytes) {
  const answer = await fetch(`${daemon.url}${path}/content`, { method: 'PUT', headers: { 'content-type': 'application/x-tar' }, body: bytes });
  return { status: answer.status, json: await answer.json() };
}

async function readySet(daemon, name) {
  const path = await newSet(daemon, name);
  assert.equal((await bring(daemon, path, few)).status, 202);
  await comesTo(daemon, path, 'ready');
  return path;
}

async function beginUpload(daemon, length) {
  const answer = await fetch(`${daemon.url}/v1/uploads`, { method: 'POST', headers: { ...TUS, 'upload-length': String(length) } });
  const text = await answer.text();
  return { status: answer.status, path: answer.headers.get('location'), json: text ? JSON.parse(text) : null };
}

async function uploaded(daemon, bytes) {
  const { path } = await beginUpload(daemon, bytes.length);
  const headers = { ...TUS, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' };
  assert.equal((await fetch(daemon.url + path, { method: 'PATCH', headers, body: bytes })).status, 204);
  return path.split('/').at(-1);
}

// A folder of data sets with a link to the one that there is, which a test can take away.
function linkedSets() {
  const sets = mkdtempSync(join(tmpdir(), 'datasets-')), set = join(sets, 'fashion_mnist');
  symlinkSync(['fashion_mnist', 'fashion-mnist'].map((name) => join(process.env.GOOGLENETD_DATASETS, name)).find(existsSync), set);
  return { sets, set };
}

// Whether the daemon is ready for work, as Prometheus sees it.
async function ready(daemon) {
  const text = await (await fetch(`${daemon.url}/metrics`)).text();
  return text.match(/^googlenetd_ready (\d)$/m)?.[1];
}

test('jobs/ is not there when jobs begin: they wait as those that run, may be stopped, and go on by themselves', async () => {
  const daemon = await Daemon.start();
  const jobs = join(daemon.data, 'jobs');
  renameSync(jobs, `${jobs}.away`);
  const first = await create(daemon);
  const second = await create(daemon);
  const job = await until(daemon, first, (one) => one.warning || ended(one), 'the warning');
  assert.equal(job.status, 'running', JSON.stringify(job.error));
  assert.match(job.warning, /make folder .*job_1: No such file or directory/);
  assert.equal((await ask(daemon, 'GET', '/readyz')).status, 503);
  assert.equal(await ready(daemon), '0');
  assert.equal((await ask(daemon, 'POST', `/v1/jobs/${first}/stop`)).status, 202);
  assert.equal((await until(daemon, first, ended, 'the end')).status, 'stopped');
  await until(daemon, second, ({ warning }) => warning, 'the warning');
  renameSync(`${jobs}.away`, jobs);
  assert.equal((await until(daemon, second, ended, 'the end')).status, 'succeeded');
  const third = await create(daemon);
  await until(daemon, third, ended, 'the end');
  assert.equal(await model(daemon, second), await model(daemon, third));
  assert.equal((await ask(daemon, 'GET', '/readyz')).status, 200);
  assert.equal(await ready(daemon), '1');
  await daemon.stop();
});

test('jobs/ is not there at a start: a job with checkpoints waits for it, and goes on from there', async () => {
  const daemon = await Daemon.start();
  const id = await create(daemon, { epochs: 1000 });
  await until(daemon, id, ({ progress }) => progress.step > 30, 'step 30');
  await daemon.leave();
  takeAway(daemon, 'jobs');
  await daemon.launch();
  const job = await until(daemon, id, (one) => one.warning || ended(one), 'the warning');
  assert.equal(job.status, 'running', JSON.stringify(job.error));
  assert.match(job.warning, /there is no .*job_1, nor any other job's folder: is a disk not mounted\?/);
  assert.equal((await ask(daemon, 'GET', '/readyz')).status, 503);
  bringBack(daemon, 'jobs');
  await until(daemon, id, (one) => ended(one) || one.progress.step > job.progress.step, 'a step');
  assert.match(await notes(daemon, id), /training waited for .*is a disk not mounted/);
  await daemon.stop();
});

test('a folder of known sets is not there at a start: a job waits for it', async () => {
  const { sets, set } = linkedSets();
  const daemon = await Daemon.start({ args: ['--datasets', sets] });
  const id = await create(daemon, { epochs: 1000 });
  await until(daemon, id, ({ progress }) => progress.step > 0, 'a step');
  await daemon.leave();
  renameSync(set, `${set}.away`);
  await daemon.launch();
  const job = await until(daemon, id, (one) => one.warning || ended(one), 'the warning');
  assert.match(job.warning ?? JSON.stringify(job.error), /the data set fashion_mnist is not there, nor any other: is a disk not mounted\?/);
  renameSync(`${set}.away`, set);
  await until(daemon, id, (one) => !one.warning && one.progress.step > job.progress.step, 'more steps');
  await daemon.stop();
  rmSync(sets, { recursive: true });
});

test('jobs/ goes while they run: they go on once it is back', async () => {
  const daemon = await Daemon.start();
  const id = await create(daemon, { epochs: 1000 });
  await until(daemon, id, ({ progress }) => progress.step > 30, 'step 30');
  takeAway(daemon, 'jobs');
  const job = await until(daemon, id, ({ warning }) => warning, 'the warning');
  // Whichever of its files it was just about to write.
  assert.match(job.warning, /job_1\/\S+: No such file or directory$/);
  // It stays through some tries, of which there are four a second.
  for (const end = Date.now() + 2000; Date.now() < end;) assert.ok((await until(daemon, id, () => true)).warning, 'it goes on');
  bringBack(daemon, 'jobs');
  await until(daemon, id, (one) => !one.warning && one.progress.step > job.progress.step, 'more steps');
  await daemon.stop();
});

test('an evaluation waits for the files of its job, and for pictures, while the disk that they are on is away', async () => {
  const { sets, set } = linkedSets();
  const daemon = await Daemon.start({ args: ['--datasets', sets] });
  const id = await create(daemon, { evaluate: false });
  await until(daemon, id, ended, 'the end');
  const begin = async () => `/v1/evaluations/${(await ask(daemon, 'POST', '/v1/evaluations', { job: id, limit: 20 })).json.id}`;
  takeAway(daemon, 'jobs');
  const [first, second] = [await begin(), await begin()];
  await comesTo(daemon, first, 'running');
  await daemon.said(/event=evaluation_waits .*is a disk not mounted\?/);
  // One that waits can be cancelled, and the next one waits as well.
  assert.equal((await ask(daemon, 'POST', `${first}/cancel`)).status, 200);
  await comesTo(daemon, second, 'running');
  renameSync(set, `${set}.away`);
  bringBack(daemon, 'jobs');
  await stays(daemon, second, 'running');
  renameSync(`${set}.away`, set);
  await comesTo(daemon, second, 'succeeded');
  await daemon.stop();
  rmSync(sets, { recursive: true });
});

test('jobs/: a job that begins waits as one that evaluates, and neither spoils it for the other', async () => {
  const daemon = await Daemon.start();
  const first = await create(daemon, { epochs: 1, evaluate: false });
  await until(daemon, first, ended, 'the end');
  assert.equal((await ask(daemon, 'POST', '/v1/models', { name: 'shirts', job: first })).status, 201);
  takeAway(daemon, 'jobs');
  const { json: evaluation } = await ask(daemon, 'POST', '/v1/evaluations', { job: first, limit: 20 });
  await daemon.said(/event=evaluation_waits .*is a disk not mounted\?/);
  const second = await create(daemon, { epochs: 1, evaluate: false });
  const job = await until(daemon, second, (one) => one.warning || ended(one), 'the warning');
  assert.match(job.warning ?? JSON.stringify(job.error),
    /jobs has no folder of any of the jobs that have files: is a disk not mounted\? If they were removed by hand, delete those jobs as well/);
  await stays(daemon, `/v1/evaluations/${evaluation.id}`, 'running');
  // Nor does one begin whose first weights would lie there.
  const { status, json } = await ask(daemon, 'POST', '/v1/jobs', { ...job.settings, init_from: { model: 'shirts' } });
  assert.equal(status, 503, JSON.stringify(json));
  bringBack(daemon, 'jobs');
  await comesTo(daemon, `/v1/evaluations/${evaluation.id}`, 'succeeded');
  assert.equal((await until(daemon, second, ended, 'the end')).status, 'succeeded');
  await daemon.stop();
});

test('jobs/ that somebody emptied: once those jobs are deleted the others go on', async () => {
  const daemon = await Daemon.start();
  const first = await create(daemon, { epochs: 1, evaluate: false });
  await until(daemon, first, ended, 'the end');
  takeAway(daemon, 'jobs');
  const second = await create(daemon, { epochs: 1, evaluate: false });
  await until(daemon, second, ({ warning }) => warning, 'the warning');
  assert.equal((await ask(daemon, 'DELETE', `/v1/jobs/${first}`)).status, 204);
  assert.equal((await until(daemon, second, ended, 'the end')).status, 'succeeded');
  await daemon.stop();
});

test('what is deleted while its disk is away goes from there once it is back, and is not found as lost', async () => {
  const daemon = await Daemon.start();
  const of = (name) => readdirSync(join(daemon.data, name));
  const set = await readySet(daemon, 'one');
  const id = await create(daemon, { epochs: 1, evaluate: false });
  await until(daemon, id, ended, 'the end');
  for (const name of ['shirts', 'shirts', 'coats'])
    assert.equal((await ask(daemon, 'POST', '/v1/models', { name, job: id })).status, 201);
  for (const name of ['jobs', 'datasets', 'models']) takeAway(daemon, name);
  for (const path of [`/v1/jobs/${id}`, set, '/v1/models/shirts/versions/2', '/v1/models/coats']) {
    assert.equal((await ask(daemon, 'DELETE', path)).status, 204, path);
    assert.equal((await ask(daemon, 'GET', path)).status, 404, path);
  }
  for (const what of ['job', 'dataset', 'model'])
    await daemon.said(new RegExp(`event=files_away ${what}=1 error=".*: is a disk not mounted\\?`));
  // Also where the daemon starts meanwhile.
  await daemon.leave();
  await daemon.launch();
  assert.equal((await ask(daemon, 'GET', `/v1/jobs/${id}`)).status, 404);
  bringBack(daemon, 'jobs');
  await happens('the files of the job are gone', () => of('jobs').length === 0);
  await daemon.leave();
  for (const name of ['datasets', 'models']) bringBack(daemon, name);
  assert.deepEqual([of('datasets'), of('models').sort()], [['set_1'], ['model_1', 'model_2']]);
  await daemon.launch();
  assert.deepEqual([of('datasets'), of('models'), of('models/model_1')], [[], ['model_1'], ['1.safetensors']]);
  assert.ok(!existsSync(join(daemon.data, 'lost+found')));
  await daemon.stop();
});

test('models/: an evaluation of a version waits, new versions are refused for now', async () => {
  const daemon = await Daemon.start();
  const id = await create(daemon, { epochs: 1, evaluate: false });
  await until(daemon, id, ended, 'the end');
  const register = (name) => ask(daemon, 'POST', '/v1/models', { name, job: id });
  assert.equal((await register('shirts')).status, 201);
  takeAway(daemon, 'models');
  const { json: evaluation } = await ask(daemon, 'POST', '/v1/evaluations', { model: 'shirts@1', limit: 20 });
  await daemon.said(/event=evaluation_waits .*is a disk not mounted\?/);
  await stays(daemon, `/v1/evaluations/${evaluation.id}`, 'running');
  for (const name of ['shirts', 'others']) {
    const { status, json } = await register(name);
    assert.equal(status, 503, JSON.stringify(json));
    assert.match(json.detail, /models has no folder of any of the models that have files: is a disk not mounted\?/);
  }
  bringBack(daemon, 'models');
  await comesTo(daemon, `/v1/evaluations/${evaluation.id}`, 'succeeded');
  assert.equal((await register('shirts')).json.version, 2);
  await daemon.stop();
});

test('datasets/: content is refused for now, an import from an upload waits', async () => {
  const daemon = await Daemon.start();
  await readySet(daemon, 'one');
  takeAway(daemon, 'datasets');
  const two = await newSet(daemon, 'two');
  const { status, json } = await bring(daemon, two, few);
  assert.equal(status, 503, JSON.stringify(json));
  assert.match(json.detail, /datasets has no folder of any of the data sets that have files: is a disk not mounted\?/);
  const three = await newSet(daemon, 'three', { source: { upload: await uploaded(daemon, few) } });
  await daemon.said(/event=import_waits .*is a disk not mounted\?/);
  await stays(daemon, three, 'importing');
  bringBack(daemon, 'datasets');
  await comesTo(daemon, three, 'ready');
  assert.equal((await bring(daemon, two, few)).status, 202);
  await comesTo(daemon, two, 'ready');
  await daemon.stop();
});

test('datasets/ is not there at a start: archives that were to be imported are, once it is back', async () => {
  const daemon = await Daemon.start();
  const large = await newSet(daemon, 'large');
  assert.equal((await bring(daemon, large, many)).status, 202);
  const content = await newSet(daemon, 'content');
  assert.equal((await bring(daemon, content, few)).status, 202);
  const upload = await newSet(daemon, 'upload', { source: { upload: await uploaded(daemon, few) } });
  daemon.process.kill('SIGKILL');
  await daemon.ended;
  // As where that came between the last byte of the pixels and the row that says so.
  const pixels = join(daemon.data, 'datasets', content.split('/').at(-1), 'pixels');
  mkdirSync(pixels, { recursive: true });
  writeFileSync(join(pixels, 'set.index'), 'x');
  takeAway(daemon, 'datasets');
  await daemon.launch();
  await daemon.said(/event=import_waits .*is a disk not mounted\?/);
  await stays(daemon, content, 'importing');
  // Also where the daemon ends meanwhile.
  await daemon.leave();
  await daemon.launch();
  await stays(daemon, content, 'importing');
  bringBack(daemon, 'datasets');
  for (const path of [large, content, upload]) await comesTo(daemon, path, 'ready');
  await daemon.stop();
});

test('an archive that alone was not there is imported at a later start that finds it', async () => {
  const daemon = await Daemon.start();
  const one = await readySet(daemon, 'one');
  const large = await newSet(daemon, 'large');
  assert.equal((await bring(daemon, large, many)).status, 202);
  const two = await newSet(daemon, 'two', { source: { upload: await uploaded(daemon, few) } });
  daemon.process.kill('SIGKILL');
  await daemon.ended;
  const folder = join(daemon.data, 'datasets', two.split('/').at(-1));
  renameSync(folder, `${daemon.data}/aside`);
  await daemon.launch();
  await happens('it has failed', async () => (await ask(daemon, 'GET', two)).json.status === 'failed');
  assert.equal((await ask(daemon, 'GET', two)).json.error.code, 'source_missing');
  await daemon.leave();
  rmSync(folder, { recursive: true, force: true });
  renameSync(`${daemon.data}/aside`, folder);
  await daemon.launch();
  await comesTo(daemon, two, 'ready');
  assert.deepEqual((await ask(daemon, 'GET', two)).json.error, null);
  assert.equal((await ask(daemon, 'GET', one)).json.status, 'ready');
  await daemon.stop();
});

test('uploads/: new ones are refused for now', async () => {
  const daemon = await Daemon.start();
  const bytes = few, upload = await uploaded(daemon, bytes);
  takeAway(daemon, 'uploads');
  const { status, json } = await beginUpload(daemon, 10);
  assert.equal(status, 503);
  assert.match(json.detail, /uploads has none of the files of the uploads that there are: is a disk not mounted\?/);
  bringBack(daemon, 'uploads');
  assert.equal((await beginUpload(daemon, 10)).status, 201);
  await comesTo(daemon, await newSet(daemon, 'one', { source: { upload } }), 'ready');
  await daemon.stop();
});

test('datasets/ is on another disk than uploads/: content gets there', async (t) => {
  const daemon = await Daemon.start();
  const other = ['/dev/shm', '/var/tmp', process.cwd()].find((path) => existsSync(path) && statSync(path).dev !== statSync(daemon.data).dev);
  if (!other) {
    await daemon.stop();
    return t.skip('there is one disk only');
  }
  await daemon.leave();
  const sets = mkdtempSync(join(other, 'datasets-'));
  rmdirSync(join(daemon.data, 'datasets'));
  symlinkSync(sets, join(daemon.data, 'datasets'));
  await daemon.launch();
  const one = await readySet(daemon, 'one');
  const two = await newSet(daemon, 'two', { source: { upload: await uploaded(daemon, few) } });
  await comesTo(daemon, two, 'ready');
  assert.deepEqual(readdirSync(join(sets, one.split('/').at(-1))), ['pixels']);
  assert.deepEqual(readdirSync(join(daemon.data, 'uploads')), []);
  await daemon.stop();
  rmSync(sets, { recursive: true });
});
