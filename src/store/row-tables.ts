/**
 * The tables of one database within `rows.db`: the numbers that stand for tables, columns and copies there, counts of
 * what is rare, and the statements that are run. What is kept of their rows: row-indexes.ts and row-state.ts.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { RowId } from '../core/body.ts';
import { fromHex, toHex } from '../core/bytes.ts';
import { encode } from '../core/codec.ts';
import { type CopyId, EMPTY, vectorCodec } from '../core/vector.ts';
import type { Numbering } from './row-blob.ts';

export interface RowPlace {
  readonly table: string;
  readonly row: RowId;
}

export interface TableEntry {
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

export class RowTables {
  protected readonly db: DatabaseSync;
  protected readonly num: number;
  protected readonly copies: CopyId[] = [];
  protected readonly known = new Map<string, TableEntry>();
  readonly #makers = new Map<CopyId, number>();
  readonly #byNumber = new Map<number, TableEntry>();
  readonly #statements = new Map<string, StatementSync>();

  /** The database `id` within `db`, a store opened with `ROWS`. */
  protected constructor(db: DatabaseSync, id: string) {
    this.db = db;
    this.run('INSERT INTO source (id, vector) VALUES (?, ?) ON CONFLICT DO NOTHING', id, encode(vectorCodec, EMPTY));
    this.num = Number(this.get('SELECT num FROM source WHERE id = ?', id)?.[0]);
  }

  tables(): string[] {
    return [...this.known.keys()];
  }

  /** Reads what the tables are called and how much there is of what is rare. */
  protected readTables(): void {
    this.#makers.clear();
    this.known.clear();
    this.#byNumber.clear();
    this.copies.length = 0;
    for (const [num, id] of this.all('SELECT num, id FROM maker')) this.#know(toHex(id as Uint8Array), Number(num));
    const tables = this.all('SELECT num, id, top, moved_base, remembered FROM source_table WHERE source = ?', this.num);
    for (const [num, id, top, movedBase, remembered] of tables) {
      const entry = this.#knowTable(Number(num), id as string, top as bigint | null, movedBase === 1n);
      entry.remembered = remembered === 1n;
      entry.written = this.get('SELECT 1 FROM row WHERE tbl = ? LIMIT 1', entry.num) !== undefined;
      entry.claimed = this.get('SELECT 1 FROM claim WHERE tbl = ? LIMIT 1', entry.num) !== undefined;
      entry.moved = Number(this.get('SELECT count(*) FROM moved WHERE tbl = ?', entry.num)?.[0]);
      entry.withheld = Number(this.get('SELECT count(*) FROM withheld WHERE tbl = ?', entry.num)?.[0]);
      entry.listed = Number(this.get('SELECT count(*) FROM listed WHERE tbl = ?', entry.num)?.[0]);
      entry.watching = Number(this.get('SELECT count(*) FROM watch WHERE tbl = ?', entry.num)?.[0]);
      for (const [column, name] of this.all('SELECT num, id FROM source_column WHERE tbl = ?', entry.num)) {
        entry.columns.set(name as string, Number(column));
        entry.columnIds[Number(column)] = name as string;
      }
    }
  }

  protected tableOf(id: string): TableEntry {
    const known = this.known.get(id);
    if (known) return known;
    const added = this.run('INSERT INTO source_table (source, id) VALUES (?, ?)', this.num, id);
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
    this.known.set(id, entry);
    this.#byNumber.set(num, entry);
    return entry;
  }

  #know(copy: CopyId, num: number): void {
    this.#makers.set(copy, num);
    this.copies[num] = copy;
  }

  protected naming(table: TableEntry): Numbering {
    return {
      maker: (copy) => this.#makers.get(copy) ?? this.#addMaker(copy),
      copy: (maker) => this.copies[maker] as CopyId,
      column: (id) => table.columns.get(id) ?? this.#addColumn(table, id),
      columnId: (num) => table.columnIds[num] as string,
    };
  }

  #addMaker(copy: CopyId): number {
    // The state of another database of this file may have added it.
    this.run('INSERT INTO maker (id) VALUES (?) ON CONFLICT DO NOTHING', fromHex(copy));
    const num = Number(this.get('SELECT num FROM maker WHERE id = ?', fromHex(copy))?.[0]);
    this.#know(copy, num);
    return num;
  }

  #addColumn(table: TableEntry, id: string): number {
    const num = table.columnIds.length;
    this.run('INSERT INTO source_column VALUES (?, ?, ?)', table.num, num, id);
    table.columns.set(id, num);
    table.columnIds.push(id);
    return num;
  }

  protected places(sql: string, ...values: SQLInputValue[]): RowPlace[] {
    const places: RowPlace[] = [];
    for (const [tbl, id] of this.all(sql, ...values)) {
      const table = this.#byNumber.get(Number(tbl));
      if (table) places.push({ table: table.id, row: rowId(id as Uint8Array) });
    }
    return places.sort((a, b) => compareText(a.table, b.table) || compareText(a.row, b.row));
  }

  protected prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const made = this.db.prepare(sql);
    made.setReadBigInts(true);
    made.setReturnArrays(true);
    this.#statements.set(sql, made);
    return made;
  }

  protected run(sql: string, ...values: SQLInputValue[]) {
    return this.prepare(sql).run(...values);
  }

  protected get(sql: string, ...values: SQLInputValue[]): unknown[] | undefined {
    return this.prepare(sql).get(...values) as unknown[] | undefined;
  }

  /** The same as `all` without holding them; nobody else may ask the same meanwhile. */
  protected each(sql: string, ...values: SQLInputValue[]): Iterable<unknown[]> {
    return this.prepare(sql).iterate(...values) as unknown as Iterable<unknown[]>;
  }

  protected all(sql: string, ...values: SQLInputValue[]): unknown[][] {
    return this.prepare(sql).all(...values) as unknown as unknown[][];
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function rowBytes(row: RowId): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + (row.length - 1) / 2);
  bytes[0] = row.charCodeAt(0);
  bytes.write(row.slice(1), 1, 'hex');
  return bytes;
}

export function rowId(bytes: Uint8Array): RowId {
  return String.fromCharCode(bytes[0] as number) + toHex(bytes.subarray(1));
}
