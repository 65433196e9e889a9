/**
 * Where the changes come from: the log of the file, as the database process sees it. `src/store/log.ts` over a store
 * opened read-only is the real one, a log in memory the one of the tests.
 */

import type { ChangeId } from '../../core/change.ts';
import type { Stamp } from '../../core/clock.ts';
import { assert } from '../../core/problem.ts';
import { type Vector, withEntry } from '../../core/vector.ts';
import { readBody } from './containing.ts';

export interface SourceChange extends ChangeId {
  readonly stamp: Stamp;
  readonly deps: Vector;
  /** Bytes of the body: what one transaction takes in is bounded by them. */
  readonly size: number;
}

export interface ChangeSource {
  /** Everything that is stored. */
  vector(): Vector;
  /** Up to `limit` of the changes on `subject` (a database's id) that `vector` lacks, in a causal order. */
  after(vector: Vector, options: { readonly subject: string; readonly limit: number }): readonly SourceChange[];
  /** The body's bytes, proved by their hash. */
  body(change: SourceChange): Uint8Array;
  /** The same a piece at a time, for large ones; proved when their end is reached. */
  pieces(change: SourceChange): Iterable<Uint8Array>;
  /** Bodies above this are read a piece at a time. */
  readonly wholeBytes?: number;
  /** Told of a change whose body cannot be read: it has no effect here. */
  readonly unreadable?: (change: SourceChange) => void;
}

/** What was asked for last: whoever asks of a change asks for all its rows. */
const MAX_KNOWN = 1000;
const known = new WeakMap<ChangeSource, Map<string, Vector>>();

/** What the maker of a change on this database had in front of him. */
export function seenBy(source: ChangeSource, subject: string, change: ChangeId): Vector {
  const vectors = known.get(source) ?? new Map<string, Vector>();
  known.set(source, vectors);
  const name = `${change.copy}:${change.seq}`;
  const found = vectors.get(name);
  if (found !== undefined) return found;
  if (vectors.size >= MAX_KNOWN) vectors.clear();
  const seen = readSeen(source, subject, change);
  vectors.set(name, seen);
  return seen;
}

function readSeen(source: ChangeSource, subject: string, id: ChangeId): Vector {
  const change = changeAt(source, subject, id);
  return readBody(source, change).seen ?? change.deps;
}

/** A change that is in the log. */
export function changeAt(source: ChangeSource, subject: string, { copy, seq }: ChangeId): SourceChange {
  const before = withEntry(source.vector(), copy, seq - 1);
  const [change] = source.after(before, { subject, limit: 1 });
  assert(change !== undefined && change.copy === copy && change.seq === seq, `change ${seq} of ${copy} is in the log`);
  return change;
}
