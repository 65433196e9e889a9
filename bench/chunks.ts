/**
 * What chunks cost by themselves, without network and agents: `node bench/chunks.ts [--files N] [--mb N]`.
 * The goals of the whole (docs/GOALS.md) stand on these; run it when one of them is missed.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Hash, sha256 } from '../src/core/bytes.ts';
import { boundaries } from '../src/core/chunking.ts';
import type { DocumentContent } from '../src/core/content.ts';
import { realFileBytes } from '../src/platform/file-bytes.ts';
import type { TaskRunner } from '../src/platform/tasks.ts';
import type { WantedFile } from '../src/store/assembled-file.ts';
import { type ChunkTasks, chunkTasksInPlace, chunkWorkers } from '../src/store/chunk-tasks.ts';
import { CHUNKS_SCHEMA, ChunkStore } from '../src/store/chunks.ts';
import { buffersOf, pack, unpack } from '../src/store/packed.ts';
import { openStore } from '../src/store/sqlite.ts';
import { decodeChunk, encodeChunk, type StoredChunk } from '../src/store/stored-chunk.ts';

const { values } = parseArgs({
  options: { files: { type: 'string', default: '50000' }, mb: { type: 'string', default: '256' } },
});
const FILES = Number(values.files);
const LARGE_BYTES = Number(values.mb) * 1_000_000;
const SMALL_BATCH = 512;

const temp = mkdtempSync(join(tmpdir(), 'tieout-chunks-'));
const db = openStore(join(temp, 'store.db'), { schema: CHUNKS_SCHEMA, synchronous: 'FULL' });
const store = new ChunkStore(db, join(temp, 'packs'), realFileBytes);
const workers = chunkWorkers();
const here = chunkTasksInPlace();

inProcess('random', randomBytes(64_000_000));
inProcess('csv', csv(64_000_000));
for (const kind of ['random', 'csv'] as const) await large(kind);
await small();
await workers.end();
store.close();
db.close();
rmSync(temp, { recursive: true });

function inProcess(kind: string, bytes: Buffer): void {
  let chunks: Buffer[] = [];
  const rate = (what: string, act: () => void) => {
    act(); // warm
    say(`${kind}: ${what}`, bytes.length, timed(act));
  };
  rate('cut', () => {
    const ends = boundaries(bytes, 0, bytes.length, true);
    chunks = ends.map((end, n) => bytes.subarray(ends[n - 1] ?? 0, end));
  });
  let ids: Hash[] = [];
  rate('sha256 of each chunk', () => {
    ids = chunks.map(sha256);
  });
  let stored: StoredChunk[] = [];
  rate('pack (zstd or raw, and its hash)', () => {
    stored = chunks.map((plain, n) => encodeChunk(plain, ids[n]));
  });
  rate('unpack and prove', () => {
    for (const { id, bytes } of stored) decodeChunk(id, bytes);
  });
  const kept = stored.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
  console.log(`  ${chunks.length} chunks, stored ${((100 * kept) / bytes.length).toFixed(0)} %`);
}

/** One large file, in a worker thread: into the chunk store, and out of it. */
async function large(kind: 'random' | 'csv'): Promise<void> {
  const path = join(temp, kind);
  writeFileSync(path, kind === 'random' ? randomBytes(LARGE_BYTES) : csv(LARGE_BYTES));
  let content: DocumentContent[] = [];
  const inMs = await timedAsync(async () => {
    content = await read(workers, [path], true);
  });
  say(`${kind}, one file: read, cut, hash, pack, keep durably`, LARGE_BYTES, inMs);
  const files = [{ path: join(temp, `${kind}.out`), content: content[0] as DocumentContent }];
  say(
    `${kind}, one file: unpack, prove, write, sync`,
    LARGE_BYTES,
    await timedAsync(() => write(workers, files, true)),
  );
}

