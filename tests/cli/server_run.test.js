// server/run and `googlenetd submit`: what the README's first command does once everything is installed and built.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Daemon } from "../api/daemon.js";
import { folder, TINY } from "./run.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const binary = process.env.GOOGLENETD ?? join(root, "build/server/googlenetd");

// A source tree in a folder with spaces in its name, installed and built: `cmake` has nothing to do there. Its job is
// a small one.
function tree(t) {
  const f = folder(t);
  const top = f.path("a tree of mine");
  for (const name of ["server", "config/jobs", "build/server", "bin"]) mkdirSync(join(top, name), { recursive: true });
  cpSync(join(root, "server/run"), join(top, "server/run"));
  symlinkSync(binary, join(top, "build/server/googlenetd"));
  writeFileSync(join(top, "build/build.ninja"), "");
  writeFileSync(join(top, "config/jobs/googlenet-fashion-mnist.json"), JSON.stringify({ ...TINY, epochs: 1 }));
  for (const name of ["config/install-deps", "bin/cmake"]) {
    writeFileSync(join(top, name), "#!/bin/sh\n");
    chmodSync(join(top, name), 0o755);
  }
  return { top, write: f.write, path: f.path };
}

// server/run in that tree: `said` resolves once it has told where to look, `ended` at its end.
function start(t, top, args, environment = {}) {
  const child = spawn(join(top, "server/run"), args, {
    cwd: "/",
    env: { ...process.env, PATH: `${join(top, "bin")}:${process.env.PATH}`, ...environment },
  });
  let err = "";
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, err })));
  const said = new Promise((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text) => {
      err += text;
      if (/API .*\n(.*\n)?\n/.test(err)) resolve({ url: err.match(/Dashboard +(http:\S+\/)\n/)[1], err });
    });
    ended.then(() => reject(new Error(`server/run said nothing: ${err}`)));
  });
  said.catch(() => {});
  // Not SIGKILL: the daemon is a child of the script, and would outlive it.
  t.after(() => child.exitCode === null && child.kill("SIGTERM"));
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  return { said, ended, stop };
}

async function jobs(url, token) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const answer = await fetch(`${url}v1/jobs`, { headers });
  assert.equal(answer.status, 200);
  return (await answer.json()).data;
}

const end = async (run) => {
  const { code, err } = await run.stop();
  assert.equal(code, 0, err);
};

for (const [name, args, environment] of [
  ["as it is", []],
  ["with a log in JSON", ["--log-format", "json"]],
  ["with a log that says nothing", ["--log-level", "error"]],
  ["on IPv6", ["--listen", "[::1]:0"]],
  ["by the environment", [], { GOOGLENETD_LOG_FORMAT: "json", GOOGLENETD_LOG_LEVEL: "warning" }],
])
  test(`it submits one job and says where to look: ${name}`, { timeout: 600000 }, async (t) => {
    const { top } = tree(t);
    const where = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    const all = ["--threads", "1", ...where, ...args];
    for (const time of ["first", "second"]) {
      const run = start(t, top, all, environment);
      const { url, err } = await run.said;
      assert.match(url, args.includes("--listen") ? /^http:\/\/\[::1\]:\d+\/$/ : /^http:\/\/127\.0\.0\.1:\d+\/$/);
      assert.equal((await jobs(url)).length, 1, `${time}: ${err}`);
      assert.match(err, /The job +http:\S+\/v1\/jobs\/job_1\n/);
      await end(run);
    }
  });

test("with a token in a file, on all addresses", { timeout: 600000 }, async (t) => {
  const { top, write, path } = tree(t);
  write("the token", "open-sesame\n");
  const run = start(t, top, ["--listen", "0.0.0.0:0", "--threads", "1", "--token-file", path("the token")]);
  const { url } = await run.said;
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.equal((await jobs(url, "open-sesame")).length, 1);
  await end(run);
});

