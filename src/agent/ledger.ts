/**
 * The ledger of this machine's sync copies, in TIEOUT_HOME: where each lies and how far it has numbered its changes, so
 * that no number is ever used twice. Durability without a second fsync for each change: `reserve` writes a ceiling
 * ahead, one fsync for a block of numbers; `note` follows each change without one (a killed process loses nothing, a
 * power cut perhaps the last notes, and then the ceiling still holds). `matching.ts` says what follows from both.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { fromHex, toHex } from '../core/bytes.ts';
import { assert } from '../core/problem.ts';
import type { CopyId } from '../core/vector.ts';
import { makePrivateFolder } from '../platform/secret-file.ts';
import { openStore, transaction } from '../store/sqlite.ts';
import { type Found, type Match, matchCopy, type Place, type Recorded } from './matching.ts';

export const LEDGER_SCHEMA = new URL('../store/schema/ledger/', import.meta.url);

/** Numbers reserved at once: one fsync in so many changes. */
const BLOCK = 1024;

export interface LedgerEntry extends Recorded {
  readonly copy: CopyId;
  readonly file: string;
  /** The office of its parent. */
  readonly office: string;
}

export class Ledger {
  readonly #db: DatabaseSync;
  readonly #note: StatementSync;
  readonly #ceilings = new Map<CopyId, number>();

  /** Opens the ledger in TIEOUT_HOME. Throws `StorageError`. */
  static open(home: string): Ledger {
    makePrivateFolder(home);
    return new Ledger(openStore(`${home}/ledger.db`, { schema: LEDGER_SCHEMA, synchronous: 'FULL' }));
  }

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#note = db.prepare('UPDATE copy SET seq = ?, hash = ? WHERE id = ?');
    for (const { copy, ceiling } of this.all()) this.#ceilings.set(copy, ceiling);
  }

  close(): void {
    this.#db.close();
  }

  /** A new copy, before its first change. Another one that was recorded at this place has given it up. */
  register(copy: CopyId, file: string, office: string, place: Place): void {
    transaction(this.#db, () => {
      this.#vacate(place.path);
      this.#db
        .prepare(
          `INSERT INTO copy (id, file, office, path, device, inode, seq, hash, ceiling)
           VALUES (?, ?, ?, ?, ?, ?, 0, '', 0)`,
        )
        .run(fromHex(copy), fromHex(file), office, place.path, place.device, place.inode);
    });
    this.#ceilings.set(copy, 0);
  }

  /** All copies ever made here; those without a path are not expected anywhere. */
  all(): LedgerEntry[] {
    return this.#db.prepare('SELECT * FROM copy ORDER BY path, id').all().map(asEntry);
  }

  entry(copy: CopyId): LedgerEntry | undefined {
    const row = this.#db.prepare('SELECT * FROM copy WHERE id = ?').get(fromHex(copy));
    return row && asEntry(row);
  }

  /** The copy whose file's folder is recorded at exactly this path. */
  lookup(path: string): LedgerEntry | undefined {
    const row = this.#db.prepare('SELECT * FROM copy WHERE path = ?').get(path);
    return row && asEntry(row);
  }

  /**
   * Whether the folder that says to be `copy` may go on numbering; if so its place is noted. `syncFolderAt` tells
   * whether a sync folder lies in a file's folder now.
   */
  match(copy: CopyId, found: Omit<Found, 'recordedPathTaken'>, syncFolderAt: (path: string) => boolean): Match {
    const entry = this.entry(copy);
    const recordedPathTaken = entry?.path !== undefined && syncFolderAt(entry.path);
    const match = matchCopy(entry, { ...found, recordedPathTaken });
    if (match !== 'copied') this.#place(copy, found);
    return match;
  }

  /** The copy is not at its place any more and nobody expects it: `copies` does not list it, its numbers stay used. */
  leave(copy: CopyId): void {
    this.#db.prepare('UPDATE copy SET path = NULL WHERE id = ?').run(fromHex(copy));
  }

  /** Before the numbers up to `upTo` are used: durable when it returns, and nearly always free. */
  reserve(copy: CopyId, upTo: number): void {
    const ceiling = this.#ceilings.get(copy);
    assert(ceiling !== undefined, 'a number is reserved for a copy that is not in the ledger');
    if (upTo <= ceiling) return;
    const next = upTo + BLOCK;
    this.#db.prepare('UPDATE copy SET ceiling = ? WHERE id = ?').run(next, fromHex(copy));
    this.#ceilings.set(copy, next);
  }

  /** After the log has committed the own change `seq`, never before: a note ahead of the log looks like a lost log. */
  note(copy: CopyId, seq: number, hash: string): void {
    assert(seq <= (this.#ceilings.get(copy) ?? -1), 'a number is used that was not reserved');
    this.#db.exec('PRAGMA synchronous = NORMAL');
    try {
      this.#note.run(seq, hash, fromHex(copy));
    } finally {
      this.#db.exec('PRAGMA synchronous = FULL');
    }
  }

  /** The copy is closed in order: what was reserved and not used is given back. */
  settle(copy: CopyId): void {
    this.#db.prepare('UPDATE copy SET ceiling = seq WHERE id = ?').run(fromHex(copy));
    this.#ceilings.set(copy, this.entry(copy)?.ceiling ?? 0);
  }

  #place(copy: CopyId, { path, device, inode }: Place): void {
    transaction(this.#db, () => {
      if (this.entry(copy)?.path !== path) this.#vacate(path);
      this.#db
        .prepare('UPDATE copy SET path = ?, device = ?, inode = ? WHERE id = ?')
        .run(path, device, inode, fromHex(copy));
    });
  }

  #vacate(path: string): void {
    this.#db.prepare('UPDATE copy SET path = NULL WHERE path = ?').run(path);
  }
}

function asEntry(row: Record<string, unknown>): LedgerEntry {
  return {
    copy: toHex(row.id as Uint8Array),
    file: toHex(row.file as Uint8Array),
    office: String(row.office),
    path: row.path === null ? undefined : String(row.path),
    device: String(row.device),
    inode: String(row.inode),
    seq: Number(row.seq),
    hash: String(row.hash),
    ceiling: Number(row.ceiling),
  };
}
