// How a command is started, spoken to and ended: its output, its signals, its limits.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { closeSync, constants, existsSync, openSync, writeSync } from "node:fs";
import { test } from "node:test";
import { csv, folder, run, TINY } from "./run.js";

const binary = process.env.GOOGLENETD;
const QUICK = { ...TINY, epochs: 1, train_limit: 64, test_limit: 32 };
const LONG = { ...TINY, epochs: 100000 };

// A daemon, told to end once it serves; its code is the shell's, what it says comes into the file err.
const served = (through = "") =>
  `${through} "$G" serve --listen 127.0.0.1:0 --data data 2>err & until grep -q event=listening err; do kill -0 $! || break; sleep 0.05; done; kill $!; wait $!`;

async function until(condition) {
  while (!condition()) await new Promise((go) => setTimeout(go, 20));
}

test("output that cannot be written is a failure, said in a sentence", async (t) => {
  const f = folder(t);
  f.write("job.json", QUICK);
  for (const words of ["--version", "--help", "summary", "summary --json", "train --help", "serve --help",
    "bench googlenet_tiny --json --steps 1 --batch-size 8"]) {
    const r = f.shell(`"$G" ${words} >/dev/full`);
    assert.equal(r.code, 1, words);
    assert.match(r.err, /googlenetd: standard output: No space left on device/, words);
  }
  const r = f.shell(`"$G" train job.json >/dev/full`);
  assert.equal(r.code, 1);
  assert.equal(r.err, "googlenetd: standard output: No space left on device; going on without it\n");
  assert.ok(existsSync(f.path("job.run", "model.safetensors")));
});

test("closed descriptors: printing fails, nothing is written into a file of the run", (t) => {
  const f = folder(t);
  f.write("job.json", QUICK);
  let r = f.shell(`"$G" summary >&-`);
  assert.equal(r.code, 1);
  assert.equal(r.err, "googlenetd: standard output: Bad file descriptor\n");
  r = f.shell(`"$G" train - <&-`);
  assert.equal(r.code, 2);
  assert.equal(r.err, "googlenetd: stdin: Bad file descriptor\n");
  r = f.shell(`"$G" train job.json <&- >&- 2>&-`);
  assert.equal(r.code, 1);
  // All that the run prints would have stood in one of them.
  for (const name of ["epochs.csv", "curve.csv", "job.json", "kernels.txt"])
    assert.doesNotMatch(f.read("job.run", name), /examples\/s/);
  assert.equal(csv(f.read("job.run", "epochs.csv")).rows.length, 1);
  assert.equal(f.shell(`rm -r job.run; "$G" train job.json 2>&-`).code, 0);
});

test("a training goes on when nobody reads what it prints", async (t) => {
  const f = folder(t);
  f.write("job.json", QUICK);
  const r = f.shell(`{ until [ -e gone ]; do sleep 0.01; done; "$G" train job.json; echo $? >code; } | { exec <&-; : >gone; }`);
  assert.equal(f.read("code"), "1\n");
  assert.match(r.err, /^googlenetd: standard output: Broken pipe; going on without it\n$/);
  assert.ok(existsSync(f.path("job.run", "model.safetensors")));
});

test("a full pipe does not keep SIGTERM from a checkpoint", async (t) => {
  const f = folder(t);
  f.write("job.json", { ...LONG, checkpoint: { every_epochs: 100000 } });
  execFileSync("mkfifo", [f.path("pipe")]);
  const reader = openSync(f.path("pipe"), constants.O_RDWR | constants.O_NONBLOCK);
  try {
    while (writeSync(reader, "x".repeat(4096)));
  } catch (error) {
    assert.equal(error.code, "EAGAIN");
  }
  const writer = openSync(f.path("pipe"), "w");
  const child = spawn(binary, ["train", "job.json"], { cwd: f.dir, stdio: ["ignore", writer, "pipe"] });
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  await until(() => existsSync(f.path("job.run", "curve.csv")) && csv(f.read("job.run", "curve.csv")).rows.length > 0);
  child.kill("SIGTERM");
  assert.deepEqual(await ended, { code: 143, signal: null });
  assert.ok(existsSync(f.path("job.run", "checkpoint.safetensors")));
  closeSync(writer);
  closeSync(reader);
});

