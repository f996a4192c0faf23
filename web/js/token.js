// The token of a daemon that wants one. It is kept in sessionStorage: it lives as long as the tab and is never on the
// disk, which localStorage would be for anyone who opens this page later; nor in an address, which ends up in logs and
// histories. The tabs of one browser tell each other.

const KEY = 'googlenetd.token';
const ANSWER_MS = 300;

const channel = new BroadcastChannel('googlenetd.token');
let token = sessionStorage.getItem(KEY);
let changed = () => {};

export const current = () => token;

/** Keep a token that the daemon has accepted, and tell the other tabs. */
export function keep(accepted) {
  adopt(accepted);
  channel.postMessage({entered: accepted});
}

function adopt(text) {
  token = text;
  sessionStorage.setItem(KEY, text);
}

/** Ask the other tabs for a token other than the one that was refused; true if there was one. */
export function askOthers() {
  const question = Math.random();
  return new Promise((resolve) => {
    const end = (found) => {
      clearTimeout(timer);
      channel.removeEventListener('message', listen);
      resolve(found);
    };
    const timer = setTimeout(end, ANSWER_MS, false);
    const listen = ({data}) => {
      if (data.answers !== question || data.token === token) return;
      adopt(data.token);
      end(true);
    };
    channel.addEventListener('message', listen);
    channel.postMessage({question});
  });
}

/** Have `callback` called when another tab was given a token. */
export const onChange = (callback) => { changed = callback; };

channel.addEventListener('message', ({data}) => {
  if (data.question && token) channel.postMessage({answers: data.question, token});
  if (!data.entered || data.entered === token) return;
  adopt(data.entered);
  changed();
});
