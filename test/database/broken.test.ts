/** What is broken and was not broken by merging is left as it is, and listed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BrokenRows } from '../../src/database/conflicts/broken-rows.ts';
import { resolveConflicts } from '../../src/database/conflicts/resolving.ts';
import { replacedBy, type UndoneRows, undoing } from '../../src/database/history/undoing.ts';
import type { DatabaseConflict } from '../../src/database/host.ts';
import { type Copy, DB, Office } from './copies.ts';

const SQL = `CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);
  CREATE TABLE account (code TEXT PRIMARY KEY COLLATE NOCASE);
  CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER REFERENCES entry (id),
    account TEXT REFERENCES account (code), amount INTEGER CHECK (amount > 0));
  CREATE TABLE part (a INTEGER, b TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
  CREATE TABLE use (a INTEGER, b TEXT, PRIMARY KEY (a, b), FOREIGN KEY (a, b) REFERENCES part (a, b)) WITHOUT ROWID;
  PRAGMA ignore_check_constraints = ON;
  INSERT INTO entry VALUES (1, 'first'), (2, 'second');
  INSERT INTO account VALUES ('a');
  INSERT INTO line VALUES (1, 1, 'A', 10), (2, 7, 'a', 10), (3, 2, NULL, -5);
  INSERT INTO use VALUES (1, 'x');`;

function told(copy: Copy): string[] {
  return copy.engine
    .broken()
    .map(({ table, key, column, note }) => `${table} ${JSON.stringify(key)} ${column}: ${note}`);
}

test('MND13 what was broken at publish, or is broken by one copy, stays, and is listed on all copies until it is corrected', () => {
  const office = new Office(SQL, 2);
  try {
    office.settle();
    const [ana, ben] = office.copies as [Copy, Copy];
    const atPublish = [
      'line {"id":2} entry: refers to entry id 7, which is not there',
      'line {"id":3} null: breaks a constraint (CHECK constraint failed: amount > 0)',
      'use {"a":1,"b":"x"} null: refers to part a 1, b x, which is not there',
    ];
    assert.deepEqual(told(ana), atPublish);
    assert.deepEqual(told(ben), atPublish);
    ben.run('DELETE FROM entry WHERE id = 1');
    office.settle();
    assert.deepEqual(told(ana), ['line {"id":1} entry: refers to entry id 1, which is not there', ...atPublish]);
    assert.deepEqual(told(ben), told(ana));
    assert.deepEqual(ben.engine.broken(), ana.engine.broken());
    const [first] = ana.engine.broken() as [DatabaseConflict];
    assert.equal(first.candidates[0]?.shown, true);
    assert.throws(
      () => ana.engine.edit(resolveConflicts(DB, [{ conflict: first.id, candidate: 'as it is' }])),
      /Correct it|as somebody committed it/,
    );
    ana.run("UPDATE line SET entry = 2, amount = 5; INSERT INTO part VALUES (1, 'x')");
    office.settle();
    assert.deepEqual(told(ana), []);
    assert.deepEqual(told(ben), []);
    assert.deepEqual(ana.query('PRAGMA foreign_key_check'), []);
  } finally {
    office.close();
  }
});

test('MND14 the look for what is broken is not taken again where nothing has changed, and for a small share of the time', () => {
  const office = new Office(SQL, 1);
  try {
    office.settle();
    const [ana] = office.copies as [Copy];
    let now = 0;
    const rows = new BrokenRows({ now: () => now, monotonic: () => now, after: () => () => {} });
    let looks = 0;
    const { engine } = ana;
    const broken = engine.broken.bind(engine);
    engine.broken = () => {
      looks += 1;
      now += 100;
      return broken();
    };
    assert.equal(rows.of(DB, engine).length, 3);
    now += 20_000;
    assert.equal(rows.of(DB, engine).length, 3);
    assert.equal(looks, 1);
    ana.run('UPDATE line SET amount = 5');
    ana.work();
    assert.equal(rows.of(DB, engine).length, 2);
    assert.equal(looks, 2);
    ana.run('UPDATE line SET entry = 2');
    ana.work();
    now += 9000;
    assert.equal(rows.of(DB, engine).length, 2);
    assert.equal(looks, 2);
    now += 2000;
    assert.equal(rows.of(DB, engine).length, 1);
  } finally {
    office.close();
  }
});

test('MND16 what a CHECK does not allow beside the other values of a row can be neither chosen nor brought back by undo', () => {
  const office = new Office(
    `CREATE TABLE line (id INTEGER PRIMARY KEY, debit INTEGER, credit INTEGER, CHECK (debit >= credit));
      INSERT INTO line VALUES (1, 6, 0)`,
  );
  try {
    const [ana, ben] = office.copies as [Copy, Copy];
    ana.run('UPDATE line SET credit = 3');
    ana.capture(1_000_001);
    ben.run('UPDATE line SET debit = 0, credit = NULL');
    ben.capture(1_000_002);
    office.settle();
    const [conflict] = ben.conflicts() as [DatabaseConflict];
    const choose = (at: number) =>
      ben.engine.edit(
        resolveConflicts(DB, [{ conflict: conflict.id, candidate: conflict.candidates[at]?.id as string }]),
      );
    assert.throws(() => choose(1), /A CHECK of line does not allow this/);
    assert.deepEqual(ben.query('SELECT debit, credit FROM line'), [[0n, null]]);
    assert.equal(choose(0), 'done');
    office.settle();
    ana.run('UPDATE line SET debit = 9');
    ana.capture();
    ana.run('UPDATE line SET credit = 7');
    office.settle();
    const change = { copy: ana.id, seq: 2 };
    let undone: UndoneRows | undefined;
    const work = undoing(change, replacedBy(DB, ana.log, ana.engine.shown(), { change }), (told) => {
      undone = told;
    });
    assert.equal(ana.engine.edit(work), 'done');
    assert.deepEqual([undone?.rows, undone?.left.length], [0, 1]);
    assert.match(undone?.left[0]?.why ?? '', /CHECK/);
    office.settle();
    for (const copy of office.copies) {
      assert.deepEqual(copy.query('SELECT debit, credit FROM line'), [[9n, 7n]]);
      assert.deepEqual(copy.conflicts(), []);
    }
  } finally {
    office.close();
  }
});

test('MND16 what is shown can be chosen also in a row that a CHECK forbids since the base', () => {
  const office = new Office(
    `CREATE TABLE line (id INTEGER PRIMARY KEY, debit INTEGER, credit INTEGER, CHECK (debit >= credit));
      PRAGMA ignore_check_constraints = ON; INSERT INTO line VALUES (1, 0, 5)`,
  );
  try {
    const [ana, ben] = office.copies as [Copy, Copy];
    for (const [at, copy] of [ana, ben].entries()) {
      copy.run(`PRAGMA ignore_check_constraints = ON; UPDATE line SET credit = ${6 + at}`);
      copy.capture(1_000_001 + at);
    }
    office.settle();
    const conflict = ana.conflicts().find(({ kind }) => kind === 'cell') as DatabaseConflict;
    const shown = conflict.candidates.find((candidate) => candidate.shown);
    assert.equal(
      ana.engine.edit(resolveConflicts(DB, [{ conflict: conflict.id, candidate: shown?.id as string }])),
      'done',
    );
    office.settle();
    assert.deepEqual(
      ben.conflicts().filter(({ kind }) => kind === 'cell'),
      [],
    );
  } finally {
    office.close();
  }
});

test('MND16 a value that another row has by now cannot be chosen', () => {
  const office = new Office(
    "CREATE TABLE t (k TEXT PRIMARY KEY, label TEXT UNIQUE); INSERT INTO t VALUES ('a', 'New')",
  );
  try {
    const [ana, ben] = office.copies as [Copy, Copy];
    ben.run("UPDATE t SET label = 'One'");
    ben.capture(1_000_001);
    ana.run("UPDATE t SET label = 'Two'; INSERT INTO t VALUES ('b', 'One')");
    ana.capture(1_000_002);
    office.settle();
    const [conflict] = ana.conflicts() as [DatabaseConflict];
    const candidate = conflict.candidates.find(({ value }) => value === 'One')?.id as string;
    assert.throws(
      () => ana.engine.edit(resolveConflicts(DB, [{ conflict: conflict.id, candidate }])),
      /Another row is in the way: UNIQUE/,
    );
    assert.deepEqual(ana.query('SELECT * FROM t ORDER BY 1'), [
      ['a', 'Two'],
      ['b', 'One'],
    ]);
  } finally {
    office.close();
  }
});

test('MND16 a reference to what no row has any more cannot be chosen', () => {
  const office = new Office(
    `CREATE TABLE tag (id INTEGER PRIMARY KEY, no INTEGER UNIQUE); INSERT INTO tag VALUES (1, 3);
     CREATE TABLE note (k TEXT PRIMARY KEY, tag REFERENCES tag (no) ON UPDATE CASCADE, text); INSERT INTO note VALUES ('a', NULL, '')`,
  );
  try {
    const [ana, ben] = office.copies as [Copy, Copy];
    ben.run('UPDATE note SET tag = 3');
    ben.capture(1_000_001);
    ana.run("UPDATE note SET tag = 3, text = 'mine'");
    ana.run('PRAGMA foreign_keys = ON; UPDATE tag SET no = 10');
    ana.capture(1_000_002);
    office.settle();
    const conflict = ana.conflicts().find(({ kind }) => kind === 'cell') as DatabaseConflict;
    const candidate = conflict.candidates.find(({ value }) => value === 3)?.id as string;
    assert.throws(
      () => ana.engine.edit(resolveConflicts(DB, [{ conflict: conflict.id, candidate }])),
      /No row of tag has what this refers to any more/,
    );
    assert.deepEqual(ana.query('SELECT tag FROM note'), [[10n]]);
    assert.deepEqual(ana.query('PRAGMA foreign_key_check'), []);
  } finally {
    office.close();
  }
});
