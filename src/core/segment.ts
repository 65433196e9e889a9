/**
 * Packed history: the changes below the floor, which the log need not hold any more. A segment holds some hundreds of
 * them, in an order and a form that every copy makes alike from the same changes, so that it has one hash everywhere,
 * lies in the chunk store like any content, and travels once.
 */
import { sha256, toHex } from './bytes.ts';
import {
  type Change,
  type ChangeId,
  type Content,
  chainCodec,
  MAX_INLINE_BODY,
  type Part,
  partsCodec,
  SIGNATURE_BYTES,
} from './change.ts';
import {
  blob,
  type Carried,
  decode,
  encode,
  fixed,
  hex,
  list,
  MalformedError,
  optional,
  struct,
  text,
  union,
  varint,
} from './codec.ts';
import { sizeOf } from './floor.ts';
import { type CopyId, entries, MAX_COPIES, type Vector, vectorCodec } from './vector.ts';

/** A change as history holds it. */
export type PackedChange = Change & { readonly subject: string | null };

/** Filled up to this, which leaves room for what is not counted exactly: one chunk holds one segment. */
const FULL_BYTES = 192 * 1024;
/** A piece of a segment, where a single change with a long list of parts fills more than a chunk. */
export const MAX_PIECE = 256 * 1024;
const MAX_CHANGES = 4096;
const MAX_SUBJECT = 64;
const FORMAT = 1;

const packedChange = struct({
  copy: varint(MAX_COPIES),
  seq: varint(),
  stamp: varint(),
  /** Of other copies. */
  deps: list(struct({ copy: varint(MAX_COPIES), seq: varint() }), MAX_COPIES),
  hash: hex(32),
  signature: fixed(SIGNATURE_BYTES),
  chain: chainCodec,
  /** A database's id, '' for the registry. */
  subject: optional(text(MAX_SUBJECT)),
  content: union(
    { inline: 1, parts: 2 },
    {
      inline: struct({ bytes: blob(MAX_INLINE_BODY) }),
      parts: struct({ parts: partsCodec, body: hex(32), size: varint() }),
    },
  ),
});

const segment = struct({
  format: varint(255),
  copies: list(hex(16), MAX_COPIES),
  changes: list(packedChange, MAX_CHANGES),
});

/** Chunks of the list of segments: a history of some 10 GB. What a member can make every copy fetch and hold. */
export const MAX_LIST_PIECES = 256;

/** Where a segment stands in the history, and what it is. */
const segmentEntry = struct({
  /** All that this segment and those before it hold. */
  upto: vectorCodec,
  /** Its pieces, as chunks. */
  parts: partsCodec,
  changes: varint(MAX_CHANGES),
});

/** A file that makes a segment of some hundreds of changes every minute has ten years. */
const MAX_SEGMENTS = 5_000_000;
const history = struct({ format: varint(255), segments: list(segmentEntry, MAX_SEGMENTS) });

export type SegmentEntry = Carried<typeof segmentEntry>;

/** The order of history: causal, and the same everywhere. Who has seen another holds more than that one. */
export function historyOrder(a: ChangeId & { deps: Vector }, b: ChangeId & { deps: Vector }): number {
  return sizeOf(a.deps) - sizeOf(b.deps) || (a.copy < b.copy ? -1 : a.copy > b.copy ? 1 : a.seq - b.seq);
}

/** Does a change still go into a segment that holds others? The same on every copy. */
export class SegmentFilling {
  #bytes = 0;
  #changes = 0;

  /** True: it is the first of the next one. */
  isFullFor({ content, deps, chain }: Pick<Change, 'content' | 'deps' | 'chain'>): boolean {
    const body = content.kind === 'inline' ? content.bytes.byteLength : content.parts.length * 36;
    const certificates = (chain ?? []).reduce((sum, { byteLength }) => sum + byteLength, 0);
    const bytes = 160 + body + certificates + deps.size * 10;
    const isFull = this.#changes > 0 && (this.#bytes + bytes > FULL_BYTES || this.#changes === MAX_CHANGES);
    this.#bytes = isFull ? bytes : this.#bytes + bytes;
    this.#changes = isFull ? 1 : this.#changes + 1;
    return isFull;
  }
}

