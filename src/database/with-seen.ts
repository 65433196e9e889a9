/** A body's `seen` can be put in by whoever appends it, who alone knows whether it differs from the deps. */

import { concatBytes } from '../core/bytes.ts';
import { encode } from '../core/codec.ts';
import { assert } from '../core/problem.ts';
import { type Vector, vectorCodec } from '../core/vector.ts';

/** The kind of the body (one byte) and the database's id (8 bytes) come first, then whether there is a `seen`. */
const AT = 9;

/** The bytes of a database's body, encoded without `seen`, with it. */
export function withSeen(bytes: Uint8Array, seen: Vector): Uint8Array {
  assert(bytes[0] === 1 && bytes[AT] === 0, 'a body without seen');
  return concatBytes([bytes.subarray(0, AT), Uint8Array.of(1), encode(vectorCodec, seen), bytes.subarray(AT + 1)]);
}
