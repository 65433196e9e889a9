import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { FolderContents } from '../../src/agent/folder-contents.ts';
import type { Unsent } from '../../src/agent/unsent.ts';
import { chunkTasksInPlace } from '../../src/store/chunk-tasks.ts';
import { encodeChunk } from '../../src/store/stored-chunk.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimBytes } from '../sim/disk-files.ts';
import { makeStore } from '../store/stores.ts';

test('LOG20 a save whose chunks a failing disk took from somebody else is not said to be kept', async () => {
  const disk = new SimDisk();
  const files = new SimBytes(disk);
  const { store, clock } = makeStore({ files });
  const file = files.open('/letter.txt', 'create');
  file.write(Buffer.from('Dear client'), 0);
  file.close();
  const listed: string[] = [];
  const unsent = { add: (chunks: { id: string }[]) => listed.push(...chunks.map(({ id }) => id)), send: () => {} };
  const tasks = chunkTasksInPlace(files);
  const contents = new FolderContents({
    store,
    unsent: unsent as unknown as Unsent,
    tasks: {
      start: (task, request) => {
        const steps = tasks.start(task, request);
        const next: typeof steps.next = async (...input) => {
          const step = await steps.next(...input);
          // The last step: what was read is appended. Now somebody else's chunk comes in, and the disk fails.
          if (step === undefined) {
            const keeping = store.keepChunks([encodeChunk(randomBytes(1000))]);
            disk.fault = (call) => (call === 'sync' ? 'EIO' : undefined);
            clock.turn();
            await assert.rejects(keeping);
            disk.fault = () => undefined;
          }
          return step;
        };
        return { ...steps, next };
      },
    },
  });
  const [read] = await contents.ingest(['/letter.txt']);
  assert.equal(read?.kind, 'failed');
  assert.deepEqual(listed, []);
});
