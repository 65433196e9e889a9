import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Copy, Office, withDatabase } from './copies.ts';

function copies(sql: string, count: number, run: (office: Office, ...copies: Copy[]) => void): void {
  const office = new Office(sql, count);
  try {
    run(office, ...office.copies);
  } finally {
    office.close();
  }
}

test('APP2 the triggers of an application are not run a second time, whatever they do', () => {
  const sql = `
    CREATE TABLE t (id INTEGER PRIMARY KEY, v, touched); CREATE TABLE log (id INTEGER PRIMARY KEY, text); CREATE TABLE other (k PRIMARY KEY, n);
    CREATE TABLE setting (v); INSERT INTO setting VALUES (1); INSERT INTO other VALUES ('a', 1), ('b', NULL), ('c', 3);
    INSERT INTO t VALUES (1, 'one', 0), (2, 'two', 0);
    CREATE TRIGGER i1 AFTER INSERT ON t BEGIN INSERT INTO log (text) VALUES ('inserted ' || NEW.v); END;
    CREATE TRIGGER u1 AFTER UPDATE OF v ON t BEGIN UPDATE t SET touched = touched + 1 WHERE id = NEW.id; INSERT INTO log (text) VALUES ('updated'); END;
    CREATE TRIGGER d1 AFTER DELETE ON t BEGIN DELETE FROM other; END;
    CREATE TRIGGER d2 AFTER INSERT ON t BEGIN DELETE FROM other WHERE n IS NULL; END;
    CREATE TRIGGER w1 AFTER INSERT ON t WHEN (SELECT v FROM setting) = 1 BEGIN UPDATE other SET n = 100; END;
    CREATE TRIGGER n1 AFTER INSERT ON log BEGIN INSERT INTO log (text) SELECT 'nested' WHERE NEW.text NOT LIKE 'nested'; END;
    CREATE TRIGGER r1 BEFORE UPDATE ON t WHEN NEW.v = 'bad' BEGIN SELECT RAISE(ABORT, 'never'); END;`;
  copies(sql, 2, (office, ana, ben) => {
    const triggers =
      "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name NOT LIKE '\\_tieout%' ESCAPE '\\' ORDER BY name";
    const before = (ben as Copy).query(triggers);
    ana!.run(
      "INSERT INTO t (v, touched) VALUES ('three', 0); UPDATE t SET v = 'uno' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO other VALUES ('z', 9)",
    );
    office.settle();
    for (const table of ['t', 'log', 'other']) {
      assert.deepEqual(
        ben!.query(`SELECT * FROM ${table} ORDER BY 1`),
        ana!.query(`SELECT * FROM ${table} ORDER BY 1`),
      );
    }
    assert.deepEqual(ben!.query('SELECT * FROM other'), [['z', 9n]]);
    assert.deepEqual(ben!.query('SELECT touched FROM t WHERE id = 1'), [[1n]]);
    // They are all still there, and they work.
    assert.deepEqual(ben!.query(triggers), before);
    assert.throws(() => ben!.run("UPDATE t SET v = 'bad' WHERE id = 1"), /never/);
    assert.equal(ben!.capture(), false);
  });
});

test('APP3 unique values are swapped, and foreign keys of the application stay whole', () => {
  const sql = `CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE); INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c');
    CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES p (id) ON DELETE CASCADE); INSERT INTO c VALUES (1, 1), (2, 2), (3, 3);`;
  copies(sql, 2, (office, ana, ben) => {
    ana!.cli(
      "PRAGMA foreign_keys = ON; UPDATE p SET code = 'x' WHERE id = 1; UPDATE p SET code = 'a' WHERE id = 2; UPDATE p SET code = 'b' WHERE id = 1; DELETE FROM p WHERE id = 3",
    );
    office.settle();
    assert.deepEqual(ben!.query('SELECT * FROM p'), [
      [1n, 'b'],
      [2n, 'a'],
    ]);
    assert.deepEqual(ben!.query('SELECT * FROM c'), [
      [1n, 1n],
      [2n, 2n],
    ]);
    assert.deepEqual(ben!.query('PRAGMA foreign_key_check'), []);
  });
});

