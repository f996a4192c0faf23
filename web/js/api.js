// The only file that knows the daemon's addresses.

import {setClock} from './clock.js';
import * as token from './token.js';

const TIMEOUT_MS = 60000;

class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The daemon answered ${status}`);
    this.status = status;
    this.code = problem.code;
    this.errors = problem.errors || [];
  }
}

/** What was wrong with a request, all of it in one line. */
export const faultText = (error) => (error.errors?.length ? error.errors.map((e) => e.detail).join('; ') : error.message);

let answered = () => {};
/** Have `callback` called for each answer of the daemon, whatever it says. */
export const onAnswer = (callback) => { answered = callback; };

let refused = null;
/** Have `callback` called when the daemon wants another token; what was asked is asked again when its promise resolves. */
export const onRefused = (callback) => { refused = callback; };

/** What a browser says of a line that is dead, "Failed to fetch" or something else, tells a reader nothing. */
const noAnswer = (error) => { throw error.name === 'AbortError' ? error : new Error('the daemon does not answer', {cause: error}); };

const authorization = (value) => (value ? {Authorization: `Bearer ${value}`} : {});

async function request(method, path, options = {}) {
  const {body, accept = 'application/json', type = 'application/json', cache = 'no-store', signal, timeout = TIMEOUT_MS, as = token.current(), headers} = options;
  const limits = [signal, timeout && AbortSignal.timeout(timeout)].filter(Boolean);
  const sent = performance.now();
  const response = await fetch(path, {
    method,
    signal: AbortSignal.any(limits),
    cache,
    headers: {...authorization(as), Accept: accept, ...(body ? {'Content-Type': type} : {}), ...headers},
    body: body instanceof Blob ? body : body && JSON.stringify(body),
  }).catch(noAnswer);
  // What the browser has kept may be old.
  if (cache === 'no-store') setClock(response.headers.get('Date'), sent, performance.now());
  answered();
  if (response.ok) return response;
  if (response.status === 401 && options.as === undefined) {
    // Unless there is another by now.
    if (token.current() === as) await refused();
    return request(method, path, options);
  }
  throw new ApiError(response.status, await response.json().catch(() => ({})));
}

const get = async (path, options) => (await request('GET', path, options)).json();
const send = async (method, path, body, options) => {
  const response = await request(method, path, {body, ...options});
  return response.status === 204 ? null : response.json();
};
const job = (id) => `v1/jobs/${encodeURIComponent(id)}`;
const dataset = (id) => `v1/datasets/${encodeURIComponent(id)}`;
const upload = (id) => `v1/uploads/${encodeURIComponent(id)}`;
const model = (name) => `v1/models/${encodeURIComponent(name)}`;
const version = (name, number) => `${model(name)}/versions/${number}`;
const query = (parameters) => new URLSearchParams(Object.entries(parameters).filter(([, v]) => v !== null && v !== undefined)).toString();

/** Every page of a list. */
async function all(path, parameters = {}) {
  const items = [];
  for (let after = null; ;) {
    const page = await get(`${path}?${query({limit: 1000, ...parameters, after})}`);
    items.push(...page.data);
    if (!page.has_more) return items;
    after = page.last_id;
  }
}

export const listJobs = (parameters) => get(`v1/jobs?${query(parameters)}`);
export const getJob = (id) => get(job(id));
/** Name and metadata of something: it as it is now, with what a change needs to say which one it meant; and that change. */
const labelsAt = (path) => ({
  read: async () => {
    const response = await request('GET', path);
    return {thing: await response.json(), etag: response.headers.get('ETag')};
  },
  change: (patch, etag) => send('PATCH', path, patch, {type: 'application/merge-patch+json', headers: etag ? {'If-Match': etag} : {}}),
});
export const labels = {
  job: (id) => labelsAt(job(id)), dataset: (id) => labelsAt(dataset(id)), model: (name) => labelsAt(model(name)), evaluation: (id) => labelsAt(evaluationPath(id)),
};
export const createJob = (settings, key) => send('POST', 'v1/jobs', settings, {headers: {'Idempotency-Key': key}});
export const cloneJob = (id, changes, key) => send('POST', `${job(id)}/clone`, changes, {headers: {'Idempotency-Key': key}});
export const tryJob = (settings) => send('POST', 'v1/jobs?dry_run=true', settings);
export const tryClone = (id, changes) => send('POST', `${job(id)}/clone?dry_run=true`, changes);
export const stop = (id) => send('POST', `${job(id)}/stop`);
export const resume = (id) => send('POST', `${job(id)}/resume`);
export const checkpoint = (id) => send('POST', `${job(id)}/checkpoint`);
export const remove = (id) => send('DELETE', job(id));
export const epochs = (id) => all(`${job(id)}/epochs`);
export const events = (id) => all(`${job(id)}/events`);
export const checkpoints = async (id) => (await get(`${job(id)}/checkpoints`)).data;
export const settings = async () => (await get('v1/settings')).data;
export const system = () => get('v1/system');
export const networks = async () => (await get('v1/networks')).data;
export const network = (name, parameters = {}) => get(`v1/networks/${encodeURIComponent(name)}?${query(parameters)}`);

export const datasets = () => all('v1/datasets');
export const getDataset = (id) => get(dataset(id));
export const createDataset = (body, key) => send('POST', 'v1/datasets', body, {headers: {'Idempotency-Key': key}});
export const cancelDataset = (id) => send('POST', `${dataset(id)}/cancel`);
export const removeDataset = (id) => send('DELETE', dataset(id));
export const imports = async () => (await get('v1/imports')).data;
/** What an import found; a long one takes its time. */
export const datasetReport = (id) => get(`${dataset(id)}/report`, {timeout: null});
export const pictures = (id, parameters) => get(`${dataset(id)}/pictures?${query(parameters)}`);
export const pictureAbout = (id, n) => get(`${dataset(id)}/pictures/${n}`);
/** A picture never changes: the browser may keep it. */
export const picture = async (id, n, signal) => (await request('GET', `${dataset(id)}/pictures/${n}/content`, {accept: 'image/png', cache: 'default', signal})).blob();
/** What a job with these settings does to a picture, in `draws` epochs side by side. */
export const preview = async (id, n, settings, draws, signal) =>
  (await request('POST', `${dataset(id)}/pictures/${n}/preview?${query({draws})}`, {body: {settings}, accept: 'image/png', signal})).blob();

export const models = () => all('v1/models');
export const getModel = (name) => get(model(name));
export const registerModel = (what, key) => send('POST', 'v1/models', what, {headers: {'Idempotency-Key': key}});
export const changeModel = (name, patch) => send('PATCH', model(name), patch, {type: 'application/merge-patch+json'});
export const removeModel = (name) => send('DELETE', model(name));
export const modelVersion = (name, number) => get(version(name, number));
export const removeVersion = (name, number) => send('DELETE', version(name, number));
export const modelCard = (name, number) => get(modelCardPath(name, number));
export const modelCardPath = (name, number) => `${version(name, number)}/card`;
export const modelContentPath = (name, number) => `${version(name, number)}/content`;
export const modelOnnxPath = (name, number, options) => `${version(name, number)}/onnx?${query(options)}`;
const predictPath = (reference, parameters = {}) => `${model(reference)}/predict?${query(parameters)}`;
/** What is in a picture: the daemon tells the kind of a file by its content. */
export const predict = (reference, file, parameters, signal) =>
  send('POST', predictPath(reference, parameters), file, {type: 'application/octet-stream', signal});

const evaluationPath = (id) => `v1/evaluations/${encodeURIComponent(id)}`;
export const evaluations = (parameters) => get(`v1/evaluations?${query(parameters)}`);
export const evaluation = (id) => get(evaluationPath(id));
export const cancelEvaluation = (id) => send('POST', `${evaluationPath(id)}/cancel`);
export const removeEvaluation = (id) => send('DELETE', evaluationPath(id));
export const createEvaluation = (what) => send('POST', 'v1/evaluations', what);
export const confusionPath = (id) => `${evaluationPath(id)}/confusion`;
export const confusion = (id) => get(confusionPath(id));
export const mistakes = (id, parameters) => get(`${evaluationPath(id)}/mistakes?${query(parameters)}`);

/** The recorded steps as columns, page by page. */
export async function curve(id) {
  const columns = {};
  for (let after = 0; ;) {
    const page = await get(`${job(id)}/curve?${query({after})}`);
    for (const [name, values] of Object.entries(page)) if (Array.isArray(values)) columns[name] = (columns[name] ?? []).concat(values);
    if (!page.has_more) return columns;
    after = page.last_id;
  }
}

const TUS = {'Tus-Resumable': '1.0.0'};
const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const offsetOf = (header) => {
  const offset = Number(header('Upload-Offset') ?? NaN);
  if (!Number.isInteger(offset)) throw new Error('The daemon did not say how much has come');
  return offset;
};

export const uploads = async () => (await get('v1/uploads', {headers: TUS})).data;
/** Begin an upload by the tus protocol; answers its id. */
export async function beginUpload(length, metadata) {
  const keys = Object.entries(metadata).map(([key, value]) => `${key} ${base64(String(value))}`).join();
  const response = await request('POST', 'v1/uploads', {headers: {...TUS, 'Upload-Length': String(length), 'Upload-Metadata': keys}});
  return response.headers.get('Location').split('/').at(-1);
}
/** How much of an upload has come, and what was said of it: {offset, metadata}, both as texts of the protocol. */
export async function askUpload(id) {
  const {headers} = await request('HEAD', upload(id), {headers: TUS});
  return {offset: offsetOf((name) => headers.get(name)), metadata: headers.get('Upload-Metadata') ?? ''};
}
export const isTold = (metadata, key, value) => metadata.split(',').some((pair) => pair.trim() === `${key} ${base64(String(value))}`);
export const removeUpload = (id) => request('DELETE', upload(id), {headers: TUS});

/** Send bytes and tell how far that is, which fetch does not, hence the old way. Resolves to what `read` makes of the answer. */
const sendOnce = (method, path, headers, body, {signal, onProgress}, read) => new Promise((resolve, reject) => {
  const call = new XMLHttpRequest();
  call.open(method, path);
  for (const [name, value] of Object.entries(headers)) call.setRequestHeader(name, value);
  call.upload.onprogress = ({loaded}) => onProgress(loaded);
  call.onerror = call.onabort = () => reject(new Error('The connection broke'));
  call.onload = () => {
    answered();
    let problem = {};
    try {
      if (call.status < 300) return resolve(read(call));
      problem = JSON.parse(call.responseText);
    } catch (error) {
      if (call.status < 300) return reject(error);
    }
    return reject(new ApiError(call.status, problem));
  };
  signal.addEventListener('abort', () => call.abort());
  if (signal.aborted) reject(new Error('The connection broke'));
  else call.send(body);
});

/** The same; where the daemon wants another token, all is sent again once there is one. */
async function sendBytes(method, path, headers, ...rest) {
  const as = token.current();
  try {
    return await sendOnce(method, path, {...authorization(as), ...headers}, ...rest);
  } catch (error) {
    if (error.status !== 401) throw error;
    if (token.current() === as) await refused();
    return sendBytes(method, path, headers, ...rest);
  }
}

/**
 * Send the next part of an upload; answers how much has come. It is sent once: where the daemon wants another token,
 * who sends asks how much has come, which waits for the token.
 */
export const sendPart = (id, offset, part, how) =>
  sendOnce('PATCH', upload(id), {...authorization(token.current()), ...TUS, 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(offset)},
    part, how, (call) => offsetOf((name) => call.getResponseHeader(name)));

/** Send weights as the next version of a model; answers the version. */
export const sendModel = (name, file, parameters, how) =>
  sendBytes('PUT', `${model(name)}/versions?${query(parameters)}`, {'Content-Type': 'application/octet-stream'}, file, how,
    (call) => JSON.parse(call.responseText));

/** Whether the daemon answers at all within so many milliseconds. */
export const isAlive = (timeout) => request('GET', 'livez', {timeout, as: null}).then(() => true, () => false);

/** Whether the daemon takes this token. */
export const accepts = (candidate) => request('GET', 'v1/jobs?limit=1', {as: candidate}).then(() => true, (error) => {
  if (error.status === 401) return false;
  throw error;
});

export const isGuarded = () => Boolean(token.current());
export const seriesPath = (id, kind) => `${job(id)}/${kind}`;
export const checkpointPath = (id, checkpointId) => `${job(id)}/checkpoints/${encodeURIComponent(checkpointId)}/content`;
/** The answer to a download, without a limit of time: its body may take as long as it takes. */
export const open = (path, {method = 'GET', accept = '*/*'} = {}) => request(method, path, {accept, timeout: null});

/** The event stream; EventSource cannot send an Authorization header, so it is read by hand. */
export const openEvents = (lastId, signal) => request('GET', 'v1/events', {
  accept: 'text/event-stream', signal, timeout: null, headers: lastId === null ? {} : {'Last-Event-ID': lastId},
});

/** A request as a command line; the token stays out of it, the shell knows it by its name. */
export function curl(method, path, body) {
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  return ['curl', ...(method === 'GET' ? [] : ['-X', method]),
    ...(isGuarded() ? ['-H', '"Authorization: Bearer $GOOGLENETD_TOKEN"'] : []),
    ...(body ? ['-H', quote('Content-Type: application/json'), '-d', quote(JSON.stringify(body))] : []),
    quote(new URL(path, location.href).href)].join(' ');
}
