/** What went over the line since a copy was opened: changes and bytes, each counted once, when it has arrived. */
import { type CopyId, type Vector, withEntry } from '../core/vector.ts';
import type { Log } from '../store/log.ts';

export type Amount = { changes: number; bytes: number };

export class Traffic {
  readonly #log: Pick<Log, 'vector' | 'amountAfter'>;
  readonly #copy: CopyId;
  readonly #received: Amount = { changes: 0, bytes: 0 };
  readonly #sent: Amount = { changes: 0, bytes: 0 };
  #countedIn: Vector;
  #countedOut: number;

  /** `confirmed`: how far the parent has the own log. */
  constructor(log: Pick<Log, 'vector' | 'amountAfter'>, copy: CopyId, confirmed: number) {
    this.#log = log;
    this.#copy = copy;
    this.#countedIn = log.vector();
    this.#countedOut = confirmed;
  }

  /** The parent has confirmed the own log up to here. */
  confirmed(seq: number): void {
    const before = this.#countedOut;
    if (seq <= before) return;
    this.#countedOut = seq;
    const others = this.#log.vector();
    const left = (from: number): Amount => this.#log.amountAfter(withEntry(others, this.#copy, from));
    this.#sent.changes += seq - before;
    this.#sent.bytes += left(before).bytes - left(seq).bytes;
  }

  /** Colleagues' changes were stored. */
  stored(): void {
    const own = withEntry(this.#countedIn, this.#copy, Number.MAX_SAFE_INTEGER);
    const { changes, bytes } = this.#log.amountAfter(own);
    this.#received.changes += changes;
    this.#received.bytes += bytes;
    this.#countedIn = this.#log.vector();
  }

  contentSent(bytes: number): void {
    this.#sent.bytes += bytes;
  }

  contentReceived(bytes: number): void {
    this.#received.bytes += bytes;
  }

  total(): { sent: Amount; received: Amount } {
    return { sent: { ...this.#sent }, received: { ...this.#received } };
  }
}