test('APP4 the journal mode of the application stays as it is, and a lock is never waited for while holding one', () => {
  for (const mode of ['wal', 'delete', 'truncate', 'persist']) {
    copies(
      `PRAGMA journal_mode = ${mode}; CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('x', 1)`,
      2,
      (office, ana, ben) => {
        ana!.run('UPDATE t SET v = 2');
        ana!.work();
        ben!.log.pull(ana!.log);
        withDatabase(ben!.path, (db) => {
          db.exec('BEGIN IMMEDIATE');
          assert.throws(() => ben!.engine.apply(), /locked/);
          db.exec('COMMIT');
        });
        office.settle();
        assert.deepEqual(ben!.query('SELECT v FROM t'), [[2n]]);
        if (mode === 'wal')
          assert.deepEqual(
            [ana, ben].map((copy) => copy!.query('PRAGMA journal_mode')),
            [[['wal']], [['wal']]],
          );
      },
    );
  }
});

test('APP5 MND5 what a constraint keeps out is listed, the same row on every copy, with what refers to it, and comes in when there is room', () => {
  const sql = `CREATE TABLE t (k TEXT PRIMARY KEY, a INTEGER, b REAL, UNIQUE (b)); INSERT INTO t VALUES ('x', 1, 0.5);
    CREATE TABLE of (t TEXT REFERENCES t (k), n INTEGER, PRIMARY KEY (t, n))`;
  copies(sql, 3, (office, ana, ben, chloe) => {
    ana!.run("INSERT INTO t VALUES ('a', 1, 2.5); INSERT INTO of VALUES ('a', 1)");
    ben!.run("INSERT INTO t VALUES ('b', 2, 2.5); INSERT INTO of VALUES ('b', 1)");
    ana!.capture(1_000_010);
    ben!.capture(1_000_020);
    office.settle();
    for (const copy of [ana, ben, chloe]) {
      assert.deepEqual(copy!.query('SELECT k FROM t ORDER BY k'), [['a'], ['x']]);
      assert.deepEqual(copy!.query('SELECT t FROM of'), [['a']]);
      assert.deepEqual(
        copy!.conflicts().map(({ kind, table, key, note }) => [kind, table, key, note]),
        [
          ['constraint', 'of', { t: 'b', n: 1 }, 'FOREIGN KEY of of: the row of t is withheld'],
          ['constraint', 't', { k: 'b' }, 'UNIQUE t (b)'],
        ],
      );
      assert.deepEqual(copy!.query('PRAGMA foreign_key_check'), []);
    }
    chloe!.run("UPDATE t SET b = 3.5 WHERE k = 'a'");
    office.settle();
    for (const copy of [ana, ben, chloe]) {
      assert.deepEqual(copy!.query('SELECT k, b FROM t ORDER BY k'), [
        ['a', 3.5],
        ['b', 2.5],
        ['x', 0.5],
      ]);
      assert.deepEqual(copy!.query('SELECT t FROM of'), [['a'], ['b']]);
      assert.deepEqual(copy!.conflicts(), []);
    }
  });
});

test('NUM1 NUM2 two rows numbered alike offline stay two rows, the later with the next free number and its references after it', () => {
  const sql = `CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO entry VALUES (1, 'one'), (2, 'two');
    CREATE TABLE line (id INTEGER PRIMARY KEY, entry INTEGER REFERENCES entry (id), n); INSERT INTO line VALUES (1, 1, 0), (2, 2, 0);
    CREATE TABLE tag (entry INTEGER REFERENCES entry (id), word, PRIMARY KEY (entry, word)) WITHOUT ROWID;`;
  copies(sql, 3, (office, ana, ben, chloe) => {
    for (const [copy, name] of [
      [ana, 'ana'],
      [ben, 'ben'],
      [chloe, 'chloe'],
    ] as const) {
      copy!.run(`INSERT INTO entry (text) VALUES ('${name}'); INSERT INTO line (entry, n) SELECT max(id), '${name}' FROM entry;
        INSERT INTO tag SELECT max(id), 'tag' FROM entry`);
    }
    // Chloe was first, Ben last.
    chloe!.capture(1_000_001);
    ana!.capture(1_000_002);
    ben!.capture(1_000_003);
    office.settle();
    for (const copy of [ana, ben, chloe]) {
      assert.deepEqual(copy!.query('SELECT * FROM entry WHERE id > 2 ORDER BY id'), [
        [3n, 'chloe'],
        [4n, 'ana'],
        [5n, 'ben'],
      ]);
      const joined =
        'SELECT entry.text, line.n, tag.word FROM entry JOIN line ON line.entry = entry.id JOIN tag ON tag.entry = entry.id ORDER BY 1';
      assert.deepEqual(copy!.query(joined), [
        ['ana', 'ana', 'tag'],
        ['ben', 'ben', 'tag'],
        ['chloe', 'chloe', 'tag'],
      ]);
    }
    // NUM2: settled numbers stay, also when the row that had them first goes.
    chloe!.run(
      "DELETE FROM entry WHERE text = 'chloe'; DELETE FROM line WHERE n = 'chloe'; DELETE FROM tag WHERE entry = 3",
    );
    office.settle();
    for (const copy of [ana, ben, chloe]) {
      assert.deepEqual(copy!.query('SELECT * FROM entry WHERE id > 2 ORDER BY id'), [
        [4n, 'ana'],
        [5n, 'ben'],
      ]);
    }
  });
});

