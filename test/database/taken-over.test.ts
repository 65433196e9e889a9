import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Copy, Office } from './copies.ts';
import { assertAtRest } from './histories.ts';

const SQL = `CREATE TABLE line (k TEXT PRIMARY KEY, label TEXT UNIQUE); INSERT INTO line VALUES ('a', 'New');
  CREATE TABLE entry (id TEXT PRIMARY KEY, line TEXT REFERENCES line (label)); INSERT INTO entry VALUES ('e', 'New')`;

for (const [left, sql] of [
  ['deleted', "DELETE FROM line WHERE k = 'a'"],
  ['given another value', "UPDATE line SET label = 'Old' WHERE k = 'a'"],
]) {
  test(`MND8 a reference goes to the row that took the value over from one that was ${left}, whenever that is heard of`, () => {
    const office = new Office(SQL, 3);
    try {
      const [ana, ben, chloe] = office.copies as [Copy, Copy, Copy];
      ana.run(sql as string);
      ana.capture(1_000_001);
      ana.run("INSERT INTO line VALUES ('n', 'New')");
      ana.capture(1_000_002);
      chloe.run("INSERT INTO line VALUES ('n', 'Last')");
      chloe.capture(1_000_003);
      // One hears of one change at a time, the other of all at once.
      for (let change = 0; change < 3; change++) {
        ben.log.pull(change < 2 ? ana.log : chloe.log, 1);
        ben.work();
      }
      chloe.log.pull(ana.log);
      chloe.work();
      office.settle();
      for (const copy of office.copies) assert.deepEqual(copy.query('SELECT line FROM entry'), [['Last']]);
    } finally {
      office.close();
    }
  });
}

for (const how of ['in one change', 'one after the other']) {
  test(`MND2 a row to which its own deleter referred, ${how}, is kept for nobody, and a colleague's is meant`, () => {
    const office = new Office(SQL.replace("INSERT INTO entry VALUES ('e', 'New')", ''), 3);
    try {
      const [ana, ben] = office.copies as [Copy, Copy];
      ana.run("PRAGMA foreign_keys = OFF; INSERT INTO entry VALUES ('e', 'New')");
      if (how !== 'in one change') ana.capture(1_000_000);
      ana.run("PRAGMA foreign_keys = OFF; DELETE FROM line WHERE k = 'a'");
      ana.capture(1_000_001);
      ben.run("UPDATE line SET k = 'b'");
      ben.capture(1_000_002);
      ben.log.pull(ana.log);
      ben.work();
      office.settle();
      assertAtRest(office, (copy) => [copy.query('SELECT * FROM line'), copy.query('SELECT * FROM entry')]);
      assert.deepEqual(ana.query('SELECT k, label FROM line'), [['b', 'New']]);
    } finally {
      office.close();
    }
  });
}

test('MND8 a reference that is shown as one of several had it, because of a check, goes where its row goes', () => {
  const office = new Office(
    `CREATE TABLE line (id INTEGER PRIMARY KEY, label TEXT UNIQUE); INSERT INTO line VALUES (1, 'New');
     CREATE TABLE entry (id INTEGER PRIMARY KEY, line TEXT REFERENCES line (label) ON UPDATE SET NULL, note, debit, credit,
                         CHECK (debit = 0 OR credit = 0)); INSERT INTO entry VALUES (1, 'New', 'a', 1, 0)`,
    3,
  );
  try {
    const [ana, ben, chloe] = office.copies as [Copy, Copy, Copy];
    ana.run('UPDATE entry SET debit = 0, credit = 5');
    ana.capture(1_000_001);
    ben.run("PRAGMA foreign_keys = ON; UPDATE entry SET debit = 6; UPDATE line SET label = 'Other'");
    ben.capture(1_000_002);
    chloe.run("UPDATE entry SET note = 'b'");
    chloe.capture(1_000_003);
    office.settle();
    assertAtRest(office, (copy) => copy.query('SELECT * FROM entry, line'));
    assert.deepEqual(ana.query('SELECT line, note, debit FROM entry'), [['Other', 'b', 1n]]);
  } finally {
    office.close();
  }
});

test('MND8 a reference means the row that had taken the value over, also when somebody who knows of both edits the other', () => {
  const office = new Office(
    `CREATE TABLE line (k TEXT PRIMARY KEY, label TEXT UNIQUE, note); INSERT INTO line VALUES ('a', 'New', NULL);
     CREATE TABLE entry (id TEXT PRIMARY KEY, line TEXT REFERENCES line (label), text)`,
    3,
  );
  try {
    const [ana, ben, chloe] = office.copies as [Copy, Copy, Copy];
    ana.run("UPDATE line SET k = 'b'");
    ana.capture(1_000_001);
    ana.run("INSERT INTO entry VALUES ('e', 'New', NULL)");
    ana.capture(1_000_002);
    // Without knowledge of that: the deleted row stays, beside the other.
    ben.run("UPDATE line SET note = 'mine'");
    ben.capture(1_000_003);
    office.settle();
    chloe.run("UPDATE line SET note = 'seen' WHERE k = 'a'; UPDATE entry SET text = 'new'");
    office.settle();
    assertAtRest(office, (copy) => [copy.query('SELECT * FROM line'), copy.query('SELECT * FROM entry')]);
    assert.deepEqual(ana.query('SELECT k, label, note FROM line ORDER BY k'), [
      ['a', 'New', 'seen'],
      ['b', 'New (2)', null],
    ]);
    assert.deepEqual(ana.query('SELECT line FROM entry'), [['New (2)']]);
  } finally {
    office.close();
  }
});
