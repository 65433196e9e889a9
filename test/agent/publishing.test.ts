import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Copy } from '../../src/agent/copy.ts';
import type { Ingested } from '../../src/agent/documents/ports.ts';
import { readAll, readDocuments } from '../../src/agent/publishing.ts';
import { ProblemError } from '../../src/core/problem.ts';
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

test('AGT18 documents are read while the base of a database is made, and it after them', async () => {
  const { copy, events, reading } = folderOf(async (read) => {
    await reading.begun;
    return read();
  });
  const { databases, documents } = await readAll(copy, { documents: ['a.txt'], databases: ['a.db'] }, reading);
  assert.deepEqual([databases.length, documents.length], [1, 1]);
  assert.deepEqual(events, ['read a.txt', 'read base of a.db']);
});

test('AGT18 a database whose base cannot be made ends the reading of documents, and is the reason that is told', async () => {
  const { copy, events, reading } = folderOf(() => Promise.reject(new Error('a.db is damaged')));
  reading.isHeld = true;
  const survey = { documents: ['a.txt'], databases: ['a.db'] };
  await assert.rejects(readAll(copy, survey, reading), /a\.db is damaged/);
  assert.deepEqual(events, ['read a.txt', 'stopped']);
});

test('AGT18 a database that cannot be followed is left out of a base, and ends nothing', async () => {
  const why = { code: 'database-not-followed', text: 'only its program can read it', remedy: '' };
  const made = [() => Promise.reject(new ProblemError(why)), (read: () => Promise<unknown>) => read()];
  const { copy, events, reading } = folderOf((read) => made.shift()!(read));
  const survey = { documents: ['a.txt'], databases: ['a.db', 'b.db'] };
  const { databases, documents } = await readAll(copy, survey, reading);
  assert.deepEqual([databases.map(({ path }) => path), documents.length], [['b.db'], 1]);
  assert.deepEqual(events, ['read a.txt', 'read base of b.db']);
});

/** One whose database process does what `make` says; what is held in reading ends only when it is stopped. */
function folderOf(make: (read: () => Promise<unknown>) => Promise<unknown>) {
  const facts: FileFacts = { kind: 'file', size: 3, mtimeNs: 1n, changedNs: 1n, inode: '1', device: '1' };
  const content = { size: 3, mtimeNs: 1n, hash: 'ab'.repeat(32), chunks: [] };
  const events: string[] = [];
  const begun = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<never>();
  const reading = {
    isHeld: false,
    begun: begun.promise,
    async read(paths: readonly string[]): Promise<readonly Ingested[]> {
      events.push(`read ${paths}`);
      begun.resolve();
      if (this.isHeld) await stopped.promise;
      return [{ kind: 'done', content, before: facts, after: facts }];
    },
    stop(): void {
      events.push('stopped');
      stopped.reject(new Error('stopped'));
    },
  };
  const publish = (_id: string, path: string, read: (paths: string[]) => Promise<unknown>) =>
    make(() => read([`base of ${path}`]));
  const copy = { documents: { native: (path: string) => path }, databases: { publish }, now: () => 7 };
  return { copy: copy as unknown as Copy, events, reading };
}
