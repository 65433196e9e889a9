/** A file that came in place of another, and has not all of its tables or columns: work, where few rows went with them. */
import { ProblemError } from '../../core/problem.ts';
import { isAlive } from '../../core/rows.ts';
import type { RowState } from '../../store/row-state.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { BaseFile } from '../folding/base-file.ts';
import { columnsByName, type Schema } from '../schema/schema.ts';
import { folded } from '../schema/text.ts';
import { MANY_ROWS, manyGone } from './comparing-tables.ts';

/** Throws `ProblemError` when a table is gone that is shown with many rows, or a column of one. */
export function mayLackTables(file: OpenFile, shown: Schema, state: RowState, base: BaseFile): void {
  const there = new Map([...file.schema.tables.values()].map((table) => [folded(table.name), table]));
  for (const { id, name, columns } of shown.tables.values()) {
    const table = there.get(folded(name));
    const names = columnsByName(table);
    const lacking = columns.find((column) => !names.has(folded(column.name)));
    if (lacking === undefined && table !== undefined) continue;
    const gone = rowsOf(id, state, base);
    if (gone <= MANY_ROWS) continue;
    if (table === undefined) throw manyGone(file, name, { gone, known: gone, there: 0 });
    throw columnGone(file, name, lacking?.name ?? '', gone);
  }
}

function columnGone(file: OpenFile, table: string, column: string, rows: number): ProblemError {
  return new ProblemError({
    code: 'rows-missing',
    text: `The database was replaced by one whose table ${table} lacks the column ${column} (${rows} rows have it). Nothing was taken over.`,
    remedy:
      'Put the right file in its place, or move this one away: the database then comes back as it was. If the column is to go, remove it there with the program that owns the database.',
    path: file.connection.path,
  });
}

function rowsOf(id: string, state: RowState, base: BaseFile): number {
  const written = state.rows(id);
  const table = base.tables.get(id);
  const isWritten = new Set(written);
  let count = 0;
  for (const row of written) {
    const merged = state.row(id, row);
    if (merged !== undefined && isAlive(merged)) count += 1;
  }
  if (table !== undefined) for (const row of base.rows(table)) if (!isWritten.has(row)) count += 1;
  return count;
}
