import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Copy, HELD, Office, withDatabase } from './copies.ts';
import { happen } from './histories.ts';
import { contentOf } from './schema-content.ts';
import { BASE, type Edit, edit, run } from './schema-edits.ts';
import { STORIES, stepsOf } from './schema-stories.ts';

/** A longer run: `RUNS=500 STEPS=60 COPIES=4 node --test test/database/schema-convergence.test.ts`. */
const COPIES = Number(process.env.COPIES ?? 3);
const STEPS = Number(process.env.STEPS ?? 30);
const RUNS = Number(process.env.RUNS ?? 15);

const ACCIDENTS = ['tidy', 'restart', 'forget', 'disconnect', 'backup', 'restore', 'crash', 'vacuum'] as const;

export type Step =
  | { kind: 'run'; copy: number; edits: Edit[] }
  | { kind: 'capture' | 'apply' | (typeof ACCIDENTS)[number]; copy: number }
  | { kind: 'pull'; copy: number; from: number; count: number };

const copy = fc.integer({ min: 0, max: COPIES - 1 });
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      copy,
      edits: fc.array(edit, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('capture' as const, 'apply' as const), copy }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom(...ACCIDENTS), copy }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pull' as const),
      copy,
      from: copy,
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

let tokens = 0;

export function take(office: Office, step: Step): void {
  if (step.kind !== 'run') return happen(office, step);
  withDatabase((office.copies[step.copy] as Copy).path, (db) => {
    db.exec('BEGIN');
    for (const each of step.edits) {
      const sql = run(db, each, `w${tokens++}`);
      if (process.env.TELL && sql !== '') console.log(`${step.copy}: ${sql}`);
    }
    db.exec('COMMIT');
  });
}

export function play(steps: readonly Step[]): void {
  tokens = 0;
  const office = new Office(BASE, COPIES, HELD);
  try {
    for (const each of steps) take(office, each);
    office.settle();
    const [first, ...others] = office.copies as [Copy, ...Copy[]];
    const expected = contentOf(first);
    for (const other of others) {
      assert.deepEqual(contentOf(other), expected);
      assert.deepEqual(other.conflicts(), first.conflicts());
    }
    for (const at of office.copies) {
      assert.equal(at.capture(), false);
      assert.deepEqual(at.engine.problems, []);
      at.restart(true);
      at.work();
      assert.equal(at.capture(), false);
      assert.deepEqual(contentOf(at), expected);
      assert.deepEqual(at.conflicts(), first.conflicts());
      assert.deepEqual(at.query('PRAGMA integrity_check'), [['ok']]);
    }
  } finally {
    office.close();
  }
}

const seed = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };

test('SCH2 stories that failed once end well', () => {
  for (const [wrong, steps] of STORIES) assert.doesNotThrow(() => play(stepsOf(steps)), wrong);
});

test('SCH2 whatever was done to schemas and rows, in whatever order it travelled: the copies end equal', () => {
  fc.assert(fc.property(fc.array(step, { minLength: 5, maxLength: STEPS, size: 'max' }), play), {
    numRuns: RUNS,
    ...seed,
  });
});
