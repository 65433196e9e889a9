/** Who claims a value that an index keeps unique, and which of two was there first. */
import type { RowId } from '../../core/body.ts';
import { compareClaims } from '../../core/numbers.ts';
import { compareOrigins, type Origin, winner } from '../../core/rows.ts';
import { keyOfRow, type Table, type Unique } from '../../core/tables.ts';
import { RowRef, type Value } from '../../core/value.ts';
import { indexedValues } from '../folding/asked-indexes.ts';
import { columnId } from '../folding/shown.ts';
import type { MendedRows } from './mended-rows.ts';

/** Rows that have these values since the base; some have others by now. */
export function rowsClaimingInBase(
  { base }: MendedRows,
  table: Table,
  unique: Unique,
  items: readonly Value[],
): RowId[] {
  if (unique.asked !== undefined) {
    const made = indexedValues(table, unique, items);
    return made === null ? [] : base.rowsAsked(table, unique, made);
  }
  if (items.some(isMadeSince)) return [];
  return base.rowsWhere(table, unique.columns, items.map(baseItem), unique.collations);
}

/** A reference to a row that was made since the base cannot be in it. */
export function isMadeSince(item: Value): boolean {
  return item instanceof RowRef && item.row[0] !== 'k';
}

export function baseItem(item: Value): Value {
  return item instanceof RowRef ? (keyOfRow(item.row)[0] ?? null) : item;
}

/** Negative: `a` has what is in these columns for longer. */
export function compareClaimants(
  rows: MendedRows,
  table: Table,
  columns: readonly number[],
  a: RowId,
  b: RowId,
): number {
  return compareClaims(
    { row: a, by: claimedSince(rows, table, columns, a) },
    { row: b, by: claimedSince(rows, table, columns, b) },
  );
}

/** When the row got these values: by the newest write to one of them; null: it has them since the base. */
function claimedSince(rows: MendedRows, table: Table, columns: readonly number[], row: RowId): Origin | null {
  const merged = rows.merged(table, row);
  let newest: Origin | null = null;
  for (const at of columns) {
    const write = winner(merged, columnId(table, at));
    if (write && (newest === null || compareOrigins(write, newest) > 0)) newest = write;
  }
  if (newest !== null || merged.base) return newest;
  // A row that is named by its key alone: since it was made.
  for (const [write] of merged.cells.values()) {
    if (write && (newest === null || compareOrigins(write, newest) < 0)) newest = write;
  }
  return newest;
}

export function uniqueReason(table: Table, { asked, columns }: Unique): string {
  return `UNIQUE ${table.name} (${asked?.parts.join(', ') ?? columns.map((at) => table.columns[at]?.name).join(', ')})`;
}
