/**
 * Brings rows of a user's database to what is shown. Rows that give up or take a unique value are all taken out first
 * and put back after, because swapping them one by one would collide on the way.
 */
import type { RowId } from '../../core/body.ts';
import { bool, list, struct, text, varint } from '../../core/codec.ts';
import { ABSENT, IN_BASE, type Row, shownValue } from '../../core/rows.ts';
import { numberColumn, type Table } from '../../core/tables.ts';
import { sameValue, type Value, value } from '../../core/value.ts';
import type { RowState } from '../../store/row-state.ts';
import { KeptList } from '../capture/kept-list.ts';
import type { RowSql } from '../file/row-sql.ts';
import type { Room } from '../folding/room.ts';
import { columnId, type Shown } from '../folding/shown.ts';
import type { Touched, TouchedRows } from '../folding/touched.ts';

/**
 * A row to be taken out of the file; `again`: it is put back, and keeps the rowid that it has there; `own`: and values.
 */
interface Removal {
  readonly table: string;
  readonly key: readonly Value[];
  readonly again: boolean;
  readonly own: boolean;
}

interface Update {
  readonly table: string;
  readonly row: RowId;
  readonly key: readonly Value[];
  readonly columns: readonly number[];
  readonly values: readonly Value[];
}

interface Insertion {
  readonly table: string;
  readonly row: RowId;
  readonly values: readonly Value[];
  readonly again: boolean;
  /** Columns that are left out: as the row has them that was taken out, or as SQLite has them by itself. */
  readonly left: readonly number[];
}

const MAX_TEXT = 1 << 30;
const values = list(value, MAX_TEXT);
const tableId = text(MAX_TEXT);
const removal = struct({ table: tableId, key: values, again: bool, own: bool });
const update = struct({
  table: tableId,
  row: text(MAX_TEXT),
  key: values,
  columns: list(varint(), MAX_TEXT),
  values,
});
const insertion = struct({
  table: tableId,
  row: text(MAX_TEXT),
  values,
  again: bool,
  left: list(varint(), MAX_TEXT),
});

/** What a row had that is put back. */
interface TakenOut {
  readonly rowid: bigint | null;
  /** All its values, where some of them are this copy's own. */
  readonly own: readonly Value[] | undefined;
}

const NOTHING: TakenOut = { rowid: null, own: undefined };

const CONSTRAINT = 19;
const CONSTRAINT_ROWID = 2579;
const MISMATCH = 20;

export class PlacingRows {
  readonly #before: Shown;
  readonly #after: Shown;
  readonly #state: RowState;
  readonly #sqlOf: (table: Table) => RowSql;
  readonly #removals: KeptList<Removal>;
  readonly #updates: KeptList<Update>;
  readonly #insertions: KeptList<Insertion>;
  rows = 0;

  /** `before`: how the rows stand in the file now. `room`: for what is planned. */
  constructor(before: Shown, after: Shown, state: RowState, sqlOf: (table: Table) => RowSql, room: Room) {
    this.#removals = new KeptList(removal, room);
    this.#updates = new KeptList(update, room);
    this.#insertions = new KeptList(insertion, room);
    this.#before = before;
    this.#after = after;
    this.#state = state;
    this.#sqlOf = sqlOf;
  }

  /** What is to be done, found without the file. `tables`: where something changed; rows kept out of these are tried. */
  plan(touched: TouchedRows, tables: Iterable<string> = touched.keys()): void {
    for (const [id, rows] of touched) {
      const table = this.#after.tables.get(id);
      if (table === undefined) continue;
      for (const row of rows.values()) this.#take(table, row);
    }
    this.#retryUnplaced(new Set(tables));
  }

  /** Does it, under the lock. */
  write(): void {
    const found: TakenOut[] = [];
    for (const [, { table, key, again, own }] of this.#removals.entries()) {
      const sql = this.#sql(table);
      if (again) found.push({ rowid: sql.rowid(key), own: own ? sql.read(key) : undefined });
      sql.delete(key);
    }
    for (const [, update] of this.#updates.entries()) this.#update(update);
    let next = 0;
    for (const [, insertion] of this.#insertions.entries()) {
      this.#put(insertion, (insertion.again ? found[next++] : undefined) ?? NOTHING);
    }
  }

  close(): void {
    for (const list of [this.#removals, this.#updates, this.#insertions]) list.close();
  }

  #sql(table: string): RowSql {
    return this.#sqlOf(this.#after.tables.get(table) as Table);
  }

  #take(table: Table, touched: Touched): void {
    const { row, now } = touched;
    const before = this.#before;
    const was = before.view.row(table.id, row) ?? (now.base ? IN_BASE : ABSENT);
    const keyBefore = before.isThere(table, row, was) ? before.key(table, row, was) : null;
    const key = this.#after.isThere(table, row, now) ? this.#after.key(table, row, now) : null;
    if (keyBefore === null || key === null) {
      if (keyBefore !== null) this.remove(table, keyBefore);
      if (key !== null) this.insert(table, row, now);
      return;
    }
    this.rows += 1;
    const changed = this.#changed(table, touched, was, before);
    if (!sameKey(keyBefore, key) && changed.length === 0) changed.push(table.key[0]?.at ?? 0);
    if (changed.length === 0) return;
    if (changed.some((at) => table.uniqueColumns.has(at))) this.#replace(table, row, now, keyBefore, changed, []);
    else this.#updateLater(table, row, now, key, changed);
  }

  remove(table: Table, key: readonly Value[]): void {
    this.rows += 1;
    this.#removals.add({ table: table.id, key, again: false, own: false });
  }

  insert(table: Table, row: RowId, now: Row): void {
    this.rows += 1;
    this.#insertLater(table, row, now, [], false);
  }

  /** These columns of the row that the file has at `key`, and no others. `kept`: others that are not as they are shown. */
  update(table: Table, row: RowId, key: readonly Value[], columns: readonly number[], kept: readonly number[]): void {
    this.rows += 1;
    const now = this.#after.merged(table, row);
    const collides = columns.some((at) => table.uniqueColumns.has(at));
    if (collides) this.#replace(table, row, now, key, columns, kept);
    else this.#updateLater(table, row, now, key, columns);
  }

  #updateLater(table: Table, row: RowId, now: Row, key: readonly Value[], columns: readonly number[]): void {
    const values = columns.map((at) => this.#value(table, row, now, at));
    this.#updates.add({ table: table.id, row, key, columns, values });
  }

  #replace(
    table: Table,
    row: RowId,
    now: Row,
    key: readonly Value[],
    changed: readonly number[],
    kept: readonly number[],
  ): void {
    const left = [...table.columns.keys()].filter(
      (at) => kept.includes(at) || (table.columns[at]?.left && !changed.includes(at)),
    );
    const again = this.#insertLater(table, row, now, left, true);
    this.#removals.add({ table: table.id, key, again, own: left.length > 0 });
  }

