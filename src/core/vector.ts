/**
 * Version vectors: `{copy: last number}` says exactly which changes a replica has, because each copy numbers its
 * changes 1, 2, 3, … without gaps. A copy that is not named counts as 0.
 */
import { type Codec, hex, list, MalformedError, struct, varint } from './codec.ts';

/** 16 random bytes as 32 hex characters. */
export type CopyId = string;
export type Vector = ReadonlyMap<CopyId, number>;

/** More copies of one file than any office has; a bound on what a peer can make us hold. */
export const MAX_COPIES = 4096;
/** Of these, from one device: a machine that is set up anew each month for twenty years, and no member's way to take all. */
export const MAX_COPIES_OF_DEVICE = 256;

export const EMPTY: Vector = new Map();

export function at(vector: Vector, copy: CopyId): number {
  return vector.get(copy) ?? 0;
}

export function covers(vector: Vector, copy: CopyId, seq: number): boolean {
  return at(vector, copy) >= seq;
}

/** Does `a` have everything that `b` has? */
export function includes(a: Vector, b: Vector): boolean {
  for (const [copy, seq] of b) if (at(a, copy) < seq) return false;
  return true;
}

export function same(a: Vector, b: Vector): boolean {
  return includes(a, b) && includes(b, a);
}

export function join(a: Vector, b: Vector): Vector {
  const joined = new Map(a);
  for (const [copy, seq] of b) if (at(a, copy) < seq) joined.set(copy, seq);
  return joined;
}

export function meet(a: Vector, b: Vector): Vector {
  const met = new Map<CopyId, number>();
  for (const [copy, seq] of a) {
    const lower = Math.min(seq, at(b, copy));
    if (lower > 0) met.set(copy, lower);
  }
  return met;
}

export function withEntry(vector: Vector, copy: CopyId, seq: number): Vector {
  return new Map(vector).set(copy, seq);
}

/** Sorted by copy, without zeros: one vector has one form, so that it can be signed. */
export function entries(vector: Vector): { copy: CopyId; seq: number }[] {
  const sorted = [...vector].filter(([, seq]) => seq > 0).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted.map(([copy, seq]) => ({ copy, seq }));
}

const entryList = list(struct({ copy: hex(16), seq: varint() }), MAX_COPIES);

export const vectorCodec: Codec<Vector> = {
  schema: `vector${entryList.schema}`,
  write: (to, vector) => entryList.write(to, entries(vector)),
  read: (from) => {
    const vector = new Map<CopyId, number>();
    let last = '';
    for (const { copy, seq } of entryList.read(from)) {
      if (copy <= last || seq === 0) throw new MalformedError('a vector that is not in its one form');
      vector.set(copy, seq);
      last = copy;
    }
    return vector;
  },
};
