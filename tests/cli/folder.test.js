// What a run leaves in its folder: figures that are those of the weights, the best model, checkpoints of which one may
// be lost, kernels to repeat it with; and weights that come from elsewhere.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { csv, folder, run, TINY } from "./run.js";

const files = (f, dir) => Object.fromEntries(readdirSync(f.path(dir)).map((name) => [name, f.sha256(dir, name)]));

// The figures that a run prints last, and those of its model by a training that has nothing left to do.
function lastFigures(r) {
  const [, loss, train, testAccuracy] = r.out.match(/^loss (\S+), train acc (\S+), test acc (\S+)$/m);
  return { loss, train, testAccuracy };
}

// The accuracy of a model file on the test set, by a run of a few steps at a rate that changes nothing.
function accuracyOf(f, model, job) {
  rmSync(f.path("evaluate"), { recursive: true, force: true });
  f.write("evaluate.json", { ...job, epochs: 1, train_limit: 64, optimizer: { learning_rate: 1e-30 }, max_seconds: 0 });
  const r = f.run("train", "evaluate.json", "--out", "evaluate", "--init-from", model);
  assert.equal(r.code, 0, r.err);
  return lastFigures(r).testAccuracy;
}

test("a run that its budget ends within an epoch prints its model's figures", (t) => {
  const f = folder(t);
  const job = { ...TINY, train_limit: 6400, epochs: 1000, precision: "f32" };
  f.write("job.json", job);
  const r = f.run("train", "job.json", "--out", "a", "--set", "max_seconds=1.2");
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^stopped early: the budget of 1\.2 seconds is used up$/m);
  assert.equal(lastFigures(r).testAccuracy, accuracyOf(f, "a/model.safetensors", job));
});

test("the best model is kept and named, whatever comes after it", (t) => {
  const f = folder(t);
  const job = { ...TINY, epochs: 100, precision: "f32", optimizer: { learning_rate: 0.3, momentum: 0.9 },
    early_stopping: { patience: 3 } };
  f.write("job.json", job);
  const r = f.run("train", "job.json", "--out", "a");
  assert.equal(r.code, 0, r.err);
  const rows = csv(f.read("a", "epochs.csv")).rows;
  const best = rows.reduce((a, b) => (b[7] > a[7] ? b : a));
  const lines = r.out.trimEnd().split("\n");
  assert.equal(lines.at(-3), `best test acc ${best[7].toFixed(3)}, epoch ${best[0]}: a/best.safetensors`);
  assert.equal(accuracyOf(f, "a/best.safetensors", job), best[7].toFixed(3));
  assert.equal(accuracyOf(f, "a/model.safetensors", job), rows.at(-1)[7].toFixed(3));
  assert.notEqual(f.sha256("a", "best.safetensors"), f.sha256("a", "model.safetensors"));
});

test("fewer epochs than are done: nothing is trained, the figures are the model's", (t) => {
  const f = folder(t);
  f.write("job.json", TINY);
  assert.equal(f.run("train", "job.json", "--out", "a").code, 0);
  const before = f.sha256("a", "model.safetensors"), job = f.read("a", "job.json");
  const rows = csv(f.read("a", "epochs.csv")).rows;
  const r = f.run("train", "job.json", "--out", "a", "--resume", "--set", "epochs=2", "--set", "optimizer.learning_rate=0.02");
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^note: 30 steps of 20 in 2 epochs are done: nothing is left to train$/m);
  assert.doesNotMatch(r.out, /step 30 of 20/);
  assert.equal(f.sha256("a", "model.safetensors"), before);
  assert.equal(lastFigures(r).testAccuracy, rows[2][7].toFixed(3));
  assert.equal(csv(f.read("a", "epochs.csv")).rows.length, 3);
  // The settings are those that it was trained with: repeated, they give it again.
  assert.equal(f.read("a", "job.json"), job);
});

test("a refused resume changes nothing in the folder", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1 });
  assert.equal(f.run("train", "job.json", "--out", "a").code, 0);
  const before = files(f, "a");
  const refused = [["--set", "seed=1"], ["--set", "batch_size=16"], ["--set", "network=googlenet"],
    ["--set", "train_limit=64"], ["--set", "test_limit=8"], ["--set", "validation_split=0.5"], ["--kernels", "job.json"], ["--kernels", "none.txt"]];
  for (const words of refused) {
    const r = f.run("train", "job.json", "--out", "a", "--resume", "--set", "epochs=2", ...words);
    assert.equal(r.code, 1, words.join(" "));
    assert.deepEqual(files(f, "a"), before, words.join(" "));
  }
  const r = f.run("train", "a/job.json", "--out", "a", "--resume", "--set", "epochs=2", "--set", "optimizer.clip_norm=1");
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^note: other settings than at its last start: epochs from 1 to 2, optimizer\.clip_norm from 0 to 1$/m);
});

