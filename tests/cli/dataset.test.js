// googlenetd dataset import: a folder of pictures becomes a set that trains.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chmodSync, linkSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { execFileSync, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { folder, start } from "./run.js";
import { noise, png, put } from "./pictures.js";

// `count` pictures for each of two classes.
function pictures(f, name = "in", count = 12) {
  for (let i = 0; i < count; i++) {
    put(f.path(name, "cat", `${i}.png`), noise(20 + i, 30, i));
    put(f.path(name, "dog", `${i}.png`), noise(30, 20 + i, 100 + i));
  }
}

const imported = (f, ...args) => f.run("dataset", "import", ...args);

test("a folder becomes a set, with a report, and trains", (t) => {
  const f = folder(t);
  pictures(f);
  put(f.path("in", "dog", "broken.jpg"), noise(20, 20, 7).subarray(0, 300));
  put(f.path("in", "dog", "notes.txt"), "no picture");
  symlinkSync("/etc/passwd", f.path("in", "cat", "link.png"));
  const r = imported(f, "in", "--out", "set", "--size", "32", "--test-share", "0.25");
  assert.equal(r.err, "");
  assert.equal(r.code, 0);
  assert.match(r.out, /^cat +9 +3$/m);
  assert.match(r.out, /^dog +9 +3$/m);
  assert.match(r.out, /^left out +3: link 1, picture_truncated 1, picture_unknown 1$/m);
  assert.match(r.out, /^  dog\/broken\.jpg: the PNG is cut off: its data ends too early$/m);
  assert.match(r.out, /^warning +classes with fewer than 10 training pictures: cat \(9\), dog \(9\)$/m);
  assert.match(r.out, /^set: 24 pictures in /m);
  assert.deepEqual(readdirSync(f.path("set")).sort(), ["report.json", "set.index", "test.labels", "test.names",
    "test.pixels", "train.labels", "train.names", "train.pixels"]);
  const report = JSON.parse(f.read("set", "report.json"));
  assert.deepEqual(report.counts, { train: 18, test: 6, left_out: 3 });
  assert.deepEqual(report.left_out.map(({ path, code }) => [path, code]), [
    ["cat/link.png", "link"], ["dog/broken.jpg", "picture_truncated"], ["dog/notes.txt", "picture_unknown"]]);
  assert.deepEqual(report.image, { channels: 3, size: 32, fit: "crop", filter: "bilinear" });
  f.write("job.json", { network: "googlenet_tiny", image_size: 28, epochs: 1, batch_size: 6, threads: 1 });
  const trained = f.run("train", "job.json", "--set", "dataset=set/");
  assert.equal(trained.err, "");
  assert.equal(trained.code, 0);
  assert.match(trained.out, /step 3\/3/);
});

test("a set without test pictures says what it is good for", (t) => {
  const f = folder(t);
  pictures(f);
  const told = (...args) => /^warning +(there are no test pictures.*)$/m.exec(imported(f, ...args).out)[1];
  const why = "there are no test pictures, by which a training is judged: the set cannot be trained on; ";
  assert.equal(told("in", "--out", "drawn", "--test-share", "0"), `${why}import it again with a larger test_share`);
  pictures(f, "parts/train");
  for (const name of ["cat", "dog"]) put(f.path("parts/test", name, "0.png"), "no picture");
  assert.equal(told("parts", "--out", "given"), `${why}add some to the source`);
  // It is so, also where examples are held out.
  f.write("job.json", { network: "googlenet_tiny", image_size: 28, epochs: 1, batch_size: 6, threads: 1, validation_split: 0.25 });
  const r = f.run("train", "job.json", "--set", "dataset=drawn/");
  assert.equal(r.code, 1);
  assert.match(r.err, /drawn has no test examples, by which a training is judged at its end\n$/);
});

test("a limit that leaves classes out says so", (t) => {
  const f = folder(t);
  pictures(f);
  assert.equal(imported(f, "in", "--out", "set", "--test-share", "0.25").code, 0);
  f.write("job.json", { network: "googlenet_tiny", image_size: 28, epochs: 1, batch_size: 6, threads: 1, dataset: "set/" });
  const notes = (...limits) => f.run("train", "job.json", "--out", limits.join(), ...limits.flatMap((limit) => ["--set", limit])).out.split("\n").filter((line) => line.startsWith("note: "));
  assert.deepEqual(notes("train_limit=9", "test_limit=3"), [
    'note: train_limit takes the first 9, and these are of 1 of 2 classes: none is of "dog"',
    'note: test_limit takes the first 3, and these are of 1 of 2 classes: none is of "dog"']);
  assert.deepEqual(notes("train_limit=10", "test_limit=4"), []);
});

