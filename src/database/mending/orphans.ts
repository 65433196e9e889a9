/**
 * Rows that refer to a table of which their writer did not know that they would, because somebody made the foreign key
 * name it meanwhile (a table made anew under another key, one that got the name of another), and which has no such row:
 * theirs is in the table that was there before. They are withheld until it is in this one, too.
 */
import { integerIn } from '../../core/affinity.ts';
import type { RowId } from '../../core/body.ts';
import { isAlive, type Origin, type Row, UNMENDED } from '../../core/rows.ts';
import { type ForeignKey, numberColumn, rowOfNumber, type Table, type Unique } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import type { RowPlace } from '../../store/row-state.ts';
import type { Shown } from '../folding/shown.ts';
import { uniqueName, valuesAt } from '../folding/unique-values.ts';
import { SCHEMA } from '../schema/reserved.ts';
import { Declarers } from './declarers.ts';
import { knows, type MendedRows } from './mended-rows.ts';
import { type References, writesOf } from './references.ts';
import { itemsOfTarget, NUMBER, uniqueOf } from './unique-targets.ts';
import { withheldFor } from './withholding.ts';

const ENDING = ' now, which has no such row';

export class Orphans {
  readonly #rows: MendedRows;
  readonly #references: References;
  readonly #declarers: Declarers;
  /** By table: its foreign keys that are declared since the base. */
  readonly #keys: ReadonlyMap<string, readonly ForeignKey[]>;
  readonly #open = new Map<string, RowPlace>();

