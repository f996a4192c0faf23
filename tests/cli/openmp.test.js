// OpenMP's environment, CPU quotas and affinity: a training takes all that the process may use, and never waits for
// threads that it does not get.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { Daemon } from "../api/daemon.js";
import { folder, run, TINY } from "./run.js";

const QUICK = { ...TINY, epochs: 1, train_limit: 64, test_limit: 32, threads: 0 };
const usable = Number(execFileSync("nproc", { encoding: "utf8", env: { PATH: process.env.PATH } }));

// An environment that says nothing about OpenMP, and then what is given.
function environment(more = {}) {
  const rest = Object.entries(process.env).filter(([name]) => !/^(OMP|GOMP|KMP)_/.test(name));
  return { ...Object.fromEntries(rest), ...more };
}

function threadsOfTraining(t, env, job = QUICK, command) {
  const f = folder(t);
  f.write("job.json", job);
  const r = run({ cwd: f.dir, env, ...command }, "train", "job.json");
  assert.equal(r.code, 0, `${JSON.stringify(env)}: ${r.signal ?? ""} ${r.err}`);
  return { threads: Number(r.out.match(/, (\d+) threads?\n$/)[1]), out: r.out };
}

const SETTINGS = [
  [{}, usable],
  [{ OMP_THREAD_LIMIT: "1" }, 1],
  [{ OMP_NUM_THREADS: "1" }, 1],
  [{ OMP_NUM_THREADS: "1,4" }, 1],
  [{ OMP_NUM_THREADS: "64" }, usable],
  [{ OMP_NUM_THREADS: "0" }, usable],
  [{ OMP_NUM_THREADS: "many" }, usable],
  [{ OMP_DYNAMIC: "true" }, usable],
  [{ OMP_MAX_ACTIVE_LEVELS: "0" }, usable],
  [{ OMP_NESTED: "true" }, usable],
  [{ OMP_PROC_BIND: "true" }, usable],
  [{ OMP_PROC_BIND: "spread", OMP_PLACES: "cores" }, usable],
  [{ OMP_PLACES: "{0}" }, usable],
  [{ GOMP_CPU_AFFINITY: "0" }, usable],
  [{ OMP_STACKSIZE: "900G" }, usable],
  [{ OMP_WAIT_POLICY: "passive" }, usable],
];

test("a training takes the threads that it may have, whatever OpenMP's variables say", (t) => {
  for (const [variables, threads] of SETTINGS)
    assert.equal(threadsOfTraining(t, environment(variables)).threads, threads, JSON.stringify(variables));
});

test("a bench counts alike", (t) => {
  const f = folder(t);
  for (const variables of [{ OMP_PROC_BIND: "close" }, { OMP_THREAD_LIMIT: "1" }]) {
    const r = run({ cwd: f.dir, env: environment(variables) }, "bench", "--json", "--steps", "1", "--image-size", "28",
      "--batch-size", "8", "googlenet_tiny");
    assert.equal(r.code, 0, r.err);
    assert.equal(JSON.parse(r.out).threads, variables.OMP_THREAD_LIMIT ? 1 : usable);
  }
});

test("threads that wait sleep soon, unless the environment says how they wait", (t) => {
  const f = folder(t);
  const turns = (more) => {
    const r = run({ cwd: f.dir, env: { OMP_DISPLAY_ENV: "verbose", ...more } }, "--version");
    return r.err.match(/GOMP_SPINCOUNT = '(\d+)'/)?.[1];
  };
  if (turns({}) === undefined) return t.skip("not libgomp");
  assert.equal(turns({}), "1000");
  assert.equal(turns({ GOMP_SPINCOUNT: "77" }), "77");
  assert.equal(turns({ OMP_WAIT_POLICY: "passive" }), "0");
  assert.equal(turns({ OMP_WAIT_POLICY: " Passive " }), "0");
  assert.ok(Number(turns({ OMP_WAIT_POLICY: "active" })) > 1e6);
  // What libgomp does not know is as if it were not there.
  for (const more of [{ OMP_WAIT_POLICY: "lazy" }, { OMP_WAIT_POLICY: "" }, { OMP_WAIT_POLICY: "activex" }, { GOMP_SPINCOUNT: "" },
    { GOMP_SPINCOUNT: "many" }, { OMP_WAIT_POLICY: "lazy", GOMP_SPINCOUNT: "many" }])
    assert.equal(turns(more), "1000", JSON.stringify(more));
  assert.equal(turns({ OMP_WAIT_POLICY: "lazy", GOMP_SPINCOUNT: " 77" }), "77");
});

test("more threads than the process may use are not made, and that is said", (t) => {
  const { threads, out } = threadsOfTraining(t, environment(), { ...QUICK, threads: 64 });
  assert.equal(threads, usable);
  assert.match(out, new RegExp(`^note: the job asks for 64 threads, and this process may use ${usable}$`, "m"));
});

test("a daemon's jobs count alike", async (t) => {
  const silent = Object.fromEntries(Object.keys(process.env).filter((name) => /^(OMP|GOMP|KMP)_/.test(name)).map((name) => [name, undefined]));
  const cases = [[{ OMP_PROC_BIND: "true", OMP_PLACES: "cores" }, usable], [{ OMP_THREAD_LIMIT: "1" }, 1],
    [{ OMP_DYNAMIC: "true", OMP_MAX_ACTIVE_LEVELS: "0" }, usable]];
  for (const [variables, threads] of cases) {
    const daemon = await Daemon.start({ args: ["--threads", "0"], environment: { ...silent, ...variables } });
    const created = await fetch(`${daemon.url}/v1/jobs`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(QUICK),
    });
    assert.equal(created.status, 201, await created.clone().text());
    let job = await created.json();
    while (["queued", "running"].includes(job.status)) {
      await new Promise((go) => setTimeout(go, 50));
      job = await (await fetch(`${daemon.url}/v1/jobs/${job.id}`)).json();
    }
    assert.equal(job.status, "succeeded", JSON.stringify(job.error));
    assert.equal(job.environment.threads, threads, JSON.stringify(variables));
    await daemon.stop();
  }
});

// The quota of a control group of version 1 or 2, where this user may make one.
function quotaGroup(percent) {
  const [v1, v2] = ["/sys/fs/cgroup/cpu/", "/sys/fs/cgroup/"].map((root) => `${root}googlenetd-test-${process.pid}`);
  for (const [path, name, value] of [[v1, "cpu.cfs_quota_us", `${percent * 1000}`], [v2, "cpu.max", `${percent * 1000} 100000`]]) {
    try {
      mkdirSync(path);
      writeFileSync(`${path}/${name}`, value);
      return path;
    } catch {
      try { rmdirSync(path); } catch {}
    }
  }
}

test("a CPU quota limits the threads of a bench and of a training", { skip: usable < 2 && "one CPU" }, (t) => {
  const path = quotaGroup(100);
  if (!path) return t.skip("no control group can be made here");
  t.after(() => rmdirSync(path));
  const f = folder(t);
  f.write("job.json", QUICK);
  const script = `echo $$ >${path}/cgroup.procs && exec "$@"`;
  const binary = process.env.GOOGLENETD;
  const inGroup = (...args) => execFileSync("sh", ["-c", script, "sh", binary, ...args],
    { cwd: f.dir, encoding: "utf8", env: environment() });
  assert.equal(JSON.parse(inGroup("bench", "--json", "--steps", "1", "--image-size", "28", "--batch-size", "8", "googlenet_tiny")).threads, 1);
  assert.match(inGroup("train", "job.json"), /, 1 thread\n$/);
});
