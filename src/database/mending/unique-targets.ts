/** Foreign keys that find their row by a UNIQUE that is not its key: which row was meant is known by who wrote what when. */
import { comparedAs } from '../../core/affinity.ts';
import type { RowId } from '../../core/body.ts';
import { aliveByOwnWrites, compareOrigins, type Origin, type Row, winner } from '../../core/rows.ts';
import type { ForeignKey, Table, Unique } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { columnId } from '../folding/shown.ts';
import { rowsInBase, uniqueName, valuesAt } from '../folding/unique-values.ts';
import { knows, type MendedRows } from './mended-rows.ts';
import { compareWrites, type RowWrite, rowFor, wasDeleted, writesTo } from './row-history.ts';

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

/**
 * When a row got the values by which it refers; null: it has them since the base. Where it is shown as one of several
 * had it, and he had others than are merged, they are meant as he had them in front of him.
 */
export function referringSince(
  table: Table,
  { columns }: { readonly columns: readonly number[] },
  merged: Row,
): Origin | null {
  const whole = merged.mend?.whole[0];
  if (whole !== undefined && columns.some((at) => whole.cells.has(columnId(table, at)))) return whole.by;
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

/** Which row a reference means, and since when: its own writing (null: since the base), or that row's taking the value over. */
export interface Meant {
  readonly row: RowId;
  readonly since: Origin | null;
  /** The row that had the value when the reference was written, where that is another one. */
  readonly first?: RowId;
}

/** Whom these values mean for whoever wrote them, whatever the row has now; null: there was none. */
export function meantRow(
  rows: MendedRows,
  target: Table,
  key: ForeignKey,
  items: readonly Value[],
  since: Origin | null,
): Meant | null {
  const named = uniqueOf(target, key);
  if (named === undefined) return null;
  const { place, unique } = named;
  if (place === NUMBER) rows.recallNumbers(target);
  const inOrder = itemsOfTarget(target, key, unique, items);
  const name = uniqueName(target, unique, inOrder);
  if (name === null) return null;
  const inBase = rowsInBase(rows.base, target, unique, inOrder);
  const all = new Set([...rows.state.withUnique(target.id, place, name), ...inBase]);
  const value: Named = { table: target, unique, name };
  const first = since === null ? inBase[0] : firstMeant(rows, value, all, since);
  if (first === undefined) return null;
  const left = howLeft(rows, value, first, since);
  const last = left === null ? null : takenOver(rows, value, all, { first, since, left });
  return last === null ? { row: first, since } : { ...last, first };
}

/** A value of an index of this table, by its name. */
interface Named {
  readonly table: Table;
  readonly unique: Unique;
  readonly name: string;
}

function hasValue(rows: MendedRows, { table, unique, name }: Named, row: RowId, view: Row): boolean {
  return uniqueName(table, unique, valuesAt(table, unique.columns, rows.base, row, view, 'merged')) === name;
}

function firstMeant(rows: MendedRows, value: Named, all: ReadonlySet<RowId>, since: Origin): RowId | undefined {
  const { table, unique } = value;
  const having = [...all].flatMap((row) => {
    const view = asSeen(rows, table, unique, row, since);
    return hasValue(rows, value, row, view) ? [{ row, by: referringSince(table, unique, view) }] : [];
  });
  if (having.length < 2) return having[0]?.row;
  // A row that took the value over from one that was deleted is meant, and not that one.
  const found = having.map((one) => ({ ...one, isGone: wasDeleted(rows, table, one.row, since) }));
  found.sort((a, b) => Number(a.isGone) - Number(b.isGone) || earlier(a.by, b.by) || (a.row < b.row ? -1 : 1));
  return found[0]?.row;
}

/**
 * Was the row deleted, or given another value, by somebody who knew of the reference? Then it is his no longer. A number
 * that was only written down is nobody's edit.
 */
function howLeft(rows: MendedRows, value: Named, row: RowId, since: Origin | null): 'deleted' | 'changed' | null {
  const merged = rows.merged(value.table, row);
  if (!aliveByOwnWrites(merged)) return merged.deletions.some((by) => isKnownTo(rows, by, since)) ? 'deleted' : null;
  if (hasValue(rows, value, row, merged)) return null;
  const writes = idsOf(value).flatMap((id) => merged.cells.get(id) ?? []);
  return writes.some((write) => write.numbered === undefined && isKnownTo(rows, write, since)) ? 'changed' : null;
}

/**
 * Who got the value later, from somebody who knew of the reference: for him it meant this row from then on, as no two
 * rows have one value at once. Whoever changed the row's value has written the other's, then.
 */
function takenOver(
  rows: MendedRows,
  value: Named,
  all: ReadonlySet<RowId>,
  { first, since, left }: { first: RowId; since: Origin | null; left: 'deleted' | 'changed' },
): Meant | null {
  const columns = idsOf(value);
  const isOfValue = ({ cells }: RowWrite): boolean => cells.some(([id]) => columns.includes(id));
  const found = [...all].flatMap((row) => {
    if (row === first) return [];
    const merged = rows.merged(value.table, row);
    const writes = writesTo(rows, value.table, row, merged).filter(
      ({ by }) => isKnownTo(rows, by, since) && hasValue(rows, value, row, rowFor(rows, value.table, row, by)),
    );
    const write = writes.findLast(isOfValue) ?? (left === 'deleted' ? writes[0] : undefined);
    return write === undefined ? [] : [{ row, write, isAlive: aliveByOwnWrites(merged) }];
  });
  found.sort(
    (a, b) => Number(b.isAlive) - Number(a.isAlive) || compareWrites(b.write, a.write) || (a.row < b.row ? -1 : 1),
  );
  const [last] = found;
  return last === undefined ? null : { row: last.row, since: last.write.by };
}

function idsOf({ table, unique }: Named): string[] {
  return unique.columns.map((at) => columnId(table, at));
}

function isKnownTo(rows: MendedRows, by: Origin, since: Origin | null): boolean {
  return since === null || knows(rows, by, since);
}

function asSeen(rows: MendedRows, table: Table, unique: Unique, row: RowId, by: Origin): Row {
  const merged = rows.merged(table, row);
  // Where the row is shown as somebody had it, that hangs on all its cells.
  const isWhole = (merged.mend?.whole.length ?? 0) > 0;
  const writes = isWhole
    ? [...merged.cells.values()].flat()
    : unique.columns.flatMap((at) => merged.cells.get(columnId(table, at)) ?? []);
  if (writes.every((write) => knows(rows, by, write))) return merged;
  return rowFor(rows, table, row, by);
}

function earlier(a: Origin | null, b: Origin | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return compareOrigins(a, b);
}
