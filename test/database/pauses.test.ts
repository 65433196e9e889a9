import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pauses } from '../../src/database/pauses.ts';
import { TestClock } from '../store/stores.ts';

/** A program that commits every `everyMs`, for so long; answers with when it was looked at, in ms since the beginning. */
function looks(everyMs: number, forMs: number) {
  const clock = new TestClock();
  const begun = clock.monotonic();
  const at: number[] = [];
  const restless: boolean[] = [];
  const pauses = new Pauses(clock, () => {
    at.push(clock.monotonic() - begun);
    restless.push(pauses.isRestless);
  });
  for (let ms = 0; ms < forMs; ms++) {
    if (ms % everyMs === 0) pauses.committed();
    clock.advance(1);
  }
  return { at, restless, pauses, clock };
}

test('DBS10 without a WAL a program is looked at when it pauses', () => {
  assert.deepEqual(looks(1000, 3000).at, [4, 1004, 2004]);
  // Amid its work a longer pause is waited for.
  assert.deepEqual(looks(50, 200).at, [4, 75, 125, 175]);
});

test('DBS10 without a WAL a program that does not pause is looked at ever more rarely, until it pauses', () => {
  const { at, restless, pauses, clock } = looks(2, 5000);
  const gaps = at.map((one, index) => one - (at[index - 1] ?? 0));
  assert.ok(at.length < 12 && gaps.every((gap) => gap < 1010), `looked at after ${gaps.join(', ')} ms`);
  assert.equal(restless.at(-1), true);
  clock.advance(30);
  assert.equal(restless.at(-1), false);
  assert.equal(pauses.isRestless, false);
});

test('DBS10 what can wait for a pause waits for no commit', () => {
  const clock = new TestClock();
  let looked = 0;
  const pauses = new Pauses(clock, () => looked++);
  pauses.wait();
  clock.turn();
  assert.equal(looked, 1);
  pauses.wait();
  pauses.stop();
  clock.advance(5000);
  assert.equal(looked, 1);
});
