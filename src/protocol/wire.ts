/**
 * Changes on the wire: copies by index, deps as the difference to the copy's previous change. Each direction of a
 * channel has a `WireWriter` and a `WireReader` of its own, whose lists of copies grow in step.
 */
import type { Hash } from '../core/bytes.ts';
import { sha256 } from '../core/bytes.ts';
import { type Change, type Header, MAX_BODY, MAX_INLINE_BODY } from '../core/change.ts';
import { MalformedError } from '../core/codec.ts';
import { at, type CopyId, EMPTY, MAX_COPIES, type Vector } from '../core/vector.ts';
import type { WireChange } from './messages.ts';

/** A change as it came in: not yet checked against hash and signature. */
export type Incoming = Header & Pick<Change, 'content' | 'signature'>;

/** The deps of a change that this replica holds. */
export type DepsOf = (copy: CopyId, seq: number) => Vector | undefined;

/** The deps of the last change of a copy that passed: mostly what the next one's are told by. */
type Last = { readonly seq: number; readonly deps: Vector };

export class WireWriter {
  readonly #index = new Map<CopyId, number>();
  readonly #last = new Map<CopyId, Last>();
  #named: CopyId[] = [];

  write(change: Change, depsOf: DepsOf): WireChange {
    const before = this.#before(change, depsOf);
    const deps: { copy: number; seq: number }[] = [];
    for (const [copy, seq] of change.deps) {
      if (copy !== change.copy && at(before, copy) !== seq) deps.push({ copy: this.#indexOf(copy), seq });
    }
    this.#last.set(change.copy, { seq: change.seq, deps: change.deps });
    const { content, body, size } = change;
    return {
      copy: this.#indexOf(change.copy),
      seq: change.seq,
      stamp: change.stamp,
      deps,
      content: content.kind === 'inline' ? content : { kind: 'parts', parts: content.parts, body, size },
      signature: change.signature,
      chain: change.chain,
    };
  }

  /** The copies that were named for the first time since this was last asked. */
  takeNamed(): CopyId[] {
    const named = this.#named;
    this.#named = [];
    return named;
  }

  #before({ copy, seq }: Change, depsOf: DepsOf): Vector {
    const last = this.#last.get(copy);
    return (last?.seq === seq - 1 ? last.deps : depsOf(copy, seq - 1)) ?? EMPTY;
  }

  #indexOf(copy: CopyId): number {
    const known = this.#index.get(copy);
    if (known !== undefined) return known;
    const index = this.#index.size;
    this.#index.set(copy, index);
    this.#named.push(copy);
    return index;
  }
}

/** Bytes of a change in a message, at most a little above: batches are filled by it. */
export function wireBytes({ content, deps, chain }: WireChange): number {
  const body = content.kind === 'inline' ? content.bytes.byteLength : 48 + content.parts.length * 36;
  const certificates = (chain ?? []).reduce((sum, { byteLength }) => sum + byteLength, 0);
  return 96 + body + deps.length * 10 + certificates;
}

export class WireReader {
  readonly #copies: CopyId[] = [];
  readonly #last = new Map<CopyId, Last>();

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
    this.#last.set(copy, { seq: wire.seq, deps });
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
    const before = wire.seq === 1 ? EMPTY : last?.seq === wire.seq - 1 ? last.deps : depsOf(copy, wire.seq - 1);
    if (before === undefined) throw new MalformedError(`change ${wire.seq} of ${copy} before its predecessor`);
    const deps = new Map(before);
    if (wire.seq > 1) deps.set(copy, wire.seq - 1);
    for (const entry of wire.deps) {
      const other = this.#copy(entry.copy);
      if (other === copy) throw new MalformedError('a change that depends on its own log by name');
      // What a maker has stored only grows, so a dependency that stands still or falls is not worth naming.
      if (entry.seq <= at(deps, other)) throw new MalformedError('a dependency that did not grow');
      deps.set(other, entry.seq);
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
  if (size > MAX_BODY) throw new MalformedError('a body above the limit');
}
