import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChangeId } from '../../src/core/change.ts';
import type { JsonRow } from '../../src/core/plain-value.ts';
import { bringingBack, droppedBy } from '../../src/database/history/bringing-back.ts';
import { readHistory } from '../../src/database/history/history.ts';
import { replacedBy, type UndoneRows, undoing } from '../../src/database/history/undoing.ts';
import type { HistoryQuery, Undone } from '../../src/database/host.ts';
import { changingSettings } from '../../src/database/settings/changing.ts';
import { type Copy, DB, everywhere, Office } from './copies.ts';

function copies(sql: string, work: (office: Office, ana: Copy, ben: Copy) => void): void {
  const office = new Office(sql);
  try {
    const [ana, ben] = office.copies as [Copy, Copy];
    work(office, ana, ben);
  } finally {
    office.close();
  }
}

function history(copy: Copy, query: HistoryQuery = {}) {
  return readHistory(DB, copy.log, copy.engine.shown(), query);
}

/** Undoes the newest change that this copy knows of, or what it did to one row; everybody hears of it. */
function undo(office: Office, copy: Copy, where: { table?: string; key?: JsonRow } = {}, at = 0): Undone {
  const { copy: of, seq } = copy.log.changes.at(-1 - at) as ChangeId;
  const change = { copy: of, seq };
  const dropped = droppedBy(DB, copy.log, copy.engine.shown(), { change, ...where });
  if (dropped.length > 0) {
    assert.equal(copy.engine.edit(bringingBack(dropped)), 'done');
    copy.work();
  }
  const replaced = replacedBy(DB, copy.log, copy.engine.shown(), { change, ...where });
  let undone: UndoneRows | undefined;
  const edited = copy.engine.edit(
    undoing(change, replaced, (told) => {
      undone = told;
    }),
  );
  assert.equal(edited, 'done');
  office.settle();
  return { ...(undone as UndoneRows), schema: dropped.map(({ what }) => what) };
}

const BOOKS = `
  CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT UNIQUE, balance INTEGER);
  CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);
  CREATE TABLE line (id INTEGER PRIMARY KEY, entry INTEGER NOT NULL REFERENCES entry (id), account TEXT REFERENCES account (code), amount INTEGER);
  CREATE TABLE mark (a, b);
  INSERT INTO account VALUES ('1', 'Cash', 10), ('2', 'Bank', 20);
  INSERT INTO entry VALUES (1, 'opening');
  INSERT INTO line VALUES (1, 1, '1', 10), (2, 1, '2', 20);
  INSERT INTO mark VALUES ('x', 1), ('y', 2);`;
const ALL = ['* FROM account', '* FROM entry', '* FROM line', 'rowid, * FROM mark'];

test('UND1 one change is undone for everybody, whatever it did, and its undo is undone alike', () => {
  copies(BOOKS, (office, ana, ben) => {
    const contents = () => ALL.map((from) => everywhere(office, `SELECT ${from} ORDER BY 1`));
    const before = contents();
    ana.run(`BEGIN;
      UPDATE account SET balance = balance + 1, name = name || '!';
      INSERT INTO entry VALUES (2, 'second'); INSERT INTO line VALUES (3, 2, '1', 5);
      UPDATE line SET amount = -amount WHERE id = 2;
      DELETE FROM mark WHERE a = 'x'; UPDATE mark SET b = 'changed'; DELETE FROM line WHERE id = 1;
      COMMIT`);
    office.settle();
    const after = contents();
    assert.notDeepEqual(after, before);
    // By somebody else than who made it.
    assert.deepEqual(undo(office, ben).left, []);
    assert.deepEqual(contents(), before);
    assert.deepEqual(undo(office, ana).left, []);
    assert.deepEqual(contents(), after);
    assert.deepEqual(undo(office, ana).left, []);
    assert.deepEqual(contents(), before);
  });
});

