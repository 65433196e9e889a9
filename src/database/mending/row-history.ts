/** A row as it was in front of somebody: folded again from all that was ever written to it. */
import type { RowId } from '../../core/body.ts';
import { namedValue } from '../../core/body.ts';
import { type ChangeId, sameChange } from '../../core/change.ts';
import {
  ABSENT,
  compareOrigins,
  foldDelete,
  foldWrite,
  IN_BASE,
  isWrittenAlive,
  type Numbered,
  type Origin,
  type Row,
  seenVector,
} from '../../core/rows.ts';
import { namedRowOrKey, numberColumn, type Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { covers, EMPTY, type Vector } from '../../core/vector.ts';
import { cellsOf, numberedBy } from '../capture/ops.ts';
import { changesAfter, readBody } from '../folding/containing.ts';
import type { ChangeSource } from '../folding/source.ts';
import { knows, type MendedRows } from './mended-rows.ts';

export interface RowWrite {
  readonly by: Origin;
  readonly seen: Vector;
  readonly cells: readonly (readonly [string, Value])[];
}

interface RowOp extends RowWrite {
  readonly isDeletion: boolean;
  readonly numbered: Numbered | undefined;
}

/** All that was ever written to a row, in a causal order. */
export function writesTo(rows: MendedRows, table: Table, row: RowId, merged: Row): RowWrite[] {
  return opsOn(rows, table, row, merged).filter(({ cells }) => cells.length > 0);
}

function opsOn(rows: MendedRows, table: Table, row: RowId, merged: Row): RowOp[] {
  const makers = new Map<string, ChangeId>();
  const standing = [...merged.cells.values()].flat();
  for (const { copy, seq } of [...rows.past(table.id, row), ...standing, ...merged.deletions]) {
    makers.set(`${copy}:${seq}`, { copy, seq });
  }
  return [...makers.values()].flatMap((id) => opsOf(rows, table, row, id)).sort(compareWrites);
}

/** Every write to the rows of a table, and every deletion, that is in the log. */
export function* rowsWritten(source: ChangeSource, database: string, table: string): Generator<[Origin, RowId]> {
  for (const change of changesAfter(source, database, EMPTY)) {
    const body = readBody(source, change);
    if (!body.uses.some((use) => use.table === table)) continue;
    const by: Origin = { copy: change.copy, seq: change.seq, stamp: change.stamp };
    for (const [index, op] of body.ops.entries()) {
      if (body.uses[op.use]?.table !== table) continue;
      yield [by, namedRowOrKey(op.row ?? `n${index}`, by)];
    }
  }
}

/** Every number that was ever written to a row of a table, in the log. */
export function* numbersWritten(
  source: ChangeSource,
  database: string,
  table: Table,
): Generator<[Origin, RowId, bigint]> {
  const column = table.columns[numberColumn(table) ?? -1]?.id;
  for (const change of changesAfter(source, database, EMPTY)) {
    const body = readBody(source, change);
    if (!body.uses.some((use) => use.table === table.id)) continue;
    const by: Origin = { copy: change.copy, seq: change.seq, stamp: change.stamp };
    for (const [index, op] of body.ops.entries()) {
      const use = body.uses[op.use];
      if (use?.table !== table.id) continue;
      for (const [id, item] of cellsOf(op, use.columns)) {
        if (id === column && typeof item === 'bigint') yield [by, namedRowOrKey(op.row ?? `n${index}`, by), item];
      }
    }
  }
}

/** The row when a writer had written his change, and had seen what he had seen; not mended. */
export function rowFor(rows: MendedRows, table: Table, row: RowId, by: ChangeId): Row {
  return writesTo(rows, table, row, rows.merged(table, row))
    .filter((write) => sameChange(write.by, by))
    .reduce(withWrite, rowBefore(rows, table, row, by));
}

/** The same before he wrote. */
export function rowBefore(rows: MendedRows, table: Table, row: RowId, by: ChangeId): Row {
  const merged = rows.merged(table, row);
  const seen = rows.seenBy(by);
  return writesTo(rows, table, row, merged)
    .filter((write) => !sameChange(write.by, by) && covers(seen, write.by.copy, write.by.seq))
    .reduce(withWrite, merged.base ? IN_BASE : ABSENT);
}

/** Was the row deleted in front of a writer, as far as its own writes go? Whatever was written to it since. */
export function wasDeleted(rows: MendedRows, table: Table, row: RowId, by: ChangeId): boolean {
  const merged = rows.merged(table, row);
  if (merged.base && !merged.baseDead) return false;
  const view = opsOn(rows, table, row, merged)
    .filter((op) => knows(rows, by, op.by))
    .reduce(withOp, merged.base ? IN_BASE : ABSENT);
  return !isWrittenAlive(view);
}

function withOp(view: Row, { by, seen, cells, isDeletion, numbered }: RowOp): Row {
  return isDeletion ? foldDelete(view, by, seenVector(seen)) : foldWrite(view, by, cells, seenVector(seen), numbered);
}

export function withWrite(view: Row, { by, cells, seen }: RowWrite): Row {
  return foldWrite(view, by, cells, seenVector(seen));
}

function opsOf(rows: MendedRows, table: Table, row: RowId, id: ChangeId): RowOp[] {
  const { change, body } = rows.change(id);
  const by: Origin = { copy: change.copy, seq: change.seq, stamp: change.stamp };
  const seen = rows.seenBy(id);
  const found = body.ops.entries().flatMap(([index, op]) => {
    const use = body.uses[op.use];
    if (use?.table !== table.id || namedRowOrKey(op.row ?? `n${index}`, by) !== row) return [];
    const cells = cellsOf(op, use.columns).map(([column, item]): [string, Value] => [column, namedValue(item, by)]);
    return [{ by, seen, cells, isDeletion: op.kind === 'delete', numbered: numberedBy(op, by) }];
  });
  return found.toArray();
}

/** In a causal order: who has seen another has seen more than that one. */
export function compareWrites(a: RowWrite, b: RowWrite): number {
  return sizeOf(a.seen) - sizeOf(b.seen) || compareOrigins(a.by, b.by);
}

function sizeOf(seen: Vector): number {
  let size = 0;
  for (const seq of seen.values()) size += seq;
  return size;
}
