/**
 * References by a UNIQUE value go where their row goes: when it is given another value by mending, or by somebody who
 * did not know of the reference, they are shown with that. What somebody left behind knowingly stays as it is.
 */
import { keptAs } from '../../core/affinity.ts';
import type { RowId } from '../../core/body.ts';
import { isAlive, type MendedCell, type Origin, type Row, UNMENDED, winner, withMend } from '../../core/rows.ts';
import { type ForeignKey, refersToBase, rowOfNumber, type Table, type Unique } from '../../core/tables.ts';
import { RowRef, sameValue, type Value } from '../../core/value.ts';
import { covers } from '../../core/vector.ts';
import type { RowPlace } from '../../store/row-state.ts';
import { columnId } from '../folding/shown.ts';
import { uniqueName, valuesAt } from '../folding/unique-values.ts';
import { SCHEMA, schemaRow } from '../schema/reserved.ts';
import { isDropped } from '../schema/uses.ts';
import type { MendedRows } from './mended-rows.ts';
import type { References } from './references.ts';
import { rowBefore } from './row-history.ts';
import { itemsOfTarget, meantRow, NUMBER, referredUniques, referringSince, uniqueOf } from './unique-targets.ts';
import { withheldFor } from './withholding.ts';

export class Following {
  readonly #rows: MendedRows;
  readonly #references: References;

  constructor(rows: MendedRows, references: References) {
    this.#rows = rows;
    this.#references = references;
  }

