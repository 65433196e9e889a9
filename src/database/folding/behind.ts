/**
 * A file that does not hold what is folded: it came back from a backup, or lost its last commits. What is edited in it
 * is compared with the rows as they were at the changes that it does hold, and as its own edits since have left them:
 * what follows from these for other rows is not in it yet.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { ReadBody, RowId } from '../../core/body.ts';
import { type ChangeId, sameChange } from '../../core/change.ts';
import type { Row } from '../../core/rows.ts';
import { at, type CopyId, EMPTY, type Vector, withEntry } from '../../core/vector.ts';
import { ROWS, RowState } from '../../store/row-state.ts';
import { openStore } from '../../store/sqlite.ts';
import { changesAfter, lackingAt, readBody } from './containing.ts';
import { Folding, type FoldingBy } from './folding.ts';
import type { LeftRows } from './folding-views.ts';
import type { ChangeSource, SourceChange } from './source.ts';

export interface Behind {
  /** At what was applied to the file. */
  readonly state: RowState;
  readonly store: DatabaseSync;
  /** What was applied to the file. */
  readonly contained: Vector;
  /** Own changes that were edited in it since. */
  readonly edited: Folded[];
}

export interface Folded {
  readonly change: SourceChange;
  readonly body: ReadBody;
}

/** The rows as they were when exactly these changes were contained, and what was edited in a file that has them. */
export function stateAt(by: FoldingBy, contained: Vector, edited: readonly SourceChange[] = []): Behind {
  // Without a name: in memory while it is small, then on the disk.
  const store = openStore('', ROWS);
  const { source, database } = by;
  const state = new RowState(store, database);
  state.begin();
  foldInto(state, by, bodiesOf(source, lackingAt(source, database, contained, EMPTY, []))).close();
  state.commit();
  return { state, store, contained, edited: [...bodiesOf(source, edited)] };
}

/** The rows that a file's own edits wrote to, as these left them. */
export function leftIn({ state, edited }: Behind, by: FoldingBy): LeftRows {
  const left = new Map<string, Map<RowId, Row>>();
  state.begin();
  const folding = new Folding(state, by);
  try {
    for (const { change, body } of edited) folding.fold(change, body);
    for (const [table, rows] of folding.touched) {
      left.set(table, new Map([...rows.values()].map(({ row, now }) => [row, now])));
    }
    return left;
  } finally {
    folding.close();
    state.rollback();
  }
}

/**
 * What a program had in front of it that edited such a file. A vector has no gaps: own changes that the file lost count
 * as seen once something was edited in it. They are in the history, and what is folded lacks nothing.
 */
export function seenBehind({ contained, edited }: Behind): Vector {
  let seen = contained;
  for (const { change } of edited) {
    const { copy, seq } = change;
    if (at(seen, copy) < seq) seen = withEntry(seen, copy, seq);
  }
  return seen;
}

/** Each body is read when it is its turn. */
export function* bodiesOf(source: ChangeSource, changes: Iterable<SourceChange>): Generator<Folded> {
  for (const change of changes) yield { change, body: readBody(source, change) };
}

export function foldInto(state: RowState, by: FoldingBy, folded: Iterable<Folded>): Folding {
  const folding = new Folding(state, by);
  for (const { change, body } of folded) folding.fold(change, body);
  folding.settle();
  return folding;
}

/**
 * Own changes that neither the file nor rows.db holds: entered from another database and not yet placed, or lost by
 * both in a power cut. A vector has no gaps, so they are folded, with all that came before them, before the next
 * capture gets a number above theirs; the file is then behind.
 */
export function foldMissed(
  state: RowState,
  by: FoldingBy,
  { copy, edited }: { readonly copy: CopyId; readonly edited: readonly SourceChange[] },
): void {
  const { source, database } = by;
  const isEdited = (change: ChangeId): boolean => edited.some((one) => one.copy === copy && one.seq === change.seq);
  let last = 0;
  for (const change of changesAfter(source, database, state.vector)) {
    if (change.copy === copy && !isEdited(change)) last = change.seq;
  }
  if (last === 0) return;
  state.begin();
  try {
    const missed = upTo(changesAfter(source, database, state.vector), { copy, seq: last });
    foldInto(state, by, bodiesOf(source, missed)).close();
    state.commit();
  } catch (error) {
    state.rollback();
    throw error;
  }
}

function* upTo(changes: Iterable<SourceChange>, last: ChangeId): Generator<SourceChange> {
  for (const change of changes) {
    yield change;
    if (sameChange(change, last)) return;
  }
}
