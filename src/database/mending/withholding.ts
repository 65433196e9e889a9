/** Rows that refer to a row that is withheld are withheld with it, and come back when it does. */
import type { RowId } from '../../core/body.ts';
import { isAlive, type Row, UNMENDED, type Withheld } from '../../core/rows.ts';
import type { Table } from '../../core/tables.ts';
import type { RowPlace } from '../../store/row-state.ts';
import type { MendedRows } from './mended-rows.ts';
import type { References } from './references.ts';

export class Withholding {
  readonly #rows: MendedRows;
  readonly #references: References;

  constructor(rows: MendedRows, references: References) {
    this.#rows = rows;
    this.#references = references;
  }

  settle(): void {
    const moved: RowPlace[] = [];
    const open: RowPlace[] = [];
    const any = this.#rows.state.withholds();
    for (const [table, touched] of this.#rows.touched) {
      const refers = (this.#rows.tables.get(table)?.foreignKeys.length ?? 0) > 0;
      for (const { row, before, now } of any && refers ? touched.values() : touched.mended()) {
        if (isWithheld(before) || isWithheld(now)) moved.push({ table, row });
        if (any && refers) open.push({ table, row });
      }
    }
    if (moved.length === 0 && !any) return;
    open.push(...moved);
    // What was withheld through these is found anew: rows that only refer to each other do not withhold each other.
    for (let place = moved.pop(); place !== undefined; place = moved.pop()) {
      this.#release(place);
      for (const from of this.#referrers(place)) {
        if (this.#rows.row(from.table, from.row)?.mend?.withheld?.through !== true) continue;
        this.#release(from);
        moved.push(from);
        open.push(from);
      }
    }
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (!this.#isThrough(place) && !isWithheld(this.#rows.row(place.table, place.row))) continue;
      for (const from of this.#referrers(place)) {
        if (!isWithheld(this.#rows.row(from.table, from.row))) open.push(from);
      }
    }
  }

  #release({ table, row }: RowPlace): void {
    const merged = this.#rows.row(table, row);
    if (merged?.mend?.withheld?.through === true) this.#rows.mend(table, row, { ...merged.mend, withheld: null });
  }

  /** Withholds the row if one that it refers to is; true if that is new. */
  #isThrough({ table: id, row }: RowPlace): boolean {
    const table = this.#rows.tables.get(id);
    const merged = table && this.#rows.merged(table, row);
    if (table === undefined || merged === undefined || !isAlive(merged) || isWithheld(merged)) return false;
    const reason = this.#reason(table, row, merged);
    if (reason === null) return false;
    this.#rows.mend(id, row, { ...(merged.mend ?? UNMENDED), withheld: { reason, through: true } });
    return true;
  }

  #reason(table: Table, row: RowId, merged: Row): string | null {
    for (const target of this.#references.targets(table, row, merged)) {
      if (target.table === table.id && target.row === row) continue;
      if (!isWithheld(this.#rows.row(target.table, target.row))) continue;
      const name = this.#rows.tables.get(target.table)?.name ?? '';
      return `FOREIGN KEY of ${table.name}: the row of ${name} is withheld`;
    }
    return null;
  }

  #referrers({ table, row }: RowPlace): RowPlace[] {
    const known = this.#rows.tables.get(table);
    return known === undefined ? [] : this.#references.referrers(known, row);
  }
}

function isWithheld(row: Row | undefined): boolean {
  return row !== undefined && isAlive(row) && row.mend !== undefined && row.mend.withheld !== null;
}

/**
 * Of a row about which a mend finds `reason`, or that there is none. What another mend withheld stays withheld by that,
 * which `ending` tells from its own; what is only withheld through another row is found after it.
 */
export function withheldFor(ending: string, reason: string | null, before: Withheld | null): Withheld | null {
  const isOther = before !== null && !before.reason.endsWith(ending);
  if (isOther && (reason === null || !before.through)) return before;
  return reason === null ? null : { reason, through: false };
}
