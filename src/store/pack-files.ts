/**
 * The pack files of one chunk store: appended to at one end, read anywhere. Knows nothing of the index. A failure
 * while writing takes back what was not yet on disk for good, so that the caller's records are there or not at all.
 */
import { assert } from '../core/problem.ts';
import type { FileBytes, OpenFile } from '../platform/ports.ts';
import { asStorageFailure } from '../platform/storage-failure.ts';

/** A pack is closed at this size, so that space can later be given back pack by pack. */
export const PACK_LIMIT = 256 * 1024 * 1024;
const STAGED_LIMIT = 1024 * 1024;
/** Open for reading at one time, per store. */
const READERS = 4;

export interface Place {
  readonly pack: number;
  readonly at: number;
}

type Growing = { n: number; file: OpenFile; end: number; synced: number; staged: Uint8Array[]; stagedBytes: number };

export function packPath(folder: string, pack: number): string {
  return `${folder}/${pack}.pack`;
}

export class PackFiles {
  readonly #files: FileBytes;
  readonly #folder: string;
  readonly #limit: number;
  readonly #readers = new Map<number, OpenFile>();
  #growing: Growing | undefined;
  /** Where the next record goes when no pack is open for growing. */
  #next: Place;

  constructor(files: FileBytes, folder: string, next: Place, limit: number) {
    this.#files = files;
    this.#limit = limit;
    this.#folder = folder;
    this.#next = next;
  }

  /** Numbers of the packs on disk, ascending. */
  static list(files: FileBytes, folder: string): number[] {
    const numbers = files.list(folder).map((name) => Number(/^(\d{1,9})\.pack$/.exec(name)?.[1] ?? -1));
    return numbers.filter((n) => n >= 0).sort((a, b) => a - b);
  }

  /** Adds a record, whose bytes stay as they are. It can be read at once; it is on disk for good after `sync`. */
  append(header: Uint8Array, bytes: Uint8Array): Place {
    return this.#guarded(() => {
      const growing = this.#grow();
      const place = { pack: growing.n, at: growing.end + growing.stagedBytes };
      growing.staged.push(header, bytes);
      growing.stagedBytes += header.length + bytes.length;
      if (growing.stagedBytes >= STAGED_LIMIT) this.#writeOut();
      return place;
    });
  }

  /** Returns where the pack being written ends. */
  sync(): { pack: number; end: number } {
    return this.#guarded(() => {
      this.#writeOut();
      const growing = this.#grow();
      if (growing.synced < growing.end) growing.file.sync();
      growing.synced = growing.end;
      return { pack: growing.n, end: growing.end };
    });
  }

  /** Whether the pack being written is full: the owner then syncs and lists it, and calls `turn`. */
  get isFull(): boolean {
    const growing = this.#growing;
    return growing !== undefined && growing.end + growing.stagedBytes >= this.#limit;
  }

  /** Closes the synced pack; the next record begins a new one. */
  turn(): void {
    const growing = this.#growing;
    assert(
      growing && growing.synced === growing.end && growing.stagedBytes === 0,
      'a pack is closed before it is synced',
    );
    growing.file.close();
    this.#growing = undefined;
    this.#next = { pack: growing.n + 1, at: 0 };
  }

  /** Fills `into` from a pack; returns how many bytes there were. */
  read(place: Place, into: Uint8Array): number {
    try {
      if (this.#growing?.n === place.pack) {
        if (place.at + into.length > this.#growing.end) this.#guarded(() => this.#writeOut());
        return this.#growing.file.read(into, place.at);
      }
      return this.#reader(place.pack).read(into, place.at);
    } catch (error) {
      throw asStorageFailure(error, 'Cannot read chunks', packPath(this.#folder, place.pack));
    }
  }

  close(): void {
    for (const file of this.#readers.values()) file.close();
    this.#readers.clear();
    this.#growing?.file.close();
    this.#growing = undefined;
  }

  #grow(): Growing {
    if (this.#growing) return this.#growing;
    const { pack, at } = this.#next;
    this.#files.makeFolder(this.#folder);
    const file = this.#files.open(packPath(this.#folder, pack), 'extend');
    this.#growing = { n: pack, file, end: at, synced: at, staged: [], stagedBytes: 0 };
    if (at === 0) {
      this.#files.syncFolder(this.#folder);
      if (pack === 0) this.#files.syncFolder(`${this.#folder}/..`);
    }
    return this.#growing;
  }

  #writeOut(): void {
    const growing = this.#growing;
    if (!growing || growing.stagedBytes === 0) return;
    growing.file.writeAll(growing.staged, growing.end);
    growing.end += growing.stagedBytes;
    growing.staged = [];
    growing.stagedBytes = 0;
  }

  /**
   * After a failed write or sync nothing is known of the bytes behind the synced end (a later fsync may claim success
   * although they were dropped): they are cut off, and written anew in another place if they cannot be.
   */
  #guarded<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      const { n, file, synced } = this.#growing ?? { n: this.#next.pack };
      this.#growing = undefined;
      this.#next = { pack: n, at: synced ?? this.#next.at };
      try {
        file?.truncate(this.#next.at);
        file?.sync();
      } catch {
        this.#next = { pack: n + 1, at: 0 };
      }
      try {
        file?.close();
      } catch {
        // Nothing more can be lost with it.
      }
      throw asStorageFailure(error, 'Cannot write chunks', packPath(this.#folder, n));
    }
  }

  #reader(pack: number): OpenFile {
    let file = this.#readers.get(pack);
    this.#readers.delete(pack);
    file ??= this.#files.open(packPath(this.#folder, pack), 'read');
    this.#readers.set(pack, file);
    if (this.#readers.size > READERS) {
      const [oldest, idle] = this.#readers.entries().next().value as [number, OpenFile];
      this.#readers.delete(oldest);
      idle.close();
    }
    return file;
  }
}