for (const [signal, code] of [["SIGHUP", 129], ["SIGXCPU", 152], ["SIGALRM", 142]])
  test(`${signal} ends a training with a checkpoint`, async (t) => {
    const f = folder(t);
    f.write("job.json", LONG);
    const training = f.start("train", "job.json");
    await training.seen(/step 2\//);
    training.kill(signal);
    const r = await training.ended;
    assert.equal(r.code, code, r.err);
    assert.match(r.out, /\nstopped at step \d+ of \d+; go on with --resume\n$/);
    assert.ok(existsSync(f.path("job.run", "checkpoint.safetensors")));
  });

test("the same request twice, as timeout(1) sends it, is one: there is a checkpoint", (t) => {
  const f = folder(t);
  f.write("job.json", { ...LONG, checkpoint: { every_epochs: 100000 } });
  // What it does when its time is up, it does when it is told to end.
  const r = f.shell(`timeout 600 "$G" train job.json >out & until grep -q "step 2/" out; do sleep 0.05; done; kill $!; wait $!`);
  assert.equal(r.code, 143, r.err);
  assert.match(f.read("out"), /\nstopped at step \d+ of \d+; go on with --resume\n$/);
  assert.ok(existsSync(f.path("job.run", "checkpoint.safetensors")));
  const daemon = f.shell(served("timeout 600"));
  assert.equal(daemon.code, 0, f.read("err"));
  assert.match(f.read("err"), /event=stopped/);
});

for (const signal of ["SIGHUP", "SIGXCPU"])
  test(`${signal} that comes again is no second request`, async (t) => {
    const f = folder(t);
    f.write("job.json", { batch_size: 256, threads: 1 });
    const training = f.start("train", "job.json");
    await until(() => existsSync(f.path("job.run", "curve.csv")));
    for (let i = 0; i < 4; i++) {
      training.kill(signal);
      await new Promise((go) => setTimeout(go, 60));
    }
    const r = await training.ended;
    assert.match(r.out, /stopped at step \d+ of \d+; go on with --resume\n$/);
    assert.ok(existsSync(f.path("job.run", "checkpoint.safetensors")));
  });

test("signals that were ignored at the start, as by nohup, stay ignored", async (t) => {
  const f = folder(t);
  f.write("job.json", LONG);
  const child = spawn("sh", ["-c", `trap '' HUP INT; exec "$G" train job.json`],
    { cwd: f.dir, env: { ...process.env, G: binary }, stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("close", (code) => resolve(code)));
  const rows = () => existsSync(f.path("job.run", "curve.csv")) ? csv(f.read("job.run", "curve.csv")).rows.length : 0;
  await until(() => rows() > 0);
  child.kill("SIGHUP");
  child.kill("SIGINT");
  const then = rows();
  await until(() => rows() > then + 5);
  child.kill("SIGTERM");
  assert.equal(await ended, 143);
});

test("a limit on the size of files is a failure with a reason", async (t) => {
  const f = folder(t);
  f.write("job.json", QUICK);
  const r = f.shell(`ulimit -f 1 && "$G" train job.json`);
  assert.equal(r.code, 1, `${r.signal}`);
  assert.match(r.err, /^googlenetd: .*File too large\n$/m);
});

test("few descriptors are a failure with a reason, many are no matter", async (t) => {
  const f = folder(t);
  f.write("job.json", QUICK);
  let r = f.shell(`ulimit -n 4 && "$G" train job.json`);
  assert.equal(r.code, 1, r.out);
  assert.match(r.err, /^googlenetd: .*Too many open files\n$/m);
  r = f.shell(`rm -rf job.run; ulimit -n $(ulimit -Hn) && "$G" train job.json`);
  assert.equal(r.code, 0, r.err);
});

test("a stack that is too small is a failure with a reason, one that may grow is made larger", (t) => {
  const f = folder(t);
  f.write("job.json", QUICK);
  for (const command of ["train job.json", "serve --listen 127.0.0.1:0 --data data", "summary"]) {
    const r = f.shell(`ulimit -s 64 && "$G" ${command}`);
    assert.equal(r.code, 1, `${command}: ${r.signal}`);
    assert.equal(r.err, "googlenetd: the stack may have 64 KiB (ulimit -s), and at least 256 are needed\n");
  }
  for (const limit of ["-s 256", "-S -s 64"]) {
    const r = f.shell(`rm -rf job.run; ulimit ${limit} && "$G" train job.json`);
    assert.equal(r.code, 0, `${limit}: ${r.signal} ${r.err}`);
  }
  const r = f.shell(`ulimit -s 256; ${served()}`);
  assert.equal(r.code, 0, f.read("err"));
});

test("what nothing is known of gets a hint, and bytes that are not text are not printed", (t) => {
  const f = folder(t);
  const cases = [
    [["train", "--outt", "x"], "--outt is not an option here; did you mean --out?"],
    [["train", "--reusme=1", "x"], "--reusme is not an option here; did you mean --resume?"],
    [["train", "--resume=1", "x"], "--resume takes no value"],
    [["train", "--set"], "--set needs a value"],
    [["train", "-x"], "-x is not an option here"],
    [["train", "a", "b"], "b is one argument too many"],
    [["train", "--a\x1b[31m"], "--a?[31m is not an option here"],
    [["a\x1b]0;x\x07"], "there is no command a?]0;x?"],
    [["summary", "a\x1b[2J"], 'there is no network "a?[2J"'],
  ];
  for (const [words, message] of cases) {
    const r = run({ cwd: f.dir }, ...words);
    assert.equal(r.code, 2, words.join(" "));
    assert.ok(r.err.startsWith(`googlenetd: ${message}`), r.err);
  }
  for (const words of [["-h"], ["help"], ["train", "-h"], ["bench", "--help"]])
    assert.match(run({ cwd: f.dir }, ...words).out, /^Usage: googlenetd /, words.join(" "));
});

test("a terminal gets a line that is redrawn, a dumb one and a file get plain lines", async (t) => {
  const f = folder(t);
  f.write("job.json", QUICK);
  const terminal = async (type) => (f.shell(`rm -rf job.run; TERM=${type} script -qec '"$G" train job.json' /dev/null`)).out;
  assert.match(await terminal("xterm"), /\r.*\x1b\[K/);
  assert.doesNotMatch(await terminal("dumb"), /\x1b/);
  assert.doesNotMatch((f.shell(`rm -rf job.run; "$G" train job.json`)).out, /[\x1b\r]/);
});

test("how a child ends is heard of, whatever whoever started the program ignores", (t) => {
  const f = folder(t);
  // The pipe is open for writing once the program reads its job.
  const r = f.shell(`mkfifo job; (trap '' CHLD; exec "$G" train job) & exec 3>job; cat /proc/$!/status; kill $!`);
  assert.equal(parseInt(r.out.match(/SigIgn:\s*(\S+)/)[1].slice(-8), 16) & 0x10000, 0);
});

test("the umask decides who may read what a run leaves", (t) => {
  const f = folder(t);
  f.write("job.json", QUICK);
  for (const [umask, mode] of [["002", "664"], ["077", "600"]]) {
    const r = f.shell(`rm -rf job.run; umask ${umask}; "$G" train job.json >/dev/null && stat -c %a job.run/* | sort -u`);
    assert.equal(r.out, `${mode}\n`, r.err);
  }
});

test("names of files: any bytes, spaces, dots, links and slashes", async (t) => {
  const f = folder(t);
  f.write("a job.json", QUICK);
  let r = f.shell(`mkdir d && "$G" train './a job.json' --out "d/../d/r 1//" && ln -s 'd/r 1' link`);
  assert.equal(r.code, 0, r.err);
  r = f.shell(`"$G" train --out=link -- 'a job.json'`);
  assert.match(r.err, /^googlenetd: link already has a checkpoint/);
  r = f.shell(`cp 'a job.json' "$(printf 'b\\377.json')" && "$G" train "$(printf 'b\\377.json')" && ls -d b*.run`);
  assert.equal(r.code, 0, r.err);
  r = f.shell(`"$G" train "$(printf 'b\\377.json')" 2>&1 | od -An -c`);
  assert.match(r.out, /b\s+\?/);
  r = f.shell(`"$G" train 'a job.json' --out 'a job.json'`);
  assert.equal(r.code, 1);
  assert.equal(r.err, "googlenetd: a job.json: Not a directory\n");
});

test("spellings of the same settings are the same settings", (t) => {
  const f = folder(t);
  const set = "/usr/share/datasets/fashion-mnist";
  f.write("job.json", "\ufeff" + JSON.stringify({ ...QUICK, dataset: `${set}/` }) + "\r\n");
  let r = f.run("train", "job.json", "--out=r", "--set=/optimizer/learning_rate=0.05", "--set", "seed=1", "--set=seed=2");
  assert.equal(r.code, 0, r.err);
  const job = JSON.parse(f.read("r", "job.json"));
  assert.deepEqual([job.optimizer.learning_rate, job.seed, job.dataset], [0.05, 2, set]);
  // By a link, from another folder.
  r = f.shell(`ln -s ${set} images && mkdir sub && cd sub && "$G" train ../r/job.json --out ../sub/../r/ --resume --set dataset=../images --set epochs=2`);
  assert.equal(r.code, 0, r.err);
  assert.equal(JSON.parse(f.read("r", "job.json")).dataset, set);
});

test("known sets are looked for in GOOGLENETD_DATASETS, where it says something", (t) => {
  const f = folder(t);
  f.write("job.json", QUICK);
  const within = (datasets, ...args) => run({ cwd: f.dir, env: { ...process.env, GOOGLENETD_DATASETS: datasets } }, ...args);
  const r = within("", "train", "job.json");
  assert.equal(r.code, 0, r.err);
  for (const args of [["train", "job.json", "--resume"], ["evaluate", "job.run", "fashion_mnist"]]) {
    const { code, err } = within(f.dir, ...args);
    assert.deepEqual([code, err], [1, `googlenetd: ${f.dir}/fashion_mnist/train-images-idx3-ubyte is missing, and so is the same with .gz\n`]);
  }
});
