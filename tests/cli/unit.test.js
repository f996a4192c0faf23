// What the systemd unit forbids is nothing that the program needs: under its filter of system calls, as the systemd of this
// machine understands it, walls stand around the decoders and trainings step behind predictions. What cannot mend itself is
// not tried again for ever.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Daemon } from "../api/daemon.js";
import { folder } from "./run.js";
import { noise, put } from "./pictures.js";

// The sets of system calls: name -> members, which may be sets.
function callSets() {
  const { stdout } = spawnSync("systemd-analyze", ["syscall-filter"], { encoding: "utf8" });
  const sets = new Map();
  let members;
  for (const line of (stdout ?? "").split("\n")) {
    if (line.startsWith("@")) sets.set(line, (members = []));
    else if (/^\s+[@\w]/.test(line)) members.push(line.trim());
  }
  return sets;
}

// What SystemCallFilter= leaves, line by line as systemd.exec(5) has it.
function allowed(unit, sets) {
  const named = (name) => (name.startsWith("@") ? (sets.get(name) ?? []).flatMap(named) : [name]);
  const calls = new Set(named("@default"));
  for (const [, not, words] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm))
    for (const call of words.trim().split(/\s+/).flatMap(named)) {
      if (not) calls.delete(call);
      else calls.add(call);
    }
  return calls;
}

const sets = callSets();
const unit = readFileSync(new URL("../../config/googlenetd.service", import.meta.url), "utf8");
const calls = allowed(unit, sets);
const options = { skip: sets.size === 0 && "no systemd-analyze here" };

async function underUnit(t) {
  const f = folder(t);
  f.write("calls", [...calls].join("\n"));
  for (let i = 0; i < 10; i++) for (const name of ["cat", "dog"]) put(f.path("in", name, `${i}.png`), noise(20, 20, i + 50 * name.length));
  const daemon = await Daemon.start({
    args: ["--imports", f.path()],
    first: `exec nice -n 2 "${process.env.UNDER_FILTER}" "${f.path("calls")}" "$0" "$@"`,
  });
  t.after(() => daemon.stop());
  return daemon;
}

const niceness = (pid, task) => Number(readFileSync(join("/proc", `${pid}`, "task", task, "stat"), "utf8").split(") ")[1].split(" ")[16]);

test("threads that train and evaluate are nicer than the rest", options, async (t) => {
  const { process: { pid } } = await underUnit(t);
  const least = niceness(pid, `${pid}`);
  const most = Math.min(19 - least, 10);
  const steps = () => [...new Set(readdirSync(`/proc/${pid}/task`).map((task) => niceness(pid, task) - least))];
  // Threads may have to begin yet.
  for (const end = Date.now() + 10000; !steps().includes(most) && Date.now() < end;) await sleep(50);
  assert.deepEqual(steps().sort((a, b) => a - b), [...new Set([0, Math.min(most, 5), most])]);
});

test("pictures are decoded behind a filter", options, async (t) => {
  const daemon = await underUnit(t);
  const post = await fetch(`${daemon.url}/v1/datasets`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name: "in", source: { folder: "in" }, image: { size: 16 } }),
  });
  assert.equal(post.status, 201, await post.text());
  let set;
  do set = await (await fetch(`${daemon.url}/v1/datasets/in`)).json();
  while (set.status === "importing");
  assert.equal(set.status, "ready");
  assert.deepEqual(set.warnings.map(({ code }) => code).filter((code) => code === "no_seccomp"), []);
});

// Landlock may be missing from the kernel of the machine that tests, which is no fault.
test("what the program calls by number is allowed", options, () => {
  const sandbox = readFileSync(new URL("../../server/data/decoder/sandbox.c", import.meta.url), "utf8");
  const direct = [...sandbox.matchAll(/\bSYS_(\w+)/g)].map(([, name]) => name);
  assert.ok(direct.includes("landlock_restrict_self"));
  assert.deepEqual(direct.filter((name) => !calls.has(name)), []);
});

test("wrong settings end the unit; a port that is taken is tried again", async (t) => {
  const f = folder(t);
  const prevented = unit.match(/^RestartPreventExitStatus=(.*)$/m)[1].split(" ").map(Number);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const status = (env) => spawnSync(process.env.GOOGLENETD, ["serve", "--data", f.path("data")], { env: { ...process.env, ...env } }).status;
  assert.ok(prevented.includes(status({ GOOGLENETD_WORKERS: "none" })));
  assert.ok(prevented.includes(status({ GOOGLENETD_LISTEN: "0.0.0.0:0" })));
  const taken = status({ GOOGLENETD_LISTEN: `127.0.0.1:${server.address().port}` });
  assert.ok(taken > 0 && !prevented.includes(taken), `${taken}`);
});
