/** How the rows of a table are named is noted with the table when it is met first, and stays. */
import type { Table } from '../../core/tables.ts';
import type { SchemaWrite } from './difference.ts';
import { keyPart, type Schema, type SchemaTable } from './schema.ts';

/** Are its rows named otherwise than it was settled? */
export function isRekeyed(schema: Schema, table: Table): boolean {
  const known = schema.tables.get(table.id);
  if (known === undefined || known.kind === null) return false;
  return known.kind !== table.kind || JSON.stringify(known.key) !== JSON.stringify(keyOf(table));
}

function keyOf(table: Table): string[] {
  return table.key.map(({ at, collation }) => keyPart(table.columns[at]?.id ?? '', collation));
}

export function namingOf(table: Table): string {
  return `(${table.kind === 'number' ? '#' : ''}${keyOf(table).join(',').replaceAll('\0', ' COLLATE ')})`;
}

export function settled(schema: Schema, described: readonly Table[]): Schema {
  const tables = new Map(schema.tables);
  for (const table of described) {
    const known = tables.get(table.id);
    if (known === undefined) continue;
    const refers = new Map([...table.references].map(([at, target]) => [table.columns[at]?.id, target]));
    const columns = known.columns.map((column) => ({ ...column, refers: refers.get(column.id) ?? column.refers }));
    tables.set(table.id, { ...known, columns, kind: table.kind, key: keyOf(table) });
  }
  return { ...schema, tables };
}

/** What was a reference when it was written is one still, when the foreign key is declared no longer. */
export function formerReferences(
  writes: readonly SchemaWrite[],
  schema: Schema,
  described: readonly Table[],
): SchemaWrite[] {
  const altered = new Set(
    writes.filter(({ row: [kind] }) => kind === 'table' || kind === 'column').map(({ row }) => row[1]),
  );
  return described
    .filter(({ id }) => altered.has(id))
    .flatMap(({ id }) => schema.tables.get(id)?.columns.map((column) => [id, column] as const) ?? [])
    .filter(([, { refers }]) => refers !== null)
    .map(([table, { id, refers }]) => ({ row: ['column', table, id], cells: { refers } }));
}

export function kindWrite({ id, kind, key }: SchemaTable): SchemaWrite {
  return { row: ['table', id], cells: { kind, key: JSON.stringify(key) } };
}
