// The commands that ask with --server, against servers that a test makes: a daemon's answers, and what is not a daemon's.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSocketServer } from "node:net";
import { test } from "node:test";
import { folder } from "./run.js";

const MEANS = { precision: 1, recall: 1, f1: 1 };
const FIGURES = {
  examples: 3, accuracy: 1, top5_accuracy: 1, loss: 0.5, macro: MEANS, weighted: MEANS, confused: [],
  classes: [{ name: "cat", support: 3, guessed: 3, ...MEANS }], calibration: { expected_error: 0.25, temperature: null },
};
const EVALUATION = { id: "eval_1", status: "succeeded", test_time_flips: false, figures: FIGURES };

// A server whose answers are those of `answer(url)`: { status, type, json or text }. It counts the requests.
async function listening(t, answer) {
  const server = createServer((request, response) => {
    seen.requests++;
    const { status = 200, type = "application/json", json, text = JSON.stringify(json) } = answer(request.url);
    response.writeHead(status, { "content-type": type }).end(text);
  });
  const seen = { requests: 0 };
  t.after(() => (server.closeAllConnections(), server.close()));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  seen.url = `http://127.0.0.1:${server.address().port}`;
  return seen;
}

// What a command says to that: { code, signal, out, err, requests }. One that does not end is killed.
async function ask(t, answer, ...command) {
  const server = await listening(t, answer);
  const child = folder(t).start(...command, "--server", server.url);
  const late = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const ended = await child.ended;
  clearTimeout(late);
  return { ...ended, requests: server.requests };
}

// Mistakes 1 to `count`, in pages as they are asked for.
const mistakes = (count) => (url) => {
  const query = new URL(url, "http://a").searchParams;
  if (!url.includes("/mistakes")) return { json: EVALUATION };
  const first = Number(query.get("after")) + 1;
  const last = Math.min(count, first + Number(query.get("limit")) - 1);
  const data = Array.from({ length: last - first + 1 }, (_, i) => ({ rank: first + i }));
  return { json: { object: "list", data, has_more: last < count, last_id: data.length ? last : null } };
};

test("evaluate names the mistakes that there are, none and pages of them", async (t) => {
  for (const [there, wanted, requests] of [[0, 10, 2], [3, 10, 2], [10, 10, 2], [11, 10, 2], [5, 0, 1], [2500, 2100, 4], [1500, 2100, 3]]) {
    const r = await ask(t, mistakes(there), "evaluate", "m", "d", "--json", "--worst", String(wanted));
    assert.deepEqual([r.code, r.signal, r.err], [0, null, ""], `${there} of ${wanted}`);
    const ranks = JSON.parse(r.out).worst.map(({ rank }) => rank);
    assert.deepEqual(ranks, Array.from({ length: Math.min(there, wanted) }, (_, i) => i + 1));
    assert.equal(r.requests, requests, `${there} of ${wanted}`);
  }
});

test("evaluate: a page of nothing that says there is more is the last", async (t) => {
  const r = await ask(t, (url) => ({ json: url.includes("/mistakes") ? { data: [], has_more: true, last_id: 7 } : EVALUATION }), "evaluate", "m", "d", "--json");
  assert.deepEqual([r.code, r.requests, JSON.parse(r.out).worst], [0, 2, []]);
});

// Each of them is answered with one sentence, and nothing is printed or written.
const STRANGE = /^googlenetd: [^\n]*the answer is not the daemon's\n$/;
const without = (object, key) => Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
const figures = (changes) => ({ json: { ...EVALUATION, figures: { ...FIGURES, ...changes } } });

