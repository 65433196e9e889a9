/**
 * The log and the bodies of one file for another process than the agent: read-only, and up to date with every look.
 * What the agent has committed is here with the next call.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { ChangeId } from '../core/change.ts';
import type { Vector } from '../core/vector.ts';
import { realFileBytes } from '../platform/file-bytes.ts';
import type { FileBytes } from '../platform/ports.ts';
import { asStorageFailure } from '../platform/storage-failure.ts';
import { bodyBytes, bodyPieces } from './body-parts.ts';
import { ChunkStore } from './chunks.ts';
import { Log, type StoredChange } from './log.ts';

/** Bodies that one page holds in memory. */
const PAGE_BYTES = 16 * 1024 * 1024;
const BUSY_MS = 250;

export class LogReader {
  readonly #db: DatabaseSync;
  readonly #log: Log;
  readonly #chunks: ChunkStore;
  readonly #version: StatementSync;
  #seen: unknown;

  /**
   * `storePath`: the agent's store.db, which it has open; `packs`: the folder of its chunks. `damaged` is told of each
   * record that is met and cannot be read.
   */
  constructor(
    storePath: string,
    packs: string,
    { files = realFileBytes, damaged }: { files?: FileBytes; damaged?: (id: ChangeId) => void } = {},
  ) {
    try {
      this.#db = new DatabaseSync(storePath, { readOnly: true, timeout: BUSY_MS });
      this.#chunks = new ChunkStore(this.#db, packs, files, { readOnly: true });
      this.#version = this.#db.prepare('PRAGMA data_version');
      this.#seen = this.#dataVersion();
      this.#log = new Log(this.#db, this.#chunks, damaged);
    } catch (error) {
      throw asStorageFailure(error, 'Cannot read the log', storePath);
    }
  }

  vector(): Vector {
    return this.#reading(() => this.#log.vector());
  }

  after(vector: Vector, options: { subject: string; limit: number }): readonly StoredChange[] {
    return this.#reading(() => this.#log.after(vector, { ...options, bytes: PAGE_BYTES }));
  }

  body(change: StoredChange): Uint8Array {
    return bodyBytes(change, this.#chunks);
  }

  /** The same a part at a time; it is proved when its end is reached. */
  pieces(change: StoredChange): Iterable<Uint8Array> {
    return bodyPieces(change, this.#chunks);
  }

  close(): void {
    this.#chunks.close();
    this.#db.close();
  }

  /** In one view of the store: what is being packed by the agent is a row or in a segment, not neither. */
  #reading<T>(read: () => T): T {
    this.#db.exec('BEGIN');
    try {
      this.#refresh();
      return read();
    } finally {
      this.#db.exec('ROLLBACK');
    }
  }

  #refresh(): void {
    const version = this.#dataVersion();
    if (version === this.#seen) return;
    this.#seen = version;
    this.#log.reload();
  }

  #dataVersion(): unknown {
    return this.#version.get()?.data_version;
  }
}
