// A start that cannot succeed changes nothing and says why.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { until as happens } from '../api/daemon.js';
import { Daemon, ask, create, until } from './service.js';

// Every file below a folder, with what is in it.
function contents(folder) {
  const files = readdirSync(folder, { recursive: true }).sort();
  return files.map((name) => {
    const path = join(folder, name);
    return statSync(path).isFile() ? [name, createHash('sha256').update(readFileSync(path)).digest('hex')] : [name];
  });
}

async function settled() {
  const daemon = await Daemon.start();
  const id = await create(daemon, { epochs: 100000 });
  await until(daemon, id, (job) => job.progress.step > 5, 'step 5');
  assert.equal((await daemon.end()).code, 0);
  return { daemon, id };
}

test('where the port is taken, the data is not touched', { timeout: 600000 }, async () => {
  const { daemon, id } = await settled();
  const before = contents(daemon.data);
  const server = createServer();
  await new Promise((resolve) => server.listen(daemon.port, '127.0.0.1', resolve));
  // Its start must not be mistaken for one that answers.
  daemon.url = 'http://127.0.0.1:1';
  await assert.rejects(daemon.launch(), new RegExp(`googlenetd: listen on 127.0.0.1 port ${daemon.port}: Address already in use`));
  assert.equal((await daemon.ended).code, 1);
  assert.deepEqual(contents(daemon.data), before);
  server.close();
  daemon.url = `http://127.0.0.1:${daemon.port}`;
  await daemon.launch();
  const job = await until(daemon, id, ({ status }) => status === 'running', 'the next run');
  assert.equal(job.restart_count, 0);
  await daemon.stop();
});

test('a misspelt variable is told, and is no reason not to start', { timeout: 600000 }, async () => {
  const daemon = await Daemon.start({ environment: { GOOGLENETD_LIMIT_JOBS: '5', GOOGLENETD_SERVICE_PORT: '8080' } });
  await daemon.said(/level=warning event=unknown_variable variable=GOOGLENETD_LIMIT_JOBS did_you_mean=GOOGLENETD_LIMITS_JOBS/);
  assert.doesNotMatch(daemon.log, /GOOGLENETD_SERVICE_PORT/);
  await daemon.stop();
});

test('a folder of data sets that is not there is told, and is no reason not to start', { timeout: 600000 }, async () => {
  const daemon = await Daemon.start({ args: ['--datasets', '/no/such/folder'] });
  await daemon.said(/level=warning event=datasets_away folder=\/no\/such\/folder error="No such file or directory"/);
  await daemon.stop();
});

test('a descriptor to tell the address that nobody has opened is none of our files', { timeout: 600000 }, async () => {
  for (const fd of ['4', '5', '6', '7', '11'])
    await assert.rejects(Daemon.start({ args: ['--ready-fd', fd] }), new RegExp(`ready_fd ${fd} must be a descriptor that whoever starts the daemon has opened`));
  await assert.rejects(Daemon.start({ first: 'exec 9</dev/null', args: ['--ready-fd', '9'] }), /ready_fd 9 must be/);
  const told = join(mkdtempSync(join(tmpdir(), 'ready-')), 'address');
  const daemon = await Daemon.start({ first: `exec 9>"${told}"`, args: ['--ready-fd', '9'] });
  await happens('the address', () => readFileSync(told, 'utf8') === `127.0.0.1:${daemon.port}\n`);
  rmSync(dirname(told), { recursive: true });
  await daemon.stop();
});

test('where another daemon has the folder, it says so, and that one goes on', { timeout: 600000 }, async () => {
  const daemon = await Daemon.start();
  await assert.rejects(Daemon.start({ data: daemon.data }), /belongs to another running daemon/);
  assert.equal((await ask(daemon, 'GET', '/livez')).status, 200);
  await daemon.stop();
});

test('a client that comes while it starts is answered once it serves', { timeout: 600000 }, async () => {
  const { daemon } = await settled();
  const launched = daemon.launch();
  // Sent as soon as the port is bound, whether or not the jobs are open by then.
  for (;;) {
    const answer = await fetch(`${daemon.url}/v1/jobs`).catch(() => null);
    if (!answer) continue;
    assert.equal(answer.status, 200);
    break;
  }
  await launched;
  await daemon.stop();
});
