/** Settings changed by several people, in the middle of everything that people do to databases. */
import { test } from 'node:test';
import fc from 'fast-check';
import { ProblemError } from '../../src/core/problem.ts';
import type { SettingChange } from '../../src/database/host.ts';
import { changingSettings } from '../../src/database/settings/changing.ts';
import { type Copy, Office } from './copies.ts';
import { assertAtRest, steps, take } from './histories.ts';

export const SCHEMA = `
  CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, seen TEXT DEFAULT 'no');
  INSERT INTO entry VALUES (1, 'open', 'no'), (2, 'more', 'no'), (3, 'third', 'no');
  CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER, item INTEGER, amount INTEGER);
  INSERT INTO line VALUES (1, 1, 1, 100), (2, 2, 4, 200), (3, 2, 0, 300);
  CREATE TABLE item (no INTEGER PRIMARY KEY, label TEXT);
  INSERT INTO item VALUES (1, 'p'), (4, 'q');
  CREATE TABLE cache (url TEXT PRIMARY KEY, hits INTEGER);
  INSERT INTO cache VALUES ('x', 1), ('y', 1);
  CREATE TABLE doc (code TEXT PRIMARY KEY, year INTEGER UNIQUE);
  INSERT INTO doc VALUES ('x', 1), ('y', 2);
  CREATE TABLE note (text, more);
  INSERT INTO note VALUES ('n1', 1), ('n2', 2);
`;
const TABLES = ['entry', 'line', 'item', 'cache', 'doc', 'note'];
export const LEFT = ['cache', 'note', 'entry.seen', 'line', 'note.more'];

const small = fc.integer({ min: 1, max: 6 });
const word = fc.constantFrom('x', 'y', 'z');
const edit = fc.oneof(
  word.map((w) => `INSERT INTO entry (text) VALUES ('${w}')`),
  fc.tuple(small, word).map(([n, w]) => `UPDATE entry SET text = '${w}' WHERE id = ${n}`),
  fc.tuple(small, word).map(([n, w]) => `UPDATE entry SET seen = '${w}' WHERE id = ${n}`),
  small.map((n) => `DELETE FROM entry WHERE id = ${n}`),
  fc.tuple(small, small).map(([a, b]) => `UPDATE OR IGNORE entry SET id = ${a} WHERE id = ${b}`),
  small.map((n) => `INSERT INTO line (entry, item, amount) SELECT max(id), ${n}, ${n} FROM entry`),
  fc.tuple(small, small).map(([n, e]) => `UPDATE line SET entry = ${e} WHERE id = ${n}`),
  fc.tuple(small, small).map(([n, i]) => `UPDATE line SET item = ${i} WHERE id = ${n}`),
  small.map((n) => `DELETE FROM line WHERE id = ${n}`),
  fc.tuple(small, word).map(([n, w]) => `INSERT OR REPLACE INTO item VALUES (${n}, '${w}')`),
  word.map((w) => `INSERT INTO item (label) VALUES ('${w}')`),
  fc.tuple(small, word).map(([n, w]) => `UPDATE item SET label = '${w}' WHERE no = ${n}`),
  small.map((n) => `DELETE FROM item WHERE no = ${n}`),
  fc.tuple(word, small).map(([w, n]) => `INSERT OR REPLACE INTO cache VALUES ('${w}', ${n})`),
  word.map((w) => `DELETE FROM cache WHERE url = '${w}'`),
  fc.tuple(word, small).map(([w, n]) => `INSERT OR IGNORE INTO doc VALUES ('${w}', ${n})`),
  fc.tuple(word, small).map(([w, n]) => `UPDATE OR IGNORE doc SET year = ${n} WHERE code = '${w}'`),
  word.map((w) => `DELETE FROM doc WHERE code = '${w}'`),
  word.map((w) => `INSERT INTO note VALUES ('${w}', 0)`),
  fc.tuple(small, word).map(([n, w]) => `UPDATE note SET text = '${w}' WHERE rowid = ${n}`),
  fc.tuple(small, small).map(([n, m]) => `UPDATE note SET more = ${m} WHERE rowid = ${n}`),
  small.map((n) => `DELETE FROM note WHERE rowid = ${n}`),
);
const change: fc.Arbitrary<SettingChange> = fc.oneof(
  fc.record({ place: fc.constantFrom(...LEFT), set: fc.constant('left-out' as const), value: fc.boolean() }),
  fc.record({
    place: fc.constant('line.entry'),
    set: fc.constant('refers' as const),
    value: fc.constantFrom('entry', 'entry', 'item', null),
  }),
  fc.record({
    place: fc.constant('line.item'),
    set: fc.constant('refers' as const),
    value: fc.constantFrom('item', null),
  }),
  fc.record({
    place: fc.constantFrom('doc.year'),
    set: fc.constant('number' as const),
    value: fc.constantFrom(true, false, null),
  }),
  fc.record({ place: fc.constant('item'), set: fc.constant('number' as const), value: fc.constant(true) }),
  fc.record({
    place: fc.constantFrom('entry', 'item', 'cache', 'note'),
    set: fc.constant('deletion-wins' as const),
    value: fc.boolean(),
  }),
);
/** Settings among the statements. */
const MARK = '@';
const statement = fc.oneof(
  { weight: 5, arbitrary: edit },
  { weight: 1, arbitrary: change.map((each) => MARK + JSON.stringify(each)) },
);

export function run(at: Copy, sql: readonly string[]): void {
  const own = sql.filter((text) => text[0] !== MARK);
  if (own.length > 0) at.run(`BEGIN; ${own.join('; ')}; COMMIT`);
  for (const text of sql) if (text[0] === MARK) change1(at, JSON.parse(text.slice(1)) as SettingChange);
}

export function change1(at: Copy, one: SettingChange): void {
  try {
    for (let turn = 0; turn < 20 && at.engine.edit(changingSettings([one])) !== 'done'; turn++) {
      at.capture();
      at.engine.apply();
    }
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
  }
}

const COPIES = Number(process.env.COPIES ?? 3);
const STEPS = Number(process.env.STEPS ?? 40);
const runs = Number(process.env.RUNS ?? 15);
const seed = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };

export function content(at: Copy): Record<string, unknown[][]> {
  return Object.fromEntries(TABLES.map((table) => [table, at.query(`SELECT * FROM ${table} ORDER BY 1, 2`)]));
}

test('SET14 whatever is set and edited by whom, in whatever order it travels: once all is taken in again the copies are equal', () => {
  const property = fc.property(steps(statement, COPIES, STEPS), (history) => {
    const office = new Office(SCHEMA, COPIES);
    try {
      for (const each of history) take(office, each, run);
      office.settle();
      for (const place of LEFT) change1(office.copies[0] as Copy, { place, set: 'left-out', value: false });
      office.settle();
      assertAtRest(office, content);
    } finally {
      office.close();
    }
  });
  fc.assert(property, { numRuns: runs, ...seed });
});