test('UND1 unique values that two rows swapped are swapped back, and a key that was changed, too', () => {
  copies(BOOKS, (office, ana) => {
    ana.run(`BEGIN; UPDATE account SET name = 'tmp' WHERE code = '1'; UPDATE account SET name = 'Cash' WHERE code = '2';
      UPDATE account SET name = 'Bank' WHERE code = '1'; COMMIT`);
    office.settle();
    assert.deepEqual(undo(office, ana), { rows: 2, schema: [], left: [] });
    assert.deepEqual(everywhere(office, 'SELECT code, name FROM account'), [
      ['1', 'Cash'],
      ['2', 'Bank'],
    ]);
    ana.run("BEGIN; UPDATE line SET id = 7 WHERE id = 2; UPDATE mark SET rowid = 9 WHERE a = 'y'; COMMIT");
    office.settle();
    assert.deepEqual(undo(office, ana), { rows: 2, schema: [], left: [] });
    assert.deepEqual(everywhere(office, 'SELECT id FROM line'), [[1n], [2n]]);
    assert.deepEqual(everywhere(office, 'SELECT rowid, a FROM mark'), [
      [1n, 'x'],
      [2n, 'y'],
    ]);
  });
});

test('UND2 what was edited since is left alone and told, cell by cell', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.run("BEGIN; UPDATE account SET balance = 0, name = name || '?'; INSERT INTO entry VALUES (2, 'new'); COMMIT");
    office.settle();
    ben.run(
      "BEGIN; UPDATE account SET balance = 99 WHERE code = '1'; UPDATE entry SET text = 'better' WHERE id = 2; COMMIT",
    );
    office.settle();
    assert.deepEqual(undo(office, ana, {}, 1), {
      rows: 2,
      schema: [],
      left: [
        { table: 'entry', key: { id: 2 }, column: null, why: 'it was edited since' },
        { table: 'account', key: { code: '1' }, column: 'balance', why: 'it was edited since' },
      ],
    });
    assert.deepEqual(everywhere(office, 'SELECT code, name, balance FROM account'), [
      ['1', 'Cash', 99n],
      ['2', 'Bank', 20n],
    ]);
    assert.deepEqual(everywhere(office, 'SELECT text FROM entry WHERE id = 2'), [['better']]);
    const again = undo(office, ana, {}, 2);
    assert.equal(again.rows, 0, 'nothing of it is shown any more');
  });
});

test('UND2 two edits of one cell that did not know each other are settled by a choice, and not by undoing one', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.run("UPDATE account SET balance = 1 WHERE code = '1'");
    ben.run("UPDATE account SET balance = 2 WHERE code = '1'");
    office.settle();
    for (const at of [0, 1]) {
      const { rows, left } = undo(office, ana, {}, at);
      assert.deepEqual([rows, left.map(({ column, why }) => [column, why])], [0, [['balance', 'it is in conflict']]]);
    }
    assert.equal(ana.conflicts().length, 1);
  });
});

test('UND3 a deleted row comes back from the bin as the row that it was, alone or with all that went with it', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.run("BEGIN; INSERT INTO entry VALUES (5, 'five'), (6, 'six'); INSERT INTO line VALUES (8, 5, '1', 55); COMMIT");
    office.settle();
    ana.run('BEGIN; DELETE FROM line WHERE entry IN (1, 5); DELETE FROM entry; DELETE FROM mark; COMMIT');
    office.settle();
    const deleted = history(ben, { table: 'entry', kind: 'delete' });
    assert.deepEqual(
      deleted.map(({ from, to }) => [from, to]),
      [
        [{ id: 6, text: 'six' }, null],
        [{ id: 5, text: 'five' }, null],
        [{ id: 1, text: 'opening' }, null],
      ],
    );
    assert.deepEqual(undo(office, ben, { table: 'entry', key: { id: 5 } }), { rows: 1, schema: [], left: [] });
    assert.deepEqual(everywhere(office, 'SELECT * FROM entry'), [[5n, 'five']]);
    // The row that it was: what knows it by its name finds it.
    const rows = new Set(history(ana, { table: 'entry', key: { id: 5 } }).map(({ row }) => row));
    assert.equal(rows.size, 1);
    const { rows: done, left } = undo(office, ana, {}, 1);
    assert.deepEqual([done, left.map(({ key, why }) => [key, why])], [7, [[{ id: 5 }, 'it is there again']]]);
    assert.deepEqual(everywhere(office, 'SELECT id, entry FROM line ORDER BY id'), [
      [1n, 1n],
      [2n, 1n],
      [8n, 5n],
    ]);
    assert.deepEqual(everywhere(office, 'SELECT a, b FROM mark ORDER BY a'), [
      ['x', 1n],
      ['y', 2n],
    ]);
  });
});

