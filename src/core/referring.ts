/** By which of its writes a row refers to another one: whoever deleted that one, or its table, without knowledge of these breaks it. */
import { aliveByOwnWrites, isAlive, type Row, type Write, winner } from './rows.ts';

/**
 * `columns`: ids of those that refer. It refers by its own writes to these, and by all that is alive in it where it
 * stands against a deletion, came back with what it had, or is named by the reference (`isWithinKey`): no cell holds that.
 */
export function* referringWrites(row: Row, columns: readonly string[], isWithinKey: boolean): Generator<Write> {
  const isBack = cameBack(row, columns);
  for (const column of columns) {
    const write = winner(row, column);
    if (write !== undefined && (isBack || !write.dead)) yield write;
  }
  if (!isBack && !isWithinKey && !isSpecial(row)) return;
  for (const writes of row.cells.values()) for (const write of writes) if (!write.dead) yield write;
}

/** Did these values go with the row when somebody deleted it, and come back with it by an edit that did not know? */
export function cameBack(row: Row, columns: readonly string[]): boolean {
  return isAlive(row) && columns.some((column) => isLetGo(row, column));
}

/** Refers also by what it did not just write. */
export function isSpecial(row: Row): boolean {
  return isAlive(row) && (row.deletions.length > 0 || !aliveByOwnWrites(row) || (row.mend?.whole.length ?? 0) > 0);
}

/** Has it any value that came back with it? */
export function wasLetGo(row: Row): boolean {
  return isAlive(row) && (row.baseDead || [...row.cells.keys()].some((column) => isLetGo(row, column)));
}

function isLetGo(row: Row, column: string): boolean {
  const write = winner(row, column);
  return write === undefined ? row.baseDead : write.dead && write.numbered === undefined;
}
