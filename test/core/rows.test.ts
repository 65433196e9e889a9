import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ABSENT,
  aliveByOwnWrites,
  candidates,
  conflictingColumns,
  foldDelete,
  foldWrite,
  IN_BASE,
  keptAgainstDeletion,
  type Origin,
  type Row,
  seenVector,
  winner,
} from '../../src/core/rows.ts';
import type { Value } from '../../src/core/value.ts';
import { at, type Vector, withEntry } from '../../src/core/vector.ts';

type Op = { kind: 'write'; column: string; value: Value } | { kind: 'delete' };
type Made = { by: Origin; seen: Vector; op: Op };

const ANA = 'aa'.repeat(16);
const BEN = 'bb'.repeat(16);

function fold(row: Row, { by, seen, op }: Made): Row {
  if (op.kind === 'delete') return foldDelete(row, by, seenVector(seen));
  return foldWrite(row, by, [[op.column, op.value]], seenVector(seen));
}

function made(copy: string, seq: number, stamp: number, op: Op, seen: [string, number][] = []): Made {
  return { by: { copy, seq, stamp }, seen: new Map(seen), op };
}

const write = (value: Value, column = 'x'): Op => ({ kind: 'write', column, value });
const remove: Op = { kind: 'delete' };

// Ana does one thing, then Ben another: with Ana's before his eyes or not, his clock behind hers or not.
const small: [ana: Op, ben: Op, sees: boolean, shown: Value | 'dead', conflict: 'none' | 'cell' | 'row'][] = [
  [write(1n), write(2n), true, 2n, 'none'],
  [write(1n), write(2n), false, 2n, 'cell'],
  [write(1n), write(1n), false, 1n, 'none'],
  [write(1n), write(1n), true, 1n, 'none'],
  [write(1n), write(2n, 'y'), false, 1n, 'none'],
  [write(1n), remove, true, 'dead', 'none'],
  [write(1n), remove, false, 1n, 'row'],
  [remove, write(2n), true, 2n, 'none'],
  [remove, write(2n), false, 2n, 'row'],
  [remove, remove, true, 'dead', 'none'],
  [remove, remove, false, 'dead', 'none'],
];

test('CEL1 CEL2 ROW1 every pair of edits, known or unknown to each other, ends as the table says, in both orders', () => {
  for (const [first, second, sees, shown, conflict] of small) {
    for (const lateClock of [false, true]) {
      const ana = made(ANA, 1, lateClock ? 1000 : 10, first);
      const ben = made(BEN, 1, 20, second, sees ? [[ANA, 1]] : []);
      const orders = sees
        ? [[ana, ben]]
        : [
            [ana, ben],
            [ben, ana],
          ];
      for (const order of orders) {
        const row = order.reduce(fold, IN_BASE);
        const told = JSON.stringify([first, second, sees, lateClock], (_, item) =>
          typeof item === 'bigint' ? Number(item) : item,
        );
        const cell = conflictingColumns(row).length > 0;
        assert.equal(aliveByOwnWrites(row), shown !== 'dead', told);
        assert.equal(cell, conflict === 'cell', told);
        assert.equal(keptAgainstDeletion(row), conflict === 'row', told);
        // What was seen is superseded whatever its stamp; among those that do not know each other the stamp shows one.
        const expected = conflict === 'cell' && lateClock ? 1n : shown;
        if (shown !== 'dead') assert.equal(winner(row, 'x')?.value, expected, told);
      }
    }
  }
});

test('CEL3 equal values are no conflict, and everybody who wrote one is named', () => {
  const row = [made(ANA, 1, 1, write(5n)), made(BEN, 1, 2, write(5n)), made('cc'.repeat(16), 1, 3, write(6n))].reduce(
    fold,
    IN_BASE,
  );
  const found = candidates(row.cells.get('x') ?? []);
  assert.deepEqual(
    found.map(({ value, by }) => [value, by.map(({ copy }) => copy.slice(0, 2))]),
    [
      [6n, ['cc']],
      [5n, ['bb', 'aa']],
    ],
  );
  const settled = fold(
    row,
    made(ANA, 2, 4, write(5n), [
      [ANA, 1],
      [BEN, 1],
      ['cc'.repeat(16), 1],
    ]),
  );
  assert.deepEqual(conflictingColumns(settled), []);
});

test('ROW2 a deleted row keeps its values, and a write by somebody who did not know revives it whole', () => {
  const before = [made(ANA, 1, 1, write('a', 'x')), made(ANA, 2, 2, write('b', 'y'), [[ANA, 1]])].reduce(fold, ABSENT);
  const deleted = fold(before, made(ANA, 3, 3, remove, [[ANA, 2]]));
  assert.equal(aliveByOwnWrites(deleted), false);
  const revived = fold(deleted, made(BEN, 1, 4, write('c', 'y'), [[ANA, 2]]));
  assert.equal(aliveByOwnWrites(revived), true);
  assert.equal(winner(revived, 'x')?.value, 'a');
  assert.equal(winner(revived, 'y')?.value, 'c');
});

