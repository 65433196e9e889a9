/** The settings of a database as people see them: what was set, by whom, and what follows from the database itself. */
import type { Origin } from '../../core/rows.ts';
import { winner } from '../../core/rows.ts';
import type { Table } from '../../core/tables.ts';
import type { Shown } from '../folding/shown.ts';
import { countedColumn } from '../folding/unique-values.ts';
import type { Setting } from '../host.ts';
import { SETTINGS, type SettingsCell, settingsRow } from './reserved.ts';

export function listSettings(shown: Shown): Setting[] {
  const tables = [...shown.tables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return tables.flatMap((table) => [...ofTable(shown, table), ...ofColumns(shown, table)]);
}

function ofTable(shown: Shown, table: Table): Setting[] {
  const by = (cell: SettingsCell): Origin | null => setBy(shown, settingsRow('table', table.id), cell);
  const found: Setting[] = [];
  const about = { table: table.name, column: null };
  if (table.left || by('left')) found.push({ ...about, set: 'left-out', value: table.left === true, by: by('left') });
  if (table.deletionWins) found.push({ ...about, set: 'deletion-wins', value: true, by: by('deletes') });
  const [only, ...more] = table.key;
  const column = table.columns[only?.at ?? 0];
  if (table.kind !== 'hidden' && more.length === 0 && /^integer$/i.test(column?.type ?? '')) {
    const value = table.kind === 'number';
    found.push({ table: table.name, column: column?.name ?? '', set: 'number', value, by: by('key') });
  }
  return found;
}

function ofColumns(shown: Shown, table: Table): Setting[] {
  const counted = new Set(table.uniques.map((unique) => countedColumn(table, unique)));
  return table.columns.flatMap(({ id, name, left }, at): Setting[] => {
    const by = (cell: SettingsCell): Origin | null => setBy(shown, settingsRow('column', table.id, id), cell);
    const found: Setting[] = [];
    const about = { table: table.name, column: name };
    if (left) found.push({ ...about, set: 'left-out', value: true, by: by('left') });
    const target = table.foreignKeys.find(({ columns, undeclared }) => undeclared && columns.includes(at))?.target;
    const value = target === undefined ? undefined : shown.tables.get(target)?.name;
    if (value !== undefined) found.push({ ...about, set: 'refers', value, by: by('refers') });
    if (counted.has(at) || by('counted')) {
      found.push({ ...about, set: 'number', value: counted.has(at), by: by('counted') });
    }
    return found;
  });
}

function setBy(shown: Shown, row: string, cell: SettingsCell): Origin | null {
  const state = shown.view.row(SETTINGS, row);
  const write = state && winner(state, cell);
  if (write === undefined || write.value === null) return null;
  return { copy: write.copy, seq: write.seq, stamp: write.stamp };
}