test("a damaged checkpoint: the one before it goes on, and arrives at the same model", (t) => {
  const f = folder(t);
  f.write("job.json", TINY);
  assert.equal(f.run("train", "job.json", "--out", "whole").code, 0);
  assert.equal(f.run("train", "job.json", "--out", "a", "--set", "epochs=2").code, 0);
  const damaged = readFileSync(f.path("a", "checkpoint.safetensors"));
  damaged[damaged.length - 100] ^= 1;
  writeFileSync(f.path("a", "checkpoint.safetensors"), damaged);
  const r = f.run("train", "job.json", "--out", "a", "--resume");
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^note: a\/checkpoint\.safetensors is damaged: its checksum does not match$/m);
  assert.match(r.out, /^note: going on from a\/checkpoint\.previous\.safetensors\nresumed at step 10 of 30$/m);
  assert.equal(f.sha256("a", "model.safetensors"), f.sha256("whole", "model.safetensors"));
  assert.deepEqual(csv(f.read("a", "epochs.csv")).rows.map((row) => row[0]), [1, 2, 3]);

  // With both gone it is refused, and they stay.
  for (const name of ["checkpoint.safetensors", "checkpoint.previous.safetensors"])
    writeFileSync(f.path("a", name), damaged.subarray(0, 1000));
  const before = files(f, "a");
  const none = f.run("train", "job.json", "--out", "a", "--resume");
  assert.equal(none.code, 1);
  assert.match(none.err, /^googlenetd: a\/checkpoint\.safetensors is cut off/);
  assert.deepEqual(files(f, "a"), before);
});

test("a program that died between two names of a checkpoint goes on from the newest", (t) => {
  const f = folder(t);
  f.write("job.json", TINY);
  assert.equal(f.run("train", "job.json", "--out", "a").code, 0);
  for (const state of ["before the first rename", "after it"]) {
    rmSync(f.path("b"), { recursive: true, force: true });
    assert.equal(f.run("train", "job.json", "--out", "b", "--set", "epochs=1").code, 0);
    copyFileSync(f.path("a", "checkpoint.safetensors"), f.path("b", "checkpoint.new.safetensors"));
    copyFileSync(f.path("a", "epochs.csv"), f.path("b", "epochs.csv"));
    if (state === "after it") rmSync(f.path("b", "checkpoint.safetensors"));
    const r = f.run("train", "job.json", "--out", "b", "--resume");
    assert.equal(r.code, 0, r.err);
    assert.match(r.out, /^resumed at step 30 of 30$/m);
    assert.equal(f.sha256("b", "model.safetensors"), f.sha256("a", "model.safetensors"));
    assert.ok(!existsSync(f.path("b", "checkpoint.new.safetensors")));
  }
});

test("a run is repeated with its kernels, to the same bits", (t) => {
  const f = folder(t);
  // Layers large enough that several kernels compete for them.
  f.write("job.json", { ...TINY, network: "googlenet_tiny", image_size: 48, epochs: 1, train_limit: 64, test_limit: 32 });
  const with_cache = (name, ...args) => {
    mkdirSync(f.path(name), { recursive: true });
    return run({ cwd: f.dir, env: { ...process.env, GOOGLENETD_KERNELS: "", XDG_CACHE_HOME: f.path(name) } }, "train", ...args);
  };
  let r = with_cache("c1", "job.json", "--out", "r1");
  assert.equal(r.code, 0, r.err);
  assert.match(f.read("r1", "kernels.txt"), /^googlenetd kernels 1\nmachine /);
  // By its folder, and by name; each with a cache that knows nothing.
  r = with_cache("c2", "r1/job.json", "--out", "r2");
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^kernels are those of r1\/kernels\.txt$/m);
  r = with_cache("c3", "job.json", "--out", "r3", "--kernels", "r1/kernels.txt");
  assert.equal(r.code, 0, r.err);
  for (const name of ["r2", "r3"]) {
    assert.equal(f.read(name, "kernels.txt"), f.read("r1", "kernels.txt"));
    assert.equal(f.sha256(name, "model.safetensors"), f.sha256("r1", "model.safetensors"));
  }
});

