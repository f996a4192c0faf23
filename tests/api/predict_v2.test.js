// The Open Inference Protocol: answers and refusals, held against what is published of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Ajv2020 from 'ajv/dist/2020.js';
import { Shades, SIZE } from './shades.js';

// Written from github.com/kserve/open-inference-protocol, specification/protocol/open_inference_rest.yaml of commit
// 18d5991: the fields that it names, and which of them must be there. It leaves objects open; here they are closed, but
// for errors, so that we answer no field that it does not name.
const text = { type: 'string' }, words = { type: 'array', items: text }, whole = { type: 'array', items: { type: 'integer' } };
const object = (required, properties, open = false) => ({ type: 'object', required, properties, additionalProperties: open });
const tensor = { name: text, datatype: text, shape: whole };
const data = { type: 'array', items: { type: ['number', 'string', 'boolean', 'array'] } };
const PUBLISHED = {
  metadata_server_response: object(['name', 'version', 'extensions'], { name: text, version: text, extensions: words }),
  metadata_model_response: object(['name', 'platform'], {
    name: text, versions: words, platform: text,
    inputs: { type: 'array', items: object(['name', 'datatype', 'shape'], tensor) },
    outputs: { type: 'array', items: object(['name', 'datatype', 'shape'], tensor) },
  }),
  inference_request: object(['inputs'], {
    id: text, parameters: { type: 'object' },
    inputs: { type: 'array', items: object(['name', 'shape', 'datatype', 'data'], { ...tensor, parameters: { type: 'object' }, data }) },
    outputs: { type: 'array', items: object(['name'], { name: text, parameters: { type: 'object' } }) },
  }),
  inference_response: object(['model_name', 'outputs'], {
    model_name: text, model_version: text, id: text, parameters: { type: 'object' },
    outputs: { type: 'array', items: object(['name', 'shape', 'datatype', 'data'], { ...tensor, parameters: { type: 'object' }, data }) },
  }),
  inference_error_response: object(['error'], { error: text }, true),
};
const ajv = new Ajv2020.default({ strict: false, allErrors: true });
const checks = Object.fromEntries(Object.entries(PUBLISHED).map(([name, schema]) => [name, ajv.compile(schema)]));
function published(name, value) {
  assert.ok(checks[name](value), `not a ${name}: ${ajv.errorsText(checks[name].errors)}\n${JSON.stringify(value)}`);
  return value;
}

let shades, client;
before(async () => {
  shades = await Shades.start();
  ({ client } = shades);
});
after(() => shades.stop());

test('server and models, by themselves and by version', async () => {
  for (const path of ['/v2', '/v2/']) assert.equal(published('metadata_server_response', (await client.get(path)).json).name, 'googlenetd');
  assert.deepEqual((await client.get('/v2/health/live')).json, { live: true });
  assert.deepEqual((await client.get('/v2/health/ready')).json, { ready: true });
  const model = published('metadata_model_response', (await client.get('/v2/models/shades')).json);
  assert.deepEqual(model, {
    name: 'shades', versions: ['1', '2'], platform: 'googlenetd',
    inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 3, SIZE, SIZE] }],
    outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 2] }, { name: 'logits', datatype: 'FP32', shape: [-1, 2] }],
  });
  for (const version of [1, 2]) assert.deepEqual(published('metadata_model_response', (await client.get(`/v2/models/shades/versions/${version}`)).json), model);
  assert.deepEqual((await client.get('/v2/models/shades/versions/1/ready')).json, { name: 'shades', ready: true });
  assert.equal((await client.get('/v2/models/none/ready', { status: 404 })).json.error, 'there is no model called none');
});

test('tensors in, tensors out', async () => {
  const count = 3, pixels = Array.from({ length: count * 3 * SIZE * SIZE }, (_, i) => (i * 2654435761) >>> 24);
  const infer = async (datatype, values, more = {}, path = '/v2/models/shades/infer') => {
    const request = { id: 'seven', inputs: [{ name: 'image', shape: [count, 3, SIZE, SIZE], datatype, data: values }], ...more };
    return published('inference_response', (await client.post(path, published('inference_request', request), { status: 200 })).json);
  };
  const a = await infer('UINT8', pixels), b = await infer('FP32', pixels.map((value) => Math.fround(value / 255)));
  assert.deepEqual(a, b);
  assert.deepEqual([a.model_name, a.model_version, a.id], ['shades', '2', 'seven']);
  const [probabilities, logits] = a.outputs;
  assert.deepEqual([probabilities.name, probabilities.shape, logits.name, logits.datatype], ['probabilities', [count, 2], 'logits', 'FP32']);
  for (let i = 0; i < count; i++) {
    const [x, y] = logits.data.slice(2 * i, 2 * i + 2);
    assert.ok(Math.abs(probabilities.data[2 * i] - 1 / (1 + Math.exp(y - x))) < 1e-6);
  }
  // Nested as the shape says, and with parameters, none of which mean anything here.
  const cut = (values, n) => Array.from({ length: values.length / n }, (_, i) => values.slice(i * n, i * n + n));
  assert.deepEqual(await infer('UINT8', cut(cut(cut(pixels, SIZE), SIZE), 3), { parameters: { binary_data: false } }), a);
  const named = await infer('UINT8', pixels, { outputs: [{ name: 'logits' }] }, '/v2/models/shades/versions/1/infer');
  assert.equal(named.model_version, '1');
  assert.deepEqual(named.outputs.map(({ name }) => name), ['logits']);
  const wrong = await client.post('/v2/models/shades/infer', { inputs: [{ name: 'x', shape: [1, 1], datatype: 'INT8', data: [] }], outputs: [{ name: 'y' }] }, { status: 400 });
  assert.deepEqual(wrong.json.errors.map(({ pointer }) => pointer).sort(), ['/inputs/0/datatype', '/inputs/0/name', '/inputs/0/shape', '/outputs']);
  assert.equal(published('inference_error_response', wrong.json).error, wrong.json.detail);
});

test('whatever refuses says it the protocol\'s way', async () => {
  const calls = [
    ['GET', '/v2/nothing', 404],
    ['GET', '/v2/models/none', 404],
    ['GET', '/v2/models/none/ready', 404],
    ['GET', '/v2/models/shades/versions/9', 404],
    ['GET', '/v2/models/shades/versions/9/ready', 404],
    ['POST', '/v2/models/none/infer', 404, '{}'],
    ['POST', '/v2/models/shades/infer', 400, '{'],
    ['POST', '/v2/models/shades/versions/2/infer', 400, '{"inputs":[]}'],
    ['GET', '/v2/models/shades/infer', 405],
    ['POST', '/v2/models/shades', 405, '{}'],
    ['GET', '/v2?x=1', 400],
    ['POST', '/v2/models/shades/infer', 413, 'x'.repeat(17 << 20)],
  ];
  for (const [method, path, status, body] of calls) {
    // What is too long may be cut off before the answer is read.
    const answer = await client.call(method, path, { body, status }).catch((error) => (status === 413 ? null : Promise.reject(error)));
    if (answer) assert.equal(published('inference_error_response', answer.json).error, answer.json.detail, path);
  }
});
