/**
 * What is wanted of the partner's chunks: asked for once, a bounded number at a time, and delivered to everybody here
 * who waits for it.
 */
import { MalformedError } from '../core/codec.ts';
import { MAX_IDS, OUTSTANDING_WANTS } from './limits.ts';
import type { MessageOf } from './messages.ts';
import { Queue } from './queue.ts';
import type { ChunkRecord, Line } from './replica.ts';

/** A promise asks the partner to be slower: no more is wanted until it resolves. */
export type Deliver = (chunk: ChunkRecord) => undefined | Promise<void>;

export interface FetchOptions {
  /** Goes before everything that was not asked for yet: a change waits for it. */
  readonly urgent?: boolean;
  /** Who takes them unpacks them and proves them by their ids: the stored hash, of as many bytes, would say no more. */
  readonly proving?: boolean;
  /** Nobody waits any longer: nothing more is delivered, and what was not asked for is not asked for. */
  readonly signal?: AbortSignal;
  /** All that is left is not at the partner yet. Called again whenever that is so after something has come. */
  readonly waiting?: () => void;
}

type Fetch = {
  left: number;
  /** Of those left, what the partner has promised for later. */
  later: number;
  over: boolean;
  readonly proving: boolean;
  readonly waiting: () => void;
  readonly deliver: Deliver;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
};

function nobodyWaits(): Error {
  return new Error('nobody waits for it any longer');
}

export class ChunkFetching {
  readonly #channel: number;
  readonly #line: Line;
  readonly #wanted = new Map<string, Fetch[]>();
  readonly #unasked = new Queue<string>();
  #outstanding = 0;
  readonly #later = new Set<string>();
  /** Given up after it was promised: it may be on its way nevertheless. */
  readonly #unwanted = new Set<string>();
  #ended: Error | null = null;

  constructor(channel: number, line: Line) {
    this.#channel = channel;
    this.#line = line;
  }

  /** Asks for chunks; each is delivered once, checked unless `proving`. Rejects when the line ends. */
  fetch(ids: readonly string[], deliver: Deliver, options: FetchOptions = {}): Promise<void> {
    const { urgent = false, proving = false, signal, waiting = () => {} } = options;
    if (this.#ended || signal?.aborted) return Promise.reject(this.#ended ?? nobodyWaits());
    const distinct = [...new Set(ids)];
    if (distinct.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const giveUp = (): void => this.#abandon(fetch, nobodyWaits());
      // A signal that is made of others keeps its listeners, and all that they hold, for as long as there are any.
      const over = (): void => signal?.removeEventListener('abort', giveUp);
      const done = (): void => {
        over();
        resolve();
      };
      const failed = (error: Error): void => {
        over();
        reject(error);
      };
      const fetch: Fetch = { left: distinct.length, later: 0, over: false, proving, waiting, deliver, done, failed };
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
      signal?.addEventListener('abort', giveUp, { once: true });
      this.ask();
      this.#noteWaiting(fetch);
    });
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
    this.ask();
    for (const fetch of waiting) this.#noteWaiting(fetch);
  }

  /** Does everybody who waits for it prove it himself? */
  isProvedByTakers(id: string): boolean {
    return this.#wanted.get(id)?.every(({ proving }) => proving) ?? false;
  }

  /** A chunk, checked where its takers do not. False: nobody here has asked for it. */
  take(chunk: ChunkRecord): boolean {
    const fetches = this.#wanted.get(chunk.id);
    if (fetches === undefined) return this.#unwanted.delete(chunk.id);
    this.#wanted.delete(chunk.id);
    if (this.#later.delete(chunk.id)) {
      this.#outstanding += 1;
      for (const fetch of fetches) fetch.later -= 1;
    }
    const busy = fetches.flatMap((fetch) => this.#deliver(fetch, chunk) ?? []);
    if (busy.length === 0) this.#outstanding -= 1;
    else void Promise.allSettled(busy).then(() => this.#taken());
    return true;
  }

  end(error: Error): void {
    this.#ended = error;
    this.#unasked.clear();
    this.#later.clear();
    this.#unwanted.clear();
    const fetches = new Set([...this.#wanted.values()].flat());
    this.#wanted.clear();
    for (const { failed } of fetches) failed(error);
  }

  /** Asks for what is to be asked for, as far as there is room. */
  ask(): void {
    while (this.#unasked.length > 0 && this.#outstanding < OUTSTANDING_WANTS) {
      const ids = this.#unasked.take(Math.min(MAX_IDS, OUTSTANDING_WANTS - this.#outstanding));
      this.#outstanding += ids.length;
      this.#line.send({ kind: 'want', channel: this.#channel, ids });
    }
  }

  #taken(): void {
    this.#outstanding -= 1;
    if (!this.#ended) this.ask();
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
}
