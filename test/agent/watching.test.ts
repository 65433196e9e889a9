import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Watching, type WatchingOptions } from '../../src/agent/documents/watching.ts';
import type { WatchEvents } from '../../src/platform/ports.ts';
import { TestClock } from '../store/stores.ts';

test('DOC17 who asks for a scan during one gets another after it: what was saved meanwhile is found', async () => {
  const ends: (() => void)[] = [];
  const noticing = {
    scan: () => new Promise<number>((resolve) => ends.push(() => resolve(1))),
    gone: () => new Set<string>(),
  };
  const options = {
    noticing,
    clock: new TestClock(),
    problems: { clear: () => {}, list: () => [], set: () => {} },
    signal: new AbortController().signal,
    scanned: () => {},
    wake: () => {},
  };
  const watching = new Watching(options as unknown as WatchingOptions);
  let answered = 0;
  const first = watching.scan();
  const others = [watching.scan(), watching.scan()].map((scan) => scan.then(() => (answered += 1)));
  ends[0]?.();
  await first;
  await new Promise(setImmediate);
  assert.deepEqual([ends.length, answered], [2, 0]);
  // One serves all who had asked before it began.
  ends[1]?.();
  await Promise.all(others);
  assert.equal(ends.length, 2);
});

test('WAT4 what a watcher lost is looked for within seconds, and no sooner for being lost again', async () => {
  const clock = new TestClock();
  let scans = 0;
  let hint = (_path: string): void => {};
  const options = {
    noticing: { scan: async () => 40 + 0 * ++scans, gone: () => new Set<string>(), hint: () => assert.fail('no path') },
    clock,
    problems: { clear: () => {}, list: () => [], set: () => {} },
    signal: new AbortController().signal,
    scanned: () => {},
    wake: () => {},
    watcher: {
      watch: (_root: string, events: WatchEvents) => {
        hint = events.hint;
        return () => {};
      },
    },
  };
  const watching = new Watching(options as unknown as WatchingOptions);
  watching.watch();
  await watching.scan();
  const usual = watching.dueIn();
  assert.ok(usual > 10_000, `${usual} ms`);
  hint('');
  assert.equal(watching.dueIn(), 2000);
  clock.advance(1500);
  hint('');
  assert.equal(watching.dueIn(), 500);
  clock.advance(500);
  watching.scanIfDue();
  // While it is being looked for.
  hint('');
  await new Promise(setImmediate);
  assert.deepEqual([scans, watching.dueIn()], [2, 2000]);
  clock.advance(2000);
  watching.scanIfDue();
  await new Promise(setImmediate);
  assert.deepEqual([scans, watching.dueIn()], [3, usual]);
});
