import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { test } from "node:test";
import { csv, folder, NETWORKS, run, TINY } from "./run.js";

const EPOCHS_HEADER =
  "epoch,step,train_loss,train_accuracy,validation_loss,validation_accuracy,test_loss,test_accuracy,test_top5_accuracy," +
  "learning_rate,examples_per_second,duration_seconds";

test("a small training from beginning to end", (t) => {
  const f = folder(t);
  const r = f.run("train", f.write("small.json", TINY));
  assert.equal(r.code, 0, r.err);
  assert.equal(r.err, "");

  const epochs = csv(f.read("small.run", "epochs.csv"));
  assert.equal(epochs.header.join(), EPOCHS_HEADER);
  assert.deepEqual(epochs.rows.map((row) => row.slice(0, 2)), [[1, 10], [2, 20], [3, 30]]);
  const curve = csv(f.read("small.run", "curve.csv"));
  assert.equal(curve.header.join(), "step,epoch,loss,accuracy,learning_rate");
  assert.deepEqual(curve.rows.map((row) => row[0]), [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]);
  assert.deepEqual(curve.rows.slice(0, 5).map((row) => row[1]), [0.2, 0.4, 0.6, 0.8, 1]);
  // The last point of an epoch says what the epoch says, to the last bit.
  assert.deepEqual(curve.rows[14].slice(2, 4), epochs.rows[2].slice(2, 4));

  const [, , loss, trainAccuracy, , , , testAccuracy] = epochs.rows[2].map((x) => x.toFixed(3));
  const lines = r.out.trimEnd().split("\n");
  assert.equal(lines.at(-2), `loss ${loss}, train acc ${trainAccuracy}, test acc ${testAccuracy}`);
  assert.match(lines.at(-1), /^\d+\.\d examples\/sec on .+, 1 thread$/);
  assert.equal(lines.filter((line) => /^epoch \d\/3: loss /.test(line)).length, 3);
  assert.equal(lines.filter((line) => /^epoch \d\.\d\d\/3  step \d+\/30  /.test(line)).length, 15);

  for (const name of ["checkpoint.safetensors", "model.safetensors"])
    assert.ok(existsSync(f.path("small.run", name)), name);
});

test("the same job twice gives the same model", (t) => {
  const f = folder(t);
  f.write("job.json", TINY);
  assert.equal(f.run("train", "job.json", "--out", "a").code, 0);
  assert.equal(f.run("train", "job.json", "--out", "b").code, 0);
  assert.equal(f.run("train", "job.json", "--out", "c", "--set", "seed=1").code, 0);
  assert.equal(f.sha256("a", "model.safetensors"), f.sha256("b", "model.safetensors"));
  assert.notEqual(f.sha256("a", "model.safetensors"), f.sha256("c", "model.safetensors"));
});

test("all faults of a job are named, one per line", (t) => {
  const f = folder(t);
  f.write("job.json", { epochs: 0, batchsize: 1, optimizer: { momentum: 1 }, network: "x" });
  const r = f.run("train", "job.json");
  assert.equal(r.code, 2);
  assert.deepEqual(r.err.trimEnd().split("\n"), [
    "job.json: /epochs must be 1 to 100000, got 0",
    'job.json: /batchsize is not a known field; did you mean "batch_size"?',
    "job.json: /optimizer/momentum must be at least 0 and below 1, got 1",
    `job.json: /network must be one of ${NETWORKS.map((name) => `"${name}"`).join(", ")}, got "x"`,
  ]);
  assert.ok(!existsSync(f.path("job.run")));
});

test("- does not name the file of a trace", (t) => {
  const f = folder(t);
  f.write("job.json", TINY);
  assert.deepEqual(f.run("train", "job.json", "--trace", "-"), {
    code: 2, signal: null, out: "", err: "googlenetd: --trace must name a file, got -: standard output has what the command prints\n",
  });
  assert.ok(!existsSync(f.path("-")) && !existsSync(f.path("job.run")));
});

