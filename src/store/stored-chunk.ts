/**
 * A chunk as it is kept and sent: one byte that says how, then the payload. Its id names the plain bytes; `hash` names
 * the stored ones, so that a hub or a relay, to which the id is an opaque name, can still tell whether they are whole.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type Hash, sha256 } from '../core/bytes.ts';
import { MAX_CHUNK } from '../core/chunking.ts';
import { StorageError } from '../core/problem.ts';

export interface StoredChunk {
  readonly id: Hash;
  /** sha256 of `bytes`. */
  readonly hash: Hash;
  readonly bytes: Uint8Array;
}

const RAW = 0;
const ZSTD = 1;
/** What does not shrink is kept raw, so nothing stored is longer than this. */
export const MAX_STORED = 1 + MAX_CHUNK;

/** Below this, a call of zstd costs more time than the bytes it saves on a slow line. */
const WORTH_TRYING = 512;
/** zstd must save an eighth, or reading back is not worth its time. */
const WORTH_KEEPING = 7 / 8;
/** zstd at level 1 refers back 512 KiB; a frame that claims to need more memory is not ours. */
const WINDOW_LOG = 19;

/** The bytes are not what they are named by. */
export class DamagedChunk extends StorageError {
  override name = 'DamagedChunk';
  readonly id: Hash;

  constructor(id: Hash, why: string, path?: string) {
    super('damaged', {
      text: `Chunk ${id.slice(0, 12)} is damaged: ${why}.`,
      remedy: 'It is not used; it is fetched again from another copy. Check the disk.',
      ...(path === undefined ? {} : { path }),
    });
    this.id = id;
  }
}

export function encodeChunk(plain: Uint8Array, id: Hash = sha256(plain)): StoredChunk {
  const bytes = compressed(plain) ?? withFlag(RAW, plain);
  return { id, hash: sha256(bytes), bytes };
}

/**
 * The plain bytes, proved by the id; possibly a view of `stored`. Throws `DamagedChunk`; never unpacks more than
 * `size` bytes.
 */
export function decodeChunk(id: Hash, stored: Uint8Array, size: number = MAX_CHUNK): Uint8Array {
  const plain = unpack(id, stored, Math.min(size, MAX_CHUNK));
  if (sha256(plain) !== id) throw new DamagedChunk(id, 'its content does not match its name');
  return plain;
}

/** Is it what its id says? */
export function isProved({ id, bytes }: Pick<StoredChunk, 'id' | 'bytes'>): boolean {
  try {
    decodeChunk(id, bytes);
    return true;
  } catch (error) {
    if (error instanceof DamagedChunk) return false;
    throw error;
  }
}

/** What a hub or relay checks: it cannot, and need not, look inside. */
export function isIntact(chunk: StoredChunk): boolean {
  return chunk.bytes.length <= MAX_STORED && sha256(chunk.bytes) === chunk.hash;
}

function compressed(plain: Uint8Array): Uint8Array | undefined {
  if (plain.length < WORTH_TRYING || looksRandom(plain)) return undefined;
  const packed = zstdCompressSync(plain, {
    params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: WINDOW_LOG },
    pledgedSrcSize: plain.length,
    chunkSize: plain.length,
  });
  return packed.length < plain.length * WORTH_KEEPING ? withFlag(ZSTD, packed) : undefined;
}

function unpack(id: Hash, stored: Uint8Array, size: number): Uint8Array {
  const payload = stored.subarray(1);
  if (stored[0] === RAW) return payload;
  if (stored[0] !== ZSTD) throw new DamagedChunk(id, 'it is of an unknown kind');
  try {
    return zstdDecompressSync(payload, {
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
      // Room for one byte more than allowed, so that one pass tells a fit from a bomb.
      chunkSize: Math.max(size + 1, 64),
      maxOutputLength: Math.max(size, 1),
    });
  } catch {
    throw new DamagedChunk(id, 'it cannot be unpacked');
  }
}

/**
 * Whether the bytes are spread too evenly for compression to help (pictures, zips, what is encrypted): counts a sample
 * of 2 KiB from all over. For random bytes the sum of squares is near n + n²/256; texts have several times that.
 */
function looksRandom(plain: Uint8Array): boolean {
  const counts = new Uint16Array(256);
  const stretches = Math.min(8, plain.length >> 8);
  const stride = Math.floor(plain.length / stretches);
  for (let stretch = 0; stretch < stretches; stretch++) {
    const from = stretch * stride;
    for (let at = from; at < from + 256; at++) (counts[plain[at] as number] as number)++;
  }
  const sampled = stretches * 256;
  let squares = 0;
  for (const count of counts) squares += count * count;
  return squares < 1.25 * (sampled + (sampled * sampled) / 256);
}

function withFlag(flag: number, payload: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + payload.length);
  bytes[0] = flag;
  bytes.set(payload, 1);
  return bytes;
}
