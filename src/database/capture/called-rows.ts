/** Rows that what was written calls, and that would be called otherwise, or be gone, once mending looks again. */
import type { RowId } from '../../core/body.ts';
import { numberColumn, type Table } from '../../core/tables.ts';
import { RowRef, type Value } from '../../core/value.ts';
import type { RowSql } from '../file/row-sql.ts';
import { columnId, type Shown } from '../folding/shown.ts';
import { uniqueOf } from '../mending/unique-targets.ts';
import type { Naming } from './naming.ts';

/** `key`: where it is in the user's database. `at`: the cells that are to be written as they are. */
export type CalledRow = {
  readonly table: Table;
  readonly row: RowId;
  readonly key: readonly Value[];
  readonly at: readonly number[];
};

export class CalledRows {
  readonly #shown: Shown;
  readonly #naming: Naming;
  readonly #sqlOf: (table: Table) => RowSql;
  readonly #rows = new Map<string, CalledRow>();

  constructor(shown: Shown, naming: Naming, sqlOf: (table: Table) => RowSql) {
    this.#shown = shown;
    this.#naming = naming;
    this.#sqlOf = sqlOf;
  }

  /** Also those that are noted meanwhile. */
  [Symbol.iterator](): Iterator<CalledRow> {
    return this.#rows.values();
  }

  /**
   * Rows that are called by a text with which mending has marked them. And those that mending only keeps, and to which
   * the row refers by a value: whoever writes to it knows of the deletion, and had the other row there all the same.
   */
  note(table: Table, columns: readonly number[], actual: readonly Value[]): void {
    const { view, tables } = this.#shown;
    for (const key of table.foreignKeys) {
      const target = tables.get(key.target);
      const items = key.columns.map((at) => actual[at] ?? null);
      if (target === undefined || items.includes(null)) continue;
      const isWritten = key.columns.some((at) => columns.includes(at));
      const byMark = isWritten && view.isWatching(target.id) && uniqueOf(target, key) !== undefined;
      const byValue = view.lists(target.id) && !key.columns.some((at) => this.#isByRow(table, at, actual));
      if (!byMark && !byValue) continue;
      for (const place of this.#sqlOf(target).keysWhere(key.to, items)) {
        const row = this.#rowAt(target, place);
        const mend = row === null ? undefined : this.#shown.merged(target, row).mend;
        if (row === null || mend === undefined) continue;
        const isMarked = (at: number): boolean => typeof mend.cells.get(columnId(target, at))?.value === 'string';
        const marked = byMark ? key.to.filter(isMarked) : [];
        const at = marked.length === 0 && byValue && mend.kept ? [firstCell(target)] : marked;
        if (at.length > 0) this.#rows.set(`${target.id}\0${row}`, { table: target, row, key: place, at });
      }
    }
  }

  /** Is what refers written as the row that it means? */
  #isByRow(table: Table, at: number, actual: readonly Value[]): boolean {
    const named = this.#naming.referring(table, at, actual[at] ?? null);
    // In a key, a row of the base is the number that it had.
    const isInKey = table.kind === 'name' && table.key.some((key) => key.at === at);
    return named instanceof RowRef && !(isInKey && named.row[0] === 'k');
  }

  #rowAt(table: Table, key: readonly Value[]): RowId | null {
    if (table.kind === 'name') return this.#naming.rowOfKey(table, key);
    return typeof key[0] === 'bigint' ? this.#naming.rowAt(table.id, key[0]) : null;
  }
}

/** The cell whose writing keeps a row alive: of a name one that nobody else writes; not a number, where there is another. */
function firstCell(table: Table): number {
  if (table.kind === 'name') return table.key[0]?.at ?? 0;
  const at = table.columns.findIndex((column, index) => index !== numberColumn(table) && !column.left);
  return at < 0 ? (table.key[0]?.at ?? 0) : at;
}
