/** Corners in which references and keys of unusual kinds meet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangeId } from '../../src/core/change.ts';
import type { Table } from '../../src/core/tables.ts';
import { replacedBy, type UndoneRows, undoing } from '../../src/database/history/undoing.ts';
import { type Copy, DB, everywhere, Office } from './copies.ts';
import { assertAtRest } from './histories.ts';

function copies(sql: string, work: (office: Office, ana: Copy, ben: Copy) => void): void {
  const office = new Office(sql, 2);
  try {
    office.settle();
    const [ana, ben] = office.copies as [Copy, Copy];
    work(office, ana, ben);
  } finally {
    office.close();
  }
}

test('MND10 who refers to a text by its mark has it written down: it stays when the mark is needed no longer', () => {
  const sql = `CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT UNIQUE);
    CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT REFERENCES account (code));`;
  copies(sql, (office, ana, ben) => {
    ana.run("INSERT INTO account (code) VALUES ('x')");
    ben.run("INSERT INTO account (code) VALUES ('x')");
    ana.capture();
    ben.capture();
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT code FROM account ORDER BY code'), [['x'], ['x (2)']]);
    ben.run("INSERT INTO line (account) VALUES ('x (2)')");
    office.settle();
    ana.run("UPDATE account SET code = 'y' WHERE code = 'x'");
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT code FROM account ORDER BY code'), [['x (2)'], ['y']]);
    assert.deepEqual(everywhere(office, 'SELECT account FROM line'), [['x (2)']]);
    assertAtRest(office, (copy) => copy.query('SELECT * FROM account ORDER BY id'));
  });
});

test('MND10 it is written down also for who refers to it while it is still there, though the mark is needed no longer', () => {
  const sql = `CREATE TABLE account (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT UNIQUE);
    CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT REFERENCES account (code));`;
  copies(sql, (office, ana, ben) => {
    ana.run("INSERT INTO account (code) VALUES ('x')");
    ben.run("INSERT INTO account (code) VALUES ('x')");
    office.settle();
    ben.run("UPDATE account SET code = 'y' WHERE code = 'x'");
    assert.equal(ben.capture(), true);
    // The other is called x from now on, and not yet in his database.
    ben.run("INSERT INTO line (account) VALUES ('x (2)')");
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT code FROM account ORDER BY code'), [['x (2)'], ['y']]);
    assert.deepEqual(everywhere(office, 'SELECT account FROM line'), [['x (2)']]);
    assertAtRest(office, (copy) => copy.query('SELECT * FROM account ORDER BY id'));
  });
});

test('MND11 a reference of several columns that two people wrote half each is shown as one of them wrote it', () => {
  const sql = `CREATE TABLE part (a INTEGER, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    INSERT INTO part VALUES (1, 'x'), (1, 'y'), (2, 'x');
    CREATE TABLE use (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, n, FOREIGN KEY (a, b) REFERENCES part (a, b));
    INSERT INTO use VALUES (1, 1, 'x', 0);`;
  copies(sql, (office, ana, ben) => {
    ana.run('UPDATE use SET a = 2 WHERE id = 1');
    ben.run("UPDATE use SET b = 'y', n = 1 WHERE id = 1");
    ana.capture();
    ben.capture();
    office.settle();
    const [row] = everywhere(office, 'SELECT a, b FROM use');
    assert.deepEqual(row, [1n, 'y']);
    assert.equal(ana.conflicts().length, 1);
    assertAtRest(office, (copy) => copy.query('SELECT * FROM use'));
    ana.run("UPDATE use SET a = 2, b = 'x' WHERE id = 1");
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT a, b FROM use'), [[2n, 'x']]);
    assert.deepEqual(ana.conflicts(), []);
  });
});

test('MND12 a reference is one also where it is kept as another type than what it refers to', () => {
  const sql = `CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);
    CREATE TABLE code (word TEXT PRIMARY KEY);
    CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT REFERENCES entry (id), code INTEGER REFERENCES code (word));
    INSERT INTO entry VALUES (1, 'first'), (7, 'seventh');
    INSERT INTO code VALUES ('5');`;
  copies(sql, (office, ana, ben) => {
    ana.run('DELETE FROM entry WHERE id = 7; DELETE FROM code');
    ben.run("INSERT INTO line (entry, code) VALUES ('7', 5)");
    ana.capture();
    ben.capture();
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT entry.text, line.code FROM line JOIN entry ON entry.id = line.entry'), [
      ['seventh', 5n],
    ]);
    ana.run("INSERT INTO entry (text) VALUES ('ana'); INSERT INTO line (entry) SELECT max(id) FROM entry");
    ben.run("INSERT INTO entry (text) VALUES ('ben'); INSERT INTO line (entry) SELECT max(id) FROM entry");
    ana.capture();
    ben.capture();
    office.settle();
    const joined = 'SELECT entry.text FROM line JOIN entry ON entry.id = line.entry ORDER BY 1';
    assert.deepEqual(everywhere(office, joined), [['ana'], ['ben'], ['seventh']]);
    assert.deepEqual(everywhere(office, 'SELECT DISTINCT typeof(entry) FROM line'), [['text']]);
    assertAtRest(office, (copy) => copy.query('SELECT * FROM line ORDER BY id'));
  });
});

test('UND7 integer keys that were swapped are swapped back', () => {
  const sql = `CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);
    CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER REFERENCES entry (id) ON UPDATE CASCADE);
    INSERT INTO entry VALUES (1, 'first'), (2, 'second'), (3, 'third');
    INSERT INTO line VALUES (1, 1), (2, 2), (3, 3);`;
  const joined = 'SELECT entry.id, entry.text, line.id FROM line JOIN entry ON entry.id = line.entry ORDER BY 1';
  copies(sql, (office, ana, ben) => {
    const before = ana.query(joined);
    ana.run(`PRAGMA foreign_keys = ON; BEGIN; UPDATE entry SET id = 9 WHERE id = 1; UPDATE entry SET id = 1 WHERE id = 2;
      UPDATE entry SET id = 2 WHERE id = 9; COMMIT`);
    office.settle();
    const swapped = everywhere(office, joined);
    assert.deepEqual(swapped, [
      [1n, 'second', 2n],
      [2n, 'first', 1n],
      [3n, 'third', 3n],
    ]);
    const { copy, seq } = ben.log.changes.at(-1) as ChangeId;
    let undone: UndoneRows | undefined;
    const replaced = replacedBy(DB, ben.log, ben.engine.shown(), { change: { copy, seq } });
    ben.engine.edit(
      undoing({ copy, seq }, replaced, (told) => {
        undone = told;
      }),
    );
    office.settle();
    assert.deepEqual(undone?.left, []);
    assert.deepEqual(everywhere(office, joined), before);
    assertAtRest(office, (one) => one.query(joined));
  });
});

test('CAP12 a row is known by its new number whatever name of it the program used, also through a reference', () => {
  const sql = `CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text);
    CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER REFERENCES entry (id) ON UPDATE CASCADE, note);
    CREATE TABLE remark (text);
    INSERT INTO entry VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd');
    INSERT INTO line VALUES (1, 1, 'x'), (2, 2, 'y');
    INSERT INTO remark VALUES ('one'), ('two');`;
  copies(sql, (office, ana, ben) => {
    ana.run(
      'PRAGMA foreign_keys = ON; UPDATE entry SET rowid = 11 WHERE id = 1; UPDATE entry SET _rowid_ = 12 WHERE id = 2',
    );
    ana.run('UPDATE entry SET oid = 13 WHERE id = 3; UPDATE entry SET (text, ID) = (SELECT text, 14) WHERE id = 4');
    ana.run('UPDATE remark SET rowid = 9 WHERE rowid = 1');
    ben.run("UPDATE entry SET text = text || '!'; UPDATE line SET note = note || '!'");
    ana.capture();
    ben.capture();
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT id, text FROM entry ORDER BY id'), [
      [11n, 'a!'],
      [12n, 'b!'],
      [13n, 'c!'],
      [14n, 'd!'],
    ]);
    assert.deepEqual(everywhere(office, 'SELECT entry, note FROM line ORDER BY entry'), [
      [11n, 'x!'],
      [12n, 'y!'],
    ]);
    assert.deepEqual(everywhere(office, 'SELECT text FROM remark ORDER BY text'), [['one'], ['two']]);
  });
});

test('CAP10 whom REPLACE deletes over an index of expressions is found in the base also by a column that has another name now', () => {
  const sql = `CREATE TABLE tax (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT, open INTEGER);
    CREATE UNIQUE INDEX by_code ON tax (lower(code)) WHERE open = 1;
    INSERT INTO tax VALUES (1, 'a', 1), (2, 'b', 1), (3, 'b', 0);`;
  copies(sql, (office, ana) => {
    ana.run('ALTER TABLE tax RENAME COLUMN code TO word; ALTER TABLE tax RENAME COLUMN open TO "is open"');
    office.settle();
    ana.run('INSERT OR REPLACE INTO tax (word, "is open") VALUES (\'B\', 1)');
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT id, word FROM tax ORDER BY id'), [
      [1n, 'a'],
      [3n, 'b'],
      [4n, 'B'],
    ]);
    assert.deepEqual(ana.conflicts(), []);
  });
});

test('CAP13 whom REPLACE deletes by a value that a row had only for a moment is found by comparing that table', () => {
  const sql = `CREATE TABLE tax (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT, word TEXT);
    CREATE UNIQUE INDEX by_code ON tax (lower(code));
    CREATE UNIQUE INDEX by_word ON tax (word);
    INSERT INTO tax VALUES (1, 'a', 'A'), (2, 'b', 'B'), (3, 'c', 'C'), (4, 'd', 'D');`;
  for (const held of [[], [1, 1]]) {
    const office = new Office(sql, 2, held);
    try {
      const [ana, ben] = office.copies as [Copy, Copy];
      const rows = () => everywhere(office, 'SELECT id, code, word FROM tax ORDER BY id');
      ana.run(`UPDATE OR REPLACE tax SET code = 'A' WHERE id = 2; UPDATE tax SET code = 'b' WHERE id = 2`);
      office.settle();
      assert.deepEqual(rows(), [
        [2n, 'b', 'B'],
        [3n, 'c', 'C'],
        [4n, 'd', 'D'],
      ]);
      // Each takes the place of the one before, over one index or the other; the last is deleted.
      ben.run(`INSERT INTO tax (code, word) VALUES ('e', 'E'); INSERT OR REPLACE INTO tax (code, word) VALUES ('C', 'F');
        INSERT OR REPLACE INTO tax (code, word) VALUES ('g', 'F'); DELETE FROM tax WHERE code = 'g'`);
      office.settle();
      assert.deepEqual(rows(), [
        [2n, 'b', 'B'],
        [4n, 'd', 'D'],
        [5n, 'e', 'E'],
      ]);
      // Nobody was deleted: nothing is written to the file because of the look.
      ana.run(`INSERT INTO tax (code, word) VALUES ('h', 'H'); UPDATE tax SET code = 'i' WHERE code = 'h'`);
      assert.equal(ana.capture(), true);
      const marks = ana.query('SELECT max(id) FROM _tieout_marks');
      assert.equal(ana.capture(), false);
      assert.deepEqual(ana.query('SELECT max(id) FROM _tieout_marks'), marks);
      assert.equal(ana.engine.comparison, 'done');
      ana.run("UPDATE tax SET code = 'j' WHERE code = 'i'");
      assert.equal(ana.capture(), true);
      assert.equal(ana.engine.comparison, 'none');
      assert.deepEqual(ben.conflicts(), []);
    } finally {
      office.close();
    }
  }
});

test('CAP13 a large table is looked through some rows at a time', () => {
  const sql = 'CREATE TABLE tax (id INTEGER PRIMARY KEY, code TEXT); CREATE UNIQUE INDEX by_code ON tax (code)';
  copies(sql, (office, ana) => {
    ana.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
      INSERT INTO tax SELECT i, 'c' || i FROM n`);
    office.settle();
    const [table] = ana.engine.tables.values();
    const shown = ana.engine.shown();
    const code = `c${shown.number(table as Table, shown.view.rows((table as Table).id).at(-1) as string)}`;
    ana.run(`INSERT OR REPLACE INTO tax (code) VALUES ('${code}'); UPDATE tax SET code = 'd' WHERE code = '${code}'`);
    assert.equal(ana.capture(), true);
    const looks = ['no', 'piece', 'piece'] as const;
    const steps = looks.map((look) => [ana.engine.capture(true, look).kind, ana.engine.comparison]);
    assert.deepEqual(steps, [
      ['nothing', 'due'],
      ['nothing', 'begun'],
      ['append', 'done'],
    ]);
    ana.engine.notCaptured();
    office.settle();
    assert.deepEqual(everywhere(office, `SELECT count(*), sum(code = '${code}') FROM tax`), [[1500n, 0n]]);
  });
});

test('CAP11 a bulk update of rows that refer to each other is captured in time that grows with its rows', () => {
  const spent = (rows: number): number => {
    const office = new Office(
      `CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, twin INTEGER REFERENCES entry (id), text TEXT);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
        INSERT INTO entry SELECT i, ${rows} + 1 - i, 'x' FROM n;`,
      1,
    );
    try {
      office.settle();
      const [ana] = office.copies as [Copy];
      ana.run("UPDATE entry SET twin = id, text = 'y'");
      const before = process.cpuUsage();
      assert.equal(ana.capture(), true);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    } finally {
      office.close();
    }
  };
  spent(500);
  const [few, many] = [spent(500), spent(4000)];
  assert.ok(many < few * 30, `${few} us for 500 rows, ${many} us for 4,000`);
});
