/**
 * Takes chunks out of documents as they lie on disk, each proved by its id, and gives them in stored form: what a copy
 * holds only as a document can be sent without being kept a second time. A task like `ingest`; every step gives some.
 */
import { type Hash, sha256 } from '../core/bytes.ts';
import type { FileBytes, OpenFile } from '../platform/ports.ts';
import { buffersOf, type Packed, pack } from './packed.ts';
import { encodeChunk, type StoredChunk } from './stored-chunk.ts';

/** Where a chunk should be. Pieces of one file stand together. */
export interface Piece {
  readonly id: Hash;
  readonly size: number;
  /** Native, absolute. */
  readonly path: string;
  readonly at: number;
}

export interface ExtractRequest {
  readonly pieces: readonly Piece[];
}

export interface ExtractStep {
  readonly ids: readonly Hash[];
  readonly hashes: readonly Hash[];
  readonly stored: Packed;
  /** Not there, or not any more. */
  readonly missing: readonly Hash[];
  readonly moves: readonly ArrayBuffer[];
}

export type Extract = Generator<ExtractStep, void, null>;

const STEP_BYTES = 1024 * 1024;

export function* extract(files: FileBytes, { pieces }: ExtractRequest): Extract {
  const reader = new Reader(files);
  let found: StoredChunk[] = [];
  let missing: Hash[] = [];
  let bytes = 0;
  try {
    for (const [n, piece] of pieces.entries()) {
      const plain = reader.take(piece);
      if (plain) {
        const chunk = encodeChunk(plain, piece.id);
        found.push(chunk);
        bytes += chunk.bytes.length;
      } else missing.push(piece.id);
      if (bytes < STEP_BYTES && n < pieces.length - 1) continue;
      yield stepOf(found, missing);
      found = [];
      missing = [];
      bytes = 0;
    }
  } finally {
    reader.close();
  }
}

function stepOf(found: readonly StoredChunk[], missing: readonly Hash[]): ExtractStep {
  const stored = pack(found.map(({ bytes }) => bytes));
  const ids = found.map(({ id }) => id);
  return { ids, hashes: found.map(({ hash }) => hash), stored, missing, moves: buffersOf(stored) };
}

/** One file open at a time. Whatever fails is a chunk that is not there. */
class Reader {
  readonly #files: FileBytes;
  #path = '';
  #file: OpenFile | undefined;

  constructor(files: FileBytes) {
    this.#files = files;
  }

  take({ id, size, path, at }: Piece): Uint8Array | undefined {
    try {
      if (path !== this.#path) {
        this.close();
        this.#path = path;
        this.#file = this.#files.open(path, 'read');
      }
      if (!this.#file) return undefined;
      const bytes = Buffer.allocUnsafe(size);
      const read = bytes.subarray(0, this.#file.read(bytes, at));
      return sha256(read) === id ? read : undefined;
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
