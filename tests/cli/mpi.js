// What the tests of several ranks under mpirun share: the program that has MPI ($GOOGLENETD_MPI), the launcher ($MPIRUN,
// such as "srun --mpi=pmix"), and their processes.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { lives, MPI_ENVIRONMENT } from "../api/mpi.js";
import { TINY } from "./run.js";

export const binary = process.env.GOOGLENETD_MPI;
const [launcher, ...options] = (process.env.MPIRUN ?? "mpirun").split(" ");
export const env = { ...process.env, ...MPI_ENVIRONMENT };

// Batches of 34 in four shards of 9, 9, 8 and 8, and a last batch of 14.
export const JOB = { ...TINY, epochs: 2, train_limit: 150, batch_size: 34, shards: 4, test_limit: 40, precision: "f32" };

// words: of the launcher, up to the program and its arguments.
export function mpirun(f, words) {
  const r = spawnSync(launcher, [...options, ...words], { cwd: f.dir, env, encoding: "utf8", timeout: 120_000 });
  return { code: r.status, out: r.stdout, err: r.stderr };
}

export const ranks = (f, n, ...args) => mpirun(f, ["-n", String(n), binary, "train", ...args]);
export const inBackground = (f, n, args, stdio = "pipe") =>
  spawn(launcher, [...options, "-n", String(n), binary, "train", ...args], { cwd: f.dir, env, stdio });

// The processes of the ranks that run in a folder, by rank. Not all launchers are their parents.
export function ranksIn(f) {
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

// Until none of them runs.
export async function gone(pids) {
  for (const pid of pids)
    for (let tries = 0; lives(pid); tries++) {
      assert.ok(tries < 600, `${pid} is still there`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

// mpirun's exit code, when its ranks have ended. Open MPI 4.1 sometimes waits for itself for ever after
// it has seen a rank killed (in PMIx_server_finalize); it is killed then: "hung".
export async function exitOf(child, over, pids) {
  await gone(pids);
  const late = new Promise((resolve) => setTimeout(resolve, 30_000, "hung").unref());
  const code = await Promise.race([over, late]);
  if (code === "hung")
    child.kill("SIGKILL");
  return code;
}

// In the background, until its output has "epoch 2/".
export async function begin(t, f, n, ...args) {
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
