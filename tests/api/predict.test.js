// Predictions: the same answers as on the command line, whatever the body, the company and the weather.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { crc32 } from './crc32.js';
import { Shades, noise } from './shades.js';

let shades, daemon, client, files, offline, run, read, post, predict;
before(async () => {
  shades = await Shades.start('--predict-processes', 2);
  ({ daemon, client, files, offline, run, read, post, predict } = shades);
});
after(() => shades.stop());

test('a picture gives what it gives on the command line', async () => {
  for (const [i, name] of files.entries()) {
    for (const version of [1, 2]) {
      const answer = await predict(`shades@${version}`, name);
      assert.deepEqual([answer.object, answer.model, answer.version], ['prediction', 'shades', version]);
      assert.deepEqual(answer.predictions, [{ classes: offline[version - 1][i] }]);
    }
  }
  // Without a version it is the newest.
  assert.equal((await predict('shades', files[0])).version, 2);
  const words = run('predict', 'shades', ...files, '--json', '--server', daemon.url).trimEnd().split('\n');
  assert.deepEqual(words.map((line) => JSON.parse(line).classes), offline[1]);
  // By name instead of address, and a version.
  const named = run('predict', 'shades@1', files[0], '--json', '--server', daemon.url.replace('127.0.0.1', 'localhost') + '/');
  assert.deepEqual(JSON.parse(named).classes, offline[0][0]);
  // From standard input.
  const piped = shades.pipe(read(files[4]), 'predict', 'shades', '-', '--json', '--server', daemon.url);
  assert.deepEqual(JSON.parse(piped.stdout), { image: '-', classes: offline[1][4] });
});

test('a model of the daemon becomes a file, and what is wrong is said', async () => {
  const there = async (query) => (await client.get(`/v1/models/shades/versions/1/onnx?${query}`)).bytes;
  await client.call('PATCH', '/v1/models/shades', { body: { aliases: { first: 1 } }, status: 200 });
  for (const reference of ['shades@1', 'shades@first']) {
    assert.match(run('export', reference, '--onnx', 'x.onnx', '--server', daemon.url), /^x\.onnx: version 1 of shades, \d\.\d MB\n$/);
    assert.deepEqual(read('x.onnx'), await there('fold_batch_norm=true'));
  }
  const told = JSON.parse(run('export', 'shades@1', '--onnx', 'y.onnx', '--preprocessing', 'out', '--no-fold-batch-norm', '--probabilities', '--json', '--server', daemon.url));
  assert.deepEqual(read('y.onnx'), await there('preprocessing=false&fold_batch_norm=false&probabilities=true'));
  assert.deepEqual([told.version.model, told.version.version, told.input, told.output, told.bytes], ['shades', 1, 'image', 'probabilities', read('y.onnx').length]);
  // A name alone means the version in production, for every command alike; else the newest.
  const alone = () => run('export', 'shades', '--onnx', 'z.onnx', '--json', '--server', daemon.url);
  assert.equal(JSON.parse(alone()).version.version, 2);
  await client.call('PATCH', '/v1/models/shades', { body: { aliases: { production: 1 } }, status: 200 });
  assert.equal(JSON.parse(alone()).version.version, 1);
  assert.deepEqual(read('z.onnx'), read('x.onnx'));
  assert.equal((await predict('shades', files[0])).version, 1);
  await client.call('PATCH', '/v1/models/shades', { body: { aliases: { first: null, production: null } }, status: 200 });

  const refused = (status, message, ...args) => {
    const r = shades.tell(...args, '--server', daemon.url);
    assert.equal(r.status, status, r.stderr);
    assert.match(r.stderr, message);
  };
  refused(1, /404, there is no model called none/, 'export', 'none', '--onnx', 'n.onnx');
  refused(1, /404, /, 'export', 'shades@9', '--onnx', 'n.onnx');
  refused(1, /n\/o\.onnx/, 'export', 'shades', '--onnx', 'n/o.onnx');
  refused(1, /no model has the name "a\/b"/, 'export', 'a/b', '--onnx', 'n.onnx');
  refused(2, /with --server the daemon knows the model/, 'export', 'shades', '--onnx', 'n.onnx', '--network', 'googlenet');
  refused(2, /with --server the daemon knows the model/, 'predict', 'shades', files[0], '--threads', '1');
  refused(2, /with --server the daemon knows the model/, 'evaluate', 'shades', 'fashion_mnist', '--batch-size', '8');
  refused(1, /^googlenetd: 400, \/model: must be a model: there is no model called none\n$/, 'evaluate', 'none', 'fashion_mnist');
});

