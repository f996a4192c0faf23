// Server-sent events, read from the body of an answer.

/** One block of lines as {id, data}, the id a text to come back with; null where it only says that the daemon is there. */
export function parseBlock(block) {
  let id = null;
  const data = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('data:')) data.push(line.slice(5).trim());
    else if (line.startsWith('id:')) id = line.slice(3).trim();
  }
  return data.length || id !== null ? {id, data: data.length ? JSON.parse(data.join('\n')) : null} : null;
}

/** Read until the stream ends: onHeard() for each piece of it, onBlock({id, data}) for what it says. */
export async function readStream(body, {onHeard, onBlock}) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    onHeard();
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const parsed = parseBlock(block);
      if (parsed) onBlock(parsed);
    }
  }
}
