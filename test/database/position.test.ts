import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ProblemError } from '../../src/core/problem.ts';
import { renamedPosition } from '../../src/database/folding/containing.ts';
import { type Copy, Office, withDatabase } from './copies.ts';

const SQL = `CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT, balance INTEGER);
  INSERT INTO account VALUES ('1', 'Cash', 10), ('2', 'Bank', 20), ('3', 'Debt', 30);
  CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO entry VALUES (1, 'one'), (2, 'two');`;
const ALL = 'SELECT * FROM account ORDER BY code';

function pair(run: (ana: Copy, ben: Copy, office: Office) => void, sql = SQL): void {
  const office = new Office(sql, 2);
  try {
    run(office.copies[0] as Copy, office.copies[1] as Copy, office);
  } finally {
    office.close();
  }
}

/** As after a power cut or a restore: an older state of the file is in its place. */
function putBack(copy: Copy, kept: string): void {
  copyFileSync(kept, `${copy.path}.new`);
  renameSync(`${copy.path}.new`, copy.path);
}

test('POS1 a file restored from a backup does not undo colleagues: only what was edited in it counts', () => {
  pair((ana, ben, office) => {
    ana.run("UPDATE account SET name = 'Petty cash' WHERE code = '1'");
    office.settle();
    const kept = `${ana.path}.kept`;
    copyFileSync(ana.path, kept);
    ben.run("UPDATE account SET balance = 99 WHERE code = '2'; INSERT INTO account VALUES ('4', 'New', 0)");
    office.settle();
    ana.run("UPDATE account SET name = 'Own' WHERE code = '3'");
    office.settle();
    putBack(ana, kept);
    ana.run("UPDATE account SET balance = 11 WHERE code = '1'; UPDATE account SET balance = 21 WHERE code = '2'");
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query(ALL), [
        ['1', 'Petty cash', 11n],
        ['2', 'Bank', 21n],
        ['3', 'Own', 30n],
        ['4', 'New', 0n],
      ]);
    }
    // Ana's program had 20 in front of it when it wrote 21, not Ben's 99.
    const [conflict, ...others] = ben.conflicts();
    assert.deepEqual(others, []);
    assert.deepEqual(
      conflict?.candidates.map(({ value }) => value),
      [21, 99],
    );
    assert.deepEqual(ana.conflicts(), ben.conflicts());
  });
});

test('POS1 what follows for other rows from what was edited in it is done in it, too', () => {
  const sql = `CREATE TABLE client (code TEXT PRIMARY KEY, name TEXT);
    INSERT INTO client VALUES ('c', 'Miller'), ('d', 'Smith');
    CREATE TABLE entry (id INTEGER PRIMARY KEY, client TEXT REFERENCES client (code));
    INSERT INTO entry VALUES (1, NULL), (2, NULL)`;
  pair((ana, ben, office) => {
    ben.runMinding(['DELETE FROM client']);
    ana.runMinding(["UPDATE entry SET client = 'c' WHERE id = 1", "UPDATE entry SET client = 'd' WHERE id = 2"]);
    office.settle();
    const kept = `${ana.path}.kept`;
    copyFileSync(ana.path, kept);
    ben.runMinding(['INSERT INTO entry VALUES (7, NULL)']);
    office.settle();
    putBack(ana, kept);
    // Both were kept for these; the second is still there when it is referred to again.
    ana.runMinding(['UPDATE entry SET client = NULL']);
    assert.equal(ana.capture(), true);
    ana.runMinding(["INSERT INTO entry VALUES (3, 'd')"]);
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query('SELECT code, name FROM client'), [['d', 'Smith']]);
      assert.deepEqual(copy.query('SELECT id, client FROM entry ORDER BY 1'), [
        [1n, null],
        [2n, null],
        [3n, 'd'],
        [7n, null],
      ]);
      assert.deepEqual(copy.conflicts(), []);
    }
  }, sql);
});

test('POS1 a row that is deleted in it is gone, also where the file has lost what its own program last wrote to it', () => {
  pair((ana, ben, office) => {
    const kept = `${ana.path}.kept`;
    copyFileSync(ana.path, kept);
    ana.run("UPDATE account SET name = 'Lost' WHERE code = '3'");
    office.settle();
    putBack(ana, kept);
    ana.run("UPDATE account SET balance = 11 WHERE code = '1'");
    assert.equal(ana.capture(), true);
    // From then on all that she ever wrote counts as seen.
    ana.run("DELETE FROM account WHERE code = '3'");
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query('SELECT code FROM account ORDER BY code'), [['1'], ['2']]);
      assert.deepEqual(copy.conflicts(), []);
    }
  });
});

