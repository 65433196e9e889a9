/**
 * Bytes in and out of one copy's folder: reads what was saved into the chunk store, writes what has arrived. The work
 * on the bytes is done by tasks (in worker threads, or in place); this brings them what they ask for.
 */

import type { TaskRunner } from '../platform/tasks.ts';
import type { AssembleStep } from '../store/assemble.ts';
import type { ChunkTasks } from '../store/chunk-tasks.ts';
import type { FileStore } from '../store/file-store.ts';
import { buffersOf, pack, unpack } from '../store/packed.ts';
import { decodeChunk, type StoredChunk } from '../store/stored-chunk.ts';
import type {
  Assembled,
  AssembleOptions,
  ChunkSource,
  Contents,
  Ingested,
  IngestOptions,
  Wanted,
} from './documents/ports.ts';
import type { SyncFolder } from './sync-folder.ts';
import type { Unsent } from './unsent.ts';

export interface FolderContentsOptions {
  readonly folder: SyncFolder;
  readonly unsent: Unsent;
  readonly store: FileStore;
  readonly tasks: TaskRunner<ChunkTasks>;
}

/** Chunks brought to a task together. */
const BRING_BYTES = 1024 * 1024;
const BRING_CHUNKS = 512;
/** Steps of a task that may be under way: beyond this, whoever brings waits. */
const STEPS_AHEAD = 8;

export class FolderContents implements Contents {
  readonly #options: FolderContentsOptions;

  constructor(options: FolderContentsOptions) {
    this.#options = options;
  }

  async ingest(paths: readonly string[], { keep = true }: IngestOptions = {}): Promise<readonly Ingested[]> {
    const results: Ingested[] = new Array(paths.length).fill({ kind: 'missing' });
    const steps = this.#options.tasks.start('ingest', { paths });
    let lacking: readonly string[] = [];
    for (;;) {
      const step = await steps.next(lacking);
      if (step === undefined) return results;
      for (const { index, result } of step.finished) results[index] = result;
      const stored = unpack(step.stored);
      const { hashes } = step;
      this.#keep(step.ids.map((id, at) => ({ id, hash: hashes[at] as string, bytes: stored[at] as Uint8Array })));
      lacking = keep ? this.#options.store.lacking(step.met) : [];
    }
  }

  chunk(id: string): Uint8Array | undefined {
    return this.#options.folder.chunks.readOne(id)?.bytes;
  }

  has(id: string): boolean {
    return this.#options.folder.chunks.has([id]).size > 0;
  }

  async assemble(
    files: readonly Wanted[],
    source: ChunkSource,
    { sync, signal, onProgress }: AssembleOptions,
  ): Promise<readonly Assembled[]> {
    const results: Assembled[] = new Array(files.length).fill({ kind: 'unavailable' });
    const steps = this.#options.tasks.start('assemble', { files, sync });
    const take = (step: AssembleStep | undefined): void => {
      for (const { index, result } of step?.finished ?? []) results[index] = result;
      if (step) onProgress?.(step.written);
    };
    try {
      const first = await steps.next(null);
      take(first);
      if (first === undefined || first.wanted.length === 0) return results;
      const carrier = new Carrier((chunks) => {
        const stored = pack(chunks.map(({ bytes }) => bytes));
        return steps.next({ ids: chunks.map(({ id }) => id), stored }, buffersOf(stored)).then(take);
      });
      const missing = await this.#bringFromHere(first.wanted, carrier);
      if (missing.length > 0) await source.fetch(missing, (id, bytes) => carrier.add({ id, bytes }), signal);
      await carrier.flush();
      take(await steps.next(null));
      return results;
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

  /** The plain bytes of a content that is wholly in the chunk store, piece by piece; undefined for a piece that is not. */
  *plain(chunks: readonly { id: string; size: number }[]): Generator<Uint8Array | undefined> {
    for (const { id, size } of chunks) {
      const stored = this.chunk(id);
      yield stored && decodeChunk(id, stored, size);
    }
  }

  #keep(chunks: readonly StoredChunk[]): void {
    if (chunks.length === 0) return;
    const { folder, store, unsent } = this.#options;
    store.transaction(() => {
      folder.chunks.append(chunks);
      folder.chunks.flush();
      unsent.add(chunks);
    });
    unsent.send();
  }
}

/** At most 16 MiB. */
const READ_AT_ONCE = 64;

type Carried = Pick<StoredChunk, 'id' | 'bytes'>;

/** Gathers chunks into steps of a useful size, and says when the task is far enough behind to wait for it. */
class Carrier {
  readonly #step: (chunks: readonly Carried[]) => Promise<void>;
  #gathered: Carried[] = [];
  #bytes = 0;
  #underWay = new Set<Promise<void>>();

  constructor(step: (chunks: readonly Carried[]) => Promise<void>) {
    this.#step = step;
  }

  add(chunk: Carried): undefined | Promise<void> {
    this.#gathered.push(chunk);
    this.#bytes += chunk.bytes.byteLength;
    if (this.#bytes >= BRING_BYTES || this.#gathered.length >= BRING_CHUNKS) this.#go();
    return this.#underWay.size > STEPS_AHEAD ? Promise.race(this.#underWay) : undefined;
  }

  async flush(): Promise<void> {
    if (this.#gathered.length > 0) this.#go();
    await Promise.all(this.#underWay);
  }

  #go(): void {
    const step = this.#step(this.#gathered).finally(() => this.#underWay.delete(step));
    this.#underWay.add(step);
    this.#gathered = [];
    this.#bytes = 0;
  }
}
