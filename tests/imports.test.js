// What a file of the page or of the tests imports from another of them is there: also in those that no other test
// runs, as those of the image.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const top = join(dirname(fileURLToPath(import.meta.url)), '..');

const names = (list) => list.split(',').map((one) => one.trim()).filter(Boolean);

/** What a module's text exports. */
function exported(text) {
  const declared = /^export (?:async )?(?:function\*?|const|let|class) (\w+(?:, \w+)*)/gm;
  const listed = /^export \{([^}]*)\}/gm;
  return new Set([...[...text.matchAll(declared)].flatMap((m) => names(m[1])),
    ...[...text.matchAll(listed)].flatMap((m) => names(m[1])).map((one) => one.split(/ as /).at(-1))]);
}

/** [name, module] of all that it takes from modules beside it. */
const imported = (text) => [...text.matchAll(/^import \{([^}]*)\} from ['"](\.[^'"]*)['"]/gm)]
  .flatMap((m) => names(m[1]).map((one) => [one.split(/ as /)[0], m[2]]));

/** Sentences, of the files that `read` knows. */
function missing(paths, read) {
  return paths.flatMap((path) => imported(read(path)).filter(([name, module]) => {
    const from = join(dirname(path), module);
    return !paths.includes(from) || !exported(read(from)).has(name);
  }).map(([name, module]) => `${path}: ${module} has no ${name}`));
}

test('imports lead somewhere', () => {
  const paths = ['web/js', 'tests'].flatMap((room) => readdirSync(join(top, room), { recursive: true })
    .filter((path) => path.endsWith('.js') && !path.includes('node_modules')).map((path) => join(room, path)));
  assert.ok(paths.length > 100, `${paths.length} files`);
  const texts = new Map(paths.map((path) => [path, readFileSync(join(top, path), 'utf8')]));
  assert.deepEqual(missing(paths, (path) => texts.get(path)), []);
});

test('one that does not is named', () => {
  const texts = { 'a/one.js': "import { there, not as is } from './two.js';\nimport { gone } from '../b.js';\n",
    'a/two.js': 'export const there = 1;\n' };
  assert.deepEqual(missing(Object.keys(texts), (path) => texts[path]),
    ['a/one.js: ./two.js has no not', 'a/one.js: ../b.js has no gone']);
});
