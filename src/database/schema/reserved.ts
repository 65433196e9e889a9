/** The reserved table by which the schema travels in bodies: rows of cells like any others. */
import type { RowId } from '../../core/body.ts';
import { rowOfKey, type Table } from '../../core/tables.ts';

/** No table of an application has such a name. */
export const SCHEMA = '_tieout_schema';

const CELLS = [
  'name',
  'definition',
  'constraints',
  'options',
  'initial',
  'refers',
  'place',
  'kind',
  'key',
  'table',
  'text',
  'unique',
  'value',
  'dropped',
] as const;
export type SchemaCell = (typeof CELLS)[number];

/** As capture needs to know it. */
export const SCHEMA_TABLE: Table = {
  id: SCHEMA,
  name: SCHEMA,
  kind: 'name',
  columns: CELLS.map((id) => ({ id, name: id })),
  key: [],
  references: new Map(),
  byName: new Set(),
  foreignKeys: [],
  create: '',
  checked: false,
  uniques: [],
  uniqueColumns: new Set(),
  rowid: null,
};

/**
 * `table` id; `column` table's id, id; `index`, `view`, `trigger`, `virtual` folded name; `value` name of the pragma.
 * `use` table's id: ours alone, never sent.
 */
export function schemaRow(...key: readonly string[]): RowId {
  return rowOfKey(key);
}
