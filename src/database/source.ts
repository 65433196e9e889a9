/**
 * Where the changes come from: the log of the file, as the database process sees it. `src/store/log.ts` over a store
 * opened read-only is the real one, a log in memory the one of the tests.
 */
import type { ChangeId } from '../core/change.ts';
import type { Stamp } from '../core/clock.ts';
import type { Vector } from '../core/vector.ts';

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
  /** Told of a change whose body cannot be read: it has no effect here. */
  readonly unreadable?: (change: SourceChange) => void;
}
