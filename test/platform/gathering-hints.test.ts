import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatheringHints } from '../../src/platform/gathering-hints.ts';
import { TestClock } from '../store/stores.ts';

/** `names` are heard every millisecond for so long; answers with what was told when, in ms since the beginning. */
function told(names: readonly string[], forMs: number) {
  const clock = new TestClock();
  const begun = clock.monotonic();
  const all: { name: string; at: number }[] = [];
  const hints = new GatheringHints(clock, (name) => all.push({ name, at: clock.monotonic() - begun }));
  const hear = (times: number): void => {
    for (let ms = 0; ms < times; ms++) {
      for (const name of names) hints.hear(name);
      clock.advance(1);
    }
  };
  hear(forMs);
  return { all, at: (name: string) => all.filter((one) => one.name === name).map(({ at }) => at), clock, hints, hear };
}

test('WAT5 the longer a -wal is written without a pause, the longer the next hint waits, for 16 ms at most', () => {
  const { at } = told(['a.db-wal'], 2000);
  const times = at('a.db-wal');
  assert.deepEqual(times.slice(0, 5), [1, 2, 3, 4, 5]);
  const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
  assert.ok(Math.max(...gaps) <= 17, `${gaps}`);
  assert.ok(times.length < 200, `${times.length} hints`);
});

test('WAT5 what a bulk commit wrote last is told, also of its checkpoint, and after a pause at once again', () => {
  const { all, clock, hints, hear } = told(['a.db-wal', 'a.db'], 1000);
  clock.advance(17);
  const before = all.length;
  assert.deepEqual(
    all.slice(-2).map(({ name }) => name),
    ['a.db-wal', 'a.db'],
  );
  clock.advance(1000);
  assert.equal(all.length, before, 'nothing was heard');
  hear(1);
  assert.equal(all.length, before + 2);
  hints.hear('a.db-wal');
  hints.stop();
  clock.advance(100);
  assert.equal(all.length, before + 2, 'told after its end');
});

test('WAT5 edits that follow each other closely are each hinted at within a millisecond', () => {
  const clock = new TestClock();
  let count = 0;
  const hints = new GatheringHints(clock, () => count++);
  for (let edit = 1; edit <= 100; edit++) {
    hints.hear('a.db-wal');
    clock.advance(1);
    assert.equal(count, edit);
    clock.advance(9);
  }
});

test('WAT5 what is saved beside it, and databases without a WAL, wait for no more than a millisecond', () => {
  const { at } = told(['a.db-wal', 'b.db', 'b.db-journal', 'report.docx'], 500);
  for (const name of ['b.db', 'b.db-journal', 'report.docx']) {
    assert.deepEqual(
      at(name),
      Array.from({ length: 500 }, (_, ms) => ms + 1),
    );
  }
});
