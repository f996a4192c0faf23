// Texts in the store that should be JSON and are no longer, as after bit rot or an edit by hand: the rows that they
// are in have a fault of their own, all others are answered, and the daemon starts and goes on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { until as happens } from '../api/daemon.js';
import { Daemon, ask, create, ended, settings, until } from './service.js';

const edit = (daemon, ...sql) => execFileSync('python3', ['-c', `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for sql in sys.argv[2:]:
    assert db.execute(sql).rowcount == 1, sql
db.commit()`, join(daemon.data, 'store.db'), ...sql]);

async function answers(daemon, path, status) {
  const answer = await ask(daemon, 'GET', path);
  assert.equal(answer.status, status, `${path}: ${JSON.stringify(answer.json)}`);
  return answer.json;
}

async function isRefused(daemon, path, row) {
  const { code, detail } = await answers(daemon, path, 500);
  assert.equal(code, 'row_damaged', path);
  assert.match(detail, row);
}

const idsOf = async (daemon, path) => (await answers(daemon, path, 200)).data.map(({ id, name }) => id ?? name);

test('a damaged text is the fault of its row alone, also at a start', async () => {
  const daemon = await Daemon.start();
  const short = { epochs: 1, evaluate: false };
  const [one, two] = [await create(daemon, short), await create(daemon, short)];
  for (const id of [one, two]) await until(daemon, id, ended, 'the end');
  for (const name of ['shirts', 'coats']) assert.equal((await ask(daemon, 'POST', '/v1/models', { name, job: two })).status, 201);
  assert.equal((await ask(daemon, 'POST', '/v1/models', { name: 'coats', job: two })).status, 201);
  const { json: { id: evaluation } } = await ask(daemon, 'POST', '/v1/evaluations', { job: two, limit: 20 });
  await happens('it has succeeded', async () => (await ask(daemon, 'GET', `/v1/evaluations/${evaluation}`)).json.status === 'succeeded');
  assert.equal((await ask(daemon, 'POST', '/v1/datasets', { name: 'own', image: { channels: 1, size: 28 } })).json.id, 'set_1');
  const events = (await answers(daemon, `/v1/jobs/${two}/events`, 200)).data;
  const long = await create(daemon, { epochs: 1000, evaluate: false });
  await until(daemon, long, ({ progress }) => progress.step > 30, 'step 30');
  daemon.process.kill('SIGKILL');
  await daemon.ended;

  edit(daemon, `UPDATE jobs SET settings = replace(settings, '"epochs":', '"epochs",') WHERE id = ${one.slice(4)}`,
    `UPDATE jobs SET settings = '{' WHERE id = ${long.slice(4)}`,
    `UPDATE events SET data = '{"step":' WHERE id = ${events[1].id}`,
    `UPDATE events SET data = 'x' WHERE id = (SELECT max(id) FROM events WHERE job_id = ${long.slice(4)} AND type = 'point')`,
    'UPDATE models SET metadata = \'{\' WHERE name = \'shirts\'',
    'UPDATE model_versions SET metrics = \'{"epoch":\' WHERE version = 2',
    'UPDATE datasets SET classes = \'{}\'',
    'UPDATE evaluation_figures SET figures = \'{]\'');
  await daemon.launch();

  await isRefused(daemon, `/v1/jobs/${one}`, /^row 1 of the table jobs is damaged in the store: settings: line 1, column \d+: expected a colon after the key$/);
  assert.deepEqual(await idsOf(daemon, '/v1/jobs'), [two]);
  assert.deepEqual(await idsOf(daemon, '/v1/jobs?network=googlenet_tiny'), [two]);
  const page = await answers(daemon, '/v1/jobs?limit=1', 200);
  assert.deepEqual([page.data, page.has_more, page.last_id], [[], true, long]);
  await daemon.said(/event=row_left_out error="row 1 of the table jobs is damaged in the store: settings: /);
  assert.equal((await ask(daemon, 'POST', '/v1/jobs?dry_run=true', settings)).status, 200);
  // What was measured is in other tables.
  assert.equal((await answers(daemon, `/v1/jobs/${one}/epochs`, 200)).data.length, 1);
  assert.equal((await answers(daemon, `/v1/jobs/${one}/checkpoints`, 200)).data.length, 1);
  assert.deepEqual((await answers(daemon, `/v1/jobs/${two}/events`, 200)).data, events.filter((_, i) => i !== 1));
  assert.equal((await ask(daemon, 'POST', `/v1/jobs/${one}/clone`)).json.code, 'row_damaged');

  await isRefused(daemon, '/v1/datasets/own', /^row 1 of the table datasets .*classes: this is no array$/);
  assert.ok(!(await idsOf(daemon, '/v1/datasets')).includes('set_1'));
  await isRefused(daemon, '/v1/models/shirts', /^row 1 of the table models /);
  assert.deepEqual(await idsOf(daemon, '/v1/models'), ['model_2']);
  assert.deepEqual((await answers(daemon, '/v1/models/coats', 200)).versions.map(({ version }) => version), [1]);
  assert.deepEqual((await answers(daemon, '/v1/models/coats/versions', 200)).data.map(({ version }) => version), [1]);
  await isRefused(daemon, '/v1/models/coats/versions/2', /^row 3 of the table model_versions .*metrics: /);
  await isRefused(daemon, `/v1/evaluations/${evaluation}`, /^row 1 of the table evaluation_figures .*figures: /);
  await isRefused(daemon, `/v1/evaluations/${evaluation}/confusion`, /^row 1 of the table evaluation_figures /);
  assert.deepEqual(await idsOf(daemon, '/v1/evaluations'), [evaluation]);

  // The one that ran cannot go on; the next one does, and the daemon is none the worse.
  await daemon.said(new RegExp(`event=job_status job=${long.slice(4)} status=failed`));
  const after = await create(daemon, short);
  assert.equal((await until(daemon, after, ended, 'the end')).status, 'succeeded');
  assert.equal((await ask(daemon, 'GET', '/readyz')).status, 200);

  // It can be steered: this one has ended, which is all that is said against it.
  assert.equal((await ask(daemon, 'POST', `/v1/jobs/${one}/stop`)).json.code, 'job_has_ended');

  // A text that is written anew is mended, and all can be deleted.
  assert.equal((await ask(daemon, 'PATCH', '/v1/models/shirts', { metadata: { who: 'me' } })).status, 200);
  assert.deepEqual((await answers(daemon, '/v1/models/shirts', 200)).metadata, { who: 'me' });
  for (const path of [`/v1/jobs/${one}`, `/v1/jobs/${long}`, '/v1/datasets/set_1', '/v1/models/coats/versions/2', `/v1/evaluations/${evaluation}`])
    assert.equal((await ask(daemon, 'DELETE', path)).status, 204, path);
  await daemon.stop();
});
