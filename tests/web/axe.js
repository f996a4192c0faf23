// The source of axe, which finds what keeps people from using a page, with its arithmetic of colours made cheaper.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// Two thirds of its time went on the colours, with the very same findings: each was parsed anew for each element, of
// which a page has a few dozens, and their fields are in WeakMaps, which are dear for objects that live so shortly.
export const axe = `{
  const WeakMap = class {
    #key = Symbol('of this map');
    get(of) { return of[this.#key]; }
    set(of, value) { of[this.#key] = value; return this; }
    has(of) { return this.#key in of; }
    delete(of) { return this.has(of) && delete of[this.#key]; }
  };
  ${source}
  const { Color } = globalThis.axe.commons.color, { parseString } = Color.prototype, known = new Map();
  Color.prototype.parseString = function (text) {
    if (!known.has(text)) known.set(text, parseString.call(new Color(0, 0, 0), text));
    const { r, g, b, alpha } = known.get(text);
    return Object.assign(this, { r, g, b, alpha });
  };
}`;
