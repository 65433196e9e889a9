/** Tests of many files in one process: `node scripts/together.ts FILE…`, for `scripts/test.ts`. */
import { afterEach, beforeEach } from 'node:test';
import { pathToFileURL } from 'node:url';

// Timers of our clock hold no process: one with a test that waits for nothing else would end, and with it all tests that
// come after.
let running = 0;
let held: NodeJS.Timeout | undefined;
beforeEach(() => {
  running += 1;
  held ??= setInterval(() => {}, 60_000);
});
afterEach(() => {
  running -= 1;
  if (running > 0) return;
  clearInterval(held);
  held = undefined;
});

for (const path of process.argv.slice(2)) await import(pathToFileURL(path).href);
