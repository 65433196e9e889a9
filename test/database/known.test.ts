import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeStory } from './mixed/judging.ts';
import { knownStories } from './mixed/known.ts';

for (const { name, about, story } of knownStories()) {
  test(`MIX2 a story of databases that failed once ends well: ${name}, ${about}`, async () => {
    assert.deepEqual((await judgeStory(name, story)).violations, []);
  });
}
