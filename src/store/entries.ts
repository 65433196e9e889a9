/** What the registry shows of each document and database: the table `entry`, read. */
import type { DatabaseSync } from 'node:sqlite';
import { foldPath } from '../core/paths.ts';
import type { Origin } from '../core/rows.ts';
import { type Sql, Statements } from './statements.ts';

/** What is shown of a document or database. */
export type Entry = {
  readonly id: string;
  readonly kind: 'document' | 'database';
  readonly alive: boolean;
  /** As merged. */
  readonly path: string;
  /** Where it lies on every disk: `path`, or a derived one. */
  readonly shown: string;
  readonly size: number;
  readonly hash: string;
  /** Who saved the content that is shown; null: it is the base's. */
  readonly by: Origin | null;
  readonly behaviour: string;
  readonly registered: boolean;
  readonly conflict: boolean;
};

const ENTRY = `id, kind, alive, path, coalesce(shown, path) AS shown, size, hash, copy, seq, stamp, behaviour, registered, conflict`;

export class Entries {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#statements = new Statements(db);
  }

  get(id: string): Entry | undefined {
    const row = this.#statements.get(`SELECT ${ENTRY} FROM entry WHERE id = ?`).get(id);
    return row && entryOf(row);
  }

  /** What is shown at a path, in whatever spelling. */
  at(path: string): Entry | undefined {
    const folded = foldPath(path);
    const rows = this.#statements
      .get(`SELECT ${ENTRY} FROM entry WHERE folded = ? AND alive AND shown IS NULL`)
      .all(folded);
    if (rows[0]) return entryOf(rows[0]);
    const derived = this.#statements.get(`SELECT ${ENTRY} FROM entry WHERE shown IS NOT NULL AND alive`).all();
    return derived.map(entryOf).find(({ shown }) => foldPath(shown) === folded);
  }

  deletedAt(path: string): Entry[] {
    const rows = this.#statements.get(`SELECT ${ENTRY} FROM entry WHERE folded = ? AND NOT alive`).all(foldPath(path));
    return rows.map(entryOf);
  }

  /** All that is alive, by path. One at a time: lists of 50,000 are not held. */
  *all(kind: 'document' | 'database' = 'document'): Generator<Entry> {
    // The kind stands in the text: only so the small index of the databases is used.
    const all = this.#db.prepare(`SELECT ${ENTRY} FROM entry WHERE kind = '${kind}' AND alive ORDER BY folded, id`);
    for (const row of all.iterate()) yield entryOf(row);
  }

  count(kind: 'document' | 'database'): number {
    return Number(this.#statements.get(`SELECT count(*) AS n FROM entry WHERE kind = '${kind}' AND alive`).get()?.n);
  }

  conflicting(): Entry[] {
    return this.#statements
      .get(`SELECT ${ENTRY} FROM entry WHERE conflict AND alive ORDER BY folded, id`)
      .all()
      .map(entryOf);
  }
}

export function originOf(row: Sql): Origin | null {
  if (row.copy === null || row.copy === undefined) return null;
  return { copy: String(row.copy), seq: Number(row.seq), stamp: Number(row.stamp) };
}

function entryOf(row: Sql): Entry {
  return {
    id: String(row.id),
    kind: row.kind === 'database' ? 'database' : 'document',
    alive: row.alive === 1,
    path: String(row.path),
    shown: String(row.shown),
    size: Number(row.size),
    hash: String(row.hash),
    by: originOf(row),
    behaviour: String(row.behaviour),
    registered: row.registered === 1,
    conflict: row.conflict === 1,
  };
}
