// What a job's id and status say.

const ENDED = ['stopped', 'succeeded', 'failed'];

/** Jobs, evaluations and models are numbered in the order in which they were made. */
export const numberOf = (id) => Number(id.slice(id.lastIndexOf('_') + 1));
export const isEnded = (job) => ENDED.includes(job.status);
export const isActive = (job) => !isEnded(job);