test("a record of kernels that is none, or of another machine", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1 });
  f.write("kernels.txt", "nonsense\n");
  const r = f.run("train", "job.json", "--kernels", "kernels.txt");
  assert.equal(r.code, 1);
  assert.match(r.err, /^googlenetd: kernels\.txt: /);
  f.write("other.txt", "googlenetd kernels 1\nmachine of another time\nx | y\n");
  const other = f.run("train", "job.json", "--kernels", "other.txt");
  assert.equal(other.code, 0, other.err);
  assert.match(other.out, /^note: kernels that were recorded are not available here/m);
});

test("a damaged record of kernels in a run's folder: the checkpoint's are used, and a repeat says that it has none", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1, train_limit: 64, test_limit: 32 });
  assert.equal(f.run("train", "job.json", "--out", "run").code, 0);
  for (const text of ["", "nonsense\n", f.read("run", "kernels.txt").replace(" | ", " ")]) {
    f.shell("rm -rf odd; cp -r run odd");
    f.write("odd/kernels.txt", text);
    const repeat = f.run("train", "odd/job.json", "--out", `repeat${text.length}`);
    assert.equal(repeat.code, 0, repeat.err);
    assert.match(repeat.out, /^note: odd\/kernels\.txt: .*: kernels are chosen anew$/m);
    assert.doesNotMatch(repeat.out, /kernels are those of/);
    const resumed = f.run("train", "job.json", "--out", "odd", "--resume", "--set", "epochs=2");
    assert.equal(resumed.code, 0, resumed.err);
    assert.match(resumed.out, /^note: odd\/kernels\.txt: .*: those of the checkpoint are used$/m);
    assert.doesNotMatch(resumed.out, /may differ/);
    assert.equal(f.read("odd", "kernels.txt"), f.read("run", "kernels.txt"));
  }
});

test("without a place for the cache kernels are measured for the run, which says so", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1, image_size: 48, train_limit: 64, test_limit: 32 });
  const environment = { ...process.env, GOOGLENETD_KERNELS: "" };
  delete environment.HOME;
  delete environment.XDG_CACHE_HOME;
  const homes = [[{}, "HOME is not set"], [{ HOME: "/nonexistent" }, "make folder /nonexistent/.cache: No such file or directory"],
    [{ HOME: "/proc" }, "make folder /proc/.cache: No such file or directory"]];
  const records = [];
  for (const [home, why] of homes) {
    const out = `r${records.length}`;
    const r = run({ cwd: f.dir, env: { ...environment, ...home } }, "train", "job.json", "--out", out);
    assert.equal(r.code, 0, r.err);
    assert.match(r.out, /^note: no place for the autotune cache \(.*\): kernels are measured for this run$/m);
    assert.ok(r.out.includes(`(${why})`), r.out);
    records.push(f.read(out, "kernels.txt").split("\n").length);
  }
  // As many problems as with a place.
  const kept = run({ cwd: f.dir, env: { ...environment, HOME: f.dir } }, "train", "job.json", "--out", "kept");
  assert.equal(kept.code, 0, kept.err);
  assert.doesNotMatch(kept.out, /autotune/);
  for (const lines of records) assert.equal(lines, f.read("kept", "kernels.txt").split("\n").length);
  assert.ok(existsSync(f.path(".cache", "googlenetd", "kernels.txt")));
});

// A safetensors file as Python's save_file writes one: no checksum, other metadata.
function safetensors(tensors) {
  const header = {};
  let offset = 0;
  for (const [name, { dtype = "F32", shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.length] };
    offset += data.length;
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text + " ".repeat((8 - (text.length % 8)) % 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...Object.values(tensors).map(({ data }) => data)]);
}

function tensorsOf(path) {
  const file = readFileSync(path);
  const size = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, size));
  delete header.__metadata__;
  return Object.fromEntries(Object.entries(header).map(([name, { shape, data_offsets: [from, to] }]) =>
    [name, { shape, data: file.subarray(size + from, size + to) }]));
}

test("weights come in from a model file and from PyTorch's save_file", (t) => {
  const f = folder(t);
  const job = { ...TINY, epochs: 2, precision: "f32" };
  f.write("job.json", job);
  assert.equal(f.run("train", "job.json", "--out", "a").code, 0);
  const want = csv(f.read("a", "epochs.csv")).rows.at(-1)[7].toFixed(3);
  assert.equal(accuracyOf(f, "a/model.safetensors", job), want);
  writeFileSync(f.path("torch.safetensors"), safetensors(tensorsOf(f.path("a", "model.safetensors"))));
  assert.equal(accuracyOf(f, "torch.safetensors", job), want);
  // A checkpoint has weights too; the training starts anew with them.
  assert.equal(accuracyOf(f, "a/checkpoint.safetensors", job), want);
});

