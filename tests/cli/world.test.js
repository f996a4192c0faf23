// What is around predict, evaluate, export and dataset: names of files, descriptors, limits, and what is no file.
import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { noise, put } from "./pictures.js";
import { folder } from "./run.js";

// A set of two classes, and a network that was trained on it.
function trained(t) {
  const f = folder(t);
  for (let i = 0; i < 12; i++) {
    put(f.path("in", "cat", `${i}.png`), noise(30, 30, i));
    put(f.path("in", "dog", `${i}.png`), noise(30, 30, 100 + i));
  }
  assert.equal(f.run("dataset", "import", "in", "--out", "set", "--size", "28").code, 0);
  f.write("job.json", { network: "googlenet_tiny", image_size: 28, epochs: 1, batch_size: 8, threads: 1 });
  const r = f.run("train", "job.json", "--set", "dataset=set/", "--out", "run");
  assert.equal(r.code, 0, r.err);
  return f;
}

const COMMANDS = ["predict run in/cat/1.png", "predict run in/cat/1.png --json", "evaluate run set/", "evaluate run set/ --json",
  "export run --onnx m.onnx", "export run --onnx m.onnx --json", "dataset verify set", "dataset import in --out s",
  "dataset import in --out s --json"];

test("every command says that its output was not written, and works without stdin and stderr", (t) => {
  const f = trained(t);
  for (const words of COMMANDS) {
    for (const [to, why] of [[">/dev/full", "No space left on device"], [">&-", "Bad file descriptor"]]) {
      const r = f.shell(`rm -rf s; "$G" ${words} ${to}`);
      assert.equal(r.code, 1, `${words} ${to}`);
      assert.match(r.err, new RegExp(`^googlenetd: standard output: ${why}(; going on without it)?\n$`), `${words} ${to}`);
    }
    assert.equal(f.shell(`rm -rf s; "$G" ${words} <&- >&- 2>&-`).code, 1, words);
    const r = f.shell(`rm -rf s; "$G" ${words} <&- 2>&-`);
    assert.equal(r.code, 0, words);
    assert.notEqual(r.out, "", words);
  }
});

test("what oneDNN prints stands beside JSON, and not in it", (t) => {
  const f = trained(t);
  const computing = ["predict run in/cat/1.png in/dog/1.png --json", "evaluate run set/ --json",
    "bench googlenet_tiny --image-size 28 --batch-size 4 --steps 1 --json"];
  for (const words of [...computing, "export run --onnx m.onnx --json", "summary googlenet_tiny --json", "dataset import in --out s --json"]) {
    const r = f.shell(`ONEDNN_VERBOSE=all "$G" ${words}`);
    assert.equal(r.code, 0, r.err);
    const texts = words.startsWith("predict") ? r.out.trimEnd().split("\n") : [r.out];
    assert.equal(texts.map((text) => JSON.parse(text)).length, words.startsWith("predict") ? 2 : 1);
    if (computing.includes(words)) assert.match(r.err, /^onednn_verbose,.*exec/m, words);
    // Nor is it missed where nobody takes it.
    const full = f.shell(`rm -rf s; ONEDNN_VERBOSE=all "$G" ${words} 2>/dev/full`);
    assert.equal(full.code, 0, words);
    assert.doesNotMatch(full.out, /onednn/, words);
  }
  // Text stays as oneDNN has it.
  assert.match(f.shell('ONEDNN_VERBOSE=all "$G" predict run in/cat/1.png').out, /^onednn_verbose,/m);
});

test("few descriptors: it works, or says what it lacks", (t) => {
  const f = trained(t);
  for (const words of COMMANDS) {
    for (const limit of [5, 8, 12]) {
      const r = f.shell(`rm -rf s; ulimit -n ${limit}; "$G" ${words}`);
      if (r.code !== 0) assert.match(r.err, /^googlenetd: .*Too many open files\n$/, `${words} with ${limit}: ${r.signal}`);
    }
  }
});

test("what is no file is not replaced by one, and a link stays a link", (t) => {
  const f = trained(t);
  f.shell("mkfifo pipe; ln -s pipe link; ln -s real.onnx to.onnx; : >real.onnx");
  mkdirSync(f.path("folder"));
  for (const words of ["export run --onnx", "evaluate run set/ --csv"]) {
    for (const [path, what] of [["pipe", "no regular file"], ["link", "no regular file"], ["folder", "a folder"]]) {
      const r = f.shell(`"$G" ${words} ${path}`);
      assert.equal(r.code, 1, `${words} ${path}`);
      assert.equal(r.err, `googlenetd: cannot replace ${path}: it is ${what}\n`);
    }
  }
  for (const path of ["pipe", "/dev/zero", "folder"]) {
    const r = f.shell(`"$G" train job.json --set dataset=set/ --init-from ${path} --out again`);
    assert.equal(r.code, 2, path);
    assert.match(r.err, new RegExp(`^googlenetd: .*${path} is not a file\n$`));
  }
  assert.ok(lstatSync(f.path("pipe")).isFIFO() && lstatSync(f.path("link")).isSymbolicLink());
  assert.equal(f.run("export", "run", "--onnx", "to.onnx").code, 0);
  assert.ok(lstatSync(f.path("to.onnx")).isSymbolicLink());
  assert.ok(readFileSync(f.path("real.onnx")).length > 1000);
});

