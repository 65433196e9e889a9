import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Copy, HELD, Office } from './copies.ts';
import { assertAtRest, steps, take } from './histories.ts';

/** Keys of all kinds that refer to each other, uniques of all kinds, checks over several columns. */
const SCHEMA = `
  CREATE TABLE client (code TEXT PRIMARY KEY COLLATE NOCASE, name TEXT UNIQUE, boss TEXT REFERENCES client (code) ON DELETE SET NULL);
  INSERT INTO client VALUES ('c1', 'One', NULL), ('c2', 'Two', 'c1'), ('c3', 'Three', 'c2');
  CREATE TABLE account (no INTEGER PRIMARY KEY, label TEXT UNIQUE COLLATE NOCASE, client TEXT REFERENCES client (code) ON UPDATE CASCADE ON DELETE CASCADE);
  INSERT INTO account VALUES (4010, 'Sales', 'c1'), (4020, 'Rent', 'c2'), (4099, 'Other', NULL);
  CREATE TABLE entry (id INTEGER PRIMARY KEY, no INTEGER UNIQUE, text TEXT, twin INTEGER REFERENCES entry (id) DEFERRABLE INITIALLY DEFERRED);
  INSERT INTO entry VALUES (1, 1, 'open', 2), (2, 2, 'more', 1), (3, 3, 'third', NULL);
  CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
    pos INTEGER, account INTEGER REFERENCES account (no) ON DELETE RESTRICT, debit INTEGER DEFAULT 0, credit INTEGER DEFAULT 0,
    UNIQUE (entry, pos), CHECK (debit = 0 OR credit = 0));
  INSERT INTO line (entry, pos, account, debit) VALUES (1, 1, 4010, 10), (1, 2, 4020, 0), (2, 1, 4010, 5);
  CREATE TABLE part (a INTEGER, b TEXT, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
  INSERT INTO part VALUES (1, 'x', 0), (1, 'y', 0), (2, 'x', 0);
  CREATE TABLE use (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, n, FOREIGN KEY (a, b) REFERENCES part (a, b) ON DELETE SET NULL);
  INSERT INTO use VALUES (1, 1, 'x', 0), (2, 2, 'x', 0);
  CREATE TABLE tag (entry INTEGER REFERENCES entry (id) ON DELETE CASCADE, word TEXT, weight, PRIMARY KEY (entry, word));
  INSERT INTO tag VALUES (1, 'w', 1);
  CREATE TABLE tax (id INTEGER PRIMARY KEY, code TEXT, year INTEGER, open INTEGER, note TEXT);
  CREATE UNIQUE INDEX tax_open ON tax (year) WHERE open = 1;
  CREATE UNIQUE INDEX tax_code ON tax (lower(code) DESC, "year") WHERE note IS NOT 'old, (';
  INSERT INTO tax VALUES (1, 'Vat', 24, 0, 'a'), (2, 'wage', 24, 1, NULL);
  CREATE TABLE pay (id INTEGER PRIMARY KEY, entry INTEGER REFERENCES entry (no) ON UPDATE CASCADE ON DELETE CASCADE,
    label TEXT REFERENCES account (label) ON UPDATE CASCADE ON DELETE SET NULL, pos INTEGER, n,
    FOREIGN KEY (entry, pos) REFERENCES line (entry, pos) DEFERRABLE INITIALLY DEFERRED);
  INSERT INTO pay VALUES (1, 1, 'Sales', NULL, 0), (2, 3, 'rent', NULL, 0);
`;
const TABLES = ['client', 'account', 'entry', 'line', 'part', 'use', 'tag', 'tax', 'pay'];

