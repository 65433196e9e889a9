/** The end of following: what is ours goes out of a user's database, and nothing else of it is touched. */
import { ProblemError } from '../core/problem.ts';
import { UserConnection } from './file/connection.ts';
import { removeTriggers } from './file/triggers.ts';

/**
 * All in one transaction or, where a program holds a lock, nothing (SQLITE_BUSY). A database in which nothing is ours
 * is only read. Its journal mode stays as it is.
 */
export function detachDatabase(path: string): void {
  const connection = new UserConnection(path, 'rw');
  const { sql } = connection;
  try {
    const ours = sql.one("SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_tieout\\_%' ESCAPE '\\'");
    if (ours === 0n) return;
    sql.db.exec('BEGIN IMMEDIATE');
    try {
      removeTriggers(sql);
      sql.db.exec('COMMIT');
    } finally {
      if (sql.db.isTransaction) sql.db.exec('ROLLBACK');
    }
  } finally {
    connection.close();
  }
}

/** A program kept the database locked all the time. */
export function stillLocked(path: string): ProblemError {
  return new ProblemError({
    code: 'database-busy',
    text: 'A program keeps this database locked.',
    remedy: 'Finish or close what is open in that program.',
    path,
  });
}
