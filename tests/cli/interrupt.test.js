import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { csv, folder, TINY } from "./run.js";

const JOB = { ...TINY, epochs: 12 };

function checkTables(dir, undisturbed) {
  // All but the columns that measure time.
  const rows = (from) => csv(readFileSync(join(from, "epochs.csv"), "utf8")).rows.map((row) => row.slice(0, 8));
  assert.deepEqual(rows(dir), rows(undisturbed));
  const curve = (from) => csv(readFileSync(join(from, "curve.csv"), "utf8"));
  assert.deepEqual(curve(dir), curve(undisturbed));
}

// What both signals' trainings must come to.
const whole = folder({ after });
before(() => {
  whole.write("job.json", JOB);
  assert.equal(whole.run("train", "job.json", "--out", "whole").code, 0);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]])
  test(`${signal} checkpoints and leaves with ${code}; --resume goes on to the same bits`, async (t) => {
    const f = folder(t);
    f.write("job.json", JOB);

    // Where this process is late, the training is over before the signal: it is tried again.
    let stopped;
    for (let tries = 0; tries < 20 && (stopped?.code ?? 0) === 0; tries++) {
      rmSync(f.path("broken"), { recursive: true, force: true });
      const first = f.start("train", "job.json", "--out", "broken");
      await first.seen(/step 34\//);
      first.kill(signal);
      stopped = await first.ended;
    }
    assert.equal(stopped.code, code, stopped.err);
    assert.match(stopped.out, /\nstopped at step \d+ of 120; go on with --resume\n$/);
    assert.ok(!existsSync(f.path("broken", "model.safetensors")));

    const r = f.run("train", "job.json", "--out", "broken", "--resume");
    assert.equal(r.code, 0, r.err);
    const step = stopped.out.match(/stopped at step (\d+)/)[1];
    assert.match(r.out, new RegExp(`^resumed at step ${step} of 120\n`));
    assert.equal(f.sha256("broken", "model.safetensors"), whole.sha256("whole", "model.safetensors"));
    checkTables(f.path("broken"), whole.path("whole"));
  });

test("kill -9 twenty times: no row twice, none missing, the same model", async (t) => {
  const f = folder(t);
  f.write("job.json", { ...JOB, epochs: 20, checkpoint: { every_epochs: 1, every_seconds: 0.02 } });
  assert.equal(f.run("train", "job.json", "--out", "whole").code, 0);
  let seed = 20;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  let kills = 0;
  let ends = 0;
  while (kills < 20 || ends === 0) {
    const out = `broken${ends}`;
    const run = f.start("train", "job.json", "--out", out, "--resume");
    // Past the twentieth the run may go to its end.
    const delay = kills < 20 ? 50 + 350 * random() : 60_000;
    const timer = setTimeout(() => run.kill("SIGKILL"), delay);
    const { code, signal, err } = await run.ended;
    clearTimeout(timer);
    if (signal === "SIGKILL") {
      kills++;
      continue;
    }
    assert.equal(code, 0, err);
    assert.equal(f.sha256(out, "model.safetensors"), f.sha256("whole", "model.safetensors"));
    checkTables(f.path(out), f.path("whole"));
    ends++;
  }
});