const small = fc.integer({ min: 1, max: 6 });
const word = fc.constantFrom('x', 'y', 'z');
const name = fc.constantFrom('One', 'one', 'Rent', 'New', 'new', 'New (2)');
const code = fc.constantFrom('c1', 'C1', 'c2', 'c3', 'c4');
const account = fc.constantFrom(4010, 4020, 4030, 4099);
const statement = fc.oneof(
  fc.tuple(code, name).map(([c, n]) => `INSERT INTO client (code, name) VALUES ('${c}', '${n}')`),
  fc.tuple(code, name).map(([c, n]) => `UPDATE client SET name = '${n}' WHERE code = '${c}'`),
  fc.tuple(code, code).map(([c, d]) => `UPDATE client SET boss = '${c}' WHERE code = '${d}'`),
  fc.tuple(code, code).map(([c, d]) => `UPDATE client SET code = '${c}' WHERE code = '${d}'`),
  code.map((c) => `DELETE FROM client WHERE code = '${c}'`),
  fc.tuple(account, name, code).map(([a, n, c]) => `INSERT INTO account VALUES (${a}, '${n}', '${c}')`),
  fc.tuple(account, name).map(([a, n]) => `UPDATE account SET label = '${n}' WHERE no = ${a}`),
  fc.tuple(account, code).map(([a, c]) => `UPDATE account SET client = '${c}' WHERE no = ${a}`),
  account.map((a) => `DELETE FROM account WHERE no = ${a}`),
  word.map((w) => `INSERT INTO entry (no, text) SELECT max(no) + 1, '${w}' FROM entry`),
  fc.tuple(small, small).map(([a, b]) => `UPDATE entry SET no = ${a} WHERE id = ${b}`),
  fc.tuple(small, small).map(([a, b]) => `UPDATE entry SET twin = ${a} WHERE id = ${b}`),
  fc.tuple(small, word).map(([n, w]) => `UPDATE entry SET text = '${w}' WHERE id = ${n}`),
  small.map((n) => `DELETE FROM entry WHERE id = ${n}`),
  small.map((n) => `UPDATE entry SET twin = NULL WHERE id = ${n} OR twin = ${n}; DELETE FROM entry WHERE id = ${n}`),
  fc
    .tuple(small, account, small)
    .map(
      ([e, a, n]) =>
        `INSERT INTO line (entry, pos, account, debit) SELECT ${e}, coalesce(max(pos), 0) + 1, ${a}, ${n} FROM line WHERE entry = ${e}`,
    ),
  fc.tuple(small, small).map(([n, e]) => `UPDATE line SET entry = ${e} WHERE id = ${n}`),
  fc.tuple(small, small).map(([n, v]) => `UPDATE line SET debit = ${v} WHERE id = ${n}`),
  fc.tuple(small, small).map(([n, v]) => `UPDATE line SET debit = 0, credit = ${v} WHERE id = ${n}`),
  fc.tuple(small, account).map(([n, a]) => `UPDATE line SET account = ${a} WHERE id = ${n}`),
  small.map((n) => `DELETE FROM line WHERE id = ${n}`),
  fc.tuple(small, word).map(([a, b]) => `INSERT INTO part VALUES (${a}, '${b}', 1)`),
  fc.tuple(small, word).map(([a, b]) => `DELETE FROM part WHERE a = ${a} AND b = '${b}'`),
  fc.tuple(small, word, small).map(([a, b, v]) => `UPDATE part SET v = ${v} WHERE a = ${a} AND b = '${b}'`),
  fc.tuple(small, word).map(([a, b]) => `INSERT INTO use (a, b) VALUES (${a}, '${b}')`),
  fc.tuple(small, small, word).map(([n, a, b]) => `UPDATE use SET a = ${a}, b = '${b}' WHERE id = ${n}`),
  fc.tuple(small, small).map(([n, v]) => `UPDATE use SET n = ${v} WHERE id = ${n}`),
  fc
    .tuple(name, small)
    .map(([c, n]) => `INSERT INTO tax (code, year, open) VALUES ('${c}', ${22 + (n % 3)}, ${n % 2})`),
  fc.tuple(name, small).map(([c, n]) => `UPDATE tax SET code = '${c}' WHERE id = ${n}`),
  fc.tuple(small, small).map(([o, n]) => `UPDATE tax SET open = ${o % 2} WHERE id = ${n}`),
  fc.tuple(small, small).map(([y, n]) => `UPDATE tax SET year = ${22 + (y % 3)} WHERE id = ${n}`),
  small.map((n) => `UPDATE OR REPLACE tax SET note = iif(note = 'old, (', 'new', 'old, (') WHERE id = ${n}`),
  fc.tuple(small, word).map(([e, w]) => `INSERT INTO tag VALUES (${e}, '${w}', 0)`),
  fc.tuple(small, word, small).map(([e, w, v]) => `UPDATE tag SET weight = ${v} WHERE entry = ${e} AND word = '${w}'`),
);

/** A longer run: `RUNS=500 STEPS=90 COPIES=4 node --test test/database/constraints.test.ts`, on a disk in memory. */
const COPIES = Number(process.env.COPIES ?? 3);
const STEPS = Number(process.env.STEPS ?? 40);
const runs = Number(process.env.RUNS ?? 20);
const seed = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };

function content(at: Copy): Record<string, unknown[][]> {
  return Object.fromEntries(TABLES.map((table) => [table, at.query(`SELECT * FROM ${table} ORDER BY 1, 2`)]));
}

