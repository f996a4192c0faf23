// What a daemon may have to live through besides sudden death: for a while its disk is full, its disk hangs, or nobody
// reads what it writes to stderr. Each is { how, on(), off() }: `how` starts the daemon, off() is no error when off.
import { rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

// A fault of preload.c that is there as long as a file is.
function switched(data, preload, fault) {
  const file = join(dirname(data), `${basename(data)}.weather`);
  const off = () => rmSync(file, { force: true });
  off();
  return {
    how: { environment: { LD_PRELOAD: preload, FAULT: fault, FAULT_WHILE: file } },
    on: async () => writeFileSync(file, ''),
    off,
  };
}

// More log lines than the pipe, and whatever stands before it, can take.
async function flood(daemon) {
  for (let i = 0; i < 20; i++)
    await Promise.all(Array.from({ length: 50 }, () => fetch(`${daemon.url}/${'x'.repeat(900)}`).then((answer) => answer.text())));
}

function fullPipe() {
  let daemon;
  return {
    how: { args: ['--log-level', 'debug'] },
    on: async (life) => {
      daemon = life;
      daemon.process.stderr.pause();
      await flood(daemon);
    },
    off: () => daemon?.process.stderr.resume(),
  };
}

export const WEATHERS = {
  full: (data, preload) => switched(data, preload, `write:${basename(data)}/:1:100000000:ENOSPC`),
  stalled: (data, preload) => switched(data, preload, `fsync:${basename(data)}/:1:100000000:stall`),
  pipe: () => fullPipe(),
};
