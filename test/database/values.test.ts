import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Copy, Office, withDatabase } from './copies.ts';

function pair(sql: string, run: (ana: Copy, ben: Copy, office: Office) => void): void {
  const office = new Office(sql, 2);
  try {
    run(office.copies[0] as Copy, office.copies[1] as Copy, office);
  } finally {
    office.close();
  }
}

/** What a column holds, bit by bit. */
const BITS = 'SELECT id, typeof(v), hex(CAST(v AS BLOB)), v IS 0.0 FROM t ORDER BY id';

test('CAP3 every value arrives bit by bit: integers, reals, texts of any bytes, blobs, null', () => {
  pair('CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, NULL), (2, 0)', (ana, ben, office) => {
    ana.cli(`
      INSERT INTO t (v) VALUES (9223372036854775807), (-9223372036854775808), (0), (1.0), (-0.0), (0.1), (1e308), (9e999),
        (-9e999), (5e-324), (''), (x''), (x'00ff'), (zeroblob(3000000)), ('ä€😀'), ('a' || char(0) || 'b'),
        (CAST(x'ff41fe' AS TEXT)), (char(65533)), (CAST(x'efbfbd80' AS TEXT)), (NULL);
      UPDATE t SET v = CAST(x'c328' AS TEXT) WHERE id = 1;
      UPDATE t SET v = 0.0 WHERE id = 2;`);
    office.settle();
    assert.deepEqual(ben.query(BITS), ana.query(BITS));
    assert.equal(ben.query(BITS).length, 22);
    // From REAL to INTEGER and from text to other case are edits, too; the same again is none.
    ana.run("UPDATE t SET v = 1 WHERE v = 1.0; UPDATE t SET v = 'Ä€😀' WHERE v = 'ä€😀'; UPDATE t SET v = v");
    const before = ana.log.changes.length;
    office.settle();
    assert.equal(ana.log.ops().slice(before).flat().length, 2);
    assert.deepEqual(ben.query(BITS), ana.query(BITS));
  });
});

test('ROW5 a key that two people give to a row is one row, however its collation is spelled', () => {
  for (const collation of ['NOCASE', 'nocase', '"Rtrim"']) {
    const texts = collation.startsWith('"') ? ["'abc'", "'abc '"] : ["'abc'", "'ABC'"];
    pair(`CREATE TABLE t (k TEXT PRIMARY KEY COLLATE ${collation}, v, w)`, (ana, ben, office) => {
      ana.run(`INSERT INTO t VALUES (${texts[0]}, 1, 1)`);
      ben.run(`INSERT INTO t VALUES (${texts[1]}, 1, 1)`);
      office.settle();
      assert.equal(ana.query('SELECT * FROM t').length, 1, collation);
      assert.deepEqual(ben.query('SELECT * FROM t'), ana.query('SELECT * FROM t'), collation);
      assert.deepEqual(ana.conflicts(), [], collation);
    });
  }
});