for (const heldRows of [undefined, 3]) {
  const how = heldRows === undefined ? 'held whole' : 'held in parts';
  test(`POS8 a file restored to between two commits that one change captured has the rows of the first once, ${how}`, () => {
    const sql = `${SQL} CREATE TABLE line (id INTEGER PRIMARY KEY, entry INTEGER REFERENCES entry (id), amount REAL);
      CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('first');`;
    const office = new Office(sql, 2, [heldRows]);
    const [ana, ben] = office.copies as [Copy, Copy];
    try {
      office.settle();
      ana.run(`INSERT INTO entry (text) VALUES ('three'), ('four'); INSERT INTO line (entry, amount) VALUES (3, 1.5);
        INSERT INTO note VALUES ('second'); UPDATE account SET balance = 11 WHERE code = '1'`);
      const kept = `${ana.path}.kept`;
      copyFileSync(ana.path, kept);
      ana.run(`INSERT INTO entry (text) VALUES ('five'); INSERT INTO line (entry, amount) VALUES (4, 2.5), (5, 3.5);
        UPDATE entry SET text = 'IV' WHERE id = 4; UPDATE account SET balance = 12 WHERE code = '1'`);
      assert.equal(ana.capture(), true);
      ben.log.pull(ana.log);
      ben.work();
      putBack(ana, kept);
      assert.equal(ana.capture(), true);
      // Made anew while the file is still behind: another row.
      ana.run("DELETE FROM note WHERE text = 'second'; INSERT INTO note VALUES ('second')");
      assert.equal(ana.capture(), true);
      office.settle();
      for (const copy of [ana, ben]) {
        assert.deepEqual(copy.query('SELECT id, text FROM entry ORDER BY id'), [
          [1n, 'one'],
          [2n, 'two'],
          [3n, 'three'],
          // What the second commit has edited of it is not what the file has: both stay.
          [4n, 'IV'],
          [5n, 'five'],
          [6n, 'four'],
        ]);
        assert.deepEqual(copy.query('SELECT entry, amount FROM line ORDER BY amount'), [
          [3n, 1.5],
          [4n, 2.5],
          [5n, 3.5],
        ]);
        assert.deepEqual(copy.query('SELECT text FROM note ORDER BY text'), [['first'], ['second']]);
      }
    } finally {
      office.close();
    }
  });
}

test('POS2 a database that lost its last commits in a power cut gets them back from the log', () => {
  pair((ana, ben, office) => {
    const kept = `${ana.path}.kept`;
    ana.run("UPDATE account SET balance = 1 WHERE code = '1'");
    ana.capture();
    copyFileSync(ana.path, kept);
    ana.run("UPDATE account SET balance = 2 WHERE code = '1'; INSERT INTO entry (text) VALUES ('three')");
    ana.capture();
    putBack(ana, kept);
    ana.restart();
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query("SELECT balance FROM account WHERE code = '1'"), [[2n]]);
      assert.deepEqual(copy.query('SELECT text FROM entry ORDER BY id'), [['one'], ['two'], ['three']]);
      assert.deepEqual(copy.conflicts(), []);
    }
    assert.equal(ana.log.changes.length, 2);
  });
});

test('POS3 rows.db may be lost at any time: it is folded again, and nothing is captured twice', () => {
  pair((ana, ben, office) => {
    ana.run("UPDATE account SET balance = 1 WHERE code = '1'; INSERT INTO entry (text) VALUES ('ana')");
    ben.run("INSERT INTO entry (text) VALUES ('ben'); UPDATE account SET balance = 2 WHERE code = '1'");
    office.settle();
    const [changes, conflicts] = [ana.log.changes.length, ana.conflicts()];
    ana.restart(true);
    office.settle();
    assert.equal(ana.log.changes.length, changes);
    assert.deepEqual(ana.conflicts(), conflicts);
    assert.deepEqual(ana.query('SELECT * FROM entry'), ben.query('SELECT * FROM entry'));
  });
});

