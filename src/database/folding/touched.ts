/**
 * The rows of one folding. Beyond what is to be held they lie on the disk until the folding is settled and placed; what
 * is mended meanwhile is brought back, and held.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { RowId } from '../../core/body.ts';
import { type Row, sameMend, type Write } from '../../core/rows.ts';
import type { RowState } from '../../store/row-state.ts';
import { openScratch } from '../../store/scratch.ts';
import { SCHEMA } from '../schema/reserved.ts';
import type { Room } from './room.ts';
import { RowNames } from './row-names.ts';

/** A row that changes may have made to be shown otherwise. */
export interface Touched {
  readonly row: RowId;
  /** As it was; undefined: nobody had written to it. */
  before: Row | undefined;
  now: Row;
  /** The columns that may be shown with other values. */
  readonly columns: Set<string>;
  /** The columns of which it is not known any more what they were shown with. */
  unknown?: ReadonlySet<string>;
  /** As the ops leave it: with what was mended before and is not written over. */
  edited: Row;
  /** An op touched it; otherwise it is shown otherwise because of another row. */
  ops: boolean;
  /** As the state has it already, and the numbers that it claims, where that is not how it was. */
  stored?: Row | undefined;
  /** It was on the disk, and is held again. */
  readonly again?: true;
}

/** The rows of a table; those that are not held are read anew each time, so they are only to be looked at. */
export interface TouchedTable {
  readonly size: number;
  get(row: RowId): Touched | undefined;
  keys(): Iterable<RowId>;
  values(): Iterable<Touched>;
}

export type TouchedRows = ReadonlyMap<string, TouchedTable>;
export type KnownRows = ReadonlyMap<string, ReadonlyMap<RowId, Row | undefined>>;

const COLUMNS = 'id, before, now, columns, ops, mended';

/** Where the rows of one folding are kept. */
export class TouchedStore {
  readonly #state: RowState;
  readonly #room: Room;
  readonly #each: (table: string, touched: Touched) => void;
  readonly #tables = new Map<string, TouchedOf>();
  #held = 0;
  #db: DatabaseSync | null = null;

  /** `each` is told of every row that goes to the disk, once it is in the state. */
  constructor(state: RowState, room: Room, each: (table: string, touched: Touched) => void) {
    this.#each = each;
    this.#state = state;
    this.#room = room;
  }

  get tables(): ReadonlyMap<string, TouchedOf> {
    return this.#tables;
  }

  get size(): number {
    let count = 0;
    for (const { size } of this.#tables.values()) count += size;
    return count;
  }

  table(id: string): TouchedOf {
    const known = this.#tables.get(id);
    if (known) return known;
    const made = new TouchedOf(
      this.#tables.size,
      id,
      this.#state,
      () => this.#open(),
      () => this.#noteHeld(),
    );
    this.#tables.set(id, made);
    return made;
  }

  /** A row is held that was not. */
  #noteHeld(): void {
    this.#held += 1;
    this.#room.note(this.#held);
  }

