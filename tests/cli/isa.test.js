// Older CPUs, played by a limit on oneDNN's instructions: they train as well, with the kernels they have.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { csv, folder, run, TINY } from "./run.js";

const flags = readFileSync("/proc/cpuinfo", "utf8");
const LIMITS = [
  { isa: "SSE41", flag: " sse4_1 ", precision: "f32", own: false },
  { isa: "AVX", flag: " avx ", precision: "f32", own: false },
  { isa: "AVX2", flag: " avx2 ", precision: "f32", own: false },
  { isa: "AVX512_CORE", flag: " avx512bw ", precision: "f32", own: true },
  { isa: "AVX512_CORE_BF16", flag: " avx512_bf16 ", precision: "bf16", own: true },
  { isa: "AVX512_CORE_AMX", flag: " amx_bf16 ", precision: "bf16", own: true },
].filter(({ flag }) => flags.includes(flag));

const limited = (f, isa) => ({ cwd: f.dir, env: { ...process.env, ONEDNN_MAX_CPU_ISA: isa } });

// The JSON in front of a safetensors file's numbers.
function metadata(path) {
  const file = readFileSync(path);
  return JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE(0))))["__metadata__"];
}

// A row of the curve without a limit, once for all tests.
let usualKept;
function usualRow(f) {
  if (!usualKept) {
    assert.equal(run({ cwd: f.dir }, "train", "job.json", "--set", "precision=f32", "--out", "f32").code, 0);
    usualKept = csv(f.read("f32", "curve.csv")).rows[4];
  }
  return usualKept;
}

for (const { isa, precision } of LIMITS) {
  test(`a training with no more than ${isa}`, (t) => {
    const f = folder(t);
    f.write("job.json", { ...TINY, epochs: 1 });
    const r = run(limited(f, isa), "train", "job.json");
    assert.equal(r.code, 0, r.err);
    const meta = metadata(f.path("job.run", "checkpoint.safetensors"));
    assert.equal(meta.cpu_isa, isa.toLowerCase());
    assert.equal(meta.precision, precision);

    // The same training, whatever computes it.
    const ours = csv(f.read("job.run", "curve.csv")).rows[4], usual = usualRow(f);
    assert.equal(ours[0], usual[0]);
    const apart = Math.abs(ours[2] - usual[2]);
    assert.ok(apart < (precision === "f32" ? 1e-3 : 0.02), `losses ${ours[2]} and ${usual[2]}`);
  });
}

// Rectangular windows and normalisation; strides of 4, dropout and a pool at the end; residual connections, before
// and after normalisation. Batches as small as the tolerance allows, for kernels are measured longer than they are used.
for (const [network, image_size, batch_size] of [["googlenet_v2", 32, 16], ["nin", 67, 8], ["resnet18", 32, 8], ["wide_resnet16", 12, 8]]) {
  test(`${network} trains with no more than AVX2, from the same loss`, { skip: !flags.includes(" avx2 ") }, (t) => {
    const f = folder(t);
    f.write("job.json", { ...TINY, network, image_size, precision: "f32", epochs: 1, batch_size, train_limit: 2 * batch_size, test_limit: batch_size,
      optimizer: { learning_rate: 0.001 } });
    assert.equal(run(limited(f, "AVX2"), "train", "job.json", "--out", "avx2").code, 0);
    assert.equal(run({ cwd: f.dir }, "train", "job.json", "--out", "usual").code, 0);
    const [ours, usual] = ["avx2", "usual"].map((name) => csv(f.read(name, "curve.csv")).rows[0]);
    assert.equal(ours[0], 1);
    // The first step's: normalisation over so few pixels makes the later ones a matter of the last bits.
    assert.ok(Math.abs(ours[2] - usual[2]) < 1e-4 * usual[2], `losses ${ours[2]} and ${usual[2]}`);
  });
}

// Of the cheapest network that takes all kinds of kernels. On one thread: between two, oneDNN's products wait for each
// other at barriers that spin, on a busy machine for as long as they compute.
for (const { isa, precision, own } of LIMITS) {
  test(`kernels with no more than ${isa}`, (t) => {
    const f = folder(t);
    const r = run(limited(f, isa), "bench", "nin", "--json", "--steps", "1", "--batch-size", "4", "--image-size", "67", "--threads", "1");
    assert.equal(r.code, 0, r.err);
    const bench = JSON.parse(r.out);
    assert.equal(bench.precision, precision);
    // The first layer passes no gradient on to the image.
    const names = bench.layers.filter(({ type }) => type === "conv")
      .flatMap((l) => [l.forward, l.backward_data, l.backward_weights]).map(({ kernel }) => kernel).filter(Boolean);
    assert.ok(names.length > 30, String(names.length));
    const known = own ? /^(oneDNN|(gemm|im2col|winograd F\(\d,\d\))( amx)?)$/ : /^oneDNN$/;
    for (const name of names) assert.match(name, known);
  });
}

test("bf16 is refused where the CPU has no instructions for it", (t) => {
  const f = folder(t);
  f.write("job.json", { ...TINY, precision: "bf16" });
  const r = run(limited(f, "AVX2"), "train", "job.json");
  assert.equal(r.code, 1);
  assert.match(r.err, /precision bf16 needs a CPU with AVX512-BF16 or AMX, this one has avx2; use f32 or auto/);
});