test('UND4 what a constraint does not allow is left alone and told: a value that is taken, a reference that would break', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.run('BEGIN; DELETE FROM line; DELETE FROM entry; DELETE FROM account; COMMIT');
    office.settle();
    ben.run("BEGIN; INSERT INTO account VALUES ('9', 'Cash', 0); INSERT INTO entry VALUES (1, 'another'); COMMIT");
    office.settle();
    const { rows, left } = undo(office, ana, {}, 1);
    assert.deepEqual(everywhere(office, 'SELECT code, name FROM account ORDER BY code'), [
      ['2', 'Bank'],
      ['9', 'Cash'],
    ]);
    const lines = 'SELECT text, account FROM line JOIN entry ON entry = entry.id';
    assert.deepEqual(everywhere(office, lines), [['opening', '2']]);
    const why = Object.fromEntries(left.map(({ table, key, why }) => [`${table} ${JSON.stringify(key)}`, why]));
    assert.match(String(why['account {"code":"1"}']), /UNIQUE constraint failed: account\.name/);
    assert.equal(why['line {"id":1}'], 'it refers to a row that is not there');
    assert.ok(rows >= 1);

    ana.run("INSERT INTO account VALUES ('5', 'Fifth', 0)");
    office.settle();
    ben.run("INSERT INTO line VALUES (50, 1, '5', 1)");
    office.settle();
    assert.deepEqual(undo(office, ana, {}, 1), {
      rows: 0,
      schema: [],
      left: [{ table: 'account', key: { code: '5' }, column: null, why: 'other rows refer to it' }],
    });
  });
});

test('UND2 a change is undone in tables that have got other columns and another name since, as far as they are there', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.run("INSERT INTO entry VALUES (2, 'later')");
    office.settle();
    ana.run("BEGIN; UPDATE account SET balance = 0, name = name || '?'; DELETE FROM entry; DELETE FROM line; COMMIT");
    office.settle();
    ben.run(`ALTER TABLE account DROP COLUMN balance; ALTER TABLE account RENAME TO ledger;
      ALTER TABLE entry ADD COLUMN more NOT NULL DEFAULT 'none'; ALTER TABLE entry RENAME COLUMN text TO said`);
    office.settle();
    const { rows, left } = undo(office, ana, {}, ana.log.changes.length - 2);
    assert.deepEqual(
      [rows, left.map(({ table, column, why }) => `${table}.${column}: ${why}`)],
      [6, ['ledger.balance: the column is gone', 'ledger.balance: the column is gone']],
    );
    assert.deepEqual(everywhere(office, 'SELECT * FROM ledger'), [
      ['1', 'Cash'],
      ['2', 'Bank'],
    ]);
    assert.deepEqual(everywhere(office, 'SELECT * FROM entry'), [
      [1n, 'opening', 'none'],
      [2n, 'later', 'none'],
    ]);
    assert.equal(everywhere(office, 'SELECT * FROM line').length, 2);
  });
});

test('HIS1 the history tells inserts and deletions with whole rows, keys included, and lists those of one kind', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.run("INSERT INTO account VALUES ('3', 'Stock', 30)");
    office.settle();
    ben.run("UPDATE account SET balance = 31 WHERE code = '3'");
    office.settle();
    ben.run("DELETE FROM account WHERE code IN ('1', '3')");
    office.settle();
    for (const copy of [ana, ben]) {
      const told = (query: HistoryQuery) => history(copy, query).map(({ kind, from, to }) => [kind, from, to]);
      assert.deepEqual(told({ table: 'account', key: { code: '3' } }), [
        ['delete', { code: '3', name: 'Stock', balance: 31 }, null],
        ['update', 30, 31],
        ['insert', null, { code: '3', name: 'Stock', balance: 30 }],
      ]);
      assert.deepEqual(told({ table: 'account', kind: 'insert' }).length, 1);
      assert.deepEqual(
        new Set(told({ table: 'account', kind: 'delete' }).map(([, from]) => JSON.stringify(from))),
        new Set(['{"code":"3","name":"Stock","balance":31}', '{"code":"1","name":"Cash","balance":10}']),
      );
    }
  });
});