test('NUM3 an integer key is a name where people chose it, and then two rows of one key are one', () => {
  const sql = `CREATE TABLE account (no INTEGER PRIMARY KEY, name TEXT); INSERT INTO account VALUES (4010, 'Sales'), (4020, 'Other');
    CREATE TABLE settings (id INTEGER PRIMARY KEY, theme TEXT); INSERT INTO settings VALUES (1, 'dark');
    CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);`;
  copies(sql, 2, (office, ana, ben) => {
    const kinds = JSON.parse(office.settings).tables;
    assert.deepEqual(kinds, { account: { key: 'name' }, entry: { key: 'number' }, settings: { key: 'name' } });
    ana!.run("INSERT INTO account VALUES (4030, 'by Ana'); INSERT INTO entry (text) VALUES ('a')");
    ben!.run("INSERT INTO account VALUES (4030, 'by Ben'); INSERT INTO entry (text) VALUES ('b')");
    office.settle();
    assert.deepEqual(ana!.query('SELECT count(*) FROM account'), [[3n]]);
    assert.deepEqual(ana!.query('SELECT count(*) FROM entry'), [[2n]]);
    const listed = ana!.conflicts().map(({ kind, table, column }) => [kind, table, column]);
    assert.deepEqual(listed.sort(), [
      ['cell', 'account', 'name'],
      ['constraint', 'entry', 'id'],
    ]);
    assert.deepEqual(ana!.conflicts(), ben!.conflicts());
  });
});

test('NUM3 an integer key is a number where what is there could have been handed out', () => {
  const made = [
    // One entry so far, with its lines or without.
    ['entry', 'id INTEGER PRIMARY KEY', [1], 'number'],
    ['journal_line', 'lineId INTEGER PRIMARY KEY, entry REFERENCES entry', [1], 'number'],
    ['state', 'id INTEGER PRIMARY KEY', [1], 'name'],
    ['profile', 'id INTEGER PRIMARY KEY', [1], 'number'],
    ['person', 'id INTEGER PRIMARY KEY, profile REFERENCES profile', [], 'number'],
    // Two thirds have been deleted.
    ['note', 'id INTEGER PRIMARY KEY', [1, 5, 9, 14], 'number'],
    ['posting', 'posting_no INTEGER PRIMARY KEY', [1, 2, 3], 'number'],
    ['voucher', 'voucherNo INTEGER PRIMARY KEY', [1, 2], 'number'],
    ['account', 'account_no INTEGER PRIMARY KEY', [1000, 1010, 2000], 'name'],
    ['ledger', 'account_no INTEGER PRIMARY KEY', [], 'name'],
    ['tree', 'id INTEGER PRIMARY KEY', [1, 11, 111, 1111], 'name'],
    ['year', 'year INTEGER PRIMARY KEY', [2024, 2025], 'name'],
    // A client is a person, and nobody hands his number out again.
    ['client', 'person_id INTEGER PRIMARY KEY REFERENCES person (id)', [], 'name'],
  ] as const;
  const sql = made.flatMap(([name, columns, keys]) => [
    `CREATE TABLE ${name} (${columns})`,
    ...keys.map((key) => `INSERT INTO ${name} VALUES (${key}${columns.includes(',') ? ', NULL' : ''})`),
  ]);
  copies(sql.join(';\n'), 1, (office) => {
    const kinds = JSON.parse(office.settings).tables as Record<string, { key: string }>;
    assert.deepEqual(
      Object.fromEntries(Object.entries(kinds).map(([name, { key }]) => [name, key])),
      Object.fromEntries(made.map(([name, , , key]) => [name, key])),
    );
  });
});

