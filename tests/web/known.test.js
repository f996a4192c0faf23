// What the page knows of the daemon's things, without a browser: answers come late, and in any order with events.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { load } from './modules.js';

const asked = [];  // requests that have no answer yet: {path, answer(status, body)}
globalThis.sessionStorage = { getItem: () => null, setItem() {} };
globalThis.BroadcastChannel = class extends EventTarget { postMessage() {} };
globalThis.fetch = (path) => new Promise((resolve) => {
  const answer = (status, body) => resolve(new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } }));
  asked.push({ path: String(path), answer });
});

const { State } = await load('known/state.js');

/** The next request for what `path` begins with. */
async function request(path) {
  for (;;) {
    const at = asked.findIndex((one) => one.path.startsWith(path));
    if (at >= 0) return asked.splice(at, 1)[0];
    await sleep(5);
  }
}
/** Until the page has taken what it was answered. */
const settled = async () => { for (let i = 0; i < 20; i++) await turn(); };
const none = { data: [], has_more: false, last_id: null };
const job = (id, more = {}) => ({ id, name: '', status: 'stopped', settings: {}, progress: { step: 1 }, ...more });
const event = (type, id, data = {}) => ({ id: 1, type, job_id: id, data });

async function started(jobs, older = false) {
  const state = new State(() => {});
  const read = state.resync();
  (await request('v1/jobs?')).answer(200, { data: jobs, has_more: older, last_id: jobs.at(-1)?.id });
  (await request('v1/system')).answer(200, { access: 'write' });
  if (older) (await request('v1/jobs?status=')).answer(200, none);
  assert.equal(await read, true);
  return state;
}

test('a run that is deleted while it is read stays gone', { timeout: 60000 }, async () => {
  const state = await started([job('job_1'), job('job_2')]);
  state.apply(event('updated', 'job_1'));
  const late = await request('v1/jobs/job_1');
  state.apply(event('deleted', 'job_1'));
  late.answer(200, job('job_1'));
  await settled();
  assert.deepEqual([state.jobs.has('job_1'), state.jobs.missing.has('job_1')], [false, true]);
  // Another store may have one of that name: who asks for it is told.
  state.jobs.wantOne('job_1');
  (await request('v1/jobs/job_1')).answer(200, job('job_1', { name: 'another' }));
  await settled();
  assert.deepEqual([state.jobs.get('job_1')?.name, state.jobs.missing.has('job_1')], ['another', false]);
});

test('a run that is deleted while older ones are read leaves the list', { timeout: 60000 }, async () => {
  const state = await started([job('job_2')], true);
  state.jobs.loadOlder();
  const late = await request('v1/jobs?');
  state.apply(event('deleted', 'job_1'));
  late.answer(200, { ...none, data: [job('job_1')], last_id: 'job_1' });
  (await request('v1/jobs/job_1')).answer(404, { status: 404 });
  await settled();
  assert.deepEqual(state.jobs.values().map(({ id }) => id), ['job_2']);
});

test('a run that is looked at is read again, however many others something happens to', { timeout: 60000 }, async () => {
  const many = Array.from({ length: 60 }, (_, i) => job(`job_${i + 2}`));
  const state = await started(many, true);
  state.watch('job_1');
  const answers = { 'v1/jobs/job_1/curve': { step: [], epoch: [], has_more: false }, 'v1/jobs/job_1/epochs': none };
  for (const [path, body] of Object.entries(answers)) (await request(path)).answer(200, body);
  (await request('v1/jobs/job_1')).answer(200, job('job_1'));
  await settled();
  for (const { id } of [...many, job('job_1')]) state.apply(event('updated', id));
  (await request('v1/jobs?limit')).answer(200, { data: many, has_more: true, last_id: 'job_61' });
  (await request('v1/jobs?status=')).answer(200, none);
  (await request('v1/jobs/job_1')).answer(200, job('job_1', { name: 'another' }));
  await settled();
  assert.equal(state.jobs.get('job_1').name, 'another');
});

test('runs that could not be read are read again: the list, one of them, its series', { timeout: 60000 }, async () => {
  const state = new State(() => {});
  const read = state.resync();
  (await request('v1/jobs?')).answer(503, { status: 503, detail: 'busy' });
  (await request('v1/system')).answer(503, { status: 503 });
  assert.equal(await read, false);
  assert.equal(state.error, 'busy');
  state.refreshActive();
  (await request('v1/jobs?')).answer(200, { ...none, data: [job('job_1')], last_id: 'job_1' });
  (await request('v1/system')).answer(200, { access: 'read' });
  await settled();
  assert.deepEqual([state.error, state.jobs.loaded, state.mayWrite], [null, true, false]);
  state.watch('job_1');
  state.apply(event('updated', 'job_1'));
  for (const path of ['v1/jobs/job_1/curve', 'v1/jobs/job_1/epochs', 'v1/jobs/job_1']) (await request(path)).answer(503, { status: 503 });
  await settled();
  state.refreshActive();
  (await request('v1/jobs/job_1/curve')).answer(200, { step: [1], epoch: [1], loss: [2], accuracy: [0], learning_rate: [0], seconds: [1], has_more: false });
  (await request('v1/jobs/job_1/epochs')).answer(200, none);
  (await request('v1/jobs/job_1')).answer(200, job('job_1', { name: 'another' }));
  await settled();
  assert.deepEqual([state.series.get('job_1').ready, state.series.get('job_1').curve.step, state.jobs.get('job_1').name], [true, [1], 'another']);
});