test('CAP4 keys of every kind name the same row everywhere', () => {
  const tables = `
    CREATE TABLE a (k TEXT PRIMARY KEY, v) ; CREATE TABLE b (k BLOB PRIMARY KEY, v);
    CREATE TABLE c (x TEXT, y INTEGER, v, PRIMARY KEY (y, x)) WITHOUT ROWID;
    CREATE TABLE d (k TEXT COLLATE NOCASE PRIMARY KEY, v) STRICT; CREATE TABLE e (k PRIMARY KEY, v);
    CREATE TABLE f (code TEXT NOT NULL UNIQUE, v); CREATE TABLE g (v, w);
    CREATE TABLE h (id INTEGER PRIMARY KEY, v, twice INTEGER GENERATED ALWAYS AS (v * 2) STORED, thrice AS (v * 3));
    CREATE TABLE "odd ""name" ("a b" TEXT PRIMARY KEY, "sel""ect" INTEGER);
    CREATE TABLE r (k TEXT COLLATE RTRIM PRIMARY KEY, v);`.replace('v) STRICT', 'v TEXT) STRICT');
  pair(tables, (ana, ben, office) => {
    ana.cli(`
      INSERT INTO a VALUES ('x', 1), (CAST(x'ff' AS TEXT), 2), ('a' || char(0), 3); INSERT INTO b VALUES (x'00', 1), (x'', 2);
      INSERT INTO c VALUES ('x', 1, 'a'), ('x', 2, 'b'); INSERT INTO d VALUES ('Abc', 'one'); INSERT INTO e VALUES (1, 'i'), ('1', 't'), (1.5, 'r');
      INSERT INTO f VALUES ('p', 1); INSERT INTO g VALUES (1, 2), (1, 2), (NULL, NULL); INSERT INTO h (v) VALUES (5);
      INSERT INTO "odd ""name" VALUES ('k', 7); INSERT INTO r VALUES ('z ', 1)`);
    office.settle();
    ben.cli(`
      UPDATE a SET v = v + 10; UPDATE b SET v = v + 10; UPDATE c SET v = v || '!' WHERE y = 2; UPDATE d SET k = 'ABC' WHERE k = 'abc';
      UPDATE e SET v = v || '!'; UPDATE f SET code = 'q'; DELETE FROM g WHERE rowid = 2; UPDATE h SET v = 6;
      UPDATE "odd ""name" SET "sel""ect" = 8; UPDATE r SET k = 'z', v = 2`);
    office.settle();
    for (const table of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '"odd ""name"', 'r']) {
      const all = `SELECT * FROM ${table} ORDER BY 1, 2`;
      assert.deepEqual(ben.query(all), ana.query(all), table);
    }
    assert.deepEqual(ana.query('SELECT * FROM d'), [['ABC', 'one']]);
    assert.deepEqual(ana.query('SELECT * FROM h'), [[1n, 6n, 12n, 18n]]);
    assert.deepEqual(ana.query('SELECT count(*) FROM g'), [[2n]]);
    assert.deepEqual([...ana.conflicts(), ...ben.conflicts()], []);
  });
});

test('CAP5 REPLACE of the same key is the same row, with and without recursive triggers; its other victims are deleted', () => {
  const sql = `
    CREATE TABLE entry (id INTEGER PRIMARY KEY, code TEXT UNIQUE, text TEXT);
    INSERT INTO entry VALUES (1, 'a', 'one'), (2, 'b', 'two'), (3, 'c', 'three'), (4, 'd', 'four');
    CREATE TABLE named (k TEXT PRIMARY KEY, u INTEGER UNIQUE, v); INSERT INTO named VALUES ('x', 1, 1), ('y', 2, 2), ('z', 3, 3);
    CREATE TABLE later (k TEXT PRIMARY KEY, a TEXT, b INTEGER); CREATE UNIQUE INDEX by_ab ON later (a COLLATE NOCASE, b);
    INSERT INTO later VALUES ('x', 'p', 1), ('y', 'q', 2), ('z', 'q', NULL);
    CREATE TABLE counted (id INTEGER PRIMARY KEY, code TEXT); CREATE UNIQUE INDEX by_code ON counted (code);
    INSERT INTO counted VALUES (1, 'a'), (2, 'b'), (3, 'c');`;
  for (const recursive of ['ON', 'OFF']) {
    pair(sql, (ana, ben, office) => {
      ben.run("UPDATE entry SET text = 'one, by Ben' WHERE id = 1");
      ana.cli(`PRAGMA recursive_triggers = ${recursive};
        INSERT OR REPLACE INTO entry VALUES (1, 'A', 'uno'); INSERT OR REPLACE INTO entry VALUES (9, 'b', 'nine');
        UPDATE OR REPLACE entry SET code = 'c' WHERE id = 4; INSERT OR IGNORE INTO entry VALUES (1, 'zz', 'no');
        INSERT INTO entry VALUES (1, 'q', 'no') ON CONFLICT DO UPDATE SET text = 'upserted';
        INSERT OR REPLACE INTO named VALUES ('n', 1, 10); UPDATE OR REPLACE named SET u = 3 WHERE k = 'y';
        INSERT OR REPLACE INTO later VALUES ('n', 'P', 1); INSERT OR REPLACE INTO later VALUES ('m', 'q', NULL);
        INSERT OR REPLACE INTO counted (code) VALUES ('b')`);
      ana.capture();
      ana.cli(`PRAGMA recursive_triggers = ${recursive};
        UPDATE OR REPLACE later SET a = 'p', b = 1 WHERE k = 'y'; INSERT OR REPLACE INTO counted (code) VALUES ('b')`);
      office.settle();
      for (const copy of [ana, ben]) {
        assert.deepEqual(copy.query('SELECT id, code FROM entry ORDER BY id'), [
          [1n, 'A'],
          [4n, 'c'],
          [9n, 'b'],
        ]);
        assert.deepEqual(copy.query('SELECT k FROM later ORDER BY k'), [['m'], ['y'], ['z']]);
        assert.deepEqual(copy.query('SELECT * FROM counted'), [
          [1n, 'a'],
          [3n, 'c'],
          [5n, 'b'],
        ]);
        assert.deepEqual(copy.query('SELECT * FROM named ORDER BY k'), [
          ['n', 1n, 10n],
          ['y', 3n, 2n],
        ]);
      }
      // Nothing was lost of what Ben wrote to the row that Ana replaced: both are in the conflict.
      const [conflict] = ana.conflicts();
      assert.deepEqual(
        conflict?.candidates.map(({ value }) => value),
        ['one, by Ben', 'upserted'],
      );
      assert.deepEqual(ben.conflicts(), ana.conflicts());
    });
  }
});