test("an archive gives the set of the folder that it holds", (t) => {
  const f = folder(t);
  pictures(f);
  const digest = ({ out }) => /^digest ([0-9a-f]{64})$/m.exec(out)[1];
  const want = digest(imported(f, "in", "--out", "a", "--jobs", "1"));
  for (const [name, args] of [["in.tar", "cf"], ["in.tgz", "czf"]]) {
    execFileSync("tar", [args, name, "in"], { cwd: f.dir });
    const r = imported(f, name, "--out", name + ".set");
    assert.equal(r.err, "");
    assert.equal(digest(r), want);
  }
  const other = imported(f, "in", "--out", "b", "--size", "48");
  assert.notEqual(digest(other), want);
});

test("channels, fit and filter are those asked for", (t) => {
  const f = folder(t);
  pictures(f, "in", 3);
  const args = ["in", "--json", "--size", "16", "--channels", "1", "--fit", "pad", "--filter", "bicubic", "--seed", "7"];
  const r = imported(f, ...args, "--out", "set");
  const report = JSON.parse(r.out);
  assert.deepEqual(report.image, { channels: 1, size: 16, fit: "pad", filter: "bicubic" });
  assert.deepEqual(report.split, { given: false, test_share: 0.2, seed: 7 });
  assert.equal(report.pixels.mean.length, 1);
  assert.equal(f.read("set", "report.json"), r.out);
  assert.equal(readFileSync(f.path("set", "train.pixels")).length + readFileSync(f.path("set", "test.pixels")).length, 6 * 16 * 16);
});

test("pixels are those that Pillow makes", (t) => {
  const f = folder(t);
  if (spawnSync("/usr/bin/python3", ["-c", "import PIL"]).status !== 0) return t.skip("no Pillow");
  pictures(f, "in", 6);
  for (const [fit, call] of [["crop", "ImageOps.fit(i,(24,24),Image.BILINEAR)"], ["pad", "ImageOps.pad(i,(24,24),Image.BILINEAR)"],
    ["stretch", "i.resize((24,24),Image.BILINEAR)"]]) {
    imported(f, "in", "--out", fit, "--size", "24", "--fit", fit);
    for (const split of ["train", "test"]) {
      const script = `import sys\nfrom PIL import Image,ImageOps\nfor n in open("${fit}/${split}.names").read().splitlines():\n` +
        ` i=Image.open("in/"+n).convert("RGB")\n sys.stdout.buffer.write(${call}.tobytes())`;
      const want = execFileSync("/usr/bin/python3", ["-c", script], { cwd: f.dir });
      assert.ok(want.equals(readFileSync(f.path(fit, `${split}.pixels`))), `${fit} ${split}`);
    }
  }
});

test("names of any bytes come out as text", (t) => {
  const f = folder(t);
  pictures(f, "in", 3);
  writeFileSync(Buffer.concat([Buffer.from(f.path("in", "cat")), Buffer.from("/Stra\xdfe\n.png", "latin1")]), noise(9, 9, 900));
  put(f.path("in", "cat", "größer \"als\" \\.png"), noise(9, 9, 901));
  const r = imported(f, "in", "--out", "set", "--json", "--test-share", "0");
  assert.equal(JSON.parse(r.out).counts.train, 8);
  const names = f.read("set", "train.names").split("\n");
  assert.equal(names.length, 9);
  assert.ok(names.includes('cat/größer "als" \\x5c.png'));
});

test("duplicates are told, those in several classes as such", (t) => {
  const f = folder(t);
  pictures(f, "in", 20);
  put(f.path("in", "cat", "copy.png"), readFileSync(f.path("in", "cat", "3.png")));
  put(f.path("in", "dog", "cat.png"), readFileSync(f.path("in", "cat", "5.png")));
  put(f.path("in", "dog", "white.png"), png(40, 40, () => new Uint8Array(120).fill(255)));
  const report = JSON.parse(imported(f, "in", "--out", "set", "--json").out);
  const { groups, exact } = report.duplicates;
  assert.deepEqual(exact, { groups: 2, pictures: 4, across_splits: 0, different_labels: 1 });
  assert.deepEqual(groups[0].pictures.map(({ path }) => path), ["cat/5.png", "dog/cat.png"]);
  assert.equal(groups[0].different_labels, true);
  assert.deepEqual(report.one_colour.map(({ path }) => path), ["dog/white.png"]);
  const codes = report.warnings.map(({ code }) => code);
  assert.ok(codes.includes("duplicates_with_different_labels") && codes.includes("one_colour"));
});

