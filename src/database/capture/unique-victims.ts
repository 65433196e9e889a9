/**
 * Rows that REPLACE may have deleted without running a trigger: whoever was shown with a UNIQUE value that an insert or
 * update took. The marks carry each value that a row ever had, so that one that was overwritten again is not missed.
 */
import type { Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import type { Mark } from '../file/marks.ts';
import type { Shown } from '../folding/shown.ts';
import { holdersOf } from '../folding/unique-values.ts';

/** The marks, and before each that took UNIQUE values those of the rows that may have given them up: `v`. */
export function withVictims(
  marks: readonly Mark[],
  tableOf: (num: number) => Table | undefined,
  shown: Shown,
): readonly Mark[] {
  const found: Mark[] = [];
  for (const mark of marks) {
    const table = mark.op === 'i' || mark.op === 'w' ? tableOf(mark.table) : undefined;
    if (table !== undefined) for (const key of victimsOf(table, mark, shown)) found.push({ ...mark, op: 'v', key });
    // What it says of the row is said by the mark `u` of the same statement.
    if (mark.op !== 'w') found.push(mark);
  }
  return found;
}

/** The keys of those who were shown with values that this mark took. */
export function* victimsOf(table: Table, mark: Mark, shown: Shown): Generator<readonly Value[]> {
  let from = table.key.length;
  for (const [place, unique] of table.uniques.entries()) {
    if (!unique.declared) continue;
    const items = mark.key.slice(from, from + unique.columns.length);
    from += unique.columns.length;
    for (const row of holdersOf(shown, table, place, items)) {
      const key = shown.isThere(table, row) ? shown.key(table, row) : null;
      const isItself = key?.every((item, index) => sameValue(item, mark.key[index] ?? null));
      if (key !== null && !isItself) yield key;
    }
  }
}
