// Ranks that are stopped, killed or stand still: the others end, no process stays, and the run goes on to the same bits.
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { test } from "node:test";
import { lives } from "../api/mpi.js";
import { begin, exitOf, gone, inBackground, JOB, ranks, ranksIn } from "./mpi.js";
import { folder, run } from "./run.js";

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
