/**
 * Chunks between two replicas of one file: wants and their answers (chunk-fetching, chunk-serving), offers and what the
 * partner needs of them (chunk-handing).
 */
import { sha256 } from '../core/bytes.ts';
import { MalformedError } from '../core/codec.ts';
import { ChunkFetching, type Deliver, type FetchOptions } from './chunk-fetching.ts';
import { ChunkHanding, type Upload } from './chunk-handing.ts';
import { ChunkServing } from './chunk-serving.ts';
import type { MessageOf } from './messages.ts';
import type { ChunkRecord, Line, Replica } from './replica.ts';

export type { Deliver, FetchOptions } from './chunk-fetching.ts';
export type { Upload } from './chunk-handing.ts';

export interface ChunkExchangeOptions {
  readonly acceptsUploads: boolean;
  /** The partner wants chunks that are not here. */
  readonly onAwaited?: ((ids: readonly string[]) => void) | undefined;
}

export class ChunkExchange {
  readonly #acceptsUploads: boolean;
  readonly #fetching: ChunkFetching;
  readonly #serving: ChunkServing;
  readonly #handing: ChunkHanding;

  constructor(channel: number, replica: Replica, line: Line, { acceptsUploads, onAwaited }: ChunkExchangeOptions) {
    this.#acceptsUploads = acceptsUploads;
    this.#fetching = new ChunkFetching(channel, line);
    this.#serving = new ChunkServing(channel, replica, line, (ids) => onAwaited?.(ids));
    this.#handing = new ChunkHanding(channel, replica, line);
  }

  /** Asks for chunks; each is delivered once, checked against its stored hash. Rejects when the line ends. */
  fetch(ids: readonly string[], deliver: Deliver, options?: FetchOptions): Promise<void> {
    return this.#fetching.fetch(ids, deliver, options);
  }

  /** Sees to it that the partner has these chunks durably. Rejects when the line ends. */
  upload(uploads: readonly Upload[]): Promise<void> {
    return this.#handing.upload(uploads);
  }

  /** Which of these the partner lacks: for content that is read once and handed over as it is read. */
  lacking(ids: readonly string[]): Promise<readonly string[]> {
    return this.#handing.lacking(ids);
  }

  /** Sends what the partner has said to lack; resolves when it has it durably. */
  hand(chunks: readonly ChunkRecord[]): Promise<void> {
    return this.#handing.hand(chunks);
  }

  onWant(message: MessageOf<'want'>): void {
    this.#serving.onWant(message);
  }

  onUnwant(message: MessageOf<'unwant'>): void {
    this.#serving.onUnwant(message);
  }

  onLater(message: MessageOf<'later'>): void {
    this.#fetching.onLater(message);
  }

  onOffer(message: MessageOf<'offer'>): void {
    if (!this.#acceptsUploads) throw new MalformedError('an upload that nobody asked for');
    this.#handing.onOffer(message);
  }

  onNeed(message: MessageOf<'need'>): void {
    this.#handing.onNeed(message);
  }

  onKept(message: MessageOf<'kept'>): void {
    this.#handing.onKept(message);
  }

  onChunks({ chunks }: MessageOf<'chunks'>): void {
    const uploaded: ChunkRecord[] = [];
    for (const chunk of chunks) {
      const isProved = !this.#acceptsUploads && this.#fetching.isProvedByTakers(chunk.id);
      if (!isProved && sha256(chunk.bytes) !== chunk.hash)
        throw new MalformedError(`chunk ${chunk.id} is not what its hash says`);
      // Who takes uploads cannot tell one from an answer, and an upload must be acknowledged.
      if (this.#acceptsUploads) uploaded.push(chunk);
      const isExpected = this.#fetching.take(chunk) || this.#acceptsUploads;
      if (!isExpected) throw new MalformedError(`chunk ${chunk.id} was not asked for`);
    }
    this.#fetching.ask();
    if (uploaded.length > 0) this.#handing.keep(uploaded);
  }

  /** Chunks have come in here, from whomever: answers the partner's wants that waited for them. */
  arrived(ids: readonly string[]): void {
    this.#serving.arrived(ids);
  }

  end(error: Error): void {
    this.#serving.end();
    this.#fetching.end(error);
    this.#handing.end(error);
  }
}
