/** Foreign keys that find their row by a UNIQUE that is not its key: which row was meant is known by who wrote what when. */
import { comparedAs } from '../../core/affinity.ts';
import type { RowId } from '../../core/body.ts';
import { ABSENT, compareOrigins, type Origin, type Row, winner } from '../../core/rows.ts';
import type { ForeignKey, Table, Unique } from '../../core/tables.ts';
import { RowRef, type Value } from '../../core/value.ts';
import { covers } from '../../core/vector.ts';
import { columnId } from '../folding/shown.ts';
import { uniqueName, valuesAt } from '../folding/unique-values.ts';
import type { MendedRows } from './mended-rows.ts';
import { rowFor } from './row-history.ts';

/** Among a table's uniques its number, for references that nobody declared: they may have been written as numbers. */
export const NUMBER = -2;

/** The UNIQUE that a foreign key names, and its place among the target's; undefined: it names the key, or none. */
export function uniqueOf(target: Table, { to, undeclared }: ForeignKey): { place: number; unique: Unique } | undefined {
  const isKey = target.key.length === to.length && target.key.every(({ at }) => to.includes(at));
  if (isKey) {
    if (!undeclared || target.kind !== 'number') return undefined;
    return { place: NUMBER, unique: { columns: to, collations: ['BINARY'], declared: true } };
  }
  const place = target.uniques.findIndex(
    ({ columns, asked }) =>
      asked === undefined && columns.length === to.length && columns.every((at) => to.includes(at)),
  );
  const unique = target.uniques[place];
  return unique === undefined ? undefined : { place, unique };
}

/** By table: the places of the uniques by which others refer to it. */
export function referredUniques(tables: ReadonlyMap<string, Table>): ReadonlyMap<string, ReadonlySet<number>> {
  const known = referred.get(tables);
  if (known !== undefined) return known;
  const found = new Map<string, Set<number>>();
  for (const table of tables.values()) {
    for (const key of table.foreignKeys) {
      const target = tables.get(key.target);
      const named = target && uniqueOf(target, key);
      if (named) found.set(key.target, (found.get(key.target) ?? new Set()).add(named.place));
    }
  }
  referred.set(tables, found);
  return found;
}

const referred = new WeakMap<ReadonlyMap<string, Table>, ReadonlyMap<string, ReadonlySet<number>>>();

/** When a row got the values by which it refers; null: it has them since the base. */
export function referringSince(table: Table, { columns }: ForeignKey, merged: Row): Origin | null {
  let newest: Origin | null = null;
  for (const at of columns) {
    const write = winner(merged, columnId(table, at));
    if (write && (newest === null || compareOrigins(write, newest) > 0)) newest = write;
  }
  return newest;
}

/** What a foreign key holds, in the order of the index that it names and as this compares it. */
export function itemsOfTarget(target: Table, { to }: ForeignKey, unique: Unique, items: readonly Value[]): Value[] {
  return unique.columns.map((at) => comparedAs(items[to.indexOf(at)] ?? null, target.columns[at]?.type));
}

/** The row of `target` that had these values for whoever wrote them, whatever it has now; null: there was none. */
export function meantRow(
  rows: MendedRows,
  target: Table,
  key: ForeignKey,
  items: readonly Value[],
  since: Origin | null,
): RowId | null {
  const named = uniqueOf(target, key);
  if (named === undefined) return null;
  const { place, unique } = named;
  if (place === NUMBER) rows.recallNumbers(target);
  const inOrder = itemsOfTarget(target, key, unique, items);
  const name = uniqueName(target, unique, inOrder);
  if (name === null) return null;
  const inBase = inOrder.some((item) => item instanceof RowRef)
    ? []
    : rows.base.rowsWhere(target, unique.columns, inOrder, unique.collations);
  if (since === null) return inBase[0] ?? null;
  const all = [...new Set([...rows.state.withUnique(target.id, place, name), ...inBase])];
  const found = all.flatMap((row) => {
    const view = asSeen(rows, target, unique, row, since);
    if (uniqueName(target, unique, valuesAt(target, unique.columns, rows.base, row, view, 'merged')) !== name)
      return [];
    const isGone = wasDeleted(rows, target, row, since);
    return [{ row, isGone, by: referringSince(target, { ...key, columns: unique.columns }, view) }];
  });
  // A row that took the value over from one that was deleted is meant, and not that one.
  found.sort((a, b) => Number(a.isGone) - Number(b.isGone) || earlier(a.by, b.by) || (a.row < b.row ? -1 : 1));
  return found[0]?.row ?? null;
}

function asSeen(rows: MendedRows, table: Table, unique: Unique, row: RowId, by: Origin): Row {
  const merged = rows.merged(table, row);
  const seen = rows.seenBy(by);
  const writes = unique.columns.flatMap((at) => merged.cells.get(columnId(table, at)) ?? []);
  const isSame = writes.every(({ copy, seq }) => covers(seen, copy, seq) || (copy === by.copy && seq === by.seq));
  if (isSame) return merged === ABSENT ? ABSENT : merged;
  return rowFor(rows, table, row, by);
}

/** Was the row deleted for whoever wrote this, as far as its merged writes tell? */
function wasDeleted(rows: MendedRows, table: Table, row: RowId, by: Origin): boolean {
  const merged = rows.merged(table, row);
  if (merged.deletions.length === 0 || (merged.base && !merged.baseDead)) return false;
  const seen = rows.seenBy(by);
  const isKnown = ({ copy, seq }: Origin): boolean => covers(seen, copy, seq) || (copy === by.copy && seq === by.seq);
  if (!merged.deletions.some(isKnown)) return false;
  for (const cell of merged.cells.values()) if (cell.some((write) => !write.dead && isKnown(write))) return false;
  return true;
}

function earlier(a: Origin | null, b: Origin | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return compareOrigins(a, b);
}