for (const [command, answers] of Object.entries({
  "evaluate m d": [
    {}, null, [], "x", 7, without(EVALUATION, "id"), { ...EVALUATION, id: null }, { ...EVALUATION, id: "eval_1 HTTP/1.0\r\nx: y" },
    without(EVALUATION, "status"), { ...EVALUATION, status: null }, { ...EVALUATION, status: "lost" }, without(EVALUATION, "figures"),
    ...Object.keys(FIGURES).map((key) => figures({ [key]: undefined }).json),
    ...Object.keys(FIGURES).map((key) => figures({ [key]: "x" }).json),
    figures({ classes: [{}] }).json, figures({ confused: [{}] }).json, figures({ confused: [{ truth: 0, guess: 1, count: 1 }] }).json,
    figures({ confused: [{ truth: -1, guess: 0, count: 1 }] }).json, figures({ confused: [{ truth: 1e300, guess: 0, count: 1 }] }).json,
  ].map((json) => ({ json })),
  "export m --onnx m.onnx": [
    {}, null, [], "x", { versions: "x" }, { versions: {} }, { versions: [7] }, { versions: [{ version: 1 }] }, { versions: [{ model: "m" }] },
    { versions: [{ model: "m", version: "1" }] }, { versions: [{ model: null, version: 1 }] }, { versions: [{ model: "", version: 1 }] },
    { versions: [{ model: "m", version: 0 }] }, { versions: [{ model: "m\u001b[31m", version: 1 }] },
    { versions: [{ model: "m", version: 1 }], aliases: { production: 2 } },
  ].map((json) => ({ json })),
  "export m@1 --onnx m.onnx": [{}, null, [], { version: 1 }, { model: "m" }].map((json) => ({ json })),
  "predict m a.png": [
    {}, null, { predictions: null }, { predictions: "x" }, { predictions: [] }, { predictions: ["x"] }, { predictions: [{}] },
    { predictions: [{ classes: [] }] }, { predictions: [{ classes: [{ name: "cat" }] }] }, { predictions: [{ classes: [{ name: 1, probability: 1 }] }] },
    { predictions: [{ classes: [{ name: "cat", probability: "x" }] }] },
  ].map((json) => ({ json })),
  "submit job.json": [{}, null, [], { id: 4 }, { id: "" }, { id: "eval_1" }, { id: "job_1\u001b[31m\nx" }].map((json) => ({ json })),
}))
  test(`${command}: an answer that is not a daemon's`, async (t) => {
    const f = folder(t);
    f.write("a.png", "a picture");
    f.write("job.json", {});
    let answer;
    const server = await listening(t, () => answer);
    const all = [...answers, { text: "" }, { text: "<html>" }, { text: '{"id":' }, { status: 302, text: "" }, { status: 500, text: "<html>" }];
    for (answer of all) for (const json of command.startsWith("submit") ? [[]] : [[], ["--json"]]) {
      const r = await f.start(...command.split(" "), "--server", server.url, ...json).ended;
      const what = JSON.stringify(answer);
      assert.match(r.err, STRANGE, what);
      assert.deepEqual([r.code, r.signal, r.out], [1, null, ""], what);
      assert.equal(existsSync(f.path("m.onnx")), false);
    }
  });

test("what a daemon may say all the same: figures that are not numbers, a failure, a model without versions", async (t) => {
  let r = await ask(t, () => figures({ loss: null, calibration: { expected_error: null, temperature: null } }), "evaluate", "m", "d");
  assert.deepEqual([r.code, r.err], [0, ""]);
  assert.match(r.out, /^3 examples: accuracy 1\.0000, top-5 1\.0000, loss nan\n/);
  r = await ask(t, () => ({ json: { id: "eval_1", status: "failed", figures: null, error: { code: "x", message: "the disk is full" } } }), "evaluate", "m", "d");
  assert.deepEqual([r.code, r.out, r.err], [1, "", "googlenetd: the evaluation is failed: the disk is full\n"]);
  r = await ask(t, () => ({ json: { versions: [] } }), "export", "m", "--onnx", "m.onnx");
  assert.deepEqual([r.code, r.out, r.err], [1, "", "googlenetd: m has no version\n"]);
});

