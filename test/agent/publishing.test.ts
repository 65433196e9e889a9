import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Copy } from '../../src/agent/copy.ts';
import type { Ingested } from '../../src/agent/documents/ports.ts';
import { readDocuments } from '../../src/agent/publishing.ts';
import type { FileFacts } from '../../src/platform/ports.ts';

test('DOC29 a document that is written to while it is read for a base is left out of it', async () => {
  const before: FileFacts = { kind: 'file', size: 3, mtimeNs: 1n, changedNs: 1n, inode: '1', device: '1' };
  const content = { size: 3, mtimeNs: 1n, hash: 'ab'.repeat(32), chunks: [] };
  const as = (after: FileFacts): Ingested => ({ kind: 'done', content, before, after });
  const answers = [as(before), as({ ...before, changedNs: 2n }), { kind: 'busy' } as const];
  const copy = { documents: { native: (path: string) => path }, now: () => 7 } as unknown as Copy;
  const read = await readDocuments(copy, ['whole', 'torn', 'held'], { read: async () => answers });
  assert.deepEqual(
    read.map(({ listed, at }) => [listed.path, at]),
    [['whole', 7]],
  );
});
