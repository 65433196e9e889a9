/**
 * The hub's list of parent files: who may, what each is called, its newest snapshot, its copies. What is inside a file
 * is none of this list's business.
 */
import type { DatabaseSync } from 'node:sqlite';
import { type Hash, sha256 } from '../core/bytes.ts';
import { foldPath, pathFault } from '../core/paths.ts';
import { ProblemError } from '../core/problem.ts';
import { MAX_COPIES, MAX_COPIES_OF_DEVICE } from '../core/vector.ts';
import type { PeerIdentity } from '../platform/ports.ts';
import { publishedId } from '../protocol/file-id.ts';
import { MAX_FILES } from '../protocol/limits.ts';
import type { Answer, Question } from '../protocol/messages.ts';
import { transaction } from '../store/sqlite.ts';
import type { ProvedFile } from './proof.ts';

export const FILES_SCHEMA = new URL('./schema/', import.meta.url);

type Create = Extract<Question, { kind: 'create' }>;
type Publish = Extract<Question, { kind: 'publish' }>;
type FileList = Extract<Answer, { kind: 'files' }>['files'];

type NewFile = {
  readonly file: string;
  readonly name: string;
  readonly owner: string;
  readonly members: readonly string[] | null;
  readonly proved: boolean;
};

export type KnownCopy = { id: string; user: string; deviceName: string; lastSeenMs: number };

export class ParentFiles {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** The published files that `user` may see, in a fixed order: those after the file `after`, as many as one answer holds. */
  list(user: string, after: string | null, limit = MAX_FILES): { files: FileList; more: boolean } {
    const rows = this.#db
      .prepare(
        `SELECT id, name, documents, databases, bytes,
                (SELECT count(*) FROM copy WHERE copy.file = file.id) AS copies
         FROM file WHERE snapshot IS NOT NULL AND ${ALLOWED}
           AND (:after IS NULL OR (folded, id) > (SELECT folded, id FROM file WHERE id = :after))
         ORDER BY folded, id LIMIT :limit`,
      )
      .all({ user, after, limit: limit + 1 });
    const files = rows.slice(0, limit).map((row) => ({
      file: String(row.id),
      name: String(row.name),
      documents: Number(row.documents),
      databases: Number(row.databases),
      bytes: Number(row.bytes),
      copies: Number(row.copies),
    }));
    return { files, more: rows.length > limit };
  }

  /** Refuses what `user` may not see in the same words as what does not exist. */
  admit(file: string, user: string): void {
    const row = this.#db.prepare(`SELECT 1 FROM file WHERE id = :file AND ${ALLOWED}`).get({ file, user });
    if (row === undefined) throw unknownFile();
  }