test('APP6 two copies that make one table apart from each other have it once, with its first rows, and each one’s own', () => {
  const sql = 'CREATE TABLE t (k TEXT PRIMARY KEY)';
  const upgrade = `CREATE TABLE added (id INTEGER PRIMARY KEY, text TEXT UNIQUE); INSERT INTO added VALUES (1, 'of the upgrade')`;
  copies(sql, 3, (office, ana, ben, chloe) => {
    ana!.run(`${upgrade}; INSERT INTO added (text) VALUES ('by Ana')`);
    ana!.work();
    ana!.run("INSERT INTO added (text) VALUES ('more')");
    ben!.run(`${upgrade}; INSERT INTO added (text) VALUES ('by Ben')`);
    office.settle();
    const all = 'SELECT text FROM added ORDER BY text';
    for (const copy of [ana, ben, chloe]) {
      assert.deepEqual(copy!.query(all), [['by Ana'], ['by Ben'], ['more'], ['of the upgrade']]);
      assert.deepEqual(copy!.query('SELECT * FROM added ORDER BY id'), ana!.query('SELECT * FROM added ORDER BY id'));
      // Only that rows were given another number.
      assert.ok(copy!.conflicts().every(({ moved }) => moved !== undefined));
      assert.deepEqual(copy!.conflicts(), ana!.conflicts());
    }
  });
});

test('APP7 two copies that add one column apart from each other have it once, with what each wrote to it', () => {
  const sql = "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3)";
  const upgrade = "ALTER TABLE t ADD COLUMN added TEXT DEFAULT 'none'";
  for (const restart of [false, true]) {
    copies(sql, 3, (office, ana, ben, chloe) => {
      ana!.run(`${upgrade}; UPDATE t SET added = 'by Ana' WHERE k = 'a'; INSERT INTO t VALUES ('d', 4, 'new')`);
      ana!.work();
      ben!.run("UPDATE t SET v = 10 WHERE k = 'a'");
      if (restart) ben!.engine.disconnect();
      ben!.run(`${upgrade}; UPDATE t SET v = 20 WHERE k = 'b'; UPDATE t SET added = 'by Ben' WHERE k = 'c'`);
      office.settle();
      for (const copy of [ana, ben, chloe]) {
        assert.deepEqual(copy!.query('SELECT * FROM t ORDER BY k'), [
          ['a', 10n, 'by Ana'],
          ['b', 20n, 'none'],
          ['c', 3n, 'by Ben'],
          ['d', 4n, 'new'],
        ]);
        assert.deepEqual(copy!.conflicts(), []);
      }
    });
  }
});

test('APP8 a change whose body cannot be read has no effect, is a problem with its remedy, and the next ones are applied', () => {
  const office = new Office(
    "CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT); INSERT INTO account VALUES ('1', 'Cash')",
    2,
  );
  const [ana, ben] = office.copies as [Copy, Copy];
  ben.run("UPDATE account SET name = 'Petty cash' WHERE code = '1'");
  ben.work();
  const [change] = ben.log.changes;
  // As a later release would write it: the database is named, and the rest is not understood.
  const bytes = Buffer.from(change!.bytes);
  ana.log.add({ ...change!, bytes: bytes.subarray(0, bytes.length - 3) });
  ana.work();
  assert.deepEqual(ana.query('SELECT name FROM account'), [['Cash']]);
  const [problem] = ana.engine.problems;
  assert.equal(problem?.code, 'unreadable-change');
  assert.match(String(problem?.remedy), /newest release/);
  ana.run("INSERT INTO account VALUES ('2', 'Bank')");
  ana.work();
  assert.equal(ana.log.changes.length, 2);
  office.close();
});