const small = fc.integer({ min: 1, max: 4 });
const word = fc.constantFrom('Cash', 'Bank', 'x', 'y');
const code = fc.constantFrom('1', '2', '3');
const statement = fc.oneof(
  fc.tuple(code, word).map(([c, w]) => `INSERT OR REPLACE INTO account VALUES ('${c}', '${w}', 1)`),
  fc.tuple(code, word).map(([c, w]) => `UPDATE OR REPLACE account SET name = '${w}' WHERE code = '${c}'`),
  fc.tuple(code, code).map(([a, b]) => `UPDATE OR REPLACE account SET code = '${a}' WHERE code = '${b}'`),
  code.map((c) => `DELETE FROM account WHERE code = '${c}'`),
  word.map((w) => `INSERT INTO entry (text) VALUES ('${w}')`),
  fc.tuple(small, word).map(([n, w]) => `INSERT OR REPLACE INTO entry VALUES (${n}, '${w}')`),
  fc.tuple(small, word).map(([n, w]) => `UPDATE entry SET text = '${w}' WHERE id = ${n}`),
  fc.tuple(small, small).map(([a, b]) => `UPDATE OR REPLACE line SET id = ${a} WHERE id = ${b}`),
  small.map((n) => `DELETE FROM entry WHERE id = ${n}`),
  fc.tuple(small, code).map(([n, c]) => `INSERT INTO line (entry, account) VALUES (${n}, '${c}')`),
  fc.tuple(small, small).map(([n, e]) => `UPDATE line SET entry = ${e} WHERE id = ${n}`),
  small.map((n) => `DELETE FROM line WHERE id = ${n}`),
  fc.tuple(word, small).map(([w, n]) => `INSERT INTO mark VALUES ('${w}', ${n})`),
  fc.tuple(small, small).map(([a, b]) => `UPDATE OR REPLACE mark SET rowid = ${a} WHERE rowid = ${b}`),
  small.map((n) => `DELETE FROM mark WHERE rowid = ${n}`),
);
const commits = fc.array(fc.array(statement, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });

test('UND1 the last change, whatever it was, is undone as if it had never been made', () => {
  const property = fc.property(commits, (history) => {
    copies(BOOKS, (office, ana, ben) => {
      const contents = () => ALL.map((from) => everywhere(office, `SELECT ${from} ORDER BY 1`));
      for (const [index, sql] of history.entries()) {
        const before = contents();
        (index % 2 === 0 ? ana : ben).runMinding(sql);
        office.settle();
        const after = contents();
        try {
          assert.deepEqual(after, before);
          continue;
        } catch {
          // Something has changed: the newest change is this one.
        }
        assert.deepEqual(undo(office, ana).left, []);
        assert.deepEqual(contents(), before);
        assert.deepEqual(undo(office, ben).left, []);
        assert.deepEqual(contents(), after);
      }
    });
  });
  const seed = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };
  fc.assert(property, { numRuns: Number(process.env.RUNS ?? 10), ...seed });
});

test('UND6 what a change did to schema or settings stays, and is told', () => {
  copies('CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)', (office, ana, ben) => {
    ana.run("ALTER TABLE note ADD COLUMN at TEXT; INSERT INTO note VALUES (1, 'one', 'now')");
    office.settle();
    const undone = undo(office, ben);
    assert.equal(undone.rows, 1);
    assert.deepEqual(undone.left, [
      { table: 'note', key: {}, column: null, why: 'its column was altered, and stays so' },
    ]);
    assert.deepEqual(everywhere(office, 'SELECT * FROM note'), []);
    ana.engine.edit(changingSettings([{ place: 'note', set: 'deletion-wins', value: true }]));
    office.settle();
    assert.match(undo(office, ben).left[0]?.why ?? '', /^what was set about it stays/);
  });
});

