/** What the package ships beside the program is whole. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');

test('every relative link of a text in the package leads to what the package holds', () => {
  const packed = spawnSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: root,
    encoding: 'utf8',
    // On Windows npm is a script.
    shell: process.platform === 'win32',
  });
  assert.equal(packed.status, 0, packed.stderr);
  const [{ files }] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
  const shipped = new Set(files.map(({ path }) => path));
  assert.ok(shipped.has('README.md'));
  const isThere = (path: string): boolean => [...shipped].some((one) => one === path || one.startsWith(`${path}/`));
  const broken = [...shipped]
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) => {
      const links = [...readFileSync(join(root, path), 'utf8').matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)];
      return links
        .map(([, link = '']) => posix.join(posix.dirname(path), link).replace(/\/$/, ''))
        .filter((target) => !isThere(target))
        .map((target) => `${path}: ${target}`);
    });
  assert.deepEqual(broken, []);
});
