import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { floorOf, restingPlace, type Standing } from '../../src/core/floor.ts';
import { at, covers, EMPTY, includes, join, meet, same, type Vector, withEntry } from '../../src/core/vector.ts';

/** Copies that write and hear of each other by chance: all changes, in a causal order. */
const logs = fc
  .array(fc.record({ who: fc.nat(3), hears: fc.constantFrom(-1, -1, 0, 1, 2, 3) }), { maxLength: 30 })
  .map((steps) => {
    const has = new Map<string, Vector>();
    const made: Standing[] = [];
    for (const { who, hears } of steps) {
      const copy = 'abcd'[who] as string;
      const mine = has.get(copy) ?? EMPTY;
      if (hears >= 0) has.set(copy, join(mine, has.get('abcd'[hears] as string) ?? EMPTY));
      else {
        const seq = at(mine, copy) + 1;
        made.push({ copy, seq, deps: mine });
        has.set(copy, withEntry(mine, copy, seq));
      }
    }
    return made;
  });

const lastOf = (made: readonly Standing[]): Standing[] => [...new Map(made.map((one) => [one.copy, one])).values()];
const beyond = (made: readonly Standing[]) => (vector: Vector) =>
  made.filter(({ copy, seq }) => !covers(vector, copy, seq));

test('CMP2 below the floor is what every copy in use has said that it has', () => {
  fc.assert(
    fc.property(logs, (made) => {
      const floor = floorOf(lastOf(made));
      for (const { copy, seq, deps } of lastOf(made)) assert.ok(includes(withEntry(deps, copy, seq), floor));
      // Somebody is just there: no higher vector has this property.
      for (const [copy, seq] of join(floor, new Map(made.map((one) => [one.copy, 0])))) {
        const higher = withEntry(floor, copy, seq + 1);
        const all = lastOf(made).every((one) => includes(withEntry(one.deps, one.copy, one.seq), higher));
        assert.ok(!all || made.length === 0);
      }
    }),
    { numRuns: 200 },
  );
  assert.ok(same(floorOf([]), EMPTY));
});

test('CMP2 history is packed up to a moment that all which came later has seen, and to the last of these', () => {
  fc.assert(
    fc.property(logs, (made) => {
      const floor = floorOf(lastOf(made));
      const rests = (vector: Vector): boolean => beyond(made)(vector).every(({ deps }) => includes(deps, vector));
      const place = restingPlace(floor, beyond(made));
      assert.ok(place !== null && includes(floor, place) && rests(place));
      // What lies below is closed, and no other such moment up to the floor is later.
      for (const one of made) if (covers(place, one.copy, one.seq)) assert.ok(includes(place, one.deps));
      for (const { copy, seq, deps } of made) {
        const other = meet(floor, withEntry(deps, copy, seq));
        if (rests(other)) assert.ok(includes(place, other));
      }
    }),
    { numRuns: 200 },
  );
});

test('CMP2 a log without a moment of rest is left as it is, in bounded time', () => {
  // Two who write all the time and hear of each other late.
  const made: Standing[] = [];
  for (let seq = 1; seq <= 2000; seq++) {
    for (const [copy, other] of ['ab', 'ba']) {
      const deps = new Map(
        [
          [copy as string, seq - 1],
          [other as string, Math.max(0, seq - 10)],
        ].filter(([, n]) => Number(n) > 0) as [string, number][],
      );
      made.push({ copy: copy as string, seq, deps });
    }
  }
  const place = restingPlace(floorOf(lastOf(made)), beyond(made));
  assert.ok(place === null || place.size === 0);
});