test('UND8 what a change dropped comes back for everybody with all that was in it, and can be edited', () => {
  copies(
    `CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT, old INTEGER);
    CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT UNIQUE);
    CREATE TABLE line (id INTEGER PRIMARY KEY, entry INTEGER REFERENCES entry (id), account TEXT REFERENCES account (code), amount REAL);
    CREATE INDEX by_amount ON line (amount); CREATE VIEW total AS SELECT sum(amount) AS amount FROM line;
    CREATE TABLE bare (a, b);
    INSERT INTO account VALUES ('1', 'Cash', 7), ('2', 'Bank', NULL);
    INSERT INTO entry VALUES (1, 'opening'); INSERT INTO line VALUES (1, 1, '1', 2.5), (2, 1, '2', -2.5); INSERT INTO bare VALUES (1, 'x'), (2, 'y');`,
    (office, ana, ben) => {
      ben.run(
        "INSERT INTO entry VALUES (2, 'of Ben'); INSERT INTO line VALUES (3, 2, '1', 9); UPDATE account SET old = 8 WHERE code = '2'; DELETE FROM line WHERE id = 2; UPDATE bare SET b = 'z' WHERE a = 2",
      );
      office.settle();
      const all = ['* FROM account', '* FROM entry', '* FROM line', 'rowid, * FROM bare', '* FROM total'];
      const contents = () => all.map((from) => everywhere(office, `SELECT ${from} ORDER BY 1`));
      const schema = () =>
        everywhere(
          office,
          "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE '%tieout%' AND sql IS NOT NULL ORDER BY 1, 2",
        );
      const [before, shape] = [contents(), schema()];
      ana.run(
        'DROP VIEW total; DROP TABLE line; DROP TABLE entry; DROP TABLE bare; ALTER TABLE account DROP COLUMN old',
      );
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT * FROM account ORDER BY 1'), [
        ['1', 'Cash'],
        ['2', 'Bank'],
      ]);
      const { schema: back, left } = undo(office, ben);
      assert.deepEqual([...back].sort(), [
        'column account.old',
        'table bare',
        'table entry',
        'table line',
        'view total',
      ]);
      assert.deepEqual(left, []);
      assert.deepEqual(contents(), before);
      assert.deepEqual(schema(), shape);
      assert.deepEqual(ana.conflicts(), []);
      ana.run(
        "INSERT INTO line VALUES (4, 2, '2', 1); UPDATE account SET old = 9 WHERE code = '1'; DELETE FROM bare WHERE a = 1",
      );
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT id, entry FROM line ORDER BY 1'), [
        [1n, 1n],
        [3n, 2n],
        [4n, 2n],
      ]);
      assert.deepEqual(everywhere(office, 'SELECT a FROM bare'), [[2n]]);
      for (const copy of [ana, ben]) {
        copy.restart(true);
        copy.work();
        assert.equal(copy.capture(), false);
      }
      assert.deepEqual(everywhere(office, 'SELECT old FROM account ORDER BY code'), [[9n], [8n]]);
    },
  );
});

test('HIS4 what was written to a table that was dropped since is told as before', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.run(`CREATE TABLE memo (id INTEGER PRIMARY KEY, entry INTEGER REFERENCES entry (id), text TEXT);
      INSERT INTO memo VALUES (1, 1, 'first')`);
    office.settle();
    ben.run(
      "UPDATE line SET amount = 11 WHERE id = 1; UPDATE memo SET text = 'edited'; DELETE FROM mark WHERE a = 'x'; INSERT INTO entry VALUES (5, 'five')",
    );
    office.settle();
    const before = history(ben);
    ana.run('DROP TABLE memo; DROP TABLE line; DROP TABLE entry; DROP TABLE mark');
    office.settle();
    for (const copy of [ana, ben]) {
      const [last] = copy.log.changes.slice(-1);
      const told = history(copy);
      assert.deepEqual(
        told.filter(({ seq, copy: of }) => seq !== last?.seq || of !== last.copy),
        before,
      );
      assert.deepEqual(
        told
          .filter(({ seq, copy: of }) => seq === last?.seq && of === last.copy)
          .map(({ from, to }) => [from, to])
          .sort(),
        [
          ['table entry', null],
          ['table line', null],
          ['table mark', null],
          ['table memo', null],
        ],
      );
      assert.deepEqual(
        history(copy, { table: 'memo', key: { id: 1 }, column: 'text' }).map(({ from, to }) => [from, to]),
        [['first', 'edited']],
      );
    }
  });
});

