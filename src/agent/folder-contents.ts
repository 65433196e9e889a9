/**
 * Bytes in and out of one copy's folder: reads what was saved into the chunk store, writes what has arrived. The work
 * on the bytes is done by tasks (in worker threads, or in place); this brings them what they ask for.
 */
import { StorageError } from '../core/problem.ts';
import { storageFailure } from '../platform/storage-failure.ts';
import type { TaskRunner } from '../platform/tasks.ts';
import type { AssembleStep } from '../store/assemble.ts';
import type { ChunkTasks } from '../store/chunk-tasks.ts';
import type { FileStore } from '../store/file-store.ts';
import type { IngestStep } from '../store/ingest.ts';
import { buffersOf, pack, unpack } from '../store/packed.ts';
import type { StoredChunk } from '../store/stored-chunk.ts';
import type {
  Assembled,
  AssembleOptions,
  ChunkSource,
  Contents,
  Ingested,
  IngestOptions,
  Wanted,
} from './documents/ports.ts';
import type { Unsent } from './unsent.ts';

export interface FolderContentsOptions {
  readonly store: FileStore;
  readonly unsent: Unsent;
  readonly tasks: TaskRunner<ChunkTasks>;
}

/** Where chunks go that were read. */
export interface ChunkSink {
  lacking(ids: readonly string[]): readonly string[] | Promise<readonly string[]>;
  /** A promise asks to be waited for. */
  take(chunks: readonly StoredChunk[]): void | Promise<void>;
  /** Everything taken is durable when it resolves. */
  finish(): void | Promise<void>;
}

const NOWHERE: ChunkSink = { lacking: () => [], take: () => {}, finish: () => {} };

/** Tasks at a time: one is worked on while another's answer is on its way. */
const PARALLEL = 2;
const INGEST_FILES = 128;
const ASSEMBLE_FILES = 512;
const ASSEMBLE_BYTES = 32 * 1024 * 1024;
/** What was read so far survives a power cut at these steps, so that a large publish goes on where it stood. */
const FLUSH_BYTES = 16 * 1024 * 1024;
/** Chunks of our own read at a time: at most 16 MiB. */
const READ_AT_ONCE = 64;
/** Chunks brought to a task together, and how much may be on its way before whoever brings has to wait. */
const PARCEL_BYTES = 512 * 1024;
const PARCEL_CHUNKS = 512;
const PARCELS_AHEAD = 8;

export class FolderContents implements Contents {
  readonly #options: FolderContentsOptions;
  #kept: { id: string; size: number }[] = [];
  #keptBytes = 0;

  constructor(options: FolderContentsOptions) {
    this.#options = options;
  }

