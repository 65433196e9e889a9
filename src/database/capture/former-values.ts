/**
 * What the log knows of rows in a file that says nothing of its position: every value that was ever written to their
 * cells, at which numbers they were, and whether they were deleted. What a file holds of these was not edited in it: it
 * is older than what is shown. Only the rows that differ are looked up, all of them by going through the log once, and
 * once more where one of them had another number before.
 */
import { namedValue, type RowId } from '../../core/body.ts';
import { namedRowOrKey, numberColumn, rowOfNumber, type Table } from '../../core/tables.ts';
import { RowRef, sameValue, type Value } from '../../core/value.ts';
import { covers, EMPTY } from '../../core/vector.ts';
import { changesAfter, readBody } from '../folding/containing.ts';
import { columnId, type Shown } from '../folding/shown.ts';
import type { Standing } from '../standing.ts';
import { cellsOf } from './ops.ts';

interface FormerWrites {
  /** By column, in the order in which they came. */
  readonly cells: Map<string, Value[]>;
  isDeleted: boolean;
}

/** Which rows are asked for. */
export class AskedRows {
  /** By table. */
  readonly rows = new Map<string, Set<RowId>>();
  /** By table: every row that was ever at one of these. */
  readonly numbers = new Map<string, Set<bigint>>();

  row(table: Table, row: RowId): void {
    addTo(this.rows, table.id, row);
  }

  number(table: Table, number: bigint): void {
    addTo(this.numbers, table.id, number);
  }
}

export class FormerValues {
  readonly #standing: Standing;
  readonly #shown: Shown;
  readonly #rows = new Map<string, Map<RowId, FormerWrites>>();
  readonly #at = new Map<string, Map<bigint, Set<RowId>>>();

  constructor(standing: Standing, shown: Shown, asked: AskedRows) {
    this.#standing = standing;
    this.#shown = shown;
    // What was written to a row before it came to a number that is asked for has gone by when that is known.
    while (this.#read(asked)) this.#rows.clear();
  }

  wasDeleted(table: Table, row: RowId): boolean {
    return this.#rows.get(table.id)?.get(row)?.isDeleted === true;
  }

  /** Rows that were at this number. */
  rowsAt(table: Table, number: bigint): RowId[] {
    const inBase = rowOfNumber(number);
    const found = new Set(this.#at.get(table.id)?.get(number));
    if (this.#shown.base.has(table, inBase)) found.add(inBase);
    return [...found];
  }

  /** Has the row, in all its cells, values that it ever had? */
  hadAll(table: Table, row: RowId, actual: readonly Value[]): boolean {
    return actual.every((item, at) => at === numberColumn(table) || this.had(table, row, at, item));
  }

  had(table: Table, row: RowId, at: number, item: Value): boolean {
    const { id, left, initial = null } = table.columns[at] as Table['columns'][number];
    if (left) return true;
    const { base } = this.#shown;
    const writes = this.#rows.get(table.id)?.get(row);
    if (base.has(table, row)) {
      const then = base.read(table, row)?.[at] ?? null;
      if (sameValue(item, then) || sameValue(item, this.#shown.inBase(table, at, then))) return true;
    } else if (writes === undefined) return false;
    const written = writes?.cells.get(id);
    // Nobody ever wrote to a column that is younger than the row.
    if (written === undefined) return !base.has(table, row) && sameValue(item, initial);
    return written.some((value) => this.#isPlain(table, at, value, item));
  }

  /** Is what the file holds this value, as it was ever shown? */
  #isPlain(table: Table, at: number, written: Value, item: Value): boolean {
    if (sameValue(item, this.#shown.plain(table, at, written))) return true;
    const target = written instanceof RowRef ? this.#shown.tables.get(table.references.get(at) ?? '') : undefined;
    if (target === undefined || !(written instanceof RowRef)) return false;
    const [number] = typeof item === 'bigint' ? [item] : [];
    return number !== undefined && this.rowsAt(target, number).includes(written.row);
  }

  /** True: rows were met that are asked for, too, and whose earlier writes have gone by. */
  #read(asked: AskedRows): boolean {
    const { options, id, state } = this.#standing;
    const tables = this.#tablesOf(asked);
    let isMore = false;
    for (const change of changesAfter(options.source, id, EMPTY)) {
      if (!covers(state.vector, change.copy, change.seq)) continue;
      const body = readBody(options.source, change);
      if (!body.uses.some(({ table }) => tables.has(table))) continue;
      for (const [index, op] of body.ops.entries()) {
        const use = body.uses[op.use];
        const table = use && tables.get(use.table);
        if (use === undefined || table === undefined) continue;
        const row = namedRowOrKey(op.row ?? `n${index}`, change);
        const cells = cellsOf(op, use.columns).map(([column, item]) => [column, namedValue(item, change)] as const);
        const place = numberColumn(table);
        const number = cells.find(([column]) => place !== undefined && column === columnId(table, place))?.[1];
        if (typeof number === 'bigint' && this.#isAt(asked, table, row, number, op.kind !== 'insert')) isMore = true;
        if (asked.rows.get(table.id)?.has(row)) this.#note(table, row, cells, op.kind === 'delete');
      }
    }
    return isMore;
  }

  /** Those of the rows, and those that they refer to: of these, who was numbered otherwise. */
  #tablesOf({ rows, numbers }: AskedRows): Map<string, Table> {
    const ids = new Set([...rows.keys(), ...numbers.keys()]);
    for (const id of [...ids])
      for (const target of this.#shown.tables.get(id)?.references.values() ?? []) ids.add(target);
    const found = [...ids].map((id) => this.#shown.tables.get(id));
    return new Map(found.flatMap((table) => (table === undefined ? [] : [[table.id, table]])));
  }

  /** A row was, or came, to this number. True: it is asked for only now. */
  #isAt(asked: AskedRows, table: Table, row: RowId, number: bigint, isMoved: boolean): boolean {
    const isKnown = asked.rows.get(table.id)?.has(row) === true;
    if (!isKnown && !isMoved && asked.numbers.get(table.id)?.has(number) !== true) return false;
    const numbers = this.#at.get(table.id) ?? new Map<bigint, Set<RowId>>();
    this.#at.set(table.id, numbers.set(number, (numbers.get(number) ?? new Set()).add(row)));
    asked.row(table, row);
    return !isKnown && isMoved;
  }

  #note(table: Table, row: RowId, cells: Iterable<readonly [string, Value]>, isDeletion: boolean): void {
    const rows = this.#rows.get(table.id) ?? new Map<RowId, FormerWrites>();
    const known = rows.get(row) ?? { cells: new Map<string, Value[]>(), isDeleted: false };
    for (const [column, item] of cells) {
      const items = known.cells.get(column);
      if (items === undefined) known.cells.set(column, [item]);
      else items.push(item);
    }
    known.isDeleted ||= isDeletion;
    this.#rows.set(table.id, rows.set(row, known));
  }
}

function addTo<T>(sets: Map<string, Set<T>>, id: string, item: T): void {
  sets.set(id, (sets.get(id) ?? new Set()).add(item));
}
