import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Queue } from '../../src/protocol/queue.ts';

const items = fc.array(fc.nat(), { maxLength: 1500 });
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom('push' as const, 'pushFirst' as const), items }),
  fc.record({ kind: fc.constant('take' as const), count: fc.nat(900) }),
  fc.record({ kind: fc.constant('retain' as const), odd: fc.boolean() }),
  fc.record({ kind: fc.constant('clear' as const) }),
);

test('EXC22 a queue keeps its order, whatever is put first, taken out or given up', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const queue = new Queue<number>();
      let model: number[] = [];
      for (const one of steps) {
        if (one.kind === 'push') {
          queue.push(one.items);
          model = [...model, ...one.items];
        } else if (one.kind === 'pushFirst') {
          queue.pushFirst(one.items);
          model = [...one.items, ...model];
        } else if (one.kind === 'take') assert.deepEqual(queue.take(one.count), model.splice(0, one.count));
        else if (one.kind === 'retain') {
          const keep = (item: number): boolean => (item % 2 === 1) === one.odd;
          queue.retain(keep);
          model = model.filter(keep);
        } else {
          queue.clear();
          model = [];
        }
        assert.equal(queue.length, model.length);
      }
    }),
    { numRuns: 60 },
  );
});
