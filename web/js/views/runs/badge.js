// Small pieces that lists and pages of runs share: a job's status, and how far it is.

import {h, setAttribute, setText} from '../../dom.js';
import {epochText, reason, share, statusText, title} from '../../describe.js';

/** {element, update(job)} */
export function badge() {
  const element = h('span', {class: 'badge'});
  return {element, update(job) {
    setAttribute(element, 'class', `badge ${job.status}`);
    setAttribute(element, 'title', reason(job)?.text ?? null);
    setText(element, statusText(job));
  }};
}

/** {element, update(job)} */
export function progress() {
  const bar = h('progress', {max: 1, value: 0});
  const text = h('span');
  return {element: h('span', {class: 'progress'}, bar, text), update(job) {
    setAttribute(bar, 'aria-label', `Progress of ${title(job)}`);
    if (bar.value !== share(job)) bar.value = share(job);
    setText(text, epochText(job));
  }};
}
