// Trainings by several ranks under mpirun, with the program that has MPI ($GOOGLENETD_MPI), and one of
// another version ($GOOGLENETD_MPI_OTHER). $MPIRUN: the launcher, such as "srun --mpi=pmix".
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { folder, run, TINY } from "./run.js";

const binary = process.env.GOOGLENETD_MPI;
const [launcher, ...options] = (process.env.MPIRUN ?? "mpirun").split(" ");
// Containers run as root and have fewer cores than ranks: so Open MPI 4, 5 and Slurm are told.
const env = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: "1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
  OMPI_MCA_rmaps_base_oversubscribe: "1", PRTE_MCA_rmaps_default_mapping_policy: ":oversubscribe", SLURM_OVERCOMMIT: "1" };

// Batches of 34 in four shards of 9, 9, 8 and 8, and a last batch of 14.
const JOB = { ...TINY, epochs: 2, train_limit: 150, batch_size: 34, shards: 4, test_limit: 40, precision: "f32" };

// words: of the launcher, up to the program and its arguments.
function mpirun(f, words) {
  const r = spawnSync(launcher, [...options, ...words], { cwd: f.dir, env, encoding: "utf8", timeout: 120_000 });
  return { code: r.status, out: r.stdout, err: r.stderr };
}

const ranks = (f, n, ...args) => mpirun(f, ["-n", String(n), binary, "train", ...args]);
const inBackground = (f, n, args, stdio = "pipe") =>
  spawn(launcher, [...options, "-n", String(n), binary, "train", ...args], { cwd: f.dir, env, stdio });

// The processes of the ranks that run in a folder, by rank. Not all launchers are their parents.
function ranksIn(f) {
  const dir = statSync(f.dir).ino;
  const proc = (pid, name) => readFileSync(`/proc/${pid}/${name}`, "utf8").split("\0");
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
    try {
      if (proc(pid, "cmdline")[0] !== binary || statSync(`/proc/${pid}/cwd`).ino !== dir)
        return [];
      const [, rank] = proc(pid, "environ").map((line) => line.match(/^PMIX?_RANK=(\d+)$/)).find((found) => found);
      return [{ pid: Number(pid), rank: Number(rank) }];
    } catch {
      return [];
    }
  }).sort((one, two) => one.rank - two.rank).map(({ pid }) => pid);
}

