import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareClaims, losers, placeLosers } from '../../src/core/numbers.ts';
import { type PlaceEvent, tracePlaces } from '../../src/core/places.ts';
import { canonicalKey, keyOfRow, namedRowOrKey, rowOfKey, rowOfNumber } from '../../src/core/tables.ts';
import { RowRef } from '../../src/core/value.ts';

const event = (text: string): PlaceEvent => {
  const [op, number, to] = text.split(' ') as [PlaceEvent['op'], string, string?];
  if (op === 'a') return { op, number: BigInt(number), row: to as string };
  return (op === 'm' ? { op, number: BigInt(number), to: BigInt(to!) } : { op, number: BigInt(number) }) as PlaceEvent;
};

/** What is at 1 and 2 before; the marks; what is there after; the known rows by number, the new ones. */
const stories: [
  story: string,
  events: string[],
  there: bigint[],
  known: Record<string, bigint | null>,
  fresh: bigint[],
][] = [
  ['an update', ['u 1'], [1n, 2n], { a: 1n }, []],
  ['an insert', ['i 3'], [1n, 2n, 3n], {}, [3n]],
  ['a deletion', ['d 1'], [2n], { a: null }, []],
  ['an insert that is deleted again', ['i 3', 'd 3'], [1n, 2n], {}, []],
  ['delete, then insert: a new row', ['d 1', 'i 1'], [1n, 2n], { a: null }, [1n]],
  ['REPLACE without delete triggers: the same row', ['r 1', 'i 1'], [1n, 2n], { a: 1n }, []],
  ['REPLACE with delete triggers: the same row', ['r 1', 'd 1', 'i 1'], [1n, 2n], { a: 1n }, []],
  ['REPLACE over another UNIQUE: the other is gone', ['v 2', 'i 3'], [1n, 3n], { b: null }, [3n]],
  ['an insert that names a number at which nobody is', ['r 3', 'i 3', 'd 3', 'i 3'], [1n, 2n, 3n], {}, [3n]],
  ['INSERT OR IGNORE changes nothing', ['r 1', 'v 2'], [1n, 2n], { a: 1n, b: 2n }, []],
  ['a victim, and its number taken anew', ['v 2', 'i 3', 'i 2'], [1n, 2n, 3n], { b: null }, [3n, 2n]],
  ['another number', ['m 1 5', 'u 5'], [2n, 5n], { a: 5n }, []],
  ['two swap by way of a third', ['m 1 9', 'm 2 1', 'm 9 2'], [1n, 2n], { a: 2n, b: 1n }, []],
  ['a number taken from another row', ['m 1 2'], [2n], { a: 2n, b: null }, []],
  ['a deletion that no trigger saw', ['u 1'], [2n], { a: null }, []],
  ['a deleted row brought back', ['a 3 c'], [1n, 2n, 3n], { c: 3n }, []],
  ['brought back at a number that was left', ['d 1', 'a 1 c'], [1n, 2n], { a: null, c: 1n }, []],
  ['brought back, and deleted again', ['a 3 c', 'd 3'], [1n, 2n], { c: null }, []],
  ['an insert that no trigger saw', ['d 1'], [1n, 2n], { a: null }, [1n]],
];

test('NUM4 who is at a number after an application has worked is told by its marks and by what is there', () => {
  for (const [story, events, there, known, fresh] of stories) {
    const rowAt = (number: bigint) => (number === 1n ? 'a' : number === 2n ? 'b' : null);
    const places = tracePlaces(events.map(event), rowAt, (number) => there.includes(number));
    assert.deepEqual(Object.fromEntries(places.known), known, story);
    assert.deepEqual([...places.fresh].sort(), [...fresh].sort(), story);
  }
});

const claim = fc.record({
  row: fc.integer({ min: 1, max: 20 }).map((n) => `h${n.toString(16).padStart(32, '0')}`),
  by: fc.option(
    fc.record({
      copy: fc.constantFrom('aa', 'bb'),
      seq: fc.integer({ min: 1, max: 5 }),
      stamp: fc.integer({ min: 1, max: 5 }),
    }),
  ),
});

test('NUM5 of the rows that claim one number the first keeps it, the others get numbers above all, in one order for everybody', () => {
  const property = fc.property(
    fc.uniqueArray(claim, { selector: ({ row }) => row }),
    fc.bigInt(1n, 100n),
    (claims, top) => {
      const must = losers(claims);
      assert.equal(must.length, Math.max(0, claims.length - 1));
      for (const each of must) assert.ok(claims.some((other) => compareClaims(other, each) < 0));
      const placed = placeLosers(must, top);
      assert.deepEqual(new Map([...placed].sort()), new Map([...placeLosers([...must].reverse(), top)].sort()));
      assert.deepEqual(
        [...placed.values()].sort((a, b) => Number(a - b)),
        must.map((_, index) => top + 1n + BigInt(index)),
      );
    },
  );
  fc.assert(property);
});

test('ROW5 a row is named by its key in one form: what SQLite holds to be one key is one row', () => {
  assert.equal(rowOfKey([canonicalKey(1, 'BINARY')]), rowOfKey([1n]));
  assert.equal(rowOfKey([canonicalKey('ABCÄ', 'NOCASE')]), rowOfKey([canonicalKey('abcÄ', 'NOCASE')]));
  assert.notEqual(rowOfKey([canonicalKey('Ä', 'NOCASE')]), rowOfKey([canonicalKey('ä', 'NOCASE')]));
  assert.equal(rowOfKey([canonicalKey('a  ', 'RTRIM')]), rowOfKey(['a']));
  assert.notEqual(rowOfKey(['1']), rowOfKey([1n]));
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (number) => {
      assert.equal(rowOfNumber(number), rowOfKey([number]));
      assert.deepEqual(keyOfRow(rowOfNumber(number)), [number]);
    }),
  );
  for (const edge of [0n, 1n, 63n, 64n, 8191n, 8192n, 2n ** 20n, 2n ** 30n - 1n, 2n ** 30n])
    assert.equal(rowOfNumber(edge), rowOfKey([edge]));
});

test('ROW6 references inside keys to rows of the same change get their ids with it', () => {
  const change = { copy: 'aa'.repeat(16), seq: 7 };
  const named = namedRowOrKey(rowOfKey([new RowRef('n3'), 'x']), change);
  assert.deepEqual(keyOfRow(named), [new RowRef(namedRowOrKey('n3', change)), 'x']);
  assert.equal(namedRowOrKey(rowOfKey([6n, 'x']), change), rowOfKey([6n, 'x']));
});
