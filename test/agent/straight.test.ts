import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { DocumentProblems } from '../../src/agent/documents/document-problems.ts';
import { Hands } from '../../src/agent/documents/hands.ts';
import { StraightPlacing } from '../../src/agent/documents/straight.ts';
import { sha256 } from '../../src/core/bytes.ts';
import { CHUNKS_SCHEMA, ChunkStore } from '../../src/store/chunks.ts';
import { looksSame } from '../../src/store/observations.ts';
import { REGISTRY_SCHEMA, Registry } from '../../src/store/registry.ts';
import { openStore, transaction } from '../../src/store/sqlite.ts';
import { encodeChunk } from '../../src/store/stored-chunk.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimBytes, SimFiles } from '../sim/disk-files.ts';
import { TestClock } from '../store/stores.ts';
import { PlainContents } from './plain-contents.ts';

test('DOC1 what lies in the folder of a new copy is not written over, under whatever spelling the disk finds it', async () => {
  const disk = new SimDisk({ ignoreCase: true });
  const files = new SimFiles(disk, '/file');
  const mine = files.open('budget.txt', 'create');
  assert(typeof mine !== 'string');
  mine.write(Buffer.from('mine'), 0);
  mine.close();
  const db = openStore(':memory:', { schema: [CHUNKS_SCHEMA, REGISTRY_SCHEMA], synchronous: 'FULL' });
  const chunks = new ChunkStore(db, '/packs', new SimBytes(disk));
  const registry = new Registry(db);
  const text = Buffer.from('of the office');
  chunks.append([encodeChunk(text)]);
  const content = {
    size: text.length,
    mtimeNs: 1n,
    hash: sha256(text),
    chunks: [{ id: sha256(text), size: text.length }],
  };
  const far = {
    ...content,
    hash: sha256(Buffer.from('far')),
    chunks: [{ id: sha256(Buffer.from('far')), size: 3 }],
    size: 3,
  };
  const documents = ['Budget.txt', 'other.txt'].map((path) => ({ path, content, registered: true }));
  documents.push({ path: 'far.txt', content: far, registered: true });
  transaction(db, () => registry.loadBase(documents, []));
  const contents = new PlainContents(chunks, new SimBytes(disk));
  const straight = straightPlacing({ db, files, observations: registry.observations, contents });
  // Some content cannot be had yet: the filling goes on later, and knows still what was there before.
  assert.equal(await straight.run(), 'unavailable');
  chunks.append([encodeChunk(Buffer.from('far'))]);
  assert.equal(await straight.run(), 'done');
  const read = (path: string): string => {
    const file = files.open(path, 'read');
    assert(typeof file !== 'string');
    const bytes = Buffer.alloc(100);
    return bytes.subarray(0, file.read(bytes, 0)).toString();
  };
  assert.deepEqual([read('budget.txt'), read('other.txt'), read('far.txt')], ['mine', 'of the office', 'far']);
  assert.equal(registry.observations.at('Budget.txt'), undefined);
  db.close();
});

test('DOC32 a document of a new copy is seen as it lies there once it is closed', async () => {
  const disk = new SimDisk();
  const files = new SimFiles(disk, '/file');
  const db = openStore(':memory:', { schema: [CHUNKS_SCHEMA, REGISTRY_SCHEMA], synchronous: 'FULL' });
  const chunks = new ChunkStore(db, '/packs', new SimBytes(disk));
  const registry = new Registry(db);
  const { observations } = registry;
  const text = Buffer.from('of the office');
  chunks.append([encodeChunk(text)]);
  const content = {
    size: text.length,
    mtimeNs: 1n,
    hash: sha256(text),
    chunks: [{ id: sha256(text), size: text.length }],
  };
  const documents = ['closed.txt', 'edited.txt'].map((path) => ({ path, content, registered: true }));
  transaction(db, () => registry.loadBase(documents, []));
  const contents = new PlainContents(chunks, new SimBytes(disk));
  const { assemble } = contents;
  contents.assemble = async (...request) => {
    const made = await assemble.apply(contents, request);
    for (const path of ['closed.txt', 'edited.txt']) files.link(path, `${path}.2`);
    const edited = files.open('edited.txt', 'read');
    assert(typeof edited !== 'string');
    edited.write(Buffer.from('mine'), 0);
    return made;
  };
  const straight = straightPlacing({ db, files, observations, contents });
  assert.equal(await straight.run(), 'done');
  const isAsSeen = (path: string) => looksSame(observations.at(path)!, files.facts(path)!);
  assert.deepEqual([isAsSeen('closed.txt'), isAsSeen('edited.txt')], [true, false]);
  db.close();
});

type Parts = Pick<ConstructorParameters<typeof StraightPlacing>[0], 'files' | 'observations' | 'contents'>;

/** What has its chunks here is placed; nothing can be fetched. */
function straightPlacing({ db, ...parts }: Parts & { readonly db: DatabaseSync }): StraightPlacing {
  return new StraightPlacing({
    ...parts,
    source: { fetch: async (ids) => ids },
    transaction: (write) => transaction(db, write),
    problems: new DocumentProblems(new TestClock(), () => {}),
    hands: new Hands(),
    tell: () => {},
    signal: new AbortController().signal,
  });
}
