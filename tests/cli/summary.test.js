import assert from "node:assert/strict";
import { test } from "node:test";
import { NETWORKS, run } from "./run.js";

const googlenetd = (...args) => run({}, ...args);

test("without a command there is help on stderr and exit code 2", () => {
  const r = googlenetd();
  assert.equal(r.code, 2);
  assert.match(r.err, /^Usage: googlenetd COMMAND/);
  assert.equal(r.out, "");
});

test("--help and --version are everywhere", () => {
  for (const command of [[], ["serve"], ["health"], ["train"], ["summary"], ["bench"]]) {
    const help = googlenetd(...command, "--help");
    assert.equal(help.code, 0);
    assert.match(help.out, new RegExp(`^Usage: googlenetd ${command[0] ?? "COMMAND"}`));
    const version = googlenetd(...command, "--version");
    assert.equal(version.code, 0);
    assert.match(version.out, /^googlenetd \d+\.\d+\.\d+\noneDNN \d+\.\d+\.\d+, \w+\n$/);
  }
});

test("unknown commands and options are refused", () => {
  const faults = [
    [["fly"], "there is no command fly"],
    [["summary", "--colour"], "--colour is not an option here"],
    [["summary", "googlenet", "x"], "x is one argument too many; --compare takes several"],
    [["summary", "resnet"], `there is no network "resnet"; there are: ${NETWORKS.join(" ")}`],
    [["summary", "--classes"], "--classes needs a value"],
    [["summary", "--classes", "ten"], '--classes must be a whole number, got "ten"'],
    [["summary", "--classes", "0"], "--classes must be 1 to 65535, got 0"],
    [["summary", "--image-size=99999999999999999999"],
      "--image-size must be 1 to 4096, got 99999999999999999999"],
  ];
  for (const [args, sentence] of faults) {
    const r = googlenetd(...args);
    assert.equal(r.code, 2, args.join(" "));
    assert.ok(r.err.startsWith(`googlenetd: ${sentence}\n`), r.err);
    assert.equal(r.out, "");
  }
});

test("the chapter's network has its stages and parameters", () => {
  const text = googlenetd("summary").out;
  assert.match(text, /^total +5,977,530 +276,066,304$/m);
  assert.deepEqual(text.match(/^stage .*$/gm), [
    "stage 1  64 x 24 x 24",
    "stage 2  192 x 12 x 12",
    "stage 3  480 x 6 x 6",
    "stage 4  832 x 3 x 3",
    "stage 5  1024",
    "stage 6  10",
  ]);
});

test("long names move no column", () => {
  for (const network of ["wide_resnet16", "inception_v3"]) {
    const rows = googlenetd("summary", network).out.split("\n\n")[1].split("\n");
    assert.deepEqual([...new Set(rows.map((row) => row.length))], [rows[0].length], network);
  }
});

test("as JSON its layers add up to the totals", () => {
  const summary = JSON.parse(googlenetd("summary", "--json").out);
  assert.equal(summary.parameters, 5977530);
  const sum = (key) => summary.layers.reduce((total, layer) => total + layer[key], 0);
  assert.equal(sum("parameters"), summary.parameters);
  assert.equal(sum("multiply_adds"), summary.multiply_adds);
  assert.deepEqual(summary.layers.at(-1).output_shape, [10, 1, 1]);
});

test("other images and classes", () => {
  const options = ["--image-size", "224", "--channels", "3", "--classes", "1000"];
  const summary = JSON.parse(googlenetd("summary", "googlenet", "--json", ...options).out);
  assert.equal(summary.parameters, 6998552);
  assert.deepEqual(summary.input_shape, [3, 224, 224]);
});

test("bench leaves rewrites out", () => {
  const options = ["--batch-size", "8", "--steps", "1", "--threads", "1"];
  const without = ["merge_siblings", "fold_relu"].flatMap((name) => ["--without", name]);
  const r = googlenetd("bench", "googlenet_tiny", "--json", ...options, ...without);
  assert.equal(r.code, 0, r.err);
  const count = (type) => JSON.parse(r.out).layers.filter((layer) => layer.type === type).length;
  assert.deepEqual(["conv", "relu", "slice"].map(count), [19, 19, 0]);

  const bad = googlenetd("bench", "--without", "sleep");
  assert.equal(bad.code, 2);
  assert.match(bad.err, /--without must be fold_relu, merge_siblings, mask_in_reader, mask_past_concat, reuse_memory, fold_batch_norm or views, got sleep/);
});

