/** What is done in a copy becomes changes of its own: numbered, signed and durable before anybody hears of them. */
import { body as bodyCodec, type RegistryOp } from '../core/body.ts';
import { MAX_REGISTRY_BODY } from '../core/change.ts';
import { encode } from '../core/codec.ts';
import { assert } from '../core/problem.ts';
import type { Origin } from '../core/rows.ts';
import type { CopyId } from '../core/vector.ts';
import { BodyCutter, type Laid } from '../store/body-parts.ts';
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

  /**
   * Registry ops as one change, or, where it would be too large to be read by all, as several: durable and folded on
   * return. `within` runs in the same transaction. Returns the first.
   */
  async record(ops: readonly RegistryOp[], within?: (by: Origin) => void): Promise<Origin> {
    const { copy, seq, stamp } = this.#append(registryBodies(ops), within);
    return { copy, seq, stamp };
  }

  /** A body as one change, and the registry ops, if there are any, as another: both or none. */
  append(body: Uint8Array | Laid, ops: readonly RegistryOp[] = []): StoredChange {
    return this.#append(ops.length === 0 ? [body] : [body, ...registryBodies(ops)]);
  }

  /**
   * The same of a body that comes in pieces; others have their turn in between. What was kept of one that never came to
   * its end is in nobody's way.
   */
  async appendPieces(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<StoredChange> {
    const cutter = new BodyCutter(this.#options.store.chunks);
    for await (const piece of pieces) cutter.add(piece);
    return this.append(cutter.finish());
  }

  /** Returns the first. */
  #append(bodies: readonly (Uint8Array | Laid)[], within?: (by: Origin) => void): StoredChange {
    const { store, author, note, made } = this.#options;
    const changes = store.append(author, bodies, (all) => {
      for (const { copy, seq, stamp } of all) within?.({ copy, seq, stamp });
    });
    const [first, last] = [changes[0], changes.at(-1)];
    assert(first !== undefined && last !== undefined, 'a body was appended and no change made');
    note(last.copy, last.seq, last.hash);
    made();
    return first;
  }
}

function registryBodies(ops: readonly RegistryOp[]): Uint8Array[] {
  const body = encode(bodyCodec, { kind: 'registry', ops });
  if (body.byteLength <= MAX_REGISTRY_BODY || ops.length < 2) return [body];
  const half = ops.length >> 1;
  return [...registryBodies(ops.slice(0, half)), ...registryBodies(ops.slice(half))];
}
