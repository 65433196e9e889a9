/**
 * A lock that only one process can hold, and that its end releases, however it ends. It is SQLite's own lock on a file
 * (fcntl on POSIX, LockFileEx on Windows): a pid file is fooled by crashes and by pids used again, this is not.
 * The file itself stays, empty and without meaning. Not for network drives that do not know locks.
 */
import { DatabaseSync } from 'node:sqlite';
import { asStorageFailure, storageKind } from './storage-failure.ts';

export interface Lock {
  release(): void;
}

/** Takes the lock, or returns undefined if another holds it for more than `patienceMs`. Throws `StorageError`. */
export function takeLock(path: string, patienceMs = 0): Lock | undefined {
  let file: DatabaseSync | undefined;
  try {
    file = new DatabaseSync(path, { timeout: patienceMs });
    file.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
    const held = file;
    return { release: () => held.close() };
  } catch (error) {
    file?.close();
    if (storageKind(error) === 'in-use') return undefined;
    throw asStorageFailure(error, 'Cannot lock', path);
  }
}
