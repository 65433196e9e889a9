/** A hub and one whole machine that are put back together, in worlds where colleagues know what neither knows any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { play } from './play.ts';
import { restoredStory } from './story.ts';

/** Two people in it meet another branch of a log, at the same time. `npm run soak -- --restored` plays more. */
const SEEDS = ['25'];

for (const seed of SEEDS) {
  test(`SIM9 what a hub and a machine that were put back together have forgotten goes on beside their new work: seed ${seed}`, async () => {
    const { violations, trace } = await play(restoredStory(seed));
    assert.deepEqual(violations, []);
    assert.ok(trace.some((line) => line.includes('is not the same on both sides')));
  });
}