  async ingest(paths: readonly string[], { keep = true }: IngestOptions = {}): Promise<readonly Ingested[]> {
    return this.ingestInto(keep ? this.#ownStore() : NOWHERE, paths);
  }

  /** Reads files and gives the chunks that the sink lacks to it. */
  async ingestInto(
    sink: ChunkSink,
    paths: readonly string[],
    onRead: (one: Ingested) => void = () => {},
  ): Promise<readonly Ingested[]> {
    const results: Ingested[] = [];
    const starts = Array.from({ length: Math.ceil(paths.length / INGEST_FILES) }, (_, n) => n * INGEST_FILES);
    try {
      await inParallel(starts, async (start) => {
        const batch = paths.slice(start, start + INGEST_FILES);
        await this.#ingestBatch(batch, sink, (index, result) => {
          results[start + index] = result;
          onRead(result);
        });
      });
      await sink.finish();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      return paths.map(() => ({ kind: 'failed', problem: error.problem }));
    }
    return paths.map((_, index) => results[index] ?? { kind: 'missing' });
  }

  /** The store here, for one reading: whatever a failing disk takes from anybody meanwhile may be of this one. */
  #ownStore(): ChunkSink {
    const { store } = this.#options;
    const { losses } = store.chunks;
    return {
      lacking: (ids) => store.lacking(ids),
      take: (chunks) => this.#keep(chunks),
      finish: () => {
        if (store.chunks.losses !== losses) throw storageFailure('disk-error', 'Cannot keep what was saved');
        this.#flush();
      },
    };
  }

  chunk(id: string): Uint8Array | undefined {
    return this.#options.store.readChunks([id])[0]?.bytes;
  }

  has(id: string): boolean {
    return this.#options.store.lacking([id]).length === 0;
  }

  async assemble(
    files: readonly Wanted[],
    source: ChunkSource,
    options: AssembleOptions,
  ): Promise<readonly Assembled[]> {
    const results: Assembled[] = [];
    await inParallel(batchesOf(files), async ({ start, batch }) => {
      const take = (step: AssembleStep): void => {
        for (const { index, result } of step.finished) results[start + index] = result;
        if (step.written > 0) options.onProgress?.(step.written);
      };
      await this.#assembleBatch(batch, source, options, take);
    });
    return files.map((_, index) => results[index] ?? { kind: 'unavailable' });
  }

  /** Keeps chunks that were made here, durably, and sends them on their way. */
  keepOwn(chunks: readonly StoredChunk[]): void {
    this.#keep(chunks);
    this.#flush();
  }

  async #ingestBatch(paths: readonly string[], sink: ChunkSink, done: (index: number, result: Ingested) => void) {
    const steps = this.#options.tasks.start('ingest', { paths });
    try {
      let lacking: readonly string[] = [];
      for (;;) {
        const step = await steps.next(lacking);
        if (step === undefined) return;
        await sink.take(chunksOf(step));
        for (const { index, result } of step.finished) done(index, result);
        lacking = step.met.length > 0 ? await sink.lacking(step.met) : [];
      }
    } finally {
      steps.close();
    }
  }

  async #assembleBatch(
    files: readonly Wanted[],
    source: ChunkSource,
    { sync, signal }: AssembleOptions,
    take: (step: AssembleStep) => void,
  ): Promise<void> {
    if (signal.aborted) return;
    const steps = this.#options.tasks.start('assemble', { files, sync });
    try {
      const first = await steps.next(null);
      if (first === undefined) return;
      take(first);
      const carrier = new Carrier(async (chunks) => {
        const stored = pack(chunks.map(({ bytes }) => bytes));
        const step = await steps.next({ ids: chunks.map(({ id }) => id), stored }, buffersOf(stored));
        if (step === undefined) return;
        take(step);
        if (step.refused.length > 0) source.wrong?.(step.refused);
      });
      const missing = await this.#bringFromHere(first.wanted, carrier);
      if (missing.length > 0) await source.fetch(missing, (id, bytes) => carrier.add({ id, bytes }), signal);
      await carrier.done();
      const last = await steps.next(null);
      if (last) take(last);
    } finally {
      steps.close();
    }
  }

  /** Brings what the chunk store has, and returns the rest. */
  async #bringFromHere(ids: readonly string[], carrier: Carrier): Promise<readonly string[]> {
    const { store } = this.#options;
    const lacking = new Set(store.lacking(ids));
    const here = ids.filter((id) => !lacking.has(id));
    for (let start = 0; start < here.length; start += READ_AT_ONCE) {
      const batch = here.slice(start, start + READ_AT_ONCE);
      const found = store.readChunks(batch);
      const whole = new Set(found.map(({ id }) => id));
      for (const id of batch) if (!whole.has(id)) lacking.add(id);
      for (const chunk of found) await carrier.add(chunk);
    }
    return [...lacking];
  }

  #keep(chunks: readonly StoredChunk[]): void {
    if (chunks.length === 0) return;
    this.#options.store.chunks.append(chunks);
    for (const { id, bytes } of chunks) {
      this.#kept.push({ id, size: bytes.byteLength });
      this.#keptBytes += bytes.byteLength;
    }
    if (this.#keptBytes >= FLUSH_BYTES) this.#flush();
  }

  #flush(): void {
    const { store, unsent } = this.#options;
    if (this.#kept.length === 0) return;
    const kept = this.#kept;
    this.#kept = [];
    this.#keptBytes = 0;
    store.transaction(() => {
      store.chunks.flush();
      unsent.add(kept);
    });
    unsent.send();
  }
}

type Carried = Pick<StoredChunk, 'id' | 'bytes'>;

/** Gathers chunks into parcels, and says when the task is far enough behind to be waited for. */
class Carrier {
  readonly #step: (chunks: readonly Carried[]) => Promise<void>;
  readonly #underWay = new Set<Promise<void>>();
  #gathered: Carried[] = [];
  #bytes = 0;

  constructor(step: (chunks: readonly Carried[]) => Promise<void>) {
    this.#step = step;
  }

  /** A promise asks to be waited for. */
  add(chunk: Carried): undefined | Promise<void> {
    this.#gathered.push(chunk);
    this.#bytes += chunk.bytes.byteLength;
    if (this.#bytes >= PARCEL_BYTES || this.#gathered.length >= PARCEL_CHUNKS) this.#go();
    return this.#underWay.size > PARCELS_AHEAD ? Promise.race(this.#underWay) : undefined;
  }

  /** Resolves when all that was brought is written. */
  async done(): Promise<void> {
    if (this.#gathered.length > 0) this.#go();
    await Promise.all(this.#underWay);
  }

  #go(): void {
    const step: Promise<void> = this.#step(this.#gathered).finally(() => this.#underWay.delete(step));
    // Whoever waits hears of a failure; until then it must only not count as unheard.
    step.catch(() => {});
    this.#underWay.add(step);
    this.#gathered = [];
    this.#bytes = 0;
  }
}

function chunksOf({ ids, hashes, stored }: IngestStep): StoredChunk[] {
  return unpack(stored).map((bytes, n) => ({ id: ids[n] as string, hash: hashes[n] as string, bytes }));
}

function batchesOf(files: readonly Wanted[]): { start: number; batch: Wanted[] }[] {
  const batches: { start: number; batch: Wanted[]; bytes: number }[] = [];
  for (const [index, file] of files.entries()) {
    let last = batches.at(-1);
    if (!last || last.batch.length === ASSEMBLE_FILES || last.bytes + file.content.size > ASSEMBLE_BYTES) {
      last = { start: index, batch: [], bytes: 0 };
      batches.push(last);
    }
    last.batch.push(file);
    last.bytes += file.content.size;
  }
  return batches;
}

/** Some at a time; after a failure nothing new is begun. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const takeTurns = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      try {
        await work(item);
      } catch (error) {
        queue.length = 0;
        throw error;
      }
    }
  };
  const turns = await Promise.allSettled(Array.from({ length: PARALLEL }, takeTurns));
  for (const turn of turns) if (turn.status === 'rejected') throw turn.reason;
}
