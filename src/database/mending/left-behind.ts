/**
 * Rows whose key names another row by the number that it had at publish, while an application gave that row another
 * number. Whoever did that changed the keys that he had in front of him; one that he did not know of names nobody any
 * more, or somebody else: its row is withheld, with what is in it, until the number is what it was.
 */
import { integerIn } from '../../core/affinity.ts';
import type { RowId } from '../../core/body.ts';
import { isAlive, type Row, UNMENDED, winner } from '../../core/rows.ts';
import { type ForeignKey, numberColumn, rowOfNumber, type Table } from '../../core/tables.ts';
import type { RowPlace } from '../../store/row-state.ts';
import { columnId } from '../folding/shown.ts';
import { valuesAt } from '../folding/unique-values.ts';
import { knows, type MendedRows } from './mended-rows.ts';
import { type References, writesOf } from './references.ts';
import { withheldFor } from './withholding.ts';

const ENDING = ' now, and its key does not follow';

export class LeftBehind {
  readonly #rows: MendedRows;
  readonly #references: References;

  constructor(rows: MendedRows, references: References) {
    this.#rows = rows;
    this.#references = references;
  }

  settle(): void {
    const open = new Map<string, RowPlace>();
    const add = (place: RowPlace): void => void open.set(`${place.table}\0${place.row}`, place);
    const targets = new Set([...this.#rows.tables.values()].flatMap((table) => this.#keysOf(table)).map(targetOf));
    for (const [id, touched] of this.#rows.touched) {
      const table = this.#rows.tables.get(id);
      if (table === undefined) continue;
      const refers = this.#keysOf(table).length > 0;
      for (const { row, now } of refers ? touched.values() : touched.mended()) {
        // The foreign key may be declared no longer.
        if (refers || isLeftBehind(now)) add({ table: id, row });
      }
      if (!targets.has(id)) continue;
      for (const row of touched.keys()) for (const from of this.#references.maybeReferrers(table, row)) add(from);
    }
    for (const place of open.values()) this.#judge(place);
  }

  /** Those by which a key names a row of the base, of a table in which any has another number than it had there. */
  #keysOf(table: Table): ForeignKey[] {
    return table.foreignKeys.filter(({ columns, target, to }) => {
      const other = table.byName.has(columns[0] ?? Number.NaN) ? this.#rows.tables.get(target) : undefined;
      return other && to.length === 1 && to[0] === numberColumn(other) && this.#rows.state.movedBase(target);
    });
  }

  #judge({ table: id, row }: RowPlace): void {
    const table = this.#rows.tables.get(id);
    if (table === undefined) return;
    const merged = this.#rows.merged(table, row);
    const reason = isAlive(merged) ? this.#reason(table, row, merged) : null;
    const mend = merged.mend ?? UNMENDED;
    this.#rows.mend(id, row, { ...mend, withheld: withheldFor(ENDING, reason, mend.withheld) });
  }

  #reason(table: Table, row: RowId, merged: Row): string | null {
    for (const key of this.#keysOf(table)) {
      const target = this.#rows.tables.get(key.target) as Table;
      const [item = null] = valuesAt(table, key.columns, this.#rows.base, row, merged, 'merged');
      const number = integerIn(item);
      const now = number === null ? null : this.#leftFor(table, merged, key, target, number);
      if (now !== null) return `FOREIGN KEY of ${table.name}: ${target.name} ${number} is ${now}${ENDING}`;
    }
    return null;
  }

  /** The number that the row has got which is meant; null: it has the same, or whoever changed it knew of this key. */
  #leftFor(table: Table, merged: Row, key: ForeignKey, target: Table, number: bigint): bigint | null {
    const meant = rowOfNumber(number);
    const parent = this.#rows.merged(target, meant);
    const move = winner(parent, columnId(target, numberColumn(target) as number));
    if (!parent.base || !isAlive(parent) || move === undefined) return null;
    const now = this.#rows.after().number(target, meant, parent);
    const isUnaware = writesOf(table, merged, key).some(
      (write) => !knows(this.#rows, write, move) && !knows(this.#rows, move, write),
    );
    return isUnaware && now !== number ? now : null;
  }
}

function targetOf({ target }: ForeignKey): string {
  return target;
}

function isLeftBehind(row: Row): boolean {
  return row.mend?.withheld?.reason.endsWith(ENDING) === true;
}
