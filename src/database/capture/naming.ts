/** Rows and numbers as they are in the user's database now, seen from what was shown before. */
import { integerIn, keptAs } from '../../core/affinity.ts';
import type { RowId } from '../../core/body.ts';
import { canonicalKey, keyOfRow, rowOfKey, type Table } from '../../core/tables.ts';
import { RowRef, sameValue, type Value } from '../../core/value.ts';
import type { Shown } from '../folding/shown.ts';
import type { Happened } from './happened.ts';
import { HeldWhereabouts, type Whereabouts } from './whereabouts.ts';

/** Of the tables with numbers in which something happened. `firstRow`: the id of a new row that is not named by its op. */
export function whereabouts(
  happened: ReadonlyMap<string, Happened>,
  firstRow: (table: Table, number: bigint) => RowId | null,
): Map<string, Whereabouts> {
  const found = new Map<string, Whereabouts>();
  let index = 0;
  for (const [id, { table, places }] of happened) {
    if (places === null) continue;
    found.set(id, new HeldWhereabouts(places, index, (number) => firstRow(table, number)));
    index += places.fresh.size;
  }
  return found;
}

export class Naming {
  readonly #shown: Shown;
  readonly #where: ReadonlyMap<string, Whereabouts>;

  constructor(shown: Shown, where: ReadonlyMap<string, Whereabouts>) {
    this.#shown = shown;
    this.#where = where;
  }

  /** New rows by number. */
  fresh(table: string): Iterable<readonly [number: bigint, row: RowId]> {
    return this.#where.get(table)?.freshRows() ?? [];
  }

  isFresh(table: string, number: bigint): boolean {
    return this.#where.get(table)?.fresh(number) !== undefined;
  }

  /** Where a row is now, if the marks say so. */
  numberNow(table: string, row: RowId): bigint | undefined {
    return this.#where.get(table)?.numberOf(row);
  }

  movedBase(table: string): boolean {
    return this.#where.get(table)?.movedBase ?? false;
  }

  /** A cell's value with references in place of numbers. A number that no row has stays a number. */
  referring(table: Table, at: number, item: Value): Value {
    const target = table.references.get(at);
    const number = target === undefined ? null : integerIn(item);
    if (target === undefined || number === null) return item;
    // What the column would not give back as it is stays what it is.
    const isExact = typeof item === 'bigint' || sameValue(keptAs(number, table.columns[at]?.type), item);
    const row = isExact ? this.rowAt(target, number) : null;
    // Numbers of the base move only by the hand of the application, which then changes the keys itself.
    const isName = row?.[0] === 'k' && table.byName.has(at);
    return row === null || isName ? item : new RowRef(row);
  }

  /** The row that has this number now. */
  rowAt(target: string, number: bigint): RowId | null {
    const where = this.#where.get(target);
    const known = where?.fresh(number) ?? where?.at(number);
    if (known !== undefined) return known;
    const table = this.#shown.tables.get(target);
    const row = table === undefined ? null : this.#shown.rowAt(table, number);
    return row !== null && where?.hasLeft(row, number) === true ? null : row;
  }

  /** The id of a row that is named by its key. References to rows of the base stay the numbers that they are. */
  rowOfKey(table: Table, key: readonly Value[]): RowId {
    const row = this.#referringRow(table, key);
    return table.references.size === 0 ? row : (this.rowsOfKey(table, key)[0] ?? row);
  }

  /** The rows that are shown at this key: by reference, or by a number that no row had when it was written. */
  rowsOfKey(table: Table, key: readonly Value[]): RowId[] {
    const literally = rowOfKey(key.map((item, index) => canonicalKey(item, table.key[index]?.collation ?? 'BINARY')));
    const ids = new Set([this.#referringRow(table, key), literally]);
    return [...ids].filter((row) => this.#isShownAt(table, row, key));
  }

  #isShownAt(table: Table, row: RowId, key: readonly Value[]): boolean {
    if (row.includes('06') && keyOfRow(row).some((item) => item instanceof RowRef && item.row[0] === 'n')) return false;
    if (!this.#shown.isThere(table, row)) return false;
    return this.#shown.key(table, row)?.every((item, index) => sameValue(item, key[index] ?? null)) === true;
  }

  #referringRow(table: Table, key: readonly Value[]): RowId {
    return rowOfKey(
      key.map((item, index) => {
        const { at, collation } = table.key[index] as Table['key'][number];
        const named = this.referring(table, at, item);
        return named instanceof RowRef ? named : canonicalKey(item, collation);
      }),
    );
  }
}
