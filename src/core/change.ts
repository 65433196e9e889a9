/**
 * A change: one unit of edits made by one copy, immutable, numbered per copy, chained by hash and signed.
 * The header is all that hubs and relays need; the body is opaque to them.
 */
import { type Hash, NO_HASH, sha256, toHex } from './bytes.ts';
import type { Stamp } from './clock.ts';
import { blob, type Codec, encode, hex, list, optional, struct, varint, Writer } from './codec.ts';
import { type CopyId, entries, MAX_COPIES, type Vector } from './vector.ts';

/** 16 random bytes as 32 hex characters. */
export type FileId = string;

export type Header = {
  readonly copy: CopyId;
  /** 1, 2, 3, … without gaps. */
  readonly seq: number;
  /** The maker's stored vector, its own entry being seq - 1. Only orders delivery. */
  readonly deps: Vector;
  readonly stamp: Stamp;
  /** sha256 of the body's bytes. */
  readonly body: Hash;
  /** Bytes of the body. */
  readonly size: number;
  /** The device's certificate chain (DER, leaf first): in a log's first change, and only there. */
  readonly chain: readonly Uint8Array[] | null;
};

export type Change = Header & {
  /** The change's own hash: sha256 of what is signed. */
  readonly hash: Hash;
  /** P-256 over the signed bytes, ieee-p1363, 64 bytes. Not part of the hash (ECDSA signatures are not unique). */
  readonly signature: Uint8Array;
  /** The body, or the chunks that hold it when it is above `MAX_INLINE_BODY`. */
  readonly content: Content;
};

export type Part = { readonly id: string; readonly size: number };
export type Content =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'parts'; readonly parts: readonly Part[] };

/** A change somebody made, by its place: the copy and its number. */
export type ChangeId = { readonly copy: CopyId; readonly seq: number };

export function sameChange(one: ChangeId, other: ChangeId): boolean {
  return one.copy === other.copy && one.seq === other.seq;
}

/** As a key: in memory only. */
export function changeKey({ copy, seq }: ChangeId): string {
  return `${copy}-${seq}`;
}

/** A body above this travels as chunks, so that one frame never blocks the line. */
export const MAX_INLINE_BODY = 64 * 1024;
/** A body is read in whole: far above any transaction that fits in memory as rows. */
export const MAX_BODY = 1024 * 1024 * 1024;
/** The registry's is read as a whole, and by everybody: one above this has no effect on any copy. */
export const MAX_REGISTRY_BODY = 32 * 1024 * 1024;
/** `MAX_BODY` in the smallest chunks; the list of them fits in one message. */
export const MAX_PARTS = 65_536 + 1;
export const MAX_CHAIN = 4;
export const MAX_CERTIFICATE = 8192;
export const SIGNATURE_BYTES = 64;

export const partCodec: Codec<Part> = struct({ id: hex(32), size: varint(1 << 24) });
export const partsCodec = list(partCodec, MAX_PARTS);
export const chainCodec = optional(list(blob(MAX_CERTIFICATE), MAX_CHAIN));

/** What begins with this is a change and nothing else that the same key may ever sign. */
const CONTEXT = Buffer.from('tieout change 1\n');
const depsWithHashes = list(struct({ copy: hex(16), seq: varint(), hash: hex(32) }), MAX_COPIES);

/**
 * What is signed and hashed. A change is made for one file: a log that somebody carries over to another one does not
 * verify there. `hashAt` answers with the hash of a change that this replica holds: each dependency is
 * signed together with its hash, so that work on one branch of a forked log never fits the other.
 * Throws `MissingDependency` when a dependency is not here.
 */
export function signedBytes(
  file: FileId,
  header: Header,
  hashAt: (copy: CopyId, seq: number) => Hash | undefined,
): Uint8Array {
  const hashOf = (copy: CopyId, seq: number): Hash => {
    const found = hashAt(copy, seq);
    if (found === undefined) throw new MissingDependency(copy, seq);
    return found;
  };
  const to = new Writer(512);
  to.raw(CONTEXT);
  hex(16).write(to, file);
  hex(16).write(to, header.copy);
  to.varint(header.seq);
  to.varint(header.stamp);
  hex(32).write(to, header.seq === 1 ? NO_HASH : hashOf(header.copy, header.seq - 1));
  const others = entries(header.deps).filter(({ copy }) => copy !== header.copy);
  depsWithHashes.write(
    to,
    others.map(({ copy, seq }) => ({ copy, seq, hash: hashOf(copy, seq) })),
  );
  hex(32).write(to, header.body);
  to.varint(header.size);
  chainCodec.write(to, header.chain);
  return to.finish();
}

export class MissingDependency extends Error {
  override readonly name = 'MissingDependency';
  readonly copy: CopyId;
  readonly seq: number;
  constructor(copy: CopyId, seq: number) {
    super(`the change ${seq} of copy ${copy} is not here`);
    this.copy = copy;
    this.seq = seq;
  }
}

/** The id of the thing (a row, a document) that op number `index` of a change made. */
export function madeId({ copy, seq }: ChangeId, index: number): string {
  const place = encode(struct({ copy: hex(16), seq: varint(), index: varint() }), { copy, seq, index });
  return toHex(Buffer.from(sha256(place), 'hex').subarray(0, 16));
}
