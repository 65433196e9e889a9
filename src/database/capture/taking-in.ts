/**
 * Tables that were left out by the settings and are followed again. What a copy has in them is entered as its edits; what
 * it lacks was not deleted, because nobody followed what it did meanwhile, and is placed.
 */
import type { RowPlace } from '../../store/row-state.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { Shown } from '../folding/shown.ts';

/** Everything must be captured before. */
export function missingRows(file: OpenFile, tables: readonly string[], shown: Shown): RowPlace[] {
  const missing: RowPlace[] = [];
  for (const id of tables) {
    const table = file.tables.get(id);
    if (table === undefined || table.left) continue;
    const written = new Set(shown.view.rows(id));
    const inBase = [...shown.base.rows(table)].filter((row) => !written.has(row));
    for (const row of [...written, ...inBase]) {
      const key = shown.isThere(table, row) ? shown.key(table, row) : null;
      if (key !== null && !file.sqlOf(table).has(key)) missing.push({ table: id, row });
    }
  }
  return missing;
}
