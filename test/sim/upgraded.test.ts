/** People's programs alter the schemas of their databases, in worlds where all else goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { play } from './play.ts';
import { upgradedStory } from './story.ts';

/** In it columns and tables come and are called otherwise, and tables are made anew, while people come and go. `npm run soak -- --upgraded` plays more. */
const SEEDS = ['20'];

for (const seed of SEEDS) {
  test(`SIM10 what programs do to their tables travels as their rows do: seed ${seed}`, async () => {
    const { violations, trace } = await play(upgradedStory(seed));
    assert.deepEqual(violations, []);
    assert.ok(trace.some((line) => /column \w+ of \w+: /.test(line)));
    assert.ok(trace.some((line) => line.includes('is made anew')));
  });
}
