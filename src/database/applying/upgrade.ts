/**
 * The rows of tables that were just brought to another schema. Tables that are empty now are filled with all that is
 * shown in them; new columns get what was written to them. Both go the way of all rows, constraints included.
 */
import type { RowId } from '../../core/body.ts';
import { ABSENT, type Row, shownValue, UNMENDED, withMend } from '../../core/rows.ts';
import type { Table } from '../../core/tables.ts';
import { forwarding, type Shown } from '../folding/shown.ts';
import type { Touched, TouchedRows, TouchedTable } from '../folding/touched.ts';
import type { Altered } from '../schema/altering.ts';

export class Upgrade {
  readonly #altered: Altered;
  /** By table: columns in which the file does not have what was written, or not as it was. */
  readonly #anew: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(altered: Altered) {
    const { widened, converted } = altered;
    this.#altered = altered;
    this.#anew = new Map(
      [...widened.keys(), ...converted.keys()].map((table) => [
        table,
        new Set([...(widened.get(table) ?? []), ...(converted.get(table) ?? [])]),
      ]),
    );
  }

  get emptied(): ReadonlySet<string> {
    return this.#altered.emptied;
  }

  get gone(): ReadonlySet<string> {
    return this.#altered.gone;
  }

  get tables(): string[] {
    return [...new Set([...this.emptied, ...this.#anew.keys()])];
  }

  /** Which rows stand in the file after it was altered. */
  before(before: Shown): Shown {
    const { view } = before;
    return before.over({
      ...forwarding(view),
      row: (table, row) => (this.emptied.has(table) ? takenOut(view.row(table, row)) : view.row(table, row)),
    });
  }

  touched(touched: TouchedRows, after: Shown): TouchedRows {
    const all = new Map(touched);
    for (const id of this.emptied) {
      const table = after.tables.get(id);
      if (table !== undefined) all.set(id, this.#allRows(table, after));
    }
    for (const [id, columns] of this.#anew) {
      const table = after.tables.get(id);
      if (table !== undefined && !this.emptied.has(id))
        all.set(id, this.#writtenAnew(table, columns, touched.get(id), after));
    }
    return all;
  }

  #allRows(table: Table, after: Shown): Map<RowId, Touched> {
    const columns = new Set(table.columns.map(({ id }) => id));
    const rows = new Map<RowId, Touched>();
    const take = (row: RowId): void => {
      const now = after.merged(table, row);
      rows.set(row, { row, before: undefined, now, edited: now, columns, ops: true });
    };
    for (const row of after.view.rows(table.id)) take(row);
    for (const row of after.base.rows(table)) if (!rows.has(row)) take(row);
    return rows;
  }

  #writtenAnew(
    table: Table,
    anew: ReadonlySet<string>,
    touched: TouchedTable | undefined,
    after: Shown,
  ): Map<RowId, Touched> {
    const rows = new Map([...(touched?.values() ?? [])].map((one) => [one.row, one]));
    const take = (row: RowId, written: readonly string[]): void => {
      if (written.length === 0) return;
      const now = after.merged(table, row);
      const known: Touched = rows.get(row) ?? { row, before: now, now, edited: now, columns: new Set(), ops: false };
      const columns = new Set([...known.columns, ...written]);
      rows.set(row, { ...known, columns, unknown: new Set([...(known.unknown ?? []), ...anew]) });
    };
    for (const row of after.view.rows(table.id)) {
      const now = after.merged(table, row);
      take(
        row,
        [...anew].filter((column) => shownValue(now, column) !== undefined),
      );
    }
    // A column that somebody had dropped comes back with what the base has in it.
    const added = this.#altered.widened.get(table.id) ?? new Set();
    const again = after.base.tables.get(table.id)?.columns.flatMap(({ id }) => (added.has(id) ? [id] : [])) ?? [];
    for (const row of again.length > 0 ? after.base.rows(table) : []) take(row, again);
    return rows;
  }
}

/** It is not in the file now; what referred to its number is where it was. */
function takenOut(row: Row | undefined): Row {
  return withMend(row ?? ABSENT, { ...(row?.mend ?? UNMENDED), withheld: { reason: '', through: false } });
}
