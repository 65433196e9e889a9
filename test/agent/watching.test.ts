import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Watching, type WatchingOptions } from '../../src/agent/documents/watching.ts';
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
