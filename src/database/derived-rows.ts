/**
 * rows.db, shared by all databases of one copy. It is derived: where the disk has damaged it, it is thrown away and
 * folded anew, when it is opened and also later. A page may be damaged that nobody reads for weeks, and SQLite does not
 * say which file it found damaged.
 */
import type { DatabaseSync } from 'node:sqlite';
import { StorageError } from '../core/problem.ts';
import { storageKind } from '../platform/storage-failure.ts';
import { ROWS } from '../store/row-state.ts';
import { openStore } from '../store/sqlite.ts';

export class DerivedRows {
  readonly #path: string;
  readonly #removeFile: ((path: string) => void) | undefined;
  #db: DatabaseSync;

  /** `removeFile`: no error when it is not there. Without it a damaged rows.db stays a problem. */
  constructor(path: string, removeFile?: (path: string) => void) {
    this.#path = path;
    this.#removeFile = removeFile;
    try {
      this.#db = openStore(path, ROWS);
    } catch (error) {
      if (!(error instanceof StorageError) || error.kind !== 'damaged' || removeFile === undefined) throw error;
      this.#db = this.#openAnew(removeFile);
    }
  }

  get db(): DatabaseSync {
    return this.#db;
  }

  /** Is it this file that is damaged, and can it be made anew? Reads all of it, if the error is of that kind. */
  isToBlame(error: unknown): boolean {
    if (this.#removeFile === undefined || storageKind(error) !== 'damaged') return false;
    try {
      return this.#db.prepare('PRAGMA quick_check(1)').get()?.quick_check !== 'ok';
    } catch {
      return true;
    }
  }

  /** Nobody may use `db` meanwhile, nor what he had of it before. */
  renew(): void {
    if (this.#db.isOpen) this.#db.close();
    this.#db = this.#openAnew(this.#removeFile ?? (() => {}));
  }

  close(): void {
    this.#db.close();
  }

  #openAnew(removeFile: (path: string) => void): DatabaseSync {
    for (const suffix of ['', '-wal', '-shm']) removeFile(this.#path + suffix);
    return openStore(this.#path, ROWS);
  }
}
