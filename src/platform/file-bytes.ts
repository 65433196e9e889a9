/** The real `FileBytes`: node:fs. */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { makeFolders } from './make-folders.ts';
import type { FileBytes, FileFacts, OpenFile } from './ports.ts';
import { asStorageFailure } from './storage-failure.ts';

// No link is followed, and a pipe that lies under a document's name must not hang us. Windows knows neither flag.
const SAFE = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const READ = constants.O_RDONLY | SAFE;
const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
const EXTEND = constants.O_RDWR | constants.O_CREAT | SAFE;
const FLAGS = { read: READ, create: CREATE, extend: EXTEND };

export const realFileBytes: FileBytes = {
  open: (path, purpose) => new RealFile(openSync(path, FLAGS[purpose], 0o666)),
  list(folder) {
    try {
      return readdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  },
  makeFolder(folder) {
    try {
      makeFolders(folder);
    } catch (error) {
      throw asStorageFailure(error, `Cannot make the folder ${folder}`, folder);
    }
  },
  rename: renameSync,
  remove(path) {
    // Not rmSync: on Windows some releases of Node do nothing, and say nothing, where a name is not plain ASCII.
    try {
      unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  },
  syncFolder(folder) {
    // Windows cannot open a folder; NTFS journals its names by itself.
    if (process.platform === 'win32') return;
    const fd = openSync(folder, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
};

class RealFile implements OpenFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  facts(): FileFacts {
    return factsOf(fstatSync(this.#fd, { bigint: true }));
  }

  read(into: Uint8Array, position: number): number {
    let filled = 0;
    while (filled < into.length) {
      const count = readSync(this.#fd, into, filled, into.length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  write(bytes: Uint8Array, position: number): void {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(this.#fd, bytes, written, bytes.length - written, position + written);
    }
  }

  writeAll(parts: readonly Uint8Array[], position: number): void {
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const written = writevSync(this.#fd, parts, position);
    // A disk that takes only some says why at the next attempt.
    if (written < size) this.write(Buffer.concat(parts).subarray(written), position + written);
  }

  truncate(size: number): void {
    ftruncateSync(this.#fd, size);
  }

  setModified(mtimeNs: bigint): void {
    const seconds = secondsAtLeast(mtimeNs);
    futimesSync(this.#fd, seconds, seconds);
  }

  sync(): void {
    fsyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * The seconds as a double that the system turns into this time or up to 238 ns more: never less, so that the micro-
 * and milliseconds that programs show stay what they were. Node takes a negative time for "now".
 */
function secondsAtLeast(ns: bigint): number {
  if (ns < 0n) return 0;
  let seconds = Number(ns) / 1e9;
  const next = 2 ** (Math.floor(Math.log2(seconds)) - 52);
  while (asSystemKeeps(seconds) < ns) seconds += next;
  return seconds;
}

function asSystemKeeps(seconds: number): bigint {
  const whole = Math.trunc(seconds);
  return BigInt(whole) * 1_000_000_000n + BigInt(Math.trunc((seconds - whole) * 1e9));
}

export function factsOf(stats: BigIntStats): FileFacts {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : 'other';
  return {
    kind,
    size: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
    inode: String(stats.ino),
    device: String(stats.dev),
  };
}
