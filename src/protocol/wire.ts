/**
 * Changes on the wire: copies by index, deps as the difference to the copy's previous change. Each direction of a
 * channel has a `WireWriter` and a `WireReader` of its own, whose lists of copies grow in step.
 */
import type { Hash } from '../core/bytes.ts';
import { sha256 } from '../core/bytes.ts';
import { type Change, type ChangeId, type Header, MAX_INLINE_BODY } from '../core/change.ts';
import { MalformedError } from '../core/codec.ts';
import { at, type CopyId, MAX_COPIES, type Vector, withEntry } from '../core/vector.ts';
import type { WireChange } from './messages.ts';

/** A change as it came in: not yet checked against hash and signature. */
export type Incoming = Header & Pick<Change, 'content' | 'signature'>;

/** The deps of a change that this replica holds. */
export type DepsOf = (copy: CopyId, seq: number) => Vector | undefined;

export class WireWriter {
  readonly #index = new Map<CopyId, number>();

  /** Returns the changes and the copies that they name for the first time. */
  write(changes: readonly Change[], depsOf: DepsOf): { copies: CopyId[]; changes: WireChange[] } {
    const copies: CopyId[] = [];
    const indexOf = (copy: CopyId): number => {
      const known = this.#index.get(copy);
      if (known !== undefined) return known;
      const index = this.#index.size;
      this.#index.set(copy, index);
      copies.push(copy);
      return index;
    };
    const last = new Map<CopyId, Change>();
    const written = changes.map((change) => {
      const previous = last.get(change.copy);
      const before =
        previous?.seq === change.seq - 1 ? previous.deps : (depsOf(change.copy, change.seq - 1) ?? new Map());
      last.set(change.copy, change);
      return this.#one(change, before, indexOf);
    });
    return { copies, changes: written };
  }

  #one(change: Change, before: Vector, indexOf: (copy: CopyId) => number): WireChange {
    const deps: { copy: number; seq: number }[] = [];
    for (const [copy, seq] of change.deps) {
      if (copy !== change.copy && at(before, copy) !== seq) deps.push({ copy: indexOf(copy), seq });
    }
    const { content, body, size } = change;
    return {
      copy: indexOf(change.copy),
      seq: change.seq,
      stamp: change.stamp,
      deps,
      content: content.kind === 'inline' ? content : { kind: 'parts', parts: content.parts, body, size },
      signature: change.signature,
      chain: change.chain,
    };
  }
}

export class WireReader {
  readonly #copies: CopyId[] = [];
  /** The last change read of each copy: the next one's deps may build on it before it is stored. */
  readonly #last = new Map<CopyId, ChangeId & { deps: Vector }>();

  read(copies: readonly CopyId[], changes: readonly WireChange[], depsOf: DepsOf): Incoming[] {
    if (this.#copies.length + copies.length > MAX_COPIES) throw new MalformedError('too many copies');
    this.#copies.push(...copies);
    return changes.map((change) => this.#one(change, depsOf));
  }

  #one(wire: WireChange, depsOf: DepsOf): Incoming {
    const copy = this.#copy(wire.copy);
    if (wire.seq < 1) throw new MalformedError('a change without a number');
    if ((wire.seq === 1) !== (wire.chain !== null)) throw new MalformedError('certificates belong in the first change');
    const deps = this.#deps(copy, wire, depsOf);
    this.#last.set(copy, { copy, seq: wire.seq, deps });
    const { content } = wire;
    const { body, size } = content.kind === 'inline' ? bodyOf(content.bytes) : content;
    if (content.kind === 'parts') checkParts(content.parts, size);
    return {
      copy,
      seq: wire.seq,
      stamp: wire.stamp,
      deps,
      body,
      size,
      chain: wire.chain?.map((certificate) => Uint8Array.from(certificate)) ?? null,
      content:
        content.kind === 'inline' ? { kind: 'inline', bytes: content.bytes } : { kind: 'parts', parts: content.parts },
      signature: wire.signature,
    };
  }

  #copy(index: number): CopyId {
    const copy = this.#copies[index];
    if (copy === undefined) throw new MalformedError(`copy number ${index} was never named`);
    return copy;
  }

  #deps(copy: CopyId, wire: WireChange, depsOf: DepsOf): Vector {
    const last = this.#last.get(copy);
    const before = wire.seq === 1 ? new Map() : last?.seq === wire.seq - 1 ? last.deps : depsOf(copy, wire.seq - 1);
    if (before === undefined) throw new MalformedError(`change ${wire.seq} of ${copy} before its predecessor`);
    let deps: Vector = wire.seq === 1 ? before : withEntry(before, copy, wire.seq - 1);
    for (const entry of wire.deps) {
      const other = this.#copy(entry.copy);
      if (other === copy) throw new MalformedError('a change that depends on its own log by name');
      deps = withEntry(deps, other, entry.seq);
    }
    return deps;
  }
}

function bodyOf(bytes: Uint8Array): { body: Hash; size: number } {
  return { body: sha256(bytes), size: bytes.byteLength };
}

function checkParts(parts: readonly { size: number }[], size: number): void {
  const sum = parts.reduce((total, part) => total + part.size, 0);
  if (sum !== size || size <= MAX_INLINE_BODY) throw new MalformedError('parts that do not make up the body');
}
