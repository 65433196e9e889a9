/**
 * `rows.db`: the merged rows of the databases of one sync copy, and the indexes that mending and listing need. Knows
 * nothing of bases, files or SQL of users. One writer, the database process; a change is folded in a transaction that
 * the caller opens with `begin`.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { RowId } from '../core/body.ts';
import { fromHex, toHex } from '../core/bytes.ts';
import type { ChangeId } from '../core/change.ts';
import { decode, encode } from '../core/codec.ts';
import { assert } from '../core/problem.ts';
import { conflictingColumns, isAlive, keptAgainstDeletion, type Row } from '../core/rows.ts';
import { type CopyId, EMPTY, type Vector, vectorCodec } from '../core/vector.ts';
import { type Numbering, readRow, writeRow } from './row-blob.ts';

export const ROWS_SCHEMA = new URL('./schema/rows/', import.meta.url);

export interface RowPlace {
  readonly table: string;
  readonly row: RowId;
}

interface TableEntry {
  readonly num: number;
  readonly id: string;
  top: bigint | null;
  movedBase: boolean;
  /** Is `past` kept of its rows? */
  remembered: boolean;
  /** Rows shown with another number than they claim: nearly always none, which spares a look per row. */
  moved: number;
  /** At least as many as there are rows withheld, and rows that watch a value: nearly always none. */
  withheld: number;
  watching: number;
  listed: number;
  /** May there be rows, and claims, at all? A look at each row is spared where there are none. */
  written: boolean;
  claimed: boolean;
  readonly columns: Map<string, number>;
  readonly columnIds: string[];
}

/** Is there something in this row that a person should decide? */
export function isListed(row: Row): boolean {
  if (row.deletions.length === 0 && row.mend === undefined && !hasSiblings(row)) return false;
  if (!isAlive(row)) return false;
  return keptAgainstDeletion(row) || row.mend !== undefined || conflictingColumns(row).length > 0;
}

function hasSiblings(row: Row): boolean {
  for (const writes of row.cells.values()) if (writes.length > 1) return true;
  return false;
}

export class RowState {
  readonly #db: DatabaseSync;
  readonly #num: number;
  readonly #makers = new Map<CopyId, number>();
  readonly #copies: CopyId[] = [];
  readonly #tables = new Map<string, TableEntry>();
  readonly #byNumber = new Map<number, TableEntry>();
  readonly #statements = new Map<string, StatementSync>();
  #vector: Vector = EMPTY;
  /** At least as many as there are, over all databases: nearly always none. */
  #unplaced = 0;

  /** The state of the database `id` within `db`, a store with `ROWS_SCHEMA`. */
  constructor(db: DatabaseSync, id: string) {
    this.#db = db;
    this.#run('INSERT INTO source (id, vector) VALUES (?, ?) ON CONFLICT DO NOTHING', id, encode(vectorCodec, EMPTY));
    this.#num = Number(this.#get('SELECT num FROM source WHERE id = ?', id)?.[0]);
    this.reload();
  }

  /** What is folded. */
  get vector(): Vector {
    return this.#vector;
  }

