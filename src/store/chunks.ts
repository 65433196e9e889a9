/**
 * The chunk store of one file on one machine (a sync copy's or a hub's): chunks in their stored form, each once, in
 * packs, found by an index in the store's SQLite file. Takes ids as they are: only who can unpack a chunk can tell
 * whether it is what its id says. One writer, and readers in other processes.
 */
import type { DatabaseSync } from 'node:sqlite';
import { type Hash, sha256 } from '../core/bytes.ts';
import { assert } from '../core/problem.ts';
import type { FileBytes } from '../platform/ports.ts';
import { storageKind } from '../platform/storage-failure.ts';
import { ChunkIndex, type Location } from './chunk-index.ts';
import { HEADER_BYTES, headerOf, readHeader } from './pack.ts';
import { PACK_LIMIT, PackFiles, type Place } from './pack-files.ts';
import { recoverPacks } from './pack-recovery.ts';
import { DamagedChunk, type StoredChunk } from './stored-chunk.ts';

export const CHUNKS_SCHEMA = new URL('./schema/chunks/', import.meta.url);

export interface ReadResult {
  readonly found: StoredChunk[];
  /** Not in the store. */
  readonly missing: Hash[];
  /** In the store, but not what was stored: `forget` them, and get them from somewhere else. */
  readonly damaged: Hash[];
}

export interface ChunkStoreOptions {
  /** For another process than the writer: sees what is flushed, alters nothing. `db` may be read-only. */
  readonly readOnly?: boolean;
  /** Bytes after which a pack is followed by a new one. */
  readonly packLimit?: number;
}

/** Neighbours in a pack are read at once, up to this size, over gaps up to that one. */
const RUN_BYTES = 4 * 1024 * 1024;
const RUN_GAP = 8 * 1024;
const VERIFY_BATCH = 256;

export class ChunkStore {
  readonly #index: ChunkIndex;
  readonly #packs: PackFiles;
  readonly #readOnly: boolean;
  /** Appended and not yet flushed. */
  readonly #pending = new Map<Hash, Location>();
  #losses = 0;

