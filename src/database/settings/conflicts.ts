/** What people set without knowledge of each other: equal on all copies. */
import { sha256 } from '../../core/bytes.ts';
import { toJson } from '../../core/plain-value.ts';
import { candidates, type Origin } from '../../core/rows.ts';
import { keyOfRow } from '../../core/tables.ts';
import type { Shown } from '../folding/shown.ts';
import type { ConflictCandidate, DatabaseConflict } from '../host.ts';
import type { SchemaConflict } from '../schema/conflicts.ts';
import type { SchemaWrite } from '../schema/difference.ts';
import { SETTINGS, type SettingsCell } from './reserved.ts';

/** Once a number, always a number: there is nothing to choose about `key`. */
const DECIDED: readonly SettingsCell[] = ['left', 'deletes', 'refers', 'counted'];

export function settingsConflicts(database: string, { view, tables }: Shown): SchemaConflict[] {
  const found: SchemaConflict[] = [];
  for (const row of [...view.rows(SETTINGS)].sort()) {
    const key = keyOfRow(row).map(String);
    const [, id = '', column = null] = key;
    const table = tables.get(id);
    const cells = view.row(SETTINGS, row)?.cells;
    for (const cell of DECIDED) {
      const values = candidates(cells?.get(cell) ?? []);
      if (values.length < 2) continue;
      const writes = new Map<string, SchemaWrite>();
      const listed = values.map(({ value, by }, index): ConflictCandidate => {
        const [first] = by as [Origin];
        const chosen = `${first.copy}:${first.seq}`;
        writes.set(chosen, { row: key, cells: { [cell]: value } });
        return { id: chosen, value: toJson(value), shown: index === 0, by };
      });
      const conflict: DatabaseConflict = {
        id: sha256(Buffer.from(JSON.stringify([SETTINGS, row, cell]))).slice(0, 16),
        database,
        table: table?.name ?? id,
        row,
        key: {},
        kind: 'cell',
        column: column === null ? null : (table?.columns.find((each) => each.id === column)?.name ?? column),
        note: `what is set: ${cell}`,
        candidates: listed,
      };
      found.push({ conflict, writes });
    }
  }
  return found;
}
