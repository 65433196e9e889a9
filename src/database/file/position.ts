/**
 * What a database file says about itself: which database of which copy it is, and the vector that it contains. Written
 * in the transaction that applies, so that it is true of every state that the file can come back in.
 */
import { decode, encode, MalformedError } from '../../core/codec.ts';
import { type CopyId, type Vector, vectorCodec } from '../../core/vector.ts';
import type { Statements } from './sql.ts';

export const POSITION = '_tieout_position';
const FORMAT = 1n;

export interface Position {
  readonly database: string;
  readonly copy: CopyId;
  readonly vector: Vector;
  /** Marks up to this one are contained in `vector`. */
  readonly mark: number;
  /** SQLite's schema_version then: another one may mean a VACUUM. */
  readonly schema: number;
}

export function createPosition(sql: Statements): void {
  sql.db.exec(
    `CREATE TABLE IF NOT EXISTS ${POSITION} (id INTEGER PRIMARY KEY, format INTEGER, database TEXT, copy TEXT, vector BLOB, mark INTEGER, schema INTEGER)`,
  );
}

/** null: this file was never followed, or by a version that we do not understand. */
export function readPosition(sql: Statements): Position | null {
  if (sql.one('SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)', [POSITION]) !== 1n) return null;
  const row = sql.get(`SELECT format, database, copy, vector, mark, schema FROM ${POSITION} WHERE id = 1`);
  if (row === undefined || row[0] !== FORMAT || !(row[3] instanceof Uint8Array)) return null;
  try {
    const vector = decode(vectorCodec, row[3]);
    return { database: String(row[1]), copy: String(row[2]), vector, mark: Number(row[4]), schema: Number(row[5]) };
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

export function writePosition(sql: Statements, { database, copy, vector, mark, schema }: Position): void {
  sql.run(`INSERT OR REPLACE INTO ${POSITION} VALUES (1, ?, ?, ?, ?, ?, ?)`, [
    FORMAT,
    database,
    copy,
    encode(vectorCodec, vector),
    BigInt(mark),
    BigInt(schema),
  ]);
}
