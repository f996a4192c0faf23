// The machine that the daemon runs on: what it has, and how much of it is left.

import * as api from '../api.js';
import {h, setAttribute, setText} from '../dom.js';
import {bytes, grouped, NONE, rate, span, time} from '../format.js';
import {Facts} from '../keyed.js';

const READ_MS = 5000;

/** How much of something is taken: {element, set(used, total)}. */
function gauge(label) {
  const meter = h('meter', {min: 0, max: 1, high: 0.9, low: 0.8, optimum: 0, 'aria-label': label});
  const text = h('span');
  return {element: h('span', {class: 'progress'}, meter, text), set(used, total) {
    const known = typeof used === 'number' && total > 0;
    meter.hidden = !known;
    if (known) meter.value = used / total;
    setText(text, known ? `${bytes(used)} of ${bytes(total)}` : NONE);
  }};
}

export function systemView({state, setTitle}) {
  const heading = h('h1', {}, 'Machine');
  const fault = h('p', {class: 'fault', role: 'alert'});
  const machine = new Facts(), room = new Facts(), work = new Facts();
  const memory = gauge('Memory in use'), disk = gauge('Disk in use');
  const element = h('section', {}, h('div', {class: 'bar'}, heading), fault,
    h('h2', {}, 'Processor and version'), machine.element, h('h2', {}, 'Memory and disk'), room.element,
    h('h2', {}, 'Training'), work.element,
    h('p', {}, h('a', {href: 'openapi.json'}, 'The API’s description'), ' · ', h('a', {href: 'readyz'}, 'Readiness')));

  function show({cpu, memory: m, disk: d, training, ...system}) {
    machine.set([
      ['Processor', cpu.name || NONE], ['Details', cpu.details || NONE], ['Instructions', cpu.isa],
      ['Cores', `${cpu.usable_cores} usable of ${cpu.cores}`], ['Precisions', cpu.precisions.join(', ')],
      ['Version', `googlenetd ${system.version}`], ['oneDNN', system.onednn], ['Started', time(system.started_at)], ['Up for', span(system.uptime_seconds)],
    ]);
    const limit = m.limit_bytes ?? m.machine_bytes;
    memory.set(m.available_bytes === null ? null : Math.max(0, limit - m.available_bytes), limit);
    disk.set(d.free_bytes === null ? null : d.total_bytes - d.free_bytes, d.total_bytes);
    room.set([
      ['Memory in use', memory.element], ['Memory of the daemon', bytes(m.used_bytes)],
      ['Memory left', bytes(m.available_bytes)], ['Limited by', m.limited_by || 'the machine'],
      ['Disk in use', disk.element], ['Disk left', bytes(d.free_bytes)], ['Data folder', d.data],
    ]);
    work.set([
      ['Runs at a time', String(training.workers)], ['Threads a run', String(training.threads_per_job)], ['Speed of all', rate(training.examples_per_second)],
      ...Object.entries(training.jobs).map(([status, count]) => [status, grouped(count)]),
    ]);
  }

  async function read() {
    try {
      show(await api.system());
      setText(fault, '');
    } catch (error) {
      setText(fault, error.status ? error.message : 'The daemon does not answer.');
    }
    setAttribute(element, 'aria-busy', null);
  }
  setAttribute(element, 'aria-busy', 'true');
  read();
  const timer = setInterval(() => { if (!document.hidden && state.isCurrent) read(); }, READ_MS);
  return {element, update: () => setTitle('Machine'), destroy: () => clearInterval(timer)};
}
