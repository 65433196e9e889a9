/**
 * Rows without a value in a column that must have one by now: their writer did not know of that, because somebody else
 * defined the column otherwise. They are withheld until they have one, or the column needs none.
 */
import { isAlive, type Row, UNMENDED } from '../../core/rows.ts';
import { numberColumn, type Table } from '../../core/tables.ts';
import { valuesAt } from '../folding/unique-values.ts';
import { SCHEMA, schemaRow } from '../schema/reserved.ts';
import type { MendedRows } from './mended-rows.ts';
import { withheldFor } from './withholding.ts';

const ENDING = ': the row has no value there';

export class Required {
  readonly #rows: MendedRows;

  constructor(rows: MendedRows) {
    this.#rows = rows;
  }

  settle(): void {
    const { state, tables, touched } = this.#rows;
    for (const [id, rows] of touched) {
      const table = tables.get(id);
      // In a table that nobody altered no program could leave it out.
      if (table === undefined || state.row(SCHEMA, schemaRow('constraints', id)) === undefined) continue;
      const columns = requiredColumns(table);
      for (const { row, now } of columns.length > 0 ? rows.values() : rows.mended()) {
        if (columns.length > 0 || isWithout(now)) this.#judge(table, columns, row, now);
      }
    }
  }

  #judge(table: Table, columns: readonly number[], row: string, now: Row): void {
    const items = isAlive(now) ? valuesAt(table, columns, this.#rows.base, row, now, 'shown') : [];
    const at = columns[items.indexOf(null)];
    const reason = at === undefined ? null : `NOT NULL of ${table.name} (${table.columns[at]?.name})${ENDING}`;
    const mend = now.mend ?? UNMENDED;
    this.#rows.mend(table.id, row, { ...mend, withheld: withheldFor(ENDING, reason, mend.withheld) });
  }
}

function requiredColumns(table: Table): number[] {
  return table.columns.flatMap(({ id, notNull, left }, at) => {
    const isKey = at === numberColumn(table) || (table.kind === 'name' && table.key.some((key) => key.at === at));
    return notNull && !left && !isKey && id !== '' ? [at] : [];
  });
}

function isWithout(row: Row): boolean {
  return row.mend?.withheld?.reason.endsWith(ENDING) === true;
}
