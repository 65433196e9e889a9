/** Bodies above `MAX_INLINE_BODY`: cut into chunks while they are written, put together and proved while they are read. */
import { createHash } from 'node:crypto';
import { concatBytes, type Hash, sha256 } from '../core/bytes.ts';
import { type Change, type Content, MAX_BODY, MAX_INLINE_BODY, MAX_REGISTRY_BODY, type Part } from '../core/change.ts';
import { boundaries } from '../core/chunking.ts';
import { MalformedError } from '../core/codec.ts';
import { ProblemError } from '../core/problem.ts';
import type { ChunkStore } from './chunks.ts';
import { DamagedChunk, decodeChunk, encodeChunk } from './stored-chunk.ts';

/** A body that is ready to be made a change of: its parts, if there are any, are in the chunk store. */
export interface Laid {
  readonly content: Content;
  readonly hash: Hash;
  readonly size: number;
  /** All of a body that was held; of one that came in pieces the first bytes, which tell what it is about. */
  readonly beginning: Uint8Array;
}

/** More than the first bytes of a body that say what it is about, and less than any chunk that we cut. */
const BEGINNING_BYTES = 64;

/** Throws a `ProblemError` for one that no change can hold. */
export function layBody(bytes: Uint8Array, chunks: Pick<ChunkStore, 'append'>): Laid {
  if (bytes.byteLength <= MAX_INLINE_BODY) {
    return { content: { kind: 'inline', bytes }, hash: sha256(bytes), size: bytes.byteLength, beginning: bytes };
  }
  const cutter = new BodyCutter(chunks);
  cutter.add(bytes);
  return { ...cutter.finish(), beginning: bytes };
}

/** Takes a body piece by piece and holds no more of it than one chunk. */
export class BodyCutter {
  readonly #chunks: Pick<ChunkStore, 'append'>;
  readonly #hash = createHash('sha256');
  readonly #parts: Part[] = [];
  #beginning: Uint8Array | null = null;
  #rest: Uint8Array = new Uint8Array();
  #size = 0;

  constructor(chunks: Pick<ChunkStore, 'append'>) {
    this.#chunks = chunks;
  }

  add(piece: Uint8Array): void {
    this.#size += piece.byteLength;
    if (this.#size > MAX_BODY) throw tooLarge(this.#size);
    this.#hash.update(piece);
    this.#cut(this.#rest.byteLength === 0 ? piece : concatBytes([this.#rest, piece]), false);
  }

  finish(): Laid {
    this.#cut(this.#rest, true);
    return {
      content: { kind: 'parts', parts: this.#parts },
      hash: this.#hash.digest('hex'),
      size: this.#size,
      beginning: this.#beginning ?? new Uint8Array(),
    };
  }

  #cut(bytes: Uint8Array, isLast: boolean): void {
    let start = 0;
    for (const end of boundaries(bytes, 0, bytes.byteLength, isLast)) {
      const plain = bytes.subarray(start, end);
      this.#beginning ??= Uint8Array.from(plain.subarray(0, BEGINNING_BYTES));
      const chunk = encodeChunk(plain);
      this.#chunks.append([chunk]);
      this.#parts.push({ id: chunk.id, size: end - start });
      start = end;
    }
    // A copy: whoever brought the piece may use its bytes again.
    this.#rest = Uint8Array.from(bytes.subarray(start));
  }
}

type Stored = Pick<Change, 'content' | 'body' | 'copy' | 'seq'>;
type Reading = Pick<ChunkStore, 'readOne'>;

/**
 * The body, a part at a time. Throws `DamagedChunk` where a part is gone or damaged, and at its end `MalformedError`
 * where the parts are not what was signed: until then nothing of it is to be believed.
 */
export function* bodyPieces({ content, body, copy, seq }: Stored, chunks: Reading): Generator<Uint8Array, void> {
  if (content.kind === 'inline') return yield content.bytes;
  const hash = createHash('sha256');
  for (const { id, size } of content.parts) {
    const record = chunks.readOne(id);
    if (record === undefined)
      throw new DamagedChunk(id, `it holds a part of change ${seq} of copy ${copy} and is gone`);
    const plain = decodeChunk(id, record.bytes, size);
    hash.update(plain);
    yield plain;
  }
  if (hash.digest('hex') !== body)
    throw new MalformedError(`the body of change ${seq} of ${copy} is not what was signed`);
}

/** Reads a body for whoever has the chunks at hand: the agent, or the database process. */
export function bodyBytes(change: Stored, chunks: Reading): Uint8Array {
  return change.content.kind === 'inline' ? change.content.bytes : concatBytes([...bodyPieces(change, chunks)]);
}

/** The registry's body; of one above the limit its beginning, which is no body. */
export function registryBytes(change: Stored, chunks: Reading): Uint8Array {
  return sizeOf(change.content) > MAX_REGISTRY_BODY ? provedBeginning(change, chunks) : bodyBytes(change, chunks);
}

function sizeOf(content: Content): number {
  if (content.kind === 'inline') return content.bytes.byteLength;
  return content.parts.reduce((sum, { size }) => sum + size, 0);
}

/** Reads it to its end and keeps only the first bytes. */
export function provedBeginning(change: Stored, chunks: Reading): Uint8Array {
  let beginning: Uint8Array = new Uint8Array();
  for (const piece of bodyPieces(change, chunks)) {
    if (beginning.byteLength >= BEGINNING_BYTES) continue;
    beginning = concatBytes([beginning, piece.subarray(0, BEGINNING_BYTES)]);
  }
  return beginning;
}

function tooLarge(bytes: number): ProblemError {
  return new ProblemError({
    code: 'change-too-large',
    text: `One transaction changed ${Math.round(bytes / 1024 / 1024)} MiB, more than one change can hold.`,
    remedy: 'Do the work in several transactions.',
  });
}
