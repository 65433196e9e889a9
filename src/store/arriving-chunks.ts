/** Chunks that come in: kept at once, and made durable many together, for each flush of the disk costs what it costs. */
import type { Clock } from '../platform/ports.ts';
import { storageFailure } from '../platform/storage-failure.ts';
import type { ChunkRecord } from '../protocol/replica.ts';
import type { ChunkStore } from './chunks.ts';

/** At once when this much has gathered, else in the next turn. */
const FLUSH_BYTES = 16 * 1024 * 1024;
/** While so much comes that each turn has its megabyte, more is gathered first. */
const BULK_BYTES = 1024 * 1024;
const GATHER_MS = 25;

export class ArrivingChunks {
  readonly #chunks: ChunkStore;
  readonly #clock: Clock;
  #unflushed = 0;
  #isBulk = false;
  #flushing: Promise<void> | null = null;
  #flushNow: (() => void) | null = null;

  constructor(chunks: ChunkStore, clock: Clock) {
    this.#chunks = chunks;
    this.#clock = clock;
  }

  /** Resolves when they are durable. */
  keep(chunks: readonly ChunkRecord[]): Promise<void> {
    this.#chunks.append(chunks);
    for (const { bytes } of chunks) this.#unflushed += bytes.byteLength;
    this.#flushing ??= this.#flushSoon();
    const done = this.#flushing;
    if (this.#unflushed >= FLUSH_BYTES) this.#flushNow?.();
    return done;
  }

  #flushSoon(): Promise<void> {
    const { losses } = this.#chunks;
    return new Promise((resolve, reject) => {
      const flush = (): void => {
        cancel();
        this.#flushing = null;
        this.#flushNow = null;
        this.#isBulk = this.#unflushed >= BULK_BYTES;
        this.#unflushed = 0;
        try {
          this.#chunks.flush();
          if (this.#chunks.losses === losses) resolve();
          else reject(storageFailure('disk-error', 'Cannot keep chunks'));
        } catch (error) {
          reject(error as Error);
        }
      };
      const cancel = this.#clock.after(this.#isBulk ? GATHER_MS : 0, flush);
      this.#flushNow = flush;
    });
  }
}
