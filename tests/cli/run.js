// Runs the real googlenetd ($GOOGLENETD, else that of build/) in a folder of its own.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const binary = process.env.GOOGLENETD ?? join(root, "build/server/googlenetd");

// The small network on a few real images: an epoch takes a fraction of a second.
export const TINY = {
  network: "googlenet_tiny",
  image_size: 28,
  epochs: 3,
  batch_size: 32,
  train_limit: 320,
  test_limit: 100,
  threads: 1,
};

// All networks, in the order of the table.
const table = readFileSync(new URL("../../core/models/models.c", import.meta.url), "utf8");
export const NETWORKS = [...table.matchAll(/\{\.name = "(\w+)"/g)].map(([, name]) => name);

// A folder that is gone when the test `t` ends.
export function folder(t) {
  const dir = mkdtempSync(join(tmpdir(), "googlenetd-cli-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return {
    dir,
    path: (...names) => join(dir, ...names),
    write(name, value) {
      writeFileSync(join(dir, name), typeof value === "string" ? value : JSON.stringify(value));
      return name;
    },
    read: (...names) => readFileSync(join(dir, ...names), "utf8"),
    sha256: (...names) => createHash("sha256").update(readFileSync(join(dir, ...names))).digest("hex"),
    run: (...args) => run({ cwd: dir }, ...args),
    start: (...args) => start(dir, ...args),
    // A shell's command, in which "$G" is the binary.
    shell(script) {
      const r = spawnSync("sh", ["-c", script], { cwd: dir, encoding: "utf8", timeout: 600_000, env: { ...process.env, G: binary } });
      return { code: r.status, signal: r.signal, out: r.stdout, err: r.stderr };
    },
  };
}

// To the end: { code, out, err }.
export function run(options, ...args) {
  const r = spawnSync(binary, args, { encoding: "utf8", timeout: 600_000, ...options });
  return { code: r.status, signal: r.signal, out: r.stdout, err: r.stderr };
}

// In the background: kill(), seen(pattern) resolves when the output has it, ended resolves to
// { code, signal, out, err }.
export function start(cwd, ...args) {
  const child = spawn(binary, args, { cwd });
  let out = "";
  let err = "";
  let waiting = [];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
    waiting = waiting.filter(({ pattern, resolve }) => !pattern.test(out) || resolve());
  });
  child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
  const ended = new Promise((resolve) =>
    child.on("close", (code, signal) => {
      for (const { pattern, reject } of waiting)
        reject(new Error(`ended without ${pattern}: ${out}${err}`));
      resolve({ code, signal, out, err });
    }),
  );
  return {
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    seen: (pattern) =>
      new Promise((resolve, reject) =>
        pattern.test(out) ? resolve() : waiting.push({ pattern, resolve, reject }),
      ),
    ended,
  };
}

// A CSV file as { header: [...], rows: [[numbers]] }.
export function csv(text) {
  const lines = text.trimEnd().split("\n");
  return {
    header: lines[0].split(","),
    rows: lines.slice(1).map((line) => line.split(",").map(Number)),
  };
}