test("--no-job submits none, --build-only starts nothing", { timeout: 600000 }, async (t) => {
  const { top } = tree(t);
  const run = start(t, top, ["--no-job", "--listen", "127.0.0.1:0", "--threads", "1"]);
  assert.equal((await jobs((await run.said).url)).length, 0);
  await end(run);
  const { code, err } = await start(t, top, ["--build-only"]).ended;
  assert.deepEqual([code, err], [0, ""]);
});

test("where a daemon runs already it says so and ends", { timeout: 600000 }, async (t) => {
  const { top } = tree(t);
  const daemon = await Daemon.start();
  const folderTaken = await start(t, top, ["--listen", "127.0.0.1:0", "--data", daemon.data]).ended;
  assert.notEqual(folderTaken.code, 0);
  assert.match(folderTaken.err, /^googlenetd: the data folder .* belongs to another running daemon$/m);
  const portTaken = await start(t, top, ["--listen", `127.0.0.1:${daemon.port}`]).ended;
  assert.notEqual(portTaken.code, 0);
  assert.match(portTaken.err, /^googlenetd: listen on 127\.0\.0\.1 port \d+: Address already in use: another program has it, perhaps a googlenetd that runs already$/m);
  assert.deepEqual(await jobs(`${daemon.url}/`), []);
  await daemon.stop();
});

test("submit: a job by file and by standard input, once for each key, and what it says when it is refused", { timeout: 600000 }, async (t) => {
  const daemon = await Daemon.start();
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1 });
  f.write("wrong.json", { ...TINY, epochs: 0, batch_size: "many" });
  const to = ["--listen", `127.0.0.1:${daemon.port}`];
  assert.deepEqual(f.run("submit", "job.json", ...to), { code: 0, signal: null, out: "job_1\n", err: "" });
  assert.equal(f.run("submit", "job.json", "--key", "k", ...to).out, "job_2\n");
  assert.equal(f.run("submit", "job.json", ...to, "--key=k").out, "job_2\n");
  assert.equal(f.shell(`"$G" submit - ${to.join(" ")} <job.json`).out, "job_3\n");
  const wrong = f.run("submit", "wrong.json", ...to);
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /^googlenetd: the job was not taken, 400: /);
  assert.match(wrong.err, /^googlenetd: \/settings\/?.*epochs.*|^googlenetd: \/epochs: /m);
  // Another daemon than that of the settings, and fields changed as for `train`.
  const there = ["--server", daemon.url];
  assert.equal(f.run("submit", "job.json", ...there, "--set", "epochs=2", "--set", "name=7").out, "job_4\n");
  const { name, settings } = (await jobs(`${daemon.url}/`)).find(({ id }) => id === "job_4");
  assert.deepEqual([name, settings.epochs, settings.batch_size], ["7", 2, TINY.batch_size ?? 128]);
  assert.equal(f.run("submit", "job.json", ...there, "--set", "epochs").err, "googlenetd: --set epochs: expected KEY=VALUE\n");
  assert.deepEqual(f.run("submit", "job.json", "--server", "ftp://x"), {
    code: 2, signal: null, out: "", err: 'googlenetd: --server must be http://HOST:PORT, got "ftp://x"\n',
  });
  assert.deepEqual(f.run("health", ...there), { code: 0, signal: null, out: "ready\n", err: "" });
  // A single fault is said once.
  f.write("one.json", { ...TINY, epochs: 0 });
  assert.equal(f.run("submit", "one.json", ...to).err, "googlenetd: the job was not taken, 400: /epochs: must be 1 to 100000, got 0\n");
  assert.match(f.run("submit", "none.json", ...to).err, /^googlenetd: none\.json: No such file or directory\n$/);
  const usage = f.run("submit", ...to);
  assert.equal(usage.code, 2);
  assert.match(usage.err, /^googlenetd: submit needs an argument\nUsage: googlenetd submit JOB\.json /);
  assert.equal(f.run("submit", ...to, "--key", "k", "--", "job.json").out, "job_2\n");
  await daemon.stop();
  assert.match(f.run("submit", "job.json", ...to).err, /^googlenetd: nothing answers at 127\.0\.0\.1 port \d+: Connection refused\n$/);
});