test("names of any bytes: JSON is JSON, a line is a line", (t) => {
  const f = trained(t);
  const r = f.shell(`mkdir odd && for name in '-x' 'a b' "$(printf 'a\\nb')" "$(printf 'n\\377')" "$(printf 'e\\033[31m')"; do
    cp in/cat/1.png odd/"$name".png; done; cd odd
    "$G" predict --json ../run -- *.png >../json && "$G" predict ../run -- *.png >../text; cd ..
    cp -r run "$(printf 'r\\377')"; "$G" evaluate "$(printf 'r\\377')" set/ --json >evaluated
    "$G" export run --json --onnx "$(printf 'r\\377.onnx')" >exported`);
  assert.equal(r.code, 0, r.err);
  const text = (name) => new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(f.path(name)));
  const names = text("json").trimEnd().split("\n").map((line) => JSON.parse(line).image);
  assert.deepEqual(names.sort(), ["-x.png", "a\nb.png", "a b.png", "e\x1b[31m.png", "n?.png"]);
  assert.equal(text("text").trimEnd().split("\n").length, 5);
  assert.doesNotMatch(text("text"), /\x1b/);
  assert.equal(JSON.parse(text("evaluated")).model, "r?/model.safetensors");
  assert.equal(JSON.parse(text("exported")).file, "r?.onnx");
});

test("a run in a folder whose name is not UTF-8 goes on and can be repeated", (t) => {
  const f = trained(t);
  const r = f.shell(`w="$(printf 'w\\377')" && mkdir "$w" && cp -r set job.json run "$w" && cd "$w" &&
    "$G" train job.json --set dataset=set/ --out a >/dev/null && cp a/job.json ../a.json &&
    "$G" train job.json --set dataset=set/ --set epochs=2 --out a --resume >/dev/null &&
    "$G" train a/job.json --init-from run/model.safetensors --out b >/dev/null && "$G" train b/job.json --out c >/dev/null`);
  assert.equal(r.code, 0, r.err);
  assert.equal(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(f.path("a.json")))).dataset, "set/");
  const refused = f.shell(`"$G" train job.json --set "dataset=$(printf 'w\\377')/set"`);
  assert.equal(refused.code, 2);
  assert.match(refused.err, /^googlenetd: --set dataset=w\?\/set: job files are UTF-8, and this is not/);
});

test("a set is not made over the folder that one stands in", (t) => {
  const f = trained(t);
  mkdirSync(f.path("here"));
  const r = f.shell(`cd here && "$G" dataset import ../in --out .`);
  assert.equal(r.code, 2);
  assert.equal(r.err, "googlenetd: . cannot be made anew: give it by its own name\n");
  assert.equal(f.shell(`"$G" dataset import in --out here/`).code, 0);
});

// Whoever shares a pipe or terminal may have made it non-blocking, for all who have it.
// The pipe is full when the child starts; one that takes that for a fault ends before anybody reads.
const NONBLOCKING = `
import os, subprocess, sys
r, w = os.pipe()
os.set_blocking(w, False)
filler = 0
try:
    while True: filler += os.write(w, b"x" * 4096)
except BlockingIOError: pass
child = subprocess.Popen(sys.argv[1:], stdout=w)
os.close(w)
try: child.wait(0.5)
except subprocess.TimeoutExpired: pass
total = b""
while chunk := os.read(r, 65536): total += chunk
sys.stdout.buffer.write(total[filler:])
sys.exit(child.wait())`;

test("a non-blocking pipe gets all of it", (t) => {
  const f = trained(t);
  f.write("nonblocking.py", NONBLOCKING);
  for (const words of ["summary --json", "train --help", "evaluate run set/", `predict run --json ${"in/cat/1.png ".repeat(60)}`]) {
    const r = f.shell(`"$G" ${words} >plain && python3 nonblocking.py "$G" ${words} >piped; echo $?`);
    assert.equal(r.out, "0\n", `${words}: ${r.err}`);
    assert.equal(f.read("piped"), f.read("plain"), words);
  }
});
