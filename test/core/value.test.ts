import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode, encode, MalformedError } from '../../src/core/codec.ts';
import { RawText, RowRef, sameValue, type Value, value } from '../../src/core/value.ts';
import { values } from './values.ts';

const copyOf = (item: Value): Value => decode(value, encode(value, item));

test('COD9 a value is carried exactly as SQLite has it: kind and bits', () => {
  fc.assert(
    fc.property(values, (item) => {
      const carried = copyOf(item);
      assert(sameValue(carried, item));
      assert.equal(typeof carried, typeof item);
      assert.deepEqual(carried, item);
    }),
    { numRuns: 1000 },
  );
  const ends = [2n ** 63n - 1n, -(2n ** 63n), 0n, -1n];
  for (const item of ends) assert.equal(copyOf(item), item);
  for (const beyond of [2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n]) {
    assert.throws(() => encode(value, beyond), RangeError);
  }
  assert(Object.is(copyOf(-0), -0));
});

test('COD9 what SQLite itself hands out comes back into it bit by bit', () => {
  const db = new DatabaseSync(':memory:');
  const read = db.prepare('SELECT ? AS item, typeof(?1) AS kind, hex(?1) AS bits');
  read.setReadBigInts(true);
  const plain = values.filter((item) => !(item instanceof RawText || item instanceof RowRef));
  fc.assert(
    fc.property(plain, (item) => {
      const before = read.get(item as never);
      const after = read.get(copyOf(before?.item as Value) as never);
      assert.deepEqual(after, before);
    }),
    { numRuns: 500 },
  );
  db.close();
});

test('COD10 values of different kinds are different, and reals differ by bits', () => {
  const distinct: Value[] = [
    null,
    1n,
    1,
    '1',
    Buffer.from('1'),
    new RawText(Buffer.from('1')),
    new RowRef('k31'),
    0,
    -0,
    '',
    new Uint8Array(),
    'é',
    'e\u0301',
  ];
  for (const [a, left] of distinct.entries()) {
    for (const [b, right] of distinct.entries()) assert.equal(sameValue(left, right), a === b);
  }
});

test('COD11 there is no NaN, and a value of an unknown kind is refused', () => {
  assert.throws(() => encode(value, Number.NaN), RangeError);
  const nan = Buffer.alloc(9);
  nan[0] = 2;
  nan.writeDoubleBE(Number.NaN, 1);
  assert.throws(() => decode(value, nan), MalformedError);
  assert.throws(() => decode(value, Uint8Array.of(9)), MalformedError);
});

test('COD12 a row is named by key, by the op that made it, or by an op of the same change, and by nothing else', () => {
  for (const wrong of [
    '',
    'x00',
    'h00',
    `h${'0'.repeat(33)}`,
    'k0',
    'kzz',
    'n',
    'n-1',
    'n1.5',
    `k${'00'.repeat(16_385)}`,
  ]) {
    assert.throws(() => encode(value, new RowRef(wrong)), RangeError, wrong);
  }
  assert.throws(() => decode(value, Uint8Array.of(6, 'x'.charCodeAt(0), 0)), MalformedError);
});

test('COD13 values outlive the message in which they came', () => {
  const message = Buffer.from(encode(value, Buffer.from('blob')));
  const item = decode(value, message) as Uint8Array;
  message.fill(0);
  assert.equal(Buffer.from(item).toString(), 'blob');
});
