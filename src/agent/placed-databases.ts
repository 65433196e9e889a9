/** Which databases of a copy lie where on this disk, and with what as their base: observations, kept over restarts. */
import type { DatabaseSync } from 'node:sqlite';

export type PlacedDatabase = {
  readonly id: string;
  /** '/'-separated, within the file. */
  readonly path: string;
  /** Of the base's content. */
  readonly hash: string;
  /** What was last seen there cannot be the database. */
  readonly refused: boolean;
};

const PLACED = 'SELECT id, path, hash, refused FROM placed_database';

export class PlacedDatabases {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get(id: string): PlacedDatabase | undefined {
    const row = this.#db.prepare(`${PLACED} WHERE id = ?`).get(id);
    return row && read(row);
  }

  at(path: string): PlacedDatabase | undefined {
    const row = this.#db.prepare(`${PLACED} WHERE path = ?`).get(path);
    return row && read(row);
  }

  all(): PlacedDatabase[] {
    return this.#db.prepare(PLACED).all().map(read);
  }

  put({ id, path, hash }: Omit<PlacedDatabase, 'refused'>): void {
    this.#db.prepare('INSERT OR REPLACE INTO placed_database (id, path, hash) VALUES (?, ?, ?)').run(id, path, hash);
  }

  /** What lies there now is, or is not, a file that cannot be the database. */
  refuse(id: string, refused: boolean): void {
    this.#db
      .prepare('UPDATE placed_database SET refused = ? WHERE id = ? AND refused <> ?')
      .run(Number(refused), id, Number(refused));
  }

  forget(id: string): void {
    this.#db.prepare('DELETE FROM placed_database WHERE id = ?').run(id);
  }
}

function read(row: Record<string, unknown>): PlacedDatabase {
  return { id: String(row.id), path: String(row.path), hash: String(row.hash), refused: row.refused === 1 };
}