test("faults of the command line are named", (t) => {
  const f = folder(t);
  pictures(f, "in", 2);
  mkdirSync(f.path("empty"));
  mkdirSync(f.path("full"));
  f.write("full/file", "x");
  const refused = (pattern, ...args) => {
    const r = imported(f, ...args);
    assert.equal(r.code, 2, r.err);
    assert.equal(r.out, "");
    assert.match(r.err, pattern);
  };
  refused(/--out is needed/, "in");
  refused(/import needs an argument/, "--out", "set");
  refused(/full is not empty/, "in", "--out", "full/");
  refused(/nowhere/, "nowhere", "--out", "set");
  refused(/--channels must be 1 \(grey\) or 3 \(colour\), got 2/, "in", "--out", "set", "--channels", "2");
  refused(/--fit must be crop, pad or stretch, got fill/, "in", "--out", "set", "--fit", "fill");
  refused(/--filter must be/, "in", "--out", "set", "--filter", "nearest");
  refused(/--test-share must be/, "in", "--out", "set", "--test-share", "1");
  refused(/--seed must be/, "in", "--out", "set", "--seed", "-1");
  refused(/--size must be 8 to 1024, got 4/, "in", "--out", "set", "--size", "4");
  assert.equal(f.run("dataset").code, 2);
  assert.equal(f.run("dataset", "export").code, 2);
  assert.equal(f.run("dataset", "--help").code, 0);
  put(f.path("flat", "a.png"), noise(9, 9, 1));
  for (const mode of [0o750, 0o2775]) {
    chmodSync(f.path("empty"), mode);
    const unknown = imported(f, "flat", "--out", "empty");
    assert.equal(unknown.code, 1);
    assert.deepEqual(readdirSync(f.path("empty")), []);
    assert.equal(statSync(f.path("empty")).mode & 0o7777, mode);
  }
  assert.equal(imported(f, "in", "--out", "empty").code, 0);
  assert.deepEqual(readdirSync(f.dir).sort(), ["empty", "flat", "full", "in"]);
});

// Pictures that take a long time: one file under many names.
function slow(f) {
  put(f.path("in", "cat", "0.png"), png(4000, 4000, (y) => new Uint8Array(12000).fill(y)));
  mkdirSync(f.path("in", "dog"));
  for (let i = 1; i < 400; i++) linkSync(f.path("in", "cat", "0.png"), f.path("in", i % 2 ? "dog" : "cat", `${i}.png`));
}

// Decoders whose parent is `pid`.
const decoders = (pid) => spawnSync("pgrep", ["-P", `${pid}`], { encoding: "utf8" }).stdout.trim().split("\n").filter(Boolean);
const runs = (pid) => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};

async function interrupted(t, signal, prepare = () => {}) {
  const f = folder(t);
  slow(f);
  prepare(f);
  // By a shell, so that the number of the process is known.
  const child = start(f.dir, "dataset", "import", "in", "--out", "set", "--jobs", "2");
  let children = [];
  for (let i = 0; i < 30000 && children.length < 1; i++) {
    await sleep(10);
    children = decoders(child.pid);
  }
  assert.ok(children.length > 0, "it has started decoders");
  child.kill(signal);
  const { code, signal: by } = await child.ended;
  for (let i = 0; i < 30000 && children.some(runs); i++) await sleep(10);
  assert.deepEqual(children.filter(runs), []);
  return { f, code, by };
}

test("Ctrl-C leaves nothing", async (t) => {
  const { f, code } = await interrupted(t, "SIGINT");
  assert.equal(code, 130);
  assert.deepEqual(readdirSync(f.dir), ["in"]);
});

test("a process that is killed leaves no decoder and no half a set", async (t) => {
  const { f, by } = await interrupted(t, "SIGKILL");
  assert.equal(by, "SIGKILL");
  assert.deepEqual(readdirSync(f.dir), ["in"]);
});

test("an empty folder that was there stays when the import is killed, and the next one fills it", async (t) => {
  const { f, by } = await interrupted(t, "SIGKILL", (g) => {
    mkdirSync(g.path("set"));
    chmodSync(g.path("set"), 0o2750);
  });
  assert.equal(by, "SIGKILL");
  assert.deepEqual(readdirSync(f.dir), ["in", "set"]);
  assert.equal(statSync(f.path("set")).mode & 0o7777, 0o2750);
  pictures(f, "few");
  const r = imported(f, "few", "--out", "set", "--size", "16");
  assert.equal(r.code, 0, r.err);
  assert.equal(f.run("dataset", "verify", "set").code, 0);
  assert.deepEqual(readdirSync(f.dir), ["few", "in", "set"]);
});