test("weights of another network are refused, with every fault", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1 });
  assert.equal(f.run("train", "job.json", "--out", "a").code, 0);
  const tensors = tensorsOf(f.path("a", "model.safetensors"));
  const names = Object.keys(tensors);
  const first = tensors[names[0]], last = tensors[names.at(-1)];
  const other = { ...tensors, "aux.weight": { shape: [1], data: Buffer.alloc(4) } };
  other[names.at(-1)] = { shape: [1, ...last.shape], data: last.data };
  delete other[names[0]];
  writeFileSync(f.path("some.safetensors"), safetensors(other));
  const some = f.run("train", "job.json", "--out", "c", "--init-from", "some.safetensors");
  assert.equal(some.code, 0);
  assert.match(some.out + some.err, new RegExp(`note: ${names.length - 3} of ${names.length} tensors are taken; ` +
    `new: ${names[0]} \\(there is no tensor ${names[0]}\\), ${names.at(-2)} \\(the rest of the head does not fit\\), ` +
    `${names.at(-1)} \\(tensor ${names.at(-1)} is 1x${last.shape.join("x")}, not ${last.shape.join("x")}\\)\n`));
  for (const name of names.slice(1, -2)) delete other[name];
  other[names[0]] = { shape: [first.shape[0], first.data.length / 4 / first.shape[0]], data: first.data };
  writeFileSync(f.path("other.safetensors"), safetensors(other));
  const r = f.run("train", "job.json", "--out", "b", "--init-from", "other.safetensors");
  assert.equal(r.code, 1);
  assert.match(r.err, new RegExp(`^googlenetd: \\S*other.safetensors is of another network: tensor ${names[0]} is ` +
    `${other[names[0]].shape.join("x")}, not ${first.shape.join("x")}; there is no tensor ${names[1]}; .*and \\d+ more\n$`));
  assert.ok(!existsSync(f.path("b", "job.json")));
  assert.equal(f.run("train", "job.json", "--out", "b", "--init-from", "none").err,
    "googlenetd: cannot open none: No such file or directory\n");
  // Of two the last counts, as of every option.
  assert.equal(f.run("train", "job.json", "--out", "b", "--init-from", "other.safetensors", "--init-from", "none").err,
    "googlenetd: cannot open none: No such file or directory\n");
});

test("a model that is there without a checkpoint is somebody's", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1 });
  for (const name of ["model.safetensors", "best.safetensors"]) {
    f.write(name, "mine");
    const r = f.run("train", "job.json", "--out", ".", "--init-from", name);
    assert.equal(r.code, 1);
    assert.equal(r.err, `googlenetd: ./${name} is there already, without a checkpoint to go on from: choose another folder with --out\n`);
    assert.equal(f.read(name), "mine");
    rmSync(f.path(name));
  }
  assert.deepEqual(readdirSync(f.dir), ["job.json"]);
});

test("pipes, devices and folders in the place of a run's files are refused, not waited for", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1, train_limit: 64, test_limit: 32 });
  assert.equal(f.run("train", "job.json", "--out", "run").code, 0);
  const before = f.read("run", "job.json");
  for (const name of ["job.json", "kernels.txt", "epochs.csv", "curve.csv", "epochs.csv.tmp", "curve.csv.tmp", "model.safetensors",
    "best.safetensors", "checkpoint.safetensors", "checkpoint.new.safetensors", "checkpoint.previous.safetensors"]) {
    for (const make of ["mkfifo", "ln -s /dev/zero", "mkdir"]) {
      const r = f.shell(`rm -rf odd; cp -r run odd; rm -f odd/${name}; ${make} odd/${name}; "$G" train job.json --out odd --resume --set epochs=2`);
      assert.equal(r.code, 1, `${make} ${name}: ${r.signal}`);
      assert.equal(r.err, `googlenetd: odd/${name} is not a file\n`);
      if (name !== "job.json") assert.equal(f.read("odd", "job.json"), before, `${make} ${name}`);
    }
  }
  const beside = f.shell(`rm -rf odd; cp -r run odd; rm odd/kernels.txt; mkfifo odd/kernels.txt; "$G" train odd/job.json --out again`);
  assert.equal(beside.code, 1, beside.signal);
  assert.equal(beside.err, "googlenetd: odd/kernels.txt is not a file\n");
  // What was asked for by name may be one.
  const given = f.shell(`bash -c '"$G" train <(cat job.json) --kernels <(cat run/kernels.txt) --out given'`);
  assert.equal(given.code, 0, given.err);
  assert.equal(f.sha256("given", "model.safetensors"), f.sha256("run", "model.safetensors"));
});

