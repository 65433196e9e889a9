/** The reserved table by which settings travel in bodies: rows of cells like any others. */
import type { RowId } from '../../core/body.ts';
import { rowOfKey, type Table } from '../../core/tables.ts';
import { SCHEMA_TABLE } from '../schema/reserved.ts';

/** No table of an application has such a name. */
export const SETTINGS = '_tieout_settings';

const CELLS = ['left', 'deletes', 'key', 'refers', 'counted'] as const;
export type SettingsCell = (typeof CELLS)[number];

/** As capture needs to know it. */
export const SETTINGS_TABLE: Table = {
  ...SCHEMA_TABLE,
  id: SETTINGS,
  name: SETTINGS,
  columns: CELLS.map((id) => ({ id, name: id })),
};

/** `table` id; `column` table's id, id. */
export function settingsRow(...key: readonly string[]): RowId {
  return rowOfKey(key);
}
