// Idempotency keys: what is sent twice, by a double click or after an answer that was lost, makes one job, or one data set.

/** A function that gives the key for a request: the same one as long as the request is the same. */
export function requestKey() {
  let sent = null, key = null;
  return (request) => {
    const text = JSON.stringify(request);
    if (text !== sent) {
      sent = text;
      // crypto.randomUUID is there on https only.
      key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
    }
    return key;
  };
}
