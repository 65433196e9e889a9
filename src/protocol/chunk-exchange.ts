/**
 * Chunks between two replicas of one file: wants and their answers, offers and what the partner needs of them.
 * A want for a chunk that is not here yet is answered with `later` and kept: a colleague's upload is served while it
 * arrives, and what nobody has uploaded yet stands in nobody's way.
 */
import { sha256 } from '../core/bytes.ts';
import { MalformedError } from '../core/codec.ts';
import { BACKLOG_BYTES, BATCH_BYTES, MAX_AWAITED, MAX_BATCH, MAX_IDS, OUTSTANDING_WANTS } from './limits.ts';
import type { MessageOf } from './messages.ts';
import { Queue } from './queue.ts';
import type { ChunkRecord, Line, Replica } from './replica.ts';

/** A promise asks the partner to be slower: no more is wanted until it resolves. */
export type Deliver = (chunk: ChunkRecord) => undefined | Promise<void>;

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
type Fetch = {
  left: number;
  /** Of those left, what the partner has promised for later. */
  later: number;
  over: boolean;
  readonly waiting: () => void;
  readonly deliver: Deliver;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
};

export interface FetchOptions {
  /** Goes before everything that was not asked for yet: a change waits for it. */
  readonly urgent?: boolean;
  /** Nobody waits any longer: nothing more is delivered, and what was not asked for is not asked for. */
  readonly signal?: AbortSignal;
  /** All that is left is not at the partner yet. Called again whenever that is so after something has come. */
  readonly waiting?: () => void;
}

export interface ChunkExchangeOptions {
  readonly acceptsUploads: boolean;
  /** The partner wants chunks that are not here. */
  readonly onAwaited?: ((ids: readonly string[]) => void) | undefined;
}

/** Chunks read together before the line is looked at again: at most 16 MiB. */
const READ_AT_ONCE = 64;
/** Uploads up to this many bytes go out at once, without asking what is needed: a save is there a round trip earlier. */
const UNASKED_BYTES = 128 * 1024;

function nobodyWaits(): Error {
  return new Error('nobody waits for it any longer');
}

export class ChunkExchange {
  readonly #channel: number;
  readonly #replica: Replica;
  readonly #line: Line;
  readonly #acceptsUploads: boolean;
  readonly #onAwaited: ChunkExchangeOptions['onAwaited'];

  readonly #wanted = new Map<string, Fetch[]>();
  readonly #unasked = new Queue<string>();
  #outstanding = 0;
  readonly #later = new Set<string>();
  /** Given up after it was promised: it may be on its way nevertheless. */
  readonly #unwanted = new Set<string>();

  readonly #toServe = new Queue<string>();
  /** What was promised for later and has come in. */
  readonly #toPush = new Queue<string>();
  #inService = 0;
  #serving = false;
  /** Wants of the partner for chunks that are not here yet. */
  readonly #awaited = new Set<string>();

  #offers: Offer[] = [];
  readonly #keeping = new Map<string, Keeping[]>();
  #ended: Error | null = null;

  constructor(channel: number, replica: Replica, line: Line, options: ChunkExchangeOptions) {
    this.#channel = channel;
    this.#replica = replica;
    this.#line = line;
    this.#acceptsUploads = options.acceptsUploads;
    this.#onAwaited = options.onAwaited;
  }

