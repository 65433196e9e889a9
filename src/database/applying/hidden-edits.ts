/**
 * A commit that marked nothing is noticed when no other comes with it into one look. Beside another with marks it hides:
 * nothing tells how many commits there were. So rows are looked at once more before they are written over.
 */
import { numberColumn } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { Shown } from '../folding/shown.ts';
import type { TouchedRows } from '../folding/touched.ts';
import type { Standing } from '../standing.ts';

/** Where no program has ever marked anything nothing can hide; and what was compared since the last commit cannot. */
export function mayHide({ mark }: Standing, { comparedAt, connection }: OpenFile): boolean {
  return mark.id > 0 && comparedAt !== connection.dataVersion();
}

/** Is one of the rows that are about to be written not as it was left? `before`: how they stand in the file. */
export function isHiding(standing: Standing, file: OpenFile, before: Shown, touched: TouchedRows): boolean {
  if (!mayHide(standing, file)) return false;
  for (const [id, rows] of touched) {
    const table = file.tables.get(id);
    if (table === undefined || table.left) continue;
    const sql = file.sqlOf(table);
    const number = numberColumn(table);
    for (const { row } of rows.values()) {
      const was = before.values(table, row);
      if (was === null) continue;
      const is = sql.read(number === undefined ? (before.key(table, row) ?? []) : [was[number] as Value]);
      // Why a row is missing is not told by its absence: nothing is written over.
      if (is === undefined) continue;
      if (was.some((item, at) => !table.columns[at]?.left && !sameValue(item, is[at] ?? null))) return true;
    }
  }
  return false;
}
