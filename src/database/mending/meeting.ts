/**
 * Rows whose references went with their row to another value (following.ts) may meet others there, where an index keeps
 * that value unique: whoever has it as written stands, then the earliest of those that followed; the rest are withheld.
 */
import type { RowId } from '../../core/body.ts';
import { isAlive, type Row, UNMENDED } from '../../core/rows.ts';
import { namedColumns, type Table, type Unique } from '../../core/tables.ts';
import { columnId } from '../folding/shown.ts';
import { itemsOf, uniqueName } from '../folding/unique-values.ts';
import { compareClaimants, rowsClaimingInBase, uniqueReason } from './claims.ts';
import type { MendedRows } from './mended-rows.ts';
import { uniqueOf } from './unique-targets.ts';
import { withheldFor } from './withholding.ts';

const ENDING = ': another row has what it refers to';

/** An index, and the ids of those of its columns that follow. */
interface Place {
  readonly place: number;
  readonly unique: Unique;
  readonly following: readonly string[];
}

export class Meeting {
  readonly #rows: MendedRows;

  constructor(rows: MendedRows) {
    this.#rows = rows;
  }

  settle(): void {
    for (const id of [...this.#rows.touched.keys()]) {
      const table = this.#rows.tables.get(id);
      if (table === undefined) continue;
      const places = this.#placesOf(table);
      for (const row of this.#open(table, places)) this.#judge(table, places, row);
    }
  }

  #placesOf(table: Table): Place[] {
    const columns = table.foreignKeys.flatMap((key) => {
      const target = this.#rows.tables.get(key.target);
      return target !== undefined && uniqueOf(target, key) !== undefined ? key.columns : [];
    });
    if (columns.length === 0) return [];
    return table.uniques.flatMap((unique, place) => {
      const within = columns.filter((at) => (unique.asked?.touching ?? unique.columns).includes(at));
      return within.length === 0 ? [] : [{ place, unique, following: within.map((at) => columnId(table, at)) }];
    });
  }

  /** Rows that followed, or did, and those that hang on who is where these were or are. */
  #open(table: Table, places: readonly Place[]): Set<RowId> {
    const { state } = this.#rows;
    const open = new Set<RowId>();
    const touched = this.#rows.touched.get(table.id);
    const isWatching = places.length > 0 && state.isWatching(table.id);
    for (const { row, before, now } of (isWatching ? touched?.values() : touched?.mended()) ?? []) {
      if (isMet(now)) open.add(row);
      for (const { place, unique, following } of places) {
        const was = this.#nameOf(table, unique, row, before);
        const name = this.#nameOf(table, unique, row, now);
        // It is found by what it is shown with, too.
        if (name !== null && (now.mend?.cells.size ?? 0) > 0) state.addUnique(table.id, place, name, row);
        if (hasFollowed(now, following)) open.add(row);
        if (was === name) continue;
        for (const each of [was, name]) {
          for (const other of each === null ? [] : state.watchers(table.id, place, each)) open.add(other);
        }
      }
    }
    return open;
  }

  #judge(table: Table, places: readonly Place[], row: RowId): void {
    const merged = this.#rows.merged(table, row);
    const met = places.find((place) => this.#meets(table, place, row, merged));
    const reason = met === undefined ? null : `${uniqueReason(table, met.unique)}${ENDING}`;
    const mend = merged.mend ?? UNMENDED;
    this.#rows.mend(table.id, row, { ...mend, withheld: withheldFor(ENDING, reason, mend.withheld) });
  }

  #meets(table: Table, { place, unique, following }: Place, row: RowId, merged: Row): boolean {
    const { state, base } = this.#rows;
    const name = hasFollowed(merged, following) ? this.#nameOf(table, unique, row, merged) : null;
    if (name === null) return false;
    state.watch(table.id, place, name, row);
    const items = itemsOf(table, unique, base, row, merged, 'shown');
    const all = new Set([
      ...state.withUnique(table.id, place, name),
      ...rowsClaimingInBase(this.#rows, table, unique, items),
    ]);
    all.delete(row);
    return [...all].some((other) => {
      const view = this.#rows.merged(table, other);
      if (this.#nameOf(table, unique, other, view) !== name) return false;
      return !hasFollowed(view, following) || compareClaimants(this.#rows, table, namedColumns(unique), other, row) < 0;
    });
  }

  /** What the row is shown with, whether it is withheld or not; null: nobody can meet it. */
  #nameOf(table: Table, unique: Unique, row: RowId, merged: Row | undefined): string | null {
    if (merged === undefined || !isAlive(merged)) return null;
    return uniqueName(table, unique, itemsOf(table, unique, this.#rows.base, row, merged, 'shown'));
  }
}

function hasFollowed({ mend }: Row, following: readonly string[]): boolean {
  return following.some((column) => mend?.cells.has(column));
}

function isMet(row: Row): boolean {
  return row.mend?.withheld?.reason.endsWith(ENDING) === true;
}