test('POS4 a file that says nothing of itself is compared: what differs was edited, and many missing rows are asked about', () => {
  pair((ana, ben, office) => {
    ben.run("UPDATE account SET name = 'by Ben' WHERE code = '3'");
    office.settle();
    const fresh = `${ana.path}.fresh`;
    withDatabase(fresh, (db) => {
      db.exec(SQL);
      db.exec("UPDATE account SET name = 'by Ben' WHERE code = '3'; UPDATE account SET balance = 5 WHERE code = '1'");
      db.exec("DELETE FROM account WHERE code = '2'; INSERT INTO entry VALUES (7, 'seven')");
    });
    renameSync(fresh, ana.path);
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query(ALL), [
        ['1', 'Cash', 5n],
        ['3', 'by Ben', 30n],
      ]);
      assert.deepEqual(copy.query('SELECT id FROM entry'), [[1n], [2n], [7n]]);
    }
  });
  const many = `${SQL} WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
    INSERT INTO account SELECT i, 'n', 0 FROM n;`;
  pair((ana, _ben, office) => {
    const fresh = `${ana.path}.fresh`;
    withDatabase(fresh, (db) => db.exec(SQL));
    renameSync(fresh, ana.path);
    const missing = (error: unknown) => error instanceof ProblemError && error.problem.code === 'rows-missing';
    assert.throws(() => office.settle(), missing);
    assert.equal(ana.log.changes.length, 0);
  }, many);
});

test('POS4 an empty file in place of a database is a problem, is not written to, and drops no table of anybody', () => {
  const damaged = (error: unknown) => error instanceof ProblemError && error.problem.code === 'damaged-database';
  for (const isOpen of [true, false]) {
    pair((ana, ben, office) => {
      office.settle();
      const kept = readFileSync(ana.path);
      if (!isOpen) ana.engine.disconnect();
      // As whoever copies a backup over it begins.
      writeFileSync(ana.path, '');
      assert.throws(() => ana.work(), damaged);
      assert.equal(readFileSync(ana.path).byteLength, 0);
      writeFileSync(ana.path, kept);
      office.settle();
      assert.equal(ana.log.changes.length, 0);
      for (const copy of [ana, ben]) assert.equal(copy.query(ALL).length, 3);
    });
  }
});

test('POS4 the file of a colleague in place of the own, and edited, has each edit once, also after a crash', () => {
  pair((ana, ben, office) => {
    ben.run("INSERT INTO entry (text) VALUES ('by Ben')");
    office.settle();
    ben.engine.tidy();
    ana.engine.disconnect();
    copyFileSync(ben.path, ana.path);
    ana.run("INSERT INTO entry (text) VALUES ('by Ana')");
    assert.equal(ana.capture(), true);
    ana.restart();
    office.settle();
    const texts = [['by Ana'], ['by Ben']];
    for (const copy of [ana, ben])
      assert.deepEqual(copy.query("SELECT text FROM entry WHERE text LIKE 'by%' ORDER BY 1"), texts);
  });
});

test('POS5 a table rebuilt by its application keeps its rows, edits made meanwhile are found, VACUUM changes nothing', () => {
  const sql = "CREATE TABLE note (text, more); INSERT INTO note VALUES ('a', 1), ('b', 2), ('c', 3), ('d', 4);";
  pair((ana, ben, office) => {
    ana.cli(`CREATE TABLE copy (code TEXT PRIMARY KEY, name TEXT, balance INTEGER); INSERT INTO copy SELECT * FROM account;
      DROP TABLE account; ALTER TABLE copy RENAME TO account; UPDATE account SET balance = 77 WHERE code = '2';
      DELETE FROM account WHERE code = '3'`);
    office.settle();
    ana.run("UPDATE account SET name = 'still followed' WHERE code = '1'; DELETE FROM note WHERE text = 'b'; VACUUM");
    office.settle();
    ben.run("UPDATE note SET more = 9 WHERE text = 'd'; INSERT INTO note VALUES ('e', 5)");
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query(ALL), [
        ['1', 'still followed', 10n],
        ['2', 'Bank', 77n],
      ]);
      assert.deepEqual(copy.query('SELECT * FROM note ORDER BY text'), [
        ['a', 1n],
        ['c', 3n],
        ['d', 9n],
        ['e', 5n],
      ]);
      assert.deepEqual(copy.conflicts(), []);
    }
  }, SQL + sql);
});

test('POS5 a VACUUM that comes just as captured marks are cleared is noticed, also after a crash', () => {
  const sql = "CREATE TABLE note (text, more); INSERT INTO note VALUES ('a', 1), ('b', 2), ('c', 3), ('d', 4);";
  pair((ana, ben, office) => {
    ana.run("DELETE FROM note WHERE text = 'b'");
    office.settle();
    ana.run("UPDATE note SET more = 5 WHERE text = 'a'");
    ana.work();
    const after = ana.log.after;
    ana.log.after = (...asked) => {
      ana.log.after = after;
      ana.run('VACUUM');
      return ana.log.after(...asked);
    };
    ana.engine.tidy();
    ana.restart();
    ben.run("UPDATE note SET more = 9 WHERE text = 'd'");
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query('SELECT * FROM note ORDER BY text'), [
        ['a', 5n],
        ['c', 3n],
        ['d', 9n],
      ]);
    }
  }, sql);
});

