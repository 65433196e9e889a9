/** Commands that name what is not there, or that came to nothing: what is said, and what is left behind. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Copy, engagement, LEDGER } from './engagement.ts';
import { Office } from './office.ts';

const timeout = 300_000;

test('PRC26 what is named wrongly is refused as what it is, and leaves nothing behind', { timeout }, async (t) => {
  const office = await Office.open(t);
  const [ana] = (await engagement(office, ['ana'])) as [Copy];
  const { machine, folder } = ana;
  const typo = join(machine.folder, 'Amce');
  assert.match(await machine.refused('publish', typo), /There is no folder .*Amce/);
  assert.equal(existsSync(typo), false);
  const paper = join(machine.folder, 'paper.txt');
  writeFileSync(paper, 'paper');
  for (const args of [
    ['publish', paper],
    ['copy', 'Acme 2026', paper],
  ]) {
    assert.match(await machine.refused(...args), /paper\.txt is no folder/);
  }
  assert.equal((await machine.json('files')).length, 1);
  assert.equal((await machine.json('copies')).length, 1);
  assert.match(await machine.refused('sync', folder, join(folder, 'lettre.txt')), /lettre\.txt is not a document/);
  writeFileSync(join(folder, 'lettre.txt'), 'saved just now');
  await machine.json('sync', [folder, join(folder, 'lettre.txt'), join(folder, LEDGER)]);
  assert.match(await machine.refused('versions', join(folder, LEDGER)), /is a database/);
  assert.match(await machine.refused('versions', folder), /the folder of the file/);
});

test('PRC27 a publish that was cut short says so, with the command by which it goes on', { timeout }, async (t) => {
  const office = await Office.open(t);
  const machine = await office.machine('ana');
  const folder = join(machine.folder, 'Acme 2026');
  mkdirSync(folder);
  await office.hub.stop();
  await machine.refused('publish', folder);
  await office.hub.start();
  const goesOn = /not complete.*`tieout publish/s;
  assert.match(await machine.refused('sync', folder), goesOn);
  const { state, problems, safe } = await machine.json('status', [folder]);
  assert.deepEqual([state, safe], ['syncing', false]);
  assert.match(problems.map(({ text }) => text).join(), goesOn);
  assert.match((await machine.run('copies')).out, goesOn);
  await machine.json('publish', [folder]);
  assert.deepEqual((await machine.json('status', [folder])).problems, []);
  assert.equal((await machine.json('copies'))[0]?.state, 'online');
});
