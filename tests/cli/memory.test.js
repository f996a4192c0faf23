// A daemon with little memory left: a job that does not fit fails alone, and those that fit go on.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Daemon } from "../api/daemon.js";
import { TINY } from "./run.js";

const MB = 1 << 20;
const hasPrlimit = spawnSync("prlimit", ["--version"]).status === 0;

async function json(daemon, path, body) {
  const how = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return (await fetch(`${daemon.url}${path}`, how)).json();
}

async function ended(daemon, id) {
  for (;;) {
    const job = await json(daemon, `/v1/jobs/${id}`);
    if (!["queued", "running"].includes(job.status)) return job;
    await new Promise((go) => setTimeout(go, 50));
  }
}

test("a job that does not fit now fails alone", { skip: !hasPrlimit && "no prlimit" }, async (t) => {
  const daemon = await Daemon.start();
  t.after(() => daemon.stop());
  // An evaluation would take memory of its own beside them.
  const small = { ...TINY, epochs: 1, train_limit: 64, test_limit: 32, evaluate: false };
  const large = { ...small, image_size: 224, batch_size: 2048, train_limit: 4096 };
  const first = await json(daemon, "/v1/jobs", small);
  assert.equal((await ended(daemon, first.id)).status, "succeeded");

  const { estimate } = await json(daemon, "/v1/jobs?dry_run=true", large);
  const size = 1024 * Number(readFileSync(`/proc/${daemon.process.pid}/status`, "utf8").match(/VmSize:\s+(\d+)/)[1]);
  // The job may be, but not in what is left: more than the small one takes, less than the large one does.
  const limit = Math.max(size + 400 * MB, estimate.memory_bytes + MB);
  assert.ok(estimate.memory_bytes > limit - size + 100 * MB, `${estimate.memory_bytes} of ${limit} beside ${size}`);
  assert.equal(spawnSync("prlimit", [`--as=${limit}`, "--pid", `${daemon.process.pid}`]).status, 0);

  const job = await ended(daemon, (await json(daemon, "/v1/jobs", large)).id);
  assert.equal(job.status, "failed");
  assert.equal(job.error.code, "out_of_memory");
  assert.match(job.error.message, /^the training needs about \S+ [MG]B of memory, and only \S+ [MG]B are free now$/);
  const next = await json(daemon, "/v1/jobs", small);
  const end = await ended(daemon, next.id);
  assert.equal(end.status, "succeeded", JSON.stringify(end.error));
});