// Whether it runs; one that has ended may still wait for its parent.
function lives(pid) {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

// Until none of them runs.
async function gone(pids) {
  for (const pid of pids)
    for (let tries = 0; lives(pid); tries++) {
      assert.ok(tries < 600, `${pid} is still there`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

// mpirun's exit code, when its ranks have ended. Open MPI 4.1 sometimes waits for itself for ever after
// it has seen a rank killed (in PMIx_server_finalize); it is killed then: "hung".
async function exitOf(child, over, pids) {
  await gone(pids);
  const late = new Promise((resolve) => setTimeout(resolve, 30_000, "hung").unref());
  const code = await Promise.race([over, late]);
  if (code === "hung")
    child.kill("SIGKILL");
  return code;
}

// In the background, until its output has "epoch 2/".
async function begin(t, f, n, ...args) {
  const child = inBackground(f, n, args);
  t.after(() => child.kill("SIGKILL"));
  let out = "";
  let waiting = [];
  const look = (text) => {
    out += text.replaceAll("\0", "");  // Open MPI 5 ends some of its words so
    waiting = waiting.filter(({ pattern, resolve }) => !pattern.test(out) || resolve());
  };
  child.stdout.setEncoding("utf8").on("data", look);
  child.stderr.setEncoding("utf8").on("data", look);
  const ended = new Promise((resolve) => child.on("close", (code) => {
    waiting.forEach(({ pattern, reject }) => reject(new Error(`ended without ${pattern}: ${out}`)));
    resolve({ code, out });
  }));
  const seen = (pattern) =>
    new Promise((resolve, reject) => (pattern.test(out) ? resolve() : waiting.push({ pattern, resolve, reject })));
  await seen(/epoch 2\//);
  return { child, ranks: ranksIn(f), ended, seen };
}

test("1, 2 and 4 ranks end in the same bits, and rank 0 alone speaks", (t) => {
  const f = folder(t);
  f.write("job.json", JOB);
  const alone = run({ cwd: f.dir }, "train", "job.json", "--out", "alone");
  assert.equal(alone.code, 0, alone.err);
  for (const n of [1, 2, 4]) {
    const r = ranks(f, n, "job.json", "--out", `of${n}`, "--kernels", "alone/kernels.txt");
    assert.equal(r.code, 0, r.out + r.err);
    assert.equal(f.sha256(`of${n}`, "model.safetensors"), f.sha256("alone", "model.safetensors"), `${n} ranks`);
    assert.equal(r.out.match(/test acc [\d.]+\s*$/gm)?.length ?? r.out.match(/^loss /gm).length, 1, r.out);
    if (n > 1)
      assert.match(r.out, new RegExp(`${n} ranks of 1 thread, 4 shards`));
  }
});

test("bfloat16, where the CPU has it, and a network that normalises by the batch", (t) => {
  const f = folder(t);
  f.write("job.json", { ...JOB, network: "googlenet_bn", image_size: 32, epochs: 1, train_limit: 21, batch_size: 12, test_limit: 8,
    precision: "auto", optimizer: { learning_rate: 0.01, clip_norm: 1 } });
  const alone = run({ cwd: f.dir }, "train", "job.json", "--out", "alone");
  assert.equal(alone.code, 0, alone.err);
  for (const sync of [false, true]) {
    const out = sync ? "synced" : "alone";
    const words = ["--set", `sync=${sync}`, "--kernels", "alone/kernels.txt"];
    if (sync)
      assert.equal(run({ cwd: f.dir }, "train", "job.json", "--out", out, ...words).code, 0);
    const r = ranks(f, 4, "job.json", "--out", "of4", ...words);
    assert.equal(r.code, 0, r.out + r.err);
    assert.equal(f.sha256("of4", "model.safetensors"), f.sha256(out, "model.safetensors"), `sync ${sync}`);
    rmSync(f.path("of4"), { recursive: true });
  }
  assert.notEqual(f.sha256("synced", "model.safetensors"), f.sha256("alone", "model.safetensors"));
});

test("stopped on four ranks, killed on two, done by one: the same bits, and no process stays", async (t) => {
  const f = folder(t);
  f.write("job.json", { ...JOB, epochs: 12, checkpoint: { every_epochs: 1 } });
  const whole = run({ cwd: f.dir }, "train", "job.json", "--out", "whole");
  assert.equal(whole.code, 0, whole.err);
  const words = ["job.json", "--kernels", "whole/kernels.txt", "--out", "broken"];

  const first = await begin(t, f, 4, ...words);
  assert.equal(first.ranks.length, 4);
  process.kill(first.ranks[2], "SIGTERM");  // one is told, and all stop
  const stopped = await first.ended;
  assert.equal(stopped.code, 143, stopped.out);
  assert.match(stopped.out, /stopped at step \d+ of 60; go on with --resume/);
  assert.ok(existsSync(f.path("broken", "checkpoint.safetensors")));

  const second = inBackground(f, 2, [...words, "--resume"]);
  let out = "";
  second.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  const over = new Promise((resolve) => second.on("close", resolve));
  while (!out.includes("resumed at step") && second.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const pair = ranksIn(f);
  assert.equal(pair.length, 2, out);
  process.kill(pair[1], "SIGKILL");
  assert.notEqual(await exitOf(second, over, pair), 0);
  await gone(first.ranks);

  const third = run({ cwd: f.dir }, "train", "job.json", "--out", "broken", "--resume");
  assert.equal(third.code, 0, third.err);
  assert.equal(f.sha256("broken", "model.safetensors"), f.sha256("whole", "model.safetensors"));
});

test("SIGUSR1 to the launcher stops all, with a checkpoint", async (t) => {
  const f = folder(t);
  f.write("job.json", { ...JOB, epochs: 1000, checkpoint: { every_epochs: 0 } });
  const { child, ended } = await begin(t, f, 2, "job.json", "--out", "x");
  child.kill("SIGUSR1");
  const { code, out } = await ended;
  assert.equal(code, 138, out);
  assert.match(out, /stopped at step \d+ of 5000; go on with --resume/);
  assert.ok(existsSync(f.path("x", "checkpoint.safetensors")));
});

test("a rank that stands still is named, and goes on", async (t) => {
  const f = folder(t);
  f.write("job.json", { ...JOB, epochs: 12 });
  const whole = run({ cwd: f.dir }, "train", "job.json", "--out", "whole");
  assert.equal(whole.code, 0, whole.err);
  const r = await begin(t, f, 4, "job.json", "--out", "x", "--kernels", "whole/kernels.txt", "--rank-timeout", "60");
  t.after(() => lives(r.ranks[1]) && process.kill(r.ranks[1], "SIGKILL"));
  process.kill(r.ranks[1], "SIGSTOP");
  await r.seen(/^googlenetd: rank 1 on \S+ has not been heard of for \d+ s: the others wait for it$/m);
  process.kill(r.ranks[1], "SIGCONT");
  const { code, out } = await r.ended;
  assert.equal(code, 0, out);
  assert.equal(f.sha256("x", "model.safetensors"), f.sha256("whole", "model.safetensors"));
});

test("a rank that stands still for the rank-timeout ends the run, and its process", async (t) => {
  const f = folder(t);
  f.write("job.json", { ...JOB, epochs: 1000 });
  const r = await begin(t, f, 2, "job.json", "--out", "x", "--rank-timeout", "10");
  process.kill(r.ranks[0], "SIGSTOP");
  await exitOf(r.child, r.ended, r.ranks);
  const { code, out } = await r.ended;
  assert.notEqual(code, 0);
  const last = out.match(/^googlenetd: rank 0 on \S+ has not been heard of for \d+ s \(--rank-timeout\): the run ends;.*$/gm);
  assert.equal(last?.length, 1, out);
});

// $RANK_KILLS: how often, for a longer run than the suite's.
test("kill -9 of each rank at random moments: the others end, and the run goes on to the same bits", async (t) => {
  const f = folder(t);
  f.write("job.json", { ...JOB, epochs: 8, checkpoint: { every_epochs: 1 } });
  const whole = run({ cwd: f.dir }, "train", "job.json", "--out", "whole");
  assert.equal(whole.code, 0, whole.err);
  const words = ["job.json", "--kernels", "whole/kernels.txt", "--out", "broken", "--resume"];
  const same = () => assert.equal(f.sha256("broken", "model.safetensors"), f.sha256("whole", "model.safetensors"));
  let killed = 0, done = 0;
  for (let i = 0; i < Number(process.env.RANK_KILLS ?? 4); i++) {
    const n = [2, 4][i % 2];
    const child = inBackground(f, n, words, "ignore");
    const over = new Promise((resolve) => child.on("close", resolve));
    let pids = [];
    while ((pids = ranksIn(f)).length < n && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const moment = Math.random() * 2500;  // the whole run takes about as long where nothing else runs
    await new Promise((resolve) => setTimeout(resolve, moment));
    const victim = pids[Math.floor(i / 2) % n];
    if (lives(victim))
      process.kill(victim, "SIGKILL");
    const code = await exitOf(child, over, pids);
    t.diagnostic(`kill ${i}: rank ${Math.floor(i / 2) % n} of ${n} after ${Math.round(moment)} ms: mpirun ended with ${code}`);
    killed += code !== 0;
    if (code === 0) {
      same();
      rmSync(f.path("broken"), { recursive: true });
      done++;
    }
  }
  t.diagnostic(`${killed} runs were killed, ${done} ended before`);
  const last = ranks(f, 2, ...words);
  assert.equal(last.code, 0, last.err);
  same();
});

test("--trace writes a timeline of all ranks", (t) => {
  const f = folder(t);
  f.write("job.json", { ...JOB, epochs: 1 });  // five batches in four shards
  for (const n of [1, 2]) {
    const r = ranks(f, n, "job.json", "--out", `of${n}`, "--trace", `trace${n}.json`);
    assert.equal(r.code, 0, r.err);
    const { traceEvents, otherData } = JSON.parse(f.read(`trace${n}.json`));
    const spans = (pid, name) => traceEvents.filter((e) => e.ph === "X" && e.pid === pid && e.name === name);
    assert.deepEqual([...new Set(traceEvents.map((e) => e.pid))], [...Array(n).keys()]);
    for (let pid = 0; pid < n; pid++) {
      assert.equal(spans(pid, "backward").length, 5 * 4 / n);
      assert.equal(spans(pid, "forward").length, 5 * 4 / n);
      assert.equal(spans(pid, "update").length, 5);
      assert.equal(spans(pid, "evaluate").length, 1);
      assert.equal(spans(pid, "send").length > 5, n > 1);
      assert.equal(spans(pid, "in flight").every((e) => e.args?.bytes > 0), true);
    }
    assert.ok(traceEvents.every((e) => e.ph === "M" || (e.ts >= 0 && e.dur >= 0)));
    assert.equal(otherData.steps, 5);
    assert.equal(otherData.dropped_spans, 0);
    assert.equal(otherData.bytes_sent > 0, n > 1);
    assert.ok(otherData.behind_backward_seconds <= otherData.in_flight_seconds);
  }
  const r = ranks(f, 2, "job.json", "--out", "x", "--trace", "nowhere/trace.json");
  assert.equal(r.code, 1);
  assert.match(r.err, /^googlenetd: create nowhere\/trace.json: No such file or directory$/m);
});

// A set of `count` images, all of one grey.
function greySet(f, dir, grey) {
  mkdirSync(f.path(dir, "set"), { recursive: true });
  const number = (n) => [n >> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255];
  for (const [name, count] of [["train", 40], ["t10k", 10]]) {
    writeFileSync(f.path(dir, "set", `${name}-images-idx3-ubyte`),
      Buffer.from([...number(0x803), ...number(count), ...number(28), ...number(28), ...Array(count * 784).fill(grey)]));
    writeFileSync(f.path(dir, "set", `${name}-labels-idx1-ubyte`),
      Buffer.from([...number(0x801), ...number(count), ...Array.from({ length: count }, (_, i) => i % 10)]));
  }
}

test("ranks that do not agree end with one sentence", (t) => {
  const f = folder(t);
  f.write("job.json", JOB);
  // What each of two ranks runs, by a script of its own: Debian 13's mpirun dies of "-n 1 this : -n 1 that".
  const pair = (...both) => {
    both.forEach(({ dir = f.dir, words }, rank) => f.write(`rank${rank}.sh`, `cd ${dir} && exec ${words.join(" ")}\n`));
    return mpirun(f, ["-n", "2", "sh", "-c", `exec sh ./rank\${PMIX_RANK-$PMI_RANK}.sh`]);
  };
  const train = (...args) => ({ words: [binary, "train", f.path("job.json"), ...args] });
  const sentences = (r) => r.err.split("\n").filter((line) => line.startsWith("googlenetd:"));

  let r = pair(train("--out", "x"), train("--set", "seed=3"));
  assert.deepEqual([r.code, sentences(r)], [1, ["googlenetd: rank 1: it has seed 3, and rank 0 has seed 0"]], r.err);

  r = pair(train("--out", "x"), train("--set", "learning=3"));
  assert.deepEqual([r.code, sentences(r).length], [2, 1], r.err);
  assert.match(sentences(r)[0], /^googlenetd: rank 1: \/learning /);

  r = pair(train("--out", "x"), train("--set", "network=nin", "--set", "image_size=96"));
  assert.equal(r.code, 1, r.err);
  assert.match(sentences(r).join("\n"), /^googlenetd: rank 1: it has the network nin with \d+ numbers, and rank 0 has the network googlenet_tiny with \d+ numbers$/);

  // Where the CPU has no instructions for it, that is what is said.
  r = pair(train("--out", "x"), train("--set", "precision=bf16"));
  assert.deepEqual([r.code, sentences(r).length], [1, 1], r.err);
  assert.match(sentences(r)[0], /^googlenetd: rank 1: (it has precision bf16, and rank 0 has precision f32$|precision bf16 needs)/);

  r = pair(train("--out", "x"), { words: [process.env.GOOGLENETD_MPI_OTHER, ...train().words.slice(1)] });
  assert.deepEqual([r.code, sentences(r).length], [1, 1], r.err);
  assert.match(sentences(r)[0], /^googlenetd: rank 1: it has version 0\.0\.other, and rank 0 has version \d\S+$/);

  greySet(f, "a", 10);
  greySet(f, "b", 11);
  const own = ["--set", "dataset=./set", "--set", "train_limit=0", "--set", "test_limit=0"];
  r = pair({ ...train("--out", "x", ...own), dir: f.path("a") }, { ...train(...own), dir: f.path("b") });
  assert.equal(r.code, 1, r.err);
  assert.match(sentences(r).join("\n"), /^googlenetd: rank 1: it has the data set [0-9a-f]{64}, and rank 0 has the data set [0-9a-f]{64}$/);

  r = ranks(f, 3, "job.json", "--out", "x");
  assert.deepEqual([r.code, sentences(r).length], [1, 1], r.err);
  assert.match(sentences(r)[0], /shards must be a multiple of the 3 ranks, got 4/);
});

test("a program without MPI refuses to be one of several", { skip: process.env.MPI_BUILT === "ON" && "this one has MPI" }, (t) => {
  const f = folder(t);
  f.write("job.json", JOB);
  const r = run({ cwd: f.dir, env: { ...process.env, OMPI_COMM_WORLD_SIZE: "2" } }, "train", "job.json");
  assert.equal(r.code, 1);
  assert.equal(r.err, "googlenetd: 2 ranks were started together, and this googlenetd was built without MPI\n");
});

// As mpiexec of MPICH starts a program that was built with Open MPI: each would train on its own.
test("ranks that MPI does not join refuse", (t) => {
  const f = folder(t);
  f.write("job.json", JOB);
  const r = spawnSync(binary, ["train", "job.json", "--out", "x"], { cwd: f.dir, env: { ...env, PMI_SIZE: "2" }, encoding: "utf8" });
  assert.equal(r.status, 1, r.stderr);
  assert.match(r.stderr, /^googlenetd: 2 ranks were started together, and MPI has joined 1 of them: .*$/m);
  assert.ok(!existsSync(f.path("x")));
});
