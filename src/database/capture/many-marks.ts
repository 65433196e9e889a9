/**
 * More marks than are to be held, in the order of the rows that they are about. What nobody marked is put beside them
 * into a temporary table of the connection, which nobody else sees.
 */
import type { Value } from '../../core/value.ts';
import { type Encoding, exactValues } from '../file/exact.ts';
import type { Mark, MarkId } from '../file/marks.ts';
import { parameter, quoted, type Statements } from '../file/sql.ts';
import { MARKS } from '../file/triggers.ts';

const FOUND = 'temp._tieout_found';

export interface ManyMarksOptions {
  readonly sql: Statements;
  /** Marks up to this one are captured. */
  readonly after: number;
  /** Columns for keys. */
  readonly width: number;
  readonly encoding: Encoding;
}

export class ManyMarks {
  readonly #sql: Statements;
  readonly #after: bigint;
  readonly #encoding: Encoding;
  readonly #keys: readonly string[];

  constructor({ sql, after, width, encoding }: ManyMarksOptions) {
    this.#sql = sql;
    this.#after = BigInt(after);
    this.#encoding = encoding;
    this.#keys = Array.from({ length: width }, (_, index) => `k${index}`);
    this.close();
    sql.db.exec(
      `CREATE TEMP TABLE _tieout_found (n INTEGER PRIMARY KEY, id INTEGER, tbl INTEGER, op TEXT, nonce INTEGER, ${this.#keys.join(', ')})`,
    );
  }

  close(): void {
    this.#sql.db.exec(`DROP TABLE IF EXISTS ${FOUND}`);
  }

  /** What would have been marked: before the mark with its id. */
  add({ id, table, op, key }: Mark): void {
    const names = key.map((_, index) => `k${index}`).join(', ');
    const values = key.map(parameter).join(', ');
    this.#sql.run(`INSERT INTO ${FOUND} (id, tbl, op, nonce, ${names}) VALUES (?, ?, ?, 0, ${values})`, [
      BigInt(id),
      BigInt(table),
      op,
      ...key,
    ]);
  }

  last(): MarkId | null {
    const found = this.#sql.get(`SELECT id, nonce FROM ${MARKS} WHERE id > ? ORDER BY id DESC LIMIT 1`, [this.#after]);
    return found === undefined ? null : { id: Number(found[0]), nonce: found[1] as bigint };
  }

  /** By table, what happened in it, as the first letters of the ops. */
  ops(): Map<number, Set<string>> {
    const rows = this.#sql.all(
      `SELECT tbl, substr(op, 1, 1) FROM ${MARKS} WHERE id > ?1 GROUP BY 1, 2
       UNION SELECT tbl, substr(op, 1, 1) FROM ${FOUND} ORDER BY 1`,
      [this.#after],
    );
    const found = new Map<number, Set<string>>();
    for (const [table, op] of rows) {
      const ops = found.get(Number(table)) ?? new Set<string>();
      found.set(Number(table), ops.add(String(op)));
    }
    return found;
  }

  /** By their ids: those of these ops, as the first letters. */
  inOrder(table: number, ops: readonly string[]): Generator<Mark> {
    const names = ops.map(() => '?').join(', ');
    const where = `id > ? AND tbl = ? AND substr(op, 1, 1) IN (${names}) ORDER BY id`;
    return this.#read(`SELECT ${this.#columns('1, id')} FROM ${MARKS} WHERE ${where}`, [
      this.#after,
      BigInt(table),
      ...ops,
    ]);
  }

  /** A row after the other, by the collations of the key's columns; of a row in the order in which they came. */
  byRow(table: number, collations: readonly string[]): Generator<Mark> {
    const order = collations.map((collation, index) => `k${index} COLLATE ${quoted(collation)}`).join(', ');
    return this.#read(
      `SELECT * FROM (
         SELECT ${this.#columns('1 AS own, id AS n')} FROM ${MARKS} WHERE id > ? AND tbl = ?
         UNION ALL SELECT ${this.#columns('0, n')} FROM ${FOUND} WHERE tbl = ?
       ) ORDER BY ${order}, id, own, n`,
      [this.#after, BigInt(table), BigInt(table)],
    );
  }

  #columns(place: string): string {
    return ['id', 'tbl', 'op', 'nonce', place, ...this.#keys].join(', ');
  }

  *#read(sql: string, values: readonly (bigint | string)[]): Generator<Mark> {
    for (const found of this.#sql.prepare(sql).iterate(...values)) {
      const row = found as unknown as unknown[];
      yield {
        id: Number(row[0]),
        table: Number(row[1]),
        op: String(row[2]),
        nonce: row[3] as bigint,
        key: exactValues(row, 6, this.#encoding, () => this.#again(row[4] === 1n, row[5] as Value)),
      };
    }
  }

  #again(own: boolean, n: Value): unknown[] | undefined {
    const keys = this.#keys.map((name) => `CAST(${name} AS BLOB)`).join(', ');
    const where = own ? `${MARKS} WHERE id = ?` : `${FOUND} WHERE n = ?`;
    return this.#sql.get(`SELECT 0, 0, 0, 0, 0, 0, ${keys} FROM ${where}`, [n]);
  }
}
