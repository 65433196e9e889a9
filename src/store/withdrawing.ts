/**
 * How a log goes back: what it holds is taken back, and what is packed is in rows again, or packed otherwise. Only the log
 * itself calls it, in the transaction of whoever called the log.
 */
import type { DatabaseSync } from 'node:sqlite';
import { at, type CopyId, includes, type Vector } from '../core/vector.ts';
import type { Log, StoredChange } from './log.ts';
import { headOf, type LogCopies } from './log-copies.ts';
import type { PackedLog } from './packed-log.ts';

interface LogParts {
  readonly db: DatabaseSync;
  readonly copies: LogCopies;
  readonly packed: PackedLog;
}

export class Withdrawing {
  readonly #log: Log;
  readonly #parts: LogParts;

  constructor(log: Log, parts: LogParts) {
    this.#log = log;
    this.#parts = parts;
  }

  /** See `Log#withdraw`. */
  withdraw(kept: Vector): void {
    const segments = [...this.#log.segments()];
    const split = segments.findIndex(({ upto }) => !includes(kept, upto));
    if (split < 0) this.#remove(kept);
    else this.#unpackInto(kept, split, segments[split - 1]?.upto ?? new Map());
    this.#log.reload();
  }

  /** See `Log#unpack`. */
  unpack(keep: number): void {
    const { copies, packed } = this.#parts;
    const upto = [...this.#log.segments()][keep - 1]?.upto ?? new Map();
    const heads = new Map(
      [...upto].map(([copy, seq]): [CopyId, StoredChange | undefined] => [copy, this.#log.get({ copy, seq })]),
    );
    packed.cutTo(keep);
    copies.clearHeads();
    for (const entry of copies.all()) {
      const last = heads.get(entry.id);
      if (last === undefined) continue;
      entry.head = headOf(last);
      copies.putHead(entry);
    }
    copies.noteVectors();
  }

  #unpackInto(kept: Vector, segments: number, packed: Vector): void {
    const all = this.#log.after(packed, { limit: Number.MAX_SAFE_INTEGER });
    this.unpack(segments);
    this.#remove(packed);
    this.#log.reload();
    for (const change of all) if (at(kept, change.copy) >= change.seq) this.#log.insert(change, change.subject);
  }

  #remove(kept: Vector): void {
    const { db, copies } = this.#parts;
    for (const { id, idx, tip } of copies.all()) {
      const last = at(kept, id);
      if (last < tip.seq) db.prepare('DELETE FROM change WHERE copy = ? AND seq > ?').run(idx, last);
    }
    db.exec(
      `DELETE FROM copy WHERE NOT EXISTS (SELECT 1 FROM change WHERE copy = idx)
         AND NOT EXISTS (SELECT 1 FROM head WHERE copy = idx)`,
    );
  }
}
