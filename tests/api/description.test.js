// openapi.json as others use it: a linter, and a generator of clients.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createConfig, lint } from '@redocly/openapi-core';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { description, strict } from './client.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const file = join(root, 'server/api/system/openapi.json');

test('Redocly finds nothing to complain of', async () => {
  // The project has no licence to name.
  const config = await createConfig({ extends: ['recommended'], rules: { 'info-license': 'off' } });
  const problems = await lint({ ref: file, config });
  assert.deepEqual(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer]), []);
});

const types = astToString(await openapiTS(description));

// The complaints of the TypeScript compiler about programs that use the generated types, of each by line.
function complaints(...programs) {
  const names = programs.map((_, i) => `/program${i}.ts`);
  const texts = { '/api.d.ts': types, ...Object.fromEntries(names.map((name, i) => [name, programs[i]])) };
  const options = {
    strict: true, noEmit: true, lib: ['lib.es5.d.ts'], types: [],
    module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => name in texts || fileExists.call(host, name);
  host.readFile = (name) => texts[name] ?? readFile.call(host, name);
  host.getSourceFile = (name, version) =>
    name in texts ? ts.createSourceFile(name, texts[name], version) : getSourceFile.call(host, name, version);
  const found = ts.getPreEmitDiagnostics(ts.createProgram(names, options, host));
  const text = ({ file, start, messageText }) =>
    `${file?.getLineAndCharacterOfPosition(start).line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  // What belongs to no program belongs to all.
  return names.map((name) => found.filter(({ file }) => file?.fileName === name || !names.includes(file?.fileName)).map(text));
}

const HEAD = `
  import type { components } from './api';
  type Event = components['schemas']['Event'];
  type Problem = components['schemas']['Problem'];
`;

test('a generated client tells events apart by their type', () => {
  const good = `${HEAD}
    export function figure(event: Event): number | string | null {
      switch (event.type) {
        case 'point': return event.data.loss;
        case 'epoch': return event.data.test_accuracy;
        case 'status': return event.data.status === 'failed' ? event.data.error?.message ?? null : event.data.previous;
        case 'checkpoint': return event.data.checkpoint;
        case 'note': return event.data.message;
        default: return null;
      }
    }
    export const clone: components['schemas']['JobChanges'] =
      { seed: 1, name: null, optimizer: { momentum: null, learning_rate: 0.05 }, metadata: { a: null, b: 'c' } };
    export const isFull = (problem: Problem) => problem.code === 'store_full' || problem.code === 'a code of next year';
  `;
  // It would not be a union otherwise.
  const wrong = ['event.data.loss', "event.type === 'nothing'", "event.type === 'epoch' && event.data.loss"];
  const [none, found] = complaints(good, HEAD + wrong.map((text, i) => `export const wrong${i} = (event: Event) => ${text};`).join('\n'));
  assert.deepEqual(none, []);
  const first = HEAD.split('\n').length - 1;
  assert.deepEqual(found.map((text) => Number(text.split(':')[0])), wrong.map((_, i) => first + i), found.join('\n'));
});

test('answers may gain fields, requests may not', () => {
  const walk = (part, found, path) => {
    if (part === null || typeof part !== 'object') return;
    if (part.additionalProperties === false) found.push(path);
    for (const [key, value] of Object.entries(part)) walk(value, found, `${path}/${key}`);
  };
  const closed = [];
  walk(description.components.schemas, closed, '');
  assert.ok(closed.length > 0);
  for (const path of closed) assert.match(path, /^\/(Job(Request|Changes|Patch)|Dataset(Request|Patch)|PreviewRequest|PredictRequest|EvaluationRequest|Model(Request|Patch))/);
  // The form that answers are held against lets nothing pass.
  assert.equal(strict(description).components.schemas.Job.additionalProperties, false);
  assert.deepEqual(strict(description).components.schemas.Problem.properties.code.anyOf.length, 1);
});

test('what a clone may change is what a job may have', () => {
  const { JobRequest, JobChanges } = description.components.schemas;
  const check = (whole, changes, path) => {
    assert.deepEqual(Object.keys(changes), Object.keys(whole), path);
    for (const [key, { default: _, ...field }] of Object.entries(whole)) {
      const change = changes[key];
      if (field.properties) check(field.properties, change.properties, `${path}/${key}`);
      else if (field.type) {
        const { enum: words, type } = field;
        assert.deepEqual(change, { ...field, type: [type, 'null'], ...(words && { enum: [...words, null] }) }, `${path}/${key}`);
      } else assert.deepEqual([change.title, change.type], [field.title, ['object', 'null']], key);
    }
  };
  check(JobRequest.properties, JobChanges.properties, '');
});

test('the codes of problems are those of the sources', () => {
  const sources = readdirSync(join(root, 'server'), { recursive: true }).filter((name) => name.endsWith('.c'));
  const used = new Set();
  const CALLS = /\b(?:fail_as|faults_add_as|respond_problem|request_reject)\(([^;]*);/g;
  for (const name of sources) {
    const text = readFileSync(join(root, 'server', name), 'utf8');
    for (const [, call] of text.matchAll(CALLS))
      for (const [, literal] of call.matchAll(/"([^"]*)"/g)) {
        if (/[ %]/.test(literal)) break; // the sentence, behind the codes
        if (/^[a-z_]+$/.test(literal)) used.add(literal);
      }
    for (const [, code] of text.matchAll(/\bcode = [^;?]*\? "([a-z_]+)"/g)) used.add(code);
    // A table of reasons with the status of each.
    for (const [, code] of text.matchAll(/\{"([a-z_]+)", +\d{3}\}/g)) used.add(code);
    if (name.endsWith('http/message/response.c'))
      for (const [, code] of text.matchAll(/\{\d{3}, "[^"]*", "(\w+)"\}/g)) used.add(code);
  }
  const described = description.components.schemas.Problem.properties.code.anyOf[0].enum;
  assert.deepEqual([...used].sort(), [...described].sort());
  const { description: text } = description.components.schemas.Problem.properties.code;
  for (const code of described) assert.ok(text.includes(`${code}: `), `${code} has no meaning`);
});

test('what is sent and what is answered comes with an example, which is one', () => {
  const closed = strict(description), ajv = new Ajv2020.default({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(closed, 'openapi');
  const { schemas } = description.components;
  const named = new Set();
  // The schemas of all bodies; of a list, of what it holds; of events, each.
  const take = (schema) => {
    const name = schema?.$ref?.split('/').at(-1);
    if (!name || named.has(name)) return;
    named.add(name);
    take(schemas[name].properties?.data?.items);
    for (const choice of schemas[name].oneOf ?? []) take(choice);
  };
  const methods = Object.values(description.paths).flatMap((path) => Object.values(path).filter((method) => method.responses));
  for (const { requestBody, responses } of methods)
    for (const { content = {} } of [requestBody ?? {}, ...Object.values(responses)])
      for (const { schema } of Object.values(content)) take(schema);
  take({ $ref: '#/components/schemas/Problem' });
  assert.ok(named.size > 40, [...named].join());
  for (const name of named) {
    const check = ajv.getSchema(`openapi#/components/schemas/${name}`);
    const isUnion = Boolean(schemas[name].oneOf);
    if (isUnion || name.endsWith('List')) continue;
    assert.ok(schemas[name].examples?.length > 0, `${name} has no example`);
    for (const example of schemas[name].examples) assert.ok(check(example), `the example of ${name}: ${ajv.errorsText(check.errors)}`);
  }
});
