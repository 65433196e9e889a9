/** The conflicts of one database: computed from the merged rows, equal on all copies that have the same changes. */
import type { RowId } from '../core/body.ts';
import { sha256 } from '../core/bytes.ts';
import {
  candidates,
  compareOrigins,
  conflictingColumns,
  keptAgainstDeletion,
  type Origin,
  type Row,
} from '../core/rows.ts';
import { numberColumn, type Table } from '../core/tables.ts';
import { type Value, valueText } from '../core/value.ts';
import type { ConflictCandidate, DatabaseConflict } from './host.ts';
import type { Shown } from './shown.ts';

export type { DatabaseConflict };

export function listConflicts(database: string, shown: Shown): DatabaseConflict[] {
  const { view } = shown;
  const found: DatabaseConflict[] = [];
  for (const { table: id, row } of view.listed()) {
    const table = shown.tables.get(id);
    const merged = view.row(id, row);
    if (table === undefined || merged === undefined) continue;
    const about = { database, table: table.name, row, key: keyText(shown, table, row) };
    if (keptAgainstDeletion(merged)) found.push({ ...about, ...rowConflict(about, merged) });
    for (const column of conflictingColumns(merged)) {
      const at = table.columns.findIndex((each) => each.id === column);
      // Numbers are mended, and no person chose them.
      if (at < 0 || at === numberColumn(table)) continue;
      found.push({ ...about, ...cellConflict(about, shown, table, at, merged) });
    }
  }
  for (const { table: id, row } of view.allWithheld()) {
    const table = shown.tables.get(id);
    if (table === undefined) continue;
    const about = { database, table: table.name, row, key: keyText(shown, table, row) };
    const note = view.withheld({ table: id, row }) ?? null;
    found.push({
      ...about,
      id: conflictId(about, 'constraint', ''),
      kind: 'constraint',
      column: null,
      note,
      candidates: [],
    });
  }
  return found;
}

type About = { readonly table: string; readonly row: RowId };

function rowConflict(
  about: About,
  merged: Row,
): Pick<DatabaseConflict, 'id' | 'kind' | 'column' | 'note' | 'candidates'> {
  const writers = new Map<string, Origin>();
  for (const writes of merged.cells.values()) {
    for (const { copy, seq, stamp, dead } of writes) if (!dead) writers.set(`${copy}:${seq}`, { copy, seq, stamp });
  }
  const keep: ConflictCandidate = {
    id: 'keep',
    text: 'keep',
    shown: true,
    by: [...writers.values()].sort(newestFirst),
  };
  const remove: ConflictCandidate = { id: 'delete', text: 'delete', shown: false, by: merged.deletions };
  return { id: conflictId(about, 'row', ''), kind: 'row', column: null, note: null, candidates: [keep, remove] };
}

function cellConflict(
  about: About,
  shown: Shown,
  table: Table,
  at: number,
  merged: Row,
): Pick<DatabaseConflict, 'id' | 'kind' | 'column' | 'note' | 'candidates'> {
  const column = table.columns[at] as { id: string; name: string };
  const all = candidates(merged.cells.get(column.id) ?? []).map(({ value, by }, index): ConflictCandidate => {
    const [first] = by as [Origin];
    return { id: `${first.copy}:${first.seq}`, text: valueText(shown.plain(table, at, value)), shown: index === 0, by };
  });
  return { id: conflictId(about, 'cell', column.id), kind: 'cell', column: column.name, note: null, candidates: all };
}

function conflictId({ table, row }: About, kind: string, column: string): string {
  return sha256(Buffer.from(JSON.stringify([kind, table, row, column]))).slice(0, 16);
}

function newestFirst(a: Origin, b: Origin): number {
  return compareOrigins(b, a);
}

/** The key as people know it: "4010", or "A, 7". */
export function keyText(shown: Shown, table: Table, row: RowId): string {
  if (table.kind === 'hidden') return hiddenText(shown, table, row);
  return (shown.key(table, row) ?? []).map(valueText).join(', ');
}

/** Rows without a key are told by what is in them. */
function hiddenText(shown: Shown, table: Table, row: RowId): string {
  const values: readonly Value[] = shown.values(table, row)?.slice(1) ?? [];
  return values
    .filter((item) => item !== null)
    .slice(0, 3)
    .map(valueText)
    .join(', ');
}
