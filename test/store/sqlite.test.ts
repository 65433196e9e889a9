import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Impossible, StorageError, type StorageKind } from '../../src/core/problem.ts';
import { storageKind } from '../../src/platform/storage-failure.ts';
import { openStore, transaction } from '../../src/store/sqlite.ts';

const root = mkdtempSync(join(tmpdir(), 'tieout-sqlite-'));
after(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
function schema(files: Record<string, string>): URL {
  const folder = join(root, `schema-${folders++}`);
  mkdirSync(folder);
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql);
  return pathToFileURL(folder);
}

const first = schema({ '001-log.sql': 'CREATE TABLE log (n INTEGER PRIMARY KEY); -- the log' });
const later = schema({ '002-more.sql': 'CREATE TABLE more (n INTEGER); INSERT INTO more SELECT n FROM log;' });
const count = (db: DatabaseSync, table: string) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n;
const kind = (expected: StorageKind) => (error: unknown) => error instanceof StorageError && error.kind === expected;

test('STO1 a store is migrated forward by numbered files, each once', () => {
  const path = join(root, 'a.db');
  const old = openStore(path, { schema: first, synchronous: 'FULL' });
  transaction(old, () => old.exec('INSERT INTO log VALUES (7)'));
  old.close();
  for (let round = 0; round < 2; round++) {
    const db = openStore(path, { schema: [first, later], synchronous: 'FULL' });
    assert.equal(count(db, 'more'), 1);
    assert.equal(db.prepare('PRAGMA user_version').get()?.user_version, 2);
    assert.equal(db.prepare('PRAGMA journal_mode').get()?.journal_mode, 'wal');
    assert.equal(db.prepare('PRAGMA synchronous').get()?.synchronous, 2);
    db.close();
  }
});

test('STO1 a migration that fails leaves the store as it was', () => {
  const path = join(root, 'b.db');
  openStore(path, { schema: first, synchronous: 'FULL' }).close();
  const broken = schema({ '002-broken.sql': 'CREATE TABLE half (n); INSERT INTO nowhere VALUES (1);' });
  assert.throws(() => openStore(path, { schema: [first, broken], synchronous: 'FULL' }));
  const db = openStore(path, { schema: first, synchronous: 'FULL' });
  assert.equal(db.prepare('PRAGMA user_version').get()?.user_version, 1);
  assert.throws(() => count(db, 'half'));
  db.close();
});

test('STO2 an older program refuses the store of a newer one', () => {
  const path = join(root, 'c.db');
  openStore(path, { schema: [first, later], synchronous: 'FULL' }).close();
  assert.throws(() => openStore(path, { schema: first, synchronous: 'FULL' }), kind('newer-store'));
});

test('STO3 a transaction is kept whole or not at all, and does not nest', () => {
  const db = openStore(':memory:', { schema: first, synchronous: 'FULL' });
  const fail = () =>
    transaction(db, () => {
      db.exec('INSERT INTO log VALUES (1)');
      throw new Error('on purpose');
    });
  assert.throws(fail, /on purpose/);
  assert.equal(count(db, 'log'), 0);
  assert.throws(() => transaction(db, () => transaction(db, () => 1)), Impossible);
  assert.throws(() => transaction(db, async () => 1), Impossible);
  assert.equal(db.isTransaction, false);
  db.close();
});

test('STO4 what the disk does is told as a problem with cause and remedy', () => {
  const garbage = join(root, 'garbage.db');
  writeFileSync(garbage, Buffer.alloc(8192, 'garbage'));
  assert.throws(() => openStore(garbage, { schema: first, synchronous: 'FULL' }), kind('damaged'));
  assert.throws(() => openStore(join(root, 'no', 'x.db'), { schema: first, synchronous: 'FULL' }), kind('missing'));

  const full = openStore(join(root, 'full.db'), { schema: first, synchronous: 'FULL' });
  full.exec('PRAGMA max_page_count = 3');
  const fill = () =>
    transaction(full, () => {
      for (let n = 0; n < 10_000; n++) full.exec(`INSERT INTO log VALUES (${n})`);
    });
  assert.throws(fill, (error) => kind('disk-full')(error) && (error as StorageError).problem.path !== undefined);
  assert.equal(count(full, 'log'), 0);
  full.close();

  const reader = openStore(join(root, 'full.db'), { schema: first, synchronous: 'FULL', readOnly: true });
  assert.throws(() => transaction(reader, () => reader.exec('INSERT INTO log VALUES (1)')), kind('read-only'));
  reader.close();
  assert.equal(storageKind(Object.assign(new Error(), { code: 'EROFS' })), 'read-only');
  assert.equal(storageKind(new Error('a mistake')), undefined);
});

test('STO5 a derived store of another version is made anew, of the same one it is kept', () => {
  const path = join(root, 'derived.db');
  const older = schema({
    '001-old.sql':
      'CREATE TABLE log (n INTEGER PRIMARY KEY); CREATE TABLE part (log REFERENCES log (n)); CREATE INDEX parts ON part (log)',
  });
  const newer = schema({ '002-new.sql': 'CREATE TABLE log (n INTEGER, why TEXT)' });
  const old = openStore(path, { schema: older, synchronous: 'NORMAL', derived: true });
  transaction(old, () => old.exec('INSERT INTO log VALUES (7); INSERT INTO part VALUES (7)'));
  old.close();
  for (const { folder, columns } of [
    { folder: newer, columns: ['n', 'why'] },
    { folder: older, columns: ['n'] },
  ]) {
    const db = openStore(path, { schema: folder, synchronous: 'NORMAL', derived: true });
    const names = db.prepare("SELECT name FROM pragma_table_info('log')").all();
    assert.deepEqual(
      names.map(({ name }) => name),
      columns,
    );
    assert.equal(count(db, 'log'), 0);
    transaction(db, () => db.exec('INSERT INTO log (n) VALUES (8)'));
    db.close();
    const again = openStore(path, { schema: folder, synchronous: 'NORMAL', derived: true });
    assert.equal(count(again, 'log'), 1);
    again.close();
  }
});