export function encodeSegment(changes: readonly PackedChange[]): Uint8Array {
  const copies = new Map<CopyId, number>();
  const place = (copy: CopyId): number => {
    const known = copies.get(copy);
    if (known !== undefined) return known;
    copies.set(copy, copies.size);
    return copies.size - 1;
  };
  const packed = changes.map((change) => ({
    copy: place(change.copy),
    seq: change.seq,
    stamp: change.stamp,
    deps: entries(change.deps).flatMap(({ copy, seq }) => (copy === change.copy ? [] : [{ copy: place(copy), seq }])),
    hash: change.hash,
    signature: change.signature,
    chain: change.chain,
    subject: change.subject,
    content:
      change.content.kind === 'inline'
        ? change.content
        : { kind: 'parts' as const, parts: change.content.parts, body: change.body, size: change.size },
  }));
  return encode(segment, { format: FORMAT, copies: [...copies.keys()], changes: packed });
}

/** Throws `MalformedError` for what is no segment. Whether the changes are what their hashes say is looked at elsewhere. */
export function decodeSegment(bytes: Uint8Array): PackedChange[] {
  const read = decode(segment, bytes);
  if (read.format !== FORMAT) throw new MalformedError(`a segment of the unknown format ${read.format}`);
  const copyAt = (index: number): CopyId => {
    const copy = read.copies[index];
    if (copy === undefined) throw new MalformedError('a copy that the segment does not name');
    return copy;
  };
  return read.changes.map((packed) => {
    const copy = copyAt(packed.copy);
    const deps = new Map(packed.deps.map((dep) => [copyAt(dep.copy), dep.seq]));
    if (packed.seq > 1) deps.set(copy, packed.seq - 1);
    const { content } = packed;
    const common = {
      copy,
      seq: packed.seq,
      deps,
      stamp: packed.stamp,
      chain: packed.chain?.map((certificate) => Uint8Array.from(certificate)) ?? null,
      hash: packed.hash,
      signature: Uint8Array.from(packed.signature),
      subject: packed.subject,
    };
    if (content.kind === 'parts') {
      return { ...common, body: content.body, size: content.size, content: partsOf(content.parts) };
    }
    const { bytes } = content;
    return { ...common, body: sha256(bytes), size: bytes.byteLength, content: { kind: 'inline' as const, bytes } };
  });
}

function partsOf(parts: readonly Part[]): Content {
  return { kind: 'parts', parts };
}

export function encodeHistory(segments: readonly SegmentEntry[]): Uint8Array {
  return encode(history, { format: FORMAT, segments });
}

/** Each must hold more than the one before. */
export function decodeHistory(bytes: Uint8Array): readonly SegmentEntry[] {
  const { format, segments } = decode(history, bytes);
  if (format !== FORMAT) throw new MalformedError(`a history of the unknown format ${format}`);
  let held = 0;
  for (const { upto, changes } of segments) {
    if (changes === 0 || sizeOf(upto) !== held + changes) throw new MalformedError('a history with a hole');
    held += changes;
  }
  return segments;
}

/** The pieces of a segment's bytes, each for one chunk. */
export function piecesOf(bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < bytes.byteLength; from += MAX_PIECE) pieces.push(bytes.subarray(from, from + MAX_PIECE));
  return pieces;
}

export function sameSegment(a: SegmentEntry, b: SegmentEntry): boolean {
  return toHex(encode(segmentEntry, a)) === toHex(encode(segmentEntry, b));
}

/** How many segments two histories begin with in common. */
export function commonSegments(a: readonly SegmentEntry[], b: readonly SegmentEntry[]): number {
  let count = 0;
  while (count < a.length && count < b.length && sameSegment(a[count] as SegmentEntry, b[count] as SegmentEntry))
    count++;
  return count;
}
