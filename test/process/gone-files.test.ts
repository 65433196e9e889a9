/** What was deleted for everybody: what is told of it, and how it comes back. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { type Copy, engagement, LEDGER } from './engagement.ts';
import { Office } from './office.ts';
import { sqlite } from './outside.ts';

const timeout = 300_000;

/** A database and documents that Ana has made, Ben has edited, and Ben has deleted. */
async function deletedByBen(office: Office): Promise<[Copy, Copy]> {
  const [ana, ben] = (await engagement(office, ['ana', 'ben'])) as [Copy, Copy];
  const meet = async (...copies: Copy[]) => {
    for (const { machine, folder } of copies) await machine.json('sync', [folder]);
  };
  await sqlite(ana.at('j.db'), "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'ana')");
  writeFileSync(ana.at('memo.txt'), 'first');
  await meet(ana, ben);
  await sqlite(ben.at('j.db'), "INSERT INTO t VALUES (2, 'ben')");
  await sqlite(ben.at(LEDGER), "UPDATE account SET comment = 'kept' WHERE no = 1000");
  writeFileSync(ben.at('memo.txt'), 'second, by Ben');
  await meet(ben, ana);
  await sqlite(ana.at('j.db'), "UPDATE t SET v = 'ana again' WHERE id = 1");
  renameSync(ana.at('letter.txt'), ana.at('note.txt'));
  await meet(ana, ben);
  writeFileSync(ben.at('short.txt'), 'made, and gone right after');
  await meet(ben, ana);
  for (const paths of [['j.db', LEDGER, 'short.txt'], ['memo.txt']]) {
    for (const path of paths) rmSync(ben.at(path));
    await meet(ben, ana);
  }
  for (const path of ['j.db', 'memo.txt', 'short.txt', LEDGER]) assert.equal(existsSync(ana.at(path)), false, path);
  return [ana, ben];
}