  /** Reads in one transaction, which spares SQLite a lock per look. */
  reading<T>(read: () => T): T {
    if (this.#db.isTransaction) return read();
    this.#db.exec('BEGIN');
    try {
      return read();
    } finally {
      this.#db.exec('ROLLBACK');
    }
  }

  begin(): void {
    this.#db.exec('BEGIN IMMEDIATE');
  }

  commit(): void {
    this.#db.exec('COMMIT');
  }

  rollback(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.reload();
  }

  reload(): void {
    this.#unplaced = Number(this.#get('SELECT count(*) FROM unplaced')?.[0]);
    this.#makers.clear();
    this.#tables.clear();
    this.#byNumber.clear();
    this.#copies.length = 0;
    for (const [num, id] of this.#all('SELECT num, id FROM maker')) this.#know(toHex(id as Uint8Array), Number(num));
    const source = this.#get('SELECT vector FROM source WHERE num = ?', this.#num);
    assert(source, 'the row of a database in rows.db');
    this.#vector = decode(vectorCodec, source[0] as Uint8Array);
    const tables = this.#all(
      'SELECT num, id, top, moved_base, remembered FROM source_table WHERE source = ?',
      this.#num,
    );
    for (const [num, id, top, movedBase, remembered] of tables) {
      const entry = this.#knowTable(Number(num), id as string, top as bigint | null, movedBase === 1n);
      entry.remembered = remembered === 1n;
      entry.written = this.#get('SELECT 1 FROM row WHERE tbl = ? LIMIT 1', entry.num) !== undefined;
      entry.claimed = this.#get('SELECT 1 FROM claim WHERE tbl = ? LIMIT 1', entry.num) !== undefined;
      entry.moved = Number(this.#get('SELECT count(*) FROM moved WHERE tbl = ?', entry.num)?.[0]);
      entry.withheld = Number(this.#get('SELECT count(*) FROM withheld WHERE tbl = ?', entry.num)?.[0]);
      entry.listed = Number(this.#get('SELECT count(*) FROM listed WHERE tbl = ?', entry.num)?.[0]);
      entry.watching = Number(this.#get('SELECT count(*) FROM watch WHERE tbl = ?', entry.num)?.[0]);
      for (const [column, name] of this.#all('SELECT num, id FROM source_column WHERE tbl = ?', entry.num)) {
        entry.columns.set(name as string, Number(column));
        entry.columnIds[Number(column)] = name as string;
      }
    }
  }

  setVector(vector: Vector): void {
    this.#vector = vector;
    this.#run('UPDATE source SET vector = ? WHERE num = ?', encode(vectorCodec, vector), this.#num);
  }

  row(table: string, row: RowId): Row | undefined {
    const entry = this.#tables.get(table);
    if (entry === undefined || !entry.written) return undefined;
    const found = this.#get('SELECT state FROM row WHERE tbl = ? AND id = ?', entry.num, rowBytes(row));
    return found && readRow(found[0] as Uint8Array, this.#naming(entry));
  }

  /** A row of this table as bytes, for whoever keeps it aside. */
  encoded(table: string, row: Row): Uint8Array {
    return writeRow(row, this.#naming(this.#table(table)));
  }

  decoded(table: string, bytes: Uint8Array): Row {
    return readRow(bytes, this.#naming(this.#table(table)));
  }

  /** `before`: what `row` answered, so that the list of conflicts is only touched where it changes. */
  putRow(table: string, row: RowId, state: Row, before: Row | undefined, encoded?: Uint8Array): void {
    const entry = this.#table(table);
    const id = rowBytes(row);
    const blob = encoded ?? writeRow(state, this.#naming(entry));
    entry.written = true;
    this.#run('INSERT INTO row VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state', entry.num, id, blob);
    const withheld = state.mend !== undefined && state.mend.withheld !== null;
    if (withheld !== (before?.mend !== undefined && before.mend.withheld !== null)) {
      entry.withheld += withheld ? 1 : -1;
      if (withheld) this.#run('INSERT INTO withheld VALUES (?, ?) ON CONFLICT DO NOTHING', entry.num, id);
      else this.#run('DELETE FROM withheld WHERE tbl = ? AND id = ?', entry.num, id);
    }
    const listed = isListed(state);
    if (listed === (before !== undefined && isListed(before))) return;
    entry.listed += listed ? 1 : -1;
    if (listed) this.#run('INSERT INTO listed VALUES (?, ?) ON CONFLICT DO NOTHING', entry.num, id);
    else this.#run('DELETE FROM listed WHERE tbl = ? AND id = ?', entry.num, id);
  }

  hasListed(): boolean {
    for (const { listed } of this.#tables.values()) if (listed > 0) return true;
    return false;
  }

  /** Rows in conflict, in one order on all copies. */
  listed(): RowPlace[] {
    return this.#places('SELECT tbl, id FROM listed');
  }

  /** All rows that were ever written to. */
  rows(table: string): RowId[] {
    const entry = this.#tables.get(table);
    if (entry === undefined) return [];
    return this.#all('SELECT id FROM row WHERE tbl = ?', entry.num).map(([id]) => rowId(id as Uint8Array));
  }

  /** Some rows after `after` ('': from the first), in one order on all copies. */
  page(table: string, after: RowId | '', limit: number): { id: RowId; row: Row }[] {
    const entry = this.#tables.get(table);
    if (entry === undefined) return [];
    const from = after === '' ? new Uint8Array() : rowBytes(after);
    const sql = 'SELECT id, state FROM row WHERE tbl = ? AND id > ? ORDER BY id LIMIT ?';
    const names = this.#naming(entry);
    return this.#all(sql, entry.num, from, limit).map(([id, state]) => ({
      id: rowId(id as Uint8Array),
      row: readRow(state as Uint8Array, names),
    }));
  }

  tables(): string[] {
    return [...this.#tables.keys()];
  }

  top(table: string): bigint | null {
    return this.#tables.get(table)?.top ?? null;
  }

  raiseTop(table: string, number: bigint): void {
    const entry = this.#table(table);
    if (entry.top !== null && entry.top >= number) return;
    entry.top = number;
    this.#run('UPDATE source_table SET top = ? WHERE num = ?', number, entry.num);
  }

  /** Whether some row of the base has been given another number. */
  movedBase(table: string): boolean {
    return this.#tables.get(table)?.movedBase ?? false;
  }

  setMovedBase(table: string): void {
    const entry = this.#table(table);
    if (entry.movedBase) return;
    entry.movedBase = true;
    this.#run('UPDATE source_table SET moved_base = 1 WHERE num = ?', entry.num);
  }

  claim(table: string, number: bigint, row: RowId): void {
    this.#table(table).claimed = true;
    this.#run(
      'INSERT INTO claim VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      this.#table(table).num,
      number,
      rowBytes(row),
    );
  }

  unclaim(table: string, number: bigint, row: RowId): void {
    this.#run(
      'DELETE FROM claim WHERE tbl = ? AND number = ? AND id = ?',
      this.#table(table).num,
      number,
      rowBytes(row),
    );
  }

  claims(table: string, number: bigint): RowId[] {
    const entry = this.#tables.get(table);
    if (entry === undefined || !entry.claimed) return [];
    const found = this.#all('SELECT id FROM claim WHERE tbl = ? AND number = ?', entry.num, number);
    return found.map(([id]) => rowId(id as Uint8Array));
  }

  /** The number that a row is shown with where it is not the one that it claims. */
  movedTo(table: string, row: RowId): bigint | undefined {
    const entry = this.#tables.get(table);
    if (entry === undefined || entry.moved === 0) return undefined;
    const found = this.#get('SELECT number FROM moved WHERE tbl = ? AND id = ?', entry.num, rowBytes(row));
    return found?.[0] as bigint | undefined;
  }

  movedAt(table: string, number: bigint): RowId | undefined {
    const entry = this.#tables.get(table);
    if (entry === undefined || entry.moved === 0) return undefined;
    const found = this.#get('SELECT id FROM moved WHERE tbl = ? AND number = ?', entry.num, number);
    return found && rowId(found[0] as Uint8Array);
  }

  /** All moved rows of a table, or those that claim one number. */
  moved(table: string, claimed?: bigint): { row: RowId; claimed: bigint; number: bigint }[] {
    const entry = this.#tables.get(table);
    if (entry === undefined) return [];
    const sql = 'SELECT id, claimed, number FROM moved WHERE tbl = ?';
    const found =
      claimed === undefined ? this.#all(sql, entry.num) : this.#all(`${sql} AND claimed = ?`, entry.num, claimed);
    return found.map(([id, of, number]) => ({
      row: rowId(id as Uint8Array),
      claimed: of as bigint,
      number: number as bigint,
    }));
  }

  putMoved(table: string, row: RowId, claimed: bigint, number: bigint): void {
    const sql = 'INSERT INTO moved VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET claimed = ?3, number = ?4';
    const entry = this.#table(table);
    if (this.movedTo(table, row) === undefined) entry.moved += 1;
    this.#run(sql, entry.num, rowBytes(row), claimed, number);
  }

  unmove(table: string, row: RowId): void {
    const entry = this.#table(table);
    entry.moved -= Number(this.#run('DELETE FROM moved WHERE tbl = ? AND id = ?', entry.num, rowBytes(row)).changes);
  }

  addReference(to: RowPlace, from: RowPlace): void {
    const sql = 'INSERT INTO reference VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
    this.#run(sql, this.#table(to.table).num, rowBytes(to.row), this.#table(from.table).num, rowBytes(from.row));
  }

  addUnique(table: string, place: number, name: string, row: RowId): void {
    const sql = 'INSERT INTO unique_value VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
    this.#run(sql, this.#table(table).num, place, name, rowBytes(row));
  }

  /** May name rows that have another value by now. */
  withUnique(table: string, place: number, name: string): RowId[] {
    const entry = this.#tables.get(table);
    if (entry === undefined) return [];
    const sql = 'SELECT id FROM unique_value WHERE tbl = ? AND place = ? AND name = ?';
    return this.#all(sql, entry.num, place, name).map(([id]) => rowId(id as Uint8Array));
  }

  /** Those whose name begins so, highest first. */
  *uniqueNames(table: string, place: number, prefix: string): Generator<{ name: string; row: RowId }> {
    const entry = this.#tables.get(table);
    if (entry === undefined) return;
    const sql =
      'SELECT name, id FROM unique_value WHERE tbl = ? AND place = ? AND name >= ? AND name < ? ORDER BY name DESC, id';
    for (const found of this.#prepare(sql).iterate(entry.num, place, prefix, `${prefix}~`)) {
      const [name, id] = found as unknown as unknown[];
      yield { name: name as string, row: rowId(id as Uint8Array) };
    }
  }

  /** May name rows that no longer refer to it. */
  referrers({ table, row }: RowPlace): RowPlace[] {
    const entry = this.#tables.get(table);
    if (entry === undefined) return [];
    return this.#places('SELECT from_tbl, from_id FROM reference WHERE tbl = ? AND id = ?', entry.num, rowBytes(row));
  }

  /** The row did not go into this user's database. */
  unplace({ table, row }: RowPlace, reason: string): void {
    const sql = 'INSERT INTO unplaced VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET reason = excluded.reason';
    this.#run(sql, this.#table(table).num, rowBytes(row), reason);
    this.#unplaced += 1;
  }

  placed({ table, row }: RowPlace): void {
    this.#run('DELETE FROM unplaced WHERE tbl = ? AND id = ?', this.#table(table).num, rowBytes(row));
  }

  unplaced({ table, row }: RowPlace): string | undefined {
    const entry = this.#tables.get(table);
    if (entry === undefined || this.#unplaced === 0) return undefined;
    const found = this.#get('SELECT reason FROM unplaced WHERE tbl = ? AND id = ?', entry.num, rowBytes(row));
    return found?.[0] as string | undefined;
  }

  allUnplaced(): RowPlace[] {
    if (this.#unplaced === 0) return [];
    return this.#places('SELECT tbl, id FROM unplaced');
  }

  /** Whether it is known which changes wrote to the rows of a table: few tables are ever asked for it. */
  remembers(table: string): boolean {
    return this.#tables.get(table)?.remembered ?? false;
  }

  /** From now on it is known: all that were until now have been added. */
  setRemembers(table: string): void {
    const entry = this.#table(table);
    entry.remembered = true;
    this.#run('UPDATE source_table SET remembered = 1 WHERE num = ?', entry.num);
  }

  /** A change wrote to the row; its write need not stand any longer. */
  addPast(table: string, row: RowId, { copy, seq }: ChangeId): void {
    const entry = this.#table(table);
    const maker = this.#naming(entry).maker(copy);
    this.#run('INSERT INTO past VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING', entry.num, rowBytes(row), maker, seq);
  }

  /** Those changes, in no order. */
  past(table: string, row: RowId): ChangeId[] {
    const entry = this.#tables.get(table);
    if (entry === undefined) return [];
    const found = this.#all('SELECT maker, seq FROM past WHERE tbl = ? AND id = ?', entry.num, rowBytes(row));
    return found.map(([maker, seq]) => ({ copy: this.#copies[Number(maker)] as CopyId, seq: Number(seq) }));
  }

  /** Is any row withheld? */
  withholds(): boolean {
    for (const { withheld } of this.#tables.values()) if (withheld > 0) return true;
    return false;
  }

  watch(table: string, place: number, name: string, row: RowId): void {
    const entry = this.#table(table);
    const sql = 'INSERT INTO watch VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
    entry.watching += Number(this.#run(sql, entry.num, place, name, rowBytes(row)).changes);
  }

  unwatch(table: string, row: RowId): void {
    const entry = this.#table(table);
    if (entry.watching === 0) return;
    entry.watching -= Number(this.#run('DELETE FROM watch WHERE tbl = ? AND id = ?', entry.num, rowBytes(row)).changes);
  }

  isWatching(table: string): boolean {
    return (this.#tables.get(table)?.watching ?? 0) > 0;
  }

  /** Rows whose mend depends on who has this value. */
  watchers(table: string, place: number, name: string): RowId[] {
    const entry = this.#tables.get(table);
    if (entry === undefined || entry.watching === 0) return [];
    const sql = 'SELECT id FROM watch WHERE tbl = ? AND place = ? AND name = ?';
    return this.#all(sql, entry.num, place, name).map(([id]) => rowId(id as Uint8Array));
  }

  /** Forgets everything about this database: it is folded anew. */
  clear(): void {
    for (const { num } of this.#tables.values()) {
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
        this.#run(`DELETE FROM ${table} WHERE tbl = ?`, num);
      }
    }
    this.#run('DELETE FROM source_table WHERE source = ?', this.#num);
    this.setVector(EMPTY);
    this.reload();
  }

  #table(id: string): TableEntry {
    const known = this.#tables.get(id);
    if (known) return known;
    const added = this.#run('INSERT INTO source_table (source, id) VALUES (?, ?)', this.#num, id);
    return this.#knowTable(Number(added.lastInsertRowid), id, null, false);
  }

  #knowTable(num: number, id: string, top: bigint | null, movedBase: boolean): TableEntry {
    const entry: TableEntry = {
      num,
      id,
      top,
      movedBase,
      remembered: false,
      written: false,
      claimed: false,
      moved: 0,
      withheld: 0,
      watching: 0,
      listed: 0,
      columns: new Map(),
      columnIds: [],
    };
    this.#tables.set(id, entry);
    this.#byNumber.set(num, entry);
    return entry;
  }

  #know(copy: CopyId, num: number): void {
    this.#makers.set(copy, num);
    this.#copies[num] = copy;
  }

  #naming(table: TableEntry): Numbering {
    return {
      maker: (copy) => this.#makers.get(copy) ?? this.#addMaker(copy),
      copy: (maker) => this.#copies[maker] as CopyId,
      column: (id) => table.columns.get(id) ?? this.#addColumn(table, id),
      columnId: (num) => table.columnIds[num] as string,
    };
  }

  #addMaker(copy: CopyId): number {
    // The state of another database of this file may have added it.
    this.#run('INSERT INTO maker (id) VALUES (?) ON CONFLICT DO NOTHING', fromHex(copy));
    const num = Number(this.#get('SELECT num FROM maker WHERE id = ?', fromHex(copy))?.[0]);
    this.#know(copy, num);
    return num;
  }

  #addColumn(table: TableEntry, id: string): number {
    const num = table.columnIds.length;
    this.#run('INSERT INTO source_column VALUES (?, ?, ?)', table.num, num, id);
    table.columns.set(id, num);
    table.columnIds.push(id);
    return num;
  }

  #places(sql: string, ...values: SQLInputValue[]): RowPlace[] {
    const places: RowPlace[] = [];
    for (const [tbl, id] of this.#all(sql, ...values)) {
      const table = this.#byNumber.get(Number(tbl));
      if (table) places.push({ table: table.id, row: rowId(id as Uint8Array) });
    }
    return places.sort((a, b) => compareText(a.table, b.table) || compareText(a.row, b.row));
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const made = this.#db.prepare(sql);
    made.setReadBigInts(true);
    made.setReturnArrays(true);
    this.#statements.set(sql, made);
    return made;
  }

  #run(sql: string, ...values: SQLInputValue[]) {
    return this.#prepare(sql).run(...values);
  }

  #get(sql: string, ...values: SQLInputValue[]): unknown[] | undefined {
    return this.#prepare(sql).get(...values) as unknown[] | undefined;
  }

  #all(sql: string, ...values: SQLInputValue[]): unknown[][] {
    return this.#prepare(sql).all(...values) as unknown as unknown[][];
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function rowBytes(row: RowId): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + (row.length - 1) / 2);
  bytes[0] = row.charCodeAt(0);
  bytes.write(row.slice(1), 1, 'hex');
  return bytes;
}

function rowId(bytes: Uint8Array): RowId {
  return String.fromCharCode(bytes[0] as number) + toHex(bytes.subarray(1));
}
