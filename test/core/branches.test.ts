import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { branchId, divided, fitting, givenOtherwise, type Placed } from '../../src/core/branches.ts';
import { sha256 } from '../../src/core/bytes.ts';
import { renamedVector } from '../../src/core/reissue.ts';
import { at, type CopyId, EMPTY, type Vector } from '../../src/core/vector.ts';

const [ANA, BEN, CHLOE] = ['a', 'b', 'c'].map((letter) => letter.repeat(32)) as [CopyId, CopyId, CopyId];
const hashOf = (copy: CopyId, seq: number): string => sha256(Buffer.from(`${copy}${seq}`));
const change = (copy: CopyId, seq: number, deps: Vector = EMPTY): Placed & { deps: Vector } => {
  return { copy, seq, deps, hash: hashOf(copy, seq) };
};
const NONE = new Map<CopyId, string[]>();
const named = (toMake: readonly { change: Placed; log: CopyId }[]): string[] => {
  return toMake.map(({ change: { copy, seq }, log }) => `${copy[0]}${seq} ${log.slice(0, 8)}`);
};
/** Ana's 6 to 10, with what Ben and Chloe made upon it. */
const former = [
  ...[6, 7, 8].map((seq) => change(ANA, seq)),
  change(BEN, 4, new Map([[ANA, 7]])),
  ...[9, 10].map((seq) => change(ANA, seq)),
  change(CHLOE, 3, new Map([[BEN, 4]])),
];
const [upon6, upon9, uponBen, uponChloe] = [
  branchId(hashOf(ANA, 6)),
  branchId(hashOf(ANA, 9)),
  branchId(hashOf(BEN, 4)),
  branchId(hashOf(CHLOE, 3)),
];

describe('what does not fit the hub’s branch of a log', () => {
  test('REN9 what was made upon another branch does not fit either, and all of it gets the same ids from whoever holds it', () => {
    const tips = new Map([
      [ANA, 10],
      [BEN, 4],
      [CHLOE, 3],
    ]);
    const earlier = [change(BEN, 3, new Map([[ANA, 5]])), change(CHLOE, 2, new Map([[BEN, 3]]))];
    const { vector, isWhole } = fitting(tips, new Map([[ANA, 5]]), [...earlier, ...former]);
    assert.deepEqual([at(vector, ANA), at(vector, BEN), at(vector, CHLOE), isWhole], [5, 3, 2, false]);
    assert.equal(fitting(tips, EMPTY, [...earlier, ...former]).isWhole, true);

    const all = divided(former, EMPTY, NONE);
    const less = divided(former.slice(0, 4), EMPTY, NONE);
    const seen = new Map([
      [ANA, 8],
      [BEN, 4],
    ]);
    assert.deepEqual(renamedVector(seen, all.renamings), renamedVector(seen, less.renamings));
    assert.deepEqual(
      renamedVector(seen, all.renamings),
      new Map([
        [upon6, 3],
        [ANA, 5],
        [uponBen, 1],
        [BEN, 3],
      ]),
    );
    assert.deepEqual(
      [...all.origins].map(([log, hashes]) => [log, hashes.length]),
      [
        [upon6, 5],
        [uponBen, 1],
        [uponChloe, 1],
      ],
    );
  });

  test('REN10 what a colleague gave the hub is not made again, and who holds more gives the rest', () => {
    const theirs = new Map([
      [upon6, 3],
      [uponBen, 2],
    ]);
    const { renamings, toMake, given } = divided(former, theirs, NONE);
    const short = (log: CopyId): string => log.slice(0, 8);
    assert.deepEqual(named(toMake), [`a9 ${short(upon9)}`, `a10 ${short(upon9)}`, `c3 ${short(uponChloe)}`]);
    assert.deepEqual(
      given,
      new Map([
        [upon6, 3],
        [uponBen, 1],
      ]),
    );
    assert.deepEqual(
      renamedVector(new Map([[ANA, 10]]), renamings),
      new Map([
        [upon9, 2],
        [upon6, 3],
        [ANA, 5],
      ]),
    );
  });

  test('REN10 of two who gave at the same time the later takes what the hub has: by the same names, so only the rest moves', () => {
    const { origins } = divided(former, EMPTY, NONE);
    const mine = [1, 2, 3, 4, 5].map((seq) => change(upon6, seq));
    const { renamings, toMake, given } = divided(mine, new Map([[upon6, 3]]), origins);
    assert.deepEqual(renamings, [{ from: upon6, to: upon9, after: 3 }]);
    assert.deepEqual([given.get(upon6), toMake.length], [3, 2]);
    // Nobody has any of it: it stays what it was.
    assert.deepEqual(divided(mine, EMPTY, origins).renamings, []);
  });

  test('REN10 what was cut off while it was given, and given by another since, is not given a second time', () => {
    const { origins } = divided(former, EMPTY, NONE);
    const mine = new Map([[upon6, 5]]);
    const ends = (theirs: [CopyId, number][]) => [...givenOtherwise(mine, new Map(theirs), origins)];
    assert.deepEqual(ends([[upon6, 3]]), []);
    assert.deepEqual(
      ends([
        [upon6, 3],
        [upon9, 2],
      ]),
      [[upon6, 3]],
    );
    assert.deepEqual(
      ends([
        [upon6, 5],
        [upon9, 2],
      ]),
      [],
    );
  });
});
