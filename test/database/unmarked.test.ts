/** Programs that switch triggers off (Fossil does, for its own safety): they commit, and nothing is marked. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { stampAt } from '../../src/core/clock.ts';
import { ProblemError } from '../../src/core/problem.ts';
import { isBusy } from '../../src/database/file/failing.ts';
import { type Copy, everywhere, Office } from './copies.ts';

const BOOKS = `
  CREATE TABLE account (code TEXT PRIMARY KEY, name TEXT, balance INTEGER);
  CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT REFERENCES account (code), text TEXT);
  INSERT INTO account VALUES ('1', 'Cash', 10), ('2', 'Bank', 20), ('3', 'Stock', 30);
  INSERT INTO entry (account, text) VALUES ('1', 'opening');`;

function unmarked(copy: Copy, sql: string): void {
  execFileSync('sqlite3', ['-bail', '-cmd', '.dbconfig enable_trigger off', copy.path], { input: sql });
}

for (const journal of ['wal', 'delete']) {
  test(`CAP9 commits of a program with triggers switched off are found by comparing, and undo nobody, with a journal of mode ${journal}`, () => {
    const office = new Office(`PRAGMA journal_mode = ${journal}; ${BOOKS}`);
    const [ana, ben] = office.copies as [Copy, Copy];
    try {
      office.settle();
      unmarked(ana, "UPDATE account SET balance = 11 WHERE code = '1'; DELETE FROM account WHERE code = '3'");
      unmarked(ana, "INSERT INTO entry (account, text) VALUES ('1', 'by Ana')");
      ben.run(
        "UPDATE account SET balance = 21 WHERE code = '2'; INSERT INTO entry (account, text) VALUES ('2', 'by Ben')",
      );
      office.settle();
      assert.deepEqual(everywhere(office, 'SELECT code, balance FROM account ORDER BY 1'), [
        ['1', 11n],
        ['2', 21n],
      ]);
      assert.deepEqual(everywhere(office, 'SELECT text FROM entry ORDER BY 1'), [['by Ana'], ['by Ben'], ['opening']]);
      assert.equal(ana.capture(), false);
    } finally {
      office.close();
    }
  });
}

test('CAP14 a program that is writing so much that its -wal is begun anew is waited for, and nothing is compared', () => {
  const office = new Office(`PRAGMA journal_mode = wal; ${BOOKS}`);
  const [ana] = office.copies as [Copy, Copy];
  const program = new DatabaseSync(ana.path, { timeout: 0 });
  try {
    office.settle();
    program.exec("UPDATE account SET balance = 12 WHERE code = '1'");
    assert.equal(ana.capture(), true);
    program.exec('PRAGMA cache_size = 10; PRAGMA wal_checkpoint(PASSIVE)');
    program.exec(`BEGIN; WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                  INSERT INTO account SELECT i, 'a name that takes some room', i FROM n`);
    assert.throws(() => ana.engine.capture(), isBusy);
    assert.throws(() => ana.engine.capture(), isBusy);
    assert.throws(() => ana.engine.capture(), isBusy);
    program.exec('COMMIT');
    assert.equal(ana.capture(), true);
    assert.equal(ana.engine.comparison, 'none');
    assert.equal(ana.log.ops().at(-1)?.length, 4991);
    program.exec('BEGIN IMMEDIATE');
    assert.equal(ana.capture(), false);
    // Where there was a commit without a mark, it is compared once nobody writes.
    program.exec('ROLLBACK');
    unmarked(ana, "UPDATE account SET balance = 11 WHERE code = '1'");
    program.exec('BEGIN IMMEDIATE');
    assert.throws(() => ana.engine.capture(), isBusy);
    program.exec('ROLLBACK');
    assert.equal(ana.capture(), true);
  } finally {
    program.close();
    office.close();
  }
});

test('CAP9 what was committed without a mark between two looks is captured before anything of a colleague is written over it', () => {
  const office = new Office(BOOKS);
  const [ana, ben] = office.copies as [Copy, Copy];
  try {
    office.settle();
    ben.run("UPDATE account SET balance = 99 WHERE code = '1'");
    ben.capture();
    ana.log.pull(ben.log);
    assert.equal(ana.capture(), false);
    unmarked(ana, "UPDATE account SET balance = 11 WHERE code = '1'");
    assert.equal(ana.engine.apply().kind, 'capture');
    office.settle();
    assert.equal(ana.conflicts().length, 1);
    assert.deepEqual(everywhere(office, "SELECT balance FROM account WHERE code = '1'"), [[11n]]);
  } finally {
    office.close();
  }
});

test('CAP9 where one program was found to mark nothing, what it commits is found also beside the marks of another', () => {
  const office = new Office(`PRAGMA journal_mode = wal; ${BOOKS}`);
  const [ana, ben] = office.copies as [Copy, Copy];
  const both = (code: number): void => {
    unmarked(ana, `UPDATE account SET balance = 11 WHERE code = '${code}'`);
    ana.run("UPDATE account SET balance = balance + 1 WHERE code = '2'");
    ben.run(`UPDATE account SET balance = 99 WHERE code = '${code}'`);
  };
  try {
    office.settle();
    unmarked(ana, "UPDATE account SET name = 'Till' WHERE code = '1'");
    office.settle();
    both(1);
    office.settle();
    assert.equal(ana.conflicts().length, 1);
    both(3);
    // As while it is not time yet to compare again.
    const step = ana.engine.capture(false);
    assert.equal(ana.engine.comparison, 'due');
    assert.ok(step.kind === 'append');
    ana.engine.captured(ana.log.append(ana.id, stampAt(++office.clock), step.request));
    ben.capture();
    ana.log.pull(ben.log);
    assert.equal(ana.engine.apply().kind, 'capture');
    office.settle();
    assert.equal(ana.conflicts().length, 2);
    // Between the look and the lock: edits of the one commute with what arrives, those of the other do not.
    ben.run("UPDATE account SET name = 'Ware' WHERE code = '3'");
    ben.capture();
    ana.log.pull(ben.log);
    assert.equal(ana.capture(), false);
    unmarked(ana, "UPDATE account SET name = 'Goods' WHERE code = '3'");
    ana.run("UPDATE account SET balance = balance + 1 WHERE code = '2'");
    assert.equal(ana.engine.apply().kind, 'capture');
    office.settle();
    assert.equal(ana.conflicts().length, 3);
    assert.deepEqual(everywhere(office, "SELECT balance FROM account WHERE code = '2'"), [[23n]]);
  } finally {
    office.close();
  }
});

test('CAP9 the first commit without a mark, hidden in one look beside another with marks, is found before a colleague’s edit is written over it', () => {
  const edit = "UPDATE account SET balance = 99 WHERE code = '1'";
  const edits = [
    edit,
    "DELETE FROM account WHERE code = '1'",
    `BEGIN; ALTER TABLE account ADD COLUMN note TEXT; ${edit}; COMMIT`,
  ];
  for (const edit of edits) {
    const office = new Office(`PRAGMA journal_mode = wal; ${BOOKS}`);
    const [ana, ben] = office.copies as [Copy, Copy];
    try {
      office.settle();
      unmarked(ana, "UPDATE account SET balance = 11 WHERE code = '1'");
      unmarked(ana, "UPDATE account SET balance = 31 WHERE code = '3'");
      ana.run("UPDATE account SET balance = 21 WHERE code = '2'");
      assert.equal(ana.capture(), true);
      // Nothing tells of it yet: what it costs to find out would grow with the database, and not with what changed.
      assert.equal(ana.capture(), false);
      ben.run(edit);
      ben.capture();
      ana.log.pull(ben.log);
      assert.equal(ana.engine.apply().kind, 'capture');
      assert.equal(ana.capture(), true);
      assert.equal(ana.engine.comparison, 'done');
      office.settle();
      assert.equal(ana.conflicts().length, 1);
      // And with it all that was hidden.
      assert.deepEqual(everywhere(office, "SELECT balance FROM account WHERE code <> '1' ORDER BY code"), [
        [21n],
        [31n],
      ]);
    } finally {
      office.close();
    }
  }
});

test('CAP9 where nothing is hidden nothing is compared before a colleague’s edits are written', () => {
  const office = new Office(`PRAGMA journal_mode = wal; ${BOOKS}`);
  const [ana, ben] = office.copies as [Copy, Copy];
  try {
    office.settle();
    ana.run("UPDATE account SET balance = 21 WHERE code = '2'");
    ana.capture();
    ben.run(
      "UPDATE account SET balance = 22, name = 'Bank of Ben' WHERE code = '2'; DELETE FROM account WHERE code = '3'",
    );
    ben.run("INSERT INTO entry (account, text) VALUES ('2', 'by Ben')");
    ben.capture();
    ana.log.pull(ben.log);
    assert.equal(ana.engine.apply().kind, 'applied');
    office.settle();
    assert.deepEqual(everywhere(office, 'SELECT code FROM account ORDER BY 1'), [['1'], ['2']]);
  } finally {
    office.close();
  }
});

test('CAP9 a file to which somebody committed while it was closed is compared when it is opened again', () => {
  const office = new Office(BOOKS);
  const [ana] = office.copies as [Copy];
  try {
    office.settle();
    ana.engine.tidy();
    ana.engine.rest();
    ana.engine.disconnect();
    unmarked(ana, "UPDATE account SET balance = 11 WHERE code = '1'");
    office.settle();
    assert.deepEqual(everywhere(office, "SELECT balance FROM account WHERE code = '1'"), [[11n]]);
    // Whoever comes back and finds the file as it was compares nothing.
    ana.engine.tidy();
    ana.engine.rest();
    ana.engine.disconnect();
    assert.equal(ana.capture(), false);
    assert.equal(ana.engine.comparison, 'none');
  } finally {
    office.close();
  }
});

test('CAP9 rows of which too many went without a mark stay a problem, and are not forgotten when we look again', () => {
  const office = new Office(
    `${BOOKS} WITH n(i) AS (VALUES (10) UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO account SELECT i, 'n', 0 FROM n;`,
  );
  const [ana] = office.copies as [Copy];
  const missing = (error: unknown) => error instanceof ProblemError && error.problem.code === 'rows-missing';
  try {
    office.settle();
    unmarked(ana, 'DELETE FROM account WHERE balance = 0');
    for (let look = 0; look < 3; look++) {
      assert.throws(() => ana.capture(), missing);
      ana.engine.disconnect();
    }
  } finally {
    office.close();
  }
});

const REBUILT = `
  BEGIN;
  CREATE TABLE anew (id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT REFERENCES account (code), text TEXT);
  INSERT INTO anew SELECT * FROM entry;
  DROP TABLE entry;
  ALTER TABLE anew RENAME TO entry;
  INSERT INTO entry (account, text) VALUES ('2', 'by Ana');
  COMMIT;`;
const UNMARKED = "INSERT INTO entry (account, text) VALUES ('2', 'by Ana')";

for (const forget of [false, true]) {
  for (const [how, edit] of [
    ['in a table that was rebuilt', (copy: Copy) => copy.run(REBUILT)],
    ['by a program with triggers switched off', (copy: Copy) => unmarked(copy, UNMARKED)],
  ] as const) {
    test(`CAP9 a row found by comparing, inserted ${how}, is there once after a crash that came right after its capture${forget ? ' and took rows.db' : ''}`, () => {
      const office = new Office(BOOKS);
      const [ana] = office.copies as [Copy];
      try {
        office.settle();
        edit(ana);
        assert.equal(ana.capture(), true);
        ana.restart(forget);
        office.settle();
        assert.deepEqual(everywhere(office, 'SELECT id, text FROM entry ORDER BY 1'), [
          [1n, 'opening'],
          [2n, 'by Ana'],
        ]);
      } finally {
        office.close();
      }
    });
  }
}

test('CAP9 what was taken back after a crash that came right after it was found by comparing stays taken back', () => {
  const office = new Office(BOOKS);
  const [ana] = office.copies as [Copy];
  try {
    office.settle();
    unmarked(ana, "UPDATE account SET balance = 11 WHERE code = '1'");
    assert.equal(ana.capture(), true);
    ana.restart();
    ana.run("UPDATE account SET balance = 10 WHERE code = '1'");
    office.settle();
    assert.deepEqual(everywhere(office, "SELECT balance FROM account WHERE code = '1'"), [[10n]]);
  } finally {
    office.close();
  }
});
