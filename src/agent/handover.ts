/** Chunks that are read from files and handed to the hub as they are read. Nothing is kept here a second time. */
import type { ChunkExchange } from '../protocol/chunk-exchange.ts';
import type { StoredChunk } from '../store/stored-chunk.ts';
import type { ChunkSink } from './folder-contents.ts';

/** Sent and not confirmed by the hub. */
const UNCONFIRMED_BYTES = 32 * 1024 * 1024;

/** Chunks on their way to the hub, with a bound on what it has not confirmed. */
export class Handover implements ChunkSink {
  readonly #chunks: ChunkExchange;
  readonly #underWay = new Set<Promise<void>>();
  #bytes = 0;

  constructor(chunks: ChunkExchange) {
    this.#chunks = chunks;
  }

  lacking(ids: readonly string[]): Promise<readonly string[]> {
    return this.#chunks.lacking(ids);
  }

  async take(chunks: readonly StoredChunk[]): Promise<void> {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.byteLength, 0);
    this.#bytes += bytes;
    const handed: Promise<void> = this.#chunks.hand(chunks).then(() => {
      this.#bytes -= bytes;
      this.#underWay.delete(handed);
    });
    // Whoever waits hears of a failure; until then it must only not count as unheard.
    handed.catch(() => {});
    this.#underWay.add(handed);
    while (this.#bytes > UNCONFIRMED_BYTES) await Promise.race(this.#underWay);
  }

  async finish(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}
