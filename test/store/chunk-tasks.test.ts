import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Hash, sha256 } from '../../src/core/bytes.ts';
import type { DocumentContent } from '../../src/core/content.ts';
import type { AssembleStep } from '../../src/store/assemble.ts';
import type { WantedFile } from '../../src/store/assembled-file.ts';
import { chunkTasksInPlace } from '../../src/store/chunk-tasks.ts';
import type { Ingested, IngestStep } from '../../src/store/ingest.ts';
import { pack, unpack } from '../../src/store/packed.ts';
import { decodeChunk } from '../../src/store/stored-chunk.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimBytes } from '../sim/disk-files.ts';

type Stored = Map<Hash, Uint8Array>;

function newDisk(): SimDisk {
  const disk = new SimDisk();
  for (const folder of ['/in', '/out']) disk.create(folder, 'folder');
  return disk;
}

function put(disk: SimDisk, path: string, bytes: Uint8Array): void {
  const files = new SimBytes(disk);
  files.remove(path);
  files.open(path, 'create').write(bytes, 0);
}

async function read(disk: SimDisk, paths: string[], known: ReadonlySet<Hash> = new Set()) {
  const steps = chunkTasksInPlace(new SimBytes(disk)).start('ingest', { paths });
  const results: Ingested[] = [];
  const stored: Stored = new Map();
  let most = 0;
  for (let lacking: Hash[] = []; ; ) {
    const step: IngestStep | undefined = await steps.next(lacking);
    if (!step) return { results, stored, most };
    for (const { index, result } of step.finished) results[index] = result;
    for (const [n, bytes] of unpack(step.stored).entries()) {
      assert.equal(sha256(bytes), step.hashes[n]);
      stored.set(step.ids[n] as Hash, bytes);
    }
    most = Math.max(most, step.stored.bytes.length);
    lacking = step.met.filter((id) => !known.has(id) && !stored.has(id));
  }
}

function contentOf(result: Ingested | undefined): DocumentContent {
  assert.equal(result?.kind, 'done');
  return (result as { content: DocumentContent }).content;
}

/** Brings the wanted chunks in the given order, some per step. */
async function write(disk: SimDisk, wanted: WantedFile[], stored: Stored, order = (ids: Hash[]) => ids, sync = false) {
  const steps = chunkTasksInPlace(new SimBytes(disk)).start('assemble', { files: wanted, sync });
  const first = (await steps.next(null)) as AssembleStep;
  const all = [first];
  const ids = order([...first.wanted]).filter((id) => stored.has(id));
  for (let at = 0; at < ids.length; at += 5) {
    const some = ids.slice(at, at + 5);
    const step = await steps.next({ ids: some, stored: pack(some.map((id) => stored.get(id) as Uint8Array)) });
    if (step) all.push(step);
  }
  const last = await steps.next(null);
  if (last) all.push(last);
  const finished = all.flatMap((step) => step.finished);
  assert.equal(new Set(finished.map(({ index }) => index)).size, wanted.length);
  const results = finished.sort((a, b) => a.index - b.index).map(({ result }) => result);
  return { results, wanted: first.wanted, refused: all.flatMap((step) => step.refused) };
}

const fileBytes = fc
  .tuple(fc.oneof(fc.nat(3000), fc.nat(400_000), fc.constant(0)), fc.constantFrom('random', 'text', 'zero'))
  .map(([size, kind]) =>
    kind === 'random' ? randomBytes(size) : Buffer.alloc(size, kind === 'text' ? '4010;Cash;12.50\n' : 0),
  );

test('CHK15 what is read from files and written from chunks, in any order, are the same bytes and times', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fileBytes, { minLength: 1, maxLength: 8 }), fc.boolean(), async (contents, reversed) => {
      const disk = newDisk();
      const paths = contents.map((_, n) => `/in/${n}`);
      for (const [n, bytes] of contents.entries()) put(disk, paths[n] as string, bytes);
      const { results, stored } = await read(disk, paths);
      const wanted = results.map((result, n) => ({ path: `/out/${n}`, content: contentOf(result) }));
      for (const [n, { content }] of wanted.entries()) {
        const bytes = contents[n] as Buffer;
        assert.deepEqual([content.size, content.hash], [bytes.length, sha256(bytes)]);
        const plain = content.chunks.map(({ id, size }) => decodeChunk(id, stored.get(id) as Uint8Array, size));
        assert.ok(Buffer.concat(plain).equals(bytes));
      }
      const written = await write(disk, wanted, stored, (ids) => (reversed ? ids.reverse() : ids));
      for (const [n, bytes] of contents.entries()) {
        const result = written.results[n];
        assert.ok(result?.kind === 'done' && disk.inode(`/out/${n}`)?.bytes.equals(bytes));
        assert.equal(result.facts.mtimeNs, wanted[n]?.content.mtimeNs);
      }
    }),
    { numRuns: 30 },
  );
});

test('CHK16 a large file is read in bounded memory, and only what the caller lacks is packed', async () => {
  const disk = newDisk();
  const bytes = randomBytes(18_000_000);
  put(disk, '/large', bytes);
  const first = await read(disk, ['/large']);
  assert.ok(first.most < 5_000_000);
  assert.equal(contentOf(first.results[0]).hash, sha256(bytes));
  put(disk, '/large', Buffer.concat([Buffer.from('a few bytes at the start'), bytes]));
  const again = await read(disk, ['/large'], new Set(first.stored.keys()));
  const fresh = [...again.stored.values()].reduce((sum, one) => sum + one.length, 0);
  assert.ok(fresh > 0 && fresh <= 2 * 256 * 1024, `${fresh} bytes are new`);
});