test('ROW3 a number that mending gave keeps no row alive', () => {
  const row = fold(ABSENT, made(ANA, 1, 1, write(5n, 'id')));
  const both = fold(row, made(ANA, 2, 2, write('text', 'x'), [[ANA, 1]]));
  const seen = new Map([[ANA, 2]]);
  const numbered = (from: Row) =>
    foldWrite(from, { copy: ANA, seq: 3, stamp: 3 }, [['id', 6n]], seenVector(seen), { from: 5n, because: 'k01' });
  const deleted = (from: Row) => foldDelete(from, { copy: BEN, seq: 1, stamp: 4 }, seenVector(seen));
  assert.equal(aliveByOwnWrites(deleted(numbered(both))), false);
  assert.deepEqual(deleted(numbered(both)), numbered(deleted(both)));
});

test('ROW3 a number that mending gave settles no deletion that somebody wrote against', () => {
  const row = fold(ABSENT, made(ANA, 1, 1, write(5n, 'id')));
  const deleted = fold(row, made(BEN, 1, 2, remove, [[ANA, 1]]));
  const both = fold(deleted, made(ANA, 2, 3, write('text', 'x'), [[ANA, 1]]));
  assert.equal(keptAgainstDeletion(both), true);
  const seen = seenVector(
    new Map([
      [ANA, 2],
      [BEN, 1],
    ]),
  );
  const numbered = foldWrite(both, { copy: ANA, seq: 3, stamp: 4 }, [['id', 6n]], seen, { from: 5n, because: 'k01' });
  assert.equal(keptAgainstDeletion(numbered), true);
});

/** Copies that write, delete and read each other's log up to some point: every history that there can be. */
const history = fc
  .array(
    fc.record({
      copy: fc.integer({ min: 0, max: 2 }),
      from: fc.integer({ min: 0, max: 2 }),
      stamp: fc.integer({ min: 1, max: 6 }),
      op: fc.oneof(
        fc.record({
          kind: fc.constant('write' as const),
          column: fc.constantFrom('x', 'y'),
          value: fc.constantFrom<Value>(1n, 2n, null),
        }),
        fc.record({ kind: fc.constant('delete' as const) }),
        fc.constant(null),
      ),
    }),
    { maxLength: 14 },
  )
  .map((steps) => {
    const knows: Vector[] = [new Map(), new Map(), new Map()];
    const all: Made[] = [];
    for (const { copy, from, stamp, op } of steps) {
      const id = ['aa', 'bb', 'cc'][copy]!.repeat(16);
      const mine = knows[copy] as Vector;
      if (op === null) {
        // Reads everything that another one knows.
        for (const [other, seq] of knows[from] as Vector)
          if (at(knows[copy] as Vector, other) < seq) knows[copy] = withEntry(knows[copy] as Vector, other, seq);
        continue;
      }
      const seq = at(mine, id) + 1;
      all.push({ by: { copy: id, seq, stamp }, seen: mine, op });
      knows[copy] = withEntry(mine, id, seq);
    }
    return all;
  });

/** Another order in which the same changes can come: each after what it has seen. */
function shuffled(all: readonly Made[], picks: readonly number[]): Made[] {
  const left = [...all];
  const order: Made[] = [];
  let known: Vector = new Map();
  for (let turn = 0; left.length > 0; turn++) {
    const ready = left.filter(
      ({ by, seen }) => at(known, by.copy) === by.seq - 1 && [...seen].every(([copy, seq]) => at(known, copy) >= seq),
    );
    const next = ready[(picks[turn] ?? 0) % ready.length] as Made;
    left.splice(left.indexOf(next), 1);
    order.push(next);
    known = withEntry(known, next.by.copy, next.by.seq);
  }
  return order;
}

function normal({ base, baseDead, cells, deletions }: Row): unknown {
  return { base, baseDead, cells: [...cells].sort(([a], [b]) => (a < b ? -1 : 1)), deletions };
}

test('CEL4 ROW4 in whatever causal order the same changes are folded, rows, winners and conflicts are the same', () => {
  const property = fc.property(history, fc.array(fc.nat(50), { maxLength: 14 }), fc.boolean(), (all, picks, inBase) => {
    const start = inBase ? IN_BASE : ABSENT;
    const [one, other] = [all.reduce(fold, start), shuffled(all, picks).reduce(fold, start)];
    assert.deepEqual(normal(one), normal(other));
    assert.equal(aliveByOwnWrites(one), aliveByOwnWrites(other));
    assert.equal(keptAgainstDeletion(one), keptAgainstDeletion(other));
  });
  fc.assert(property, { numRuns: 2000 });
});

test('CEL5 a cell keeps just the writes that no later write has seen', () => {
  const property = fc.property(history, (all) => {
    const row = all.reduce(fold, ABSENT);
    for (const column of ['x', 'y']) {
      const writes = all.filter(({ op }) => op.kind === 'write' && op.column === column);
      const left = writes.filter(({ by }) => !writes.some(({ seen }) => at(seen, by.copy) >= by.seq));
      const kept = row.cells.get(column) ?? [];
      assert.deepEqual(
        kept.map(({ copy, seq }) => `${copy} ${seq}`).sort(),
        left.map(({ by }) => `${by.copy} ${by.seq}`).sort(),
      );
    }
  });
  fc.assert(property, { numRuns: 1000 });
});