test('a data set and a model that are deleted while they are read stay gone; what could not be read is read again', { timeout: 60000 }, async () => {
  const state = await started([]);
  const sets = { known: state.sets, list: 'v1/datasets?', one: 'v1/datasets/set_1', item: { id: 'set_1', status: 'ready' }, key: 'set_1',
    tell: (status) => ({ type: 'dataset', job_id: null, data: { dataset_id: 'set_1', status, previous: 'importing' } }), changed: 'ready' };
  const models = { known: state.models, list: 'v1/models?', one: 'v1/models/cats', item: { id: 'model_1', name: 'cats', versions: [] }, key: 'cats',
    tell: (action) => ({ type: 'model', job_id: null, data: { model_id: 'model_1', name: 'cats', action } }), changed: 'updated' };
  for (const { known, list, one, item, key, tell, changed } of [sets, models]) {
    known.want();
    (await request(list)).answer(200, { ...none, data: [item] });
    await settled();
    assert.ok(known.get(key));
    state.apply(tell(changed));
    (await request(one)).answer(503, { status: 503 });
    await settled();
    known.refreshActive();
    const late = await request(one);
    state.apply(tell('deleted'));
    late.answer(200, item);
    await settled();
    assert.deepEqual([known.get(key), known.missing.has(key)], [undefined, true], one);
  }
  // The name may be another model's by now.
  (await request('v1/models/cats')).answer(200, { id: 'model_2', name: 'cats', versions: [] });
  await settled();
  assert.equal(state.models.get('cats').id, 'model_2');
});

const columns = (...step) => ({ step, has_more: false, ...Object.fromEntries(['epoch', 'loss', 'accuracy', 'learning_rate', 'seconds'].map((name) => [name, step])) });
const epochs = (...all) => ({ ...none, data: all.map((epoch) => ({ epoch })) });

test('what a run took back while nobody listened leaves its curve', { timeout: 60000 }, async () => {
  const state = await started([job('job_1')]);
  const answers = async (curve, rows) => {
    (await request('v1/jobs/job_1/curve')).answer(200, curve);
    (await request('v1/jobs/job_1/epochs')).answer(200, rows);
    await settled();
  };
  const shown = () => {
    const { curve, epochs: rows, ready } = state.series.get('job_1');
    return { step: curve.step, epochs: rows.map(({ epoch }) => epoch), ready };
  };
  state.watch('job_1');
  await answers(columns(1, 2, 3, 4, 5, 6), epochs(1, 2));
  // A point that comes while the answer is under way is newer than the answer, and stays.
  const read = state.series.read();
  state.apply(event('point', 'job_1', { step: 7 }));
  await answers(columns(1, 2, 3, 4, 5, 6), epochs(1, 2));
  await read;
  assert.deepEqual(shown(), { step: [1, 2, 3, 4, 5, 6, 7], epochs: [1, 2], ready: true });
  // It went on from step 3: steps and an epoch are gone; then only the epoch, which ended behind the last step.
  for (const steps of [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7]]) {
    state.series.unwatch('job_1');
    state.watch('job_1');
    await answers(columns(1, 2, 3, 4, 5, 6, 7), epochs(1, 2));
    const again = state.series.read();
    await answers(columns(...steps), epochs(1));
    await again;
    assert.deepEqual(shown(), { step: [], epochs: [], ready: false });
    await answers(columns(...steps), epochs(1));
    assert.deepEqual(shown(), { step: steps, epochs: [1], ready: true });
    state.apply(event('point', 'job_1', { step: 8 }));
    state.apply(event('epoch', 'job_1', { epoch: 2 }));
    assert.deepEqual(shown(), { step: [...steps, 8], epochs: [1, 2], ready: true });
  }
});

test('what happened to a run is not kept once nobody looks', { timeout: 60000 }, async () => {
  const state = await started([job('job_1')]);
  state.series.watchEvents('job_1');
  const late = await request('v1/jobs/job_1/events');
  state.series.unwatch('job_1');
  late.answer(200, { ...none, data: [{ id: 1, type: 'created' }] });
  await settled();
  assert.deepEqual([[...state.series.ids], state.series.history('job_1')], [[], []]);
});

