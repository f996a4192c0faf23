// The token of a daemon that wants one. It is kept in sessionStorage: it lives as long as the tab and is never on the
// disk, which localStorage would be for anyone who opens this page later; nor in an address, which ends up in logs and
// histories. The tabs of one browser tell each other.

const KEY = 'googlenetd.token';
const channel = new BroadcastChannel('googlenetd.token');
let token = sessionStorage.getItem(KEY);
let changed = () => {};
let question = null;  // of this tab, to the others

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

/** Ask the other tabs for a token other than the one that was refused. */
export function askOthers() {
  question = Math.random();
  channel.postMessage({question});
}

/** Have `callback` called when another tab had a token, or was given one. */
export const onChange = (callback) => { changed = callback; };

channel.addEventListener('message', ({data}) => {
  if (data.question && token) channel.postMessage({answers: data.question, token});
  const news = data.entered ?? (data.answers === question ? data.token : null);
  if (!news || news === token) return;
  adopt(news);
  changed();
});
