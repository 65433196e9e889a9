/** A file that came in place of another, and has not all of its tables: work, where few rows went with them. */
import { isAlive } from '../../core/rows.ts';
import type { RowState } from '../../store/row-state.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { BaseFile } from '../folding/base-file.ts';
import type { Schema } from '../schema/schema.ts';
import { folded } from '../schema/text.ts';
import { MANY_ROWS, manyGone } from './comparing-tables.ts';

/** Throws `ProblemError` when a table is gone that is shown with many rows. */
export function mayLackTables(file: OpenFile, shown: Schema, state: RowState, base: BaseFile): void {
  const there = new Set([...file.schema.tables.values()].map(({ name }) => folded(name)));
  for (const { id, name } of shown.tables.values()) {
    if (there.has(folded(name))) continue;
    const gone = rowsOf(id, state, base);
    if (gone > MANY_ROWS) throw manyGone(file, name, { gone, known: gone, there: 0 });
  }
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