test('several pictures, by any kind of body', async () => {
  const want = offline[1].map((classes) => ({ classes }));
  const form = new FormData();
  for (const name of files) form.append('file', new Blob([read(name)], { type: 'image/png' }), name);
  const body = new Response(form);
  const bytes = new Uint8Array(await body.clone().arrayBuffer());
  assert.deepEqual((await post('shades', bytes, body.headers.get('content-type'))).json.predictions, want);
  const images = files.map((name) => ({ base64: read(name).toString('base64') }));
  assert.deepEqual((await post('shades', JSON.stringify({ images }), 'application/json')).json.predictions, want);
  assert.deepEqual((await post('shades', read(files[3]), 'application/octet-stream')).json.predictions, [want[3]]);

  // Pixels: flat, and nested.
  const [width, height] = [20, 50], pixel = noise(0, true);
  const rows = Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => pixel(x, y)));
  for (const pixels of [rows, rows.flat(2)])
    assert.deepEqual((await post('shades', JSON.stringify({ images: [{ pixels, shape: [height, width, 3] }] }), 'application/json')).json.predictions, [want[0]]);
  assert.equal((await post('shades', read(files[0]), 'image/png', 200, '?top_k=1')).json.predictions[0].classes.length, 1);
});

test('one picture, as programs send it', async () => {
  const want = [{ classes: offline[1][0] }], bytes = read(files[0]), base64 = bytes.toString('base64');
  // Without a type, as Python's clients send bytes; by the names that types go by.
  const { port } = new URL(daemon.url);
  const untyped = await new Promise((resolve, reject) => {
    const r = request({ port, host: '127.0.0.1', path: '/v1/models/shades/predict', method: 'POST', headers: { 'content-length': bytes.length } }, (response) => {
      let text = '';
      response.on('data', (piece) => (text += piece));
      response.on('end', () => resolve(JSON.parse(text)));
    });
    r.on('error', reject);
    r.end(bytes);
  });
  assert.deepEqual(untyped.predictions, want);
  for (const type of ['image/jpg', 'image/x-png', 'IMAGE/PNG; charset=x'])
    assert.deepEqual((await post('shades', bytes, type)).json.predictions, want);
  // As browsers, URLs and the command base64 write it.
  for (const text of [`data:image/png;base64,${base64}`, base64.replace(/=+$/, ''), bytes.toString('base64url'), base64.replace(/.{76}/g, '$&\r\n')])
    assert.deepEqual((await post('shades', JSON.stringify({ images: [{ base64: text }] }), 'application/json')).json.predictions, want);
  // A parameter among the pictures is not one of them.
  const form = new FormData();
  form.append('file', new Blob([bytes]), 'top_k.png');
  const send = async (status) => {
    const body = new Response(form);
    return (await post('shades', new Uint8Array(await body.clone().arrayBuffer()), body.headers.get('content-type'), status)).json;
  };
  assert.deepEqual((await send(200)).predictions, want);
  form.append('top_k', '3');
  assert.match((await send(400)).detail, /^top_k is a parameter of the address, \?top_k=/);
});

test('where the network looked', async () => {
  const { json } = await post('shades', read(files[0]), 'image/png', 200, '?explain=true');
  const [{ classes, explanation }] = json.predictions;
  assert.deepEqual(classes, offline[1][0]);
  assert.deepEqual([explanation.label, explanation.method], [classes[0].label, 'class_activation_map']);
  const bytes = Buffer.from(explanation.png, 'base64');
  assert.equal(bytes.toString('latin1', 1, 4), 'PNG');
  assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20), bytes[25]], [40, 40, 0]); // the picture's size, grey
  const images = [0, 1].map((i) => ({ base64: read(files[i]).toString('base64') }));
  assert.equal((await post('shades', JSON.stringify({ images }), 'application/json', 422, '?explain=true')).json.code, 'not_explainable');
});

