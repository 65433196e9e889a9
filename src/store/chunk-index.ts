/** The index of a chunk store: which chunk lies where. SQL only; the tables and their ideas are in schema/chunks. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { fromHex, type Hash } from '../core/bytes.ts';
import type { Place } from './pack-files.ts';
import { transaction } from './sqlite.ts';

/** `at` is where the record begins, `length` that of the stored bytes. */
export type Location = Place & { readonly id: Hash; readonly length: number };

export class ChunkIndex {
  readonly #db: DatabaseSync;
  readonly #known: StatementSync;
  readonly #locate: StatementSync;
  readonly #page: StatementSync;
  readonly #insert: StatementSync;
  readonly #setEnd: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#known = db.prepare(
      'SELECT value AS id FROM json_each(?) WHERE EXISTS (SELECT 1 FROM chunk WHERE id = unhex(value))',
    );
    this.#locate = db.prepare(
      'SELECT value AS id, pack, at, length FROM json_each(?) JOIN chunk ON chunk.id = unhex(value)',
    );
    this.#page = db.prepare(
      'SELECT lower(hex(id)) AS id, pack, at, length FROM chunk WHERE id > unhex(?) ORDER BY id LIMIT ?',
    );
    this.#insert = db.prepare('INSERT OR IGNORE INTO chunk (id, pack, at, length) VALUES (?, ?, ?, ?)');
    this.#setEnd = db.prepare(
      'INSERT INTO pack (n, end) VALUES (?, ?) ON CONFLICT (n) DO UPDATE SET end = excluded.end',
    );
  }

  known(ids: readonly Hash[]): Hash[] {
    return this.#known.all(JSON.stringify(ids)).map((row) => row.id as Hash);
  }

  locate(ids: readonly Hash[]): Location[] {
    return this.#locate.all(JSON.stringify(ids)) as unknown as Location[];
  }

  /** The next `limit` locations in the order of ids, after `id` ('' for the first). */
  page(id: Hash | '', limit: number): Location[] {
    return this.#page.all(id, limit) as unknown as Location[];
  }

  /** Lists what is on disk for good, and up to where. In the transaction that is open, else in one of its own. */
  list(locations: Iterable<Location>, pack: number, end: number): void {
    this.#write(() => {
      for (const { id, pack: n, at, length } of locations) this.#insert.run(fromHex(id), n, at, length);
      this.#setEnd.run(pack, end);
    });
  }

  forget(ids: readonly Hash[]): void {
    const statement = this.#db.prepare('DELETE FROM chunk WHERE id IN (SELECT unhex(value) FROM json_each(?))');
    this.#write(() => statement.run(JSON.stringify(ids)));
  }

  ends(): Map<number, number> {
    const rows = this.#db.prepare('SELECT n, end FROM pack').all();
    return new Map(rows.map((row) => [Number(row.n), Number(row.end)]));
  }

  totals(): { chunks: number; bytes: number } {
    const row = this.#db.prepare('SELECT count(*) AS chunks, coalesce(sum(length), 0) AS bytes FROM chunk').get();
    return { chunks: Number(row?.chunks), bytes: Number(row?.bytes) };
  }

  #write(act: () => unknown): void {
    if (this.#db.isTransaction) act();
    else transaction(this.#db, act);
  }
}
