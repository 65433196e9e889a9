/**
 * Turns what node:fs and node:sqlite throw into a `StorageError` that a person can act on. Anything that is not the
 * disk's doing (a mistake in SQL, a broken constraint) is handed back as it came.
 */
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { StorageError, type StorageKind } from '../core/problem.ts';

const ERRNO: Readonly<Record<string, StorageKind>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EFBIG: 'disk-full',
  EROFS: 'read-only',
  EACCES: 'no-permission',
  EPERM: 'no-permission',
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  ENXIO: 'missing',
  EISDIR: 'missing',
  ELOOP: 'missing',
  EBUSY: 'in-use',
  ETXTBSY: 'in-use',
  EAGAIN: 'in-use',
  EMFILE: 'too-many-open',
  ENFILE: 'too-many-open',
  EIO: 'disk-error',
};

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html). */
const SQLITE: Readonly<Record<number, StorageKind>> = {
  3: 'no-permission', // PERM
  5: 'in-use', // BUSY
  6: 'in-use', // LOCKED
  8: 'read-only', // READONLY
  10: 'disk-error', // IOERR
  11: 'damaged', // CORRUPT
  13: 'disk-full', // FULL
  14: 'missing', // CANTOPEN
  22: 'disk-error', // NOLFS
  23: 'no-permission', // AUTH
  26: 'damaged', // NOTADB
};

const WHY: Readonly<Record<StorageKind, string>> = {
  'disk-full': 'the disk is full',
  'read-only': 'the disk or folder is read-only',
  'no-permission': 'the system does not permit it',
  missing: 'it is not there or cannot be opened',
  'in-use': 'another program holds it',
  'too-many-open': 'too many files are open on this computer',
  damaged: 'its content is damaged',
  'disk-error': 'the disk reported an error',
  'newer-store': 'it was written by a newer version of Tieout',
};

const REMEDY: Readonly<Record<StorageKind, string>> = {
  'disk-full': 'Free some space on this disk; Tieout goes on by itself.',
  'read-only': 'Make the folder writable again.',
  'no-permission': 'Give your user the right to read and write it.',
  missing: 'Check that the folder exists and its disk is connected.',
  'in-use': 'Close the other program, or wait until it is done.',
  'too-many-open': 'Close some programs, or raise the limit of open files.',
  damaged: 'Check the disk; `tieout doctor` says what else is damaged.',
  'disk-error': 'Check the disk; `tieout doctor` says whether anything is damaged.',
  'newer-store': 'Install the newest version of Tieout on this computer.',
};

/** macOS asks before a program may look into some folders, and keeps its "no". */
const PRIVACY =
  ' Desktop, Documents, Downloads and removable disks are also guarded by macOS itself: allow it in System Settings, Privacy & Security, Files and Folders.';

export function remedyOf(kind: StorageKind, system: string = process.platform): string {
  return kind === 'no-permission' && system === 'darwin' ? REMEDY[kind] + PRIVACY : REMEDY[kind];
}

/** The kind of a failure of the disk; undefined when it is something else. */
export function storageKind(error: unknown): StorageKind | undefined {
  if (error instanceof StorageError) return error.kind;
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, errcode, syscall } = error as { code?: unknown; errcode?: unknown; syscall?: unknown };
  if (typeof errcode === 'number') return SQLITE[errcode & 0xff];
  if (typeof code !== 'string') return undefined;
  return ERRNO[code] ?? (typeof syscall === 'string' ? 'disk-error' : undefined);
}

/** A `StorageError` that says `what` failed ("Cannot write the log") and why. */
export function storageFailure(kind: StorageKind, what: string, path?: string, cause?: unknown): StorageError {
  const text = `${what}: ${WHY[kind]}.`;
  const place = path === undefined ? {} : { path };
  return new StorageError(kind, { text, remedy: remedyOf(kind), ...place }, { cause });
}

/** What to throw for `error`: a `StorageError` when the disk failed, otherwise `error` itself. */
export function asStorageFailure(error: unknown, what: string, path?: string): unknown {
  if (error instanceof StorageError) return error;
  const kind = storageKind(error);
  if (kind === undefined) return error;
  const isMisnamed = path !== undefined && kind === 'missing' && wasToBeMade(error);
  return storageFailure((isMisnamed && whyNotWritable(path)) || kind, what, path, error);
}

/** On a read-only disk both mkdir and SQLite say that what they should make is not there. */
function wasToBeMade(error: unknown): boolean {
  const { errcode, syscall } = error as { errcode?: unknown; syscall?: unknown };
  return errcode === 14 || syscall === 'mkdir';
}

/** Why nothing can be made in the nearest folder above that is there; undefined if it can. */
function whyNotWritable(path: string): StorageKind | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    try {
      accessSync(folder, constants.W_OK);
      return undefined;
    } catch (error) {
      const kind = storageKind(error);
      if (kind !== 'missing' || folder === dirname(folder)) return kind === 'missing' ? undefined : kind;
    }
  }
}
