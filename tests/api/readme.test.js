// Every curl of the README's "The API by example", "Your own pictures" and "Models", in order, against a real daemon.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from './client.js';
import { Daemon, until } from './daemon.js';
import { makePictures } from './pictures.js';

let daemon, client, folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'readme-'));
  makePictures(join(folder, 'flowers'), 10, { rose: [220, 30, 60], tulip: [240, 200, 40] });
  execFileSync('tar', ['cf', join(folder, 'flowers.tar'), '-C', join(folder, 'flowers'), '.']);
  daemon = await Daemon.start();
  client = new Client(daemon.url);
});
after(async () => {
  await daemon.stop();
  await rm(folder, { recursive: true });
});

// [{ language, text }]: the code blocks of the section.
async function blocks() {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const section = ['The API by example', 'Your own pictures', 'Models', 'Predictions'].map((title) => readme.split(`\n## ${title}\n`)[1].split('\n## ')[0]).join('\n');
  return [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text]) => ({ language, text }));
}

const statements = (text) => text.replaceAll(/\\\n/g, ' ').split('\n').filter((line) => line.trim());

// Runs a line as it stands, but for the address, and for streams, which would go on for ever. Resolves
// to the status of its last answer and what it printed.
async function run(line, seconds = 2) {
  if (line.includes('"JOB"')) line = line.replace('JOB', await lastJob());
  const curl = `curl() { command curl -sS --max-time ${line.includes('-N') ? seconds : 60} -w '\\n%{http_code}' "$@"; }`;
  const script = `api=${daemon.url}\n${curl}\n${line.startsWith('api=') ? '' : line}`;
  return new Promise((resolve) => {
    execFile('bash', ['-c', script], { cwd: folder, maxBuffer: 64 << 20 }, (error, out, err) => {
      const [, text, status] = out.match(/^(.*?)\n?(\d{3})?$/s);
      resolve({ code: error?.code ?? 0, text, status: Number(status), err });
    });
  });
}

const lastJob = async () => (await client.get('/v1/jobs?dataset=flowers&status=succeeded')).json.data[0].id;
const job = () => client.job('job_1');
// Jobs of other lines would go on for hours, and they come first.
async function trained() {
  const active = (await client.get('/v1/jobs?status=queued,running')).json.data;
  for (const { id, dataset } of active) if (dataset.name !== 'flowers') await client.post(`/v1/jobs/${id}/stop`);
  return !active.some(({ dataset }) => dataset.name === 'flowers');
}
// What must have happened before a line can work.
const WAITS = [
  [/\/checkpoint$/, 'the start', async () => (await job()).status === 'running'],
  [/\/resume$/, 'the stop', async () => (await job()).status === 'stopped'],
  [/checkpoints\/best/, 'the best checkpoint', async () => (await job()).best?.checkpoint],
  [/DELETE.*jobs/, 'the end', async () => ['stopped', 'succeeded'].includes((await job()).status)],
  [/flowers(\/(report|pictures)|\S*\s+#|", "network)/, 'the import', async () => (await client.get('/v1/datasets/flowers')).json.status !== 'importing'],
  [/DELETE.*datasets/, 'the training', trained],
  [/evaluations/, 'the training', trained],
  [/evaluations\/eval_1/, 'the evaluation', async () => (await client.get('/v1/evaluations/eval_1')).json.status === 'succeeded'],
];

test('the curls of the README do what it says', { timeout: 840000 }, async () => {
  let refusal;
  let count = 0;
  for (const { language, text } of await blocks()) {
    if (language === 'json') {
      // The one answer that is shown.
      const shown = JSON.parse(text);
      assert.deepEqual({ ...refusal, request_id: shown.request_id }, shown);
      continue;
    }
    for (const line of statements(text)) {
      const bare = line.replace(/\s+#.*$/, '');
      for (const [pattern, what, probe] of WAITS) if (pattern.test(bare)) await until(what, probe);
      // A download that was broken off.
      if (bare.includes('-C -')) await truncate(join(folder, 'model.safetensors'), 1000);
      let answer = await run(bare);
      // A stream whose first line has not come in that time is given more.
      for (let seconds = 4; bare.includes('-N') && !answer.text && seconds <= 64; seconds *= 2) answer = await run(bare, seconds);
      const { code, text: out, status, err } = answer;
      const said = `${line}\n${status} ${out.slice(0, 400)} ${err}`;
      count++;
      if (bare.startsWith('api=')) continue;
      if (bare.includes('"batch_size": 0')) {
        assert.equal(status, 400, said);
        refusal = JSON.parse(out);
        continue;
      }
      assert.ok(status >= 200 && status < 300, said);
      // 28: the time was up, as it must be for a stream.
      assert.equal(code, bare.includes('-N') ? 28 : 0, said);
      if (bare.includes('-N')) assert.match(out, /^id: /m, said);
    }
  }
  assert.ok(count > 25, `${count} lines`);
  assert.ok((await stat(join(folder, 'model.safetensors'))).size > 1000);
  await client.get('/v1/jobs/job_1', { status: 404 });
});

test('the README names all that a backup needs', async () => {
  const paragraph = (await readFile(new URL('../../README.md', import.meta.url), 'utf8')).match(/^\*\*Backup\.\*\* .*?\n\n/ms)[0];
  const names = (await readdir(daemon.data)).filter((name) => !/lock$|-wal$|-shm$/.test(name));
  assert.ok(names.includes('models') && names.includes('datasets'), `${names}`);
  assert.deepEqual(names.filter((name) => !paragraph.includes(`\`${name}`)), []);
});