test('CAP6 a delete and insert of one number is a new row; of one name the same', () => {
  const sql = `CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO entry VALUES (1, 'one'), (2, 'two');
    CREATE TABLE named (k TEXT PRIMARY KEY, v); INSERT INTO named VALUES ('x', 1);`;
  pair(sql, (ana, ben, office) => {
    ben.run("UPDATE entry SET text = 'edited' WHERE id = 2; UPDATE named SET v = 5");
    ana.run(
      "DELETE FROM entry WHERE id = 2; INSERT INTO entry VALUES (2, 'other'); DELETE FROM named; INSERT INTO named VALUES ('x', 7)",
    );
    office.settle();
    // Ben's edit keeps the row that Ana deleted; her new one has the next number.
    assert.deepEqual(ana.query('SELECT * FROM entry ORDER BY id'), [
      [1n, 'one'],
      [2n, 'edited'],
      [3n, 'other'],
    ]);
    assert.deepEqual(ben.query('SELECT * FROM entry ORDER BY id'), ana.query('SELECT * FROM entry ORDER BY id'));
    assert.deepEqual(
      ana.conflicts().map(({ kind, table }) => [kind, table]),
      [
        ['constraint', 'entry'],
        ['row', 'entry'],
        ['cell', 'named'],
      ],
    );
  });
});

test('CAP7 only the columns that changed are written, and an edit to what is shown anyway is none', () => {
  pair("CREATE TABLE t (k TEXT PRIMARY KEY, a, b); INSERT INTO t VALUES ('x', 1, 2)", (ana, ben, office) => {
    ana.run("UPDATE t SET a = 10 WHERE k = 'x'");
    ben.run("UPDATE t SET b = 20 WHERE k = 'x'");
    office.settle();
    assert.deepEqual(ana.query('SELECT * FROM t'), [['x', 10n, 20n]]);
    assert.deepEqual(ana.conflicts(), []);
    ana.run('UPDATE t SET a = 11; UPDATE t SET a = 10; UPDATE t SET k = k');
    assert.equal(ana.capture(), false);
  });
});

test('CAP8 an application never notices the marks: its ALTER, DROP, RENAME, OR clauses and last_insert_rowid work', () => {
  const sql = `CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, a, b, c); CREATE UNIQUE INDEX by_c ON t (c);
    INSERT INTO t VALUES (1, 'x', 1, 2, 3)`;
  pair(sql, (ana) => {
    withDatabase(ana.path, (db) => {
      const inserted = db.prepare("INSERT INTO t (u, c) VALUES ('y', 4)").run();
      assert.deepEqual([inserted.changes, inserted.lastInsertRowid], [1, 2]);
      db.exec('DROP INDEX by_c; ALTER TABLE t DROP COLUMN c; ALTER TABLE t DROP COLUMN b');
      db.exec('ALTER TABLE t RENAME COLUMN a TO aa; ALTER TABLE t ADD COLUMN d DEFAULT 5');
      db.exec('ALTER TABLE t RENAME COLUMN id TO nr; ALTER TABLE t RENAME TO t2');
      db.exec("BEGIN; INSERT OR ROLLBACK INTO t2 (u) VALUES ('z'); INSERT OR IGNORE INTO t2 (u) VALUES ('z'); COMMIT");
      assert.throws(() => db.exec("BEGIN; INSERT OR ROLLBACK INTO t2 (u) VALUES ('z')"), /UNIQUE/);
      db.exec('CREATE TABLE copy AS SELECT * FROM t2; DROP TABLE t2; ALTER TABLE copy RENAME TO t2; VACUUM');
      assert.equal(db.prepare('SELECT count(*) AS n FROM t2').get()?.n, 3);
    });
  });
});