test('POS5 rows without a key are known after a VACUUM also where the derived state was lost with it', () => {
  const sql = "CREATE TABLE note (text, more); INSERT INTO note VALUES ('a', 1), ('b', 2), ('c', 3);";
  pair((ana, ben, office) => {
    ben.run("INSERT INTO note VALUES ('by Ben', 4); DELETE FROM note WHERE text = 'b'");
    office.settle();
    ana.engine.disconnect();
    ana.run('VACUUM');
    ana.restart(true);
    office.settle();
    assert.equal(ana.log.changes.length, 1);
    for (const copy of [ana, ben])
      assert.deepEqual(copy.query('SELECT text FROM note ORDER BY text'), [['a'], ['by Ben'], ['c']]);
  }, sql);
});

test('POS6 after a crash between log and rows.db what had arrived and was not applied is applied', () => {
  pair((ana, ben, office) => {
    ben.run("UPDATE account SET name = 'by Ben' WHERE code = '2'");
    ben.work();
    ana.run("UPDATE account SET name = 'by Ana' WHERE code = '1'");
    ana.log.pull(ben.log);
    ana.failNextCommit();
    assert.throws(() => ana.capture(), /injected/);
    ana.restart();
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query('SELECT name FROM account ORDER BY code'), [['by Ana'], ['by Ben'], ['Debt']]);
    }
  });
});

test('POS7 an own change that a power cut took from the file and from rows.db is not lost by the next capture', () => {
  pair((ana, ben, office) => {
    const kept = `${ana.path}.kept`;
    copyFileSync(ana.path, kept);
    ana.run("UPDATE account SET balance = 1 WHERE code = '1'");
    ana.capture();
    putBack(ana, kept);
    ana.restart(true);
    ana.run("UPDATE account SET balance = 2 WHERE code = '2'");
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query('SELECT balance FROM account ORDER BY code'), [[1n], [2n], [30n]]);
      assert.deepEqual(copy.conflicts(), []);
    }
  });
});

test('POS7 rows that were entered from another database and not yet placed are not lost by the next capture, nor seen by it', () => {
  pair((ana, ben, office) => {
    const aside = `${ana.path}.aside`;
    withDatabase(aside, (db) => {
      db.exec(SQL);
      db.exec("UPDATE account SET name = 'Till' WHERE code = '1'; INSERT INTO account VALUES ('9', 'New', 90)");
    });
    ana.work();
    const { request } = ana.engine.entering(aside);
    assert.ok(request?.entered);
    ana.log.append(ana.id, ++office.clock * 1024, request);
    ana.restart();
    ana.run("UPDATE account SET name = 'Petty cash' WHERE code = '1'; UPDATE account SET balance = 5 WHERE code = '3'");
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query('SELECT code, balance FROM account ORDER BY code'), [
        ['1', 10n],
        ['2', 20n],
        ['3', 5n],
        ['9', 90n],
      ]);
      assert.deepEqual(copy.query('SELECT text FROM entry ORDER BY text'), [['one'], ['one'], ['two'], ['two']]);
    }
    assert.deepEqual(ana.conflicts(), ben.conflicts());
    const names = ana.conflicts().find(({ column }) => column === 'name');
    assert.deepEqual(names?.candidates.map(({ value }) => value).sort(), ['Petty cash', 'Till']);
  });
});

test('REN5 a position is read by the names of when it was written', () => {
  const [old, now, other] = ['a', 'b', 'c'].map((letter) => letter.repeat(32)) as [string, string, string];
  const renamings = [{ from: old, to: now, after: 2 }];
  const position = { database: 'd'.repeat(16), copy: old, mark: 0, schema: 1 };
  const vector = new Map([
    [old, 5],
    [other, 7],
  ]);
  const before = renamedPosition({ ...position, vector }, renamings).vector;
  assert.deepEqual([...before].sort(), [
    [old, 2],
    [now, 3],
    [other, 7],
  ]);
  const since = renamedPosition({ ...position, copy: now, vector }, renamings).vector;
  assert.deepEqual(since, vector);
});
