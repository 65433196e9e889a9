/** Who refers to whom by declared foreign keys, as the merged rows have it. */
import { comparedAs, integerIn } from '../../core/affinity.ts';
import type { RowId } from '../../core/body.ts';
import { referringWrites } from '../../core/referring.ts';
import { isAlive, type Row, type Write } from '../../core/rows.ts';
import {
  canonicalKey,
  type ForeignKey,
  keyOfRow,
  numberColumn,
  rowOfKey,
  rowOfNumber,
  type Table,
} from '../../core/tables.ts';
import { RowRef, type Value } from '../../core/value.ts';
import type { RowPlace } from '../../store/row-state.ts';
import { columnId } from '../folding/shown.ts';
import { valuesAt } from '../folding/unique-values.ts';
import type { MendedRows } from './mended-rows.ts';
import { meantRow, NUMBER, referringSince, uniqueOf } from './unique-targets.ts';

export interface Target extends RowPlace {
  readonly key: ForeignKey;
  /** The row itself was written, not a value by which it is found. */
  readonly byRow: boolean;
}

export class References {
  readonly #rows: MendedRows;

  constructor(rows: MendedRows) {
    this.#rows = rows;
  }

  /** The rows that this one refers to, living or not: by what was written, or by what is shown of that. */
  *targets(table: Table, row: RowId, merged: Row, as: 'merged' | 'shown' = 'shown'): Generator<Target> {
    for (const key of table.foreignKeys) {
      const target = this.#rows.tables.get(key.target);
      if (target === undefined) continue;
      const items = valuesAt(table, key.columns, this.#rows.base, row, merged, as);
      if (items.includes(null)) continue;
      const byRow = key.to.includes(numberColumn(target) ?? Number.NaN) && items.some((item) => item instanceof RowRef);
      const unique = uniqueOf(target, key);
      const found =
        unique === undefined || (byRow && unique.place === NUMBER)
          ? this.#resolve(target, key, items)
          : this.#byUnique(table, row, merged, key, target);
      for (const row of found) yield { table: target.id, row, key, byRow };
    }
  }

  #resolve(target: Table, { to }: ForeignKey, items: readonly Value[]): RowId[] {
    const [only] = items;
    if (to.length === 1 && to[0] === numberColumn(target) && only !== undefined) {
      if (only instanceof RowRef) return [only.row];
      const number = integerIn(only);
      return number === null ? [] : [rowOfNumber(number)];
    }
    return target.kind === 'name' && target.key.length === to.length ? [this.#keyed(target, to, items)] : [];
  }

  #keyed(target: Table, to: readonly number[], items: readonly Value[]): RowId {
    return rowOfKey(
      target.key.map(({ at, collation }) => {
        const item = items[to.indexOf(at)] ?? null;
        if (!(item instanceof RowRef)) return canonicalKey(comparedAs(item, target.columns[at]?.type), collation);
        return item.row[0] === 'k' ? (keyOfRow(item.row)[0] ?? null) : item;
      }),
    );
  }

  /** By a UNIQUE that is not the key: the row that was meant by what was written, not by how it is shown. */
  #byUnique(table: Table, row: RowId, merged: Row, key: ForeignKey, target: Table): RowId[] {
    const written = valuesAt(table, key.columns, this.#rows.base, row, merged, 'merged');
    const meant = meantRow(this.#rows, target, key, written, referringSince(table, key, merged));
    if (meant !== null) return [meant.row];
    // Nobody had this number for who wrote it.
    return uniqueOf(target, key)?.place === NUMBER ? this.#resolve(target, key, written) : [];
  }

  /** Rows that refer to this one, written to or from the base: those that still do. */
  referrers(table: Table, row: RowId): RowPlace[] {
    return this.maybeReferrers(table, row).filter((place) => this.refers(place, { table: table.id, row }));
  }

  /** And those that did once, and may refer to another row instead. */
  maybeReferrers(table: Table, row: RowId): RowPlace[] {
    const found = new Map<string, RowPlace>();
    const all = [...this.#rows.state.referrers({ table: table.id, row }), ...this.#inBase(table, row)];
    for (const place of all) found.set(`${place.table}\0${place.row}`, place);
    return [...found.values()];
  }

  refers(from: RowPlace, to: RowPlace): boolean {
    const table = this.#rows.tables.get(from.table);
    if (table === undefined) return false;
    for (const target of this.targets(table, from.row, this.#rows.merged(table, from.row))) {
      if (target.table === to.table && target.row === to.row) return true;
    }
    return false;
  }

  #inBase(table: Table, row: RowId): RowPlace[] {
    const { base, tables } = this.#rows;
    const values = row[0] === 'k' && base.has(table, row) ? base.read(table, row) : undefined;
    if (values === undefined) return [];
    const found: RowPlace[] = [];
    for (const from of tables.values()) {
      for (const { target, columns, to } of from.foreignKeys) {
        const items = target === table.id ? to.map((at) => values[at] ?? null) : [null];
        if (items.includes(null)) continue;
        for (const child of base.rowsWhere(from, columns, items)) found.push({ table: from.id, row: child });
      }
    }
    return found;
  }

  /** Does the row refer otherwise than before, as far as its own writes say so? */
  changed(table: Table, before: Row | undefined, now: Row): boolean {
    if (before === undefined ? !now.base : isAlive(before) !== isAlive(now)) return true;
    return table.foreignKeys.some(
      ({ columns }) =>
        isWithinKey(table, columns) ||
        columns.some((at) => now.cells.get(columnId(table, at)) !== before?.cells.get(columnId(table, at))),
    );
  }
}

/** The writes by which a row refers. */
export function writesOf(table: Table, row: Row, key: ForeignKey): Generator<Write> {
  return referringWrites(row, idsOf(table, key), isWithinKey(table, key.columns));
}

export function idsOf(table: Table, { columns }: ForeignKey): string[] {
  return columns.map((at) => columnId(table, at));
}

function isWithinKey(table: Table, columns: readonly number[]): boolean {
  return table.kind === 'name' && columns.every((at) => table.key.some((key) => key.at === at));
}