  constructor(rows: MendedRows, references: References) {
    this.#rows = rows;
    this.#references = references;
    this.#declarers = new Declarers(rows);
    const isAltered = rows.state.rows(SCHEMA).length > 0;
    this.#keys = new Map(
      isAltered ? [...rows.tables.values()].map((table) => [table.id, this.#declarers.keysSinceBase(table)]) : [],
    );
  }

  settle(): void {
    const targets = new Set([...this.#keys.values()].flatMap((keys) => keys.map(({ target }) => target)));
    for (const [id, touched] of this.#rows.touched) {
      const table = this.#rows.tables.get(id);
      if (table === undefined) continue;
      const refers = this.#keysOf(table).length > 0;
      for (const { row, now } of refers ? touched.values() : touched.mended()) {
        // The foreign key may be declared no longer.
        if (refers || isOrphan(now)) this.#add({ table: id, row });
      }
      if (!targets.has(id)) continue;
      for (const row of touched.keys()) for (const from of this.#references.maybeReferrers(table, row)) this.#add(from);
    }
    if ([...targets].some((id) => this.#rows.touched.has(id))) this.#addOrphans();
    this.#addRedeclared();
    for (const place of this.#open.values()) this.#judge(place);
  }

  #keysOf({ id }: Table): readonly ForeignKey[] {
    return this.#keys.get(id) ?? [];
  }

  #add({ table, row }: RowPlace): void {
    this.#open.set(`${table}\0${row}`, { table, row });
  }

  /** What they lack may be there now. */
  #addOrphans(): void {
    for (const place of this.#rows.state.withholds() ? this.#rows.state.listed() : []) {
      const merged = this.#rows.row(place.table, place.row);
      if (merged !== undefined && isOrphan(merged)) this.#add(place);
    }
  }

  /** Two may declare one foreign key without knowledge of each other. */
  #addRedeclared(): void {
    const touched = this.#rows.touched.get(SCHEMA);
    for (const table of touched === undefined ? [] : this.#rows.tables.values()) {
      if (this.#keysOf(table).length === 0 || !this.#declarers.isAmong(touched?.keys() ?? [], table)) continue;
      for (const row of this.#rows.state.rows(table.id)) this.#add({ table: table.id, row });
    }
  }

  #judge({ table: id, row }: RowPlace): void {
    const table = this.#rows.tables.get(id);
    if (table === undefined) return;
    const merged = this.#rows.merged(table, row);
    const key = isAlive(merged)
      ? this.#keysOf(table).find(
          (each) => this.#isUnaware(table, merged, each) && this.#isMissing(table, row, merged, each),
        )
      : undefined;
    const target = key && this.#rows.tables.get(key.target)?.name;
    const reason = target === undefined ? null : `FOREIGN KEY of ${table.name}: it refers to ${target}${ENDING}`;
    const mend = merged.mend ?? UNMENDED;
    this.#rows.mend(id, row, { ...mend, withheld: withheldFor(ENDING, reason, mend.withheld) });
  }

  /** Did neither know of the other: somebody who made the row refer, and whoever made the key name this table? */
  #isUnaware(table: Table, merged: Row, key: ForeignKey): boolean {
    const declarers = this.#declarers.of(table, key);
    if (declarers.length === 0) return false;
    const isKnown = (write: Origin): boolean =>
      declarers.some((by) => knows(this.#rows, write, by) || knows(this.#rows, by, write));
    return writesOf(table, merged, key).some((write) => !isKnown(write));
  }

  /** As SQLite looks for it: by the values that are shown. */
  #isMissing(table: Table, row: RowId, merged: Row, key: ForeignKey): boolean {
    const target = this.#rows.tables.get(key.target);
    if (target === undefined) return false;
    const items = valuesAt(table, key.columns, this.#rows.base, row, merged, 'shown');
    if (items.includes(null)) return false;
    const holder = this.#holder(table, row, merged, key, target);
    if (holder === null) return true;
    this.#rows.state.addReference({ table: target.id, row: holder }, { table: table.id, row });
    return false;
  }

  /** The row that has what is shown, however it may be withheld itself: that is found after this. */
  #holder(table: Table, row: RowId, merged: Row, key: ForeignKey, target: Table): RowId | null {
    const after = this.#rows.after();
    const items = valuesAt(table, key.columns, this.#rows.base, row, merged, 'shown').map((item, index) =>
      after.plain(table, key.columns[index] as number, item),
    );
    const named = uniqueOf(target, key);
    if (key.to.length === 1 && key.to[0] === numberColumn(target))
      return this.#atNumber(target, items[0] ?? null, after);
    if (named !== undefined && named.place !== NUMBER) return this.#withValues(target, key, named, items);
    const found = [...this.#references.targets(table, row, merged)].find((each) => each.key === key);
    return found !== undefined && this.#isAlive(target, found.row) ? found.row : null;
  }

  #isAlive(target: Table, row: RowId): boolean {
    return isAlive(this.#rows.merged(target, row));
  }

  #atNumber(target: Table, item: Value, after: Shown): RowId | null {
    const number = integerIn(item);
    if (number === null) return null;
    const { view } = after;
    const all = [view.movedAt(target.id, number), ...view.claims(target.id, number), rowOfNumber(number)];
    const has = (row: RowId): boolean => this.#isAlive(target, row) && after.number(target, row) === number;
    return all.find((row) => row !== undefined && has(row)) ?? null;
  }

  #withValues(
    target: Table,
    key: ForeignKey,
    { place, unique }: { place: number; unique: Unique },
    items: readonly Value[],
  ): RowId | null {
    const { base, state } = this.#rows;
    const inOrder = itemsOfTarget(target, key, unique, items);
    const name = uniqueName(target, unique, inOrder);
    if (name === null) return null;
    const inBase = base.rowsWhere(target, unique.columns, inOrder, unique.collations);
    const has = (row: RowId): boolean => {
      const shown = valuesAt(target, unique.columns, base, row, this.#rows.merged(target, row), 'shown');
      return this.#isAlive(target, row) && uniqueName(target, unique, shown) === name;
    };
    return [...state.withUnique(target.id, place, name), ...inBase].find(has) ?? null;
  }
}

function isOrphan(row: Row): boolean {
  return row.mend?.withheld?.reason.endsWith(ENDING) === true;
}
