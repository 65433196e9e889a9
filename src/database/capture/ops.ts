/** Gathers the ops of one change: tables and columns once, rows by what they are. */
import { type DatabaseOp, databaseOp, namedValue, type ReadBody, type RowId } from '../../core/body.ts';
import type { ChangeId } from '../../core/change.ts';
import type { Numbered } from '../../core/rows.ts';
import { namedRowOrKey, type Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { Room } from '../folding/room.ts';
import { columnId } from '../folding/shown.ts';
import { KeptList } from './kept-list.ts';

export type MadeBody = ReadBody & { readonly ops: KeptList<DatabaseOp> };

interface Use {
  readonly table: string;
  readonly columns: string[];
}

export class Ops {
  readonly #uses: Use[] = [];
  readonly #inserts = new Map<string, number>();
  readonly #updates = new Map<string, { use: number; places: Map<number, number> }>();
  readonly #ops: KeptList<DatabaseOp>;

  /** `room`: for ops; as much as it takes where it is not given. */
  constructor(room = new Room(Number.POSITIVE_INFINITY)) {
    this.#ops = new KeptList(databaseOp, room);
  }

  get count(): number {
    return this.#ops.length;
  }

  /** `row` null: the op names the row. `columns`: indexes into the table's. */
  insert(table: Table, row: RowId | null, columns: readonly number[], values: readonly Value[]): void {
    const name = `${table.id}\0${columns.join()}`;
    const known = this.#inserts.get(name);
    const use = known ?? this.#use(table, columns);
    if (known === undefined) this.#inserts.set(name, use);
    this.#ops.add({ kind: 'insert', use, row, values });
  }

  /** No cells: the row is touched, so that a deletion that is known no longer speaks against it. */
  update(table: Table, row: RowId, columns: readonly number[], values: readonly Value[]): void {
    const { use, places } = this.#updateUse(table);
    const cells = columns.map((at, index) => ({
      column: this.#place(use, places, table, at),
      value: values[index] as Value,
    }));
    this.#ops.add({ kind: 'update', use, row, cells });
  }

  delete(table: Table, row: RowId): void {
    this.#ops.add({ kind: 'delete', use: this.#updateUse(table).use, row });
  }

  number(table: Table, row: RowId, at: number, from: Value, to: Value, because: RowId): void {
    const { use, places } = this.#updateUse(table);
    const column = this.#place(use, places, table, at);
    this.#ops.add({ kind: 'number', use, row, column, from, to, because });
  }

  body(database: string, seen: ReadBody['seen'], mark: ReadBody['mark']): MadeBody {
    return { database, seen, mark, uses: this.#uses, ops: this.#ops };
  }

  #use(table: Table, columns: readonly number[]): number {
    return this.#uses.push({ table: table.id, columns: columns.map((at) => columnId(table, at)) }) - 1;
  }

  #updateUse(table: Table): { use: number; places: Map<number, number> } {
    const known = this.#updates.get(table.id);
    if (known) return known;
    const made = { use: this.#use(table, []), places: new Map<number, number>() };
    this.#updates.set(table.id, made);
    return made;
  }

  #place(use: number, places: Map<number, number>, table: Table, at: number): number {
    const known = places.get(at);
    if (known !== undefined) return known;
    const place = (this.#uses[use] as Use).columns.push(columnId(table, at)) - 1;
    places.set(at, place);
    return place;
  }
}

/** What an op writes, by column. */
export function cellsOf(op: DatabaseOp, columns: readonly string[]): [string, Value][] {
  const named = (index: number): string => columns[index] ?? '';
  if (op.kind === 'insert') return op.values.map((item, index) => [named(index), item]);
  if (op.kind === 'update') return op.cells.map(({ column, value }) => [named(column), value]);
  if (op.kind === 'number') return [[named(op.column), op.to]];
  return [];
}

/** What a number was before, where the op writes down the one that mending gave. */
export function numberedBy(op: DatabaseOp, by: ChangeId): Numbered | undefined {
  if (op.kind !== 'number') return undefined;
  return { from: namedValue(op.from, by), because: namedRowOrKey(op.because, by) };
}
