/** Resolves after so many milliseconds, or when `signal`, if there is one, aborts; nothing of it stays with the signal. */
export const pause = (ms, signal) => new Promise((resolve) => {
  if (signal?.aborted) return resolve();
  const end = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
    resolve();
  };
  const timer = setTimeout(end, ms);
  signal?.addEventListener('abort', end);
});
