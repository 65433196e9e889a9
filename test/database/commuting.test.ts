import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Copy, everywhere, Office } from './copies.ts';

const LEDGER = `PRAGMA journal_mode = wal;
  CREATE TABLE client (code TEXT PRIMARY KEY COLLATE NOCASE, name TEXT, short TEXT UNIQUE);
  INSERT INTO client VALUES ('a', 'A', 'sa'), ('b', 'B', 'sb'), ('c', 'C', 'sc');
  CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, client TEXT REFERENCES client (code), amount INTEGER, text TEXT);
  INSERT INTO entry (client, amount, text) VALUES ('a', 1, 'one'), ('b', 2, 'two'), ('c', 3, 'three'), ('a', 4, 'four');
  CREATE TABLE line (entry INTEGER REFERENCES entry (id), n INTEGER, amount INTEGER, PRIMARY KEY (entry, n)) WITHOUT ROWID;
  INSERT INTO line VALUES (1, 1, 10), (1, 2, 20), (2, 1, 30), (3, 1, 40);
  CREATE TABLE loose (v TEXT);
  INSERT INTO loose VALUES ('x'), ('y')`;

function two(work: (office: Office, ana: Copy, ben: Copy) => void, sql = LEDGER): void {
  const office = new Office(sql, 2);
  try {
    office.settle();
    work(office, ...(office.copies as [Copy, Copy]));
  } finally {
    office.close();
  }
}

/** Ben has edited, Ana's copy has looked and is about to apply that, and then her program commits. */
function between(ana: Copy, ben: Copy, arrives: string, edit: string): string {
  ben.run(arrives);
  ben.work();
  ana.log.pull(ben.log);
  assert.equal(ana.capture(), false);
  ana.run(edit);
  return ana.engine.apply().kind;
}

const ARRIVES = "UPDATE entry SET text = 'by Ben' WHERE id = 1";

test('APP9 rows edited between the look and the lock that have nothing to do with what arrives do not hold it up, and are captured after', () => {
  for (const edit of [
    'UPDATE entry SET amount = 20 WHERE id = 2',
    "UPDATE entry SET amount = 20 WHERE id = 2; UPDATE entry SET text = 'x' WHERE id = 3; UPDATE line SET amount = 0",
    "UPDATE client SET name = 'By Ana' WHERE code = 'B'",
  ]) {
    two((office, ana, ben) => {
      assert.equal(between(ana, ben, ARRIVES, edit), 'applied', edit);
      assert.deepEqual(ana.query('SELECT text FROM entry WHERE id = 1'), [['by Ben']]);
      const mine = ana.query('SELECT * FROM entry JOIN line ON entry = id JOIN client ON code = client');
      office.settle();
      assert.deepEqual(
        everywhere(office, 'SELECT * FROM entry JOIN line ON entry = id JOIN client ON code = client'),
        mine,
      );
      assert.deepEqual(ana.conflicts(), []);
      assert.equal(ana.log.changes.length, 2);
    });
  }
});

test('APP9 whatever else was done between the look and the lock is captured first', () => {
  for (const edit of [
    'UPDATE entry SET amount = 20 WHERE id = 1',
    "UPDATE entry SET amount = 20 WHERE id = 2; UPDATE entry SET text = 'x' WHERE id = 1",
    "INSERT INTO entry (text) VALUES ('new')",
    'DELETE FROM entry WHERE id = 4',
    'UPDATE entry SET id = 40 WHERE id = 4',
    "UPDATE entry SET client = 'c' WHERE id = 2",
    "UPDATE client SET short = 'new' WHERE code = 'b'",
    "UPDATE client SET code = 'B' WHERE code = 'b'",
    'UPDATE line SET n = 9 WHERE entry = 3',
    "UPDATE loose SET v = 'z'",
    'ALTER TABLE entry ADD COLUMN more',
    "REPLACE INTO client VALUES ('c', 'C', 'other')",
  ]) {
    two((office, ana, ben) => {
      assert.equal(between(ana, ben, ARRIVES, edit), 'capture', edit);
      office.settle();
      everywhere(office, 'SELECT * FROM entry ORDER BY id');
      everywhere(office, 'SELECT * FROM client ORDER BY code');
    });
  }
});

