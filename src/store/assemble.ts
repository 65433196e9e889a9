/**
 * Writes files from chunks, in whatever order these come, each proved by its id before it is written. A task like
 * `ingest`: the first step tells which chunks are wanted, after what was found on this disk; to every further one the
 * caller brings some of them. A file is whole when its last chunk is in; what was begun and not finished is left for
 * the next try.
 */
import { type Hash, sha256 } from '../core/bytes.ts';
import { type Problem, StorageError } from '../core/problem.ts';
import type { FileBytes, FileFacts, OpenFile } from '../platform/ports.ts';
import { asStorageFailure } from '../platform/storage-failure.ts';
import { Neighbour, Target, type WantedFile } from './assembled-file.ts';
import { type Packed, unpack } from './packed.ts';
import { DamagedChunk, decodeChunk } from './stored-chunk.ts';

export interface AssembleRequest {
  readonly files: readonly WantedFile[];
  /** Each file survives a power cut before it is told finished; the name in its folder is up to the caller. */
  readonly sync: boolean;
}

/** Some wanted chunks in stored form, each once; null: nobody has the rest. */
export type Brought = { readonly ids: readonly Hash[]; readonly stored: Packed } | null;

export type Assembled =
  | { readonly kind: 'done'; readonly facts: FileFacts }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'failed'; readonly problem: Problem };

export interface AssembleStep {
  /** All that is wanted; only in the first step. */
  readonly wanted: readonly Hash[];
  /** What was brought and is not what its id says: still wanted. */
  readonly refused: readonly Hash[];
  readonly finished: readonly { readonly index: number; readonly result: Assembled }[];
  /** Plain bytes written in this step. */
  readonly written: number;
}

export type Assemble = Generator<AssembleStep, void, Brought>;

/** Files begun and not finished that are kept open; others are opened again. */
const OPEN_FILES = 32;
/** Below this, a former try is not worth looking at. */
const WORTH_SALVAGING = 1024 * 1024;

type Place = { readonly target: Target; readonly at: number; readonly size: number };

export function* assemble(files: FileBytes, request: AssembleRequest): Assemble {
  const work = new Assembly(files, request);
  try {
    let brought: Brought = yield work.begin();
    while (work.isOpen && brought) brought = yield work.place(brought);
    if (work.isOpen) yield work.giveUp();
  } finally {
    work.end();
  }
}

class Assembly {
  readonly #files: FileBytes;
  readonly #sync: boolean;
  readonly #targets: Target[];
  readonly #places = new Map<Hash, Place[]>();
  readonly #open = new Set<Target>();
  #finished: { index: number; result: Assembled }[] = [];
  #left: number;
  #written = 0;

  constructor(files: FileBytes, { files: wanted, sync }: AssembleRequest) {
    this.#files = files;
    this.#sync = sync;
    this.#targets = wanted.map((file, index) => new Target(file, index));
    this.#left = wanted.length;
  }

  get isOpen(): boolean {
    return this.#left > 0;
  }

