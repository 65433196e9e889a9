/**
 * A table that somebody dropped is kept, too, while rows refer to it that were written without knowledge of that; and one
 * that is kept keeps all to which it refers.
 */
import { referringWrites } from '../../core/referring.ts';
import { isAlive, type Row, winner } from '../../core/rows.ts';
import { keyOfRow } from '../../core/tables.ts';
import { type DeclaredKey, keysOf } from './declared-keys.ts';
import type { SchemaRows } from './merged.ts';
import { SCHEMA, schemaRow } from './reserved.ts';
import type { Schema, SchemaTable } from './schema.ts';
import { folded } from './text.ts';
import { isDropped, readUses } from './uses.ts';

/** Takes out of `gone` what is to be kept. */
export function keepReferred(view: SchemaRows, tables: ReadonlyMap<string, SchemaTable>, gone: Set<string>): void {
  if (gone.size === 0) return;
  const open = [...tables.values()].filter(({ id }) => !gone.has(id));
  const names = new Set(open.map(({ name }) => folded(name)));
  for (let table = open.pop(); table !== undefined; table = open.pop()) {
    for (const key of keysOf(table)) {
      const target = tables.get(key.target);
      if (target === undefined || !gone.has(target.id)) continue;
      // The key means the table that has the name by now.
      if (names.has(folded(target.name)) || !refers(view, table.id, key)) continue;
      gone.delete(target.id);
      open.push(target);
    }
  }
}

/**
 * Does some table declare that it refers to one that was ever dropped? Then rows decide which tables there are. `merged`:
 * the schema as it is written; in a file the key names whatever has the dropped table's name by now.
 */
export function hangsOnRows(view: SchemaRows, merged: () => Schema): boolean {
  const dropped = new Set(
    view.rows(SCHEMA).flatMap((row) => {
      const [kind, id] = keyOfRow(row).map(String);
      return kind === 'table' && isDropped(view.row(SCHEMA, row)) ? [id as string] : [];
    }),
  );
  if (dropped.size === 0) return false;
  return [...merged().tables.values()].some((table) => keysOf(table).some(({ target }) => dropped.has(target)));
}

/** The tables of this schema that declare a foreign key to one of these. */
export function referringTo(tables: ReadonlySet<string>, schema: Schema): string[] {
  if (tables.size === 0) return [];
  return [...schema.tables.values()].flatMap((table) =>
    keysOf(table).some(({ target }) => tables.has(target)) ? [table.id] : [],
  );
}

function refers(view: SchemaRows, table: string, { columns, target }: DeclaredKey): boolean {
  if (isDropped(view.row(SCHEMA, schemaRow('table', table)))) return true;
  const dropped = view.row(SCHEMA, schemaRow('table', target)) as Row;
  const uses = readUses(view, target);
  return view.rows(table).some((id) => {
    const row = view.row(table, id);
    if (row === undefined || !isAlive(row)) return false;
    if (columns.some((column) => winner(row, column)?.value === null)) return false;
    if (row.mend?.kept) return true;
    // Whoever makes a row writes every column but those that name it.
    const isWithinKey = !row.base && columns.every((column) => !row.cells.has(column));
    return referringWrites(row, columns, isWithinKey).some((write) => uses.isUnaware(dropped, '', write));
  });
}