// Files that are saved as they come.
const MODEL = { json: { versions: [{ model: "m", version: 1 }] } };
for (const [command, file, type, first] of [
  ["export m --onnx saved", "/onnx", "application/octet-stream", MODEL],
  ["evaluate m d --csv saved", "/confusion", "text/csv; charset=utf-8", { json: EVALUATION }],
])
  test(`${command}: only what is of the right type is saved`, async (t) => {
    const f = folder(t);
    let wrong;
    const server = await listening(t, (url) => (url.includes(file) ? { type: wrong, text: "a file" } : first));
    for ([wrong] of [["text/html; charset=utf-8"], ["application/json"], [`${type.split(";")[0]}x`]]) {
      const r = await f.start(...command.split(" "), "--server", server.url).ended;
      assert.deepEqual([r.code, r.err], [1, `googlenetd: the answer is ${wrong.split(";")[0]}, not ${type.split(";")[0]}\n`]);
      assert.equal(existsSync(f.path("saved")), false);
    }
    for (wrong of [type, type.toUpperCase()]) {
      const r = await f.start(...command.split(" "), "--server", server.url).ended;
      assert.deepEqual([r.code, r.err], [0, ""]);
      assert.equal(f.read("saved"), "a file");
    }
  });

// A server that says these bytes to every connection, and ends it in good order or by a reset.
async function saying(t, bytes, reset = false) {
  const say = (socket) => reset ? socket.write(bytes, () => socket.resetAndDestroy()) : socket.end(bytes);
  const server = createSocketServer((socket) => socket.on("error", () => {}).once("data", () => say(socket)));
  t.after(() => server.close());
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${server.address().port}`;
}

test("an answer in chunks, one that is cut off and one that is too long are told", async (t) => {
  const f = folder(t);
  f.write("job.json", {});
  const id = '{"id":"job_1"}';
  for (const [head, body, said] of [
    ["Transfer-Encoding: chunked", `${id.length.toString(16)}\r\n${id}\r\n0\r\n\r\n`, "the answer comes in chunks, which were not asked for"],
    ["Content-Length: 20", id, `the answer has 20 bytes, and ${id.length} came`],
    ["Content-Type: application/json", `${id}${" ".repeat(2 ** 20)}`, "the answer has more than 1048576 bytes"],
  ]) {
    const r = await f.start("submit", "job.json", "--server", await saying(t, `HTTP/1.1 201 Created\r\n${head}\r\n\r\n${body}`)).ended;
    assert.deepEqual([r.code, r.out, r.err], [1, "", `googlenetd: ${said}\n`]);
  }
});

test("an answer whose connection is reset is whole if its length says so", async (t) => {
  const f = folder(t);
  f.write("job.json", {});
  const id = '{"id":"job_1"}';
  const submit = async (head) => f.start("submit", "job.json", "--server", await saying(t, `HTTP/1.1 201 Created\r\n${head}\r\n\r\n${id}`, true)).ended;
  const whole = await submit(`Content-Length: ${id.length}`);
  assert.deepEqual([whole.code, whole.out, whole.err], [0, "job_1\n", ""]);
  const cut = await submit("Content-Type: application/json");
  assert.deepEqual([cut.code, cut.out, cut.err], [1, "", `googlenetd: the answer was cut off after ${id.length} bytes\n`]);
});

test("an answer that ends within its head is none, whatever its status", async (t) => {
  const url = await saying(t, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
  const f = folder(t);
  f.write("job.json", {});
  for (const command of [["submit", "job.json", "--server", url], ["health", "--listen", url.slice("http://".length)]]) {
    const r = await f.start(...command).ended;
    assert.deepEqual([r.code, r.out, r.err], [1, "", "googlenetd: the answer ends within its head\n"]);
  }
});

test("where a file cannot be written, nothing is asked for", async (t) => {
  for (const command of ["export m --onnx no/such/folder", "evaluate m d --csv no/such/folder"]) {
    const r = await ask(t, () => MODEL, ...command.split(" "));
    assert.deepEqual([r.code, r.requests, r.out], [1, 0, ""]);
    assert.match(r.err, /^googlenetd: [^\n]*no\/such\/folder[^\n]*No such file or directory\n$/);
  }
});
