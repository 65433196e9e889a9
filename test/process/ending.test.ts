/** An agent that is told to end while what it waits for never comes. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyIn } from './engagement.ts';
import { Office } from './office.ts';
import { sqlite } from './outside.ts';

test('AGT17 an agent that is told to end does so also when the process of its databases hangs, and leaves nothing running', {
  timeout: 120_000,
}, async (t) => {
  const office = await Office.open(t);
  const [first, second] = [await office.machine('ana'), await office.machine('ben')];
  const folder = join(first.folder, 'Plan');
  mkdirSync(folder);
  await sqlite(join(folder, 'plan.db'), 'CREATE TABLE step (name TEXT PRIMARY KEY);');
  await first.json('publish', [folder]);
  await second.json('copy', ['Plan']);
  const [ana, ben] = [copyIn(first, folder), copyIn(second, join(second.folder, 'Plan'))];
  if (!first.haltDatabases()) return t.diagnostic('this system shows no processes');
  await ana.sql("INSERT INTO step VALUES ('written while it hung')", 'plan.db');
  assert.deepEqual(await first.json('stop'), { stopped: true });
  await first.json('sync', [folder]);
  await second.json('sync', [ben.folder]);
  assert.equal(await ben.sql('SELECT name FROM step', 'plan.db'), 'written while it hung');
});
