/**
 * Shown: what a table holds once the merged rows are mended: the base's values where nobody wrote, numbers in place of
 * references, moved numbers, no withheld rows. Capture compares with it, apply writes it.
 */
import { integerIn, keptAs } from '../../core/affinity.ts';
import type { RowId } from '../../core/body.ts';
import { ABSENT, IN_BASE, isAlive, type Row, shownValue, winner } from '../../core/rows.ts';
import { keyOfRow, numberColumn, refersToBase, rowOfNumber, type Table } from '../../core/tables.ts';
import { RowRef, type Value } from '../../core/value.ts';
import type { RowPlace } from '../../store/row-state.ts';
import type { BaseFile } from './base-file.ts';

/** The merged rows as `RowState` keeps them, or as they were before some changes. */
export interface RowView {
  /** All rows that were ever written to. */
  rows(table: string): RowId[];
  row(table: string, row: RowId): Row | undefined;
  claims(table: string, number: bigint): RowId[];
  movedTo(table: string, row: RowId): bigint | undefined;
  movedAt(table: string, number: bigint): RowId | undefined;
  movedBase(table: string): boolean;
  /** Why the row did not go into this user's database. */
  unplaced(place: RowPlace): string | undefined;
  /** May name rows that no longer refer to it. */
  referrers(place: RowPlace): RowPlace[];
  /** May name rows that have another value by now. */
  withUnique(table: string, place: number, name: string): RowId[];
  /** May some row of it be shown with another value than it claims, because somebody else has that one? */
  isWatching(table: string): boolean;
  /** Is any row of it in conflict, or only kept for those who refer to it? */
  lists(table: string): boolean;
  listed(): RowPlace[];
  allUnplaced(): RowPlace[];
}

/** A view to put one's own answers over. */
export function forwarding(view: RowView): RowView {
  return {
    rows: (table) => view.rows(table),
    row: (table, row) => view.row(table, row),
    claims: (table, number) => view.claims(table, number),
    movedTo: (table, row) => view.movedTo(table, row),
    movedAt: (table, number) => view.movedAt(table, number),
    movedBase: (table) => view.movedBase(table),
    unplaced: (place) => view.unplaced(place),
    referrers: (place) => view.referrers(place),
    withUnique: (table, place, name) => view.withUnique(table, place, name),
    isWatching: (table) => view.isWatching(table),
    lists: (table) => view.lists(table),
    listed: () => view.listed(),
    allUnplaced: () => view.allUnplaced(),
  };
}

export class Shown {
  readonly view: RowView;
  readonly base: BaseFile;
  readonly tables: ReadonlyMap<string, Table>;

  constructor(view: RowView, base: BaseFile, tables: ReadonlyMap<string, Table>) {
    this.view = view;
    this.base = base;
    this.tables = tables;
  }

  /** The same over another view. */
  over(view: RowView): Shown {
    return new Shown(view, this.base, this.tables);
  }

  merged(table: Table, row: RowId): Row {
    return this.view.row(table.id, row) ?? (this.base.has(table, row) ? IN_BASE : ABSENT);
  }

  isThere(table: Table, row: RowId, merged: Row = this.merged(table, row)): boolean {
    if (!isAlive(merged) || (merged.mend !== undefined && merged.mend.withheld !== null)) return false;
    return this.view.unplaced({ table: table.id, row }) === undefined;
  }

  /** The number that the row claims: by its last write, else by its place in the base. */
  claimed(table: Table, row: RowId, merged?: Row): bigint | null {
    const at = numberColumn(table);
    const state = merged ?? this.view.row(table.id, row);
    const written = at === undefined || state === undefined ? undefined : winner(state, columnId(table, at));
    const number = written ? written.value : row[0] === 'k' ? keyOfRow(row)[0] : null;
    return typeof number === 'bigint' ? number : null;
  }

  /** The number that the row is shown with, also of a row that is deleted. */
  number(table: Table, row: RowId, merged?: Row): bigint | null {
    return this.view.movedTo(table.id, row) ?? this.claimed(table, row, merged);
  }

