/**
 * Own changes that nobody else has, as the same edits under another copy id. Needed where two folders have numbered on
 * under one id (a duplicated or restored sync folder): a number is never used twice, so the later ones move over.
 * Pure; a change's meaning stays: what it had seen, what it replaces, which rows it made.
 */
import type { Body, DatabaseBody, RegistryBody } from './body.ts';
import { type ChangeId, madeId } from './change.ts';
import { isOwnWord } from './registry.ts';
import { keyOfRow, rowOfKey } from './tables.ts';
import { RowRef, type Value } from './value.ts';
import { at, type CopyId, type Vector } from './vector.ts';

/** The changes of `from` after number `after` become those of `to`, numbered from 1. */
export interface Renaming {
  readonly from: CopyId;
  readonly to: CopyId;
  readonly after: number;
}

export function renamedChange({ copy, seq }: ChangeId, { from, to, after }: Renaming): ChangeId {
  return copy === from && seq > after ? { copy: to, seq: seq - after } : { copy, seq };
}

export function renamedVector(vector: Vector, { from, to, after }: Renaming): Vector {
  const seq = at(vector, from);
  if (seq <= after) return vector;
  const renamed = new Map(vector).set(to, seq - after);
  if (after > 0) renamed.set(from, after);
  else renamed.delete(from);
  return renamed;
}

/**
 * The bodies of consecutive changes, the first being number `after` + 1. `deps` are those of each change: what a body
 * has seen is written out, because it no longer equals the deps of the change that now holds it.
 */
export function reissued(
  changes: readonly { readonly deps: Vector; readonly body: Body }[],
  renaming: Renaming,
): Body[] {
  const rows = new Map<string, string>();
  return changes.map(({ deps, body }, index) => {
    const old = { copy: renaming.from, seq: renaming.after + 1 + index };
    const now = renamedChange(old, renaming);
    for (const [op, made] of body.ops.entries()) {
      if ('row' in made && made.row === null) rows.set(`h${madeId(old, op)}`, `h${madeId(now, op)}`);
    }
    return body.kind === 'database' ? databaseBody(body, deps, rows, renaming) : registryBody(body, rows, renaming);
  });
}

function databaseBody(
  body: DatabaseBody & { kind: 'database' },
  deps: Vector,
  rows: ReadonlyMap<string, string>,
  renaming: Renaming,
): Body {
  const row = (id: string): string => renamedRow(id, rows);
  const value = (item: Value): Value => (item instanceof RowRef ? new RowRef(row(item.row)) : item);
  const ops = body.ops.map((op) => {
    switch (op.kind) {
      case 'insert':
        return { ...op, row: op.row === null ? null : row(op.row), values: op.values.map(value) };
      case 'update':
        return { ...op, row: row(op.row), cells: op.cells.map((cell) => ({ ...cell, value: value(cell.value) })) };
      case 'delete':
        return { ...op, row: row(op.row) };
      case 'number':
        return { ...op, row: row(op.row), because: row(op.because) };
      default:
        return op satisfies never;
    }
  });
  return { ...body, seen: renamedVector(body.seen ?? deps, renaming), ops };
}

function registryBody(
  body: RegistryBody & { kind: 'registry' },
  rows: ReadonlyMap<string, string>,
  renaming: Renaming,
): Body {
  const over = (writes: readonly ChangeId[]): ChangeId[] => writes.map((write) => renamedChange(write, renaming));
  const ops = body.ops.map((op) => {
    if (op.kind === 'remove') return { ...op, row: rows.get(op.row) ?? op.row, over: over(op.over) };
    // What the copy said of itself, it says of itself again: of another it would have no effect.
    const isIntroduction = op.row === renaming.from && op.cells.some(({ column }) => isOwnWord(op.table, column));
    const row = isIntroduction ? renaming.to : op.row === null ? null : (rows.get(op.row) ?? op.row);
    return { ...op, row, cells: op.cells.map((cell) => ({ ...cell, over: over(cell.over) })) };
  });
  return { ...body, ops };
}

function renamedRow(id: string, rows: ReadonlyMap<string, string>): string {
  if (id[0] === 'h') return rows.get(id) ?? id;
  if (id[0] !== 'k') return id;
  const key = keyOfRow(id);
  if (!key.some((item) => item instanceof RowRef)) return id;
  return rowOfKey(key.map((item) => (item instanceof RowRef ? new RowRef(renamedRow(item.row, rows)) : item)));
}