test('a late answer to an older read of the list is left', { timeout: 60000 }, async () => {
  const state = await started([]);
  state.sets.want();
  const older = await request('v1/datasets?');
  const read = state.sets.read();
  (await request('v1/datasets?')).answer(200, { ...none, data: [{ id: 'set_2', status: 'ready' }] });
  await read;
  older.answer(200, { ...none, data: [{ id: 'set_1', status: 'ready' }] });
  await settled();
  assert.deepEqual(state.sets.values().map(({ id }) => id), ['set_2']);
  // Nor does the failure of an older one say anything of what is known.
  const failing = state.sets.read(), failure = await request('v1/datasets?');
  const next = state.sets.read();
  (await request('v1/datasets?')).answer(200, { ...none, data: [{ id: 'set_3', status: 'ready' }] });
  await next;
  failure.answer(503, { status: 503, detail: 'busy' });
  await failing;
  assert.deepEqual([state.sets.error, state.sets.values().map(({ id }) => id)], [null, ['set_3']]);
});

test('on a slow line reads do not pile up', { timeout: 60000 }, async () => {
  await settled();
  asked.length = 0;  // what the cases before it left
  const state = new State(() => {});
  const read = state.resync();
  const list = await request('v1/jobs?'), system = await request('v1/system');
  for (let i = 0; i < 3; i++) state.refreshActive();
  await settled();
  assert.deepEqual(asked.map(({ path }) => path), []);
  list.answer(503, { status: 503, detail: 'busy' });
  system.answer(503, { status: 503 });
  assert.equal(await read, false);
  for (let i = 0; i < 3; i++) state.refreshActive();
  await settled();
  assert.deepEqual(asked.splice(0).map(({ path }) => path.split('?')[0]).sort(), ['v1/jobs', 'v1/system']);
});

const evaluation = (id, more = {}) => ({ id, name: '', status: 'succeeded', model: null, metadata: {}, progress: { done: 1, total: 1 }, ...more });
/** A model of so many versions, the newest first; the figures of version n come from eval_n. */
const model = (count, id = 'model_1') => ({ id, name: 'cats', versions: Array.from({ length: count }, (_, i) => ({ version: count - i, evaluation: { id: `eval_${count - i}` } })) });
const list = (...data) => ({ ...none, data });

/** A state that looks at the model cats, of which the daemon has listed these. */
async function looking(changed, ...listed) {
  await settled();
  asked.length = 0;  // what the cases before it left
  const state = new State(() => changed?.(state));
  state.evaluations.watch('cats');
  (await request('v1/evaluations?')).answer(200, list(...listed));
  await settled();
  return state;
}

test('the figures of a model of many versions are read one by one, not the list again and again', { timeout: 60000 }, async () => {
  const many = model(41), wanted = many.versions.slice(0, 30).map((v) => v.evaluation.id);
  const state = await looking(({ evaluations }) => evaluations.loaded && evaluations.wantFigures(many));
  const read = new Set();
  // What was asked for again while its answer was under way comes once more, a second later.
  for (let quiet = 0; quiet < 1500; quiet = asked.length ? 0 : quiet + 50) {
    for (const { path, answer } of asked.splice(0).filter((one) => one.path.startsWith('v1/evaluations'))) {
      const id = path.split('/')[2];
      assert.ok(id, `the list is read again: ${path}`);
      read.add(id);
      answer(200, evaluation(id));
    }
    await sleep(50);
  }
  assert.deepEqual([...read], wanted);
  assert.deepEqual(state.evaluations.all.map(({ id }) => id), wanted);
});

const happened = (id, data = {}) => ({ type: 'evaluation', job_id: null, data: { evaluation_id: id, name: '', model: null, status: 'running', previous: 'running', progress: { done: 1, total: 9 }, ...data } });

test('what is read of one model does not come into the list of the next', { timeout: 60000 }, async () => {
  const of = (name) => ({ model: { name, version: 1 } });
  const state = await looking(null), { evaluations } = state;
  const ids = () => evaluations.all.map(({ id }) => id);
  // Four are under way, the fifth waits.
  for (let i = 1; i <= 5; i++) state.apply(happened(`eval_${i}`, { model: 'cats', status: 'queued', previous: null }));
  const late = [];
  for (let i = 1; i <= 4; i++) late.push(await request('v1/evaluations/'));
  evaluations.watch('dogs');
  (await request('v1/evaluations?')).answer(200, list(evaluation('eval_9', of('dogs'))));
  late.forEach(({ answer }, i) => answer(200, evaluation(`eval_${i + 1}`, of('cats'))));
  await settled();
  await sleep(50);
  assert.deepEqual([ids(), asked.map(({ path }) => path)], [['eval_9'], []]);
  // Its own come, and single ones.
  state.apply(happened('eval_10', { model: 'dogs', status: 'queued', previous: null }));
  (await request('v1/evaluations/eval_10')).answer(200, evaluation('eval_10', of('dogs')));
  evaluations.wantOne('eval_8');
  (await request('v1/evaluations/eval_8')).answer(200, evaluation('eval_8'));
  await settled();
  assert.deepEqual(ids(), ['eval_10', 'eval_9', 'eval_8']);
});

