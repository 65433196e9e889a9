/** The conflicts of one database: computed from the merged rows, equal on all copies that have the same changes. */
import type { RowId } from '../../core/body.ts';
import { sha256 } from '../../core/bytes.ts';
import { type JsonRow, toJson } from '../../core/plain-value.ts';
import {
  aliveByOwnWrites,
  candidates,
  compareOrigins,
  conflictingColumns,
  keptAgainstDeletion,
  type Origin,
  type Row,
  shownValue,
  UNMENDED,
  winner,
  withMend,
} from '../../core/rows.ts';
import { numberColumn, type Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import type { Shown } from '../folding/shown.ts';
import type { ConflictCandidate, DatabaseConflict, Moved } from '../host.ts';
import { schemaConflicts } from '../schema/conflicts.ts';
import { settingsConflicts } from '../settings/conflicts.ts';
import { type NumberMoved, numbersMoved } from './numbers-moved.ts';

export type { DatabaseConflict };

export function listConflicts(database: string, shown: Shown): DatabaseConflict[] {
  const { view } = shown;
  const found: DatabaseConflict[] = [];
  for (const { table: id, row } of view.listed()) {
    const table = shown.tables.get(id);
    const merged = view.row(id, row);
    if (table === undefined || table.left || merged === undefined) continue;
    const about = { database, table: table.name, row, key: keyOf(shown, table, row) };
    if (keptAgainstDeletion(merged)) found.push({ ...about, ...rowConflict(about, shown, table, merged) });
    if ((merged.mend?.whole.length ?? 0) > 0) found.push({ ...about, ...wholeConflict(about, shown, table, merged) });
    if (merged.mend?.withheld) found.push({ ...about, ...withheldConflict(about, shown, table, merged) });
    for (const number of numbersMoved(shown, table, row, merged))
      found.push({ ...about, ...numberConflict(about, shown, table, number) });
    for (const [column, { value, because }] of merged.mend?.cells ?? []) {
      // Numbers are listed as such; references follow their row.
      const at = table.columns.findIndex(({ id: each }) => each === column);
      if (typeof value === 'bigint' || table.foreignKeys.some(({ columns }) => columns.includes(at))) continue;
      found.push({ ...about, ...markedConflict(about, shown, table, merged, column, because) });
    }
    const inConflict = new Set(conflictingColumns(merged));
    for (const [at, { id: column }] of table.columns.entries()) {
      // Numbers are mended, and no person chose them.
      if (!inConflict.has(column) || at === numberColumn(table)) continue;
      found.push({ ...about, ...cellConflict(about, shown, table, at, merged) });
    }
  }
  for (const { table: id, row } of view.allUnplaced()) {
    const table = shown.tables.get(id);
    if (table === undefined || table.left) continue;
    const about = { database, table: table.name, row, key: keyOf(shown, table, row) };
    found.push({ ...about, ...constraintConflict(about, view.unplaced({ table: id, row }) ?? null) });
  }
  const about = [...schemaConflicts(database, shown), ...settingsConflicts(database, shown)];
  return [...found, ...about.map(({ conflict }) => conflict)];
}

type About = { readonly table: string; readonly row: RowId };
type Rest = Pick<DatabaseConflict, 'id' | 'kind' | 'column' | 'note' | 'candidates'>;

/** The candidates of a row that one deleted and another edited. */
export const KEEP = 'keep';
export const DELETE = 'delete';
/** The one candidate of a row that is not in its table. */
export const WITHHELD = 'withheld';

function rowConflict(about: About, shown: Shown, table: Table, merged: Row): Rest {
  const values = rowValues(shown, table, about.row, notWithheld(merged));
  const keep = { id: KEEP, value: values, shown: true, by: writersOf(merged) };
  const remove = { id: DELETE, value: null, shown: false, by: merged.deletions };
  const rest = { id: conflictId(about, 'row', ''), kind: 'row' as const, column: null };
  if (aliveByOwnWrites(merged)) return { ...rest, note: null, candidates: [keep, remove] };
  // Deleting it would break what refers to it; without that it goes by itself.
  return { ...rest, note: 'deleted, and kept because rows refer to it', candidates: [keep] };
}

/** What the row would be; it comes in when there is room for it. */
function withheldConflict(about: About, shown: Shown, table: Table, merged: Row): Rest {
  const values = rowValues(shown, table, about.row, notWithheld(merged));
  const row = { id: WITHHELD, value: values, shown: false, by: writersOf(merged) };
  return { ...constraintConflict(about, merged.mend?.withheld?.reason ?? null), candidates: [row] };
}

function notWithheld(merged: Row): Row {
  return withMend(merged, { ...(merged.mend ?? UNMENDED), withheld: null });
}

function constraintConflict(about: About, note: string | null): Rest {
  return { id: conflictId(about, 'constraint', ''), kind: 'constraint', column: null, note, candidates: [] };
}

export function writersOf(merged: Row): Origin[] {
  const writers = new Map<string, Origin>();
  for (const writes of merged.cells.values()) {
    for (const { copy, seq, stamp, dead } of writes) if (!dead) writers.set(`${copy}:${seq}`, { copy, seq, stamp });
  }
  return [...writers.values()].sort(newestFirst);
}

/** Each person's row; the first is the one that is shown. */
function wholeConflict(about: About, shown: Shown, table: Table, merged: Row): Rest {
  const mend = merged.mend ?? UNMENDED;
  const all = mend.whole.map(({ by, cells }, index): ConflictCandidate => {
    const as = withMend(merged, {
      ...mend,
      withheld: null,
      cells: index === 0 ? mend.cells : new Map(),
      whole: [{ by, cells }],
    });
    return { id: `${by.copy}:${by.seq}`, value: rowValues(shown, table, about.row, as), shown: index === 0, by: [by] };
  });
  const what = table.checked ? 'a CHECK' : 'a FOREIGN KEY';
  const note = `${what} of ${table.name} does not allow the edits of all together`;
  return { id: conflictId(about, 'constraint', ' whole'), kind: 'constraint', column: null, note, candidates: all };
}

/** The candidates of a text that two rows may not have both: this row has it, or is called as it is shown. */
export const RENAME = 'rename';

function markedConflict(about: About, shown: Shown, table: Table, merged: Row, column: string, because: RowId): Rest {
  const at = table.columns.findIndex(({ id }) => id === column);
  const write = winner(merged, column);
  const by = write === undefined ? [] : [{ copy: write.copy, seq: write.seq, stamp: write.stamp }];
  const wanted = toJson(shown.plain(table, at, write?.value ?? null));
  const marked = toJson(shown.plain(table, at, shownValue(merged, column) ?? null));
  const other = JSON.stringify(keyOf(shown, table, because));
  return {
    id: conflictId(about, 'constraint', column),
    kind: 'constraint',
    column: table.columns[at]?.name ?? column,
    note: `${JSON.stringify(wanted)} is that of ${table.name} ${other}`,
    candidates: [
      { id: RENAME, value: marked, shown: true, by },
      { id: KEEP, value: wanted, shown: false, by },
    ],
  };
}

/** Nothing is at odds any more, and somebody should know: he has the number on paper, perhaps. */
function numberConflict(about: About, shown: Shown, table: Table, number: NumberMoved): Rest & { moved: Moved } {
  const column = table.columns[number.at] as { id: string; name: string };
  const because = { key: keyOf(shown, table, number.because), by: number.whose };
  const moved = { from: toJson(number.from), to: toJson(number.to), because };
  return {
    id: conflictId(about, 'number', column.id),
    kind: 'constraint',
    column: column.name,
    note: null,
    moved,
    candidates: [{ id: KEEP, value: moved.to, shown: true, by: number.by }],
  };
}

function cellConflict(about: About, shown: Shown, table: Table, at: number, merged: Row): Rest {
  const column = table.columns[at] as { id: string; name: string };
  const all = candidates(merged.cells.get(column.id) ?? []).map(({ value, by }, index): ConflictCandidate => {
    const [first] = by as [Origin];
    return { id: `${first.copy}:${first.seq}`, value: toJson(shown.plain(table, at, value)), shown: index === 0, by };
  });
  return { id: conflictId(about, 'cell', column.id), kind: 'cell', column: column.name, note: null, candidates: all };
}

function conflictId({ table, row }: About, kind: string, column: string): string {
  return sha256(Buffer.from(JSON.stringify([kind, table, row, column]))).slice(0, 16);
}

function newestFirst(a: Origin, b: Origin): number {
  return compareOrigins(b, a);
}

/** The row's key as people know it; rows without one are told by what is in them. */
export function keyOf(shown: Shown, table: Table, row: RowId): JsonRow {
  if (table.kind === 'hidden') return rowValues(shown, table, row);
  const key = shown.key(table, row) ?? [];
  return Object.fromEntries(
    table.key.map(({ at }, index) => [(table.columns[at] as { name: string }).name, toJson(key[index] ?? null)]),
  );
}

export function rowValues(shown: Shown, table: Table, row: RowId, merged?: Row): JsonRow {
  const values = shown.values(table, row, merged) ?? [];
  const named = table.columns.map(({ id, name }, at): [string, string, Value] => [id, name, values[at] ?? null]);
  return Object.fromEntries(named.filter(([id]) => id !== '').map(([, name, item]) => [name, toJson(item)]));
}
