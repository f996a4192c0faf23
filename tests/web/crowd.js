// A daemon with a crowd: everything is the real daemon's, except that its list of jobs is as long as one likes, all made
// after the one real job, and that events about them come in a flood.
import { createServer, request as forward } from 'node:http';

const idOf = (n) => `job_${n}`;

export class Crowd {
  requests = [];  // what was asked for, but for the page's own files
  names = new Map();
  #streams = new Set();
  #event = 0;

  /** A crowd of `count` jobs before `daemon`, made after `model`, a job of its. */
  static async start(daemon, model, count) {
    const crowd = new Crowd();
    Object.assign(crowd, { daemon, model, count });
    crowd.server = createServer((req, res) => crowd.#answer(req, res));
    await new Promise((resolve) => { crowd.server.listen(0, '127.0.0.1', resolve); });
    crowd.url = `http://127.0.0.1:${crowd.server.address().port}`;
    return crowd;
  }

  job(n) {
    const running = n % 3000 === 0 || n === 20;
    return { ...this.model, id: idOf(n), name: this.names.get(n) ?? `run ${n}`, status: running ? 'running' : 'succeeded', stop_reason: running ? null : 'completed',
      metadata: { parity: n % 2 ? 'odd' : 'even' }, best: { epoch: 1, test_accuracy: (n % 97) / 97, checkpoint: null } };
  }

  #answer(req, res) {
    const url = new URL(req.url, this.url);
    if (url.pathname.startsWith('/v1/')) this.requests.push(`${req.method} ${req.url}`);
    if (url.pathname === '/v1/events') return this.#stream(req, res);
    if (req.method === 'GET' && url.pathname === '/v1/jobs') return this.#list(url.searchParams, res);
    const one = url.pathname.match(/^\/v1\/jobs\/job_(\d+)$/);
    if (one && req.method === 'DELETE') return res.writeHead(204).end();
    if (one) return this.#json(res, this.job(Number(one[1])));
    // The daemon knows itself by its own address only.
    const headers = { ...req.headers, host: new URL(this.daemon.url).host };
    delete headers.origin;
    delete headers.referer;
    req.pipe(forward(this.daemon.url + req.url, { method: req.method, headers }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    }));
  }

  #json(res, value) {
    res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  }

  #list(query, res) {
    const limit = Number(query.get('limit') ?? 20);
    const after = query.get('after') ? Number(query.get('after').slice(4)) : this.count + 1;
    const wanted = query.get('status')?.split(',');
    const data = [];
    let n = after - 1;
    for (; n >= 1 && data.length < limit; n--) if (!wanted || wanted.includes(this.job(n).status)) data.push(this.job(n));
    this.#json(res, { object: 'list', data, has_more: n >= 1, last_id: data.at(-1)?.id ?? null });
  }

  #stream(req, res) {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write(`: hello\nid: crowd-${this.#event}\n\n`);
    this.#streams.add(res);
    req.on('close', () => this.#streams.delete(res));
  }

  get readers() {
    return this.#streams.size;
  }

  send(type, n, data) {
    const id = ++this.#event;
    const text = JSON.stringify({ id, object: 'event', type, job_id: idOf(n), created_at: new Date().toISOString(), data });
    for (const stream of this.#streams) stream.write(`id: crowd-${id}\nevent: ${type}\ndata: ${text}\n\n`);
  }

  /** So many events every 10 ms until the returned function is called. */
  flood(each, perTick) {
    let tick = 0;
    const timer = setInterval(() => { for (let i = 0; i < perTick; i++) each(tick++); }, 10);
    return () => clearInterval(timer);
  }

  /** Break all streams, as a restart of a proxy does. */
  hangUp() {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  close() {
    this.hangUp();
    this.server.close();
    this.server.closeAllConnections();
  }
}
