/**
 * Chunks that the partner is to have: offered, and of those the lacking ones sent; done when it has them durably. And
 * the other side of it, where this side takes what it is given.
 */
import { MalformedError } from '../core/codec.ts';
import { READ_AT_ONCE, sendChunks } from './chunk-batches.ts';
import { BACKLOG_BYTES, MAX_BATCH, MAX_IDS } from './limits.ts';
import type { MessageOf } from './messages.ts';
import type { ChunkRecord, Line, Replica } from './replica.ts';

/** A chunk to hand over; `read` is called only if the partner needs it. Undefined: it is not here any more, and left out. */
export type Upload = { readonly id: string; readonly bytes: number; readonly read: () => ChunkRecord | undefined };

/** What was sent, or is known to be there: done when all of it is durable at the partner. */
type Keeping = { readonly open: Set<string>; readonly done: () => void; readonly failed: (error: Error) => void };
/** What the partner was told of, until it says what it needs. */
type Offer = {
  readonly count: number;
  readonly needed: (ids: ReadonlySet<string>) => void;
  readonly failed: (error: Error) => void;
};
/** Uploads up to this many bytes go out at once, without asking what is needed: a save is there a round trip earlier. */
const UNASKED_BYTES = 128 * 1024;

export class ChunkHanding {
  readonly #channel: number;
  readonly #replica: Replica;
  readonly #line: Line;
  #offers: Offer[] = [];
  readonly #keeping = new Map<string, Keeping[]>();
  #ended: Error | null = null;

  constructor(channel: number, replica: Replica, line: Line) {
    this.#channel = channel;
    this.#replica = replica;
    this.#line = line;
  }

  /** Sees to it that the partner has these chunks durably. Rejects when the line ends. */
  upload(uploads: readonly Upload[]): Promise<void> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (uploads.length === 0) return Promise.resolve();
    const small = uploads.reduce((sum, { bytes }) => sum + bytes, 0) <= UNASKED_BYTES && uploads.length <= MAX_BATCH;
    if (small) return this.#push(uploads);
    const batches: Promise<void>[] = [];
    for (let start = 0; start < uploads.length; start += MAX_IDS) {
      batches.push(this.#offerUploads(uploads.slice(start, start + MAX_IDS)));
    }
    return Promise.all(batches).then(() => {});
  }

  /** Which of these the partner lacks: for content that is read once and handed over as it is read. */
  async lacking(ids: readonly string[]): Promise<readonly string[]> {
    const answers: Promise<ReadonlySet<string>>[] = [];
    for (let start = 0; start < ids.length; start += MAX_IDS) {
      const some = ids.slice(start, start + MAX_IDS);
      answers.push(new Promise((needed, failed) => this.#offer(some, needed, failed)));
    }
    return (await Promise.all(answers)).flatMap((needed) => [...needed]);
  }

  /** Sends what the partner has said to lack; resolves when it has it durably. */
  hand(chunks: readonly ChunkRecord[]): Promise<void> {
    if (chunks.length === 0) return Promise.resolve();
    return new Promise((done, failed) => {
      if (this.#ended) return failed(this.#ended);
      const ids = chunks.map(({ id }) => id);
      this.#expect({ open: new Set(ids), done, failed }, ids);
      sendChunks(this.#line, this.#channel, chunks);
    });
  }

  onOffer({ ids }: MessageOf<'offer'>): void {
    this.#line.send({ kind: 'need', channel: this.#channel, offered: ids.length, ids: this.#replica.lacking(ids) });
  }

  onNeed({ ids, offered }: MessageOf<'need'>): void {
    const offer = this.#offers.shift();
    if (offer === undefined || offer.count !== offered) throw new MalformedError('a need without an offer');
    offer.needed(new Set(ids));
  }

  onKept({ ids }: MessageOf<'kept'>): void {
    for (const id of ids) {
      for (const keeping of this.#keeping.get(id) ?? []) this.#settle(keeping, id);
      this.#keeping.delete(id);
    }
  }

  /** Takes what the partner has handed over, and says so once it is durable. */
  keep(chunks: readonly ChunkRecord[]): void {
    const ids = chunks.map(({ id }) => id);
    this.#replica.keepChunks(chunks).then(
      () => {
        if (!this.#ended) this.#line.send({ kind: 'kept', channel: this.#channel, ids });
      },
      (error: unknown) => this.#line.fail(error),
    );
  }

  end(error: Error): void {
    this.#ended = error;
    const waiting = new Set([...this.#offers, ...[...this.#keeping.values()].flat()]);
    this.#keeping.clear();
    for (const { failed } of waiting) failed(error);
  }

  #offerUploads(uploads: readonly Upload[]): Promise<void> {
    return new Promise((done, failed) => {
      const ids = uploads.map(({ id }) => id);
      const keeping: Keeping = { open: new Set(ids), done, failed };
      const needed = (these: ReadonlySet<string>): void => {
        for (const id of ids) if (!these.has(id)) this.#settle(keeping, id);
        const wanted = uploads.filter(({ id }) => these.has(id));
        void this.#send(keeping, wanted);
      };
      this.#offer(ids, needed, failed);
    });
  }

  #offer(ids: readonly string[], needed: Offer['needed'], failed: Offer['failed']): void {
    if (this.#ended) return failed(this.#ended);
    this.#offers.push({ count: ids.length, needed, failed });
    this.#line.send({ kind: 'offer', channel: this.#channel, ids });
  }

  #push(uploads: readonly Upload[]): Promise<void> {
    return new Promise((done, failed) => {
      const keeping: Keeping = { open: new Set(uploads.map(({ id }) => id)), done, failed };
      void this.#send(keeping, uploads);
    });
  }

  #expect(keeping: Keeping, ids: readonly string[]): void {
    for (const id of ids) this.#keeping.set(id, [...(this.#keeping.get(id) ?? []), keeping]);
  }

  async #send(keeping: Keeping, uploads: readonly Upload[]): Promise<void> {
    try {
      const ids = uploads.map(({ id }) => id);
      this.#expect(keeping, ids);
      for (let start = 0; start < uploads.length; start += READ_AT_ONCE) {
        if (this.#ended) return;
        const chunks: ChunkRecord[] = [];
        for (const { id, read } of uploads.slice(start, start + READ_AT_ONCE)) {
          const chunk = read();
          if (chunk) chunks.push(chunk);
          else this.#settle(keeping, id);
        }
        sendChunks(this.#line, this.#channel, chunks);
        if (this.#line.backlog > BACKLOG_BYTES) await this.#line.drained(BACKLOG_BYTES / 2);
      }
    } catch (error) {
      keeping.failed(error as Error);
    }
  }

  #settle(keeping: Keeping, id: string): void {
    keeping.open.delete(id);
    if (keeping.open.size === 0) keeping.done();
  }
}
