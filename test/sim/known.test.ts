/** What failed once in the seeded world is played again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { play } from './play.ts';
import { knownSeeds } from './seeds.ts';

for (const { name, about, story } of knownSeeds()) {
  test(`SIM5 what failed once does not fail again: ${name}, ${about}`, async () => {
    assert.deepEqual((await play(story)).violations, []);
  });
}
