/**
 * A connection to a user's database. Ours never waits for a lock, never runs a trigger, never checks a foreign key, and
 * never makes a file that is not there.
 */
import { constants, DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Encoding } from './exact.ts';
import { Statements } from './sql.ts';

/** Rows that arrive lie scattered over the tables. */
const CACHE_KIB = 8 * 1024;

/** What SQLite opens at a native path: of a network share (`\\server\share`) it takes no server for a host. */
export function databaseUrl(path: string, query: string, windows = process.platform === 'win32'): URL {
  const { host, pathname } = pathToFileURL(path, { windows });
  return new URL(`file://${host === '' ? '' : `//${host}`}${pathname}?${query}`);
}

export class UserConnection {
  readonly path: string;
  readonly sql: Statements;
  readonly encoding: Encoding;
  /** Triggers whose effect IGNORE does not stop, met since this was last emptied. */
  readonly leaking = new Set<string>();

  /** `base`: a file that nobody ever changes, read without locks. */
  constructor(path: string, mode: 'rw' | 'ro' | 'base') {
    this.path = path;
    const url = databaseUrl(path, mode === 'base' ? 'mode=ro&immutable=1' : `mode=${mode}`);
    const db = new DatabaseSync(url, {
      readOnly: mode !== 'rw',
      timeout: 0,
      enableForeignKeyConstraints: false,
      // The user's schema may have been written with them.
      enableDoubleQuotedStringLiterals: true,
    });
    this.sql = new Statements(db);
    try {
      db.exec(`PRAGMA recursive_triggers = OFF; PRAGMA cache_size = -${CACHE_KIB}`);
      // What we apply is in the log durably. A WAL loses whole commits in a power cut, together with the position that
      // says so, and they are applied again; an fsync would keep the lock for its time. A rollback journal that is not
      // synced can tear a database.
      db.exec(`PRAGMA synchronous = ${this.isWal() ? 'NORMAL' : 'FULL'}`);
      // Checks were judged when rows were mended; what one copy broke on purpose is to be the same everywhere.
      db.exec('PRAGMA ignore_check_constraints = ON');
      this.encoding = this.sql.one('PRAGMA encoding') as Encoding;
      db.setAuthorizer((action, subject, column, _database, trigger) =>
        this.#authorize(action, subject, column, trigger),
      );
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** What a person does through us is judged like what his programs do. */
  withChecks<T>(work: () => T): T {
    const { db } = this.sql;
    db.exec('PRAGMA ignore_check_constraints = OFF');
    try {
      return work();
    } finally {
      db.exec('PRAGMA ignore_check_constraints = ON');
    }
  }

  close(): void {
    if (this.sql.db.isOpen) this.sql.db.close();
  }

  isWal(): boolean {
    return this.sql.one('PRAGMA journal_mode') === 'wal';
  }

  /** Moves when another connection, of any process, has committed. */
  dataVersion(): number {
    return Number(this.sql.one('PRAGMA data_version'));
  }

  /** What is in the -wal goes to the database as far as nobody is in the way: closing has nothing left to write then. */
  checkpoint(): void {
    this.sql.all('PRAGMA wal_checkpoint(PASSIVE)');
  }

  schemaVersion(): number {
    return Number(this.sql.one('PRAGMA schema_version'));
  }

  /**
   * Inside a trigger, the application's or ours, nothing may happen: INSERT, SELECT and RAISE are ignored, columns read
   * as NULL and are not written. SQLite does not ignore a DELETE (it only gives up its shortcut for emptying a table),
   * nor a row's new number: triggers that do these are taken out while we write (see leaks.ts).
   */
  #authorize(action: number, subject: string | null, column: string | null, trigger: string | null): number {
    if (trigger === null) return constants.SQLITE_OK;
    if (action === constants.SQLITE_DELETE && subject !== null) this.leaking.add(trigger);
    if (action === constants.SQLITE_UPDATE && column !== null && this.#isNumber(subject, column)) {
      this.leaking.add(trigger);
    }
    return constants.SQLITE_IGNORE;
  }

  /** May this column be the rowid's name? Its table's keys are not asked: taking a trigger out for nothing harms nobody. */
  #isNumber(_table: string | null, column: string): boolean {
    return /^(rowid|_rowid_|oid)$/i.test(column) || this.keyNames.has(column.toLowerCase());
  }

  /** The names of all integer keys of this database, lower case. */
  readonly keyNames = new Set<string>();
}
