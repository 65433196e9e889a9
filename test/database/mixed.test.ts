import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeStory } from './mixed/judging.ts';

/** A longer run: `npm run soak -- --databases 1000`. */
const RUNS = Number(process.env.RUNS ?? 30);

test('MIX1 whatever schemas, edits, upgrades, undo and accidents are mixed: copies end equal and sound, and nothing is lost', async () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const { violations } = await judgeStory(`check ${seed}`);
    assert.deepEqual(violations, [], `seed "check ${seed}"`);
  }
});
