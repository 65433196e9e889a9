import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode, encode, MalformedError } from '../../src/core/codec.ts';
import {
  at,
  covers,
  EMPTY,
  entries,
  includes,
  join,
  meet,
  same,
  vectorCodec,
  withEntry,
} from '../../src/core/vector.ts';
import { vectors as distant } from './values.ts';

const COPIES = ['a', 'b', 'c'].map((letter) => letter.repeat(32));
const small = fc
  .tuple(fc.nat(2), fc.nat(2), fc.nat(2))
  .map((seqs) => new Map(COPIES.map((copy, index) => [copy, seqs[index] as number])));
const vector = fc.oneof(small, distant);
const three = (law: (a: Map<string, number>, b: Map<string, number>, c: Map<string, number>) => boolean): void =>
  fc.assert(fc.property(vector, vector, vector, law));

test('VEC1 joining and meeting are a lattice over what a replica has', () => {
  three((a, b) => same(join(a, b), join(b, a)) && same(meet(a, b), meet(b, a)));
  three((a, b, c) => same(join(a, join(b, c)), join(join(a, b), c)) && same(meet(a, meet(b, c)), meet(meet(a, b), c)));
  three((a, b) => same(join(a, meet(a, b)), a) && same(meet(a, join(a, b)), a));
  three((a) => same(join(a, a), a) && same(meet(a, a), a) && same(join(a, EMPTY), a) && same(meet(a, EMPTY), EMPTY));
});

test('VEC2 including is the order of that lattice', () => {
  three((a, b) => includes(a, b) === same(join(a, b), a) && includes(a, b) === same(meet(a, b), b));
  three((a, b, c) => !(includes(a, b) && includes(b, c)) || includes(a, c));
  three((a, b) => !(includes(a, b) && includes(b, a)) || same(a, b));
  three((a, b) => includes(join(a, b), a) && includes(a, meet(a, b)));
});

test('VEC3 a copy that is not named counts as 0', () => {
  const named = new Map([[COPIES[0]!, 0]]);
  assert(same(named, EMPTY));
  assert.equal(at(EMPTY, COPIES[0]!), 0);
  assert(covers(EMPTY, COPIES[0]!, 0) && !covers(EMPTY, COPIES[0]!, 1));
  assert.deepEqual(entries(named), []);
});

test('VEC4 nothing alters a vector that somebody holds', () => {
  fc.assert(
    fc.property(vector, vector, fc.nat(9), (a, b, seq) => {
      const [before, other] = [new Map(a), new Map(b)];
      join(a, b);
      meet(a, b);
      assert.equal(at(withEntry(a, COPIES[1]!, seq), COPIES[1]!), seq);
      assert.deepEqual([a, b], [before, other]);
    }),
  );
});

test('VEC5 one vector has one form, sorted and without zeros, and no other is read', () => {
  fc.assert(
    fc.property(vector, (a) => {
      const shuffled = new Map([...a].reverse());
      assert.deepEqual(encode(vectorCodec, a), encode(vectorCodec, shuffled));
      assert(same(decode(vectorCodec, encode(vectorCodec, a)), a));
    }),
  );
  const entry = (letter: string, seq: number) => [...Buffer.alloc(16, letter), seq];
  for (const wrong of [[entry('b', 1), entry('a', 1)], [entry('a', 1), entry('a', 2)], [entry('a', 0)]]) {
    assert.throws(() => decode(vectorCodec, Uint8Array.from([wrong.length, ...wrong.flat()])), MalformedError);
  }
});
