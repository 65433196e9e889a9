import { test } from 'node:test';
import fc from 'fast-check';
import { type Copy, HELD, Office } from './copies.ts';
import { assertAtRest, steps, take } from './histories.ts';

const SCHEMA = `
  CREATE TABLE account (code TEXT PRIMARY KEY COLLATE NOCASE, name TEXT, balance REAL);
  INSERT INTO account VALUES ('a1', 'Cash', 12.5), ('A2', 'Debt', -7.25), ('a3', NULL, 0.0);
  CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT, account TEXT);
  INSERT INTO entry VALUES (1, 'open', 'a1'), (2, 'more', 'a2'), (3, 'third', NULL);
  CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER REFERENCES entry (id), amount INTEGER);
  INSERT INTO line VALUES (1, 1, 100), (2, 2, 200), (3, 2, 300);
  CREATE TABLE tag (entry INTEGER REFERENCES entry (id), word TEXT, weight, PRIMARY KEY (entry, word)) WITHOUT ROWID;
  INSERT INTO tag VALUES (1, 'x', 1), (2, 'x', x'00ff'), (2, 'y', NULL);
  CREATE TABLE note (text, more);
  INSERT INTO note VALUES ('n1', 1), ('n1', 2), (NULL, NULL);
  CREATE TABLE code (id INTEGER PRIMARY KEY, label TEXT UNIQUE, twice AS (label || label));
  INSERT INTO code VALUES (4010, 'l1'), (4020, 'l2');
  CREATE TABLE label (id INTEGER PRIMARY KEY, word TEXT, n INTEGER);
  CREATE UNIQUE INDEX by_word ON label (word);
  INSERT INTO label VALUES (1, 'p', 1), (2, 'q', 2);
  CREATE TABLE link (entry INTEGER REFERENCES entry (id), account TEXT, PRIMARY KEY (entry, account));
  INSERT INTO link VALUES (1, 'a1');
`;
export const TABLES = ['account', 'entry', 'line', 'tag', 'note', 'code', 'link', 'label'];

const small = fc.integer({ min: 1, max: 6 });
const word = fc.constantFrom('x', 'y', 'z');
const text = fc.constantFrom('p', 'q', 'r', 's');
const code = fc.constantFrom('a1', 'A1', 'a2', 'A3', 'b1', 'B1');
const statement = fc.oneof(
  fc.tuple(text, code).map(([t, c]) => `UPDATE account SET name = '${t}' WHERE code = '${c}'`),
  fc.tuple(code, small).map(([c, n]) => `UPDATE account SET balance = ${n}.5 WHERE code = '${c}'`),
  fc.tuple(code, text).map(([c, t]) => `INSERT OR REPLACE INTO account VALUES ('${c}', '${t}', 1)`),
  fc
    .tuple(code, text)
    .map(([c, t]) => `INSERT INTO account VALUES ('${c}', '${t}', 2) ON CONFLICT DO UPDATE SET name = '${t}!'`),
  code.map((c) => `DELETE FROM account WHERE code = '${c}'`),
  fc.tuple(code, code).map(([a, b]) => `UPDATE OR REPLACE account SET code = '${a}' WHERE code = '${b}'`),
  text.map((t) => `INSERT INTO entry (text) VALUES ('${t}')`),
  fc.tuple(small, text).map(([n, t]) => `UPDATE entry SET text = '${t}' WHERE id = ${n}`),
  fc.tuple(small, text).map(([n, t]) => `INSERT OR REPLACE INTO entry VALUES (${n}, '${t}', 'rep')`),
  small.map((n) => `DELETE FROM entry WHERE id = ${n}`),
  fc.tuple(small, small).map(([a, b]) => `UPDATE OR IGNORE entry SET id = ${a} WHERE id = ${b}`),
  fc.tuple(small, small).map(([a, b]) => `UPDATE OR REPLACE entry SET id = ${a} WHERE id = ${b}`),
  small.map((n) => `INSERT INTO line (entry, amount) VALUES (${n}, ${n * 10})`),
  small.map((n) => `INSERT INTO line (entry, amount) SELECT max(id), ${n} FROM entry`),
  fc.tuple(small, small).map(([n, e]) => `UPDATE line SET entry = ${e} WHERE id = ${n}`),
  small.map((n) => `DELETE FROM line WHERE id = ${n}`),
  fc.tuple(small, word, small).map(([e, w, n]) => `INSERT OR REPLACE INTO tag VALUES (${e}, '${w}', ${n})`),
  word.map((w) => `INSERT OR IGNORE INTO tag SELECT max(id), '${w}', 0 FROM entry`),
  fc.tuple(small, word).map(([e, w]) => `DELETE FROM tag WHERE entry = ${e} AND word = '${w}'`),
  fc.tuple(small, small).map(([a, b]) => `UPDATE OR IGNORE tag SET entry = ${a} WHERE entry = ${b}`),
  text.map((t) => `INSERT INTO note VALUES ('${t}', NULL)`),
  fc.tuple(text, small).map(([t, n]) => `UPDATE note SET text = '${t}' WHERE rowid = ${n}`),
  small.map((n) => `DELETE FROM note WHERE rowid = ${n}`),
  fc.tuple(small, text).map(([n, t]) => `INSERT OR REPLACE INTO code (id, label) VALUES (${4000 + n * 10}, '${t}')`),
  fc.tuple(small, text).map(([n, t]) => `UPDATE OR REPLACE code SET label = '${t}' WHERE id = ${4000 + n * 10}`),
  fc.tuple(small, code).map(([e, c]) => `INSERT OR IGNORE INTO link VALUES (${e}, '${c}')`),
  code.map((c) => `INSERT OR IGNORE INTO link SELECT max(id), '${c}' FROM entry`),
  fc.tuple(text, small).map(([t, n]) => `INSERT OR REPLACE INTO label (word, n) VALUES ('${t}', ${n})`),
  small.map((e) => `DELETE FROM link WHERE entry = ${e}`),
  fc.constant('DELETE FROM note'),
);

/** A longer run: `RUNS=500 STEPS=90 COPIES=4 node --test test/database/convergence.test.ts`, on a disk in memory. */
const COPIES = Number(process.env.COPIES ?? 3);
const STEPS = Number(process.env.STEPS ?? 40);

export function content(at: Copy): Record<string, unknown[][]> {
  return Object.fromEntries(TABLES.map((table) => [table, at.query(`SELECT * FROM ${table} ORDER BY 1, 2`)]));
}

const runs = Number(process.env.RUNS ?? 20);
const seed = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };

test('APP1 CAP2 whatever was edited where, in whatever order it travelled: the copies end equal', () => {
  const property = fc.property(steps(statement, COPIES, STEPS), (history) => {
    const office = new Office(SCHEMA, COPIES, HELD);
    try {
      for (const each of history) take(office, each, (at, sql) => at.run(`BEGIN; ${sql.join('; ')}; COMMIT`));
      office.settle();
      assertAtRest(office, content);
    } finally {
      office.close();
    }
  });
  fc.assert(property, { numRuns: runs, ...seed });
});