test("verify reads every byte of a set, and names the file that differs", (t) => {
  const f = folder(t);
  pictures(f);
  assert.equal(imported(f, "in", "--out", "a", "--size", "16").code, 0);
  assert.equal(imported(f, "in", "--out", "b", "--size", "16").code, 0);
  const whole = f.run("dataset", "verify", "a", "b/");
  assert.equal(whole.code, 0);
  assert.match(whole.out, /^a: whole, 20 pictures for training, 4 for testing, digest [0-9a-f]{64}\nb\/: whole, /);
  const pixels = readFileSync(f.path("b", "train.pixels"));
  pixels[1000] ^= 1;
  writeFileSync(f.path("b", "train.pixels"), pixels);
  const r = f.run("dataset", "verify", "b/", "a");
  assert.equal(r.code, 1);
  assert.match(r.err, /^googlenetd: b\/train\.pixels .*\n$/);
  assert.match(r.out, /^a: whole, /);
  assert.equal(f.run("dataset", "verify", "in").code, 1);
  assert.equal(f.run("dataset", "verify").code, 2);
});

test("a training goes on with its set in another place, and not with another set in its place", (t) => {
  const f = folder(t);
  pictures(f);
  imported(f, "in", "--out", "set", "--size", "32");
  imported(f, "in", "--out", "other", "--size", "32", "--seed", "1");
  f.write("job.json", { network: "googlenet_tiny", image_size: 28, epochs: 1, batch_size: 6, threads: 1 });
  assert.equal(f.run("train", "job.json", "--out", "run", "--set", "dataset=set/").code, 0);
  f.shell("mv set moved; mv other set");
  const again = f.run("train", "job.json", "--out", "run", "--resume", "--set", "dataset=set/", "--set", "epochs=2");
  assert.equal(again.code, 1);
  assert.match(again.err, /is of a training on a data set with the digest [0-9a-f]{12}, not [0-9a-f]{12}\n$/);
  const moved = f.run("train", "job.json", "--out", "run", "--resume", "--set", "dataset=moved/", "--set", "epochs=2");
  assert.equal(moved.err, "");
  assert.match(moved.out, /^resumed at step \d+ of \d+$/m);
  const fashion = f.run("train", "job.json", "--out", "run", "--resume", "--set", "epochs=3");
  assert.match(fashion.err, /^googlenetd: run is of a training on \S*moved\S*, not fashion_mnist\n$/);
});

// Four IDX files have no digest: whether another set is the same, nobody can say.
test("a training on IDX files does not go on with a set in another place", (t) => {
  const f = folder(t);
  mkdirSync(f.path("idx"));
  for (const [name, count] of [["train", 24], ["t10k", 12]]) {
    const head = (...words) => Buffer.concat(words.map((word) => { const b = Buffer.alloc(4); b.writeUInt32BE(word); return b; }));
    writeFileSync(f.path("idx", `${name}-images-idx3-ubyte`), Buffer.concat([head(2051, count, 28, 28), Buffer.alloc(count * 784, 7)]));
    writeFileSync(f.path("idx", `${name}-labels-idx1-ubyte`), Buffer.concat([head(2049, count), Buffer.from(Array.from({ length: count }, (_, i) => i % 10))]));
  }
  imported(f, "idx", "--out", "packed", "--size", "28", "--channels", "1");
  f.write("job.json", { network: "googlenet_tiny", image_size: 28, epochs: 1, batch_size: 6, threads: 1 });
  const train = (...words) => f.run("train", "job.json", "--out", "run", ...words);
  assert.equal(train("--set", "dataset=idx/").code, 0);
  const other = train("--resume", "--set", "dataset=packed/", "--set", "epochs=2");
  assert.equal(other.code, 1);
  assert.match(other.err, /^googlenetd: run\/checkpoint.safetensors is of a training on a data set without a digest, which must be where it was\n$/);
  assert.equal(train("--resume", "--set", "dataset=idx/", "--set", "epochs=2").code, 0);
});

test("a set and a model to start from may have as long a path as the system takes", (t) => {
  const f = folder(t);
  const deep = Array(6).fill("d".repeat(200)).join("/");
  pictures(f);
  mkdirSync(f.path(deep), { recursive: true });
  assert.equal(imported(f, "in", "--out", `${deep}/set`, "--size", "28").code, 0);
  f.write("job.json", { network: "googlenet_tiny", image_size: 28, epochs: 1, batch_size: 6, threads: 1, dataset: `${deep}/set/` });
  const first = f.run("train", "job.json", "--out", deep);
  assert.equal(first.code, 0, first.err);
  const second = f.run("train", "job.json", "--out", "second", "--init-from", `${deep}/model.safetensors`);
  assert.equal(second.code, 0, second.err);
  assert.ok(JSON.parse(f.read("second/job.json")).dataset.endsWith(`/${deep}/set`));
});

test("a folder of pictures that nobody has imported is called so", (t) => {
  const f = folder(t);
  pictures(f, "in", 2);
  f.write("job.json", { network: "googlenet_tiny", image_size: 28, threads: 1 });
  const { code, err } = f.run("train", "job.json", "--set", "dataset=in/");
  assert.deepEqual([code, err], [1, `googlenetd: ${f.dir}/in is a folder, but no data set: \`googlenetd dataset import\` makes one of pictures\n`]);
});
