// The page's modules without a browser. They stand in no package, so that older Nodes would take them for CommonJS.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = mkdtempSync(join(tmpdir(), 'googlenetd-modules-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
cpSync(join(dirname(fileURLToPath(import.meta.url)), '../../web/js'), folder, { recursive: true });
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');

/** One of web/js, by its path there. */
export const load = (path) => import(pathToFileURL(join(folder, path)));
