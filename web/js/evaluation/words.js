// What is so with an evaluation, in words.

import {percent} from '../format.js';

export const isDone = ({status}) => status === 'succeeded' || status === 'failed';

/** Its accuracy, or why there is none. */
export function figureText({status, accuracy, error, progress: {done, total}}) {
  if (status === 'succeeded') return percent(accuracy);
  if (status === 'queued') return 'waits';
  if (status === 'running') return total ? `${Math.floor(100 * done / total)} % done` : 'begins';
  return error?.code === 'cancelled' ? 'cancelled' : 'failed';
}
