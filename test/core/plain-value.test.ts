import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fromJson, toJson } from '../../src/core/plain-value.ts';
import { RawText, RowRef, sameValue, type Value } from '../../src/core/value.ts';
import { value as schema } from '../../src/sdk/contract/shapes.ts';
import { character } from './characters.ts';

const values: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double({ noNaN: true }).filter((real) => Object.is(real, -0) || !Number.isSafeInteger(real)),
  fc.string({ unit: character }),
  fc.uint8Array(),
  fc.uint8Array().map((bytes) => new RawText(bytes)),
  fc.string().map((row) => new RowRef(row)),
);

test('API11 every value of a cell goes through JSON and the contract unharmed', () => {
  fc.assert(
    fc.property(values, (value) => {
      const json = schema.parse(JSON.parse(JSON.stringify(toJson(value))));
      assert.ok(sameValue(fromJson(json), value));
    }),
  );
  assert.deepEqual([7n, 2.5, 2 ** 60, 'a'].map(toJson), [7, 2.5, 2 ** 60, 'a']);
  assert.equal(fromJson(4010), 4010n);
});
