/** Reading the marks of a user's database, and clearing those that are captured. */
import type { Value } from '../../core/value.ts';
import { type Encoding, exactValues } from './exact.ts';
import { parameter, type Statements } from './sql.ts';
import { MARKS, markWidth } from './triggers.ts';

/** An own change says which was the last mark that it contains, so that a file shows which own changes are in it. */
export interface MarkId {
  readonly id: number;
  readonly nonce: bigint;
}

export interface Mark {
  readonly id: number;
  readonly table: number;
  /** One letter; our own may carry a column after it (`c:name`). */
  readonly op: string;
  readonly nonce: bigint;
  readonly key: readonly Value[];
}

/** The marks after the one with this id, in order, up to `limit`. `width`: how many key columns there are. */
export function marksAfter(sql: Statements, id: number, width: number, encoding: Encoding, limit = -1): Mark[] {
  const names = Array.from({ length: width }, (_, index) => `k${index}`);
  const again = names.map((name) => `CAST(${name} AS BLOB)`).join(', ');
  const rows = sql.all(
    `SELECT id, tbl, op, nonce, ${names.join(', ')} FROM ${MARKS} WHERE id > ? ORDER BY id LIMIT ?`,
    [BigInt(id), BigInt(limit)],
  );
  return rows.map((row) => ({
    id: Number(row[0]),
    table: Number(row[1]),
    op: String(row[2]),
    nonce: row[3] as bigint,
    key: exactValues(row, 4, encoding, () =>
      sql.get(`SELECT id, tbl, op, nonce, ${again} FROM ${MARKS} WHERE id = ?`, [row[0] as bigint]),
    ),
  }));
}

export function newestMark(sql: Statements): number {
  return Number(sql.one(`SELECT max(id) FROM ${MARKS}`) ?? 0);
}

export function hasMark(sql: Statements, { id, nonce }: MarkId): boolean {
  return sql.one(`SELECT nonce FROM ${MARKS} WHERE id = ?`, [BigInt(id)]) === nonce;
}

/**
 * Forgets what is captured but the last: it proves which own changes the file contains, and as long as it stands no
 * mark's id is given a second time. No more than `limit` at once: nobody else may write meanwhile.
 */
export function clearMarks(sql: Statements, captured: number, limit: number): void {
  sql.run(`DELETE FROM ${MARKS} WHERE id < min(?, (SELECT min(id) FROM ${MARKS}) + ?)`, [
    BigInt(captured),
    BigInt(limit),
  ]);
}

export function hasMarksToClear(sql: Statements, captured: number): boolean {
  return sql.one(`SELECT EXISTS (SELECT 1 FROM ${MARKS} WHERE id < ?)`, [BigInt(captured)]) === 1n;
}

/** With more of them SQLite empties the whole table in less time than it deletes them one by one. */
const MANY = 500;
/** What is put back then. */
const MAX_KEPT = 64;

/** The same, at a fraction of the time where all but a few go: a program that never pauses waits for it. */
export function clearManyMarks(sql: Statements, captured: number, limit: number, encoding: Encoding): void {
  const count = captured - Number(sql.one(`SELECT min(id) FROM ${MARKS}`) ?? captured);
  const width = count < MANY || count > limit ? 0 : markWidth(sql);
  const kept = width === 0 ? [] : marksAfter(sql, captured - 1, width, encoding, MAX_KEPT + 1);
  if (kept.length === 0 || kept.length > MAX_KEPT) return clearMarks(sql, captured, limit);
  sql.run(`DELETE FROM ${MARKS}`);
  for (const mark of kept) putBack(sql, mark);
}

function putBack(sql: Statements, { id, table, op, nonce, key }: Mark): void {
  const names = key.map((_, index) => `k${index}`).join(', ');
  sql.run(`INSERT INTO ${MARKS} (id, tbl, op, nonce, ${names}) VALUES (?, ?, ?, ?, ${key.map(parameter).join(', ')})`, [
    BigInt(id),
    BigInt(table),
    op,
    nonce,
    ...key,
  ]);
}

/** A mark of our own, for what we do in the user's database in the user's name. */
export function addMark(sql: Statements, table: number, op: string, key: readonly Value[]): void {
  const names = key.map((_, index) => `k${index}`).join(', ');
  sql.run(`INSERT INTO ${MARKS} (tbl, op, ${names}) VALUES (?, ?, ${key.map(parameter).join(', ')})`, [
    BigInt(table),
    op,
    ...key,
  ]);
}

/** The numbers of one table that were marked since. */
export function markedNumbers(sql: Statements, table: number, mark: number): Set<unknown> {
  const rows = sql.all(`SELECT DISTINCT k0 FROM ${MARKS} WHERE tbl = ? AND id > ?`, [BigInt(table), BigInt(mark)]);
  return new Set(rows.map(([number]) => number));
}

export function dropMarksAfter(sql: Statements, table: number, mark: number): void {
  sql.run(`DELETE FROM ${MARKS} WHERE tbl = ? AND id > ?`, [BigInt(table), BigInt(mark)]);
}