test('BLK10 where nearly all marks are captured the table of marks is emptied, and those that stay are as they were', () => {
  const sql = `PRAGMA journal_mode = wal; CREATE TABLE t (k PRIMARY KEY, v);
    INSERT INTO t VALUES ('a', 0), (CAST(x'ff41' AS TEXT), 0), (x'00ff', 0), (1.5, 0), ('z', 0)`;
  two((office, ana, ben) => {
    ben.run("UPDATE t SET v = 'by Ben' WHERE k = 'z'");
    ben.work();
    for (let n = 1; n <= 200; n++) ana.run(`UPDATE t SET v = ${n} WHERE k <> 'z'`);
    assert.ok(ana.capture());
    ana.log.pull(ben.log);
    ana.run("UPDATE t SET v = 'last' WHERE k <> 'z'");
    const marks = 'SELECT id, tbl, op, nonce, typeof(k0), hex(k0) FROM _tieout_marks ORDER BY id';
    const before = ana.query(marks);
    assert.equal(before.length, 804);
    assert.equal(ana.engine.apply().kind, 'applied');
    assert.deepEqual(ana.query(marks), before.slice(-5));
    office.settle();
    const values = everywhere(office, "SELECT hex(k), v FROM t ORDER BY k = 'z'");
    assert.deepEqual(
      values.map(([, v]) => v),
      ['last', 'last', 'last', 'last', 'by Ben'],
    );
  }, sql);
});

const number = fc.integer({ min: 1, max: 4 });
const letter = fc.constantFrom('a', 'b', 'c');
const text = fc.constantFrom('p', 'q', 'r');
const statement = fc.oneof(
  fc.tuple(number, number).map(([id, amount]) => `UPDATE entry SET amount = ${amount} WHERE id = ${id}`),
  fc.tuple(number, text).map(([id, t]) => `UPDATE entry SET text = '${t}' WHERE id = ${id}`),
  fc.tuple(number, letter).map(([id, code]) => `UPDATE entry SET client = '${code}' WHERE id = ${id}`),
  fc.tuple(letter, text).map(([code, t]) => `UPDATE client SET name = '${t}' WHERE code = '${code}'`),
  fc.tuple(letter, text).map(([code, t]) => `UPDATE OR IGNORE client SET short = '${t}' WHERE code = '${code}'`),
  fc.tuple(number, number).map(([id, n]) => `UPDATE line SET amount = ${n} WHERE entry = ${id}`),
  text.map((t) => `INSERT INTO entry (text) VALUES ('${t}')`),
  number.map((id) => `DELETE FROM entry WHERE id = ${id}; DELETE FROM line WHERE entry = ${id}`),
);

test('APP9 the outcome is the one of looking first, whatever arrives and whatever is edited meanwhile', () => {
  const edits = fc.array(statement, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(edits, edits, (arriving, editing) => {
      const ends = [false, true].map((looksFirst) => {
        let end: unknown;
        two((office, ana, ben) => {
          ben.run(arriving.join('; '));
          ben.capture(2_000_001);
          ben.work();
          ana.log.pull(ben.log);
          ana.capture();
          ana.run(editing.join('; '));
          if (looksFirst) ana.capture(2_000_002);
          const step = ana.engine.apply();
          if (step.kind === 'capture' || !looksFirst) ana.capture(2_000_002);
          office.settle();
          everywhere(office, 'SELECT * FROM line ORDER BY entry, n');
          const tables = ['entry', 'client', 'line'];
          const rows = tables.map((table) => everywhere(office, `SELECT * FROM ${table} ORDER BY 1, 2`));
          end = [rows, ana.conflicts().map(({ id }) => id)];
        });
        return end;
      });
      assert.deepEqual(ends[0], ends[1]);
    }),
    { numRuns: 8 },
  );
});
