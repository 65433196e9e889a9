import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Copy, everywhere, Office } from './copies.ts';

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