test('UND8 what was decided about since, or has lost its name to another, stays dropped and is told', () => {
  copies(
    'CREATE TABLE a (id INTEGER PRIMARY KEY, t TEXT); CREATE TABLE b (id INTEGER PRIMARY KEY); INSERT INTO a VALUES (1, 0)',
    (office, ana, ben) => {
      ana.run('DROP TABLE a; DROP TABLE b');
      office.settle();
      ben.run('CREATE TABLE a (name TEXT PRIMARY KEY)');
      office.settle();
      const undone = undo(office, ana, {}, 1);
      assert.deepEqual([undone.schema, undone.rows], [['table b'], 0]);
      assert.deepEqual(
        undone.left.map(({ table, why }) => `${table}: ${why}`),
        ['a: its table was altered, and stays so'],
      );
      assert.deepEqual(everywhere(office, "SELECT name FROM pragma_table_info('a')"), [['name']]);
      assert.deepEqual(undo(office, ben, {}, 2).schema, []);
    },
  );
});

test('UND4 a row that refers to a table which its change dropped is put back when that is', () => {
  copies(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE u (id INTEGER PRIMARY KEY, t REFERENCES t (id)); INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 1), (2, NULL)',
    (office, ana) => {
      ana.run('DELETE FROM u; DROP TABLE t');
      office.settle();
      const { rows, schema, left } = undo(office, ana);
      assert.deepEqual([rows, schema, left], [2, ['table t'], []]);
      assert.deepEqual(everywhere(office, 'SELECT * FROM u ORDER BY 1'), [
        [1n, 1n],
        [2n, null],
      ]);
      assert.deepEqual(everywhere(office, 'SELECT * FROM t'), [[1n, 1n]]);
    },
  );
});

test('UND3 a deleted row whose number somebody else has got comes back with the next free one, and what referred to it with it', () => {
  copies(BOOKS, (office, ana, ben) => {
    ana.run(`BEGIN; INSERT INTO entry VALUES (2, 'second'), (3, 'third');
      INSERT INTO line VALUES (7, 2, '1', 5), (8, 3, '2', 6); INSERT INTO mark VALUES ('z', 3); COMMIT`);
    office.settle();
    ana.run(
      `BEGIN; DELETE FROM line WHERE id > 6; DELETE FROM entry WHERE id > 1; DELETE FROM mark WHERE a = 'z'; COMMIT`,
    );
    office.settle();
    // He has not heard of the rows, or their numbers are free for SQLite again.
    ben.run(
      "BEGIN; INSERT INTO entry VALUES (2, 'another'); INSERT INTO line VALUES (7, 2, NULL, 0); INSERT INTO mark VALUES ('w', 4); COMMIT",
    );
    office.settle();
    assert.deepEqual(undo(office, ana, {}, 1).left, []);
    assert.deepEqual(everywhere(office, 'SELECT * FROM entry ORDER BY id'), [
      [1n, 'opening'],
      [2n, 'another'],
      [3n, 'third'],
      [4n, 'second'],
    ]);
    assert.deepEqual(
      everywhere(
        office,
        'SELECT line.id, text, amount FROM line JOIN entry ON entry = entry.id WHERE line.id > 2 ORDER BY 1',
      ),
      [
        [7n, 'another', 0n],
        [8n, 'third', 6n],
        [9n, 'second', 5n],
      ],
    );
    assert.deepEqual(everywhere(office, 'SELECT a, b FROM mark ORDER BY b'), [
      ['x', 1n],
      ['y', 2n],
      ['z', 3n],
      ['w', 4n],
    ]);
    assert.deepEqual(undo(office, ben).left, []);
    assert.deepEqual(everywhere(office, 'SELECT id FROM entry ORDER BY id'), [[1n], [2n]]);
  });
});
