import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STORE_SCHEMA } from '../../src/agent/sync-folder.ts';
import { Unsent } from '../../src/agent/unsent.ts';
import type { Problem } from '../../src/core/problem.ts';
import { storageFailure } from '../../src/platform/storage-failure.ts';
import type { Upload } from '../../src/protocol/chunk-handing.ts';
import type { Exchange } from '../../src/protocol/exchange.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { encodeChunk } from '../../src/store/stored-chunk.ts';

test('EXC33 own content that the disk does not give when it is to be sent is told, and sent once it does', async () => {
  const chunk = encodeChunk(Buffer.from('Dear client'));
  const told: (number | Problem['code'])[] = [];
  let fails = true;
  const unsent = new Unsent(
    openStore(':memory:', { schema: STORE_SCHEMA, synchronous: 'NORMAL' }),
    () => {
      if (fails) throw storageFailure('disk-error', 'Cannot read chunks');
      return chunk;
    },
    {
      sent: (bytes) => void told.push(bytes),
      lost: () => assert.fail('it is there'),
      failed: ({ code }) => void told.push(code),
    },
  );
  const size = chunk.bytes.byteLength;
  unsent.add([{ id: chunk.id, size }]);
  const upload = async (uploads: readonly Upload[]): Promise<void> => {
    for (const { read } of uploads) read();
  };
  unsent.use({ ready: true, upload } as unknown as Exchange);
  await Promise.resolve();
  assert.deepEqual(told, ['disk-error']);
  assert.deepEqual(unsent.totals(), { chunks: 1, bytes: size });
  fails = false;
  unsent.send();
  await Promise.resolve();
  assert.deepEqual(told, ['disk-error', size]);
  assert.deepEqual(unsent.totals(), { chunks: 0, bytes: 0 });
});