test('NUM1 two rows with the last number that there is stay two rows, with and without a key', () => {
  const last = (1n << 63n) - 1n;
  const tables = `
    CREATE TABLE keyed (id INTEGER PRIMARY KEY, v); INSERT INTO keyed VALUES (1, 'x'), (2, 'y');
    CREATE TABLE bare (v); INSERT INTO bare VALUES ('x'), ('y');
    CREATE TABLE line (code TEXT PRIMARY KEY, no INTEGER UNIQUE);`;
  pair(tables, (ana, ben, office) => {
    for (const [copy, who] of [
      [ana, 'ana'],
      [ben, 'ben'],
    ] as const) {
      copy.run(`INSERT INTO keyed VALUES (${last}, '${who}'); INSERT INTO bare (rowid, v) VALUES (${last}, '${who}');
        INSERT INTO line VALUES ('${who}', ${last})`);
    }
    office.settle();
    ana.run("VACUUM; INSERT INTO bare VALUES ('after')");
    ben.run("UPDATE keyed SET v = v || '!'; UPDATE bare SET v = v || '!'");
    office.settle();
    for (const copy of [ana, ben]) {
      assert.deepEqual(copy.query('SELECT v FROM keyed ORDER BY v'), [['ana!'], ['ben!'], ['x!'], ['y!']]);
      assert.deepEqual(copy.query('SELECT v FROM bare ORDER BY v'), [['after'], ['ana!'], ['ben!'], ['x!'], ['y!']]);
      assert.deepEqual(copy.query('SELECT * FROM keyed ORDER BY id'), ana.query('SELECT * FROM keyed ORDER BY id'));
      assert.deepEqual(copy.query('SELECT * FROM line'), ana.query('SELECT * FROM line'));
    }
    assert.deepEqual(ana.conflicts(), ben.conflicts());
  });
});

test('CAP4 a table whose columns have all names of the row number, and no key, is told of and left alone', () => {
  pair("CREATE TABLE t (rowid, _rowid_, oid, v); INSERT INTO t VALUES (9, 9, 9, 'x')", (ana, ben, office) => {
    ana.run("UPDATE t SET v = 'by Ana'; INSERT INTO t VALUES (9, 1, 1, 'more')");
    office.settle();
    assert.deepEqual(
      ana.engine.problems.map(({ code }) => code),
      ['table-not-followed'],
    );
    assert.deepEqual(ana.log.changes, []);
    assert.deepEqual(ben.query('SELECT v FROM t'), [['x']]);
  });
});

for (const [declared, created] of [
  ['UNIQUE', ''],
  ['', 'CREATE UNIQUE INDEX by_lower ON t (low);'],
]) {
  test(`MND5 a generated column that is unique is so for everybody, ${declared ? 'declared in the table' : 'by an index'}`, () => {
    const tables = `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, low TEXT GENERATED ALWAYS AS (lower(v)) STORED ${declared});
      ${created} INSERT INTO t (id, v) VALUES (1, 'x'), (2, 'y');`;
    pair(tables, (ana, ben, office) => {
      ana.run("INSERT INTO t (id, v) VALUES (3, 'P')");
      ben.run("INSERT INTO t (id, v) VALUES (4, 'p')");
      office.settle();
      assert.deepEqual(ana.query('SELECT id, v FROM t'), ben.query('SELECT id, v FROM t'));
      assert.deepEqual(ana.conflicts(), ben.conflicts());
      assert.equal(ana.conflicts().length, 1);
      ana.run(`UPDATE t SET v = '' WHERE id = 1; UPDATE t SET v = 'X' WHERE id = 2; UPDATE t SET v = 'y' WHERE id = 1`);
      office.settle();
      assert.deepEqual(ben.query('SELECT v FROM t WHERE id < 3'), [['y'], ['X']]);
      ana.run("INSERT OR REPLACE INTO t (id, v) VALUES (9, 'x')");
      office.settle();
      assert.deepEqual(ben.query('SELECT id, v FROM t WHERE id <> 3'), [
        [1n, 'y'],
        [9n, 'x'],
      ]);
      assert.deepEqual(ana.query('SELECT id, v FROM t'), ben.query('SELECT id, v FROM t'));
    });
  });
}