test("the file of a trace stays as it is until there is a trace", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1 });
  const train = (file, ...words) => f.run("train", "job.json", "--trace", file, ...words);
  f.write("old.json", "an older trace");
  assert.equal(f.run("train", "job.json").code, 0);
  const there = readdirSync(f.dir);
  for (const [said, ...words] of [
    [/job\.run already has a checkpoint/],
    [/batch_size/, "--resume", "--set", "batch_size=16"],
    [/there is no folder none/, "--out", "other", "--set", "dataset=none/"],
    [/no_kernels\.txt/, "--resume", "--kernels", "no_kernels.txt"],
  ]) for (const file of ["old.json", "new.json"]) {
    const r = train(file, ...words);
    assert.notEqual(r.code, 0);
    assert.match(r.err, said);
    assert.equal(f.read("old.json"), "an older trace");
    assert.deepEqual(readdirSync(f.dir), there);
  }
  for (const file of ["old.json", "new.json"]) {
    assert.equal(train(file, "--out", file.replace("json", "run")).code, 0);
    assert.equal(JSON.parse(f.read(file)).otherData.steps, 10);
  }
});

test("a job that is not JSON, is not there, or comes from stdin", (t) => {
  const f = folder(t);
  f.write("job.json", '{\n  "epochs": 1,\n}');
  let r = f.run("train", "job.json");
  assert.equal(r.code, 2);
  assert.equal(r.err, "googlenetd: job.json: line 3, column 1: expected a string in double quotes\n");
  r = f.run("train", "none.json");
  assert.equal(r.code, 2);
  assert.equal(r.err, "googlenetd: none.json: No such file or directory\n");
  r = run({ cwd: f.dir, input: '{"epochs":"x"}' }, "train", "-");
  assert.equal(r.code, 2);
  assert.equal(r.err, 'stdin: /epochs must be a whole number, got "x"\n');
  r = run({ cwd: f.dir, input: JSON.stringify({ ...TINY, epochs: 1 }) }, "train", "-");
  assert.equal(r.code, 0, r.err);
  assert.ok(existsSync(f.path("stdin.run", "model.safetensors")));
});

test("--set changes the job before it is read", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 7 });
  const r = f.run("train", "job.json", "--set", "epochs=1", "--set", "optimizer.learning_rate=0.05",
    "--set", "name=a name", "--set", "metadata.who=me", "--set", 'metadata.number="5"',
    "--set", "metadata.run=007", "--set", "metadata.lot=7", "--set", "/metadata/ok=true");
  assert.equal(r.code, 0, r.err);
  const job = JSON.parse(f.read("job.run", "job.json"));
  assert.equal(job.epochs, 1);
  assert.equal(job.optimizer.learning_rate, 0.05);
  assert.equal(job.name, "a name");
  assert.deepEqual(job.metadata, { who: "me", number: "5", run: "007", lot: "7", ok: "true" });
  // What looks like a number is a name where a name is due, and else as it stands.
  for (const [set, name] of [["name=7", "7"], ['name="null"', "null"], ['name="7"', "7"], ["name=[1]", "[1]"]]) {
    const out = `of ${set}`;
    assert.equal(f.run("train", "job.json", "--set", "epochs=1", "--set", "train_limit=32", "--set", set, "--out", out).code, 0);
    assert.equal(JSON.parse(f.read(out, "job.json")).name, name);
  }
  assert.equal(csv(f.read("job.run", "curve.csv")).rows[0][4], 0.05);
});

test("--set KEY=null takes out what the file sets, as null does in the API's patches", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1, train_limit: 32, name: "of the file", seed: 7, optimizer: { learning_rate: 0.05, momentum: 0.9 }, metadata: { a: "1", b: "2" } });
  const r = f.run("train", "job.json", "--set", "name=null", "--set", "seed=null", "--set", "optimizer.momentum=null", "--set", "/metadata/a=null",
    "--set", "schedule=null", "--set", "ema.decay=null");
  assert.equal(r.code, 0, r.err);
  const job = JSON.parse(f.read("job.run", "job.json"));
  assert.deepEqual([job.name, job.seed, job.optimizer.learning_rate, job.optimizer.momentum, job.metadata], ["", 0, 0.05, 0, { b: "2" }]);
});

