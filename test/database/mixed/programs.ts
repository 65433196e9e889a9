/** The programs that edit: one transaction each, in which what the database refuses is left out. */
import { spawnSync } from 'node:child_process';
import type { DatabaseSync } from 'node:sqlite';
import { withDatabase } from '../copies.ts';
import { type Author, type Edit, statementsOf } from './edits.ts';
import { altersSchema } from './schema-edits.ts';
import type { Program } from './story.ts';

export interface Run {
  readonly statement: string;
  /** Null: done. */
  readonly refused: string | null;
}

/** What databases say for good reasons to statements that were made without much thought. */
const REASONS =
  /constraint|no such|already|duplicate|cannot|error in|ambiguous|may not|same name|mismatch|syntax|unknown column|has no column|incomplete|parameters/i;

export function runEdits(path: string, by: Program, edits: readonly Edit[], author: Author, isMinding: boolean): Run[] {
  const altering = edits.some(({ kind }) => altersSchema(kind));
  // A shell does not look whether references still hold before it commits.
  if (by === 'cli' && !(altering && isMinding)) return withShell(path, edits, author, isMinding);
  return transaction(path, isMinding, altering, (db) =>
    edits.flatMap((edit) => statementsOf(db, edit, author).map((statement) => tried(db, statement))),
  );
}

/** The same statements, by a program that knows of no copies. */
export function runStatements(
  path: string,
  statements: readonly string[],
  isMinding: boolean,
  altering: boolean,
): Run[] {
  return transaction(path, isMinding, altering, (db) => statements.map((statement) => tried(db, statement)));
}

/** Who alters a schema has foreign keys off, and looks whether they hold before it commits. */
function transaction(path: string, isMinding: boolean, altering: boolean, work: (db: DatabaseSync) => Run[]): Run[] {
  return withDatabase(path, (db) => {
    db.exec(`PRAGMA foreign_keys = ${isMinding && !altering ? 'ON' : 'OFF'}; BEGIN`);
    const done = work(db);
    try {
      if (isMinding && altering && db.prepare('PRAGMA foreign_key_check').all().length > 0)
        throw new Error('constraint');
      db.exec('COMMIT');
      return done;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      return done.map(({ statement }) => ({ statement, refused: reasonOf(error, 'COMMIT') }));
    }
  });
}

function tried(db: DatabaseSync, statement: string): Run {
  db.exec('SAVEPOINT one');
  try {
    db.exec(statement);
    db.exec('RELEASE one');
    return { statement, refused: null };
  } catch (error) {
    const refused = reasonOf(error, statement);
    if (db.isTransaction) db.exec('ROLLBACK TO one; RELEASE one');
    return { statement, refused };
  }
}

function withShell(path: string, edits: readonly Edit[], author: Author, isMinding: boolean): Run[] {
  const statements = withDatabase(path, (db) => edits.flatMap((edit) => statementsOf(db, edit, author)));
  if (statements.length === 0) return [];
  const each = statements.map((statement) => `SAVEPOINT one; ${statement}; RELEASE one;`);
  const input = `PRAGMA foreign_keys = ${isMinding ? 'ON' : 'OFF'}; BEGIN;\n${each.join('\n')}\nCOMMIT;\n`;
  const { stderr } = spawnSync('sqlite3', [path], { input, encoding: 'utf8' });
  for (const line of stderr
    .split('\n')
    .filter((each) => /error/i.test(each) && !/error here ---\^|\^--- error here/.test(each)))
    reasonOf(new Error(line), statements.join('; '));
  return statements.map((statement) => ({ statement, refused: stderr === '' ? null : stderr }));
}

/** Throws what no application should hear. */
function reasonOf(error: unknown, statement: string): string {
  const { message } = error as Error;
  if (!REASONS.test(message) || /_tieout/.test(message))
    throw new Error(`a program hears "${message}" to: ${statement}`);
  return message;
}
