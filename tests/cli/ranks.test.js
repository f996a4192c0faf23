// Trainings by several ranks under mpirun, and one of another version ($GOOGLENETD_MPI_OTHER).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { binary, env, JOB, mpirun, ranks } from "./mpi.js";
import { folder, run } from "./run.js";

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
  // Where there can be none, that is said before the training and not after it.
  for (const n of [1, 2]) {
    const r = ranks(f, n, "job.json", "--out", "x", "--trace", "nowhere/trace.json");
    assert.equal(r.code, 1);
    assert.match(r.err, /^googlenetd: cannot create a temporary file for nowhere\/trace.json: No such file or directory$/m);
    assert.ok(!existsSync(f.path("x")));
  }
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

  r = pair(train("--out", "x"), train("--set", "optimizer.learning_rate=0.02"));
  assert.equal(sentences(r).length, 1, r.err);
  assert.match(sentences(r)[0], /^googlenetd: rank 1: it has optimizer \{.*"learning_rate":0.02,.*\}, and rank 0 has optimizer \{.*"learning_rate":0.1,.*\}$/);

  // Long ones are compared to the end, too.
  r = pair(train("--out", "x", "--set", `metadata.a=${"x".repeat(400)}y`), train("--set", `metadata.a=${"x".repeat(400)}z`));
  assert.match(sentences(r).join("\n"), /^googlenetd: rank 1: it has the settings [0-9a-f]{64}, and rank 0 has the settings [0-9a-f]{64}$/);

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
