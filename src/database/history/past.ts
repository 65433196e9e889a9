/**
 * The writes to one cell in the order in which they came here, to find what somebody had in front of them. A write of
 * which they did not know may have come earlier or later: the answer is the same on every copy.
 */
import { compareOrigins, type Origin, type Seen } from '../../core/rows.ts';
import type { Value } from '../../core/value.ts';

interface PastWrite {
  readonly by: Origin;
  readonly value: Value;
  readonly seen: Seen;
  /** It had seen all that came before: whoever knows it need not look further back. */
  readonly coversAll: boolean;
}

export class CellPast {
  readonly #writes: PastWrite[] = [];

  add(by: Origin, value: Value, seen: Seen): void {
    this.#writes.push({ by, value, seen, coversAll: this.#coversAll(seen) });
  }

  /** The value that was shown to somebody who had seen just this; undefined: that of the base. */
  shownTo(seen: Seen): { readonly value: Value } | undefined {
    const standing: PastWrite[] = [];
    for (const write of this.#newestFirst()) {
      if (!seen(write.by)) continue;
      if (!standing.some((later) => later.seen(write.by))) standing.push(write);
      if (write.coversAll) break;
    }
    return standing.sort((a, b) => compareOrigins(b.by, a.by))[0];
  }

  #coversAll(seen: Seen): boolean {
    for (const write of this.#newestFirst()) {
      if (!seen(write.by)) return false;
      if (write.coversAll) return true;
    }
    return true;
  }

  *#newestFirst(): Generator<PastWrite> {
    for (let at = this.#writes.length - 1; at >= 0; at--) yield this.#writes[at] as PastWrite;
  }
}
