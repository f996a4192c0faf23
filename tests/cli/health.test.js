// `googlenetd health` against a real daemon, and against servers that are not well.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { Daemon } from "../api/daemon.js";
import { folder } from "./run.js";

const health = (t, ...args) => folder(t).start("health", ...args).ended;

// A server that does `answer` with every connection; resolves to its address.
function listening(t, answer) {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    answer(socket);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve(`127.0.0.1:${server.address().port}`)),
  );
}

test("a daemon that works is ready, until it has ended", async (t) => {
  const daemon = await Daemon.start();
  t.after(() => daemon.stop());
  const address = `127.0.0.1:${daemon.port}`;
  assert.deepEqual(await health(t, "--listen", address), { code: 0, signal: null, out: "ready\n", err: "" });
  await daemon.end();
  const { code, err } = await health(t, "--listen", address);
  assert.equal(code, 1);
  assert.match(err, new RegExp(`^googlenetd: nothing answers at 127.0.0.1 port ${daemon.port}: Connection refused\n$`));
});

test("an address that stands for all leads to this machine", async (t) => {
  const daemon = await Daemon.start();
  t.after(() => daemon.stop());
  const { code } = await health(t, "--listen", `0.0.0.0:${daemon.port}`);
  assert.equal(code, 2, "as for serve, a token is needed");
  process.env.GOOGLENETD_TOKEN = "correct-horse-battery-staple";
  t.after(() => delete process.env.GOOGLENETD_TOKEN);
  const { out } = await health(t, "--listen", `0.0.0.0:${daemon.port}`);
  assert.equal(out, "ready\n");
});

test("what is not ready says why", async (t) => {
  const problem = '{"status":503,"detail":"the disk is full"}';
  const address = await listening(t, (socket) =>
    socket.end(`HTTP/1.1 503 Service Unavailable\r\nContent-Length: ${problem.length}\r\n\r\n${problem}`),
  );
  const { code, err } = await health(t, "--listen", address);
  assert.equal(code, 1);
  assert.equal(err, `googlenetd: not ready, 503: ${problem}\n`);
});

test("something else at that address is not ready", async (t) => {
  for (const [answer, sentence] of [
    ["", "not ready, 0: "],
    ["SSH-2.0-OpenSSH_9.2\r\n", "not ready, 0: SSH-2.0-OpenSSH_9.2"],
    ["HTTP/1.1 302 Found\r\n\r\n", "not ready, 302: "],
  ]) {
    const address = await listening(t, (socket) => socket.end(answer));
    const { code, err } = await health(t, "--listen", address);
    assert.equal(code, 1);
    assert.equal(err, `googlenetd: ${sentence}\n`);
  }
});

test("silence is waited for in vain, but not for long", async (t) => {
  const address = await listening(t, () => {});
  const { code, err } = await health(t, "--listen", address);
  assert.equal(code, 1);
  assert.match(err, /^googlenetd: no answer within 3 s: /);
});

test("settings that serve would refuse are refused", async (t) => {
  assert.deepEqual(await health(t, "--listen", "127.0.0.1:0"), {
    code: 1, signal: null, out: "", err: "googlenetd: port 0 may be any: say where with --server\n",
  });
  const { code, err } = await health(t, "--listen", "here", "--limits-streams", "0");
  assert.equal(code, 2);
  assert.equal(err, 'googlenetd: --limits-streams must be a whole number from 1 to 65536, got "0"\n' +
    'googlenetd: /listen must be address:port, got "here"\n');
});