test("--set KEY=null takes out a member of init_from, and a block", (t) => {
  const f = folder(t);
  const job = { ...TINY, epochs: 1, train_limit: 32 };
  f.write("7", "no model");
  f.write("job.json", { ...job, init_from: { file: "7" }, blocks: { "2.0": [8, [8, 8], [8, 8], 8] } });
  const r = f.run("train", "job.json", "--set", "init_from.file=null", "--set", "/init_from/sha256=null", "--set", "/blocks/2.0=null");
  assert.equal(r.code, 0, r.err);
  const made = JSON.parse(f.read("job.run", "job.json"));
  assert.deepEqual([made.init_from, made.blocks], [{}, {}]);
  // The name of a file may look like a number.
  f.write("job.json", job);
  const named = f.run("train", "job.json", "--set", "init_from.file=7", "--out", "other");
  assert.deepEqual([named.code, named.err.includes("must be")], [1, false], named.err);
  const unknown = f.run("train", "job.json", "--set", "init_from.path=null");
  assert.deepEqual([unknown.code, unknown.err], [2, "job.json: /init_from/path is not a known field\n"]);
});

test("--set has the faults that a file has, and some of its own", (t) => {
  const f = folder(t);
  f.write("job.json", TINY);
  const faults = [
    ["epoch=1", 'job.json: /epoch is not a known field; did you mean "epochs"?'],
    ["optimizer.lr=1", "job.json: /optimizer/lr is not a known field"],
    ["epoch=null", 'job.json: /epoch is not a known field; did you mean "epochs"?'],
    ["epochs=many", 'job.json: /epochs must be a whole number, got "many"'],
    ["network=7", 'job.json: /network must be one of'],
    ["epochs", "googlenetd: --set epochs: expected KEY=VALUE"],
    ["=1", "googlenetd: --set =1: expected KEY=VALUE"],
    ["epochs.x=1", "googlenetd: --set epochs.x=1: what stands before the dot is not an object"],
  ];
  for (const [set, fault] of faults) {
    const r = f.run("train", "job.json", "--set", set);
    assert.equal(r.code, 2, set);
    assert.ok(r.err === `${fault}\n` || (set === "network=7" && r.err.startsWith(fault) && r.err.endsWith(', got "7"\n')), r.err);
  }
});

test("a folder with a checkpoint is only touched by --resume", (t) => {
  const f = folder(t);
  f.write("job.json", TINY);
  assert.equal(f.run("train", "job.json").code, 0);
  const before = f.sha256("job.run", "checkpoint.safetensors");
  const r = f.run("train", "job.json");
  assert.equal(r.code, 1);
  assert.match(r.err, /^googlenetd: job\.run already has a checkpoint: go on from it with --resume/);
  assert.equal(f.sha256("job.run", "checkpoint.safetensors"), before);

  const other = f.run("train", "job.json", "--resume", "--set", "batch_size=16");
  assert.equal(other.code, 1);
  assert.equal(other.err, "googlenetd: job.run is of a training with batch_size 32, not 16\n");

  // What is complete stays complete, and more epochs can follow.
  const again = f.run("train", "job.json", "--resume");
  assert.equal(again.code, 0, again.err);
  assert.equal(csv(f.read("job.run", "epochs.csv")).rows.length, 3);
  const more = f.run("train", "job.json", "--resume", "--set", "epochs=4");
  assert.equal(more.code, 0, more.err);
  assert.deepEqual(csv(f.read("job.run", "epochs.csv")).rows.map((row) => row[0]), [1, 2, 3, 4]);
});