test('CHK17 a file that changes while it is read shows it in its facts, and one that cannot be read says why', async () => {
  const disk = newDisk();
  for (const path of ['/grown', '/cut', '/quiet']) put(disk, path, randomBytes(6_000_000));
  const steps = chunkTasksInPlace(new SimBytes(disk)).start('ingest', {
    paths: ['/grown', '/cut', '/missing', '/quiet'],
  });
  const results: Ingested[] = [];
  const change = [
    () => new SimBytes(disk).open('/grown', 'extend').write(Buffer.from('more'), 6_000_000),
    () => new SimBytes(disk).open('/cut', 'extend').truncate(10),
  ];
  for (let step = await steps.next([]); step; step = await steps.next([])) {
    for (const { index, result } of step.finished) results[index] = result;
    change.shift()?.();
  }
  assert.deepEqual(
    results.map(({ kind }) => kind),
    ['done', 'done', 'missing', 'done'],
  );
  const changed = results.map((result) => result.kind === 'done' && result.before.mtimeNs !== result.after.mtimeNs);
  assert.deepEqual(changed, [true, true, false, false]);
});

test('CHK18 a chunk that is not what its id says is refused, and its file waits for a good one', async () => {
  const disk = newDisk();
  const bytes = randomBytes(500_000);
  put(disk, '/source', bytes);
  const { results, stored } = await read(disk, ['/source']);
  const content = contentOf(results[0]);
  const [victim, other] = content.chunks.map(({ id }) => id) as [Hash, Hash];
  const spoiled = new Map(stored).set(victim, stored.get(other) as Uint8Array);
  const bad = await write(disk, [{ path: '/target', content }], spoiled);
  assert.deepEqual([bad.refused, bad.results], [[victim], [{ kind: 'unavailable' }]]);
  const good = await write(disk, [{ path: '/target', content }], stored);
  assert.equal(good.results[0]?.kind, 'done');
  assert.ok(disk.inode('/target')?.bytes.equals(bytes));
});

test('CHK19 what a former try left, and what another version holds, is used where it proves itself', async () => {
  const disk = newDisk();
  const old = randomBytes(3_000_000);
  const bytes = Buffer.concat([old.subarray(0, 1_000_000), randomBytes(50), old.subarray(1_000_000)]);
  put(disk, '/old', old);
  put(disk, '/source', bytes);
  const { results, stored } = await read(disk, ['/old', '/source']);
  const [oldContent, content] = results.map(contentOf) as [DocumentContent, DocumentContent];
  const like = { path: '/old', content: oldContent };
  const near = await write(disk, [{ path: '/target', content, like }], stored);
  assert.ok(near.wanted.length <= 3 && disk.inode('/target')?.bytes.equals(bytes));

  // The other version changes on disk: nothing of it is believed.
  put(disk, '/old', randomBytes(3_000_000));
  const far = await write(disk, [{ path: '/out2', content, like }], stored);
  assert.equal(far.wanted.length, content.chunks.length);
  assert.ok(disk.inode('/out2')?.bytes.equals(bytes));

  // A former try left most of it, longer than it should be and with one chunk spoiled.
  const left = Buffer.concat([bytes, Buffer.alloc(5000)]);
  left[500_000] = (left[500_000] as number) ^ 1;
  put(disk, '/out3', left);
  const again = await write(disk, [{ path: '/out3', content }], stored);
  assert.equal(again.wanted.length, 1);
  assert.ok(disk.inode('/out3')?.bytes.equals(bytes));
});

test('CHK20 a full disk fails the file it strikes, removes what was begun, and lets the others be', async () => {
  const disk = newDisk();
  for (const n of [0, 1, 2]) put(disk, `/in/${n}`, randomBytes(100_000));
  const { results, stored } = await read(disk, ['/in/0', '/in/1', '/in/2']);
  const wanted = results.map((result, n) => ({ path: `/out/${n}`, content: contentOf(result) }));
  let opened = 0;
  disk.fault = (call) => {
    if (call === 'open') opened++;
    return call === 'write' && opened === 2 ? 'ENOSPC' : undefined;
  };
  const written = await write(disk, wanted, stored);
  const [, failed] = written.results;
  assert.deepEqual(
    written.results.map(({ kind }) => kind),
    ['done', 'failed', 'done'],
  );
  assert.ok(failed?.kind === 'failed' && failed.problem.code === 'disk-full' && failed.problem.path === '/out/1');
  assert.deepEqual(new SimBytes(disk).list('/out'), ['0', '2']);
});

test('CHK20 a list of chunks that contradicts itself fails its file', async () => {
  const disk = newDisk();
  put(disk, '/source', Buffer.from('some bytes'));
  const { results, stored } = await read(disk, ['/source']);
  const content = contentOf(results[0]);
  const wrong = [
    { ...content, size: 11 },
    { ...content, chunks: [{ ...content.chunks[0], size: 9 }], size: 9 },
  ];
  for (const [n, one] of wrong.entries()) {
    const written = await write(disk, [{ path: `/out/${n}`, content: one as DocumentContent }], stored);
    assert.equal(written.results[0]?.kind, 'failed');
  }
  assert.deepEqual(new SimBytes(disk).list('/out'), []);
});

test('CHK15 with sync, a file survives a power cut once it is told finished', async () => {
  const disk = newDisk();
  const bytes = randomBytes(300_000);
  put(disk, '/source', bytes);
  const { results, stored } = await read(disk, ['/source']);
  await write(disk, [{ path: '/target', content: contentOf(results[0]) }], stored, undefined, true);
  disk.crash(1, () => 0);
  assert.ok(disk.inode('/target')?.bytes.equals(bytes));
});
