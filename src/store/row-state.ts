/**
 * `rows.db`: the merged rows of the databases of one sync copy, and the indexes that mending and listing need. Knows
 * nothing of bases, files or SQL of users. One writer, the database process; a change is folded in a transaction that
 * the caller opens with `begin`.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { RowId } from '../core/body.ts';
import { decode, encode } from '../core/codec.ts';
import { assert } from '../core/problem.ts';
import { conflictingColumns, isAlive, keptAgainstDeletion, numberGiven, type Row } from '../core/rows.ts';
import { EMPTY, type Vector, vectorCodec } from '../core/vector.ts';
import { readRow, writeRow } from './row-blob.ts';
import { RowIndexes } from './row-indexes.ts';
import { type RowPlace, rowBytes, rowId } from './row-tables.ts';
import type { StoreOptions } from './sqlite.ts';

export type { RowPlace } from './row-tables.ts';

/** How `rows.db` is opened. A power cut may take its last commits: they are folded again. */
export const ROWS: StoreOptions = {
  schema: new URL('./schema/rows/', import.meta.url),
  synchronous: 'NORMAL',
  derived: true,
};

/** Is there something in this row that a person should decide? */
export function isListed(row: Row): boolean {
  if (row.deletions.length === 0 && row.mend === undefined && !hasMoreThanEdits(row)) return false;
  if (!isAlive(row)) return false;
  if (keptAgainstDeletion(row) || row.mend !== undefined || conflictingColumns(row).length > 0) return true;
  // Hidden row ids are nobody's business.
  return [...row.cells.keys()].some((column) => column !== '' && numberGiven(row, column) !== undefined);
}

/** Cells with siblings, or with a number that mending gave. */
function hasMoreThanEdits(row: Row): boolean {
  for (const writes of row.cells.values()) if (writes.length > 1 || writes[0]?.numbered !== undefined) return true;
  return false;
}

export class RowState extends RowIndexes {
  #vector: Vector = EMPTY;
  /** At least as many as there are, over all databases: nearly always none. */
  #unplaced = 0;

  /** The state of the database `id` within `db`, a store opened with `ROWS`. */
  constructor(db: DatabaseSync, id: string) {
    super(db, id);
    this.reload();
  }

  /** What is folded. */
  get vector(): Vector {
    return this.#vector;
  }

  /** Reads in one transaction, which spares SQLite a lock per look. */
  reading<T>(read: () => T): T {
    if (this.db.isTransaction) return read();
    this.db.exec('BEGIN');
    try {
      return read();
    } finally {
      this.db.exec('ROLLBACK');
    }
  }

  begin(): void {
    this.db.exec('BEGIN IMMEDIATE');
  }

  commit(): void {
    this.db.exec('COMMIT');
  }

  rollback(): void {
    if (this.db.isTransaction) this.db.exec('ROLLBACK');
    this.reload();
  }

  reload(): void {
    this.#unplaced = Number(this.get('SELECT count(*) FROM unplaced')?.[0]);
    this.readTables();
    const source = this.get('SELECT vector FROM source WHERE num = ?', this.num);
    assert(source, 'the row of a database in rows.db');
    this.#vector = decode(vectorCodec, source[0] as Uint8Array);
  }

  setVector(vector: Vector): void {
    this.#vector = vector;
    this.run('UPDATE source SET vector = ? WHERE num = ?', encode(vectorCodec, vector), this.num);
  }

  row(table: string, row: RowId): Row | undefined {
    const entry = this.known.get(table);
    if (entry === undefined || !entry.written) return undefined;
    const found = this.get('SELECT state FROM row WHERE tbl = ? AND id = ?', entry.num, rowBytes(row));
    return found && readRow(found[0] as Uint8Array, this.naming(entry));
  }

  /** A row of this table as bytes, for whoever keeps it aside. */
  encoded(table: string, row: Row): Uint8Array {
    return writeRow(row, this.naming(this.tableOf(table)));
  }

  decoded(table: string, bytes: Uint8Array): Row {
    return readRow(bytes, this.naming(this.tableOf(table)));
  }

