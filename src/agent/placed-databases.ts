/** Which databases of a copy lie where on this disk, and with what as their base: observations, kept over restarts. */
import type { DatabaseSync } from 'node:sqlite';

export type PlacedDatabase = {
  readonly id: string;
  /** '/'-separated, within the file. */
  readonly path: string;
  /** Of the base's content. */
  readonly hash: string;
};

export class PlacedDatabases {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get(id: string): PlacedDatabase | undefined {
    const row = this.#db.prepare('SELECT id, path, hash FROM placed_database WHERE id = ?').get(id);
    return row && read(row);
  }

  at(path: string): PlacedDatabase | undefined {
    const row = this.#db.prepare('SELECT id, path, hash FROM placed_database WHERE path = ?').get(path);
    return row && read(row);
  }

  all(): PlacedDatabase[] {
    return this.#db.prepare('SELECT id, path, hash FROM placed_database').all().map(read);
  }

  put({ id, path, hash }: PlacedDatabase): void {
    this.#db.prepare('INSERT OR REPLACE INTO placed_database (id, path, hash) VALUES (?, ?, ?)').run(id, path, hash);
  }

  forget(id: string): void {
    this.#db.prepare('DELETE FROM placed_database WHERE id = ?').run(id);
  }
}

function read(row: Record<string, unknown>): PlacedDatabase {
  return { id: String(row.id), path: String(row.path), hash: String(row.hash) };
}