  /** While ops are folded: puts what is held into the state and out of the way, when it has become too much. */
  relieve(): void {
    if (this.#held < this.#room.rows) return;
    this.#held = 0;
    for (const [id, table] of this.#tables) {
      // The schema is read on the way, and is small.
      if (id === SCHEMA) this.#held += table.size;
      else table.keep(this.#each);
    }
  }

  close(): void {
    if (this.#db?.isOpen) this.#db.close();
    this.#db = null;
  }

  #open(): DatabaseSync {
    this.#db ??= openScratch('');
    return this.#db;
  }
}

class TouchedOf implements TouchedTable {
  /** Of its table on the disk. */
  readonly #name: string;
  readonly #id: string;
  readonly #state: RowState;
  readonly #open: () => DatabaseSync;
  readonly #noteHeld: () => void;
  readonly #held = new Map<RowId, Touched>();
  /** How many are on the disk, held again or not. */
  #kept = 0;
  /** How many of these are held again. */
  #again = 0;
  readonly #names = new RowNames();
  /** What was read last. */
  #last: Touched | null = null;
  #get: StatementSync | null = null;
  #put: StatementSync | null = null;
  #columns: { readonly text: string; readonly set: Set<string> } = { text: '[]', set: new Set() };

  constructor(num: number, id: string, state: RowState, open: () => DatabaseSync, noteHeld: () => void) {
    this.#name = `kept${num}`;
    this.#id = id;
    this.#state = state;
    this.#open = open;
    this.#noteHeld = noteHeld;
  }

  get size(): number {
    return this.#held.size + this.#kept - this.#again;
  }

  get(row: RowId): Touched | undefined {
    const held = this.#held.get(row);
    if (held !== undefined || !this.#names.mayHave(row)) return held;
    if (this.#last?.row === row) return this.#last;
    this.#get ??= this.#finding();
    const found = this.#get.get(row);
    return found && this.#read(found as unknown as unknown[]);
  }

  /** To be altered. */
  hold(row: RowId): Touched | undefined {
    const found = this.get(row);
    if (found === undefined || this.#held.has(row)) return found;
    const touched: Touched = { ...found, columns: new Set(found.columns), stored: found.now, again: true };
    this.#again += 1;
    this.#held.set(row, touched);
    this.#last = null;
    this.#noteHeld();
    return touched;
  }

  add(touched: Touched): void {
    this.#held.set(touched.row, touched);
    this.#noteHeld();
  }

  /** All, each once; what is added meanwhile, too. */
  *values(): Generator<Touched> {
    yield* this.#onDisk('');
    for (const touched of this.#held.values()) if (touched.again === undefined) yield touched;
  }

  /** Those that are or were mended, and perhaps others. */
  *mended(): Generator<Touched> {
    yield* this.#onDisk('WHERE mended');
    for (const touched of this.#held.values()) if (touched.again === undefined) yield touched;
  }

  /** Those that may have been altered since they were folded. */
  held(): Iterable<Touched> {
    return this.#held.values();
  }

  *keys(): Generator<RowId> {
    for (const { row } of this.values()) yield row;
  }

  /** Puts all that is held into the state. */
  store(): void {
    for (const touched of this.#held.values()) this.#store(touched, undefined);
  }

  #store(touched: Touched, encoded: Uint8Array | undefined): void {
    const { row, now, before, stored = before } = touched;
    touched.edited = now;
    if (now !== stored) this.#state.putRow(this.#id, row, now, stored, encoded);
  }

  /** The same, and then out of memory. `each` is told of every row before it goes. */
  keep(each: (table: string, touched: Touched) => void): void {
    if (this.#held.size === 0) return;
    this.#last = null;
    this.#put ??= this.#making();
    for (const touched of this.#held.values()) {
      const { row, before, now, columns, ops, again } = touched;
      if (again) this.#open().prepare(`DELETE FROM ${this.#name} WHERE id = ?`).run(row);
      const was = before === undefined ? null : this.#state.encoded(this.#id, before);
      const mended = before?.mend !== undefined || now.mend !== undefined;
      const is = this.#state.encoded(this.#id, now);
      this.#store(touched, is);
      each(this.#id, touched);
      this.#names.add(row);
      this.#put.run(row, was, is, this.#textOf(columns), ops ? 1 : 0, mended ? 1 : 0);
    }
    this.#kept += this.#held.size - this.#again;
    this.#again = 0;
    this.#held.clear();
  }

  /** In the order in which they were folded, which is often that of their keys: so they are read and placed. */
  #making(): StatementSync {
    const db = this.#open();
    db.exec(`CREATE TABLE ${this.#name} (n INTEGER PRIMARY KEY, ${COLUMNS});
      CREATE INDEX ${this.#name}_mended ON ${this.#name} (n) WHERE mended`);
    return db.prepare(`INSERT INTO ${this.#name} (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`);
  }

  /** Few of those that are on the disk are ever asked for. */
  #finding(): StatementSync {
    this.#open().exec(`CREATE INDEX ${this.#name}_id ON ${this.#name} (id)`);
    return prepared(this.#open(), `SELECT ${COLUMNS} FROM ${this.#name} WHERE id = ?`);
  }

  *#onDisk(which: '' | 'WHERE mended'): Generator<Touched> {
    if (this.#kept === 0) return;
    const all = prepared(this.#open(), `SELECT ${COLUMNS} FROM ${this.#name} ${which} ORDER BY n`);
    for (const found of all.iterate()) {
      const cells = found as unknown as unknown[];
      const held = this.#held.get(cells[0] as RowId);
      // Whoever goes through the rows asks for each of them.
      if (held === undefined) this.#last = this.#read(cells);
      yield held ?? (this.#last as Touched);
    }
  }

  #read([row, was, is, columns, ops]: unknown[]): Touched {
    const before = was === null ? undefined : this.#state.decoded(this.#id, was as Uint8Array);
    const now = alike(before, this.#state.decoded(this.#id, is as Uint8Array));
    return { row: row as RowId, before, now, edited: now, columns: this.#setOf(columns as string), ops: ops === 1 };
  }

  /** Nearly all rows of a bulk change have the same columns. */
  #textOf(columns: ReadonlySet<string>): string {
    if (columns.size === this.#columns.set.size && [...columns].every((id) => this.#columns.set.has(id))) {
      return this.#columns.text;
    }
    this.#columns = { text: JSON.stringify([...columns]), set: new Set(columns) };
    return this.#columns.text;
  }

  #setOf(text: string): Set<string> {
    if (this.#columns.text !== text) this.#columns = { text, set: new Set(JSON.parse(text) as string[]) };
    return this.#columns.set;
  }
}

function prepared(db: DatabaseSync, sql: string): StatementSync {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement;
}

/** What was not written is the same thing before and after: whoever compares rows need not look into it. */
function alike(before: Row | undefined, now: Row): Row {
  if (before === undefined) return now;
  const cells = new Map<string, readonly Write[]>();
  for (const [column, writes] of now.cells) {
    const was = before.cells.get(column);
    cells.set(column, was !== undefined && sameWrites(was, writes) ? was : writes);
  }
  const row: Row = { ...now, cells };
  return now.mend !== undefined && before.mend !== undefined && sameMend(before.mend, now.mend)
    ? { ...row, mend: before.mend }
    : row;
}

export function sameWrites(a: readonly Write[], b: readonly Write[]): boolean {
  return (
    a.length === b.length &&
    a.every((write, at) => {
      const other = b[at] as Write;
      return write.seq === other.seq && write.copy === other.copy && write.dead === other.dead;
    })
  );
}