test("bench times every layer and part of a step", () => {
  const options = ["--batch-size", "8", "--steps", "2", "--threads", "1"];
  const r = googlenetd("bench", "googlenet_tiny", "--json", ...options);
  assert.equal(r.code, 0, r.err);
  const bench = JSON.parse(r.out);
  assert.equal(bench.threads, 1);
  assert.ok(bench.step_ms > 0 && bench.ceiling_gflops > 0 && bench.evaluate_ms > 0 && bench.evaluate_cpu_ms > 0 && bench.step_cpu_ms > 0);
  for (const [direction, ms] of Object.entries(bench.parts_ms)) assert.ok(ms >= 0, direction);
  const convolutions = bench.layers.filter((layer) => layer.type === "conv");
  assert.equal(convolutions.length, 19 - 3 * 2);  // three siblings of each block are one
  for (const layer of convolutions) assert.ok(layer.forward.gflops > 0, layer.name);

  // What is no product with weights, added up again from the other side.
  const directions = (layer) => layer.forward.ms + layer.backward_data.ms + layer.backward_weights.ms;
  const products = bench.layers.filter(({ gflop }) => gflop > 0);
  assert.deepEqual([...new Set(products.map(({ type }) => type))].sort(), ["conv", "linear"]);
  const total = Object.values(bench.parts_ms).reduce((sum, ms) => sum + ms, 0);
  const besides = total - products.reduce((sum, layer) => sum + directions(layer), 0);
  assert.ok(Math.abs(besides - bench.ms_without_products) < 1e-6 * total);

  const text = googlenetd("bench", "googlenet_tiny", ...options).out;
  assert.match(text, /^0\.0 +conv .* \d+ +\d+% /m);
  assert.match(text, /^all but products with weights +[\d.]+ +[\d.]+%$/m);
  assert.match(text, /^step +[\d.]+ ms \(median; fastest [\d.]+\), [\d.]+ examples\/s$/m);
  assert.equal(googlenetd("bench", "--steps", "0").code, 2);
});

test("networks side by side: where the parameters sit", () => {
  const names = ["googlenet", "alexnet", "vgg11", "nin"];
  const rows = JSON.parse(googlenetd("summary", "--compare", "--json", ...names).out);
  assert.deepEqual(rows.map((r) => [r.network, r.image_size, r.parameters, r.convolution_parameters, r.linear_parameters, r.smallest_image_size]), [
    ["googlenet", 96, 5977530, 5967280, 10250, 1],
    ["alexnet", 224, 46764746, 3723968, 43040778, 65],
    ["vgg11", 224, 128806154, 9219328, 119586826, 32],
    ["nin", 224, 1992166, 1992166, 0, 67],
  ]);
  for (const r of rows) assert.ok(r.training_memory_bytes > 12 * r.parameters, r.network);
  const text = googlenetd("summary", "--compare", ...names).out.trimEnd().split("\n");
  assert.equal(text.length, 5);
  assert.match(text[2], /^alexnet +224 +46,764,746 +3,723,968 +43,040,778 +938,146,176 +\d+ MB +65$/);
  const all = JSON.parse(googlenetd("summary", "--compare", "--json").out);
  assert.deepEqual(all.map((r) => r.network), NETWORKS);
});

test("an image that is too small is refused with the smallest that is not", () => {
  for (const args of [["alexnet"], ["--compare", "googlenet", "alexnet"]]) {
    const r = googlenetd("summary", "--image-size", "64", ...args);
    assert.equal(r.code, 2);
    assert.equal(r.err, "googlenetd: --image-size must be 65 or more for alexnet, got 64\n");
  }
  assert.equal(googlenetd("summary", "alexnet", "--image-size", "65").code, 0);
});
