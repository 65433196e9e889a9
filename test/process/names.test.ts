/** Files of one name, each closed to those who gave the other's. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Office } from './office.ts';
import { write } from './outside.ts';

test('PRC22 files of one name are told apart by their ids, and who publishes hears nothing of names closed to them', {
  timeout: 100_000,
}, async (t) => {
  const office = await Office.open(t);
  const [ana, ben, chloe] = [await office.machine('ana'), await office.machine('ben'), await office.machine('chloe')];
  for (const { user, folder } of [ana, ben]) write(join(folder, 'Plan', 'of.txt'), user);
  await ana.json('publish', [join(ana.folder, 'Plan'), '--members', 'chloe']);
  const { file } = await ben.json('publish', [join(ben.folder, 'Plan'), '--members', 'chloe']);
  assert.match(await chloe.refused('copy', 'Plan'), /several files “Plan”[\s\S]*Give the id/);
  const there = join(chloe.folder, 'of Ben');
  assert.deepEqual((await chloe.json('copy', [file.id, there])).file, { id: file.id, name: 'Plan' });
  assert.equal(readFileSync(join(there, 'of.txt'), 'utf8'), 'ben');
  // One who sees only one of them needs no id.
  await ben.json('copy', ['Plan', join(ben.folder, 'again')]);
  assert.equal(readFileSync(join(ben.folder, 'again', 'of.txt'), 'utf8'), 'ben');
});
