/**
 * Changes as the same edits under another copy id. Needed where two folders have numbered on under one id (a duplicated
 * or restored sync folder): a number is never used twice, so the later ones move over.
 * Pure; a change's meaning stays: what it had seen, what it replaces, which rows it made.
 */
import type { Body, DatabaseBody, RegistryBody } from './body.ts';
import { type ChangeId, madeId } from './change.ts';
import { isOwnWord } from './registry.ts';
import { keyOfRow, rowOfKey } from './tables.ts';
import { RowRef, type Value } from './value.ts';
import type { CopyId, Vector } from './vector.ts';

/** The changes of `from` after number `after` become those of `to`, numbered from 1. */
export interface Renaming {
  readonly from: CopyId;
  readonly to: CopyId;
  readonly after: number;
}

/** A copy goes on under another id. `others`: what was renamed with it, whoever made that. */
export interface Renewed extends Renaming {
  readonly others?: readonly Renaming[] | undefined;
}

/** Of two that begin in one log, the change belongs to the one that begins later. */
export function renamedChange({ copy, seq }: ChangeId, renamings: readonly Renaming[]): ChangeId {
  let found: Renaming | undefined;
  for (const one of renamings) {
    if (one.from === copy && seq > one.after && one.after >= (found?.after ?? 0)) found = one;
  }
  return found ? { copy: found.to, seq: seq - found.after } : { copy, seq };
}

export function renamedVector(vector: Vector, renamings: readonly Renaming[]): Vector {
  const renamed = new Map<CopyId, number>();
  const raise = (copy: CopyId, seq: number): void => {
    if (seq > (renamed.get(copy) ?? 0)) renamed.set(copy, seq);
  };
  for (const [copy, last] of vector) {
    let seq = last;
    const own = renamings.filter(({ from, after }) => from === copy && after < last);
    for (const { to, after } of own.sort((a, b) => b.after - a.after)) {
      raise(to, seq - after);
      seq = after;
    }
    raise(copy, seq);
  }
  return renamed;
}

/** A change that is to be made again: `deps` are those that it was made with. */
export type Former = ChangeId & { readonly deps: Vector; readonly body: Body };

/**
 * The bodies under the new names, in the order given, which is causal. What a body has seen is written out, because it
 * no longer equals the deps of the change that now holds it.
 */
export function reissued(changes: Iterable<Former>, renamings: readonly Renaming[]): Body[] {
  const rows = new Map<string, string>();
  const bodies: Body[] = [];
  for (const { copy, seq, deps, body } of changes) {
    const now = renamedChange({ copy, seq }, renamings);
    for (const [op, made] of body.ops.entries()) {
      if ('row' in made && made.row === null) rows.set(`h${madeId({ copy, seq }, op)}`, `h${madeId(now, op)}`);
    }
    const is = { copy, now, renamings };
    bodies.push(body.kind === 'database' ? databaseBody(body, deps, rows, renamings) : registryBody(body, rows, is));
  }
  return bodies;
}

function databaseBody(
  body: DatabaseBody & { kind: 'database' },
  deps: Vector,
  rows: ReadonlyMap<string, string>,
  renamings: readonly Renaming[],
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
  return { ...body, seen: renamedVector(body.seen ?? deps, renamings), ops };
}

function registryBody(
  body: RegistryBody & { kind: 'registry' },
  rows: ReadonlyMap<string, string>,
  { copy, now, renamings }: { readonly copy: CopyId; readonly now: ChangeId; readonly renamings: readonly Renaming[] },
): Body {
  const over = (writes: readonly ChangeId[]): ChangeId[] => writes.map((write) => renamedChange(write, renamings));
  const ops = body.ops.map((op) => {
    if (op.kind === 'remove') return { ...op, row: rows.get(op.row) ?? op.row, over: over(op.over) };
    // What the copy said of itself, it says of itself again: of another it would have no effect.
    const isIntroduction = op.row === copy && op.cells.some(({ column }) => isOwnWord(op.table, column));
    const row = isIntroduction ? now.copy : op.row === null ? null : (rows.get(op.row) ?? op.row);
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
