/** The rows of a settled folding as they were, as their application left them, and which got another number. */
import type { RowId } from '../../core/body.ts';
import type { Row } from '../../core/rows.ts';
import { numberColumn, type Table } from '../../core/tables.ts';
import type { RowState } from '../../store/row-state.ts';
import type { BaseFile } from './base-file.ts';
import type { Renumbering } from './renumbering.ts';
import { columnId, forwarding, type RowView, Shown } from './shown.ts';
import { sameWrites, type Touched, type TouchedRows, type TouchedStore } from './touched.ts';

/** A row whose own copy should write down the number that it is shown with in this column. */
export interface Renumbered {
  readonly table: Table;
  readonly row: RowId;
  readonly column: string;
}

/** Rows of a file as its own edits left them, by table. */
export type LeftRows = ReadonlyMap<string, ReadonlyMap<RowId, Row>>;

interface Folded {
  readonly state: RowState;
  readonly base: BaseFile;
  readonly tables: ReadonlyMap<string, Table>;
  readonly touched: TouchedStore['tables'];
  readonly consequences: TouchedRows;
  readonly renumbering: Renumbering;
}

export class FoldingViews {
  readonly #of: Folded;

  constructor(of: Folded) {
    this.#of = of;
  }

  /** The rows as they were before, for finding them in the user's database. `left`: some of which are there otherwise. */
  before(left: LeftRows = new Map()): Shown {
    return this.#view((table, { row }) => left.get(table)?.get(row));
  }

  /** The rows as an application left them when these are its own edits: what it wrote is there already. */
  edited(): Shown {
    return this.#view((_, { ops, edited }) => (ops ? edited : undefined));
  }

  /** `left`: the row as an application left it, where it wrote to it. */
  #view(left: (table: string, touched: Touched) => Row | undefined): Shown {
    const wroteNumber = (table: string, row: RowId): boolean => {
      const known = this.#of.tables.get(table);
      const at = known && numberColumn(known);
      const touched = this.#of.touched.get(table)?.get(row);
      const now = touched && left(table, touched);
      if (known === undefined || at === undefined || now === undefined) return false;
      const column = columnId(known, at);
      return !sameWrites(now.cells.get(column) ?? [], touched?.before?.cells.get(column) ?? []);
    };
    const movedTo = (table: string, row: RowId): bigint | undefined =>
      wroteNumber(table, row) ? undefined : this.#of.renumbering.movedBefore(table, row);
    const { state, consequences } = this.#of;
    const isMended = (table: string): boolean => consequences.has(table);
    const view: RowView = {
      ...forwarding(state),
      // A row that is in no conflict any more was in one until then.
      isWatching: (table) => isMended(table) || state.isWatching(table),
      lists: (table) => isMended(table) || state.lists(table),
      movedTo,
      movedAt: (table, number) => {
        const now = this.#of.state.movedAt(table, number);
        if (now !== undefined && movedTo(table, now) === number) return now;
        return this.#of.renumbering.movedAtBefore(table, number).find((row) => movedTo(table, row) === number);
      },
      row: (table, row) => {
        const touched = this.#of.touched.get(table)?.get(row);
        return touched ? (left(table, touched) ?? touched.before) : state.row(table, row);
      },
    };
    return new Shown(view, this.#of.base, this.#of.tables);
  }

  /** Rows that this folding gave numbers other than those that were written. */
  *newlyNumbered(): Generator<Renumbered> {
    for (const [id, moves] of this.#of.renumbering.moves()) {
      const table = this.#of.tables.get(id) as Table;
      const column = columnId(table, numberColumn(table) as number);
      for (const row of moves) if (this.#of.state.movedTo(id, row) !== undefined) yield { table, row, column };
    }
    for (const [id, rows] of this.#of.touched) {
      const table = this.#of.tables.get(id);
      if (table === undefined) continue;
      for (const { row, before, now } of rows.held()) {
        if (now.mend === undefined) continue;
        for (const [column, { value }] of now.mend.cells) {
          const known = before?.mend?.cells.get(column)?.value;
          if (typeof value === 'bigint' && known !== value && !refersBy(table, column)) yield { table, row, column };
        }
      }
    }
  }
}

/** What follows another row is not written down: it is known by what was written. */
function refersBy(table: Table, column: string): boolean {
  return table.foreignKeys.some(({ columns }) => columns.some((at) => columnId(table, at) === column));
}
