/**
 * The registry of one copy in its store: rows of cells folded from the log, and what is shown of them. Nothing is kept
 * in memory per document. Whoever folds holds the transaction in which the change is put into the log.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { RegistryBody, RegistryOp } from '../core/body.ts';
import { type ChangeId, madeId, sameChange } from '../core/change.ts';
import { type DocumentContent, decodeContent, encodeContent } from '../core/content.ts';
import type { ManifestDatabase, ManifestDocument } from '../core/manifest.ts';
import { foldPath } from '../core/paths.ts';
import {
  type Base,
  baseDocumentId,
  COPIES,
  compareEarlier,
  DATABASES,
  DOCUMENTS,
  type DocumentId,
  foldRegistryOp,
  type MergedDocument,
  mergedDocument,
  newDatabaseId,
  newDocumentId,
} from '../core/registry.ts';
import { ABSENT, compareOrigins, IN_BASE, type Origin, type Row } from '../core/rows.ts';
import { at, type Vector } from '../core/vector.ts';
import { Entries, type Entry, originOf } from './entries.ts';
import { Observations } from './observations.ts';
import { decodeRow, encodeRow } from './registry-row.ts';
import { claimOf, ShownEntries } from './shown-entries.ts';
import { Statements } from './statements.ts';

export type { Entry } from './entries.ts';

export const REGISTRY_SCHEMA = new URL('./schema/registry/', import.meta.url);

/** What a fold touched: for those who place, list and tell. */
export type Touched = {
  readonly documents: ReadonlySet<DocumentId>;
  readonly databases: ReadonlySet<string>;
  /** Rows of other tables (`copies`, `file`) changed. */
  readonly others: boolean;
};

export type Version = {
  /** null: the base's. */
  readonly by: Origin | null;
  readonly size: number;
  readonly hash: string;
};

export class Registry {
  readonly #db: DatabaseSync;
  readonly #makerOf: (copy: string) => string | undefined;
  readonly #statements: Statements;
  readonly #entries: Entries;
  readonly #shown: ShownEntries;
  /** Documents folded since somebody asked: only a hint to look, so a fold that was rolled back does no harm. */
  #touched = new Set<DocumentId>();
  #users: Map<string, string> | undefined;

  /** What was last seen on this disk. */
  readonly observations: Observations;

  /** `makerOf`: whose a copy is by the certificates in the log; left out: by its own word. */
  constructor(db: DatabaseSync, makerOf: (copy: string) => string | undefined = () => undefined) {
    this.#db = db;
    this.#makerOf = makerOf;
    this.#statements = new Statements(db);
    this.#entries = new Entries(db);
    this.#shown = new ShownEntries(db, (copy) => this.#calledBy(copy));
    this.observations = new Observations(db);
  }

  // --- the base ---

  /** The documents and databases of a manifest, once, before any change is folded. In the caller's transaction. */
  loadBase(documents: Iterable<ManifestDocument>, databases: Iterable<ManifestDatabase>): void {
    for (const { path, content, registered } of documents) {
      this.#insertBase(baseDocumentId(path), 'document', path, content, registered, null);
    }
    for (const { path, content, id, settings } of databases) {
      this.#insertBase(id, 'database', path, content, true, settings);
    }
  }

