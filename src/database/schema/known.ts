/**
 * The schema that a user's database was last known to have, kept in the database itself: what an application changes is
 * a difference to that. Noted in one transaction with the mark that tells of the difference, so that a file that comes
 * back in any older state is told from what is new in it.
 */
import { decode, encode } from '../../core/codec.ts';
import type { Table } from '../../core/tables.ts';
import { value } from '../../core/value.ts';
import type { Ops } from '../capture/ops.ts';
import { addMark, type Mark } from '../file/marks.ts';
import type { Statements } from '../file/sql.ts';
import type { SchemaWrite } from './difference.ts';
import { SCHEMA, SCHEMA_TABLE, schemaRow } from './reserved.ts';
import { type Schema, schemaFromJson, schemaToJson } from './schema.ts';

/** Marks of the schema carry this number in place of a table's. */
export const NO_TABLE = 0;
export const SCHEMA_OP = 'schema';

/** null: nothing is known, or it is not ours any more. */
export function readKnown(sql: Statements): Schema | null {
  if (sql.one('SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)', [SCHEMA]) !== 1n) return null;
  const json = sql.one(`SELECT known FROM ${SCHEMA} WHERE id = 1`);
  try {
    return typeof json === 'string' ? schemaFromJson(json) : null;
  } catch {
    return null;
  }
}

export function writeKnown(sql: Statements, schema: Schema): void {
  sql.db.exec(`CREATE TABLE IF NOT EXISTS ${SCHEMA} (id INTEGER PRIMARY KEY, known TEXT)`);
  sql.run(`INSERT OR REPLACE INTO ${SCHEMA} VALUES (1, ?)`, [schemaToJson(schema)]);
}

/** `op`: what the rows are of: the schema, unless it says otherwise. */
export function markWrites(sql: Statements, writes: readonly SchemaWrite[], op = SCHEMA_OP): void {
  if (writes.length === 0) return;
  const kept = writes.map(({ row, cells }) => [
    row,
    Object.entries(cells).map(([name, item]) => [name, Buffer.from(encode(value, item)).toString('hex')]),
  ]);
  addMark(sql, NO_TABLE, op, [JSON.stringify(kept)]);
}

/** What the marks tell, each row once. */
export function writesOf(marks: readonly Mark[], of = SCHEMA_OP): SchemaWrite[] {
  const rows = new Map<string, { row: readonly string[]; cells: Record<string, SchemaWrite['cells'][string]> }>();
  for (const { table, op, key } of marks) {
    if (table !== NO_TABLE || op !== of || typeof key[0] !== 'string') continue;
    for (const [row, cells] of JSON.parse(key[0]) as [string[], [string, string][]][]) {
      const id = schemaRow(...row);
      const known = rows.get(id) ?? { row, cells: {} };
      for (const [name, hex] of cells) known.cells[name] = decode(value, Buffer.from(hex, 'hex'));
      rows.set(id, known);
    }
  }
  return [...rows.values()];
}

export function addWrites(ops: Ops, writes: readonly SchemaWrite[], to: Table = SCHEMA_TABLE): void {
  for (const { row, cells } of writes) {
    const names = Object.keys(cells);
    ops.update(
      to,
      schemaRow(...row),
      names.map((name) => to.columns.findIndex(({ id }) => id === name)),
      names.map((name) => cells[name] ?? null),
    );
  }
}

/** The tables that these writes make: their first rows are theirs by what is in them. */
export function tablesMade(writes: readonly SchemaWrite[]): Set<string> {
  return new Set(
    writes.flatMap(({ row: [kind, id], cells }) =>
      kind === 'table' && cells.kind !== undefined ? [id as string] : [],
    ),
  );
}