  /** Columns that are shown with another value; those of which nothing was known count as such. */
  #changed(table: Table, { row, now, columns, unknown }: Touched, was: Row, before: Shown): number[] {
    const changed: number[] = [];
    for (let at = 0; at < table.columns.length; at++) {
      const id = columnId(table, at);
      if (!columns.has(id)) continue;
      if (at === numberColumn(table)) {
        if (before.number(table, row, was) !== this.#after.number(table, row, now)) changed.push(at);
        continue;
      }
      const [old, written] = [shownValue(was, id), shownValue(now, id)];
      const same =
        old !== undefined &&
        written !== undefined &&
        !unknown?.has(id) &&
        sameValue(before.plain(table, at, old), this.#after.plain(table, at, written));
      if (!same) changed.push(at);
    }
    return changed;
  }

  #value(table: Table, row: RowId, now: Row, at: number): Value {
    const written = shownValue(now, columnId(table, at));
    if (written !== undefined) return this.#after.plain(table, at, written);
    return this.#after.values(table, row, now)?.[at] ?? null;
  }

  /** `left`: of a row that is there and is put back, what is kept as it is. False: it is not to be shown. */
  #insertLater(table: Table, row: RowId, now: Row, kept: readonly number[], again: boolean): boolean {
    const values = this.#after.values(table, row, now);
    if (values === null) return false;
    const unknown = table.columns.flatMap((column, at) =>
      column.left && !now.base && !now.cells.has(column.id) ? [at] : [],
    );
    this.#insertions.add({ table: table.id, row, values, again, left: again ? kept : unknown });
    return true;
  }

  /** What this file did not take may fit now: only what is touched can have made room. */
  #retryUnplaced(tables: ReadonlySet<string>): void {
    for (const place of this.#state.allUnplaced()) {
      const table = this.#after.tables.get(place.table);
      if (table === undefined || !tables.has(place.table)) continue;
      this.#state.placed(place);
      this.#insertLater(table, place.row, this.#after.merged(table, place.row), [], false);
    }
  }

  #update({ table, row, key, columns, values }: Update): void {
    const sql = this.#sql(table);
    try {
      sql.update(key, columns, values);
    } catch (error) {
      const reason = constraintOf(error);
      if (reason === undefined) throw error;
      // A row of its own is in the way.
      if (sql.table.left) return;
      sql.delete(key);
      this.#state.unplace({ table, row }, reason);
    }
  }

  #put(insertion: Insertion, { rowid, own }: TakenOut): void {
    const { table, row, values, left } = insertion;
    const sql = this.#sql(table);
    try {
      sql.insert(left.length === 0 ? values : values.map((item, at) => (left.includes(at) ? own?.[at] : item)), rowid);
    } catch (error) {
      const reason = constraintOf(error);
      if (reason === undefined) throw error;
      // Its old rowid was given to another row in the meantime: any will do.
      if (rowid !== null && (error as { errcode?: number }).errcode === CONSTRAINT_ROWID) {
        this.#put(insertion, { rowid: null, own });
      } else if (!sql.table.left) this.#state.unplace({ table, row }, reason);
    }
  }
}

function sameKey(a: readonly Value[], b: readonly Value[]): boolean {
  return a.every((item, index) => sameValue(item, b[index] ?? null));
}

/** What SQLite said a constraint forbids; undefined for every other failure. */
function constraintOf(error: unknown): string | undefined {
  const { errcode, message } = error as { errcode?: number; message?: string };
  // A value that STRICT or the rowid's type refuses is kept out the same way.
  const isConstraint = errcode !== undefined && ((errcode & 0xff) === CONSTRAINT || (errcode & 0xff) === MISMATCH);
  return isConstraint ? (message ?? 'a constraint') : undefined;
}
