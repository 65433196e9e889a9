/**
 * Values that an index keeps unique, by name: rows with one name cannot stand beside each other. References count by the
 * row that they mean. Capture asks who had a value, because REPLACE deletes such a row without running a trigger.
 */
import type { RowId } from '../../core/body.ts';
import { sha256 } from '../../core/bytes.ts';
import { encode, list } from '../../core/codec.ts';
import { claimedValue, type Row, shownValue } from '../../core/rows.ts';
import { canonicalKey, keyOfRow, namedColumns, type Table, type Unique } from '../../core/tables.ts';
import { RowRef, type Value, value } from '../../core/value.ts';
import { indexedValues } from './asked-indexes.ts';
import type { BaseFile } from './base-file.ts';
import { columnId, type Shown } from './shown.ts';

const values = list(value, 64);

/** A column of an index among others that is counted up within the rest, by what people call such columns. */
const COUNTED = /(^|_)(no|nr|num|number|line|lineno|pos|position|seq|sequence|ord|order|idx|index|rank|version|step)$/i;
const COUNTED_IN_CAMEL = /[a-z](No|Nr|Num|Number|Line|Pos|Position|Seq|Sequence|Order|Index|Rank|Version|Step)$/;
const INTEGER = /INT/i;

/** One name for all values that the index holds to be equal; null where it allows many. */
export function uniqueName(table: Table, unique: Unique, items: readonly Value[]): string | null {
  if (unique.asked !== undefined) {
    const made = indexedValues(table, unique, items);
    return made === null || made.includes(null)
      ? null
      : hashOf(made.map((item, index) => canonicalKey(item, unique.collations[index] ?? 'BINARY')));
  }
  if (items.includes(null)) return null;
  const canonical = items.map((item, index) => canonicalItem(item, unique.collations[index] ?? 'BINARY'));
  const at = countedColumn(table, unique);
  const counted = at === null ? undefined : canonical[unique.columns.indexOf(at)];
  if (at !== null && typeof counted === 'bigint') return `${groupName(unique, canonical, at)}${ordered(counted)}`;
  return hashOf(canonical);
}

/** What the names of all rows begin with that are counted up together. */
export function uniqueGroup(table: Table, unique: Unique, items: readonly Value[]): string | null {
  const at = countedColumn(table, unique);
  if (at === null) return null;
  const canonical = items.map((item, index) => canonicalItem(item, unique.collations[index] ?? 'BINARY'));
  return groupName(unique, canonical, at);
}

export function countedIn(name: string): bigint {
  return BigInt(`0x${name.slice(name.indexOf('.') + 1)}`) - (1n << 63n);
}

function groupName(unique: Unique, canonical: readonly Value[], at: number): string {
  return `${hashOf(canonical.filter((_, index) => unique.columns[index] !== at))}.`;
}

function ordered(counted: bigint): string {
  return (counted + (1n << 63n)).toString(16).padStart(16, '0');
}

function hashOf(canonical: readonly Value[]): string {
  return sha256(encode(values, canonical)).slice(0, 16);
}

function canonicalItem(item: Value, collation: string): Value {
  // The number of a row of the base is its name.
  if (item instanceof RowRef) return item.row[0] === 'k' ? (keyOfRow(item.row)[0] ?? null) : item;
  return canonicalKey(item, collation);
}

/** The column in which a row that comes too late gets the next free number; null: there is none. */
export function countedColumn(table: Table, unique: Unique): number | null {
  if (unique.asked !== undefined) return null;
  const integers = freeColumns(table, unique).filter((at) => INTEGER.test(table.columns[at]?.type ?? ''));
  const chosen = integers.findLast((at) => table.columns[at]?.counted === true);
  if (chosen !== undefined) return chosen;
  const free = integers.filter((at) => table.columns[at]?.counted !== false);
  const [only] = free;
  if (unique.columns.length === 1) return only !== undefined && !/_id$|Id$/.test(nameOf(table, only)) ? only : null;
  const isCalled = (name: string): boolean => COUNTED.test(name) || COUNTED_IN_CAMEL.test(name);
  return free.findLast((at) => isCalled(nameOf(table, at))) ?? null;
}

/** The column in which a row that comes too late is visibly marked. */
export function markedColumn(table: Table, unique: Unique, items: readonly Value[]): number | null {
  return freeColumns(table, unique).findLast((at) => typeof items[unique.columns.indexOf(at)] === 'string') ?? null;
}

/** Columns that neither name the row nor refer to another. */
function freeColumns(table: Table, unique: Unique): number[] {
  return namedColumns(unique).filter(
    (at) => !table.key.some((key) => key.at === at) && !table.foreignKeys.some(({ columns }) => columns.includes(at)),
  );
}

function nameOf(table: Table, at: number): string {
  return table.columns[at]?.name ?? '';
}

/** What a row has, or had before it was deleted, in the columns of an index: as merged, or as it is shown. */
export function itemsOf(
  table: Table,
  unique: Unique,
  base: BaseFile,
  row: RowId,
  merged: Row,
  as: 'merged' | 'shown' = 'merged',
): Value[] {
  return valuesAt(table, unique.columns, base, row, merged, as);
}

export function valuesAt(
  table: Table,
  columns: readonly number[],
  base: BaseFile,
  row: RowId,
  merged: Row,
  as: 'merged' | 'shown',
): Value[] {
  let inBase: readonly Value[] | undefined;
  return columns.map((at) => {
    const id = columnId(table, at);
    const written = as === 'shown' ? shownValue(merged, id) : claimedValue(merged, id);
    if (written !== undefined) return written;
    const inKey = table.kind === 'name' ? table.key.findIndex((key) => key.at === at) : -1;
    // Whoever wrote the row may not have known of a column that was added.
    if (!merged.base) return inKey >= 0 ? (keyOfRow(row)[inKey] ?? null) : (table.columns[at]?.initial ?? null);
    inBase ??= base.read(table, row) ?? [];
    return inBase[at] ?? null;
  });
}

/** The rows that may be shown with these values, as the user's database holds them; some have others by now. */
export function holdersOf(shown: Shown, table: Table, place: number, items: readonly Value[]): Set<RowId> {
  const unique = table.uniques[place] as Unique;
  const found = new Set<RowId>();
  if (items.length < unique.columns.length) return found;
  const { view, base, tables } = shown;
  const referring = items.map((item, index) => {
    const at = unique.columns[index] as number;
    const target = tables.get(table.references.get(at) ?? '');
    const row = target === undefined || typeof item !== 'bigint' ? null : shown.rowAt(target, item);
    return row === null || (row[0] === 'k' && table.byName.has(at)) ? item : new RowRef(row);
  });
  const name = uniqueName(table, unique, referring);
  if (name === null) return found;
  for (const row of view.withUnique(table.id, place, name)) found.add(row);
  const inBase =
    unique.asked === undefined
      ? rowsInBase(base, table, unique, referring)
      : base.rowsAsked(table, unique, indexedValues(table, unique, referring) ?? []);
  for (const row of inBase) found.add(row);
  return found;
}

/** The rows of the base with these values. A reference to a row that was made since cannot be in it. */
export function rowsInBase(base: BaseFile, table: Table, unique: Unique, items: readonly Value[]): RowId[] {
  const plain = items.map((item) => {
    if (!(item instanceof RowRef)) return item;
    return item.row[0] === 'k' ? (keyOfRow(item.row)[0] ?? null) : null;
  });
  return plain.includes(null) ? [] : base.rowsWhere(table, unique.columns, plain, unique.collations);
}
