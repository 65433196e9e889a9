/** Who declared a foreign key since the base: found in all that was ever written to the definitions that may hold it. */
import type { RowId } from '../../core/body.ts';
import type { Origin } from '../../core/rows.ts';
import type { ForeignKey, Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { keysOf } from '../schema/declared-keys.ts';
import { stringsOf } from '../schema/merged.ts';
import { SCHEMA, SCHEMA_TABLE, type SchemaCell, schemaRow } from '../schema/reserved.ts';
import type { MendedRows } from './mended-rows.ts';
import { writesTo } from './row-history.ts';

export class Declarers {
  readonly #rows: MendedRows;
  readonly #known = new Map<ForeignKey, readonly Origin[]>();

  constructor(rows: MendedRows) {
    this.#rows = rows;
  }

  keysSinceBase(table: Table): ForeignKey[] {
    const then = this.#rows.base.tables.get(table.id);
    const before = then?.foreignKeys.map((key) => nameOf(then, key)) ?? [];
    return table.foreignKeys.filter((key) => !key.undeclared && !before.includes(nameOf(table, key)));
  }

  of(table: Table, key: ForeignKey): readonly Origin[] {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = rowsOf(table).flatMap(({ row, column }) => {
      const merged = this.#rows.row(SCHEMA, row);
      if (merged === undefined) return [];
      return writesTo(this.#rows, SCHEMA_TABLE, row, merged).flatMap(({ by, cells }) =>
        cells.some(([cell, item]) => declares(table, key, column, cell, item)) ? [by] : [],
      );
    });
    this.#known.set(key, found);
    return found;
  }

  /** Does one of these rows of the schema hold what the table declares? */
  isAmong(rows: Iterable<RowId>, table: Table): boolean {
    const own = new Set(rowsOf(table).map(({ row }) => row));
    for (const row of rows) if (own.has(row)) return true;
    return false;
  }
}

function rowsOf(table: Table): { row: RowId; column: string | null }[] {
  const columns = table.columns.map(({ id }) => ({ row: schemaRow('column', table.id, id), column: id }));
  return [{ row: schemaRow('table', table.id), column: null }, ...columns];
}

function declares(table: Table, key: ForeignKey, column: string | null, cell: string, item: Value): boolean {
  const wanted: SchemaCell = column === null ? 'constraints' : 'definition';
  if (cell !== wanted || typeof item !== 'string') return false;
  const constraints = column === null ? (stringsOf(item) ?? []) : [];
  const columns = table.columns.map(({ id, name }) => ({
    id,
    name,
    definition: id === column ? item : '',
    initial: null,
    refers: null,
    place: 0,
  }));
  const { id, name } = table;
  return keysOf({ id, name, columns, constraints, options: '', kind: null, key: null }).some(
    (declared) => declared.target === key.target && same(declared.columns, idsOf(table, key)),
  );
}

function idsOf(table: Table, { columns }: ForeignKey): string[] {
  return columns.map((at) => table.columns[at]?.id ?? '');
}

function nameOf(table: Table, key: ForeignKey): string {
  return JSON.stringify([key.target, idsOf(table, key)]);
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
