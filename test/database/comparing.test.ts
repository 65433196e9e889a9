import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { body as bodyCodec, type DatabaseBody } from '../../src/core/body.ts';
import { decode } from '../../src/core/codec.ts';
import { OpenFile } from '../../src/database/file/open-file.ts';
import { type Copy, Office } from './copies.ts';

const SCHEMA = `
  CREATE TABLE odd (id INTEGER PRIMARY KEY, free, words TEXT, bytes BLOB, real REAL, whole INTEGER, amount NUMERIC);
  CREATE TABLE named (code TEXT COLLATE NOCASE PRIMARY KEY, free, odd INTEGER REFERENCES odd (id)) WITHOUT ROWID;
  CREATE TABLE pair (a, b INTEGER, words TEXT, PRIMARY KEY (a, b));
  CREATE TABLE bare (words TEXT, free);
  WITH n(i) AS (VALUES (1), (2), (3), (4), (5))
  INSERT INTO odd SELECT i, i, 'w' || i, x'00', 0.0, i, i + 0.5 FROM n;
  INSERT INTO named SELECT 'k' || id, 1.0, id FROM odd;
  INSERT INTO pair SELECT id % 2, id, 'p' FROM odd;
  INSERT INTO bare SELECT 'b' || id, 0.0 FROM odd;
`;

const values = fc.constantFrom(
  ...['NULL', '1', '1.0', "'1'", '0', '0.0', '-0.0', "x'31'", "''", "x''", "'A'", "'a'", '9007199254740993'],
  ...['9007199254740992.0', '1e300', "CAST(x'ff41' AS TEXT)", "CAST(x'4100' AS TEXT)", "'A'"],
);
const number = fc.integer({ min: 1, max: 7 });
const column = fc.constantFrom('free', 'words', 'bytes', 'real', 'whole', 'amount');
const statement = fc.oneof(
  fc.tuple(column, values, number).map(([name, item, id]) => `UPDATE odd SET ${name} = ${item} WHERE id = ${id}`),
  fc.tuple(values, number).map(([item, id]) => `INSERT OR REPLACE INTO odd (id, free) VALUES (${id}, ${item})`),
  number.map((id) => `DELETE FROM odd WHERE id = ${id}`),
  // What everybody had at the beginning.
  number.map(
    (id) =>
      `INSERT OR REPLACE INTO odd (id, free, words, bytes, real, whole, amount) VALUES (${id}, ${id}, 'w${id}', x'00', 0.0, ${id}, ${id}.5)`,
  ),
  fc.tuple(values, number).map(([item, id]) => `UPDATE named SET free = ${item} WHERE code = 'K${id}'`),
  number.map((id) => `UPDATE named SET code = upper(code) WHERE code = 'k${id}'`),
  number.map((id) => `INSERT OR REPLACE INTO named VALUES ('k${id}', 1.0, ${id})`),
  number.map((id) => `DELETE FROM named WHERE code = 'k${id}'`),
  fc
    .tuple(values, number)
    .map(([item, id]) => `INSERT OR REPLACE INTO pair (a, b, words) VALUES (${item}, ${id}, 'new')`),
  fc.tuple(values, number).map(([item, id]) => `UPDATE OR IGNORE pair SET a = ${item} WHERE b = ${id}`),
  number.map((id) => `DELETE FROM pair WHERE b = ${id}`),
  fc.tuple(values, number).map(([item, id]) => `UPDATE bare SET free = ${item} WHERE rowid = ${id}`),
  number.map((id) => `DELETE FROM bare WHERE rowid = ${id}`),
  fc.constant("INSERT INTO bare (words, free) VALUES ('b1', 0.0)"),
  fc.constantFrom('odd', 'pair', 'bare').map((table) => `ALTER TABLE ${table} ADD COLUMN later DEFAULT 1.0`),
);
/** Values that SQLite finds equal to those that were there. */
const SUBTLE = [
  'UPDATE odd SET free = 1.0 WHERE id = 1',
  "UPDATE named SET code = 'K2' WHERE code = 'k2'",
  'UPDATE bare SET free = -0.0 WHERE rowid = 3',
];
const edits = fc.array(statement, { maxLength: 8 });

/** One that the schema does not take (a column added twice) is left out. */
function run(copy: Copy, statements: readonly string[]): void {
  for (const sql of statements) {
    try {
      copy.run(sql);
    } catch (error) {
      if (!/duplicate column|NOT NULL/.test(String(error))) throw error;
    }
  }
}

/** What is found when the program had switched our triggers off. */
function found(known: readonly string[], unmarked: readonly string[]): string[] {
  const office = new Office(SCHEMA, 1);
  const [ana] = office.copies as [Copy];
  try {
    run(ana, known);
    ana.work();
    const triggers = ana.query("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB '_tieout_*'");
    ana.run(triggers.map(([name]) => `DROP TRIGGER "${name}";`).join(' '));
    run(ana, unmarked);
    const before = ana.log.changes.length;
    ana.work();
    const ops = ana.log.changes.slice(before).flatMap(({ bytes }) => {
      const read = decode(bodyCodec, bytes);
      return read.kind === 'database' ? read.ops.map((op) => named(op, read.uses)) : [];
    });
    return ops
      .map((op) => JSON.stringify(op, (_, item) => (typeof item === 'bigint' ? `${item}n` : tagged(item))))
      .sort();
  } finally {
    office.close();
  }
}

/** Tables and columns by name: a body numbers them as they come, and rows are found in no certain order. */
function named(op: DatabaseBody['ops'][number], uses: DatabaseBody['uses']): object {
  const { table, columns } = uses[op.use] ?? { table: '', columns: [] };
  const sorted = (cells: readonly (readonly [number, unknown])[]): unknown[] =>
    cells.map(([at, value]) => [columns[at] ?? '', value] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  if (op.kind === 'insert') return { ...op, use: table, values: sorted([...op.values.entries()]) };
  if (op.kind === 'update')
    return { ...op, use: table, cells: sorted(op.cells.map((cell) => [cell.column, cell.value])) };
  return { ...op, use: table };
}

/** JSON makes no difference between 0 and -0, nor between a text and what only looks like it. */
function tagged(item: unknown): unknown {
  return typeof item === 'number' ? `real ${Object.is(item, -0) ? '-0' : item}` : item;
}

test('BLK8 what SQLite finds against the base is what is found row by row', () => {
  const { attachBase } = OpenFile.prototype;
  let attached = 0;
  let differing = 0;
  fc.assert(
    fc.property(edits, edits, (known, unmarked) => {
      OpenFile.prototype.attachBase = function (path) {
        attached += 1;
        return attachBase.call(this, path);
      };
      const together = found(known, unmarked);
      OpenFile.prototype.attachBase = () => false;
      const alone = found(known, unmarked);
      assert.deepEqual(together, alone);
      differing += alone.length;
    }),
    { numRuns: Number(process.env.RUNS ?? 25), examples: [[[], SUBTLE]] },
  );
  OpenFile.prototype.attachBase = attachBase;
  assert.ok(attached > 0 && differing >= SUBTLE.length, `${attached} tables compared at once, ${differing} rows`);
});
