/** The beginning of following: a base is made of a database, or a copy of a base is made ready. */
import { DatabaseSync } from 'node:sqlite';
import { type CopyId, EMPTY } from '../core/vector.ts';
import { detachDatabase } from './detaching.ts';
import { UserConnection } from './file/connection.ts';
import { describeTables, settledKinds } from './file/describe.ts';
import { isBusy, notFollowed } from './file/failing.ts';
import { OpenFile } from './file/open-file.ts';
import { readPosition, writePosition } from './file/position.ts';
import { quoted, Statements } from './file/sql.ts';
import { strangeTables } from './file/strange.ts';
import { removeTriggers, setCompared } from './file/triggers.ts';
import type { BaseMade, OpenDatabase } from './host.ts';
import { readActual } from './schema/actual.ts';
import { schemaDifference } from './schema/difference.ts';
import { NO_SCHEMA } from './schema/schema.ts';
import { NO_SETTINGS, parseSettings } from './settings.ts';

interface Request {
  readonly id: string;
  readonly path: string;
  readonly basePath: string;
}

/** Where none can be made, nothing of ours stays in the database: nobody follows it. */
export function makeBase(request: Request, copy: CopyId): BaseMade {
  try {
    return makeMarked(request, copy);
  } catch (error) {
    if (!isBusy(error)) leaveAlone(request.path);
    throw error;
  }
}

function leaveAlone(path: string): void {
  try {
    detachDatabase(path);
  } catch (error) {
    // Damaged, or locked by now: why it could not be made is what counts.
    if ((error as { errcode?: number }).errcode === undefined) throw error;
  }
}

/**
 * Marks first, then the copy: what is edited between the two is in both, and compared with itself shows no difference.
 * The copy is one consistent state, also while programs write.
 */
function makeMarked(request: Request, copy: CopyId): BaseMade {
  const file = new OpenFile(request.path, NO_SETTINGS, undefined);
  try {
    mustBeKnown(file.sql, request.path);
    file.followAnew();
    begin(file, request.id, copy);
    file.sql.run('VACUUM INTO ?', [request.basePath]);
    const isWal = file.sql.one('PRAGMA journal_mode') === 'wal';
    return cleanBase(request.basePath, isWal);
  } finally {
    file.close();
  }
}

/**
 * Throws a `ProblemError` for a database whose schema speaks of a collation or function that this SQLite does not have:
 * it cannot be copied. It is only read: a write would be taken for a reason to try again.
 */
function mustBeKnown(sql: Statements, path: string): void {
  for (const why of strangeTables(sql).values()) throw notFollowed(path, why);
}

function cleanBase(basePath: string, isWal: boolean): BaseMade {
  const db = new DatabaseSync(basePath);
  try {
    const sql = new Statements(db);
    db.exec('BEGIN');
    removeTriggers(sql);
    db.exec('COMMIT');
    const { now } = schemaDifference({
      known: NO_SCHEMA,
      actual: readActual(sql),
      numbers: new Map(),
      defaultOf: () => null,
    });
    const tables = describeTables(sql, NO_SETTINGS, now);
    const rows = tables.reduce((sum, { name }) => sum + Number(sql.one(`SELECT count(*) FROM ${quoted(name)}`)), 0);
    const settings = { ...settledKinds(tables), ...(isWal && { journal: 'wal' as const }) };
    return { settings: JSON.stringify(settings), tables: tables.length, rows };
  } finally {
    db.close();
  }
}

/** `path` holds exactly the base and is not in its place yet. */
export function adopt({ id, path, settings }: OpenDatabase, copy: CopyId): void {
  const known = parseSettings(settings);
  const file = new OpenFile(path, known, undefined);
  try {
    file.follow();
    begin(file, id, copy);
    // The base itself has none: it is only read.
    if (known.journal === 'wal') file.sql.one('PRAGMA journal_mode = WAL');
  } finally {
    file.close();
  }
}

/** Which database the file says that it is, if it was followed in the copy of one of these names. */
export function idOf(path: string, copies: ReadonlySet<CopyId>): string | null {
  let connection: UserConnection | undefined;
  try {
    connection = new UserConnection(path, 'ro');
    const position = readPosition(connection.sql);
    return position !== null && copies.has(position.copy) ? position.database : null;
  } catch (error) {
    if (isBusy(error)) throw error;
    // No database, or a damaged one: it cannot say.
    return null;
  } finally {
    connection?.close();
  }
}

/** From here on the file is the base, and everything else is marked. */
function begin(file: OpenFile, database: string, copy: CopyId): void {
  file.write(() => {
    setCompared(file.sql, true);
    writePosition(file.sql, { database, copy, vector: EMPTY, mark: 0, schema: file.connection.schemaVersion() });
  });
}
