// Requests that two programs could read differently: refused at once, in JSON, and the connection is closed.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { assertSchema } from './client.js';
import { Daemon } from './daemon.js';

let daemon;
before(async () => (daemon = await Daemon.start()));
after(() => daemon.stop());

const HOST = 'Host: localhost\r\n';
const GET = `GET /livez HTTP/1.1\r\n${HOST}`;
const POST = `POST /v1/jobs?dry_run=true HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`;
// What an attacker would hide in the body of the first request.
const NEXT = `GET /livez HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;

// Sends the bytes (in latin1) and reads until the daemon closes, which it must do by itself if `closes`; else until
// `answers` answers are there. Resolves to { text, answers: [{ status, headers, body }] }.
function raw(bytes, answers = Infinity) {
  return new Promise((resolve, reject) => {
    const socket = connect(daemon.port, '127.0.0.1');
    let text = '';
    const give = () => {
      socket.destroy();
      resolve({ text, answers: parse(text) });
    };
    socket.setEncoding('latin1');
    socket.on('data', (more) => {
      text += more;
      if (parse(text).length >= answers) give();
    });
    socket.on('error', (error) => (error.code === 'ECONNRESET' ? give() : reject(error)));
    socket.on('close', give);
    socket.write(Buffer.from(bytes, 'latin1'));
  });
}

function parse(text) {
  const answers = [];
  while (text.includes('\r\n\r\n')) {
    const head = text.slice(0, text.indexOf('\r\n\r\n'));
    const headers = Object.fromEntries(head.split('\r\n').slice(1).map((line) => [line.split(': ')[0].toLowerCase(), line.split(': ')[1]]));
    const body = text.slice(head.length + 4, head.length + 4 + Number(headers['content-length'] ?? 0));
    if (body.length < Number(headers['content-length'] ?? 0)) break;
    answers.push({ status: Number(head.split(' ')[1]), headers, body });
    text = text.slice(head.length + 4 + body.length);
  }
  return answers;
}

// One answer, a problem, and the end of the connection.
async function refused(name, bytes, status, code = 'malformed_request') {
  const { answers, text } = await raw(bytes);
  assert.equal(answers.length, 1, `${name}: ${text}`);
  const [answer] = answers;
  assert.equal(answer.status, status, `${name}: ${text}`);
  assert.equal(answer.headers['content-type'], 'application/problem+json', name);
  assert.equal(answer.headers.connection, 'close', name);
  const bytesOfBody = Buffer.from(answer.body, 'latin1');
  const problem = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytesOfBody));
  assertSchema('Problem', problem);
  assert.equal(problem.code, code, name);
}

test('two lengths, and lengths beside chunks', async () => {
  await refused('two', `${POST}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}${NEXT}`, 400);
  await refused('two alike', `${POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}${NEXT}`, 400);
  await refused('and chunked', `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${NEXT}`, 400);
  await refused('chunked and', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${NEXT}`, 400);
  await refused('in a GET', `${GET}Content-Length: 0\r\ncontent-length: 9\r\n\r\n${NEXT}`, 400);
});

