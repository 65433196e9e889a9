import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Copy, Office } from './copies.ts';

const SQL = `CREATE TABLE entry (id TEXT PRIMARY KEY, label TEXT UNIQUE); INSERT INTO entry VALUES ('e', 'Old');
  CREATE TABLE line (k TEXT PRIMARY KEY, entry TEXT REFERENCES entry (label), pos TEXT, UNIQUE (entry, pos))`;
const RENAME = "UPDATE entry SET label = 'New'";

function line(key: string, entry: string): string {
  return `INSERT INTO line VALUES ('${key}', '${entry}', 'first')`;
}

const MET = 'UNIQUE line (entry, pos): another row has what it refers to';

function assertShown(office: Office, lines: readonly string[], notes: readonly string[]): void {
  office.settle();
  for (const copy of office.copies) {
    assert.deepEqual(
      copy.query('SELECT k, entry FROM line ORDER BY k'),
      lines.map((key) => [key, 'New']),
    );
    assert.deepEqual(
      copy.conflicts().map(({ note }) => note),
      notes,
    );
    assert.deepEqual(copy.engine.problems, []);
  }
}

test('MND5 a row whose reference goes to where another row is as written is withheld, and comes back when that goes', () => {
  const office = new Office(SQL, 3);
  try {
    const [ana, ben] = office.copies as [Copy, Copy];
    ben.run(line('b', 'Old'));
    ben.capture(1_000_001);
    ana.run(RENAME);
    ana.capture(1_000_002);
    ana.run(line('a', 'New'));
    ana.capture(1_000_003);
    assertShown(office, ['a'], [MET]);
    ana.run("DELETE FROM line WHERE k = 'a'");
    assertShown(office, ['b'], []);
  } finally {
    office.close();
  }
});

test('MND5 of two rows whose references go to one place the earlier stands, and the later takes its place when it leaves', () => {
  const office = new Office(SQL, 3);
  try {
    const [ana, ben, chloe] = office.copies as [Copy, Copy, Copy];
    ana.run("UPDATE entry SET label = 'Other'");
    ana.capture(1_000_001);
    chloe.log.pull(ana.log);
    chloe.work();
    chloe.run(line('c', 'Other'));
    chloe.capture(1_000_002);
    ben.run(line('b', 'Old'));
    ben.capture(1_000_003);
    ana.run(RENAME);
    ana.capture(1_000_004);
    // One hears of the later first.
    ana.log.pull(ben.log);
    ana.work();
    assertShown(office, ['c'], [MET]);
    ana.run("UPDATE line SET pos = 'second' WHERE k = 'c'");
    assertShown(office, ['b', 'c'], []);
  } finally {
    office.close();
  }
});
