import { test } from 'node:test';
import { crashStorm } from './crash.ts';

// The long run is `node test/process/crash.ts --edits 5000 --kills 60`.
test('PRC19 three people edit while agents, databases and hub are killed: copies end equal, sound, and nothing is lost', {
  timeout: 400_000,
}, async (t) => {
  await crashStorm({ edits: 400, kills: 14, seed: 20260105, say: (text) => t.diagnostic(text) });
});
