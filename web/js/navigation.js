// Where the reader is: the part of the address behind "#/". A new page begins at its top; going back returns to where
// one was on it.

/** onArrive(path, query, isCurrent) is called for each new address; the page is filled when its promise resolves. */
export function startNavigation(onArrive) {
  let here = null;  // the key of the entry in the history that is shown
  const places = new Map();  // key -> how far it was scrolled
  history.scrollRestoration = 'manual';

  async function arrive() {
    const hash = location.hash || '#/';
    // Other fragments are places within the page.
    if (!hash.startsWith('#/')) return;
    if (here !== null) places.set(here, scrollY);
    const known = history.state?.key;
    here = known ?? Math.random().toString(36).slice(2);
    if (!known) history.replaceState({key: here}, '');
    const [path, query = ''] = hash.slice(1).split('?');
    const key = here;
    await onArrive(path, new URLSearchParams(query), () => key === here);
    if (key === here) scrollTo(0, places.get(key) ?? 0);
  }
  addEventListener('hashchange', arrive);
  arrive();
}