test("a best model that was damaged or deleted since is not named as if it were there", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 2, train_limit: 64, test_limit: 32, optimizer: { learning_rate: 1e-20 } });
  assert.equal(f.run("train", "job.json", "--out", "run").code, 0);
  for (const [harm, why] of [[": >", "is cut off"], ["rm", "No such file or directory"]]) {
    // The second epoch was no better than the first, and no more is trained.
    const r = f.shell(`rm -rf odd; cp -r run odd; ${harm} odd/best.safetensors; "$G" train job.json --out odd --resume`);
    assert.equal(r.code, 0, r.err);
    assert.match(r.out, new RegExp(`^best test acc \\S+, epoch 1, whose model is lost: .*odd/best\\.safetensors.*${why}`, "m"));
  }
});

test("tables that a spreadsheet saved go on", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1, train_limit: 64, test_limit: 32 });
  assert.equal(f.run("train", "job.json", "--out", "run").code, 0);
  const plain = f.read("run", "epochs.csv");
  for (const name of ["epochs.csv", "curve.csv"])
    writeFileSync(f.path("run", name), f.read("run", name).replaceAll("\n", "\r\n"));
  const r = f.run("train", "job.json", "--out", "run", "--resume", "--set", "epochs=2");
  assert.equal(r.code, 0, r.err);
  assert.ok(f.read("run", "epochs.csv").startsWith(plain));
  assert.equal(csv(f.read("run", "epochs.csv")).rows.length, 2);
});

test("a model file given as a checkpoint is refused with what to do", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1 });
  assert.equal(f.run("train", "job.json", "--out", "a").code, 0);
  mkdirSync(f.path("s"));
  copyFileSync(f.path("a", "model.safetensors"), f.path("s", "checkpoint.safetensors"));
  const r = f.run("train", "job.json", "--out", "s", "--resume");
  assert.equal(r.code, 1);
  assert.equal(r.err, "googlenetd: s/checkpoint.safetensors has weights but no state of a training: " +
    "start a new training with them as its initial weights (--init-from)\n");
});

test("a training that needs more memory than the process may have is refused with both figures", (t) => {
  const f = folder(t);
  f.write("job.json", { network: "googlenet_tiny", image_size: 256, batch_size: 4096, train_limit: 8192, test_limit: 100, epochs: 1 });
  const limited = f.shell(`ulimit -v 2500000 && "$G" train job.json`);
  assert.equal(limited.code, 1);
  assert.match(limited.err, /^googlenetd: the training needs about \d\.\d GB of memory, and RLIMIT_AS allows 2\.6 GB\n$/);
  const bench = f.shell(`ulimit -v 2500000 && "$G" bench googlenet_tiny --image-size 256 --batch-size 4096 --steps 1`);
  assert.equal(bench.code, 1);
  assert.match(bench.err, /^googlenetd: the bench needs about \d\.\d GB of memory, and RLIMIT_AS allows 2\.6 GB\n$/);
});

test("a training that is refused leaves no folder that it made, and those that were there", (t) => {
  const f = folder(t);
  f.write("job.json", TINY);
  writeFileSync(f.path("bad.safetensors"), "no model");
  writeFileSync(f.path("bad.txt"), "no kernels");
  mkdirSync(f.path("there"));
  for (const [out, ...args] of [
    ["new", "--init-from", "bad.safetensors"], ["new", "--kernels", "bad.txt"], ["new/a//b/", "--kernels", "bad.txt"],
    ["./new", "--kernels", "missing.txt"], [f.path("new"), "--init-from", "missing.safetensors"],
    ["new/" + "x".repeat(300)], ["there", "--kernels", "bad.txt"], ["there/new", "--kernels", "bad.txt"],
  ]) {
    const r = f.run("train", "job.json", "--out", out, ...args);
    assert.notEqual(r.code, 0, out);
    assert.notEqual(r.err, "", out);
    assert.ok(!existsSync(f.path("new")), `${out} ${args}: ${r.err}`);
    assert.deepEqual(readdirSync(f.path("there")), [], `${out} ${args}: ${r.err}`);
  }
});
