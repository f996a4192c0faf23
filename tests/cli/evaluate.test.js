// `googlenetd evaluate`: the training's own figures again, and what is behind them.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { csv, folder, TINY } from "./run.js";

// A training with held-out examples; its kernels lie beside the model, so figures are the same bits.
function trained(t, job) {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1, train_limit: 640, test_limit: 200, ...job });
  const r = f.run("train", "job.json", "--out", "run");
  assert.equal(r.code, 0, r.err);
  const { header, rows } = csv(f.read("run", "epochs.csv"));
  return { f, epoch: Object.fromEntries(header.map((name, i) => [name, rows.at(-1)[i]])) };
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

test("figures are those of the training, and agree with one another", (t) => {
  const { f, epoch } = trained(t, { validation_split: 0.25 });
  const r = f.run("evaluate", "run", "fashion_mnist", "--limit", "200", "--batch-size", "32", "--threads", "1", "--json",
    "--csv", "confusion.csv", "--worst", "7");
  assert.equal(r.code, 0, r.err);
  assert.equal(r.err, "");
  const e = JSON.parse(r.out);
  assert.equal(e.loss, epoch.test_loss);
  assert.equal(e.accuracy, epoch.test_accuracy);
  assert.equal(e.top5_accuracy, epoch.test_top5_accuracy);
  assert.deepEqual([e.network, e.dataset, e.split, e.examples], ["googlenet_tiny", "fashion_mnist", "test", 200]);

  assert.equal(e.classes.length, 10);
  assert.equal(e.classes[9].name, "Ankle boot");
  assert.equal(sum(e.classes.map((c) => c.support)), 200);
  assert.equal(sum(e.classes.map((c) => c.guessed)), 200);
  assert.equal(sum(e.classes.map((c) => c.hits)) / 200, e.accuracy);
  for (const [k, c] of e.classes.entries()) {
    assert.equal(c.support, sum(e.confusion.filter((cell) => cell[0] === k).map((cell) => cell[2])));
    assert.equal(c.recall, c.support ? c.hits / c.support : 0);
    assert.equal(c.precision, c.guessed ? c.hits / c.guessed : 0);
  }
  const wrong = e.confusion.filter(([truth, guess]) => truth !== guess);
  assert.equal(e.confused[0].count, Math.max(...wrong.map((cell) => cell[2])));

  assert.equal(e.worst.length, 7);
  for (const [i, m] of e.worst.entries()) {
    assert.notEqual(m.truth, m.guess);
    assert.ok(m.example >= 0 && m.example < 200 && m.confidence > m.truth_share);
    assert.ok(i === 0 || e.worst[i - 1].loss >= m.loss);
  }

  const c = e.calibration;
  assert.equal(c.bins.length, 15);
  assert.equal(sum(c.bins.map((b) => b.count)), 200);
  const error = sum(c.bins.map((b) => (b.count / 200) * Math.abs(b.accuracy - b.confidence)));
  assert.ok(Math.abs(c.expected_error - error) < 1e-12);
  assert.equal(c.temperature_examples, 160);
  assert.ok(c.temperature >= 0.01 && c.temperature <= 100);

  const matrix = f.read("confusion.csv").trimEnd().split("\n").map((line) => line.split(","));
  assert.deepEqual(matrix[0], ["truth", ...e.classes.map((each) => each.name)]);
  assert.equal(matrix.length, 11);
  for (const [truth, row] of matrix.slice(1).entries()) {
    assert.equal(row[0], e.classes[truth].name);
    for (const [guess, count] of row.slice(1).entries())
      assert.equal(Number(count), e.confusion.find((cell) => cell[0] === truth && cell[1] === guess)?.[2] ?? 0);
  }
});

// The four files of an MNIST-like set: three classes, as bright as `brightness` makes them.
function writeSet(dir, brightness) {
  const idx = (type, ...dims) => Buffer.concat([Buffer.from([0, 0, 8, type]), ...dims.map((n) => {
    const b = Buffer.alloc(4);
    b.writeUInt32BE(n);
    return b;
  })]);
  mkdirSync(dir);
  for (const [name, count] of [["train", 60], ["t10k", 12]]) {
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
    const pixels = Uint8Array.from({ length: count * 784 }, (_, i) => (brightness * (1 + labels[Math.floor(i / 784)]) + i * 7) % 251);
    writeFileSync(`${dir}/${name}-labels-idx1-ubyte`, Buffer.concat([idx(1, count), labels]));
    writeFileSync(`${dir}/${name}-images-idx3-ubyte`, Buffer.concat([idx(3, count, 28, 28), pixels]));
  }
}

test("the set of the training is known again by its folder however it is spelt, or by its digest", (t) => {
  const f = folder(t);
  const ok = (...args) => {
    const r = f.run(...args);
    assert.equal(r.code, 0, r.err);
    return r.out;
  };
  const train = (dataset, out) => {
    f.write("job.json", { ...TINY, dataset, epochs: 1, train_limit: 0, test_limit: 0, validation_split: 0.2 });
    ok("train", "job.json", "--out", out);
  };
  const heldOut = (run, dataset) => {
    const { calibration } = JSON.parse(ok("evaluate", run, dataset, "--json"));
    return calibration.temperature_examples ?? calibration.no_temperature;
  };
  writeSet(f.path("plain"), 20);
  writeSet(f.path("other"), 50);
  train("./plain/", "run");
  for (const spelt of ["plain/", "./plain", "other/../plain", f.path("plain"), f.path("plain/")])
    assert.equal(heldOut("run", spelt), 12, spelt);
  assert.match(heldOut("run", "other/"), /another data set/);

  for (const set of ["plain", "other"])
    ok("dataset", "import", set, "--out", `packed-${set}`, "--size", "28");
  train("packed-plain/", "run2");
  renameSync(f.path("packed-plain"), f.path("moved"));
  renameSync(f.path("packed-other"), f.path("packed-plain"));
  assert.equal(heldOut("run2", "moved/"), 12);
  assert.match(heldOut("run2", "packed-plain/"), /another data set/);
});

