/**
 * Takes changes into the merged rows, and finds out which rows are shown otherwise than before. Changes are folded in
 * memory, then settled once for all: rows written, numbers mended, references to moved rows followed. Runs inside a
 * transaction of `RowState` that the caller opened.
 */
import type { DatabaseBody, DatabaseOp, RowId } from '../core/body.ts';
import { namedValue } from '../core/body.ts';
import type { Seen } from '../core/rows.ts';
import { ABSENT, foldDelete, foldWrite, IN_BASE, type Origin, type Row, seenVector } from '../core/rows.ts';
import { keyOfRow, namedRowOrKey, numberColumn, type Table } from '../core/tables.ts';
import { RowRef, type Value } from '../core/value.ts';
import { at, type Vector, withEntry } from '../core/vector.ts';
import type { RowState } from '../store/row-state.ts';
import type { BaseFile } from './base-file.ts';
import { Renumbering } from './renumbering.ts';
import { columnId, forwarding, type RowView, Shown } from './shown.ts';
import type { SourceChange } from './source.ts';
import { namesOf } from './unique-values.ts';

/** A row that changes may have made to be shown otherwise. */
export interface Touched {
  readonly row: RowId;
  /** As it was; undefined: nobody had written to it. */
  readonly before: Row | undefined;
  now: Row;
  /** The columns that may be shown with other values. */
  readonly columns: Set<string>;
  /** An op touched it; otherwise it is shown otherwise because of another row. */
  ops: boolean;
}

export type KnownRows = ReadonlyMap<string, ReadonlyMap<RowId, Row | undefined>>;
export type TouchedRows = ReadonlyMap<string, ReadonlyMap<RowId, Touched>>;

export class Folding {
  readonly #state: RowState;
  readonly #base: BaseFile;
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #touched = new Map<string, Map<RowId, Touched>>();
  readonly #consequences = new Map<string, Map<RowId, Touched>>();
  readonly #renumbering: Renumbering;
  readonly #known: KnownRows | undefined;
  #vector: Vector;
  #changes = 0;

  /** `known`: merged rows that were read from the state as it is. */
  constructor(state: RowState, base: BaseFile, tables: ReadonlyMap<string, Table>, known?: KnownRows) {
    this.#known = known;
    this.#state = state;
    this.#base = base;
    this.#tables = tables;
    this.#vector = state.vector;
    this.#renumbering = new Renumbering(state, base);
  }

  get changes(): number {
    return this.#changes;
  }

  get vector(): Vector {
    return this.#vector;
  }

  /** Rows per table that are, or may be, shown otherwise. Complete after `settle`. */
  get touched(): TouchedRows {
    return this.#touched;
  }

  /** Of these, the rows that have another number than before, and those that refer to them. */
  get consequences(): TouchedRows {
    return this.#consequences;
  }

  get rows(): number {
    let count = 0;
    for (const rows of this.#touched.values()) count += rows.size;
    return count;
  }

  /** After everything that it has seen, and once: the caller knows what is folded. */
  fold(change: SourceChange, body: DatabaseBody): void {
    const by: Origin = { copy: change.copy, seq: change.seq, stamp: change.stamp };
    const seen = seenVector(body.seen ?? change.deps);
    body.ops.forEach((op, index) => {
      const use = body.uses[op.use];
      if (use !== undefined) this.#foldOp(op, index, use, by, seen);
    });
    if (at(this.#vector, change.copy) < change.seq) this.#vector = withEntry(this.#vector, change.copy, change.seq);
    this.#changes += 1;
  }

  #foldOp(
    op: DatabaseOp,
    index: number,
    use: { table: string; columns: readonly string[] },
    by: Origin,
    seen: Seen,
  ): void {
    const row = namedRowOrKey(op.row ?? `n${index}`, by);
    const touched = this.#touch(use.table, row);
    // A number that was written down was shown before: in the file nothing has happened.
    if (op.kind !== 'number') touched.ops = true;
    switch (op.kind) {
      case 'insert':
      case 'update':
      case 'number': {
        const cells = cellsOf(op, use.columns).map(([id, item]): [string, Value] => [id, namedValue(item, by)]);
        // A number that mending gave is nobody's edit: it does not keep a row that somebody deleted.
        touched.now = foldWrite(touched.now, by, cells, seen, op.kind === 'number');
        for (const [id] of cells) touched.columns.add(id);
        break;
      }
      case 'delete':
        touched.now = foldDelete(touched.now, by, seen);
        break;
      default:
        op satisfies never;
    }
  }

  /** The row's place in this folding, made when it is met first. */
  #touch(table: string, row: RowId): Touched {
    const rows = this.#touched.get(table) ?? new Map<RowId, Touched>();
    this.#touched.set(table, rows);
    let touched = rows.get(row);
    if (touched === undefined) {
      const known = this.#known?.get(table);
      const before = known?.has(row) ? known.get(row) : this.#state.row(table, row);
      touched = { row, before, now: before ?? this.#unwritten(table, row), columns: new Set(), ops: false };
      rows.set(row, touched);
    }
    return touched;
  }

  #unwritten(table: string, row: RowId): Row {
    const known = this.#tables.get(table);
    return known !== undefined && this.#base.has(known, row) ? IN_BASE : ABSENT;
  }

  /** Writes the rows, and finds all others that are shown otherwise because of them. */
  settle(others: Vector = this.#vector): void {
    for (const [table, rows] of [...this.#touched]) {
      for (const touched of rows.values()) this.#put(table, touched);
    }
    this.#renumbering.settle();
    this.#followMoves();
    this.#vector = others;
    this.#state.setVector(others);
  }

  #put(table: string, { row, before, now }: Touched): void {
    if (now === before) return;
    this.#state.putRow(table, row, now, before);
    const known = this.#tables.get(table);
    if (known === undefined) return;
    for (const [at, target] of known.references) this.#refer(known, at, target, row, now, before);
    if (before === undefined && !now.base && known.kind === 'name' && row[0] === 'k') this.#referFromKey(known, row);
    for (const [place, name] of namesOf(known, this.#base, row, now)) this.#state.addUnique(table, place, name, row);
    if (numberColumn(known) !== undefined) this.#renumbering.note(known, row, before, now);
  }

  #refer(table: Table, at: number, target: string, row: RowId, now: Row, before: Row | undefined): void {
    const writes = now.cells.get(columnId(table, at));
    if (writes === undefined || writes === before?.cells.get(columnId(table, at))) return;
    for (const { value } of writes) {
      if (value instanceof RowRef)
        this.#state.addReference({ table: target, row: value.row }, { table: table.id, row });
    }
  }

  #referFromKey(table: Table, row: RowId): void {
    if (!table.key.some(({ at }) => table.references.has(at))) return;
    const key = keyOfRow(row);
    for (const [index, { at }] of table.key.entries()) {
      const target = table.references.get(at);
      const item = key[index];
      if (target !== undefined && item instanceof RowRef) {
        this.#state.addReference({ table: target, row: item.row }, { table: table.id, row });
      }
    }
  }

  /** A row with another number than before is written anew, and so are the references to it. */
  #followMoves(): void {
    for (const [id, moves] of this.#renumbering.moves()) {
      const table = this.#tables.get(id) as Table;
      for (const row of moves) {
        this.#follow(id, row, columnId(table, numberColumn(table) as number));
        for (const place of this.after().referrers(table, row)) {
          const from = this.#tables.get(place.table);
          for (const [at, target] of from?.references ?? []) {
            if (from && target === id) this.#follow(place.table, place.row, columnId(from, at));
          }
        }
      }
    }
  }

