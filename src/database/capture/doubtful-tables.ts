/**
 * Tables from which a row may be gone of which no mark tells (passing-values.ts). Whether one is missing is found some rows
 * at a time, because it is rarely so; only then the table is compared.
 */
import type { RowId } from '../../core/body.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { Shown } from '../folding/shown.ts';
import { isGone, lacksOfBase } from './comparing-tables.ts';

interface Look {
  /** Those that were ever written to; null: it has not begun. */
  rows: readonly RowId[] | null;
  at: number;
  /** Doubted once more since it began. */
  again: boolean;
}

export class DoubtfulTables {
  readonly #looks = new Map<string, Look>();

  get size(): number {
    return this.#looks.size;
  }

  add(table: string): void {
    const look = this.#looks.get(table);
    if (look === undefined) this.#looks.set(table, { rows: null, at: 0, again: false });
    else look.again = look.rows !== null;
  }

  /** Looks at so many rows, once all that is marked is captured: a table that lacks one, or null. */
  look(file: OpenFile, shown: Shown, most: number): string | null {
    let left = most;
    for (const [id, look] of this.#looks) {
      const table = file.tables.get(id);
      const isMissing = (row: RowId): boolean => {
        left -= 1;
        return table !== undefined && isGone(file, shown, table, row);
      };
      if (table !== undefined && !table.left && !file.takenIn.has(id)) {
        const isBegun = look.rows !== null;
        look.rows ??= shown.view.rows(id);
        let found = !isBegun && lacksOfBase(file, shown, table, look.rows);
        while (!found && left > 0 && look.at < look.rows.length) found = isMissing(look.rows[look.at++] as RowId);
        if (!found && look.at < look.rows.length) return null;
        if (found) {
          this.#looks.delete(id);
          return id;
        }
      }
      this.#looks.delete(id);
      if (look.again) this.add(id);
    }
    return null;
  }
}
