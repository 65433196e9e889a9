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
/** Asked of one copy at a time: other wants must have room. What it has not is given up, and not asked of it again. */
const MAX_ASKED = 256;
/** Above it what was sought longest is sought no more: whoever waited for it has gone, or will ask again. */
const MAX_SOUGHT = 65_536;

type Asked = { readonly ids: Set<string>; open: number };

export class Seeking {
  readonly #clock: Clock;
  readonly #store: Pick<Replica, 'lacking' | 'keepChunks'>;
  readonly #sought = new Set<string>();
  readonly #asked = new Map<Exchange, Asked>();
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, store: Pick<Replica, 'lacking' | 'keepChunks'>) {
    this.#clock = clock;
    this.#store = store;
  }

  /** Somebody waits for these. */
  seek(ids: readonly string[]): void {
    for (const id of ids) this.#sought.add(id);
    for (const id of this.#sought) {
      if (this.#sought.size <= MAX_SOUGHT) break;
      this.#sought.delete(id);
    }
    this.#later();
  }

  /** They are here now. */
  arrived(ids: readonly string[]): void {
    for (const id of ids) this.#sought.delete(id);
  }

  /** A copy that can be asked. */
  came(exchange: Exchange): void {
    this.#asked.set(exchange, { ids: new Set(), open: 0 });
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
    for (const [exchange, asked] of this.#asked) this.#askOne(exchange, asked, lacking);
  }

  #askOne(exchange: Exchange, asked: Asked, lacking: readonly string[]): void {
    for (const id of asked.ids) if (!this.#sought.has(id)) asked.ids.delete(id);
    const ids = lacking.filter((id) => !asked.ids.has(id)).slice(0, MAX_ASKED - asked.open);
    if (ids.length === 0) return;
    for (const id of ids) asked.ids.add(id);
    asked.open += ids.length;
    const giveUp = new AbortController();
    const over = (): void => {
      asked.open -= ids.length;
      if (this.#asked.has(exchange) && this.#sought.size > 0) this.#later();
    };
    exchange
      .fetch(ids, (chunk) => this.#store.keepChunks([chunk]), { signal: giveUp.signal, waiting: () => giveUp.abort() })
      // The line may end: then somebody else has it, or the copy comes again.
      .then(over, over);
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