  begin(): AssembleStep {
    for (const target of this.#targets) this.#guarded(target, () => this.#beginTarget(target));
    return this.#step([...this.#places.keys()]);
  }

  place(brought: NonNullable<Brought>): AssembleStep {
    const refused: Hash[] = [];
    for (const [index, stored] of unpack(brought.stored).entries()) {
      const id = brought.ids[index] as Hash;
      const places = this.#places.get(id);
      if (!places) continue;
      const plain = plainOrNothing(id, stored, Math.max(...places.map(({ size }) => size)));
      if (plain) this.#writeAll(id, plain);
      else refused.push(id);
    }
    return this.#step([], refused);
  }

  giveUp(): AssembleStep {
    for (const target of this.#targets) {
      if (!target.isFinished) this.#finish(target, { kind: 'unavailable' });
    }
    return this.#step([]);
  }

  end(): void {
    for (const target of this.#open) target.close();
    this.#open.clear();
  }

  /** Takes from this disk what is there, and notes what is still wanted. */
  #beginTarget(target: Target): void {
    const { like } = target.wanted;
    const near = like && new Neighbour(this.#files, like.path, like.content);
    try {
      this.#takeFromHere(target, near);
    } finally {
      near?.close();
    }
    if (target.left === 0) this.#complete(target);
  }

  #takeFromHere(target: Target, near: Neighbour | undefined): void {
    const { content, path } = target.wanted;
    const former = content.size >= WORTH_SALVAGING ? this.#former(target) : undefined;
    let at = 0;
    for (const { id, size } of content.chunks) {
      const isThere = former !== undefined && sha256(former(at, size)) === id;
      const plain = isThere ? undefined : near?.take(id, size);
      if (plain) this.#write(target, plain, at);
      else if (!isThere) {
        target.left++;
        const places = this.#places.get(id);
        if (places) places.push({ target, at, size });
        else this.#places.set(id, [{ target, at, size }]);
      }
      at += size;
    }
    if (at !== content.size) throw mismatch(path);
  }

  /** Reads what a former try left; undefined when there is nothing. */
  #former(target: Target): ((at: number, size: number) => Uint8Array) | undefined {
    const file = this.#opened(target);
    const { size } = file.facts();
    if (size === 0) return undefined;
    return (at, length) => {
      const bytes = Buffer.allocUnsafe(length);
      return at + length > size ? bytes.subarray(0, 0) : bytes.subarray(0, file.read(bytes, at));
    };
  }

  #writeAll(id: Hash, plain: Uint8Array): void {
    const places = this.#places.get(id) ?? [];
    this.#places.delete(id);
    for (const { target, at, size } of places) {
      if (target.isFinished) continue;
      this.#guarded(target, () => {
        if (plain.length !== size) throw mismatch(target.wanted.path);
        this.#write(target, plain, at);
        if (--target.left === 0) this.#complete(target);
      });
    }
  }

  #write(target: Target, plain: Uint8Array, at: number): void {
    this.#opened(target).write(plain, at);
    this.#written += plain.length;
  }

  #complete(target: Target): void {
    const { size, mtimeNs } = target.wanted.content;
    const file = this.#opened(target);
    if (!target.isFresh) file.truncate(size);
    file.setModified(mtimeNs);
    if (this.#sync) file.sync();
    this.#finish(target, { kind: 'done', facts: file.facts() });
  }

  #finish(target: Target, result: Assembled): void {
    this.#left--;
    target.isFinished = true;
    target.close();
    this.#open.delete(target);
    this.#finished.push({ index: target.index, result });
  }

  #opened(target: Target): OpenFile {
    const file = target.open(this.#files);
    this.#open.add(target);
    if (this.#open.size > OPEN_FILES) {
      const [oldest] = this.#open as Set<Target>;
      oldest?.close();
      this.#open.delete(oldest as Target);
    }
    return file;
  }

  /** What fails is one file's problem: its beginnings are removed, the others go on. */
  #guarded(target: Target, act: () => void): void {
    try {
      act();
    } catch (error) {
      const failure = asStorageFailure(error, 'Cannot write the document', target.wanted.path);
      if (!(failure instanceof StorageError)) throw failure;
      this.#finish(target, { kind: 'failed', problem: failure.problem });
      if (target.isBegun) this.#removeQuietly(target.wanted.path);
    }
  }

  #removeQuietly(path: string): void {
    try {
      this.#files.remove(path);
    } catch {
      // The disk fails; the problem is told already.
    }
  }

  #step(wanted: readonly Hash[], refused: readonly Hash[] = []): AssembleStep {
    const step = { wanted, refused, finished: this.#finished, written: this.#written };
    this.#finished = [];
    this.#written = 0;
    return step;
  }
}

function plainOrNothing(id: Hash, stored: Uint8Array, size: number): Uint8Array | undefined {
  try {
    return decodeChunk(id, stored, size);
  } catch (error) {
    if (error instanceof DamagedChunk) return undefined;
    throw error;
  }
}

function mismatch(path: string): StorageError {
  const text = 'The document cannot be written: its list of chunks contradicts itself.';
  return new StorageError('damaged', { text, remedy: 'Save it again on the computer that it comes from.', path });
}