  /** Asks for chunks; each is delivered once, checked against its stored hash. Rejects when the line ends. */
  fetch(ids: readonly string[], deliver: Deliver, options: FetchOptions = {}): Promise<void> {
    const { urgent = false, signal, waiting = () => {} } = options;
    if (this.#ended || signal?.aborted) return Promise.reject(this.#ended ?? nobodyWaits());
    const distinct = [...new Set(ids)];
    if (distinct.length === 0) return Promise.resolve();
    return new Promise((done, failed) => {
      const fetch: Fetch = { left: distinct.length, later: 0, over: false, waiting, deliver, done, failed };
      const unasked: string[] = [];
      for (const id of distinct) {
        const others = this.#wanted.get(id);
        if (others) {
          others.push(fetch);
          if (this.#later.has(id)) fetch.later += 1;
        } else {
          this.#wanted.set(id, [fetch]);
          unasked.push(id);
        }
      }
      if (urgent) this.#unasked.pushFirst(unasked);
      else this.#unasked.push(unasked);
      signal?.addEventListener('abort', () => this.#abandon(fetch, nobodyWaits()), { once: true });
      this.#ask();
      this.#noteWaiting(fetch);
    });
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
      this.#sendBatches(chunks);
    });
  }

  onWant({ ids }: MessageOf<'want'>): void {
    const open = this.#toServe.length + this.#inService + ids.length;
    if (open > OUTSTANDING_WANTS) throw new MalformedError('more wants at once than agreed');
    if (open + this.#awaited.size > MAX_AWAITED) throw new MalformedError('too many wants for what is not here');
    this.#toServe.push(ids);
    void this.#serve();
  }

  onUnwant({ ids }: MessageOf<'unwant'>): void {
    for (const id of ids) this.#awaited.delete(id);
  }

  onLater({ ids }: MessageOf<'later'>): void {
    const waiting = new Set<Fetch>();
    const given: string[] = [];
    for (const id of ids) {
      const fetches = this.#wanted.get(id);
      if (fetches === undefined || this.#later.has(id)) throw new MalformedError(`chunk ${id} was not asked for`);
      this.#outstanding -= 1;
      this.#later.add(id);
      const live = fetches.filter(({ over }) => !over);
      if (live.length === 0) given.push(id);
      for (const fetch of live) {
        fetch.later += 1;
        waiting.add(fetch);
      }
    }
    this.#giveUp(given);
    this.#ask();
    for (const fetch of waiting) this.#noteWaiting(fetch);
  }

  onOffer({ ids }: MessageOf<'offer'>): void {
    if (!this.#acceptsUploads) throw new MalformedError('an upload that nobody asked for');
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

  onChunks({ chunks }: MessageOf<'chunks'>): void {
    const uploaded: ChunkRecord[] = [];
    for (const chunk of chunks) {
      if (sha256(chunk.bytes) !== chunk.hash) throw new MalformedError(`chunk ${chunk.id} is not what its hash says`);
      // Who takes uploads cannot tell one from an answer, and an upload must be acknowledged.
      if (this.#acceptsUploads) uploaded.push(chunk);
      const fetches = this.#wanted.get(chunk.id);
      if (fetches === undefined) {
        const isExpected = this.#unwanted.delete(chunk.id) || this.#acceptsUploads;
        if (!isExpected) throw new MalformedError(`chunk ${chunk.id} was not asked for`);
        continue;
      }
      this.#wanted.delete(chunk.id);
      if (this.#later.delete(chunk.id)) {
        this.#outstanding += 1;
        for (const fetch of fetches) fetch.later -= 1;
      }
      const busy = fetches.flatMap((fetch) => this.#deliver(fetch, chunk) ?? []);
      if (busy.length === 0) this.#outstanding -= 1;
      else void Promise.allSettled(busy).then(() => this.#taken());
    }
    this.#ask();
    if (uploaded.length > 0) this.#keep(uploaded);
  }

  /** Chunks have come in here, from whomever: answers the partner's wants that waited for them. */
  arrived(ids: readonly string[]): void {
    const served = ids.filter((id) => this.#awaited.delete(id));
    if (served.length === 0) return;
    this.#toPush.push(served);
    void this.#serve();
  }

  end(error: Error): void {
    this.#ended = error;
    this.#toServe.clear();
    this.#toPush.clear();
    this.#unasked.clear();
    this.#awaited.clear();
    this.#later.clear();
    this.#unwanted.clear();
    const fetches = new Set([...this.#wanted.values()].flat());
    const offers = new Set([...this.#offers, ...[...this.#keeping.values()].flat()]);
    this.#wanted.clear();
    this.#keeping.clear();
    for (const { failed } of [...fetches, ...offers]) failed(error);
  }

  #ask(): void {
    while (this.#unasked.length > 0 && this.#outstanding < OUTSTANDING_WANTS) {
      const ids = this.#unasked.take(Math.min(MAX_IDS, OUTSTANDING_WANTS - this.#outstanding));
      this.#outstanding += ids.length;
      this.#line.send({ kind: 'want', channel: this.#channel, ids });
    }
  }

  #taken(): void {
    this.#outstanding -= 1;
    if (!this.#ended) this.#ask();
  }

  #deliver(fetch: Fetch, chunk: ChunkRecord): Promise<void> | undefined {
    if (fetch.over) return undefined;
    try {
      const busy = fetch.deliver(chunk);
      fetch.left -= 1;
      fetch.over = fetch.left === 0;
      if (fetch.over) fetch.done();
      else this.#noteWaiting(fetch);
      return busy;
    } catch (error) {
      this.#abandon(fetch, error as Error);
      return undefined;
    }
  }

  #noteWaiting(fetch: Fetch): void {
    if (!fetch.over && fetch.later === fetch.left) fetch.waiting();
  }

  /** What was asked for already still comes, and is dropped; what was promised for later is taken back. */
  #abandon(fetch: Fetch, why: Error): void {
    if (fetch.over) return;
    fetch.over = true;
    const isNeeded = (id: string): boolean => this.#wanted.get(id)?.some(({ over }) => !over) ?? false;
    this.#unasked.retain((id) => {
      const needed = isNeeded(id);
      if (!needed) this.#wanted.delete(id);
      return needed;
    });
    if (fetch.later > 0) this.#giveUp([...this.#later].filter((id) => !isNeeded(id)));
    fetch.failed(why);
  }

  #giveUp(ids: readonly string[]): void {
    for (const id of ids) {
      this.#wanted.delete(id);
      this.#later.delete(id);
      this.#unwanted.add(id);
    }
    for (let start = 0; start < ids.length; start += MAX_IDS) {
      this.#line.send({ kind: 'unwant', channel: this.#channel, ids: ids.slice(start, start + MAX_IDS) });
    }
  }

  async #serve(): Promise<void> {
    if (this.#serving) return;
    this.#serving = true;
    try {
      while (this.#toServe.length + this.#toPush.length > 0 && !this.#ended) {
        const queue = this.#toServe.length > 0 ? this.#toServe : this.#toPush;
        const ids = queue.take(READ_AT_ONCE);
        this.#inService = queue === this.#toServe ? ids.length : 0;
        const found = this.#replica.readChunks(ids);
        if (found.length < ids.length) this.#await(ids, found, queue === this.#toServe);
        this.#inService = 0;
        this.#sendBatches(found);
        if (this.#line.backlog > BACKLOG_BYTES) await this.#line.drained(BACKLOG_BYTES / 2);
      }
    } catch (error) {
      this.#line.fail(error);
    } finally {
      this.#serving = false;
    }
  }

  #await(ids: readonly string[], found: readonly ChunkRecord[], tell: boolean): void {
    const here = new Set(found.map(({ id }) => id));
    const missing = ids.filter((id) => !here.has(id));
    for (const id of missing) this.#awaited.add(id);
    if (missing.length > 0) this.#onAwaited?.(missing);
    if (tell) this.#line.send({ kind: 'later', channel: this.#channel, ids: missing });
  }

  #sendBatches(found: readonly ChunkRecord[]): void {
    let batch: ChunkRecord[] = [];
    let bytes = 0;
    for (const chunk of found) {
      batch.push(chunk);
      bytes += chunk.bytes.byteLength;
      if (bytes < BATCH_BYTES && batch.length < MAX_BATCH) continue;
      this.#line.send({ kind: 'chunks', channel: this.#channel, chunks: batch });
      batch = [];
      bytes = 0;
    }
    if (batch.length > 0) this.#line.send({ kind: 'chunks', channel: this.#channel, chunks: batch });
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
        this.#sendBatches(chunks);
        if (this.#line.backlog > BACKLOG_BYTES) await this.#line.drained(BACKLOG_BYTES / 2);
      }
    } catch (error) {
      keeping.failed(error as Error);
    }
  }

  #keep(chunks: readonly ChunkRecord[]): void {
    const ids = chunks.map(({ id }) => id);
    this.#replica.keepChunks(chunks).then(
      () => {
        if (!this.#ended) this.#line.send({ kind: 'kept', channel: this.#channel, ids });
      },
      (error: unknown) => this.#line.fail(error),
    );
  }

  #settle(keeping: Keeping, id: string): void {
    keeping.open.delete(id);
    if (keeping.open.size === 0) keeping.done();
  }
}