async function small(): Promise<void> {
  const paths = makeSmallFiles();
  const batches = Array.from({ length: Math.ceil(FILES / SMALL_BATCH) }, (_, n) =>
    paths.slice(n * SMALL_BATCH, (n + 1) * SMALL_BATCH),
  );
  const contents: DocumentContent[][] = [];
  const each = async (what: string, act: (batch: string[], n: number) => Promise<unknown>) => {
    const ms = await timedAsync(async () => {
      for (const [n, batch] of batches.entries()) await act(batch, n);
    });
    console.log(`${what.padEnd(64)} ${ms.toFixed(0).padStart(6)} ms  ${((1000 * ms) / FILES).toFixed(1)} us each`);
  };
  await each(`${FILES} small files: read and hash, thread`, (batch) => read(workers, batch, false));
  await each(`${FILES} small files: read and hash, in place`, (batch) => read(here, batch, false));
  await each(`${FILES} small files: read, hash, pack, keep durably`, async (batch, n) => {
    contents[n] = await read(workers, batch, true);
  });
  for (let n = 0; n * 100 < FILES; n++) mkdirSync(join(temp, 'out', `${n}`), { recursive: true });
  await each(`${FILES} small files: out of the store, written`, (batch, n) => {
    const files = batch.map((path, at) => ({ path: path.replace('/in/', '/out/'), content: contents[n]?.[at] }));
    return write(workers, files as WantedFile[], false);
  });
}

async function read(runner: TaskRunner<ChunkTasks>, paths: string[], keep: boolean): Promise<DocumentContent[]> {
  const steps = runner.start('ingest', { paths });
  const contents: DocumentContent[] = [];
  let lacking: readonly Hash[] = [];
  for (;;) {
    const step = await steps.next(lacking);
    if (!step) break;
    for (const { index, result } of step.finished) {
      if (result.kind === 'done') contents[index] = result.content;
    }
    store.append(unpack(step.stored).map((bytes, n) => ({ id: step.ids[n]!, hash: step.hashes[n]!, bytes })));
    const known = store.has(step.met);
    lacking = keep ? step.met.filter((id) => !known.has(id)) : [];
  }
  store.flush();
  return contents;
}

async function write(runner: TaskRunner<ChunkTasks>, files: WantedFile[], sync: boolean): Promise<void> {
  const steps = runner.start('assemble', { files, sync });
  const first = await steps.next(null);
  let before: Promise<unknown> = Promise.resolve();
  const ids = first?.wanted ?? [];
  for (let at = 0; at < ids.length; at += 64) {
    const { found } = store.read(ids.slice(at, at + 64));
    const stored = pack(found.map(({ bytes }) => bytes));
    await before;
    before = steps.next({ ids: found.map(({ id }) => id), stored }, buffersOf(stored));
  }
  await before;
  if ((await steps.next(null)) !== undefined) throw new Error('not all was written');
}

function makeSmallFiles(): string[] {
  return Array.from({ length: FILES }, (_, n) => {
    const folder = join(temp, 'in', `${Math.floor(n / 100)}`);
    if (n % 100 === 0) mkdirSync(folder, { recursive: true });
    const path = join(folder, `f${n}.dat`);
    const size = 1024 + ((n * 7919) % 7168);
    writeFileSync(path, n % 2 ? randomBytes(size) : csv(size, n));
    return path;
  });
}

function csv(size: number, seed = 0): Buffer {
  const bytes = Buffer.allocUnsafe(size + 100);
  let at = 0;
  for (let n = seed; at < size; n++) {
    const amount = ((n * 7919) % 1_000_000) / 100;
    at += bytes.write(
      `${n},4${n % 900},${amount},Account number ${(n * 31) % 977},2026-0${(n % 9) + 1}-1${n % 9}\n`,
      at,
    );
  }
  return bytes.subarray(0, size);
}

function say(what: string, bytes: number, ms: number): void {
  console.log(`${what.padEnd(64)} ${(bytes / 1000 / ms).toFixed(0).padStart(6)} MB/s`);
}

function timed(act: () => void): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}

async function timedAsync(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}
