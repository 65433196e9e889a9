/**
 * Looks among the copies for content that somebody wants and the hub does not have: it was brought back from a backup,
 * and whoever saved it was told before that the hub keeps it. Content on its way to the hub comes by itself, so a while
 * is waited first. A copy that has it answers; one that has not says nothing.
 */
import type { Clock } from '../platform/ports.ts';
import { storageKind } from '../platform/storage-failure.ts';
import type { Exchange } from '../protocol/exchange.ts';
import type { Replica } from '../protocol/replica.ts';

/** An upload that is under way has begun to arrive by then. */
const PATIENCE_MS = 3_000;
/** Asked of one copy per connection: what it does not have stays open, and must leave room for other wants. */
const MAX_ASKED = 256;
const MAX_SOUGHT = 65_536;

export class Seeking {
  readonly #clock: Clock;
  readonly #store: Pick<Replica, 'lacking' | 'keepChunks'>;
  readonly #sought = new Set<string>();
  readonly #asked = new Map<Exchange, Set<string>>();
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, store: Pick<Replica, 'lacking' | 'keepChunks'>) {
    this.#clock = clock;
    this.#store = store;
  }

  /** Somebody waits for these. */
  seek(ids: readonly string[]): void {
    for (const id of ids) if (this.#sought.size < MAX_SOUGHT) this.#sought.add(id);
    this.#later();
  }

  /** They are here now. */
  arrived(ids: readonly string[]): void {
    for (const id of ids) this.#sought.delete(id);
  }

  /** A copy that can be asked. */
  came(exchange: Exchange): void {
    this.#asked.set(exchange, new Set());
    if (this.#sought.size > 0) this.#later();
  }

  left(exchange: Exchange): void {
    this.#asked.delete(exchange);
  }

  stop(): void {
    this.#cancel?.();
    this.#asked.clear();
    this.#sought.clear();
  }

  #later(): void {
    this.#cancel ??= this.#clock.after(PATIENCE_MS, () => {
      this.#cancel = null;
      this.#ask();
    });
  }

  #ask(): void {
    const lacking = this.#lacking();
    if (lacking === undefined) return this.#later();
    this.#sought.clear();
    for (const id of lacking) this.#sought.add(id);
    for (const [exchange, asked] of this.#asked) {
      const ids = lacking.filter((id) => !asked.has(id)).slice(0, MAX_ASKED - asked.size);
      for (const id of ids) asked.add(id);
      // The line may end: then somebody else has it, or the copy comes again.
      if (ids.length > 0) exchange.fetch(ids, (chunk) => this.#store.keepChunks([chunk])).catch(() => {});
    }
  }

  /** Undefined: the disk refuses to say. Whoever waits goes on waiting, and the hub does not end by it. */
  #lacking(): readonly string[] | undefined {
    try {
      return this.#store.lacking([...this.#sought]);
    } catch (error) {
      if (storageKind(error) === undefined) throw error;
      return undefined;
    }
  }
}
