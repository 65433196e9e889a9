/**
 * What was last seen on this disk, path by path. Plans are made from these and the registry; nothing here says what is
 * to be done. Whoever writes holds the transaction.
 */
import type { DatabaseSync } from 'node:sqlite';
import { type DocumentContent, decodeContent } from '../core/content.ts';
import { nameOf, parentOf, within } from '../core/paths.ts';
import type { DocumentId } from '../core/registry.ts';
import type { FileFacts } from '../platform/ports.ts';
import { type Sql, Statements } from './statements.ts';

export type Observation = {
  readonly path: string;
  /** The document; '' for a database. */
  readonly subject: DocumentId;
  /** `lookOf` the facts. */
  readonly look: string;
  readonly inode: string;
  readonly device: string;
  /** Of the content, which is one of the document's versions; '' for a database. */
  readonly hash: string;
  readonly doubtful: boolean;
};

export type UnseenBase = {
  readonly id: DocumentId;
  readonly path: string;
  readonly folded: string;
  readonly content: DocumentContent;
};

const UNSEEN_BASE = `kind = 'document' AND alive AND copy IS NULL AND path_copy IS NULL AND shown IS NULL
  AND NOT EXISTS (SELECT 1 FROM observation o WHERE o.subject = entry.id AND o.subject <> '')`;
const COLUMNS = 'folder, name, subject, facts, inode, device, hash, doubtful';

/** What changes whenever somebody writes to a file, replaces it, or sets its time back. */
export function lookOf({ size, mtimeNs, changedNs }: FileFacts): string {
  return `${size}:${mtimeNs}:${changedNs}`;
}

/** Is the file as it was when it was observed? */
export function looksSame(seen: Pick<Observation, 'look' | 'inode'>, facts: FileFacts): boolean {
  return facts.kind === 'file' && seen.inode === facts.inode && seen.look === lookOf(facts);
}

export function observationOf(
  path: string,
  subject: DocumentId,
  hash: string,
  facts: FileFacts,
  doubtful = false,
): Observation {
  return { path, subject, hash, doubtful, look: lookOf(facts), inode: facts.inode, device: facts.device };
}

export class Observations {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#statements = new Statements(db);
  }

  at(path: string): Observation | undefined {
    const row = this.#statements
      .get(`SELECT ${COLUMNS} FROM observation WHERE folder = ? AND name = ?`)
      .get(parentOf(path), nameOf(path));
    return row && read(row);
  }

  of(document: DocumentId): Observation | undefined {
    const row = this.#statements
      .get(`SELECT ${COLUMNS} FROM observation WHERE subject = ? AND subject <> ''`)
      .get(document);
    return row && read(row);
  }

  withInode(inode: string): Observation[] {
    return this.#statements.get(`SELECT ${COLUMNS} FROM observation WHERE inode = ?`).all(inode).map(read);
  }

  inFolder(folder: string): Observation[] {
    return this.#statements.get(`SELECT ${COLUMNS} FROM observation WHERE folder = ?`).all(folder).map(read);
  }

  /** In a folder and all below it. */
  below(folder: string): Observation[] {
    if (folder === '') return this.#statements.get(`SELECT ${COLUMNS} FROM observation`).all().map(read);
    const deep = this.#statements.get(`SELECT ${COLUMNS} FROM observation WHERE folder > ? AND folder < ?`);
    return [...this.inFolder(folder), ...deep.all(`${folder}/`, `${folder}0`).map(read)];
  }

  /** Of the documents in a folder and all below it: one. */
  anyBelow(folder: string): Observation | undefined {
    const where = (which: string) => `SELECT ${COLUMNS} FROM observation WHERE ${which} AND subject <> '' LIMIT 1`;
    const row =
      this.#statements.get(where('folder = ?')).get(folder) ??
      this.#statements.get(where('folder > ? AND folder < ?')).get(`${folder}/`, `${folder}0`);
    return row && read(row);
  }

  folders(): string[] {
    return this.#statements
      .get('SELECT DISTINCT folder FROM observation')
      .all()
      .map(({ folder }) => String(folder));
  }

  doubtful(): Observation[] {
    return this.#statements.get(`SELECT ${COLUMNS} FROM observation WHERE doubtful`).all().map(read);
  }

  count(): number {
    return Number(this.#statements.get("SELECT count(*) AS n FROM observation WHERE subject <> ''").get()?.n);
  }

  put({ path, subject, look, inode, device, hash, doubtful }: Observation): void {
    this.#statements
      .get(`INSERT OR REPLACE INTO observation (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
      .run(parentOf(path), nameOf(path), subject, look, inode, device, hash, doubtful ? 1 : 0);
  }

  remove(path: string): void {
    this.#statements.get('DELETE FROM observation WHERE folder = ? AND name = ?').run(parentOf(path), nameOf(path));
  }

  /** The documents whose place or content on this disk is not what the registry shows, with the bytes it shows. */
  unplaced(): { id: DocumentId; size: number }[] {
    return this.#db
      .prepare(
        `SELECT e.id, e.size * e.alive AS size FROM entry e LEFT JOIN observation o ON o.subject = e.id AND o.subject <> ''
         WHERE e.kind = 'document' AND CASE WHEN e.alive THEN
           o.subject IS NULL OR o.hash <> e.hash
           OR CASE o.folder WHEN '' THEN o.name ELSE o.folder || '/' || o.name END <> coalesce(e.shown, e.path)
         ELSE o.subject IS NOT NULL END`,
      )
      .all()
      .map(({ id, size }) => ({ id: String(id), size: Number(size) }));
  }

  // A new copy, written straight into its folder.

  /** Documents that are as in the base and were not seen here, by folded path, after one. */
  unseenBase(after: string, limit: number): UnseenBase[] {
    const rows = this.#statements
      .get(
        `SELECT id, path, folded, base_content FROM entry
       WHERE ${UNSEEN_BASE} AND folded > ? ORDER BY folded LIMIT ?`,
      )
      .all(after, limit);
    return rows.map((row) => {
      const content = decodeContent(row.base_content as Uint8Array);
      return { id: String(row.id), path: String(row.path), folded: String(row.folded), content };
    });
  }

  unseenBaseTotals(): { documents: number; bytes: number } {
    const row = this.#statements
      .get(`SELECT count(*) AS documents, total(size) AS bytes FROM entry WHERE ${UNSEEN_BASE}`)
      .get();
    return { documents: Number(row?.documents), bytes: Number(row?.bytes) };
  }

  straightUpTo(): string | undefined {
    const row = this.#statements.get('SELECT up_to FROM straight').get();
    return row && String(row.up_to);
  }

  /** Something lay at this path of the base before the copy was filled. */
  putStranger(folded: string): void {
    this.#statements.get('INSERT OR IGNORE INTO stranger (folded) VALUES (?)').run(folded);
  }

  isStranger(folded: string): boolean {
    return this.#statements.get('SELECT 1 FROM stranger WHERE folded = ?').get(folded) !== undefined;
  }

  /** undefined: the copy is filled. */
  setStraightUpTo(folded: string | undefined): void {
    this.#statements.get('DELETE FROM straight').run();
    if (folded === undefined) this.#statements.get('DELETE FROM stranger').run();
    if (folded !== undefined) this.#statements.get('INSERT INTO straight (up_to) VALUES (?)').run(folded);
  }
}

function read(row: Sql): Observation {
  return {
    path: within(String(row.folder), String(row.name)),
    subject: String(row.subject),
    look: String(row.facts),
    inode: String(row.inode),
    device: String(row.device),
    hash: String(row.hash),
    doubtful: row.doubtful === 1,
  };
}
