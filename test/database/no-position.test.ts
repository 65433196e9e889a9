/** Files that say nothing of their position: backups from before the database was published, and what programs export. */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { ProblemError } from '../../src/core/problem.ts';
import { type Copy, everywhere, Office, withDatabase } from './copies.ts';

const SQL = `CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT, balance INTEGER);
  WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
    INSERT INTO account SELECT i, 'n' || i, i FROM n;
  CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);
  INSERT INTO entry VALUES (1, 'one'), (2, 'two'), (3, 'three');
  CREATE TABLE line (id INTEGER PRIMARY KEY, entry INTEGER REFERENCES entry (id), amount REAL);
  INSERT INTO line VALUES (1, 1, 1.5), (2, 2, 2.5);
  CREATE TABLE user (id INTEGER PRIMARY KEY, mail TEXT UNIQUE, note TEXT);
  INSERT INTO user VALUES (1, 'a', 'A'), (2, 'b', 'B');
  CREATE TABLE log (text, more); INSERT INTO log VALUES ('x', 1), ('y', 2);`;
const TABLES = ['account', 'entry', 'line', 'user', 'log'];

type Run = (ana: Copy, ben: Copy, office: Office) => void;

/** Ben's file is replaced by one that says nothing of itself: as it was published, and `made`. `edits`: what is done before. */
function restoring(made: string, edits: Run, then: Run, sql = SQL): void {
  for (const heldRows of [undefined, 3]) {
    for (const isClosed of [true, false]) {
      const office = new Office(sql, 2, [undefined, heldRows]);
      const [ana, ben] = office.copies as [Copy, Copy];
      try {
        edits(ana, ben, office);
        office.settle();
        if (isClosed) ben.restart();
        withDatabase(`${ben.path}.new`, (db) => db.exec(`${sql};${made}`));
        renameSync(`${ben.path}.new`, ben.path);
        then(ana, ben, office);
      } finally {
        office.close();
      }
    }
  }
}

function contents(copy: Copy): unknown[][][] {
  return TABLES.map((table) => copy.query(`SELECT * FROM ${table} ORDER BY 1, 2`));
}

const WORK: Run = (ana, ben, office) => {
  ana.run(`UPDATE account SET name = 'Ana' WHERE code < '30';
    WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
      INSERT INTO account SELECT i, 'new', 0 FROM n;
    INSERT INTO entry (text) VALUES ('four'), ('five'); INSERT INTO line VALUES (3, 4, 4.5);
    UPDATE user SET mail = 'c' WHERE id = 1; UPDATE user SET mail = 'a' WHERE id = 2; UPDATE user SET mail = 'b' WHERE id = 1;
    DELETE FROM entry WHERE id = 3; INSERT INTO log VALUES ('z', 3); UPDATE log SET more = 9 WHERE text = 'x'`);
  office.settle();
  ben.run(`UPDATE account SET name = 'Ben' WHERE code < '20'; DELETE FROM account WHERE code = '99';
    UPDATE line SET entry = 5, amount = 5.5 WHERE id = 2; DELETE FROM log WHERE text = 'y'`);
};

/** From a change in the log: not as it was published. */
const LATER = "UPDATE account SET name = 'Ana' WHERE code = '15'";

for (const made of ['', LATER]) {
  test(`POS9 a backup from ${made === '' ? 'before' : 'after'} the publish, put in place and not edited, undoes nothing`, () => {
    let before: unknown[] = [];
    let changes = 0;
    restoring(
      made,
      (ana, ben, office) => {
        WORK(ana, ben, office);
        office.settle();
        before = contents(ana);
        changes = ben.log.changes.length;
      },
      (ana, ben, office) => {
        office.settle();
        for (const copy of [ana, ben]) {
          assert.deepEqual(contents(copy), before);
          assert.deepEqual(copy.conflicts(), []);
        }
        assert.equal(ben.log.changes.length, changes);
        ben.restart();
        office.settle();
        assert.equal(ben.log.changes.length, changes);
        // It is followed like any other.
        ben.run("INSERT INTO entry (text) VALUES ('six'); DELETE FROM account WHERE code = '1000'");
        office.settle();
        assert.deepEqual(everywhere(office, "SELECT count(*) FROM account WHERE code = '1000'"), [[0n]]);
        assert.deepEqual(everywhere(office, 'SELECT id, text FROM entry ORDER BY id DESC LIMIT 1'), [[6n, 'six']]);
      },
    );
  });

  test(`POS9 what was edited in such a file counts, cell by cell, beside what is brought forward in it${made && ', also a later one'}`, () => {
    restoring(
      `${made};UPDATE account SET balance = 777 WHERE code = '11'; UPDATE account SET name = 'edited' WHERE code = '12';
     DELETE FROM account WHERE code = '40'; INSERT INTO account VALUES ('5', 'five', 5);
     UPDATE entry SET text = 'III' WHERE id = 3; UPDATE user SET note = 'mine' WHERE id = 2;
     UPDATE account SET balance = 1 WHERE code = '99'`,
      WORK,
      (_ana, _ben, office) => {
        office.settle();
        assert.deepEqual(
          everywhere(office, "SELECT * FROM account WHERE code IN ('11', '12', '40', '5', '99') ORDER BY 1"),
          [
            ['11', 'Ben', 777n],
            ['12', 'edited', 12n],
            ['5', 'five', 5n],
            // Ben had deleted it; edited in the file it is no row that anybody knew.
            ['99', 'n99', 1n],
          ],
        );
        assert.deepEqual(everywhere(office, 'SELECT * FROM entry'), [
          [1n, 'one'],
          [2n, 'two'],
          [3n, 'III'],
          [4n, 'four'],
          [5n, 'five'],
        ]);
        assert.deepEqual(everywhere(office, 'SELECT * FROM user'), [
          [1n, 'b', 'A'],
          [2n, 'a', 'mine'],
        ]);
        assert.deepEqual(everywhere(office, 'SELECT count(*) FROM account WHERE length(code) = 4'), [[101n]]);
      },
    );
  });
}

