/**
 * `npm run build`: src/ as JavaScript and declarations in dist/, which is what the package ships (Node strips no types
 * below node_modules). What is not TypeScript, such as the .sql files, is copied beside.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const tsc = spawnSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')],
  { stdio: 'inherit' },
);
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

for (const path of globSync('src/**/*', { cwd: root, withFileTypes: false })) {
  const isAsset = /\.[a-z]+$/.test(path) && !path.endsWith('.ts');
  if (isAsset) cpSync(join(root, path), join(dist, path.slice('src/'.length)));
}

// The compiler leaves `.ts` in the imports of declarations.
for (const path of globSync('**/*.d.ts', { cwd: dist })) {
  const file = join(dist, path);
  writeFileSync(file, readFileSync(file, 'utf8').replace(/(\bfrom '\.[^']*|\bimport\('\.[^']*)\.ts'/g, "$1.js'"));
}

const missing = globSync('**/*.js', { cwd: dist }).flatMap(pointToJavaScript);
for (const line of missing) console.error(line);
process.exitCode = missing.length > 0 ? 1 : 0;

/**
 * The compiler rewrites `./x.ts` in imports, not in `new URL('./x.ts', import.meta.url)`, by which child processes and
 * workers are named. Returns what would not be found.
 */
function pointToJavaScript(path: string): string[] {
  const file = join(dist, path);
  const lost: string[] = [];
  const before = readFileSync(file, 'utf8');
  const after = before.replace(/(new URL\(\s*['"`])(\.[^'"`]*)\.ts(?=['"`])/g, (_, start: string, name: string) => {
    if (!existsSync(join(dirname(file), `${name}.js`))) lost.push(`${path}: ${name}.ts is not in dist/`);
    return `${start}${name}.js`;
  });
  if (after !== before) writeFileSync(file, after);
  const code = after.replace(/^[ \t]*(\/\/|\*|\/\*).*$/gm, '');
  for (const [, rest] of code.matchAll(/['"`](\.{0,2}\/?[\w./-]+\.ts)['"`]/g)) lost.push(`${path}: names ${rest}`);
  return lost;
}