test("--resume where nothing is yet starts from the beginning", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1 });
  const r = f.run("train", "job.json", "--resume");
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^job\.run has no checkpoint yet: starting from the beginning\n/);
});

test("files that are not ours are left alone", (t) => {
  const f = folder(t);
  f.write("epochs.csv", "name,price\ntea,3\n");
  const r = f.run("train", f.write("tiny.json", TINY), "--out", ".");
  assert.equal(r.code, 1);
  assert.match(r.err, /epochs\.csv is not a file of a training/);
  assert.equal(f.read("epochs.csv"), "name,price\ntea,3\n");
});

test("budget and early stopping end a run as a success, with the reason", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1000 });
  let r = f.run("train", "job.json", "--out", "a", "--set", "max_seconds=0.5");
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^stopped early: the budget of 0\.5 seconds is used up$/m);
  assert.ok(existsSync(f.path("a", "model.safetensors")));
  // A resumed run has the same budget, and it is used up.
  const steps = csv(f.read("a", "curve.csv")).rows.length;
  r = f.run("train", "job.json", "--out", "a", "--set", "max_seconds=0.5", "--resume");
  assert.equal(r.code, 0, r.err);
  assert.equal(csv(f.read("a", "curve.csv")).rows.length, steps);

  r = f.run("train", "job.json", "--out", "b", "--set", "early_stopping.patience=2",
    "--set", "early_stopping.min_delta=1");
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^stopped early: 2 epochs without a better accuracy than 0\.\d+$/m);
  assert.equal(csv(f.read("b", "epochs.csv")).rows.length, 3);
});

test("two trainings cannot share a folder", async (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 100000 });
  const first = f.start("train", "job.json");
  await first.seen(/step/);
  const second = f.run("train", "job.json", "--resume");
  assert.equal(second.code, 1);
  assert.equal(second.err, "googlenetd: another training is writing to job.run\n");
  first.kill("SIGKILL");
  await first.ended;
});

test("a checkpoint that is none is refused and stays", (t) => {
  const f = folder(t);
  f.write("job.json", TINY);
  assert.equal(f.run("train", "job.json").code, 0);
  const whole = readFileSync(f.path("job.run", "checkpoint.safetensors"));
  rmSync(f.path("job.run", "checkpoint.previous.safetensors"));
  f.write("job.run/checkpoint.safetensors", whole.subarray(0, 1000).toString("latin1"));
  const r = f.run("train", "job.json", "--resume");
  assert.equal(r.code, 1);
  assert.match(r.err, /^googlenetd: .*checkpoint\.safetensors/);
});

test("a job gives its blocks the channels it wants, and a resume takes them from its settings", (t) => {
  const f = folder(t);
  const blocks = { "1.0": [4, [4, 8], [2, 6], 14], "2.0": [8, [4, 8], [4, 8], 8] };
  f.write("job.json", { ...TINY, epochs: 1, blocks });
  const r = f.run("train", "job.json");
  assert.equal(r.code, 0, r.err);
  assert.deepEqual(JSON.parse(f.read("job.run", "job.json")).blocks, blocks);
  const file = readFileSync(f.path("job.run", "checkpoint.safetensors"));
  const tensors = JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE(0))));
  assert.deepEqual(tensors["1.0.p3_2.weight"].shape, [6, 2, 5, 5]);
  assert.deepEqual(tensors["1.1.p1_1.weight"].shape, [16, 32, 1, 1]);
  assert.deepEqual(tensors["3.weight"].shape, [10, 32]);
  const resumed = f.run("train", "job.json", "--resume", "--set", "epochs=2");
  assert.equal(resumed.code, 0, resumed.err);

  // Other channels are another network.
  const other = f.run("train", "job.json", "--resume", "--set", 'blocks={"1.0":[5,[4,8],[2,6],14]}', "--set", "epochs=3");
  assert.notEqual(other.code, 0);
  assert.match(other.err, /is of another network|differ/);
});