  settle(): void {
    const referred = referredUniques(this.#rows.tables);
    if (referred.size === 0) return;
    const open = new Map<string, { table: string; row: RowId }>();
    const add = (table: string, row: RowId): void => void open.set(`${table}\0${row}`, { table, row });
    for (const [id, touched] of this.#rows.touched) {
      const table = this.#rows.tables.get(id);
      if (table === undefined) continue;
      const refers = this.#keys(table).length > 0;
      if (!refers && !referred.has(id)) continue;
      for (const { row } of touched.values()) {
        if (refers) add(id, row);
        if (referred.has(id)) for (const from of this.#references.maybeReferrers(table, row)) add(from.table, from.row);
      }
    }
    for (const { table: id, row } of this.#rows.followed) {
      const table = this.#rows.tables.get(id);
      for (const from of table ? this.#references.maybeReferrers(table, row) : []) add(from.table, from.row);
    }
    for (const { table: id, row } of open.values()) {
      const table = this.#rows.tables.get(id);
      // It may have been dropped since it referred.
      if (table !== undefined) this.#follow(table, row);
    }
  }

  #keys(table: Table): ForeignKey[] {
    return table.foreignKeys.filter((key) => {
      const target = this.#rows.tables.get(key.target);
      return target !== undefined && uniqueOf(target, key) !== undefined;
    });
  }

  #follow(table: Table, row: RowId): void {
    const merged = this.#rows.merged(table, row);
    const mend = merged.mend ?? UNMENDED;
    const keys = this.#keys(table);
    const ours = new Set(keys.flatMap(({ columns }) => columns.map((at) => columnId(table, at))));
    const cells = new Map<string, MendedCell>([...mend.cells].filter(([column]) => !ours.has(column)));
    const written = withMend(merged, { ...mend, cells });
    let reason: string | null = null;
    for (const key of isAlive(merged) ? keys : []) {
      const values = this.#values(table, row, written, key);
      const empty = values.find(([column, { value }]) => value === null && isRequired(table, column));
      if (empty === undefined) for (const [column, cell] of values) cells.set(column, cell);
      else reason = `NOT NULL of ${table.name}${NO_VALUE}`;
    }
    this.#rows.mend(table.id, row, { ...mend, cells, withheld: withheldFor(NO_VALUE, reason, mend.withheld) });
  }

  #values(table: Table, row: RowId, merged: Row, key: ForeignKey): [string, MendedCell][] {
    const { base } = this.#rows;
    const target = this.#rows.tables.get(key.target) as Table;
    const items = valuesAt(table, key.columns, base, row, merged, 'merged');
    const { place, unique } = uniqueOf(target, key) as { place: number; unique: Unique };
    const isNumber = place === NUMBER;
    // References to rows are shown with the number that the row has.
    if (isNumber && items[0] instanceof RowRef) return [];
    const found = items.includes(null)
      ? null
      : meantRow(this.#rows, target, key, items, referringSince(table, key, merged));
    if (found === null) return [];
    const { row: meant, since, first } = found;
    // Whatever happens to either, the reference is looked at again.
    if (first !== undefined) for (const to of [first, meant]) this.#note({ table: target.id, row: to }, table, row);
    const parent = this.#rows.merged(target, meant);
    const now = isNumber
      ? [this.#rows.after().number(target, meant, parent)]
      : valuesAt(target, key.to, base, meant, parent, 'shown');
    // Whoever deleted a row without a value for it had nothing in front of him that referred to it.
    if (!isAlive(parent) && !now.includes(null)) return [];
    const inOrder = (from: readonly Value[]): Value[] => itemsOfTarget(target, key, unique, from);
    if (uniqueName(target, unique, inOrder(now)) === uniqueName(target, unique, inOrder(items))) return [];
    const isMoved = isNumber && this.#rows.state.movedTo(target.id, meant) !== undefined;
    if (isNumber && now.includes(null)) return [];
    if (!isMoved && !this.#wasLetGo(table, merged, key) && !this.#isUnknown(target, key, meant, parent, since))
      return [];
    return key.columns.flatMap((at, index): [string, MendedCell][] => {
      const value = this.#asHeld(table, at, target, key.to[index] as number, now[index] ?? null);
      return sameValue(value, items[index] ?? null) ? [] : [[columnId(table, at), { value, because: meant }]];
    });
  }

  /** A value of the target's as a cell here holds it: a number of the base that is a reference as what it means. */
  #asHeld(table: Table, at: number, target: Table, from: number, item: Value): Value {
    if (typeof item === 'bigint' && refersToBase(target, from) && refersToBase(table, at))
      return new RowRef(rowOfNumber(item));
    return keptAs(item, table.columns[at]?.type);
  }

  #note(to: RowPlace, { id }: Table, row: RowId): void {
    this.#rows.state.addReference(to, { table: id, row });
  }

  /** Who deleted the reference, or dropped its table, left nothing behind: somebody else has made it come back. */
  #wasLetGo(table: Table, merged: Row, { columns }: ForeignKey): boolean {
    if (isDropped(this.#rows.state.row(SCHEMA, schemaRow('table', table.id)))) return true;
    const isDead = (at: number): boolean => winner(merged, columnId(table, at))?.dead ?? merged.baseDead;
    return columns.every(isDead);
  }

  /** Did nobody who changed the row's value know of the reference? */
  #isUnknown(target: Table, { to }: ForeignKey, row: RowId, parent: Row, since: Origin | null): boolean {
    const columns = to.map((at) => columnId(target, at));
    // Another value that mending gave the row, also by showing it as somebody else had it, is nobody's edit.
    const { cells, whole } = parent.mend ?? UNMENDED;
    if (columns.some((column) => cells.has(column) || whole[0]?.cells.has(column))) return true;
    if (since === null) return false;
    return (
      columns
        .flatMap((column) => parent.cells.get(column) ?? [])
        // A number that was only written down is nobody's edit.
        .some(
          (write) =>
            write.dead ||
            !covers(this.#rows.seenBy(write), since.copy, since.seq) ||
            this.#hadNoValue(target, to, row, write),
        )
    );
  }

  /** Before this write: then nothing in front of its writer referred to the row, though he knew of the reference. */
  #hadNoValue(target: Table, to: readonly number[], row: RowId, by: Origin): boolean {
    return valuesAt(target, to, this.#rows.base, row, rowBefore(this.#rows, target, row, by), 'merged').includes(null);
  }
}

const NO_VALUE = ': the row to which it refers has no value for it';

function isRequired(table: Table, column: string): boolean {
  return table.columns.some(({ id, notNull }) => id === column && notNull === true);
}
