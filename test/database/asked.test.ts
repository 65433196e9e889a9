/** Questions about the past that name what never was there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError } from '../../src/core/problem.ts';
import { readHistory } from '../../src/database/history/history.ts';
import type { HistoryQuery } from '../../src/database/host.ts';
import { changingSettings } from '../../src/database/settings/changing.ts';
import { type Copy, DB, Office } from './copies.ts';

const told = (copy: Copy, query: HistoryQuery): string[] =>
  readHistory(DB, copy.log, copy.engine.shown(), query).map(({ kind, from, to }) => [kind, from, to].join(' '));

function refused(copy: Copy, query: HistoryQuery, code: string, words: RegExp): void {
  assert.throws(
    () => told(copy, query),
    (error) => {
      assert(error instanceof ProblemError, String(error));
      assert.equal(error.problem.code, code);
      assert.match(`${error.problem.text} ${error.problem.remedy}`, words);
      return true;
    },
  );
}

test('HIS5 a table, column or row that never was there is refused with what there is; what nobody edited has no history', () => {
  const office = new Office(
    `CREATE TABLE account (no INTEGER PRIMARY KEY, name TEXT); INSERT INTO account VALUES (1, 'Cash'), (2, 'Bank');
     CREATE TABLE rate (code TEXT COLLATE NOCASE, year INTEGER, value REAL, PRIMARY KEY (code, year)) WITHOUT ROWID;
     INSERT INTO rate VALUES ('EUR', 2025, 1.5), ('EUR', 2026, NULL);
     CREATE TABLE loose (a, b); INSERT INTO loose VALUES ('x', NULL), ('y', 2.5);
     CREATE VIEW both AS SELECT * FROM account;
     CREATE INDEX by_name ON account (name)`,
    2,
  );
  try {
    office.settle();
    const [ana, ben] = office.copies as [Copy, Copy];
    for (const copy of [ana, ben]) {
      refused(copy, { table: 'acount' }, 'no-table', /no table acount.*account, loose, rate/);
      refused(copy, { table: 'account', column: 'nam' }, 'no-column', /account has no column nam.*no, name/);
      refused(copy, { table: 'account', key: { no: 3 } }, 'no-row', /account has no row \{"no":3\}.*by no/);
      refused(copy, { table: 'account', key: { no: '1' } }, 'no-row', /a number without quotes/);
      refused(copy, { table: 'account', key: { number: 1 } }, 'no-row', /by no/);
      refused(copy, { table: 'rate', key: { code: 'EUR', year: 2024 } }, 'no-row', /by code, year/);
      refused(copy, { table: 'loose', key: { a: 'z', b: null } }, 'no-row', /by a, b/);
      const there: HistoryQuery[] = [
        {},
        { table: 'account' },
        { table: 'account', column: 'name' },
        { table: 'account', key: { no: 2 } },
        { table: 'account', key: { no: 2 }, column: 'name' },
        { table: 'rate', key: { code: 'EUR', year: 2026 } },
        { table: 'rate', key: { year: 2025 } },
        { table: 'loose', key: { a: 'x', b: null } },
        { table: 'loose', key: { b: 2.5 } },
        { table: 'both' },
        { table: 'by_name' },
      ];
      for (const query of there) assert.deepEqual(told(copy, query), [], JSON.stringify(query));
    }
    ana.run('UPDATE rate SET value = 2.5 WHERE year = 2026');
    office.settle();
    for (const code of ['EUR', 'eur']) {
      assert.deepEqual(told(ben, { table: 'rate', key: { code, year: 2026 } }), ['update  2.5']);
    }
  } finally {
    office.close();
  }
});

test('HIS5 what was there once, or is called otherwise by now, is known by every name that it had', () => {
  const office = new Office(
    `CREATE TABLE konto (no INTEGER PRIMARY KEY, bez TEXT, old TEXT); INSERT INTO konto VALUES (1, 'Cash', 'o');
     CREATE TABLE gone (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO gone VALUES (1, 'base'), (2, 'more')`,
    2,
  );
  try {
    office.settle();
    const [ana, ben] = office.copies as [Copy, Copy];
    ana.run("INSERT INTO konto VALUES (5, 'Till', 'o')");
    ana.work();
    ana.run("UPDATE konto SET bez = 'Petty' WHERE no = 1; DELETE FROM konto WHERE no = 5");
    ana.work();
    ana.run("UPDATE konto SET no = 9 WHERE no = 1; UPDATE gone SET body = 'edited' WHERE id = 1");
    ana.work();
    ana.run('ALTER TABLE konto RENAME TO account; ALTER TABLE account RENAME COLUMN bez TO name');
    ana.work();
    ana.run('ALTER TABLE account DROP COLUMN old; DROP TABLE gone; CREATE TABLE later (a INTEGER PRIMARY KEY)');
    ana.work();
    ana.run('ALTER TABLE later RENAME TO last');
    office.settle();
    for (const copy of [ana, ben]) {
      for (const table of ['konto', 'account', 'gone', 'later', 'last']) assert.notDeepEqual(told(copy, { table }), []);
      assert.deepEqual(told(copy, { table: 'konto' }), told(copy, { table: 'account' }));
      const edit = 'update Cash Petty';
      assert.ok(told(copy, { table: 'konto', column: 'bez' }).includes(edit));
      assert.ok(told(copy, { table: 'account', column: 'bez' }).includes(edit));
      assert.deepEqual(told(copy, { table: 'account', column: 'old', kind: 'update' }), []);
      assert.deepEqual(told(copy, { table: 'gone', key: { id: 1 } }), ['update base edited']);
      assert.deepEqual(told(copy, { table: 'gone', key: { id: 2 } }), []);
      assert.deepEqual(told(copy, { table: 'account', key: { no: 5 }, kind: 'update' }), []);
      assert.equal(told(copy, { table: 'account', key: { no: 5 } }).length, 2);
      // The number that it had.
      told(copy, { table: 'account', key: { no: 1 } });
      refused(copy, { table: 'gone', key: { id: 3 } }, 'no-row', /gone has no row/);
      refused(copy, { table: 'account', column: 'body' }, 'no-column', /no, name/);
      refused(copy, { table: 'nowhere' }, 'no-table', /nowhere/);
    }
    ana.engine.edit(changingSettings([{ place: 'last', set: 'left-out', value: true }]));
    ana.work();
    // Which rows a copy has of its own there nobody knows.
    assert.deepEqual(told(ana, { table: 'last', key: { a: 4 } }), []);
  } finally {
    office.close();
  }
});
