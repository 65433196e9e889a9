import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConflicts } from '../../src/database/conflicts/resolving.ts';
import { type Copy, DB, Office } from './copies.ts';

function copies(sql: string, count: number, run: (office: Office, ...copies: Copy[]) => void): void {
  const office = new Office(sql, count);
  try {
    run(office, ...office.copies);
  } finally {
    office.close();
  }
}

/** What an application sees of the schema, whatever the spelling. */
function schemaOf(copy: Copy): unknown[][] {
  const rows = copy.query(
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_tieout%' ESCAPE '\\' ORDER BY 1, 2",
  );
  return rows.map((row) => row.map((item) => String(item).replaceAll(/["\s]/g, '')));
}

const BASE = `CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT, old INTEGER DEFAULT 4);
  INSERT INTO account VALUES ('1', 'Cash', 5), ('2', 'Bank', NULL);
  CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, account TEXT REFERENCES account (code), sum REAL CHECK (sum < 100));
  INSERT INTO entry (text, account, sum) VALUES ('one', '1', 1), ('two', '2', 2), ('three', NULL, 3);
  CREATE TABLE note (text, more); INSERT INTO note VALUES ('n', 1), ('n', 1), ('m', NULL);
  CREATE INDEX by_text ON entry (text); CREATE VIEW v AS SELECT text, sum FROM entry;
  CREATE TABLE log (line TEXT);
  CREATE TRIGGER logs AFTER UPDATE ON entry BEGIN INSERT INTO log VALUES ('changed ' || NEW.text); END;`;

const EDITS =
  "UPDATE entry SET sum = 50 WHERE id = 2; UPDATE account SET name = 'Till' WHERE code = '1'; INSERT INTO log VALUES ('by Ben')";

/** What one colleague's program does, while the other's edits rows; then what is asked of both. */
const FORMS: readonly [form: string, upgrade: string, query: string, expected?: unknown[][], edits?: string][] = [
  [
    'CREATE TABLE',
    "CREATE TABLE tag (word TEXT PRIMARY KEY, n) WITHOUT ROWID; INSERT INTO tag VALUES ('x', 1)",
    'SELECT * FROM tag',
    [['x', 1n]],
  ],
  [
    'CREATE TABLE with numbers and references',
    "CREATE TABLE tag (id INTEGER PRIMARY KEY, entry INTEGER REFERENCES entry (id), word TEXT UNIQUE); INSERT INTO tag (entry, word) VALUES (2, 'x'), (3, 'y')",
    'SELECT * FROM tag',
    [
      [1n, 2n, 'x'],
      [2n, 3n, 'y'],
    ],
  ],
  [
    'CREATE TABLE AS',
    'CREATE TABLE tag AS SELECT code, name FROM account',
    'SELECT * FROM tag ORDER BY 1',
    [
      ['1', 'Cash'],
      ['2', 'Bank'],
    ],
  ],
  [
    'ADD COLUMN',
    "ALTER TABLE entry ADD COLUMN status TEXT NOT NULL DEFAULT 'open'; UPDATE entry SET status = 'done' WHERE id = 1",
    'SELECT id, status FROM entry ORDER BY id',
    [
      [1n, 'done'],
      [2n, 'open'],
      [3n, 'open'],
    ],
  ],
  [
    'ADD COLUMN, generated',
    'ALTER TABLE entry ADD COLUMN twice REAL AS (sum * 2)',
    'SELECT id, twice FROM entry ORDER BY id',
  ],
  [
    'ADD COLUMN, twice',
    "ALTER TABLE account ADD COLUMN a DEFAULT 1.5; ALTER TABLE account ADD COLUMN b BLOB DEFAULT x'00ff'",
    'SELECT code, a, b FROM account ORDER BY 1',
  ],
  ['RENAME COLUMN', 'ALTER TABLE entry RENAME COLUMN text TO label', 'SELECT id, label FROM entry ORDER BY id'],
  [
    'RENAME COLUMN of a key',
    'ALTER TABLE account RENAME COLUMN code TO no',
    'SELECT no, name FROM account ORDER BY no',
  ],
  [
    'RENAME COLUMN, two that change places',
    'ALTER TABLE note RENAME COLUMN text TO x; ALTER TABLE note RENAME COLUMN more TO text; ALTER TABLE note RENAME COLUMN x TO more',
    'SELECT * FROM note ORDER BY rowid',
  ],
  ['DROP COLUMN', 'ALTER TABLE account DROP COLUMN old', 'SELECT * FROM account ORDER BY 1'],
  [
    'DROP COLUMN, and another of its name',
    "ALTER TABLE account DROP COLUMN old; ALTER TABLE account ADD COLUMN old TEXT DEFAULT 'new'",
    'SELECT * FROM account ORDER BY 1',
  ],
  ['RENAME TABLE', 'ALTER TABLE account RENAME TO ledger', 'SELECT * FROM ledger ORDER BY 1'],
  [
    'RENAME TABLE, two that change places',
    'ALTER TABLE note RENAME TO x; ALTER TABLE log RENAME TO note; ALTER TABLE x RENAME TO log',
    'SELECT * FROM log ORDER BY rowid',
  ],
  [
    'DROP TABLE',
    'DROP VIEW v; DROP TABLE entry',
    "SELECT name FROM sqlite_schema WHERE name IN ('entry', 'v', 'by_text', 'logs')",
    [],
    "UPDATE account SET name = 'Till' WHERE code = '1'",
  ],
  [
    'DROP TABLE, and another of its name',
    "DROP TABLE note; CREATE TABLE note (k TEXT PRIMARY KEY); INSERT INTO note VALUES ('new')",
    'SELECT * FROM note',
    [['new']],
  ],
  [
    'indexes',
    'DROP INDEX by_text; CREATE UNIQUE INDEX by_name ON account (name COLLATE NOCASE); CREATE INDEX part ON entry (sum) WHERE sum > 1; CREATE INDEX expr ON entry (lower(text))',
    "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1",
    [['by_name'], ['expr'], ['part']],
  ],
  [
    'views and triggers',
    "DROP VIEW v; CREATE VIEW v AS SELECT count(*) AS n FROM entry; DROP TRIGGER logs; CREATE TRIGGER logs2 AFTER INSERT ON entry BEGIN INSERT INTO log VALUES ('new'); END",
    'SELECT * FROM v',
  ],
  [
    'the rebuild of 12 steps',
    "CREATE TABLE new_entry (id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT REFERENCES account (code) ON DELETE SET NULL, text TEXT NOT NULL, sum INTEGER, extra TEXT); INSERT INTO new_entry SELECT id, account, upper(text), sum, 'x' || id FROM entry; DROP VIEW v; DROP TABLE entry; ALTER TABLE new_entry RENAME TO entry; CREATE INDEX by_text ON entry (text); CREATE VIEW v AS SELECT text FROM entry",
    'SELECT id, account, text, sum, extra FROM entry ORDER BY id',
  ],
  [
    'the rebuild by the old one put aside',
    'PRAGMA legacy_alter_table = ON; ALTER TABLE account RENAME TO old_account; CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT, fresh); INSERT INTO account SELECT code, name, 7 FROM old_account; DROP TABLE old_account',
    'SELECT * FROM account ORDER BY 1',
  ],
  [
    'a rebuild of rows without a key',
    'CREATE TABLE n2 (more, text, third DEFAULT 3); INSERT INTO n2 (more, text) SELECT more, text FROM note ORDER BY rowid; DROP TABLE note; ALTER TABLE n2 RENAME TO note',
    'SELECT * FROM note ORDER BY rowid',
  ],
  [
    'another key',
    'CREATE TABLE a2 (id INTEGER PRIMARY KEY, code TEXT, name TEXT); INSERT INTO a2 (code, name) SELECT code, name FROM account ORDER BY code; DROP TABLE account; ALTER TABLE a2 RENAME TO account',
    'SELECT * FROM account ORDER BY 1',
    [
      [1n, '1', 'Cash'],
      [2n, '2', 'Bank'],
    ],
    "UPDATE entry SET sum = 50 WHERE id = 2; INSERT INTO log VALUES ('by Ben')",
  ],
  [
    'another collation of the key',
    "CREATE TABLE a2 (code TEXT PRIMARY KEY COLLATE NOCASE, name TEXT); INSERT INTO a2 SELECT code, name FROM account; DROP TABLE account; ALTER TABLE a2 RENAME TO account; INSERT INTO account VALUES ('Z', 'Zet'); INSERT OR REPLACE INTO account VALUES ('z', 'zet')",
    'SELECT * FROM account ORDER BY 1',
    [
      ['1', 'Cash'],
      ['2', 'Bank'],
      ['z', 'zet'],
    ],
    "UPDATE entry SET sum = 50 WHERE id = 2; INSERT INTO log VALUES ('by Ben')",
  ],
  [
    'the version of an application',
    'PRAGMA user_version = 7; PRAGMA application_id = 99',
    'SELECT * FROM pragma_user_version, pragma_application_id',
    [[7n, 99n]],
  ],
];

const WRITERS = ['sqlite3 of the system', 'node:sqlite'] as const;
/** In a quick run they share the forms. */
const SHARED = Number(process.env.RUNS ?? 15) <= 3;

for (const [turn, writer] of WRITERS.entries()) {
  test(`SCH1 each change of a schema travels, with its rows in one change: ${writer}`, () => {
    for (const [index, [form, upgrade, query, expected, edits = EDITS]] of FORMS.entries()) {
      if (SHARED && index % WRITERS.length !== turn) continue;
      copies(BASE, 3, (office, ana, ben, chloe) => {
        ben!.run(edits);
        const script = `BEGIN; ${upgrade}; COMMIT`.replace(
          'BEGIN; PRAGMA legacy_alter_table = ON;',
          'PRAGMA legacy_alter_table = ON; BEGIN;',
        );
        if (writer === 'node:sqlite') ana!.run(script);
        else ana!.cli(script);
        ana!.work();
        assert.equal(ana!.log.changes.length, 1, `${form}: one change`);
        const schema = schemaOf(ana!);
        office.settle();
        assert.deepEqual(schemaOf(ana!), schema, `${form}: the program's own schema stays as it made it`);
        for (const copy of [ben!, chloe!]) {
          assert.deepEqual(schemaOf(copy), schema, `${form}: ${copy === ben ? 'Ben' : 'Chloe'} has the schema`);
          assert.deepEqual(copy.query(query), ana!.query(query), form);
          assert.deepEqual(copy.query('PRAGMA integrity_check'), [['ok']], form);
          assert.deepEqual(copy.conflicts(), ana!.conflicts(), form);
        }
        if (expected !== undefined) assert.deepEqual(ana!.query(query), expected, form);
        // Numbers that were handed out twice are written down; nothing else is.
        const later = ana!.log.ops().slice(2).flat();
        assert.deepEqual([...new Set(later.map(({ kind }) => kind))], later.length > 0 ? ['number'] : [], form);
        for (const copy of office.copies) {
          assert.equal(copy.capture(), false, form);
          assert.deepEqual(copy.engine.problems, [], form);
          copy.restart(true);
          copy.work();
          assert.equal(copy.capture(), false, form);
          assert.deepEqual(schemaOf(copy), schema, `${form}: folded anew`);
          assert.deepEqual(copy.query(query), ana!.query(query), form);
        }
      });
    }
  });
}

/** What a person chooses, captured and applied by everybody. */
function choose(office: Office, copy: Copy, of: { kind: string; column: string | null }, shown: boolean): void {
  const conflict = copy.conflicts().find(({ kind, column }) => kind === of.kind && column === of.column);
  const candidate = conflict?.candidates.find((each) => each.shown === shown);
  assert.ok(conflict !== undefined && candidate !== undefined, JSON.stringify(copy.conflicts()));
  assert.equal(copy.engine.edit(resolveConflicts(DB, [{ conflict: conflict.id, candidate: candidate.id }])), 'done');
  office.settle();
}

test('SCH3 a table or column that one drops and another uses is listed; the table is kept, a choice settles both', () => {
  for (const shown of [true, false]) {
    copies(BASE, 3, (office, ana, ben, chloe) => {
      ana!.run('DROP VIEW v; DROP TABLE entry; ALTER TABLE account DROP COLUMN old');
      ben!.run("INSERT INTO entry (text) VALUES ('of Ben'); UPDATE account SET old = 77 WHERE code = '1'");
      office.settle();
      for (const copy of [ana!, ben!, chloe!]) {
        assert.deepEqual(copy.query('SELECT text FROM entry ORDER BY id'), [['one'], ['two'], ['three'], ['of Ben']]);
        assert.deepEqual(
          copy
            .conflicts()
            .map(({ kind, table, column, note, candidates }) => [
              ...[kind, table, column, note],
              ...candidates.map(({ value }) => value),
            ]),
          [
            [
              'row',
              'entry',
              null,
              'table entry was dropped by one, and used or made again by another',
              'stays',
              'dropped',
            ],
            [
              'row',
              'account',
              'old',
              'column old was dropped by one, and used or made again by another',
              'dropped',
              'stays',
            ],
          ],
        );
      }
      choose(office, chloe!, { kind: 'row', column: null }, shown);
      choose(office, ana!, { kind: 'row', column: 'old' }, shown);
      for (const copy of [ana!, ben!, chloe!]) {
        assert.deepEqual(copy.conflicts(), []);
        const entry = "SELECT count(*) FROM sqlite_schema WHERE name = 'entry'";
        assert.deepEqual(copy.query(entry), [[shown ? 1n : 0n]]);
        const old = "SELECT count(*) FROM pragma_table_info('account') WHERE name = 'old'";
        assert.deepEqual(copy.query(old), [[shown ? 0n : 1n]]);
        if (!shown)
          assert.deepEqual(copy.query('SELECT code, old FROM account ORDER BY code'), [
            ['1', 77n],
            ['2', null],
          ]);
      }
    });
  }
});

test('SCH3 a table is not chosen to go while rows of another refer to it', () => {
  copies(
    'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT); CREATE TABLE client (code TEXT PRIMARY KEY, note INTEGER REFERENCES note (id))',
    2,
    (office, ana, ben) => {
      ana!.run("INSERT INTO note VALUES (1, 'of Ana'); INSERT INTO client VALUES ('a', 1)");
      ben!.run('DROP TABLE note');
      office.settle();
      const gone = (): void => choose(office, ana!, { kind: 'row', column: null }, false);
      assert.throws(gone, /Rows of the table client refer to this one/);
      ana!.run('UPDATE client SET note = NULL');
      office.settle();
      gone();
      for (const copy of [ana!, ben!]) {
        assert.deepEqual(copy.query("SELECT name FROM sqlite_schema WHERE name = 'note'"), []);
        assert.deepEqual(copy.query('PRAGMA foreign_key_check'), []);
      }
    },
  );
});

test('SCH4 of two definitions of one column the later is shown and the other listed; two things of one name stand beside each other', () => {
  copies(BASE, 2, (office, ana, ben) => {
    ana!.run("ALTER TABLE note ADD COLUMN state TEXT DEFAULT 'a'; ALTER TABLE log RENAME TO journal");
    ben!.run('ALTER TABLE note ADD COLUMN state INTEGER DEFAULT 5; CREATE TABLE journal (k TEXT PRIMARY KEY)');
    ana!.capture(1_000_010);
    ben!.capture(1_000_020);
    office.settle();
    for (const copy of [ana!, ben!]) {
      assert.deepEqual(copy.query('SELECT state FROM note'), [[5n], [5n], [5n]]);
      const [conflict, ...others] = copy.conflicts();
      assert.deepEqual(others, []);
      assert.deepEqual([conflict?.kind, conflict?.table, conflict?.column], ['cell', 'note', 'state']);
      assert.equal(conflict?.note, 'column state was declared differently by two');
      assert.deepEqual(
        conflict?.candidates.map(({ value }) => value),
        ['INTEGER DEFAULT 5', "TEXT DEFAULT 'a'"],
      );
      const names = "SELECT name FROM sqlite_schema WHERE name LIKE 'journal%' ORDER BY 1";
      assert.deepEqual(copy.query(names), [['journal'], ['journal_2']]);
    }
    choose(office, ben!, { kind: 'cell', column: 'state' }, false);
    for (const copy of [ana!, ben!]) {
      assert.deepEqual(copy.conflicts(), []);
      assert.deepEqual(copy.query("SELECT type FROM pragma_table_info('note') WHERE name = 'state'"), [['TEXT']]);
    }
  });
});

test('SCH5 the higher version of an application stands against an old program, and what merging broke is withheld', () => {
  copies(BASE, 3, (office, ana, ben, chloe) => {
    ana!.run('PRAGMA user_version = 7; ALTER TABLE note DROP COLUMN more');
    ben!.run('PRAGMA user_version = 3; CREATE INDEX by_more ON note (more)');
    ana!.capture(1_000_010);
    ben!.capture(1_000_020);
    office.settle();
    for (const copy of [ana!, ben!, chloe!]) {
      assert.deepEqual(copy.query('PRAGMA user_version'), [[7n]]);
      assert.deepEqual(copy.query("SELECT name FROM sqlite_schema WHERE name = 'by_more'"), []);
      assert.deepEqual(
        copy.conflicts().map(({ kind, table }) => [kind, table]),
        [['constraint', 'index by_more']],
      );
    }
    // Who has seen it may turn it back.
    chloe!.run('PRAGMA user_version = 6');
    office.settle();
    assert.deepEqual(ana!.query('PRAGMA user_version'), [[6n]]);
  });
});

const INDEXES = { FTS5: "fts5(text, content='entry', content_rowid='id')", FTS4: 'fts4(content="entry", text)' };

for (const [kind, index] of Object.entries(INDEXES)) {
  test(`SCH7 an ${kind} index over a followed table travels and is rebuilt with what is applied; other virtual tables are told`, () => {
    copies(BASE, 2, (office, ana, ben) => {
      ana!.run(`CREATE VIRTUAL TABLE search USING ${index};
      INSERT INTO search (search) VALUES ('rebuild'); CREATE VIRTUAL TABLE own USING fts5(body);
      CREATE TRIGGER to_search AFTER INSERT ON entry BEGIN INSERT INTO search (rowid, text) VALUES (NEW.id, NEW.text); END`);
      office.settle();
      ana!.run("INSERT INTO entry (text) VALUES ('needle')");
      office.settle();
      ben!.run("INSERT INTO entry (text) VALUES ('thread')");
      office.settle();
      for (const copy of [ana!, ben!]) {
        const found = (word: string) => copy.query(`SELECT rowid FROM search WHERE search MATCH '${word}'`);
        assert.deepEqual([found('one'), found('needle'), found('thread')], [[[1n]], [[4n]], [[5n]]]);
        copy.run("INSERT INTO search (search) VALUES ('integrity-check')");
        assert.deepEqual(
          copy.engine.problems.map(({ code }) => code),
          ['virtual-table-not-followed'],
        );
        assert.deepEqual(copy.conflicts(), []);
      }
    });
  });
}

test('SCH8 a row that refers to a table which somebody made anew meanwhile, and which has no such row, is withheld until it has', () => {
  const anew =
    'CREATE TABLE a2 (code TEXT PRIMARY KEY COLLATE NOCASE, name TEXT); INSERT INTO a2 SELECT code, name FROM account; DROP TABLE account; ALTER TABLE a2 RENAME TO account';
  copies(BASE, 3, (office, ana, ben, chloe) => {
    ana?.run(anew);
    ben?.runMinding([
      "INSERT INTO account VALUES ('9', 'New', 1)",
      "INSERT INTO entry (text, account) VALUES ('to the old', '9'), ('to both', '1')",
    ]);
    // One hears of the table first, one of the row.
    ana?.capture();
    ben?.capture();
    chloe?.log.pull((ben as Copy).log);
    chloe?.work();
    office.settle();
    const rows = "SELECT text FROM entry WHERE text LIKE 'to %' ORDER BY text DESC";
    for (const copy of office.copies) {
      assert.deepEqual(copy.query(rows), [['to both']]);
      assert.deepEqual(copy.query('PRAGMA foreign_key_check'), []);
      assert.deepEqual(copy.query('SELECT name FROM account_2 ORDER BY code'), [['Cash'], ['Bank'], ['New']]);
      const about = copy.conflicts().find(({ table }) => table === 'entry');
      assert.equal(about?.note, 'FOREIGN KEY of entry: it refers to account now, which has no such row');
      assert.deepEqual(
        about?.candidates.map(({ value }) => (value as { text: string }).text),
        ['to the old'],
      );
    }
    chloe?.run("INSERT INTO account SELECT code, name FROM account_2 WHERE code = '9'");
    office.settle();
    for (const copy of office.copies) {
      assert.deepEqual(copy.query(rows), [['to the old'], ['to both']]);
      assert.deepEqual(
        copy.conflicts().filter(({ table }) => table === 'entry'),
        [],
      );
    }
  });
});

test('SCH8 a row that refers to a table whose name another table got meanwhile is withheld until that one has such a row, by key, number or UNIQUE', () => {
  const sql = `CREATE TABLE one (id INTEGER PRIMARY KEY AUTOINCREMENT, k TEXT UNIQUE); INSERT INTO one VALUES (1, 'a'), (5, 'b');
    CREATE TABLE two (id INTEGER PRIMARY KEY AUTOINCREMENT, k TEXT UNIQUE); INSERT INTO two VALUES (2, 'c');
    CREATE TABLE ref (name TEXT PRIMARY KEY, k TEXT REFERENCES one (k), id INTEGER REFERENCES one (id))`;
  copies(sql, 3, (office, ana, ben, chloe) => {
    ana?.run('DROP TABLE one; ALTER TABLE two RENAME TO one');
    ben?.runMinding(["INSERT INTO ref VALUES ('k', 'b', NULL), ('id', NULL, 5), ('none', NULL, NULL)"]);
    ana?.capture();
    ben?.capture();
    chloe?.log.pull((ben as Copy).log);
    chloe?.work();
    office.settle();
    const rows = 'SELECT name FROM ref ORDER BY name';
    for (const copy of office.copies) {
      assert.deepEqual(copy.query(rows), [['none']]);
      assert.deepEqual(copy.query('PRAGMA foreign_key_check'), []);
      assert.equal(
        copy.conflicts().filter(({ table, note }) => table === 'ref' && note?.startsWith('FOREIGN')).length,
        2,
      );
    }
    ana?.run("INSERT INTO one VALUES (5, 'b')");
    office.settle();
    for (const copy of office.copies) assert.deepEqual(copy.query(rows), [['id'], ['k'], ['none']]);
  });
});