test("another split, another folder: no temperature where nothing was held out", (t) => {
  const { f, epoch } = trained(t, {});
  const r = f.run("evaluate", "run/model.safetensors", "fashion_mnist", "--split", "train", "--limit", "100", "--json");
  assert.equal(r.code, 0, r.err);
  const e = JSON.parse(r.out);
  assert.deepEqual([e.split, e.examples, e.calibration.temperature], ["train", 100, null]);
  assert.equal(e.test_time_flips, false);
  const flipped = f.run("evaluate", "run", "fashion_mnist", "--limit", "200", "--test-time-flips");
  assert.equal(flipped.code, 0, flipped.err);
  assert.match(flipped.out, /^200 examples with test-time flips: accuracy 0\.\d{4}, top-5 /);
  const text = f.run("evaluate", "run/best.safetensors", "fashion_mnist", "--limit", "200", "--batch-size", "32",
    "--threads", "1");
  assert.equal(text.code, 0, text.err);
  const accuracy = epoch.test_accuracy.toFixed(4), loss = epoch.test_loss.toFixed(4);
  assert.ok(text.out.startsWith(`200 examples: accuracy ${accuracy}, top-5 ${epoch.test_top5_accuracy.toFixed(4)}, loss ${loss}\n`), text.out);
  assert.match(text.out, /^expected calibration error 0\.\d{4}$/m);
  assert.match(text.out, /^Ankle boot +\d+ +(0\.\d{3}|-) +0\.\d{3} +0\.\d{3}$/m);
  assert.doesNotMatch(text.out, /without examples/);
});

test("classes without examples have no figures, and are named", (t) => {
  const { f } = trained(t, { epochs: 1, train_limit: 64, test_limit: 32 });
  const few = (...more) => f.run("evaluate", "run", "fashion_mnist", "--limit", "3", "--threads", "1", ...more);
  const { classes } = JSON.parse(few("--json").out), { code, out, err } = few();
  assert.equal(code, 0, err);
  const figure = (c, key, base) => (base > 0 ? c[key].toFixed(3) : "-");
  for (const c of classes) {
    const [line] = out.split("\n").filter((l) => l.startsWith(`${c.name} `));
    assert.deepEqual(line.slice(24).trim().split(/ +/), [`${c.support}`, figure(c, "precision", c.guessed), figure(c, "recall", c.support),
      figure(c, "f1", c.guessed + c.support)]);
  }
  const untested = classes.filter((c) => c.support === 0).map((c) => c.name);
  assert.ok(untested.length >= 7);
  assert.ok(out.includes(`\nwithout examples: ${untested.slice(0, 5).join(", ")} and ${untested.length - 5} more; the mean `), out);
});

test("names that a stranger's file gives its classes do nothing to a terminal", (t) => {
  const { f } = trained(t, { epochs: 1, train_limit: 64, test_limit: 32 });
  const bytes = readFileSync(f.path("run", "model.safetensors")), length = Number(bytes.readBigUInt64LE());
  const { __metadata__: { checksum, ...metadata }, ...tensors } = JSON.parse(bytes.subarray(8, 8 + length));
  const names = Array.from({ length: 10 }, (_, k) => `\x1b]0;title\x07two\nlines ${k}`);
  const header = Buffer.from(JSON.stringify({ __metadata__: { ...metadata, class_names: JSON.stringify(names) }, ...tensors }));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(f.path("strange.safetensors"), Buffer.concat([size, header, bytes.subarray(8 + length)]));
  const r = f.run("evaluate", "strange.safetensors", "fashion_mnist", "--limit", "32", "--threads", "1");
  assert.equal(r.code, 0, r.err);
  assert.match(r.out, /^\?\]0;title\?two\?lines 9 /m);
  assert.match(r.out, /^ +\d+  \?\]0;title\?two\?lines \d taken for /m);
  assert.doesNotMatch(r.out + r.err, /[\x00-\x09\x0b-\x1f\x7f]/);
});

test("faulty arguments", (t) => {
  const f = folder(t);
  const refused = (code, message, ...args) => {
    const r = f.run("evaluate", ...args);
    assert.equal(r.code, code, r.err);
    assert.match(r.err, message);
  };
  f.write("job.json", { ...TINY, epochs: 1, train_limit: 32, test_limit: 10 });
  assert.equal(f.run("train", "job.json", "--out", "run").code, 0);
  refused(2, /evaluate needs an argument/, "run");
  refused(2, /--split must be test or train, got "all"/, "run", "fashion_mnist", "--split", "all");
  refused(2, /--precision must be auto, f32 or bf16/, "run", "fashion_mnist", "--precision", "f16");
  refused(1, /dataset must be a known name/, "run", "no_such_set");
  refused(1, /nothing/, "nothing", "fashion_mnist");
  refused(1, /is of a network with 1 channels, not 3/, "run", "fashion_mnist", "--channels", "3");
  refused(1, /no\/such\/folder/, "run", "fashion_mnist", "--limit", "10", "--csv", "no/such/folder/c.csv");
  // Known before the work: what comes after it is not looked at.
  refused(1, /no\/such\/folder/, "run", "no_such_set", "--csv", "no/such/folder/c.csv");
  refused(2, /--csv must name a file, got -: standard output has what the command prints/, "run", "fashion_mnist", "--csv", "-");
  assert.equal(existsSync(f.path("no")), false);
  assert.equal(existsSync(f.path("-")), false);
});
