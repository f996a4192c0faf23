// `googlenetd export`: what it writes from what a training left, and what it refuses.
import assert from "node:assert/strict";
import { existsSync, linkSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { folder, run, TINY } from "./run.js";

// A training of a network in a folder of its own.
function trained(t, job) {
  const f = folder(t);
  f.write("job.json", { ...TINY, epochs: 1, train_limit: 64, test_limit: 32, precision: "f32", ...job });
  const r = f.run("train", "job.json", "--out", "run");
  assert.equal(r.code, 0, r.err);
  return f;
}

// A property of the file by its key: fields 1 and 2, texts, of a message.
function property(bytes, key) {
  let at = bytes.indexOf(Buffer.concat([Buffer.from([0x0a, key.length]), Buffer.from(key), Buffer.from([0x12])])) + key.length + 3;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return bytes.toString("utf8", at, at + length);
  }
}

const count = (bytes, text) => bytes.toString("latin1").split(text).length - 1;

test("a run's folder becomes an ONNX file, the same file each time", (t) => {
  const f = trained(t, { normalization: { type: "measured" } });
  const r = f.run("export", "run", "--onnx", "a.onnx", "--json");
  assert.equal(r.code, 0, r.err);
  const bytes = readFileSync(f.path("a.onnx"));
  assert.deepEqual(JSON.parse(r.out), {
    file: "a.onnx", format: "onnx", network: "googlenet_tiny", classes: 10, channels: 1, image_size: 28,
    image_size_assumed: false, batch_norm: "folded", preprocessing: "in", input: "pixels", output: "logits",
    bytes: bytes.length,
  });
  assert.equal(count(bytes, "class_names"), 1);
  assert.equal(count(bytes, '["T-shirt/top","Trouser"'), 1);
  assert.equal(count(bytes, "preprocessing.normalised.by"), 2);
  const text = f.run("export", "run/model.safetensors", "--onnx", "b.onnx");
  assert.equal(text.code, 0, text.err);
  assert.match(text.out, /^b\.onnx: googlenet_tiny, 10 classes, 0\.1 MB\ninput pixels: float32, batch x 1 x 28 x 28, 0 to 255\n$/);
  assert.equal(f.sha256("a.onnx"), f.sha256("b.onnx"));
  // The checkpoint has the same weights; that its state says more changes nothing.
  assert.equal(f.run("export", "run/checkpoint.safetensors", "--onnx", "c.onnx").code, 0);
  assert.equal(f.sha256("a.onnx"), f.sha256("c.onnx"));
  const out = f.run("export", "run", "--onnx", "d.onnx", "--preprocessing", "out", "--probabilities");
  assert.equal(out.code, 0, out.err);
  assert.match(out.out, /^input image: .*, scaled and normalised$/m);
  assert.equal(count(readFileSync(f.path("d.onnx")), "preprocessing."), 0);
  assert.equal(count(readFileSync(f.path("d.onnx")), "Softmax"), 1);
});

test("the metadata say how a picture file becomes the input", (t) => {
  const f = trained(t, { image_size: 32, normalization: { type: "given", mean: [0.25], std: [0.5] } });
  const read = (...options) => {
    assert.equal(f.run("export", "run", "--onnx", "x.onnx", ...options).code, 0);
    return JSON.parse(property(readFileSync(f.path("x.onnx")), "preprocessing"));
  };
  const want = { colour: "grey", picture: { size: 28, fit: "crop", filter: "bilinear" }, size: 32, layout: "NCHW", scale: 1 / 255, mean: [0.25], std: [0.5], in_graph: true };
  assert.deepEqual(read(), want);
  assert.deepEqual(read("--preprocessing", "out"), { ...want, in_graph: false });
  const plain = trained(t, {});
  assert.equal(plain.run("export", "run", "--onnx", "x.onnx").code, 0);
  const { mean, std } = JSON.parse(property(readFileSync(plain.path("x.onnx")), "preprocessing"));
  assert.deepEqual([mean, std], [[0], [1]]);
});

test("batch norms are folded unless they are to stay, and blocks of one's own are known", (t) => {
  const f = trained(t, { network: "googlenet_bn", image_size: 32, batch_size: 8, train_limit: 8, test_limit: 8, blocks: { "2.0": [8, [8, 16], [4, 8], 8] } });
  const norms = (...options) => {
    const r = f.run("export", "run", "--onnx", "x.onnx", ...options);
    assert.equal(r.code, 0, r.err);
    return count(readFileSync(f.path("x.onnx")), "BatchNormalization");
  };
  assert.equal(norms(), 0);
  assert.equal(norms("--fold-batch-norm"), 0);
  assert.equal(norms("--no-fold-batch-norm"), 57);
});

test("a model is not replaced by what is made of it", (t) => {
  const f = trained(t, {});
  const model = f.path("run", "model.safetensors"), before = readFileSync(model);
  symlinkSync(model, f.path("link"));
  linkSync(model, f.path("other name"));
  for (const file of ["run/model.safetensors", "./run/../run/model.safetensors", "link", "other name"])
    for (const [option, ...command] of [["--onnx", "export", "run"], ["--csv", "evaluate", "run", "fashion_mnist", "--limit", "8"]]) {
      const r = f.run(...command, option, file);
      assert.equal(r.code, 1, `${option} ${file}`);
      assert.equal(r.err, `googlenetd: ${option} ${file} is the model itself, which it would replace\n`);
    }
  assert.deepEqual(readFileSync(model), before);
});

test("weights that say nothing of themselves need a name", (t) => {
  const f = trained(t, {});
  const bytes = readFileSync(f.path("run", "model.safetensors"));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length));
  delete header.__metadata__;
  const plain = Buffer.from(JSON.stringify(header).padEnd(length));
  writeFileSync(f.path("plain.safetensors"), Buffer.concat([bytes.subarray(0, 8), plain, bytes.subarray(8 + length)]));
  const r = f.run("export", "plain.safetensors", "--onnx", "a.onnx");
  assert.equal(r.code, 1);
  assert.equal(r.err, "googlenetd: plain.safetensors does not say which network its weights are of: name it (--network)\n");
  assert.equal(existsSync(f.path("a.onnx")), false);
  const named = f.run("export", "plain.safetensors", "--onnx", "a.onnx", "--network", "googlenet_tiny");
  assert.equal(named.code, 0, named.err);
  assert.match(named.out, /^note: the weights do not say the side of the images: 28 is the network's default$/m);
});

test("faulty arguments", (t) => {
  const f = folder(t);
  const refused = (code, message, ...args) => {
    const r = f.run("export", ...args);
    assert.equal(r.code, code, r.err);
    assert.match(r.err, message);
  };
  f.write("text.safetensors", "not weights");
  refused(2, /--onnx FILE is missing/, "a");
  refused(2, /contradict each other/, "a", "--onnx", "b", "--fold-batch-norm", "--no-fold-batch-norm");
  refused(2, /--onnx must name a file, got -/, "a", "--onnx", "-");
  refused(2, /--preprocessing must be in or out, got "no"/, "a", "--onnx", "b", "--preprocessing", "no");
  refused(2, /export needs an argument/);
  refused(1, /nothing\.safetensors/, "nothing.safetensors", "--onnx", "b");
  refused(1, /text\.safetensors/, "text.safetensors", "--onnx", "b");
  refused(1, /model\.safetensors/, ".", "--onnx", "b");
  assert.equal(existsSync(f.path("b")), false);
  assert.match(run({}, "export", "--help").out, /^Usage: googlenetd export MODEL --onnx FILE/);
});
