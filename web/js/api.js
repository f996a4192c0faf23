// The only file that knows the daemon's addresses.
//
// Where the daemon wants a token, it is kept in sessionStorage: it lives as long as the tab, other
// sites and other tabs cannot read it, and it never stands in an address, which ends up in logs and
// histories. localStorage would keep it on the disk for anyone who opens this page later.

const TOKEN = 'googlenetd.token';

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The daemon answered ${status}`);
    this.status = status;
    this.errors = problem.errors || [];
  }
}

export const setToken = (token) => sessionStorage.setItem(TOKEN, token);

function headers(extra) {
  const token = sessionStorage.getItem(TOKEN);
  return token ? {...extra, Authorization: `Bearer ${token}`} : extra;
}

async function request(method, path, {body, accept = 'application/json', signal, ...rest} = {}) {
  const response = await fetch(path, {
    method,
    signal,
    cache: 'no-store',
    headers: headers({Accept: accept, ...(body ? {'Content-Type': 'application/json'} : {}), ...rest.headers}),
    body: body && JSON.stringify(body),
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new ApiError(response.status, problem);
}

const get = async (path) => (await request('GET', path)).json();
const send = async (method, path, body) => {
  const response = await request(method, path, {body});
  return response.status === 204 ? null : response.json();
};
const job = (id) => `v1/jobs/${encodeURIComponent(id)}`;

/** Every page of a list. */
async function all(path) {
  const items = [];
  for (let after = null; ;) {
    const page = await get(`${path}${path.includes('?') ? '&' : '?'}limit=100${after ? `&after=${after}` : ''}`);
    items.push(...page.data);
    if (!page.has_more) return items;
    after = encodeURIComponent(page.last_id);
  }
}

export const jobs = () => all('v1/jobs');
export const getJob = (id) => get(job(id));
export const createJob = (spec) => send('POST', 'v1/jobs', spec);
export const tryJob = (spec) => send('POST', 'v1/jobs?dry_run=true', spec);
export const stop = (id) => send('POST', `${job(id)}/stop`);
export const resume = (id) => send('POST', `${job(id)}/resume`);
export const checkpoint = (id) => send('POST', `${job(id)}/checkpoint`);
export const remove = (id) => send('DELETE', job(id));
export const curve = (id, after = 0) => get(`${job(id)}/curve?after=${after}`);
export const epochs = (id) => all(`${job(id)}/epochs`);
export const checkpoints = async (id) => (await get(`${job(id)}/checkpoints`)).data;
export const events = (id) => all(`${job(id)}/events`);
export const networks = async () => (await get('v1/networks')).data;
export const network = (name, query = '') => get(`v1/networks/${encodeURIComponent(name)}${query}`);
export const datasets = async () => (await get('v1/datasets')).data;

/** A series as a file: kind is 'curve' or 'epochs', type a media type. */
export const download = async (id, kind, type) => (await request('GET', `${job(id)}/${kind}`, {accept: type})).blob();
export const checkpointContent = async (id, checkpointId) =>
  (await request('GET', `${job(id)}/checkpoints/${encodeURIComponent(checkpointId)}/content`, {accept: '*/*'})).blob();

/**
 * Read the daemon's event stream until it ends or `signal` aborts, calling onEvent for each event and
 * onOpen once. EventSource cannot send an Authorization header, so the stream is read by hand.
 */
export async function readEvents({lastId, signal, onOpen, onEvent}) {
  const response = await request('GET', 'v1/events', {
    accept: 'text/event-stream',
    signal,
    headers: lastId ? {'Last-Event-ID': String(lastId)} : {},
  });
  onOpen();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const data = block.split('\n').filter((l) => l.startsWith('data:')).map((l) => l.slice(5).trim()).join('\n');
      const id = block.split('\n').find((l) => l.startsWith('id:'))?.slice(3).trim();
      if (data) onEvent(JSON.parse(data));
      else if (id) onEvent({id: Number(id), type: 'cursor'});
    }
  }
}