test('bad pictures are refused, and disturb nothing', async () => {
  const good = read(files[0]);
  const huge = Buffer.from(good);
  huge.writeUInt32BE(10000, 16);
  huge.writeUInt32BE(10000, 20);
  huge.writeUInt32BE(crc32(huge.subarray(12, 29)), 29);
  for (const [bytes, status, codes] of [
    [good.subarray(0, 300), 422, ['picture_truncated']],
    [Buffer.from('no picture'), 415, ['picture_unknown']],
    [Buffer.alloc(0), 422, ['picture_empty']],
    [huge, 413, ['picture_too_large']],
    [Buffer.from('GIF89a..........................'), 415, ['picture_format', 'picture_unknown']],
  ]) {
    const { json } = await post('shades', bytes, 'image/jpeg', status);
    assert.ok(codes.includes(json.code), json.code);
  }
  const images = [good, good.subarray(0, 300)].map((bytes) => ({ base64: bytes.toString('base64') }));
  assert.match((await post('shades', JSON.stringify({ images }), 'application/json', 422)).json.detail, /^picture 1: /);
  await post('shades', good, 'text/plain', 415);
  await post('shades', good, 'multipart/form-data', 400);
  await post('shades', good, 'multipart/form-data; boundary=x', 400);
  await post('shades', '{"images":[', 'application/json', 400);
  await post('shades', good, 'image/png', 400, '?top_k=0&x=1');
  await post('nothing', good, 'image/png', 404);
  await post('shades@9', good, 'image/png', 404);
  await client.get('/v1/models/shades/predict', { status: 405 });
  assert.deepEqual((await predict('shades', files[5])).predictions[0].classes, offline[1][5]);
});

test('all that is wrong with a JSON body is named', async () => {
  const faults = async (body) =>
    (await post('shades', JSON.stringify(body), 'application/json', 400)).json.errors.map(({ pointer }) => pointer).sort();
  assert.deepEqual(await faults({}), ['/images']);
  assert.deepEqual(await faults({ images: [] }), ['/images']);
  assert.deepEqual(await faults({ images: [{ base64: '?' }, { pixels: [1], shape: [1, 1, 2] }, { pixels: [256], shape: [1, 1, 1] }, {}, 7, { base64: '', x: 1 }], y: 2 }),
    ['/images/0/base64', '/images/1/shape', '/images/2/pixels', '/images/3', '/images/4', '/images/5/x', '/y']);
});

test('a body that is too long is refused while it comes', async () => {
  const response = await fetch(`${daemon.url}/v1/models/shades/predict`, { method: 'POST', body: new Uint8Array(40 << 20), headers: { 'content-type': 'image/png' } })
    .catch((error) => error);
  if (response instanceof Response) assert.equal(response.status, 413);
  assert.deepEqual((await predict('shades', files[1])).predictions[0].classes, offline[1][1]);
});

test('metrics count what is predicted', async () => {
  const metrics = async () => Object.fromEntries((await client.get('/metrics')).text.split('\n').filter((line) => line.startsWith('googlenetd_predict_')).map((line) => line.slice(19).split(' ')).map(([name, value]) => [name, Number(value)]));
  const before = await metrics();
  const images = files.slice(0, 5).map((name) => ({ base64: read(name).toString('base64') }));
  await post('shades', JSON.stringify({ images }), 'application/json');
  await post('shades@1', read(files[0]), 'image/png');
  await post('shades', read(files[0]).subarray(0, 300), 'image/png', 422);
  const after = await metrics();
  const more = Object.fromEntries(Object.keys(before).map((name) => [name, after[name] - before[name]]));
  assert.deepEqual([more.requests_total, more.images_total, more.batches_total, more.pictures_total, more.pictures_failed_total, more.refused_total], [2, 6, 2, 6, 1, 0]);
  assert.ok(more.seconds_total > 0);
  assert.deepEqual([after.models, after.waiting_images], [2, 0]);
  assert.ok(after.models_bytes > 1e5 && after.decoders >= 1 && after.decoders <= 2, JSON.stringify(after));
});
