/** What is done in a copy becomes changes of its own: numbered, signed and durable before anybody hears of them. */
import { body as bodyCodec, type RegistryOp } from '../core/body.ts';
import { encode } from '../core/codec.ts';
import { assert } from '../core/problem.ts';
import type { Origin } from '../core/rows.ts';
import type { CopyId } from '../core/vector.ts';
import type { Author, FileStore } from '../store/file-store.ts';
import type { StoredChange } from '../store/log.ts';

export interface OwnChangesOptions {
  readonly store: FileStore;
  readonly author: Author;
  /** The log has this own change durably. */
  readonly note: (copy: CopyId, seq: number, hash: string) => void;
  /** There is something to send. */
  readonly made: () => void;
}

export class OwnChanges {
  readonly #options: OwnChangesOptions;

  constructor(options: OwnChangesOptions) {
    this.#options = options;
  }

  /** Registry ops as one change: durable and folded on return. `within` runs in the same transaction. */
  async record(ops: readonly RegistryOp[], within?: (by: Origin) => void): Promise<Origin> {
    const bytes = encode(bodyCodec, { kind: 'registry', ops });
    const { copy, seq, stamp } = this.#append(bytes, within);
    return { copy, seq, stamp };
  }

  /** A body as one change. */
  append(bytes: Uint8Array): StoredChange {
    return this.#append(bytes);
  }

  #append(bytes: Uint8Array, within?: (by: Origin) => void): StoredChange {
    const { store, author, note, made } = this.#options;
    const [change] = store.append(author, [bytes], (all) => {
      for (const { copy, seq, stamp } of all) within?.({ copy, seq, stamp });
    });
    assert(change !== undefined, 'a body was appended and no change made');
    note(change.copy, change.seq, change.hash);
    made();
    return change;
  }
}
