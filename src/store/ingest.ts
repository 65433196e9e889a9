/**
 * Reads files: cuts them into chunks, hashes, and gives the stored form of those that the caller lacks. A task: a
 * generator whose caller brings to each step what the step before asked for, so that it runs in a worker thread or in
 * place. Memory is bounded by one buffer, whatever the sizes.
 */
import { createHash } from 'node:crypto';
import { type Hash, sha256 } from '../core/bytes.ts';
import type { Part } from '../core/change.ts';
import { boundaries } from '../core/chunking.ts';
import { type DocumentContent, EMPTY_HASH } from '../core/content.ts';
import type { Problem, StorageError } from '../core/problem.ts';
import type { FileBytes, FileFacts, OpenFile } from '../platform/ports.ts';
import { asStorageFailure, storageKind } from '../platform/storage-failure.ts';
import { buffersOf, NOTHING, type Packed, pack } from './packed.ts';
import { encodeChunk } from './stored-chunk.ts';

export interface IngestRequest {
  /** Native, absolute. */
  readonly paths: readonly string[];
}

/** `before` and `after` are of the open file; they differ where somebody wrote meanwhile. */
export type Ingested =
  | { readonly kind: 'done'; readonly content: DocumentContent; readonly before: FileFacts; readonly after: FileFacts }
  | { readonly kind: 'missing' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'failed'; readonly problem: Problem };

export interface IngestStep {
  /** Chunks read in this step. The caller brings those that it lacks to the next one. */
  readonly met: readonly Hash[];
  /** What it brought to this one, in their stored form. */
  readonly ids: readonly Hash[];
  readonly hashes: readonly Hash[];
  readonly stored: Packed;
  /** Files whose end was reached, by their place in `paths`. Their last chunks come with the next step. */
  readonly finished: readonly { readonly index: number; readonly result: Ingested }[];
  readonly moves: readonly ArrayBuffer[];
}

export type Ingest = Generator<IngestStep, void, readonly Hash[]>;

/** Room for a good many small files, and for a large one to be read at full speed. Above MAX_CHUNK. */
const BUFFER_BYTES = 4 * 1024 * 1024;

export function* ingest(files: FileBytes, { paths }: IngestRequest): Ingest {
  const batch = new Batch();
  try {
    for (const [index, path] of paths.entries()) {
      const result = yield* ingestFile(files, path, batch);
      batch.finished.push({ index, result });
    }
    // The last chunks are only met in this step, and handed over in one more.
    if (batch.hasMore) yield* batch.hand();
    if (batch.hasMore) yield batch.step();
  } finally {
    batch.end();
  }
}

function* ingestFile(files: FileBytes, path: string, batch: Batch): Generator<IngestStep, Ingested, readonly Hash[]> {
  let file: OpenFile | undefined;
  try {
    file = files.open(path, 'read');
    const before = file.facts();
    if (before.kind !== 'file') return { kind: 'missing' };
    const read = yield* readContent(file, before.size, batch);
    const after = file.facts();
    return { kind: 'done', content: { ...read, mtimeNs: after.mtimeNs }, before, after };
  } catch (error) {
    return failed(error, path);
  } finally {
    batch.dropTail();
    file?.close();
  }
}

type Read = Omit<DocumentContent, 'mtimeNs'>;

/** Reads up to `expected` bytes: what a file grows by meanwhile is seen in its facts. */
function* readContent(file: OpenFile, expected: number, batch: Batch): Generator<IngestStep, Read, readonly Hash[]> {
  const chunks: Part[] = [];
  let running: ReturnType<typeof createHash> | undefined;
  let hash = EMPTY_HASH;
  let size = 0;
  for (let isLast = expected === 0; !isLast; ) {
    if (batch.isFull) yield* batch.hand();
    const asked = Math.min(batch.room.length, expected - size);
    const piece = batch.room.subarray(0, file.read(batch.room.subarray(0, asked), size));
    size += piece.length;
    isLast = size === expected || piece.length < asked;
    batch.take(piece.length, isLast, chunks);
    // What is read at once and is one chunk is hashed only once: most documents are.
    if (!isLast || running) running = (running ?? createHash('sha256')).update(piece);
    else hash = chunks.length === 1 ? (chunks[0] as Part).id : sha256(piece);
  }
  if (running && chunks.length > 0) hash = chunks.length === 1 ? (chunks[0] as Part).id : running.digest('hex');
  return { size, hash, chunks };
}

function failed(error: unknown, path: string): Ingested {
  const kind = storageKind(error);
  if (kind === 'missing') return { kind: 'missing' };
  if (kind === 'in-use') return { kind: 'busy' };
  const failure = asStorageFailure(error, 'Cannot read the document', path);
  if (kind === undefined) throw failure;
  return { kind: 'failed', problem: (failure as StorageError).problem };
}

const spareBuffers: Buffer[] = [];

/** What was read and not yet handed over: whole chunks, then the beginning of one that may still grow. */
class Batch {
  finished: { index: number; result: Ingested }[] = [];
  readonly #buffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #met = new Map<Hash, Uint8Array>();
  #cut = 0;
  #filled = 0;
  #ids: Hash[] = [];
  #hashes: Hash[] = [];
  #stored: Packed = NOTHING;

  get room(): Buffer {
    return this.#buffer.subarray(this.#filled);
  }

  get isFull(): boolean {
    return this.#filled === this.#buffer.length;
  }

  get hasMore(): boolean {
    return this.#met.size > 0 || this.#ids.length > 0 || this.finished.length > 0;
  }

  /** The next `length` bytes of room were read: cuts what can be cut. */
  take(length: number, isLast: boolean, chunks: Part[]): void {
    this.#filled += length;
    for (const end of boundaries(this.#buffer, this.#cut, this.#filled, isLast)) {
      const plain = this.#buffer.subarray(this.#cut, end);
      const id = sha256(plain);
      chunks.push({ id, size: plain.length });
      this.#met.set(id, plain);
      this.#cut = end;
    }
  }

  /** Forgets the beginning of a chunk whose rest cannot be read. */
  dropTail(): void {
    this.#filled = this.#cut;
  }

  /** Gives the caller what was met, packs what it lacks of it, and makes room. */
  *hand(): Generator<IngestStep, void, readonly Hash[]> {
    const lacking = yield this.step();
    const chunks = lacking.map((id) => encodeChunk(this.#met.get(id) as Uint8Array, id));
    this.#ids = chunks.map(({ id }) => id);
    this.#hashes = chunks.map(({ hash }) => hash);
    this.#stored = chunks.length > 0 ? pack(chunks.map(({ bytes }) => bytes)) : NOTHING;
    this.#met = new Map();
    this.#buffer.copyWithin(0, this.#cut, this.#filled);
    this.#filled -= this.#cut;
    this.#cut = 0;
  }

  step(): IngestStep {
    const stored = this.#stored;
    const step = { met: [...this.#met.keys()], ids: this.#ids, hashes: this.#hashes, stored, finished: this.finished };
    this.finished = [];
    this.#ids = [];
    this.#hashes = [];
    this.#stored = NOTHING;
    return { ...step, moves: buffersOf(stored) };
  }

  end(): void {
    if (spareBuffers.length === 0) spareBuffers.push(this.#buffer);
  }
}
