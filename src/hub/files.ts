/**
 * The hub's list of parent files: who may, what each is called, its newest snapshot, its copies. What is inside a file
 * is none of this list's business.
 */
import type { DatabaseSync } from 'node:sqlite';
import { foldPath, pathFault } from '../core/paths.ts';
import { ProblemError } from '../core/problem.ts';
import type { PeerIdentity } from '../platform/ports.ts';
import type { Answer, Question } from '../protocol/messages.ts';
import { transaction } from '../store/sqlite.ts';

export const FILES_SCHEMA = new URL('./schema/', import.meta.url);

type Create = Extract<Question, { kind: 'create' }>;
type Publish = Extract<Question, { kind: 'publish' }>;
type FileList = Extract<Answer, { kind: 'files' }>['files'];

export type KnownCopy = { id: string; user: string; deviceName: string; lastSeenMs: number };

export class ParentFiles {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** The published files that `user` may see. */
  list(user: string): FileList {
    const rows = this.#db
      .prepare(
        `SELECT id, name, documents, databases, bytes,
                (SELECT count(*) FROM copy WHERE copy.file = file.id) AS copies
         FROM file WHERE snapshot IS NOT NULL AND ${ALLOWED} ORDER BY folded`,
      )
      .all({ user });
    return rows.map((row) => ({
      file: String(row.id),
      name: String(row.name),
      documents: Number(row.documents),
      databases: Number(row.databases),
      bytes: Number(row.bytes),
      copies: Number(row.copies),
    }));
  }

  /** Refuses what `user` may not see in the same words as what does not exist. */
  admit(file: string, user: string): void {
    const row = this.#db.prepare(`SELECT 1 FROM file WHERE id = :file AND ${ALLOWED}`).get({ file, user });
    if (row === undefined) throw unknownFile();
  }

  /** Asking again for the same file, by the same owner, is no error: a publish that was cut goes on. */
  create({ file, name, copy, members }: Create, peer: PeerIdentity, nowMs: number): void {
    transaction(this.#db, () => {
      const known = this.#db.prepare('SELECT owner FROM file WHERE id = ?').get(file);
      if (known && known.owner !== peer.user) throw unknownFile();
      if (!known) this.#add(file, name, peer.user, members);
      this.#seen(file, copy, peer, nowMs);
    });
  }

  publish({ file, record, documents, databases, bytes }: Publish, user: string): void {
    const { changes } = this.#db
      .prepare('UPDATE file SET snapshot = ?, documents = ?, databases = ?, bytes = ? WHERE id = ? AND owner = ?')
      .run(record, documents, databases, bytes, file, user);
    if (changes === 0) throw unknownFile();
  }

  snapshot(file: string): Uint8Array {
    const row = this.#db.prepare('SELECT snapshot FROM file WHERE id = ?').get(file);
    if (!row?.snapshot) {
      throw new ProblemError({
        code: 'unpublished',
        text: 'This file is still being published.',
        remedy: 'Try again when its owner has published it.',
      });
    }
    return row.snapshot as Uint8Array;
  }

  seen(file: string, copy: string, peer: PeerIdentity, nowMs: number): void {
    transaction(this.#db, () => this.#seen(file, copy, peer, nowMs));
  }

  copies(file: string): KnownCopy[] {
    const rows = this.#db
      .prepare('SELECT id, user, device_name, last_seen FROM copy WHERE file = ? ORDER BY user, device_name, id')
      .all(file);
    return rows.map((row) => ({
      id: String(row.id),
      user: String(row.user),
      deviceName: String(row.device_name),
      lastSeenMs: Number(row.last_seen),
    }));
  }

  #add(file: string, name: string, owner: string, members: readonly string[] | null): void {
    checkName(name);
    const folded = foldPath(name);
    if (this.#db.prepare('SELECT 1 FROM file WHERE folded = ?').get(folded)) {
      throw new ProblemError({
        code: 'name-taken',
        text: `The hub has a file called “${name}” already.`,
        remedy: 'Publish under another name with --name.',
      });
    }
    this.#db
      .prepare('INSERT INTO file (id, name, folded, owner, members) VALUES (?, ?, ?, ?, ?)')
      .run(file, name, folded, owner, members && JSON.stringify([...new Set([owner, ...members])]));
  }

  #seen(file: string, copy: string, peer: PeerIdentity, nowMs: number): void {
    const known = this.#db.prepare('SELECT file, device FROM copy WHERE id = ?').get(copy);
    if (known && (known.file !== file || known.device !== peer.device)) {
      throw new ProblemError({
        code: 'copy-taken',
        text: 'This sync copy belongs to another machine or file.',
        remedy: 'Make a new copy with `tieout copy`.',
      });
    }
    this.#db
      .prepare(
        `INSERT INTO copy (id, file, user, device, device_name, last_seen) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET last_seen = excluded.last_seen, device_name = excluded.device_name`,
      )
      .run(copy, file, peer.user, peer.device, peer.deviceName, nowMs);
  }
}

/** Members are a JSON list; NULL means the whole office. */
const ALLOWED = '(members IS NULL OR EXISTS (SELECT 1 FROM json_each(members) WHERE value = :user))';

/** Colleagues' copies become folders of this name, on whatever system. */
function checkName(name: string): void {
  const why = name.includes('/') ? 'the name holds “/”' : pathFault(name)?.text;
  if (why === undefined) return;
  throw new ProblemError({
    code: 'unfit-name',
    text: `A file cannot be called “${name.replace(/\p{C}/gu, '�')}”: ${why}.`,
    remedy: 'Publish under another name with --name.',
  });
}

function unknownFile(): ProblemError {
  return new ProblemError({
    code: 'unknown-file',
    text: 'The hub has no such file, or it is not open to you.',
    remedy: 'See `tieout files` for those that are; its owner can add you.',
  });
}