test('what events tell of an evaluation and of a data set is not asked for', { timeout: 60000 }, async () => {
  const of = { model: { name: 'cats', version: 1 } };
  const state = await looking(null, evaluation('eval_1', { ...of, status: 'running' }));
  state.sets.want();
  (await request('v1/datasets?')).answer(200, list({ id: 'set_1', name: 'in spring', metadata: {}, status: 'importing', progress: { done: 0, total: 9 } }));
  await settled();
  asked.length = 0;
  const told = { name: 'in spring', metadata: { ticket: '42' } };
  const set = (data) => state.apply({ type: 'dataset', job_id: null, data: { dataset_id: 'set_1', status: 'importing', previous: 'importing', ...data } });
  for (let done = 1; done <= 8; done++) {
    state.apply(happened('eval_1', { ...told, model: 'cats', progress: { done, total: 9 } }));
    set({ ...told, progress: { done, total: 9 } });
  }
  // A change of metadata says nothing of progress.
  state.apply(happened('eval_1', { ...told, model: 'cats', metadata: {}, progress: { done: 0, total: 0 } }));
  set({ ...told, metadata: {}, progress: { done: 0, total: 0 } });
  await settled();
  await sleep(1500);  // after which it would be asked for
  assert.deepEqual(asked.map(({ path }) => path), []);
  for (const item of [state.evaluations.get('eval_1'), state.sets.get('set_1')])
    assert.deepEqual([item.name, item.metadata, item.progress], ['in spring', {}, { done: 8, total: 9 }]);
  // What it has found is read, once.
  state.apply(happened('eval_1', { ...told, model: 'cats', status: 'succeeded', previous: 'running' }));
  (await request('v1/evaluations/eval_1')).answer(200, evaluation('eval_1', of));
  await settled();
  assert.equal(state.evaluations.get('eval_1').status, 'succeeded');
});

test('a single evaluation is read again with the list, which does not hold it', { timeout: 60000 }, async () => {
  const state = await looking(null), { evaluations } = state;
  for (const id of ['eval_1', 'eval_2']) {
    evaluations.wantOne(id);
    (await request(`v1/evaluations/${id}`)).answer(200, evaluation(id, { status: 'running' }));
    await settled();
  }
  // While nobody looked, one ended and one was deleted.
  evaluations.pause();
  evaluations.read();
  (await request('v1/evaluations?')).answer(200, list());
  (await request('v1/evaluations/eval_1')).answer(200, evaluation('eval_1'));
  (await request('v1/evaluations/eval_2')).answer(404, { status: 404 });
  await settled();
  assert.deepEqual(evaluations.all.map(({ id, status }) => [id, status]), [['eval_1', 'succeeded']]);
});

test('a model that was made again under its name has other evaluations', { timeout: 60000 }, async () => {
  const of = { model: { name: 'cats', version: 1 } };
  const { evaluations } = await looking(null, evaluation('eval_1', of));
  evaluations.wantFigures(model(0));
  evaluations.wantFigures(model(0));
  await settled();
  assert.deepEqual([evaluations.all.map(({ id }) => id), asked.length], [['eval_1'], 0]);
  evaluations.wantFigures(model(0, 'model_2'));
  assert.deepEqual([evaluations.all, evaluations.loaded], [[], false]);
  (await request('v1/evaluations?')).answer(200, list(evaluation('eval_2', of)));
  await settled();
  evaluations.wantFigures(model(0, 'model_2'));
  assert.deepEqual([evaluations.all.map(({ id }) => id), asked.length], [['eval_2'], 0]);
});

test('an event of an earlier version, which left metadata out, has the evaluation read', { timeout: 60000 }, async () => {
  const running = evaluation('eval_1', { status: 'running', model: { name: 'cats', version: 1 }, progress: { done: 3, total: 9 } });
  const state = await looking(null, running), { evaluations } = state;
  const progress = { done: 4, total: 9 }, metadata = { why: 'to compare' };
  state.apply(happened('eval_1', { model: 'cats', progress }));
  (await request('v1/evaluations/eval_1')).answer(200, { ...running, progress, metadata });
  await settled();
  assert.deepEqual(evaluations.get('eval_1').metadata, metadata);
});
