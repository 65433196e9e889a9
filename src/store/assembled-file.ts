/** The files that `assemble` has to do with: those it writes, and those that it takes chunks from. */
import { type Hash, sha256 } from '../core/bytes.ts';
import type { DocumentContent } from '../core/content.ts';
import type { FileBytes, OpenFile } from '../platform/ports.ts';

export interface WantedFile {
  /** Native, absolute; its folder is there. What a former try left is used where its chunks are whole. */
  readonly path: string;
  readonly content: DocumentContent;
  /** A file that holds another version: chunks are taken from there where they still prove themselves. */
  readonly like?: { readonly path: string; readonly content: DocumentContent };
}

/** One file being written. */
export class Target {
  readonly wanted: WantedFile;
  readonly index: number;
  left = 0;
  isFinished = false;
  /** Something of ours may lie there. */
  isBegun = false;
  /** Made by us, so there is nothing to cut off behind its end. */
  isFresh = false;
  #file: OpenFile | undefined;

  constructor(wanted: WantedFile, index: number) {
    this.wanted = wanted;
    this.index = index;
  }

  open(files: FileBytes): OpenFile {
    if (this.#file) return this.#file;
    try {
      this.#file = files.open(this.wanted.path, 'create');
      this.isFresh = true;
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
      this.#file = files.open(this.wanted.path, 'extend');
    }
    this.isBegun = true;
    return this.#file;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

/** A file that may hold some of the chunks. It can change at any time, so each is proved when it is taken. */
export class Neighbour {
  readonly #where = new Map<Hash, number>();
  #file: OpenFile | undefined;

  constructor(files: FileBytes, path: string, content: DocumentContent) {
    try {
      this.#file = files.open(path, 'read');
    } catch {
      return;
    }
    let at = 0;
    for (const { id, size } of content.chunks) {
      this.#where.set(id, at);
      at += size;
    }
  }

  take(id: Hash, size: number): Uint8Array | undefined {
    const at = this.#where.get(id);
    if (at === undefined || !this.#file) return undefined;
    try {
      const bytes = Buffer.allocUnsafe(size);
      const read = bytes.subarray(0, this.#file.read(bytes, at));
      return sha256(read) === id ? read : undefined;
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#file?.close();
  }
}
