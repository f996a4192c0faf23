// Files on their way to the daemon: how far each is, and the means to stop it for a while or for good.

import {actionButton, h, setAttribute, setText} from '../../dom.js';
import {openDialog} from '../../dialog.js';
import {bytes, span} from '../../format.js';
import {KeyedRows} from '../../keyed.js';

/** How far a file is. What is sent may not have come: while the line is down, all of a file can lie in the system's buffers. */
export function statusText({upload, error, startedAt, startedFrom}) {
  const {sent, file, status} = upload;
  if (error) return `It failed: ${error.replace(/\.$/, '')}.`;
  const far = `${bytes(sent)} of ${bytes(file.size)}`;
  if (status === 'paused') return `${far}, paused`;
  if (status === 'waiting') return `${far}. ${upload.error.replace(/\.$/, '')}; it goes on when the daemon answers.`;
  if (sent === file.size) return `${far}, the daemon is taking it in`;
  const speed = (sent - startedFrom) / ((performance.now() - startedAt) / 1000);
  return speed > 0 ? `${far}, ${bytes(speed)}/s, ${span((file.size - sent) / speed)} left` : far;
}

/** {element, update()} */
export function transferList({transfers}) {
  function row(item) {
    const {upload} = item;
    const bar = h('progress', {max: 1, value: 0, 'aria-label': `Upload of ${item.name}`});
    const text = h('span', {class: 'how'});
    const pause = actionButton('Pause', () => (upload.status === 'paused' ? upload.goOn() : upload.pause()), {class: 'quiet'});
    const cancel = actionButton('Cancel', () => {
      if (item.error) {
        transfers.cancel(item);
        return;
      }
      openDialog({title: 'Cancel this upload?', content: [h('p', {}, 'What has come of the file is removed.')], cancel: 'Go on sending',
        actions: [{label: 'Cancel it', class: 'danger', run: () => transfers.cancel(item)}]});
    }, {class: 'quiet'});
    const element = h('li', {class: 'transfer'}, h('strong', {class: 'clip', title: item.name}, item.name), h('small', {class: 'clip'}, upload.file.name),
      bar, text, h('span', {class: 'tools'}, pause, cancel));
    return {element, update() {
      const share = upload.file.size ? upload.sent / upload.file.size : 1;
      if (bar.value !== share) bar.value = share;
      setText(text, statusText(item));
      setAttribute(text, 'class', item.error ? 'how fault' : 'how');
      setText(pause, upload.status === 'paused' ? 'Go on' : 'Pause');
      pause.hidden = Boolean(item.error);
      setText(cancel, item.error ? 'Dismiss' : 'Cancel');
    }};
  }
  const list = h('ul', {class: 'transfers', 'aria-label': 'Uploads'});
  const rows = new KeyedRows(list, row);
  return {element: list, update() {
    list.hidden = transfers.items.length === 0;
    rows.set(transfers.items, (i) => i.key);
  }};
}
