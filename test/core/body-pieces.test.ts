import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { body, databaseOp, type ReadBody } from '../../src/core/body.ts';
import { encodeHead, readItems, readPieces } from '../../src/core/body-pieces.ts';
import { decode, encode, MalformedError, Writer } from '../../src/core/codec.ts';
import { bodies } from './values.ts';

const databaseBodies = bodies.filter((item) => item.kind === 'database');

/** The bytes cut at these places, however many fall together. */
function* cut(bytes: Uint8Array, places: readonly number[]): Generator<Uint8Array> {
  const ends = places.map((place) => place % (bytes.byteLength + 1)).sort((a, b) => a - b);
  for (const [index, end] of [...ends, bytes.byteLength].entries()) yield bytes.subarray(ends[index - 1] ?? 0, end);
}

const cuts = fc.array(fc.nat(100_000), { maxLength: 12 });

function whole({ ops, ...head }: ReadBody): object {
  const read = ops.entries().map(([, op]) => op);
  return { kind: 'database', ...head, ops: read.toArray() };
}

/** What came of it, or that it was refused. */
function outcome(read: () => object): object | 'refused' {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedError) return 'refused';
    throw error;
  }
}

test('CHG11 a body that is read in pieces, however they are cut, is the one that is read whole', () => {
  fc.assert(
    fc.property(databaseBodies, cuts, (item, places) => {
      const bytes = encode(body, item);
      const pieces = (): Iterable<Uint8Array> => cut(bytes, places);
      assert.deepEqual(whole(readPieces(pieces)), decode(body, bytes));
      // Ops are gone through as often as somebody asks.
      assert.deepEqual(whole(readPieces(pieces)), item);
    }),
  );
});

test('CHG11 a body that is written op by op has the bytes of one that is written whole', () => {
  fc.assert(
    fc.property(databaseBodies, cuts, (item, places) => {
      if (item.kind !== 'database') return;
      const ops = new Writer();
      for (const op of item.ops) databaseOp.write(ops, op);
      const bytes = Buffer.concat([encodeHead(item, item.ops.length), ops.finish()]);
      assert.deepEqual(bytes, encode(body, item));
      const again = readItems(databaseOp, cut(ops.finish(), places), item.ops.length);
      assert.deepEqual(again.map(([, op]) => op).toArray(), item.ops);
    }),
  );
});

test('CHG11 what is cut short, has more behind it or is altered is refused in pieces as it is whole', () => {
  const spoilt = fc.oneof(
    fc.record({ kind: fc.constant('short' as const), at: fc.nat(100_000), with: fc.nat(255) }),
    fc.record({ kind: fc.constant('long' as const), at: fc.nat(100_000), with: fc.nat(255) }),
    fc.record({ kind: fc.constant('altered' as const), at: fc.nat(100_000), with: fc.nat(255) }),
  );
  let refused = 0;
  fc.assert(
    fc.property(databaseBodies, spoilt, cuts, (item, how, places) => {
      const bytes = Buffer.from(encode(body, item));
      const at = how.at % bytes.byteLength;
      const altered = Buffer.from(bytes);
      // The kind of body says who reads it.
      if (at > 0) altered[at] = how.with;
      const bad =
        how.kind === 'short'
          ? bytes.subarray(0, at)
          : how.kind === 'long'
            ? Buffer.concat([bytes, Buffer.of(how.with)])
            : altered;
      const expected = outcome(() => decode(body, bad));
      assert.deepEqual(
        outcome(() => whole(readPieces(() => cut(bad, places)))),
        expected,
      );
      if (expected === 'refused') refused += 1;
    }),
  );
  assert.ok(refused > 10, 'bodies were spoilt');
});
