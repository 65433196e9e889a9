/**
 * Tables from which REPLACE may have taken a row of which nothing tells: marks carry no values of an index that CREATE
 * UNIQUE INDEX made, and whoever was shown with a value that another row had for a moment only is not found by what is
 * there now. Such a table is to be compared.
 */
import { rowOfKey, type Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import type { Mark } from '../file/marks.ts';
import type { RowSql } from '../file/row-sql.ts';

/**
 * Did some row have values that it has no longer? `marks`: of this table, those of a row in their order. It wrote more
 * than once, or is gone again (a REPLACE of it over two indexes marks nothing).
 */
export function hadPassing(table: Table, marks: readonly Mark[], sql: RowSql): boolean {
  if (table.uniques.every(({ declared }) => declared)) return false;
  const written = new Map<string, readonly Value[]>();
  let movedBy = Number.NaN;
  for (const { id, op, key } of marks) {
    const own = key.slice(0, table.key.length);
    const name = rowOfKey(own);
    const isWriting = op === 'i' || op === 'u';
    // A key that was changed is told of twice.
    if (op === 'u' && id === movedBy + 1) continue;
    if (op === 'm') movedBy = id;
    if ((isWriting || op === 'd' || op === 'm') && written.has(name)) return true;
    if (isWriting) written.set(name, own);
  }
  return written.values().some((key) => !key.includes(null) && !sql.has(key));
}
