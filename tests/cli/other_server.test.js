// The commands that ask with --server, against servers that a test makes: a daemon's answers, and what is not a daemon's.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { folder } from "./run.js";

const MEANS = { precision: 1, recall: 1, f1: 1 };
const FIGURES = {
  examples: 3, accuracy: 1, top5_accuracy: 1, loss: 0.5, macro: MEANS, weighted: MEANS, confused: [],
  classes: [{ name: "cat", support: 3, ...MEANS }], calibration: { expected_error: 0.25, temperature: null },
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