  #insertBase(
    id: string,
    kind: string,
    path: string,
    content: DocumentContent,
    registered: boolean,
    settings: string | null,
  ) {
    this.#statements
      .get(
        `INSERT INTO entry (id, kind, base_path, base_content, base_registered, base_settings, alive, path, folded,
                          size, hash, behaviour, registered, conflict)
       VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, 'automatic', ?, 0)`,
      )
      .run(
        id,
        kind,
        path,
        encodeContent(content),
        registered ? 1 : 0,
        settings,
        path,
        foldPath(path),
        content.size,
        content.hash,
        registered ? 1 : 0,
      );
  }

  /** Forgets everything that was folded: the base is shown again, and the log is to be folded from its beginning. */
  unfold(): void {
    this.#users = undefined;
    this.#db.exec(`
      DELETE FROM registry_row;
      DELETE FROM version;
      DELETE FROM vacated;
      DELETE FROM entry WHERE base_path IS NULL;
    `);
    const bases = this.#db.prepare('SELECT * FROM entry').all();
    this.#db.exec('DELETE FROM entry');
    for (const row of bases) {
      const content = decodeContent(row.base_content as Uint8Array);
      const settings = row.base_settings === null ? null : String(row.base_settings);
      const { id, kind, base_path: path, base_registered: registered } = row;
      this.#insertBase(String(id), String(kind), String(path), content, registered === 1, settings);
    }
  }

  base(id: string): Base | undefined {
    const row = this.#statements.get('SELECT base_path, base_content, base_registered FROM entry WHERE id = ?').get(id);
    if (row === undefined || row.base_path === null) return undefined;
    return {
      path: String(row.base_path),
      content: decodeContent(row.base_content as Uint8Array),
      registered: row.base_registered === 1,
    };
  }

  /** The ids of all that is in the base. */
  *bases(kind: 'document' | 'database'): Generator<string> {
    const rows = this.#db
      .prepare('SELECT id FROM entry WHERE kind = ? AND base_path IS NOT NULL ORDER BY id')
      .all(kind);
    for (const { id } of rows) yield String(id);
  }

  baseSettings(database: string): string | undefined {
    const row = this.#statements.get('SELECT base_settings FROM entry WHERE id = ?').get(database);
    return row === undefined || row.base_settings === null ? undefined : String(row.base_settings);
  }

  // --- folding ---

  /** Folds a change once, after everything that it has seen. In the caller's transaction. */
  fold(by: Origin, body: RegistryBody): Touched {
    const documents = new Set<DocumentId>();
    const databases = new Set<string>();
    let others = false;
    for (const [index, op] of body.ops.entries()) {
      const id = op.row ?? `h${madeId(by, index)}`;
      this.#foldRow(op, id, by);
      if (op.table === DOCUMENTS) documents.add(id);
      else if (op.table === DATABASES) databases.add(id);
      else others = true;
      if (op.table === COPIES) this.#users = undefined;
    }
    const moved = new Set<string>();
    for (const id of documents) this.#refresh(id, 'document', by, moved);
    for (const id of databases) this.#refresh(id, 'database', by, moved);
    // Derived names say whose a thing is: who that is may be known only now.
    if (body.ops.some(({ table }) => table === COPIES)) this.#shown.showAgain([], '', moved);
    for (const id of moved) (this.entry(id)?.kind === 'database' ? databases : documents).add(id);
    for (const id of documents) this.#touched.add(id);
    return { documents, databases, others };
  }

  /** The documents that were folded since the last call. */
  takeTouched(): ReadonlySet<DocumentId> {
    const touched = this.#touched;
    this.#touched = new Set();
    return touched;
  }

  #foldRow(op: RegistryOp, id: string, by: Origin): void {
    const before = this.row(op.table, id);
    const after = foldRegistryOp(before, op, by);
    this.#statements
      .get('INSERT OR REPLACE INTO registry_row (tbl, id, state) VALUES (?, ?, ?)')
      .run(op.table, id, encodeRow(after));
    if (op.kind !== 'set' || op.table === COPIES) return;
    const written = after.cells.get('content')?.find((write) => sameChange(write, by));
    if (written === undefined || !op.cells.some(({ column }) => column === 'content')) return;
    const bytes = written.value as Uint8Array;
    const { size, hash } = decodeContent(bytes);
    this.#statements
      .get(
        'INSERT OR IGNORE INTO version (document, stamp, copy, seq, size, hash, content) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(id, by.stamp, by.copy, by.seq, size, hash, bytes);
  }

  /** Brings an entry in step with its row, and with it the paths that are shown around it. */
  #refresh(id: string, kind: 'document' | 'database', by: Origin, moved: Set<string>): void {
    const before = this.#statements.get('SELECT * FROM entry WHERE id = ?').get(id);
    const merged = this.document(id, kind);
    if (merged === undefined) return;
    const folded = foldPath(merged.path);
    this.#putEntry(merged, kind, folded);
    const left = before?.alive === 1 ? claimOf(before) : undefined;
    const now = merged.alive ? { path: merged.path, by: merged.pathBy } : undefined;
    // A name in another spelling, or given by somebody else, may show otherwise too.
    if (left?.path === now?.path && compareEarlier(left?.by ?? null, now?.by ?? null) === 0) return;
    const places = [left?.path, now?.path].filter((path) => path !== undefined).map(foldPath);
    if (left && (now === undefined || folded !== foldPath(left.path))) this.#vacate(foldPath(left.path), by);
    this.#shown.showAgain(places, id, moved);
  }

  #putEntry(merged: MergedDocument, kind: string, folded: string): void {
    const { content, by } = kind === 'database' ? earliest(merged) : merged.contents[0]!;
    // Of two contents of one database the earlier is its base: what people write in it are rows.
    const contents = kind === 'document' ? merged.contents.length : 1;
    const conflict = contents > 1 || merged.paths.length > 1 || (merged.alive && merged.deletions.length > 0);
    const path = merged.pathBy;
    const save = by[0] ?? null;
    this.#statements
      .get(
        `INSERT INTO entry (id, kind, alive, path, folded, path_copy, path_seq, path_stamp, size, hash, copy, seq, stamp,
                          behaviour, registered, conflict)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET alive = excluded.alive, path = excluded.path, folded = excluded.folded,
         path_copy = excluded.path_copy, path_seq = excluded.path_seq, path_stamp = excluded.path_stamp,
         size = excluded.size, hash = excluded.hash, copy = excluded.copy, seq = excluded.seq, stamp = excluded.stamp,
         behaviour = excluded.behaviour, registered = excluded.registered, conflict = excluded.conflict`,
      )
      .run(
        merged.id,
        kind,
        merged.alive ? 1 : 0,
        merged.path,
        folded,
        path?.copy ?? null,
        path?.seq ?? null,
        path?.stamp ?? null,
        content.size,
        content.hash,
        save?.copy ?? null,
        save?.seq ?? null,
        save?.stamp ?? null,
        merged.behaviour,
        merged.registered ? 1 : 0,
        conflict ? 1 : 0,
      );
  }

  #vacate(folded: string, by: Origin): void {
    const known = this.#statements.get('SELECT stamp, copy, seq FROM vacated WHERE folded = ?').get(folded);
    if (known !== undefined && compareOrigins(originOf(known)!, by) > 0) return;
    this.#statements
      .get('INSERT OR REPLACE INTO vacated (folded, stamp, copy, seq) VALUES (?, ?, ?, ?)')
      .run(folded, by.stamp, by.copy, by.seq);
  }

  // --- reading ---

  row(table: string, id: string): Row {
    const found = this.#statements.get('SELECT state FROM registry_row WHERE tbl = ? AND id = ?').get(table, id);
    if (found !== undefined) return decodeRow(found.state as Uint8Array);
    return (table === DOCUMENTS || table === DATABASES) && this.base(id) !== undefined ? IN_BASE : ABSENT;
  }

  /** The written rows of a table (not those that only the base has). */
  *rows(table: string): Generator<{ id: string; row: Row }> {
    for (const { id, state } of this.#statements
      .get('SELECT id, state FROM registry_row WHERE tbl = ? ORDER BY id')
      .all(table)) {
      yield { id: String(id), row: decodeRow(state as Uint8Array) };
    }
  }

  document(id: DocumentId, kind: 'document' | 'database' = 'document'): MergedDocument | undefined {
    return mergedDocument(id, this.row(kind === 'document' ? DOCUMENTS : DATABASES, id), this.base(id));
  }

  entry(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** What is shown at a path, in whatever spelling. */
  entryAt(path: string): Entry | undefined {
    return this.#entries.at(path);
  }

  /** What was deleted and had a path last, the last deleted first. */
  deletedAt(path: string): Entry[] {
    const deletion = ({ id, kind }: Entry) => this.document(id, kind)?.deletions[0] ?? null;
    return this.#entries.deletedAt(path).sort((a, b) => compareEarlier(deletion(b), deletion(a)));
  }

  /** All that is alive, by path. One at a time: lists of 50,000 are not held. */
  entries(kind: 'document' | 'database' = 'document'): Generator<Entry> {
    return this.#entries.all(kind);
  }

  count(kind: 'document' | 'database'): number {
    return this.#entries.count(kind);
  }

  conflicting(): Entry[] {
    return this.#entries.conflicting();
  }

  /** Every content that a document ever had, the newest first; the base's last. */
  versions(id: DocumentId): Version[] {
    const written = this.#statements.get('SELECT stamp, copy, seq, size, hash FROM version WHERE document = ?').all(id);
    const found: Version[] = written.map((row) => ({
      by: originOf(row),
      size: Number(row.size),
      hash: String(row.hash),
    }));
    const base = this.base(id);
    if (base) found.push({ by: null, size: base.content.size, hash: base.content.hash });
    return found.sort((a, b) => compareEarlier(b.by, a.by));
  }

  content(id: DocumentId, version: ChangeId | 'base'): DocumentContent | undefined {
    if (version === 'base') return this.base(id)?.content;
    const row = this.#statements
      .get('SELECT content FROM version WHERE document = ? AND copy = ? AND seq = ?')
      .get(id, version.copy, version.seq);
    return row && decodeContent(row.content as Uint8Array);
  }

  /** The contents that were saved by changes which a replica at `vector` lacks. */
  *contentsAfter(vector: Vector): Generator<DocumentContent> {
    for (const row of this.#db.prepare('SELECT copy, seq, content FROM version').iterate()) {
      if (Number(row.seq) > at(vector, String(row.copy))) yield decodeContent(row.content as Uint8Array);
    }
  }

  /** The content of this hash that the document has or had. */
  contentByHash(id: DocumentId, hash: string): DocumentContent | undefined {
    const row = this.#statements
      .get('SELECT content FROM version WHERE document = ? AND hash = ? LIMIT 1')
      .get(id, hash);
    if (row) return decodeContent(row.content as Uint8Array);
    const base = this.base(id);
    return base?.content.hash === hash ? base.content : undefined;
  }

  /** Who works in a copy. */
  user(copy: string): string | undefined {
    return this.#makerOf(copy) ?? this.#calledBy(copy);
  }

  /** Who works in a copy, as it says itself: known wherever the registry is, so that derived names are the same. */
  #calledBy(copy: string): string | undefined {
    if (this.#users === undefined) {
      this.#users = new Map();
      for (const { id, row } of this.rows(COPIES)) {
        const user = row.cells.get('user')?.[0]?.value;
        if (typeof user === 'string') this.#users.set(id, user);
      }
    }
    return this.#users.get(copy);
  }

  /** The id of a document or database that is made at a path now. */
  newId(path: string, kind: 'document' | 'database'): string {
    let vacated = originOf(
      this.#statements.get('SELECT stamp, copy, seq FROM vacated WHERE folded = ?').get(foldPath(path)) ?? {},
    );
    let id = kind === 'document' ? newDocumentId(path, vacated) : newDatabaseId(path, vacated);
    // Whoever has the id is known to be elsewhere by a way that left no trace here: another id, the same for all.
    while (this.entry(id) !== undefined) {
      vacated = { copy: id.padEnd(32, '0'), seq: (vacated?.seq ?? 0) + 1, stamp: 0 };
      id = kind === 'document' ? newDocumentId(path, vacated) : newDatabaseId(path, vacated);
    }
    return id;
  }
}

/** Two databases made on one path: the earlier stands. */
function earliest(merged: MergedDocument) {
  return [...merged.contents].sort((a, b) => compareEarlier(a.by.at(-1) ?? null, b.by.at(-1) ?? null))[0]!;
}