test('HIS6 what was made, renamed and deleted is told by the history of the file, and by that of its path when it is gone', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = await deletedByBen(office);
  const told = (entries: readonly { what: string; by: string }[]) => entries.map(({ what, by }) => `${what} ${by}`);
  const whole = await ana.machine.json('history', [ana.folder]);
  const events = told(whole).filter((text) => !/^(insert|update) /.test(text));
  assert.deepEqual(
    events.sort(),
    [
      'j.db made ana',
      'j.db deleted ben',
      `${LEDGER} deleted ben`,
      'memo.txt made ana',
      'memo.txt saved ben',
      'memo.txt deleted ben',
      'note.txt renamed ana',
      'short.txt made ben',
      'short.txt deleted ben',
    ].sort(),
  );
  const bens = (await ben.machine.json('copies'))[0]!.copy;
  for (const { what, copy, change, from, to } of whole.filter(({ what }) => what.endsWith(' deleted'))) {
    assert.deepEqual([copy, from, to], [bens, what.replace(' deleted', ''), null]);
    assert.match(change ?? '', new RegExp(`^${bens}:\\d+$`));
  }
  for (const args of [[ana.folder, '--database', 'j.db'], [ana.at('j.db')]]) {
    assert.deepEqual(told(await ana.machine.json('history', args)), ['j.db deleted ben', 'j.db made ana']);
  }
  assert.equal(told(await ana.machine.json('history', [ana.folder, '--database', LEDGER]))[0], `${LEDGER} deleted ben`);
  assert.match(
    await ana.machine.refused('history', ana.folder, '--database', 'j.db', '--table', 't'),
    /j\.db was deleted by ben at .*`tieout undo/s,
  );
  assert.deepEqual(told(await ana.machine.json('history', [ana.at('short.txt')])), [
    'short.txt deleted ben',
    'short.txt made ben',
  ]);
  const versions = await ana.machine.json('versions', [ana.at('memo.txt')]);
  assert.deepEqual(
    versions.map(({ by, current, size }) => [by, current, size]),
    [
      ['ben', false, 14],
      ['ana', false, 5],
    ],
  );
  const out = join(office.folder, 'first.txt');
  await ana.machine.json('get', [ana.at('memo.txt'), '--version', versions[1]!.id, '--out', out]);
  assert.equal(readFileSync(out, 'utf8'), 'first');
  // One that is there tells of itself, too.
  assert.deepEqual(told(await ana.machine.json('history', [ana.at('note.txt')])), [
    'note.txt renamed ana',
    'note.txt published ana',
  ]);
});

test('UND9 a deleted database or document comes back for everybody, with all that was in it, by undo of its deletion; a document also by a version that is made current', {
  timeout,
}, async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = await deletedByBen(office);
  const { machine, folder } = ana;
  const deletions = new Map(
    (await machine.json('history', [folder])).flatMap(({ what, change }) =>
      change && what.endsWith(' deleted') ? [[what.replace(' deleted', ''), change] as const] : [],
    ),
  );
  for (const [path, kind] of [
    ['j.db', 'database'],
    [LEDGER, 'database'],
    ['short.txt', 'document'],
  ] as const) {
    const { rows, schema, left } = await machine.json('undo', [deletions.get(path)!, folder]);
    assert.deepEqual([rows, schema, left], [0, [`${kind} ${path}`], []]);
  }
  assert.equal(await sqlite(ana.at('j.db'), 'SELECT group_concat(v) FROM t'), 'ana again,ben');
  assert.equal(readFileSync(ana.at('short.txt'), 'utf8'), 'made, and gone right after');
  // The first version of the document, where the last was deleted.
  const [, first] = await machine.json('versions', [ana.at('memo.txt')]);
  const promoted = await machine.json('promote', [ana.at('memo.txt'), '--version', first!.id]);
  assert.ok(promoted.current);
  assert.equal(readFileSync(ana.at('memo.txt'), 'utf8'), 'first');
  await machine.json('sync', [folder]);
  await ben.machine.json('sync', [ben.folder]);
  assertEqualCopies(folder, ben.folder);
  assert.equal(await sqlite(ben.at('j.db'), 'SELECT group_concat(v) FROM t'), 'ana again,ben');
  assert.equal(await sqlite(ben.at(LEDGER), 'SELECT comment FROM account WHERE no = 1000'), 'kept');
  assert.deepEqual(await machine.json('conflicts', [folder]), []);

  // It is worked on as if it had never gone, and its history is whole.
  await sqlite(ben.at('j.db'), "UPDATE t SET v = 'ben again' WHERE id = 2");
  await ben.machine.json('sync', [ben.folder]);
  await machine.json('sync', [folder]);
  assert.equal(await sqlite(ana.at('j.db'), 'SELECT group_concat(v) FROM t'), 'ana again,ben again');
  const told = (await machine.json('history', [ana.at('j.db')])).map(({ what, by }) => `${what} ${by}`);
  assert.deepEqual(told, [
    'update j.db t id 2 v ben',
    'j.db brought back ana',
    'j.db deleted ben',
    'update j.db t id 1 v ana',
    'insert j.db t id 2 ben',
    'j.db made ana',
  ]);

  // What is there again, and what has another in its place, is left alone and told.
  const left = async (path: string) => {
    const { exit, out } = await machine.run('undo', deletions.get(path)!, folder);
    return `${exit} ${out}`;
  };
  assert.match(await left('j.db'), /^1 .*j\.db.*is there/s);
  rmSync(ben.at('short.txt'));
  await ben.machine.json('sync', [ben.folder]);
  writeFileSync(ben.at('short.txt'), 'another');
  await ben.machine.json('sync', [ben.folder]);
  await machine.json('sync', [folder]);
  assert.match(await left('short.txt'), /^1 .*short\.txt/s);
  const again = (await machine.json('history', [folder])).find(({ what }) => what === 'short.txt deleted')!;
  const { out } = await machine.run('undo', again.change!, folder);
  assert.match(out, /short\.txt.*has its name/s);
  assert.equal(readFileSync(ana.at('short.txt'), 'utf8'), 'another');
  assert.match(await machine.refused('undo', `${'0'.repeat(32)}:1`, folder), /no change/);
});
