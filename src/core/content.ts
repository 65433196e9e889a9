/**
 * The content of one version of a document: what it is cut into, and by what it is told from others. A pure name: the
 * bytes themselves lie in the chunk store, on a colleague's disk, or in the document.
 */
import { type Hash, sha256 } from './bytes.ts';
import type { Part } from './change.ts';
import { MAX_CHUNK, MIN_CHUNK } from './chunking.ts';
import { type Codec, decode, encode, hex, list, MalformedError, optional } from './codec.ts';

export type DocumentContent = {
  /** Bytes. */
  readonly size: number;
  /** When the program that saved it says it was saved: nanoseconds since 1970. No part of what is equal. */
  readonly mtimeNs: bigint;
  /** sha256 of the whole. */
  readonly hash: Hash;
  readonly chunks: readonly Part[];
};

/** 1 TiB: above any document, and a bound on the list of chunks. */
export const MAX_DOCUMENT = 2 ** 40;
const MAX_CHUNKS = MAX_DOCUMENT / MIN_CHUNK;

export const EMPTY_HASH: Hash = sha256(new Uint8Array());

const sizeOf: Codec<Part> = {
  schema: 'chunk1',
  write: (to, part) => {
    hex(32).write(to, part.id);
    to.varint(part.size);
  },
  read: (from) => ({ id: hex(32).read(from), size: from.varint(MAX_CHUNK) }),
};
const chunkList = list(sizeOf, MAX_CHUNKS);
const ownHash = optional(hex(32));

/** The hash is left out where it is that of the only chunk, or of nothing. */
export const documentContent: Codec<DocumentContent> = {
  schema: `content1{${chunkList.schema},mtime:bigint,${ownHash.schema}}`,
  write: (to, { mtimeNs, hash, chunks }) => {
    chunkList.write(to, chunks);
    to.bigint(mtimeNs);
    ownHash.write(to, hash === impliedHash(chunks) ? null : hash);
  },
  read: (from) => {
    const chunks = chunkList.read(from);
    const mtimeNs = from.bigint();
    const written = ownHash.read(from);
    const hash = written ?? impliedHash(chunks);
    if (hash === undefined) throw new MalformedError('a content of several chunks without its hash');
    if (written !== null && written === impliedHash(chunks))
      throw new MalformedError('a hash that goes without saying');
    let size = 0;
    for (const chunk of chunks) {
      if (chunk.size === 0) throw new MalformedError('an empty chunk');
      size += chunk.size;
    }
    return { size, mtimeNs, hash, chunks };
  },
};

export function encodeContent(content: DocumentContent): Uint8Array {
  return encode(documentContent, content);
}

export function decodeContent(bytes: Uint8Array): DocumentContent {
  return decode(documentContent, bytes);
}

export function sameContent(a: DocumentContent, b: DocumentContent): boolean {
  return a.hash === b.hash && a.size === b.size;
}

function impliedHash(chunks: readonly Part[]): Hash | undefined {
  if (chunks.length === 0) return EMPTY_HASH;
  return chunks.length === 1 ? chunks[0]!.id : undefined;
}
