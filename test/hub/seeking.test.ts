import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seeking } from '../../src/hub/seeking.ts';
import type { FetchOptions } from '../../src/protocol/chunk-fetching.ts';
import type { Exchange } from '../../src/protocol/exchange.ts';
import { TestClock } from '../store/stores.ts';

test('HUB16 what no copy has keeps nothing else from being sought', async () => {
  const clock = new TestClock();
  let sought: readonly string[] = [];
  const lacking = (ids: readonly string[]) => {
    sought = ids;
    return ids;
  };
  const seeking = new Seeking(clock, { lacking, keepChunks: async () => {} });
  const asked: string[] = [];
  let open = 0;
  // A copy that has none of what it is asked for.
  const fetch = (ids: readonly string[], _: unknown, { signal, waiting }: FetchOptions = {}) =>
    new Promise<void>((_resolve, reject) => {
      asked.push(...ids);
      open += ids.length;
      assert.ok(open <= 256);
      signal?.addEventListener('abort', () => {
        open -= ids.length;
        reject(new Error('nobody waits'));
      });
      setImmediate(() => waiting?.());
    });
  seeking.came({ fetch } as unknown as Exchange);
  const turns = async () => {
    for (let n = 0; n < 10; n++) {
      clock.advance(3_000);
      await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
  };
  seeking.seek(Array.from({ length: 700 }, (_, n) => `gone ${n}`));
  await turns();
  seeking.seek(['here']);
  await turns();
  assert.equal(asked.at(-1), 'here');
  // Each once: what a copy has not, it is not asked for again.
  assert.equal(asked.length, 701);
  seeking.seek(Array.from({ length: 65_536 }, (_, n) => `more ${n}`));
  seeking.seek(['last']);
  clock.advance(3_000);
  assert.deepEqual([sought.length, sought.at(-1)], [65_536, 'last']);
  seeking.stop();
});
