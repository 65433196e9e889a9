import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isLeftOver } from '../../src/agent/detaching.ts';
import { realFileBytes } from '../../src/platform/file-bytes.ts';
import { RealFiles } from '../../src/platform/files.ts';

test('DET7 a TIEOUT_HOME that is called like a sync folder makes the folder around it no copy', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tieout-detaching-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const isLeft = (): boolean => isLeftOver(root, new RealFiles(root), realFileBytes);
  assert.equal(isLeft(), false);
  mkdirSync(join(root, '.tieout'));
  assert.equal(isLeft(), true, 'the very last of a copy');
  writeFileSync(join(root, '.tieout', 'lock'), '');
  assert.equal(isLeft(), true);
  writeFileSync(join(root, '.tieout', 'device.key'), 'key');
  writeFileSync(join(root, '.tieout', 'agent.lock'), '');
  assert.equal(isLeft(), false);
});
