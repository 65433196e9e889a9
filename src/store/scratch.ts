/**
 * Room on the disk for what is too much to be held: a file of SQLite's own in the computer's temporary folder, without a
 * name where the system can do that, gone when it is closed or its process ends.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';

const CACHE_KIB = 4 * 1024;

export function openScratch(schema: string): DatabaseSync {
  const db = new DatabaseSync('');
  db.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -${CACHE_KIB}; ${schema}`);
  // Nothing is ever taken back: one transaction spares a lock per statement.
  db.exec('BEGIN');
  return db;
}

/** Bytes in the order in which they were added. */
export class KeptPieces {
  readonly #db: DatabaseSync;
  readonly #add: StatementSync;

  constructor() {
    this.#db = openScratch('CREATE TABLE piece (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)');
    this.#add = this.#db.prepare('INSERT INTO piece (bytes) VALUES (?)');
  }

  add(bytes: Uint8Array): void {
    this.#add.run(bytes);
  }

  /** May be gone through several times, also by several at once. */
  *read(): Generator<Uint8Array, void> {
    for (const { bytes } of this.#db.prepare('SELECT bytes FROM piece ORDER BY n').iterate()) yield bytes as Uint8Array;
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }
}