test('MND1 MND5 whatever valid edits meet: the copies end equal, and no constraint is broken', () => {
  const property = fc.property(steps(statement, COPIES, STEPS), (history) => {
    const office = new Office(SCHEMA, COPIES, HELD);
    try {
      // Some histories by Debian's sqlite3, which is older than ours.
      const byCommand = history.length % 8 === 0;
      for (const each of history) {
        take(office, each, (at, sql) => (byCommand ? at.cliMinding(sql) : at.runMinding(sql)));
      }
      office.settle();
      for (const at of office.copies) assert.deepEqual(at.query('PRAGMA foreign_key_check'), []);
      for (const at of office.copies) assert.equal(at.engine.state.allUnplaced().length, 0);
      assertAtRest(office, content);
    } finally {
      office.close();
    }
  });
  fc.assert(property, { numRuns: runs, ...seed });
});

/** What one copy does with rows of its own; `n` counts its turns, so that no value is written twice. */
const EDITS: readonly ((copy: number, n: number, pick: number) => string)[] = [
  (copy, n) => `INSERT INTO client (code, name) VALUES ('own${copy}-${n}', 'Name ${copy}-${n}')`,
  (copy, n, pick) => `UPDATE client SET name = 'Changed ${copy}-${n}' WHERE code = 'own${copy}-${pick}'`,
  (copy, n) => `INSERT INTO entry (id, no, text) VALUES (${copy * 1000 + n}, ${copy * 1000 + n}, 'by ${copy}')`,
  (copy, n, pick) => `UPDATE entry SET text = 'text ${n}', twin = 1 WHERE id = ${copy * 1000 + pick}`,
  (copy, n, pick) =>
    `INSERT INTO line (id, entry, pos, account, debit) SELECT ${copy * 1000 + n}, id, ${n}, 4010, 1 FROM entry WHERE id = ${copy * 1000 + pick}`,
  (copy, _, pick) => `UPDATE line SET debit = 0, credit = ${pick} WHERE id = ${copy * 1000 + pick}`,
  (copy, _, pick) => `DELETE FROM entry WHERE id = ${copy * 1000 + pick}`,
  (copy, n) => `INSERT INTO part VALUES (${100 + copy}, 'b${n}', 0)`,
  (copy, n, pick) =>
    `INSERT INTO use (id, a, b) SELECT ${copy * 1000 + n}, a, b FROM part WHERE a = ${100 + copy} AND b = 'b${pick}'`,
  (copy, _, pick) => `DELETE FROM part WHERE a = ${100 + copy} AND b = 'b${pick}'`,
  (copy, n, pick) =>
    `INSERT INTO pay (id, entry) SELECT ${copy * 1000 + n}, no FROM entry WHERE id = ${copy * 1000 + pick}`,
  (copy, n, pick) => `UPDATE entry SET no = ${copy * 1000 + 500 + n} WHERE id = ${copy * 1000 + pick}`,
  (copy) => (copy > 3 ? '' : `UPDATE tax SET ${['code', 'year', 'open', 'note'][copy]} = ${copy * 7} WHERE id = 1`),
];

test('MND9 where edits do not overlap the copies end like one database in which all of them were made', () => {
  const edit = fc.record({
    copy: fc.integer({ min: 0, max: COPIES - 1 }),
    edit: fc.nat({ max: EDITS.length - 1 }),
    pick: fc.integer({ min: 1, max: 30 }),
    next: fc.constantFrom('nothing', 'work', 'pull'),
  });
  const property = fc.property(fc.array(edit, { minLength: 10, maxLength: STEPS, size: 'max' }), (edits) => {
    const office = new Office(SCHEMA, COPIES, HELD);
    const alone = new Office(SCHEMA, 1);
    try {
      const turns = new Map<number, number>();
      for (const { copy, edit: which, pick, next } of edits) {
        const n = (turns.get(copy) ?? 0) + 1;
        turns.set(copy, n);
        const sql = EDITS[which]?.(copy, n, pick) ?? '';
        const at = office.copies[copy] as Copy;
        at.runMinding([sql]);
        alone.copies[0]?.runMinding([sql]);
        if (next !== 'nothing') at.work();
        if (next === 'pull') for (const from of office.copies) at.log.pull(from.log, pick);
      }
      office.settle();
      for (const at of office.copies) {
        assert.deepEqual(content(at), content(alone.copies[0] as Copy));
        assert.deepEqual(at.conflicts(), []);
      }
    } finally {
      office.close();
      alone.close();
    }
  });
  fc.assert(property, { numRuns: runs, ...seed });
});
