import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bringingBack, droppedBy } from '../../src/database/history/bringing-back.ts';
import { type Copy, DB, everywhere, Office } from './copies.ts';

/** SQLite's own way to give a column another type. */
function rebuilt(type: string): string {
  return `BEGIN; CREATE TABLE made (code TEXT PRIMARY KEY, value ${type}); INSERT INTO made SELECT code, value FROM t;
    DROP TABLE t; ALTER TABLE made RENAME TO t; COMMIT`;
}

test('SCH4 of two types of one column the later makes of each value what it makes of the value that was written, whatever came before', () => {
  const office = new Office("CREATE TABLE t (code TEXT PRIMARY KEY, value TEXT); INSERT INTO t VALUES ('a', 'x')", 3);
  try {
    const [ana, ben, chloe] = office.copies as [Copy, Copy, Copy];
    chloe.run("UPDATE t SET value = '007'");
    chloe.capture(1_000_001);
    ana.run(rebuilt('INTEGER'));
    ana.capture(1_000_002);
    ben.run(rebuilt('TEXT COLLATE NOCASE'));
    ben.capture(1_000_003);
    chloe.log.pull(ana.log);
    chloe.work();
    assert.deepEqual(chloe.query('SELECT value FROM t'), [[7n]]);
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT code, value FROM t'), [['a', '007']]);
  } finally {
    office.close();
  }
});

test('SCH2 a row that is there only because of what was written to a dropped column has it again when the column comes back', () => {
  const office = new Office("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO t VALUES (1, 'x')", 3);
  try {
    const [ana, ben, chloe] = office.copies as [Copy, Copy, Copy];
    ana.run("UPDATE t SET text = 'of Ana'");
    ana.capture();
    ben.run('ALTER TABLE t DROP COLUMN text; DELETE FROM t');
    ben.capture();
    chloe.log.pull(ana.log);
    chloe.log.pull(ben.log);
    chloe.work();
    assert.deepEqual(chloe.query('SELECT * FROM t'), [[1n]]);
    const dropped = droppedBy(DB, ben.log, ben.engine.shown(), { change: { copy: ben.id, seq: 1 } });
    assert.equal(ben.engine.edit(bringingBack(dropped)), 'done');
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT id, text FROM t'), [[1n, 'of Ana']]);
  } finally {
    office.close();
  }
});

test('SCH2 a row with a reference in its key stays where it is while all rows of the table that it refers to are placed anew', () => {
  const office = new Office(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT); CREATE TABLE u (t INTEGER REFERENCES t (id), at INTEGER, text TEXT, PRIMARY KEY (t, at))',
    3,
  );
  try {
    const [ana, ben] = office.copies as [Copy, Copy];
    ana.run("INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1, 1, 'x')");
    office.settle();
    ana.run("INSERT INTO t VALUES (2, 'a')");
    ana.capture();
    // With two rows of one code it cannot be made before these are gone.
    ben.run('CREATE UNIQUE INDEX by_code ON t (code)');
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT id, code FROM t ORDER BY 1'), [
      [1n, 'a'],
      [2n, 'a (2)'],
    ]);
    ben.run("UPDATE u SET text = 'y'");
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT * FROM u'), [[1n, 1n, 'y']]);
  } finally {
    office.close();
  }
});
