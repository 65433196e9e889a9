/** Somebody deletes a database while a colleague, out of reach, works in it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertEqualCopies } from './copies.ts';
import { Office, until } from './office.ts';
import { sqlite } from './outside.ts';

test('PRC5 a database that one deletes and another edits without knowing is kept for both, and listed until somebody chooses; one that is back is the same', async (t) => {
  const office = await Office.open(t);
  const [ana, ben] = [await office.machine('ana'), await office.machine('ben')];
  const [here, there] = [join(ana.folder, 'Acme'), join(ben.folder, 'Acme')];
  const [ours, theirs] = [join(here, 'Trial.db'), join(there, 'Trial.db')];
  const names = "SELECT group_concat(name, '|') FROM account ORDER BY code";
  mkdirSync(here);
  await sqlite(
    ours,
    "CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT); INSERT INTO account VALUES ('1', 'Cash')",
  );
  await ana.json('publish', [here]);
  await ben.json('copy', ['Acme', there]);

  const deleteUnaware = async (): Promise<void> => {
    await ben.json('offline', [there]);
    rmSync(ours);
    await ana.json('sync', [here]);
    await until('the deletion is in the log', async () => {
      assert.deepEqual(await ana.json('conflicts', [here]), []);
      assert.equal((await ana.status(here)).safe, true);
    });
  };
  await deleteUnaware();
  await sqlite(theirs, "INSERT INTO account VALUES ('2', 'Bank')");
  await ben.json('online', [there]);
  await until('the database is back at both', async () => {
    await ben.ask('sync', { folder: there });
    await ana.ask('sync', { folder: here });
    assert.equal(await sqlite(ours, names), 'Cash|Bank');
    assertEqualCopies(here, there);
  });

  const [conflict, ...others] = await ana.json('conflicts', [here]);
  assert.deepEqual(others, []);
  assert.deepEqual(await ben.json('conflicts', [there]), [conflict]);
  assert.equal(conflict?.path, 'Trial.db');
  assert.deepEqual(
    conflict.candidates.map(({ value, by, shown }) => [value, by, shown]),
    [
      ['Trial.db', 'ben', true],
      [null, 'ana', false],
    ],
  );
  await ben.json('resolve', [conflict.id, '--take', conflict.candidates[0]!.id, '--folder', there]);
  await until('nothing is listed', async () => assert.deepEqual(await ana.json('conflicts', [here]), []));
  assert.equal(await sqlite(ours, names), 'Cash|Bank');

  // What was taken for deleted is the same when it is back, under whatever name.
  const [away, back] = [join(ben.folder, 'away.db'), join(there, 'Books.db')];
  renameSync(theirs, away);
  await until('it has gone', () => assert.equal(existsSync(ours), false));
  renameSync(away, back);
  const books = join(here, 'Books.db');
  await until('it is back', () => assert.equal(existsSync(books), true));
  await until('all that was in it is there', async () => assert.equal(await sqlite(books, names), 'Cash|Bank'));
  const told = await ana.json('history', [books]);
  assert.deepEqual(
    told.map(({ by, what }) => [by, what]),
    [
      ['ben', 'Books.db renamed'],
      ['ben', 'Books.db deleted'],
      ['ben', 'Books.db brought back'],
      ['ben', 'insert Books.db account code 2'],
      ['ana', 'Books.db deleted'],
    ],
  );

  // Whoever deletes what he has seen deletes it.
  rmSync(back);
  await until('it has gone again', () => assert.equal(existsSync(books), false));
  assert.deepEqual(await ana.json('conflicts', [here]), []);
});