  /** `db` has CHUNKS_SCHEMA; `folder` is where the packs lie, made when needed. Takes in what a crash left behind. */
  constructor(db: DatabaseSync, folder: string, files: FileBytes, options: ChunkStoreOptions = {}) {
    const { readOnly = false, packLimit = PACK_LIMIT } = options;
    this.#index = new ChunkIndex(db);
    this.#readOnly = readOnly;
    const next = readOnly ? { pack: -1, at: 0 } : recoverPacks(files, folder, this.#index);
    this.#packs = new PackFiles(files, folder, next, packLimit);
  }

  /** Which of `ids` are here, flushed or not. */
  has(ids: readonly Hash[]): Set<Hash> {
    const here = new Set(this.#index.known(ids));
    for (const id of ids) if (this.#pending.has(id)) here.add(id);
    return here;
  }

  /** Adds what is not here yet. The caller has checked `hash` if the bytes came from elsewhere (`isIntact`). */
  append(chunks: readonly StoredChunk[]): void {
    assert(!this.#readOnly, 'chunks appended by a reader');
    const here = this.has(chunks.map(({ id }) => id));
    for (const chunk of chunks) {
      if (here.has(chunk.id)) continue;
      here.add(chunk.id);
      const place = this.#orForgetPending(() => this.#packs.append(headerOf(chunk), chunk.bytes));
      this.#pending.set(chunk.id, { ...place, id: chunk.id, length: chunk.bytes.length });
      if (this.#packs.isFull) {
        this.flush();
        this.#packs.turn();
      }
    }
  }

  /**
   * What was appended survives a power cut once this returns. Called inside a transaction it lists the chunks in that
   * one, so that they and what names them are kept together; should it be rolled back, they are not here.
   */
  flush(): void {
    if (this.#pending.size === 0) return;
    const { pack, end } = this.#orForgetPending(() => this.#packs.sync());
    const fresh = [...this.#pending.values()];
    this.#pending.clear();
    this.#index.list(fresh, pack, end);
  }

  /** How often a failing disk took what was appended and not flushed: whoever waits for a flush must know. */
  get losses(): number {
    return this.#losses;
  }

  /** Undefined when it is not here. Throws `DamagedChunk` when the disk gives back other bytes than were stored. */
  readOne(id: Hash): StoredChunk | undefined {
    const { found, damaged } = this.read([id]);
    if (damaged.length > 0) throw new DamagedChunk(id, 'the disk gave back other bytes than were stored');
    return found[0];
  }

  /** In the order in which they lie on disk; the bytes share larger buffers. Meant for batches of a few MiB. */
  read(ids: readonly Hash[]): ReadResult {
    const result: ReadResult = { found: [], missing: [], damaged: [] };
    const missing = new Set(ids);
    const locations = [...this.#index.locate([...missing])];
    for (const id of missing) {
      const location = this.#pending.get(id);
      if (location) locations.push(location);
    }
    for (const { id } of locations) missing.delete(id);
    for (const run of runsOf(locations)) this.#readRun(run, result);
    result.missing.push(...missing);
    return result;
  }

  /** Damaged ones count as missing from now on. */
  forget(ids: readonly Hash[]): void {
    for (const id of ids) this.#pending.delete(id);
    this.#index.forget(ids);
  }

  /** Flushed chunks and their stored bytes. */
  totals(): { chunks: number; bytes: number } {
    return this.#index.totals();
  }

  /** Reads every flushed chunk, some per step; each step tells the damaged ones that it met. Alters nothing. */
  *verify(): Generator<{ checked: number; total: number; damaged: Hash[] }, void> {
    const total = this.totals().chunks;
    let checked = 0;
    for (let after: Hash | '' = ''; ; ) {
      const locations = this.#index.page(after, VERIFY_BATCH);
      const last = locations.at(-1);
      if (!last) return;
      const result: ReadResult = { found: [], missing: [], damaged: [] };
      for (const run of runsOf(locations)) this.#readRun(run, result);
      after = last.id;
      checked += locations.length;
      yield { checked, total, damaged: result.damaged };
    }
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.#packs.close();
    }
  }

  #readRun(run: readonly Location[], result: ReadResult): void {
    const [first, last] = [run[0] as Location, run.at(-1) as Location];
    const bytes = Buffer.allocUnsafe(endOf(last) - first.at);
    const filled = bytes.subarray(0, this.#readOrNothing(first, bytes));
    for (const location of run) {
      const record = filled.subarray(location.at - first.at, endOf(location) - first.at);
      const header = readHeader(record);
      const stored = record.subarray(HEADER_BYTES);
      const isWhole = header?.id === location.id && header.length === stored.length && sha256(stored) === header.hash;
      if (isWhole) result.found.push({ id: location.id, hash: header.hash, bytes: stored });
      else result.damaged.push(location.id);
    }
  }

  /** A pack that is gone, or that the disk cannot read, damages its chunks; anything else is thrown. */
  #readOrNothing(place: Place, into: Uint8Array): number {
    try {
      return this.#packs.read(place, into);
    } catch (error) {
      const kind = storageKind(error);
      if (kind === 'missing' || kind === 'disk-error') return 0;
      throw error;
    }
  }

  /** When the packs fail, what was not flushed is gone from them. */
  #orForgetPending<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      this.#pending.clear();
      this.#losses += 1;
      throw error;
    }
  }
}

function endOf({ at, length }: Location): number {
  return at + HEADER_BYTES + length;
}

/** Groups neighbours that are read at once. */
function runsOf(locations: Location[]): Location[][] {
  const runs: Location[][] = [];
  let run: Location[] = [];
  for (const location of locations.sort((a, b) => a.pack - b.pack || a.at - b.at)) {
    const [first, last] = [run[0], run.at(-1)];
    const joins =
      first?.pack === location.pack &&
      endOf(location) - first.at <= RUN_BYTES &&
      location.at - endOf(last as Location) <= RUN_GAP;
    if (joins) run.push(location);
    else {
      run = [location];
      runs.push(run);
    }
  }
  return runs;
}