  #follow(table: string, row: RowId, column: string): void {
    const touched = this.#touch(table, row);
    touched.columns.add(column);
    const rows = this.#consequences.get(table) ?? new Map<RowId, Touched>();
    this.#consequences.set(table, rows.set(row, touched));
  }

  /** Rows of a table with numbers that this folding moved, with the numbers that they are shown with now. */
  *newlyMoved(): Generator<[table: Table, row: RowId, number: bigint]> {
    for (const [id, moves] of this.#renumbering.moves()) {
      for (const row of moves) {
        const number = this.#state.movedTo(id, row);
        if (number !== undefined) yield [this.#tables.get(id) as Table, row, number];
      }
    }
  }

  /** The rows as they were before, for finding them in the user's database. */
  before(): Shown {
    return this.#view(
      (touched) => touched.before,
      (table, row) => this.#renumbering.movedBefore(table, row),
    );
  }

  /** The rows as an application left them when these are its own edits: what it wrote is there already. */
  edited(): Shown {
    const wroteNumber = (table: string, row: RowId): boolean => {
      const known = this.#tables.get(table);
      const at = known && numberColumn(known);
      const touched = this.#touched.get(table)?.get(row);
      if (known === undefined || at === undefined || !touched?.ops) return false;
      const column = columnId(known, at);
      return touched.now.cells.get(column) !== touched.before?.cells.get(column);
    };
    return this.#view(
      (touched) => (touched.ops ? touched.now : touched.before),
      (table, row) => (wroteNumber(table, row) ? undefined : this.#renumbering.movedBefore(table, row)),
    );
  }

  #view(
    rowOf: (touched: Touched) => Row | undefined,
    movedTo: (table: string, row: RowId) => bigint | undefined,
  ): Shown {
    const view: RowView = {
      ...forwarding(this.#state),
      movedTo,
      movedAt: (table, number) => {
        const now = this.#state.movedAt(table, number);
        if (now !== undefined && movedTo(table, now) === number) return now;
        return this.#renumbering.movedAtBefore(table, number).find((row) => movedTo(table, row) === number);
      },
      row: (table, row) => {
        const touched = this.#touched.get(table)?.get(row);
        return touched ? rowOf(touched) : this.#state.row(table, row);
      },
    };
    return new Shown(view, this.#base, this.#tables);
  }

  after(): Shown {
    return new Shown(this.#state, this.#base, this.#tables);
  }
}

function cellsOf(op: DatabaseOp, columns: readonly string[]): [string, Value][] {
  const named = (index: number): string => columns[index] ?? '';
  if (op.kind === 'insert') return op.values.map((item, index) => [named(index), item]);
  if (op.kind === 'update') return op.cells.map(({ column, value }) => [named(column), value]);
  if (op.kind === 'number') return [[named(op.column), op.to]];
  return [];
}
