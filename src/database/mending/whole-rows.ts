/**
 * Rows in which the edits of several people, each of them valid, break a check together, or make up a reference that
 * nobody wrote: they are shown as one of them had the row in front of him, whoever wrote last; the others' rows are kept
 * for whoever settles it.
 */
import type { RowId } from '../../core/body.ts';
import { sameChange } from '../../core/change.ts';
import {
  ABSENT,
  claimedValue,
  compareOrigins,
  IN_BASE,
  isAlive,
  type Origin,
  type Row,
  UNMENDED,
  type WholeRow,
  winner,
  withMend,
} from '../../core/rows.ts';
import { type ForeignKey, numberColumn, refersToBase, rowOfNumber, type Table } from '../../core/tables.ts';
import { RowRef, sameValue, type Value } from '../../core/value.ts';
import { covers } from '../../core/vector.ts';
import { columnId } from '../folding/shown.ts';
import { valuesAt } from '../folding/unique-values.ts';
import { judgedValues, judgeOf } from './judging.ts';
import { knows, type MendedRows } from './mended-rows.ts';
import { type RowWrite, withWrite, writesTo } from './row-history.ts';

/** People whose rows are kept to choose from: enough for whoever has to decide. */
const MAX_WHOLE = 8;

export class WholeRows {
  readonly #rows: MendedRows;

  constructor(rows: MendedRows) {
    this.#rows = rows;
  }

  settle(): void {
    for (const [id, touched] of this.#rows.touched) {
      const table = this.#rows.tables.get(id);
      if (table === undefined) continue;
      for (const { row, now } of table.checked ? touched.values() : touched.mended()) {
        // The table may have had a CHECK until now.
        const isMended = (now.mend?.whole.length ?? 0) > 0;
        if (!now.mixed || (!table.checked && !isMended && !table.foreignKeys.some(isOfSeveral))) continue;
        const mend = now.mend ?? UNMENDED;
        const whole = isAlive(now) ? this.#find(table, row, withMend(now, { ...UNMENDED, kept: mend.kept })) : [];
        this.#rows.mend(id, row, { ...mend, whole });
      }
    }
  }

  #find(table: Table, row: RowId, merged: Row): readonly WholeRow[] {
    if (!this.#isBroken(table, row, merged)) return [];
    const writes = writesTo(this.#rows, table, row, merged);
    const found: WholeRow[] = [];
    for (const by of this.#writers(merged)) {
      const cells = this.#differences(table, row, merged, this.#asCommitted(table, row, merged, by, writes));
      if (!found.some((known) => sameCells(known.cells, cells))) found.push({ by, cells });
    }
    return found.slice(0, MAX_WHOLE);
  }

  #isBroken(table: Table, row: RowId, merged: Row): boolean {
    const judge = judgeOf(table);
    if (judge !== null && judge.broken(judgedValues(this.#rows, table, row, merged)) !== null) return true;
    return table.foreignKeys.some((key) => isOfSeveral(key) && this.#isTorn(table, merged, key));
  }

  /** Did two who did not know of each other write the halves of a reference? It is one thing, whatever it may name. */
  #isTorn(table: Table, merged: Row, { columns }: ForeignKey): boolean {
    const halves = columns.flatMap((at) => winner(merged, columnId(table, at)) ?? []);
    const areApart = (one: Origin, other: Origin): boolean =>
      !knows(this.#rows, one, other) && !knows(this.#rows, other, one);
    return halves.some((one) => halves.some((other) => areApart(one, other)));
  }

  /** First of those of whom nobody else knew the one that is shown, then all others. */
  #writers(merged: Row): Origin[] {
    const found = new Map<string, Origin>();
    for (const writes of merged.cells.values()) {
      for (const { copy, seq, stamp } of writes) found.set(`${copy}:${seq}`, { copy, seq, stamp });
    }
    const all = [...found.values()].sort((a, b) => compareOrigins(b, a));
    const first = all.find(
      (one) => !all.some((other) => other !== one && covers(this.#rows.seenBy(other), one.copy, one.seq)),
    );
    return first === undefined ? all : [first, ...all.filter((one) => one !== first)];
  }

  /** The row as it was in front of a writer, mended as it was then, with what he wrote. */
  #asCommitted(table: Table, row: RowId, merged: Row, by: Origin, writes: readonly RowWrite[]): Row {
    const seen = this.#rows.seenBy(by);
    const before = writes.filter((write) => !sameChange(write.by, by) && covers(seen, write.by.copy, write.by.seq));
    let view = before.reduce(withWrite, merged.base ? IN_BASE : ABSENT);
    const [first] = this.#isBroken(table, row, view) ? this.#writers(view) : [];
    if (first !== undefined) {
      const cells = this.#differences(table, row, view, this.#asCommitted(table, row, view, first, before));
      view = withMend(view, { ...UNMENDED, whole: [{ by: first, cells }] });
    }
    return writes.filter((write) => sameChange(write.by, by)).reduce(withWrite, view);
  }

  #differences(table: Table, row: RowId, merged: Row, view: Row): ReadonlyMap<string, Value> {
    const cells = new Map<string, Value>();
    const inKey = new Set([numberColumn(table), ...(table.kind === 'name' ? table.key.map(({ at }) => at) : [])]);
    for (const [at, { id }] of table.columns.entries()) {
      if (inKey.has(at)) continue;
      const value = this.#value(table, row, view, at);
      if (!sameValue(value, this.#value(table, row, merged, at))) cells.set(id, value);
    }
    return cells;
  }

  #value(table: Table, row: RowId, view: Row, at: number): Value {
    const written = claimedValue(view, columnId(table, at));
    if (written !== undefined) return written;
    const [item = null] = valuesAt(table, [at], this.#rows.base, row, view, 'merged');
    return refersToBase(table, at) && typeof item === 'bigint' ? new RowRef(rowOfNumber(item)) : item;
  }
}

function isOfSeveral({ columns }: ForeignKey): boolean {
  return columns.length > 1;
}

function sameCells(a: ReadonlyMap<string, Value>, b: ReadonlyMap<string, Value>): boolean {
  return a.size === b.size && [...a].every(([column, item]) => b.has(column) && sameValue(item, b.get(column) ?? null));
}
