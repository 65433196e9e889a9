/**
 * Numbers that became other ones, because somebody else's row has them: of rows that are there, both, and until a person
 * has written the number as it is now. Computed from the merged rows; whether the row's own copy has written the new
 * number down already makes no difference but of the time.
 */
import type { RowId } from '../../core/body.ts';
import { isAlive, numberGiven, type Origin, type Row, shownValue, winner } from '../../core/rows.ts';
import { numberColumn, rowOfKey, type Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import type { CopyId } from '../../core/vector.ts';
import { columnId, type Shown } from '../folding/shown.ts';

export interface NumberMoved {
  /** Index of the column. */
  readonly at: number;
  readonly from: Value;
  readonly to: Value;
  readonly because: RowId;
  /** Who gave that one the number; null: it was there at publish. */
  readonly whose: CopyId | null;
  /** Who claimed the number, or wrote down the new one; none: it was there at publish. */
  readonly by: readonly Origin[];
}

export function numbersMoved(shown: Shown, table: Table, row: RowId, merged: Row): NumberMoved[] {
  if (!shown.isThere(table, row, merged)) return [];
  return table.columns.flatMap(({ id: column }, at): NumberMoved[] => {
    // Nobody sees a hidden row id.
    if (column === '') return [];
    const found = given(shown, table, row, merged, at) ?? written(merged, column);
    if (found === null || !isAlive(shown.merged(table, found.because))) return [];
    return [{ at, ...found, whose: winner(shown.merged(table, found.because), column)?.copy ?? null }];
  });
}

interface Found {
  readonly from: Value;
  readonly to: Value;
  readonly because: RowId;
  readonly by: readonly Origin[];
}

/** By mending, and not written yet. */
function given(shown: Shown, table: Table, row: RowId, merged: Row, at: number): Found | null {
  const claim = winner(merged, columnId(table, at));
  const by = claim === undefined ? [] : [originOf(claim)];
  if (at === numberColumn(table)) {
    const from = shown.claimed(table, row, merged);
    const to = shown.view.movedTo(table.id, row);
    if (to === undefined || from === null) return null;
    return { from, to, because: shown.rowAt(table, from) ?? rowOfKey([from]), by };
  }
  const mended = merged.mend?.cells.get(columnId(table, at));
  // A reference follows its row, and is no number of its own.
  const refers = table.foreignKeys.some(({ columns }) => columns.includes(at));
  if (typeof mended?.value !== 'bigint' || claim === undefined || refers) return null;
  return { from: claim.value, to: mended.value, because: mended.because, by };
}

function written(merged: Row, column: string): Found | null {
  const write = numberGiven(merged, column);
  if (write === undefined || !sameValue(shownValue(merged, column) ?? null, write.value)) return null;
  return { ...write.numbered, to: write.value, by: [originOf(write)] };
}

function originOf({ copy, seq, stamp }: Origin): Origin {
  return { copy, seq, stamp };
}