for (const made of ['', "DELETE FROM log WHERE text = 'y'"]) {
  test(`POS9 a row that stood at another number is known there, and one whose number another row has now${made && ', in a later file'}`, () => {
    let before: unknown[] = [];
    const sql = `${SQL} UPDATE line SET entry = 3 WHERE id = 2;`;
    restoring(
      made,
      (ana, _ben, office) => {
        ana.runMinding(['UPDATE line SET entry = NULL WHERE entry = 3', 'UPDATE entry SET id = 30 WHERE id = 3']);
        office.settle();
        ana.run(
          "UPDATE line SET entry = 30 WHERE id = 2; DELETE FROM user WHERE id = 2; INSERT INTO user VALUES (2, 'other', 'O')",
        );
        ana.run("DELETE FROM log WHERE text = 'y'");
        office.settle();
        ana.run("INSERT INTO log VALUES ('again', 2)");
        office.settle();
        before = contents(ana);
      },
      (ana, ben, office) => {
        const changes = ben.log.changes.length;
        office.settle();
        for (const copy of [ana, ben]) assert.deepEqual(contents(copy), before);
        assert.equal(ben.log.changes.length, changes);
      },
      sql,
    );
  });
}

test('POS9 a value between the base and now, and a row deleted and made again meanwhile, are no edits', () => {
  let before: unknown[] = [];
  restoring(
    "UPDATE account SET name = 'first' WHERE code = '10'; DELETE FROM account WHERE code = '20'; DELETE FROM entry WHERE id = 3",
    (ana, _ben, office) => {
      ana.run("UPDATE account SET name = 'first' WHERE code = '10'; DELETE FROM account WHERE code = '20'");
      office.settle();
      ana.run("UPDATE account SET name = 'last' WHERE code = '10'; INSERT INTO account VALUES ('20', 'again', 0)");
      office.settle();
      before = ana.query('SELECT * FROM account ORDER BY 1');
    },
    (_ana, _ben, office) => {
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT * FROM account ORDER BY 1'), before);
      // A row of the base that nobody deleted was deleted in the file.
      assert.deepEqual(everywhere(office, 'SELECT id FROM entry'), [[1n], [2n]]);
    },
  );
});

for (const made of ['', LATER])
  test(`POS9 while somebody is to be asked because of missing rows nothing is written to such a file${made && ', also a later one'}`, () => {
    const missing = (error: unknown) => error instanceof ProblemError && error.problem.code === 'rows-missing';
    restoring(`${made};DELETE FROM account WHERE code > '20'`, WORK, (_ana, ben, office) => {
      for (let look = 0; look < 2; look++) {
        assert.throws(() => ben.work(), missing);
        assert.equal(ben.query('SELECT code FROM account').length, 11);
        ben.restart();
      }
      // The right one, still from before the publish.
      withDatabase(`${ben.path}.right`, (db) => db.exec(SQL));
      renameSync(`${ben.path}.right`, ben.path);
      office.settle();
      assert.deepEqual(everywhere(office, "SELECT count(*) FROM account WHERE name IN ('new', 'Ana', 'Ben')"), [
        [121n],
      ]);
    });
  });

test('POS9 whoever is writing to such a file is waited for, and what is committed meanwhile is captured', () => {
  restoring('', WORK, (ana, ben, office) => {
    const other = new DatabaseSync(ben.path);
    other.exec("BEGIN IMMEDIATE; UPDATE account SET name = 'mine' WHERE code = '10'");
    assert.throws(() => ben.work(), /locked|busy/);
    other.exec('COMMIT');
    other.close();
    office.settle();
    assert.deepEqual(everywhere(office, "SELECT name FROM account WHERE code IN ('10', '11', '21') ORDER BY code"), [
      ['mine'],
      ['Ben'],
      ['Ana'],
    ]);
    assert.deepEqual(contents(ana), contents(ben));
  });
});

test('POS10 who worked in a backup from before the publish had only that in front of him: new rows stay apart', () => {
  restoring(
    `INSERT INTO entry (text) VALUES ('by Ben'); INSERT INTO line VALUES (3, 4, 9.5);
     UPDATE account SET name = 'by Ben' WHERE code = '21'; UPDATE account SET balance = 0 WHERE code = '22'`,
    (ana) =>
      ana.run(`INSERT INTO entry (text) VALUES ('by Ana'); INSERT INTO line VALUES (3, 4, 4.5);
        UPDATE account SET name = 'Ana' WHERE code IN ('21', '22')`),
    (_ana, ben, office) => {
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT text, amount FROM line JOIN entry ON entry.id = entry ORDER BY 2'), [
        ['one', 1.5],
        ['two', 2.5],
        ['by Ana', 4.5],
        ['by Ben', 9.5],
      ]);
      assert.deepEqual(everywhere(office, "SELECT name, balance FROM account WHERE code IN ('21', '22')"), [
        ['by Ben', 21n],
        ['Ana', 0n],
      ]);
      const cells = ben.conflicts().filter(({ table }) => table === 'account');
      assert.deepEqual(
        cells.map(({ candidates }) => candidates.map(({ value }) => value)),
        [['by Ben', 'Ana']],
      );
    },
  );
});
