// `googlenetd predict`: what a picture gives here is what it gives in a data set.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { noise, png, put } from "./pictures.js";
import { folder, run } from "./run.js";

// Two classes that can be told apart: dark and light noise; sizes and shapes of all kinds.
function shade(width, height, seed, light) {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const next = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 25) + (light ? 96 : 0);
  return png(width, height, () => Uint8Array.from({ length: 3 * width }, next));
}

function trained(t, image, job) {
  const f = folder(t);
  for (let i = 0; i < 30; i++) {
    put(f.path("in", "dark", `${i}.png`), shade(20 + i, 50 - i, i, false));
    put(f.path("in", "light", `${i}.png`), shade(50 - i, 20 + i, 100 + i, true));
  }
  const made = f.run("dataset", "import", "in", "--out", "set", "--test-share", "0.4", ...image);
  assert.equal(made.code, 0, made.err);
  f.write("job.json", { network: "googlenet_tiny", epochs: 1, batch_size: 12, threads: 1, ...job });
  const r = f.run("train", "job.json", "--set", "dataset=set/", "--out", "run");
  assert.equal(r.code, 0, r.err);
  return f;
}

const lines = (text) => text.trimEnd().split("\n").map((line) => JSON.parse(line));

for (const [what, image, job] of [
  ["cropped, resized again, normalised", ["--size", "40"], { image_size: 32, normalization: { type: "measured" }, precision: "f32" }],
  ["padded, bicubic, grey", ["--size", "28", "--channels", "1", "--fit", "pad", "--filter", "bicubic"],
    { image_size: 28, precision: "f32" }],
]) {
  test(`a file gives what the data set's picture of it gives: ${what}`, (t) => {
    const f = trained(t, image, job);
    const e = f.run("evaluate", "run", "set/", "--json", "--worst", "1000", "--threads", "1");
    assert.equal(e.code, 0, e.err);
    const { worst, accuracy, examples } = JSON.parse(e.out);
    assert.equal(worst.length, Math.round((1 - accuracy) * examples));
    const names = f.read("set", "test.names").trimEnd().split("\n");
    const files = names.map((name) => join("in", name));
    const p = f.run("predict", "run", ...files, "--json", "--threads", "1");
    assert.equal(p.code, 0, p.err);
    assert.equal(p.err, "");
    const seen = lines(p.out);
    assert.deepEqual(seen.map((line) => line.image), files);
    const wrong = new Set();
    for (const m of worst) {
      const best = seen[m.example].classes[0];
      assert.equal(best.label, m.guess);
      assert.ok(Math.abs(best.probability - m.confidence) < 1e-5, `${best.probability} ${m.confidence}`);
      wrong.add(m.example);
    }
    const truth = (name) => name.split("/")[0];
    for (const [i, line] of seen.entries()) {
      assert.equal(line.classes.length, 2);
      assert.ok(Math.abs(line.classes[0].probability + line.classes[1].probability - 1) < 1e-9);
      assert.equal(line.classes[0].name === truth(names[i]), !wrong.has(i));
    }
  });
}

test("the answer does not depend on the other pictures, nor on where the model lies", (t) => {
  const f = trained(t, ["--size", "32"], { image_size: 32 });
  const files = Array.from({ length: 5 }, (_, i) => join("in", "dark", `${i}.png`));
  const all = lines(f.run("predict", "run", ...files, "--json", "--threads", "1").out);
  copyFileSync(f.path("run", "model.safetensors"), f.path("moved.safetensors"));
  for (const [i, file] of files.entries())
    assert.deepEqual(lines(f.run("predict", "moved.safetensors", file, "--json", "--threads", "1").out), [all[i]]);
});

test("what it prints for people, and what it says of bad pictures", (t) => {
  const f = trained(t, ["--size", "32"], { image_size: 32 });
  put(f.path("cut.png"), noise(20, 20, 7).subarray(0, 300));
  put(f.path("notes.jpg"), "no picture");
  const r = f.run("predict", "run", "cut.png", join("in", "light", "3.png"), "notes.jpg", "gone.png", "--top-k", "1");
  assert.equal(r.code, 1);
  assert.match(r.out, /^in\/light\/3\.png: (light|dark) \d+\.\d%\n$/);
  assert.equal(r.err.trimEnd().split("\n").length, 3);
  assert.match(r.err, /^googlenetd: cut\.png: the PNG is cut off: its data ends too early$/m);
  assert.match(r.err, /^googlenetd: notes\.jpg: /m);
  assert.match(r.err, /gone\.png: .*No such file/m);
});

test("- is a picture on standard input", (t) => {
  const f = trained(t, ["--size", "32"], { image_size: 32 });
  const file = join("in", "light", "3.png");
  const from = (input, ...args) => run({ cwd: f.dir, input }, "predict", "run", ...args, "--json", "--threads", "1");
  const [{ classes }, other] = lines(f.run("predict", "run", file, join("in", "dark", "3.png"), "--json", "--threads", "1").out);
  let r = from(readFileSync(f.path(file)), join("in", "dark", "3.png"), "-");
  assert.equal(r.code, 0, r.err);
  assert.deepEqual(lines(r.out), [other, { image: "-", classes }]);
  // Standard input is read once: what comes after it is empty.
  r = from(readFileSync(f.path(file)), "-", "-");
  assert.equal(r.code, 1);
  assert.deepEqual(lines(r.out), [{ image: "-", classes }]);
  assert.match(r.err, /^googlenetd: stdin: [^\n]+\n$/);
  r = from("no picture", "-");
  assert.deepEqual([r.code, r.out], [1, ""]);
  assert.match(r.err, /^googlenetd: stdin: [^\n]+\n$/);
  r = from("", "./-");
  assert.equal(r.code, 1);
  assert.match(r.err, /\.\/-: .*No such file/);
});

test("refusals", (t) => {
  const f = folder(t);
  put(f.path("a.png"), noise(20, 20, 7));
  let r = f.run("predict", "none.safetensors", "a.png");
  assert.equal(r.code, 1);
  assert.match(r.err, /none\.safetensors/);
  r = f.run("predict", "model");
  assert.equal(r.code, 2);
  r = f.run("predict", "m/odel", "a.png", "--server", "http://127.0.0.1:1");
  assert.equal(r.code, 1);
  assert.match(r.err, /no model has the name "m\/odel"/);
  r = f.run("predict", "model", "a.png", "--server", "http://127.0.0.1:1");
  assert.match(r.err, /nothing answers at 127\.0\.0\.1 port 1/);
  r = f.run("predict", "model", "a.png", "--server", "ftp://127.0.0.1:1");
  assert.match(r.err, /--server must be http:\/\/HOST:PORT/);
});
