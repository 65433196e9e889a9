/**
 * The pack format: records one after the other, each a header and the stored bytes. Only parsing and scanning; who
 * writes, reads and lists packs is chunks.ts. Nothing read from disk is trusted before its check value fits.
 *
 * Header, 76 bytes: magic "TiCh", length of the stored bytes (u32 LE), id (32), sha256 of the stored bytes (32),
 * CRC-32 of the 72 bytes before (u32 LE).
 */
import { crc32 } from 'node:zlib';
import { type Hash, sha256, toHex } from '../core/bytes.ts';
import type { OpenFile } from '../platform/ports.ts';
import { MAX_STORED, type StoredChunk } from './stored-chunk.ts';

export const HEADER_BYTES = 76;
const MAGIC = Buffer.from('TiCh', 'latin1');
const CRC_AT = 72;
/** Holds the longest record, and is long enough for a disk to be read at full speed. */
const WINDOW_BYTES = 2 * 1024 * 1024;

export interface RecordHeader {
  readonly id: Hash;
  readonly hash: Hash;
  readonly length: number;
}

/** What stands before the chunk's bytes. */
export function headerOf(chunk: StoredChunk): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(chunk.bytes.length, 4);
  header.write(chunk.id, 8, 'hex');
  header.write(chunk.hash, 40, 'hex');
  header.writeUInt32LE(crc32(header.subarray(0, CRC_AT)), CRC_AT);
  return header;
}

/** Undefined when no whole, unaltered header begins here. */
export function readHeader(bytes: Uint8Array): RecordHeader | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (MAGIC.compare(header, 0, 4) !== 0) return undefined;
  if (header.readUInt32LE(CRC_AT) !== crc32(header.subarray(0, CRC_AT))) return undefined;
  const length = header.readUInt32LE(4);
  if (length === 0 || length > MAX_STORED) return undefined;
  return { id: toHex(header.subarray(8, 40)), hash: toHex(header.subarray(40, 72)), length };
}

/** A record met by a scan. Where `isIntact` is false its header fits but its bytes do not. */
export interface Scanned extends RecordHeader {
  readonly at: number;
  readonly isIntact: boolean;
}

/**
 * All records of `file` from `from` on, in order. Stretches that are no record (a torn tail, damage) are passed over:
 * the scan goes on at the next header that fits.
 */
export function* scanPack(file: OpenFile, from: number): Generator<Scanned> {
  const window = new Window(file);
  let at = from;
  for (;;) {
    const header = readHeader(window.view(at, HEADER_BYTES));
    if (!header) {
      const next = findMagic(window, at + 1);
      if (next === undefined) return;
      at = next;
      continue;
    }
    const bytes = window.view(at + HEADER_BYTES, header.length);
    if (bytes.length === header.length) {
      yield { ...header, at, isIntact: sha256(bytes) === header.hash };
      at += HEADER_BYTES + header.length;
    } else {
      // Cut short by the end of the file; a record hidden in what is left would still be found.
      at += 1;
    }
  }
}

function findMagic(window: Window, from: number): number | undefined {
  let at = from;
  for (;;) {
    const ahead = window.ahead(at, MAGIC.length);
    const found = ahead.indexOf(MAGIC);
    if (found >= 0) return at + found;
    if (ahead.length < MAGIC.length) return undefined;
    at += ahead.length - MAGIC.length + 1;
  }
}

/** A moving view of a file, read in large steps. */
class Window {
  readonly #file: OpenFile;
  readonly #buffer = Buffer.allocUnsafe(WINDOW_BYTES);
  #start = 0;
  #filled = 0;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  /** The `length` bytes at `at`, fewer at the end of the file. Good until the next call. */
  view(at: number, length: number): Buffer {
    return this.ahead(at, length).subarray(0, length);
  }

  /** As many bytes as are at hand from `at` on, at least `least` unless the file ends. */
  ahead(at: number, least: number): Buffer {
    if (at < this.#start || at + least > this.#start + this.#filled) {
      this.#start = at;
      this.#filled = this.#file.read(this.#buffer, at);
    }
    return this.#buffer.subarray(at - this.#start, this.#filled);
  }
}