  /**
   * Asking again for the same file, by the same owner, is no error: a publish that was cut goes on. True: somebody else
   * had the id, which is not theirs, and what is open of theirs is to be closed.
   */
  create({ file, name, copy, members }: Create, peer: PeerIdentity, nowMs: number): boolean {
    return transaction(this.#db, () => {
      const proved = publishedId(peer.device, copy) === file;
      const all = members && [...new Set([peer.user, ...members])];
      const put = (): boolean => {
        checkName(name);
        this.#mustBeFree(name, peer.user);
        return this.#put({ file, name, owner: peer.user, members: all, proved });
      };
      const known = this.#known(file);
      const isMine = known?.owner === peer.user;
      if (known && !isMine && (known.proved || !proved)) throw unknownFile();
      const displaced = isMine ? false : put();
      this.#seen(file, copy, peer, nowMs);
      return displaced;
    });
  }

  /**
   * A file that its publisher's signatures prove, given back by a member's copy; from then on each copy is told by
   * `given` to look for what else is lacking. True: as in `create`.
   */
  restore(given: ProvedFile, copy: string, peer: PeerIdentity, nowMs: number): boolean {
    const { file, name, owner, snapshot, record } = given;
    const members = given.members && [...new Set([owner, ...given.members])];
    if (members && !members.includes(peer.user)) throw unknownFile();
    return transaction(this.#db, () => {
      const known = this.#known(file);
      const displaced = known?.proved ? false : this.#put({ file, name, owner, members, proved: true });
      this.#db
        .prepare(
          'UPDATE file SET snapshot = ?, documents = ?, databases = ?, bytes = ? WHERE id = ? AND snapshot IS NULL',
        )
        .run(snapshot, record.documents, record.databases, record.bytes, file);
      this.#db.prepare('UPDATE file SET given = ? WHERE id = ?').run(sha256(Buffer.from(`${copy} ${nowMs}`)), file);
      this.#seen(file, copy, peer, nowMs);
      return displaced;
    });
  }

  /** The name of the folder in which a file's log and chunks lie. */
  folderOf(file: string): string {
    const row = this.#db.prepare('SELECT folder FROM file WHERE id = ?').get(file);
    return typeof row?.folder === 'string' ? row.folder : file;
  }

  /** The first list stands: who could not hear of it asks for it. Colleagues may have copies by it. */
  publish({ file, record, documents, databases, bytes }: Publish, user: string): void {
    if (this.#known(file)?.owner !== user) throw unknownFile();
    this.#db
      .prepare(
        'UPDATE file SET snapshot = ?, documents = ?, databases = ?, bytes = ? WHERE id = ? AND snapshot IS NULL',
      )
      .run(record, documents, databases, bytes, file);
  }

  snapshot(file: string): { record: Uint8Array; given: Hash | null } {
    const row = this.#db.prepare('SELECT snapshot, given FROM file WHERE id = ?').get(file);
    if (!row?.snapshot) {
      throw new ProblemError({
        code: 'unpublished',
        text: 'This file is still being published.',
        remedy: 'Try again when its owner has published it.',
      });
    }
    return { record: row.snapshot as Uint8Array, given: row.given === null ? null : String(row.given) };
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

  #known(file: string): { owner: string; proved: boolean } | undefined {
    const row = this.#db.prepare('SELECT owner, proved FROM file WHERE id = ?').get(file);
    return row && { owner: String(row.owner), proved: row.proved === 1 };
  }

  /** Names are a person's: those of files that are closed to whoever asks do not count, and are not told. */
  #mustBeFree(name: string, user: string): void {
    const folded = foldPath(name);
    if (!this.#db.prepare(`SELECT 1 FROM file WHERE folded = :folded AND ${ALLOWED}`).get({ folded, user })) return;
    throw new ProblemError({
      code: 'name-taken',
      text: `The hub has a file called “${name}” already.`,
      remedy: 'Publish under another name with --name.',
    });
  }

  /** True: whoever had the id before could not prove it, and what they had under it lies in another folder. */
  #put({ file, name, owner, members, proved }: NewFile): boolean {
    const before = this.#known(file) && this.folderOf(file);
    this.#db.prepare('DELETE FROM copy WHERE file = ?').run(file);
    this.#db.prepare('DELETE FROM file WHERE id = ?').run(file);
    this.#db
      .prepare('INSERT INTO file (id, name, folded, owner, members, proved, folder) VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(
        file,
        name,
        foldPath(name),
        owner,
        members && JSON.stringify(members),
        proved ? 1 : 0,
        before === undefined ? null : `${before}-again`,
      );
    return before !== undefined;
  }

  /** Of copies that nobody will use again, too: what wrote once stands in everybody's vectors. */
  #mustHaveRoom(file: string, device: string): void {
    const row = this.#db
      .prepare('SELECT count(*) AS all_of_them, total(device = :device) AS own FROM copy WHERE file = :file')
      .get({ file, device });
    if (Number(row?.all_of_them) < MAX_COPIES && Number(row?.own) < MAX_COPIES_OF_DEVICE) return;
    throw new ProblemError({
      code: 'too-many-copies',
      text: 'There are as many copies of this file, or of this machine of it, as a file can have.',
      remedy: 'Work on in a copy that is there; or its owner publishes the file anew.',
    });
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
    if (known === undefined) this.#mustHaveRoom(file, peer.device);
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
