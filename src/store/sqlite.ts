/**
 * Our own SQLite files (`store.db`, `rows.db`, the hub's): how they are opened, brought up to date and written.
 * Users' databases are never opened here.
 */
import { DatabaseSync } from 'node:sqlite';
import { assert } from '../core/problem.ts';
import { type Migration, readMigrations } from '../platform/migration-files.ts';
import { asStorageFailure, storageFailure } from '../platform/storage-failure.ts';

export interface StoreOptions {
  /** Folders of numbered .sql files; together they are the schema. A number is used once over all of them. */
  readonly schema: URL | readonly URL[];
  /** FULL: a commit survives a power cut. NORMAL: the last commits may be lost, never the consistency. */
  readonly synchronous: 'FULL' | 'NORMAL';
  readonly readOnly?: boolean;
  /** All in it can be made again from elsewhere: a store of another version is emptied, not migrated or refused. */
  readonly derived?: boolean;
}

/** Waiting blocks the whole event loop, so it is short; our own files have one writer anyway. */
const BUSY_MS = 250;
/** Per open store. A hub has many open. */
const CACHE_KIB = 8 * 1024;
const CHECKPOINT_PAGES = 2000;
const WAL_KEPT_BYTES = 16 * 1024 * 1024;

/** Opens the store at `path` (':memory:' for tests), making or migrating it. Throws `StorageError`. */
export function openStore(path: string, options: StoreOptions): DatabaseSync {
  const migrations = readMigrations(options.schema instanceof URL ? [options.schema] : options.schema);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: BUSY_MS });
    db.exec(pragmas(options));
    bringUpToDate(db, migrations, path, options);
    return db;
  } catch (error) {
    db?.close();
    throw asStorageFailure(error, 'Cannot open the store', path);
  }
}

/**
 * Runs `write` in one transaction: all of it is kept, or nothing. Not nested: whoever calls it knows that everything
 * before is committed. Throws what `write` throws, or `StorageError`.
 */
export function transaction<T>(db: DatabaseSync, write: () => T): T {
  assert(!db.isTransaction, 'a transaction inside a transaction');
  try {
    db.exec('BEGIN IMMEDIATE');
    const result = write();
    assert(!(result instanceof Promise), 'a transaction must not wait');
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk or an I/O error may have rolled back already.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw asStorageFailure(error, 'Cannot write the store', db.location() ?? undefined);
  }
}

function pragmas({ synchronous, readOnly }: StoreOptions): string {
  const always = `
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -${CACHE_KIB};`;
  if (readOnly) return `${always} PRAGMA query_only = ON;`;
  // fullfsync: on macOS a plain fsync leaves the data in the drive's cache; elsewhere it means nothing.
  return `${always}
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${synchronous};
    PRAGMA fullfsync = ${synchronous === 'FULL' ? 'ON' : 'OFF'};
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA journal_size_limit = ${WAL_KEPT_BYTES};`;
}

function bringUpToDate(db: DatabaseSync, migrations: readonly Migration[], path: string, options: StoreOptions): void {
  const current = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  const newest = migrations.at(-1)?.number ?? 0;
  if (current === newest) return;
  if (options.derived) {
    transaction(db, () => {
      empty(db);
      for (const migration of migrations) apply(db, migration);
    });
    return;
  }
  if (current > newest) throw storageFailure('newer-store', 'Cannot open the store', path);
  assert(!options.readOnly, `${path} is opened for reading before its writer migrated it`);
  for (const migration of migrations) {
    if (migration.number > current) transaction(db, () => apply(db, migration));
  }
}

function apply(db: DatabaseSync, { number, sql }: Migration): void {
  db.exec(sql);
  db.exec(`PRAGMA user_version = ${number}`);
}

/** The newest tables first: they may refer to older ones. Indexes go with their tables. */
function empty(db: DatabaseSync): void {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid DESC").all();
  for (const { name } of tables) db.exec(`DROP TABLE "${name}"`);
}