  /** `before`: what `row` answered, so that the list of conflicts is only touched where it changes. */
  putRow(table: string, row: RowId, state: Row, before: Row | undefined, encoded?: Uint8Array): void {
    const entry = this.tableOf(table);
    const id = rowBytes(row);
    const blob = encoded ?? writeRow(state, this.naming(entry));
    entry.written = true;
    this.run('INSERT INTO row VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state', entry.num, id, blob);
    const withheld = state.mend !== undefined && state.mend.withheld !== null;
    if (withheld !== (before?.mend !== undefined && before.mend.withheld !== null)) {
      entry.withheld += withheld ? 1 : -1;
      if (withheld) this.run('INSERT INTO withheld VALUES (?, ?) ON CONFLICT DO NOTHING', entry.num, id);
      else this.run('DELETE FROM withheld WHERE tbl = ? AND id = ?', entry.num, id);
    }
    const listed = isListed(state);
    if (listed === (before !== undefined && isListed(before))) return;
    entry.listed += listed ? 1 : -1;
    if (listed) this.run('INSERT INTO listed VALUES (?, ?) ON CONFLICT DO NOTHING', entry.num, id);
    else this.run('DELETE FROM listed WHERE tbl = ? AND id = ?', entry.num, id);
  }

  hasListed(): boolean {
    for (const { listed } of this.known.values()) if (listed > 0) return true;
    return false;
  }

  /** Is any row of this table in conflict? */
  lists(table: string): boolean {
    return (this.known.get(table)?.listed ?? 0) > 0;
  }

  /** Rows in conflict, and those shown with another number than they claim; in one order on all copies. */
  listed(): RowPlace[] {
    return this.places('SELECT tbl, id FROM listed UNION SELECT tbl, id FROM moved');
  }

  /** All rows that were ever written to. */
  rows(table: string): RowId[] {
    const entry = this.known.get(table);
    if (entry === undefined) return [];
    const found: RowId[] = [];
    // One by one: a million of them at once, each with bytes of its own, take half a gigabyte.
    for (const [id] of this.each('SELECT id FROM row WHERE tbl = ?', entry.num)) found.push(rowId(id as Uint8Array));
    return found;
  }

  /** Some rows after `after` ('': from the first), in one order on all copies. */
  page(table: string, after: RowId | '', limit: number): { id: RowId; row: Row }[] {
    const entry = this.known.get(table);
    if (entry === undefined) return [];
    const from = after === '' ? new Uint8Array() : rowBytes(after);
    const sql = 'SELECT id, state FROM row WHERE tbl = ? AND id > ? ORDER BY id LIMIT ?';
    const names = this.naming(entry);
    return this.all(sql, entry.num, from, limit).map(([id, state]) => ({
      id: rowId(id as Uint8Array),
      row: readRow(state as Uint8Array, names),
    }));
  }

  /** The row did not go into this user's database. */
  unplace({ table, row }: RowPlace, reason: string): void {
    const sql = 'INSERT INTO unplaced VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET reason = excluded.reason';
    this.run(sql, this.tableOf(table).num, rowBytes(row), reason);
    this.#unplaced += 1;
  }

  placed({ table, row }: RowPlace): void {
    this.run('DELETE FROM unplaced WHERE tbl = ? AND id = ?', this.tableOf(table).num, rowBytes(row));
  }

  unplaced({ table, row }: RowPlace): string | undefined {
    const entry = this.known.get(table);
    if (entry === undefined || this.#unplaced === 0) return undefined;
    const found = this.get('SELECT reason FROM unplaced WHERE tbl = ? AND id = ?', entry.num, rowBytes(row));
    return found?.[0] as string | undefined;
  }

  allUnplaced(): RowPlace[] {
    if (this.#unplaced === 0) return [];
    return this.places('SELECT tbl, id FROM unplaced');
  }

  /** Is any row withheld? */
  withholds(): boolean {
    for (const { withheld } of this.known.values()) if (withheld > 0) return true;
    return false;
  }

  /** Forgets everything about this database: it is folded anew. */
  clear(): void {
    for (const { num } of this.known.values()) {
      for (const table of [
        'row',
        'listed',
        'claim',
        'moved',
        'reference',
        'withheld',
        'unplaced',
        'watch',
        'past',
        'unique_value',
        'source_column',
      ]) {
        this.run(`DELETE FROM ${table} WHERE tbl = ?`, num);
      }
    }
    this.run('DELETE FROM source_table WHERE source = ?', this.num);
    this.setVector(EMPTY);
    this.reload();
  }
}
