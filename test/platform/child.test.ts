import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');

test('AGT16 every process that we start hides its window', () => {
  const starts = /(?<![.\w])(?:spawn|fork|execFile)\(/g;
  let found = 0;
  for (const path of [...globSync('src/**/*.ts', { cwd: root }), 'bin/tieout.js']) {
    const text = readFileSync(join(root, path), 'utf8');
    if (!text.includes("'node:child_process'")) continue;
    for (const { index } of text.matchAll(starts)) {
      found += 1;
      assert.match(text.slice(index, text.indexOf(');\n', index)), /windowsHide: true/, path);
    }
  }
  assert.equal(found, 4);
});