test('a field that goes on in the next line', async () => {
  for (const end of ['\r\n ', '\r\n\t', '\n ']) {
    await refused('a length', `${POST}Content-Length:${end}2\r\n\r\n{}${NEXT}`, 400);
    await refused('a length of two parts', `${POST}Content-Length: 2${end}0\r\n\r\n{}${NEXT}`, 400);
    await refused('a coding', `${POST}Transfer-Encoding:${end}chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n${NEXT}`, 400);
    await refused('a length before another field', `${POST}Content-Length:${end}2\r\nX-A: b\r\n\r\n{}${NEXT}`, 400);
    await refused('a name of one letter', `${GET}X: a${end}b\r\nY: c\r\n\r\n${NEXT}`, 400);
  }
  assert.equal((await raw(`GET /v1/jobs?&&&&& HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)).answers[0].status, 200);
  // What is empty goes on nowhere.
  for (const fields of ['X:\r\nY: \r\nZ:\t\r\n', 'X: a\r\nY:\r\n', 'X:\r\n'])
    assert.equal((await raw(`${GET}Connection: close\r\n${fields}\r\n`)).answers[0].status, 200, fields);
});

test('codings other than chunked, and chunked in HTTP/1.0', async () => {
  for (const coding of ['gzip', 'gzip, chunked', 'chunked, gzip', 'xchunked', 'identity', 'chunked;q=1'])
    for (const start of [GET, POST])
      await refused(coding, `${start}Transfer-Encoding: ${coding}\r\n\r\n${NEXT}`, 501, 'not_implemented');
  await refused('twice', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${NEXT}`, 501, 'not_implemented');
  await refused('1.0', `POST /v1/jobs HTTP/1.0\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${NEXT}`, 400);
  // What a client would like to get is no coding of the request.
  assert.equal((await raw(`${GET}TE: gzip\r\nConnection: close\r\n\r\n`)).answers[0].status, 200);
});

test('hosts: none, two, or what is none', async () => {
  await refused('none', `GET /livez HTTP/1.1\r\n\r\n${NEXT}`, 400);
  await refused('two', `${GET}Host: localhost\r\n\r\n${NEXT}`, 400);
  for (const host of ['a b', 'caf\xe9', 'a/b', 'user@host', 'localhost:80:80', 'localhost:x', '[::1', 'a\tb'])
    await refused(host, `GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n${NEXT}`, 400);
  for (const host of ['localhost', 'LOCALHOST:8080', '127.0.0.1:1', '[::1]:8080', '[::1]', '127.0.0.1:'])
    assert.equal((await raw(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).answers[0].status, 200, host);
});

test('names and values of headers', async () => {
  await refused('space before the colon', `${POST}Content-Length : 2\r\n\r\n{}${NEXT}`, 400);
  await refused('host with a space', `GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n${NEXT}`, 400);
  await refused('not a token', `${GET}X(A): 1\r\n\r\n${NEXT}`, 400);
  await refused('not ASCII', `${GET}caf\xe9: 1\r\n\r\n${NEXT}`, 400);
  await refused('a bare CR', `${GET}X-A: a\rContent-Length: 5\r\n\r\n${NEXT}`, 400);
  await refused('a control character', `${GET}X-A: a\x01b\r\n\r\n${NEXT}`, 400);
  await refused('a space in the path', `GET /livez x HTTP/1.1\r\n${HOST}\r\n${NEXT}`, 400);
  await refused('a NUL in the path', `GET /livez\0/x HTTP/1.1\r\n${HOST}\r\n${NEXT}`, 400);
  await refused('a NUL in the query', `GET /v1/jobs?limit=1\0 HTTP/1.1\r\n${HOST}\r\n${NEXT}`, 400);
  await refused('a tab in the query', `GET /v1/jobs?a=\t HTTP/1.1\r\n${HOST}\r\n${NEXT}`, 400);
});

test('expectations', async () => {
  await refused('unknown', `${POST}Content-Length: 2\r\nExpect: 200-ok\r\n\r\n{}${NEXT}`, 417, 'expectation_failed');
  // Who asks before sending too much is told so, and not to go on.
  await refused('too large', `${POST}Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n`, 413, 'too_large');
  const { text } = await raw(`${POST}Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n{}`);
  assert.match(text, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
});

test('a request line or headers that are too long', async () => {
  const long = async (bytes, status, code) => {
    const { answers, text } = await raw(`${bytes}Connection: close\r\n\r\n`);
    assert.equal(answers.length, 1, text.slice(0, 1000));
    assert.equal(answers[0].status, status, text.slice(0, 1000));
    if (status === 200) return;
    assertSchema('Problem', JSON.parse(answers[0].body));
    assert.equal(JSON.parse(answers[0].body).code, code);
  };
  await long(`${GET}X: ${'a'.repeat(30000)}\r\n`, 200);
  for (const length of [2100, 30000, 60000]) await long(`GET /${'a'.repeat(length)} HTTP/1.1\r\n${HOST}`, 414, 'uri_too_long');
  for (const length of [33000, 60000]) await long(`${GET}X: ${'a'.repeat(length)}\r\n`, 431, 'headers_too_large');
  await long(`${GET}${'X: a\r\n'.repeat(600)}`, 431, 'headers_too_large');
});

// These libmicrohttpd refuses by itself, in its own words: what counts is that nothing behind them is answered.
test('what is no HTTP is not answered as if it were', async () => {
  const wrong = ['-1', '+2', '0x2', '2, 2', '2 2', '', '99999999999999999999999'];
  const bytes = wrong.map((length) => `${POST}Content-Length: ${length}\r\n\r\n{}${NEXT}`);
  for (const size of ['-2', '0x2', '+2', 'fffffffffffffffff', 'x', ''])
    bytes.push(`${POST}Transfer-Encoding: chunked\r\n\r\n${size}\r\n{}\r\n0\r\n\r\n${NEXT}`);
  bytes.push(`${POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n${NEXT}`, `${GET}NoColonHere\r\n\r\n${NEXT}`,
    `GET /livez HTTP/1.1\r\n X-A: a\r\n${HOST}\r\n${NEXT}`, `GET /livez HTTP/2.0\r\n${HOST}\r\n${NEXT}`,
    `GET /livez\r\n\r\n${NEXT}`, `\x16\x03\x01\x02\r\n\r\n${NEXT}`, `GET\t/livez\tHTTP/1.1\r\n${HOST}\r\n${NEXT}`,
    `GET /${'a'.repeat(70000)} HTTP/1.1\r\n${HOST}\r\n${NEXT}`, `${GET}X: ${'a'.repeat(70000)}\r\n\r\n${NEXT}`);
  for (const each of bytes) {
    const { text } = await raw(each);
    assert.doesNotMatch(text, /HTTP\/1\.\d [23]\d\d/, each.slice(0, 200));
  }
});

test('bytes that are not UTF-8 come back in JSON that is', async () => {
  const paths = ['/caf\xe9', '/v1/jobs/\xff\xfe', '/v1/networks/\xc3(', '/v1/jobs?\xe9=1', '/v1/jobs?limit=\xe9', '/v1/jobs/%ff', '/v1/jobs?limit=%ff'];
  const requests = paths.map((path) => `GET ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
  for (const header of ['Content-Type: caf\xe9', 'Content-Type: application/json\r\nIdempotency-Key: caf\xe9'])
    requests.push(`POST /v1/jobs HTTP/1.1\r\n${HOST}${header}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`);
  requests.push(`GET /v1/jobs HTTP/1.1\r\n${HOST}Origin: http://caf\xe9\r\nConnection: close\r\n\r\n`, `CAF\xe9 /v1/jobs HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
  for (const request of requests) {
    const { answers } = await raw(request);
    assert.equal(answers.length, 1, request);
    assert.ok(answers[0].status >= 400 && answers[0].status < 500, `${request}\n${answers[0].status}`);
    const body = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(answers[0].body, 'latin1'));
    assertSchema('Problem', JSON.parse(body));
  }
});

test('forms of a target', async () => {
  const status = async (start, more = '') => (await raw(`${start}\r\n${HOST}Connection: close\r\n${more}\r\n`)).answers[0].status;
  assert.equal(await status('GET http://localhost/livez HTTP/1.1'), 200);
  assert.equal(await status('GET HTTP://127.0.0.1:8080/livez HTTP/1.1'), 200);
  assert.equal(await status('GET http://localhost HTTP/1.1'), 200);
  assert.equal(await status('GET http://localhost?x HTTP/1.1'), 200);
  // The host of the target counts, not that of the header.
  assert.equal(await status('GET http://evil.example/v1/jobs HTTP/1.1'), 403);
  assert.equal(await status('OPTIONS * HTTP/1.1'), 204);
  assert.equal(await status('GET * HTTP/1.1'), 404);
  assert.equal(await status('CONNECT localhost:80 HTTP/1.1'), 404);
  assert.equal(await status('get /livez HTTP/1.1'), 405);
});

test('HTTP/1.0 has its connection closed, or kept where it asks for that', async () => {
  const { answers } = await raw('GET /livez HTTP/1.0\r\n\r\n');
  assert.deepEqual(answers.map(({ status }) => status), [200]);
  const kept = await raw('GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /v1/jobs HTTP/1.0\r\n\r\n');
  assert.deepEqual(kept.answers.map(({ status }) => status), [200, 200]);
});

test('requests one behind the other are answered in their order, also where handlers wait', async () => {
  const paths = ['/livez', '/v1/jobs', '/nothing', '/v1/networks', '/livez', '/v1/jobs/job_9'];
  const { answers } = await raw(paths.map((path) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`).join(''), paths.length);
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 404, 200, 200, 404]);
});
