import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Disk, nextStep, type Place } from '../../src/core/placing.ts';

const A: Place = { path: 'a', hash: '1' };
const relations: Record<string, readonly [Place | null, Place | null]> = {
  neither: [null, null],
  arrives: [null, A],
  deleted: [A, null],
  equal: [A, A],
  newer: [A, { path: 'a', hash: '2' }],
  moved: [A, { path: 'b', hash: '1' }],
  'moved and newer': [A, { path: 'b', hash: '2' }],
};
const ats: readonly Disk['at'][] = ['as-seen', 'changed', 'missing'];
const targets: readonly Disk['target'][] = ['free', 'document', 'stranger', 'blocked'];

/** Each combination is met by exactly one line: relation, at, open, target, what to do. `*`: whatever. */
const table: readonly (readonly [string, string, string, string, string])[] = [
  ['neither', '*', '*', '*', 'nothing'],
  ['arrives', '*', '*', 'free', 'write a 1'],
  ['arrives', '*', '*', 'document', 'wait for move at a'],
  ['arrives', '*', '*', 'stranger', 'wait for capture at a'],
  ['arrives', '*', '*', 'blocked', 'wait for person at a'],
  ['deleted', 'as-seen', 'closed', '*', 'remove a'],
  ['deleted', 'as-seen', 'open', '*', 'wait for program at a'],
  ['deleted', 'changed', '*', '*', 'wait for capture at a'],
  ['deleted', 'missing', '*', '*', 'wait for capture at a'],
  ['equal', 'as-seen', '*', '*', 'nothing'],
  ['equal', 'changed', '*', '*', 'wait for capture at a'],
  ['equal', 'missing', '*', '*', 'wait for capture at a'],
  ['newer', 'as-seen', 'closed', '*', 'write a 2 over'],
  ['newer', 'as-seen', 'open', '*', 'wait for program at a'],
  ['newer', 'changed', '*', '*', 'wait for capture at a'],
  ['newer', 'missing', '*', '*', 'wait for capture at a'],
  ['moved', 'as-seen', 'closed', 'free', 'move a b'],
  ['moved', 'as-seen', 'closed', 'document', 'wait for move at b'],
  ['moved', 'as-seen', 'closed', 'stranger', 'wait for capture at b'],
  ['moved', 'as-seen', 'closed', 'blocked', 'wait for person at b'],
  ['moved', 'as-seen', 'open', '*', 'wait for program at a'],
  ['moved', 'changed', '*', '*', 'wait for capture at a'],
  ['moved', 'missing', '*', '*', 'wait for capture at a'],
  ['moved and newer', 'as-seen', 'closed', 'free', 'move a b'],
  ['moved and newer', 'as-seen', 'closed', 'document', 'wait for move at b'],
  ['moved and newer', 'as-seen', 'closed', 'stranger', 'wait for capture at b'],
  ['moved and newer', 'as-seen', 'closed', 'blocked', 'wait for person at b'],
  ['moved and newer', 'as-seen', 'open', '*', 'wait for program at a'],
  ['moved and newer', 'changed', '*', '*', 'wait for capture at a'],
  ['moved and newer', 'missing', '*', '*', 'wait for capture at a'],
];

function* everything() {
  for (const relation of Object.keys(relations)) {
    for (const at of ats)
      for (const open of [true, false]) for (const target of targets) yield { relation, at, open, target };
  }
}

function stepOf({ relation, at, open, target }: { relation: string } & Disk) {
  const [seen, wanted] = relations[relation]!;
  return nextStep(seen, wanted, { at, open, target });
}

test('PLC1 every combination of seen, wanted and disk has its one step', () => {
  for (const world of everything()) {
    const facts = [world.relation, world.at, world.open ? 'open' : 'closed', world.target];
    const lines = table.filter((line) => facts.every((fact, index) => line[index] === '*' || line[index] === fact));
    assert.equal(lines.length, 1, facts.join(', '));
    const step = stepOf(world);
    const text = {
      nothing: () => 'nothing',
      write: () => step.kind === 'write' && `write ${step.path} ${step.hash}${step.over ? ' over' : ''}`,
      move: () => step.kind === 'move' && `move ${step.from} ${step.to}`,
      remove: () => step.kind === 'remove' && `remove ${step.path}`,
      wait: () => step.kind === 'wait' && `wait for ${step.for} at ${step.path}`,
    }[step.kind]();
    assert.equal(text, lines[0]![4], facts.join(', '));
  }
});

test('PLC2 nothing is replaced, moved or removed that is not as it was seen, or that somebody has open', () => {
  for (const world of everything()) {
    const [seen] = relations[world.relation]!;
    const step = stepOf(world);
    const touches = step.kind === 'move' || step.kind === 'remove' || (step.kind === 'write' && step.over);
    if (seen && (world.at !== 'as-seen' || world.open)) assert.equal(touches, false, JSON.stringify(world));
  }
});

test('PLC3 steps lead to what is wanted and end there', () => {
  for (const [seen, wanted] of Object.values(relations)) {
    let now = seen;
    for (let count = 0; ; count++) {
      const step = nextStep(now, wanted, { at: 'as-seen', target: 'free', open: false });
      if (step.kind === 'nothing') break;
      assert.ok(count < 3 && step.kind !== 'wait');
      if (step.kind === 'remove') now = null;
      else if (step.kind === 'move') now = { path: step.to, hash: now!.hash };
      else now = { path: step.path, hash: step.hash };
    }
    assert.deepEqual(now, wanted);
  }
});