  /** The row that is shown with this number. */
  rowAt(table: Table, number: bigint): RowId | null {
    const isThere = (row: RowId): boolean => this.isThere(table, row);
    const moved = this.view.movedAt(table.id, number);
    if (moved !== undefined && isThere(moved)) return moved;
    for (const row of this.view.claims(table.id, number)) {
      if (this.view.movedTo(table.id, row) === undefined && isThere(row)) return row;
    }
    const inBase = rowOfNumber(number);
    const state = this.view.row(table.id, inBase);
    if (state === undefined) return this.base.has(table, inBase) && isThere(inBase) ? inBase : null;
    return this.isThere(table, inBase, state) && this.claimed(table, inBase, state) === number ? inBase : null;
  }

  /** Rows that may refer to this one: by a write, or in the base. */
  referrers(table: Table, row: RowId): RowPlace[] {
    const found = this.view.referrers({ table: table.id, row });
    const number = row[0] === 'k' ? keyOfRow(row)[0] : null;
    if (typeof number !== 'bigint' || !this.base.has(table, row)) return found;
    for (const from of this.tables.values()) {
      for (const [at, target] of from.references) {
        if (target !== table.id || !refersToBase(from, at)) continue;
        for (const child of this.base.referring(from, at, number)) found.push({ table: from.id, row: child });
      }
    }
    return found;
  }

  /** Where the row is, or would be, in the user's database. null: it cannot be there. */
  key(table: Table, row: RowId, merged?: Row): Value[] | null {
    if (numberColumn(table) !== undefined) {
      const number = this.number(table, row, merged);
      return number === null ? null : [number];
    }
    if (row[0] !== 'k') return null;
    const named = keyOfRow(row);
    const key: Value[] = [];
    for (let index = 0; index < table.key.length; index++) {
      const item = this.plain(table, table.key[index]?.at as number, named[index] ?? null);
      // A reference to a row without a number, or a key that is not of this table: such a row cannot be there.
      if (item === null) return null;
      key.push(item);
    }
    return key;
  }

  /** All values of a row as the user's database holds them; null when the row is not shown. */
  values(table: Table, row: RowId, merged: Row = this.merged(table, row)): Value[] | null {
    if (!this.isThere(table, row, merged)) return null;
    const key = this.key(table, row, merged);
    if (key === null) return null;
    // Rows made later have all their values in their writes.
    const base =
      merged.base && table.columns.some(({ id }) => !merged.cells.has(id)) ? this.base.read(table, row) : null;
    return table.columns.map((column, at) => {
      if (at === numberColumn(table)) return key[0] as Value;
      const written = shownValue(merged, column.id);
      if (written !== undefined) return this.plain(table, at, written);
      const inKey = table.kind === 'name' ? table.key.findIndex((each) => each.at === at) : -1;
      if (inKey >= 0 && (base === null || table.references.has(at))) return key[inKey] as Value;
      return base === null || base === undefined ? (column.initial ?? null) : this.inBase(table, at, base[at] as Value);
    });
  }

  /** A written value as the database holds it: numbers in place of references. */
  plain(table: Table, at: number, item: Value): Value {
    if (!(item instanceof RowRef)) return item;
    const target = table.references.get(at);
    const parent = target === undefined ? undefined : this.tables.get(target);
    const shown = parent === undefined ? null : this.number(parent, item.row);
    if (shown !== null) return keptAs(shown, table.columns[at]?.type);
    // It referred to another table, or its table is gone: what the base had in it is known by its number.
    const [number] = item.row[0] === 'k' ? keyOfRow(item.row) : [];
    return keptAs(typeof number === 'bigint' ? number : this.#numberAnywhere(item.row), table.columns[at]?.type);
  }

  /** Ids of rows that were made by an op are in one table only. */
  #numberAnywhere(row: RowId): bigint | null {
    for (const table of this.tables.values()) {
      if (table.kind === 'number' && this.view.row(table.id, row) !== undefined) return this.number(table, row);
    }
    return null;
  }

  /** A value of the base: its numbers are references to the rows that the base had there, wherever they are now. */
  inBase(table: Table, at: number, item: Value): Value {
    const target = table.references.get(at);
    if (target === undefined || !refersToBase(table, at) || !this.view.movedBase(target)) return item;
    const number = integerIn(item);
    const parent = number === null ? undefined : this.tables.get(target);
    const now = parent === undefined ? null : this.number(parent, rowOfNumber(number as bigint));
    return now === null ? item : keptAs(now, table.columns[at]?.type);
  }
}

export function columnId(table: Table, at: number): string {
  return (table.columns[at] as { id: string }).id;
}
