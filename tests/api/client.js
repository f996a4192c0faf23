// A client that holds every answer against openapi.json: path, status, content type, headers, body.
// The published schemas are open: clients must bear fields and codes that come later. Here they are
// closed, so that the daemon answers nothing that is not described.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const file = new URL('../../server/api/system/openapi.json', import.meta.url);
export const description = JSON.parse(await readFile(file));

// The same description with nothing left open: no unknown fields, no unknown words in an enum.
export function strict(part) {
  if (Array.isArray(part)) return part.map(strict);
  if (part === null || typeof part !== 'object') return part;
  const all = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, strict(value)]));
  if (all.properties && all.type === 'object') all.additionalProperties ??= false;
  if (Array.isArray(all.anyOf) && all.anyOf.some((choice) => choice.enum)) all.anyOf = all.anyOf.filter((choice) => choice.enum);
  return all;
}

const ajv = new Ajv2020.default({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(strict(description), 'openapi');

const escape = (part) => part.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('%', '%25');

// A validator for the part of the description at `path`, an array of keys.
function validator(...path) {
  const pointer = path.map((part) => '/' + encodeURIComponent(escape(part))).join('');
  return ajv.getSchema(`openapi#${pointer}`);
}

export function assertSchema(name, value) {
  const check = validator('components', 'schemas', name);
  assert.ok(check(value), `not a ${name}: ${ajv.errorsText(check.errors)}\n${JSON.stringify(value)}`);
}

function templateOf(path) {
  const parts = path.split('/');
  return Object.keys(description.paths).find((template) => {
    const wanted = template.split('/');
    return (
      wanted.length === parts.length &&
      wanted.every((part, i) => (part.startsWith('{') ? parts[i] !== '' : part === parts[i]))
    );
  });
}

// The description of an answer, with a $ref followed; and where it stands.
function responseAt(template, method, status) {
  const responses = description.paths[template][method].responses;
  const found = responses[status];
  assert.ok(found, `${method} ${template} is not described to answer ${status}`);
  if (!found.$ref) return [found, ['paths', template, method, 'responses', String(status)]];
  const path = found.$ref.slice(2).split('/');
  return [path.reduce((at, part) => at[part], description), path];
}

function checkAnswer(method, path, answer) {
  const name = method === 'HEAD' ? 'get' : method.toLowerCase();
  const template = templateOf(path);
  if (!template || !description.paths[template][name]) {
    // Not described: one of the dashboard's files, or a refusal.
    if (!path.startsWith('/v1') && [200, 304].includes(answer.status)) return;
    assert.ok([204, 400, 401, 403, 404, 405, 412, 413, 414].includes(answer.status), String(answer.status));
    if (answer.status !== 204 && method !== 'HEAD') assertSchema('Problem', answer.json);
    return;
  }
  const [response, at] = responseAt(template, name, answer.status);
  for (const header of Object.keys(response.headers ?? {}))
    if (!['idempotency-replayed', 'etag', 'location', 'upload-metadata'].includes(header.toLowerCase()))
      assert.ok(answer.headers.get(header), `${method} ${path}: ${answer.status} without ${header}`);
  if (method === 'HEAD' || !response.content) return assert.equal(answer.text, '');
  const type = answer.headers.get('content-type').split(';')[0];
  assert.ok(response.content[type], `${method} ${path} is not described to answer ${type}`);
  if (!type.endsWith('json')) return;
  const check = validator(...at, 'content', type, 'schema');
  assert.ok(
    check(answer.json),
    `${method} ${path}: ${ajv.errorsText(check.errors)}\n${answer.text.slice(0, 2000)}`,
  );
}

export class Client {
  constructor(url, token) {
    this.url = url;
    this.token = token;
  }

  // Resolves to { status, headers, text, json, bytes }, after checking them. `body` is sent as JSON,
  // unless it is text or bytes.
  async call(method, path, { body, headers = {}, status } = {}) {
    const all = { ...headers };
    if (this.token) all.authorization ??= `Bearer ${this.token}`;
    if (body !== undefined) all['content-type'] ??= 'application/json';
    const response = await fetch(this.url + path, {
      method,
      headers: all,
      body: body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = bytes.toString();
    const json = response.headers.get('content-type')?.match(/json/) && text ? JSON.parse(text) : undefined;
    const answer = { status: response.status, headers: response.headers, bytes, text, json };
    assert.match(response.headers.get('x-request-id') ?? '', /^[\w.-]+$/, `${method} ${path}`);
    assert.match(answer.headers.get('x-request-id'), /^[\w.-]{1,64}$/);
    if (json?.request_id) assert.equal(json.request_id, answer.headers.get('x-request-id'));
    checkAnswer(method, path.split('?')[0], answer);
    if (status) assert.equal(answer.status, status, `${method} ${path}: ${text.slice(0, 500)}`);
    return answer;
  }

  get = (path, options) => this.call('GET', path, { status: 200, ...options });
  post = (path, body, options) => this.call('POST', path, { body, ...options });

  async create(body, options) {
    return (await this.post('/v1/jobs', body, { status: 201, ...options })).json;
  }

  async job(id) {
    return (await this.get(`/v1/jobs/${id}`)).json;
  }

  // The job once it has succeeded.
  async succeeded(id) {
    for (;;) {
      const job = await this.job(id);
      if (job.status === 'succeeded') return job;
      assert.ok(['queued', 'running'].includes(job.status), `${id} is ${job.status}: ${JSON.stringify(job.error)}`);
      await sleep(50);
    }
  }

  // The same, its own evaluation over too: what that finds changes the job's models, and it tells events.
  async evaluated(id) {
    const job = await this.succeeded(id);
    for (;;) {
      const { status, error } = (await this.get(`/v1/evaluations/${job.evaluation_id}`)).json;
      if (status === 'succeeded') return job;
      assert.ok(['queued', 'running'].includes(status), `${job.evaluation_id} is ${status}: ${JSON.stringify(error)}`);
      await sleep(50);
    }
  }

  // A stream of events: an async iterator of { id, type, data }, with close().
  async stream(path, headers = {}) {
    const control = new AbortController();
    const response = await fetch(this.url + path, {
      signal: control.signal,
      headers: {
        accept: 'text/event-stream',
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...headers,
      },
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    const stream = { comments: [], start: undefined, close: () => control.abort() };
    stream[Symbol.asyncIterator] = () => frames(response.body, stream);
    return stream;
  }
}

async function* frames(body, stream) {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
        const fields = {};
        for (const line of text.slice(0, end).split('\n')) {
          const [, name, value] = line.match(/^([^:]*): ?(.*)$/);
          if (name === '') stream.comments.push(value);
          else fields[name] = (fields[name] === undefined ? '' : fields[name] + '\n') + value;
        }
        if (fields.data === undefined) {
          stream.start ??= fields.id;
          continue;
        }
        const data = JSON.parse(fields.data);
        // The variant by name first: its complaint is easier to read than that of all of them.
        assertSchema('Event' + fields.event[0].toUpperCase() + fields.event.slice(1), data);
        assertSchema('Event', data);
        assert.equal(fields.id.replace(/^[0-9a-f]+-/, ''), String(data.id));
        stream.cursor = fields.id;
        assert.equal(data.type, fields.event);
        yield data;
      }
    }
  } catch (error) {
    if (error.name !== 'AbortError') throw error;
  }
}

// The first events of a stream, up to the one that `last` says yes to.
export async function collect(stream, last) {
  const events = [];
  for await (const event of stream) {
    events.push(event);
    if (last(event)) break;
  }
  stream.close();
  return events;
}
