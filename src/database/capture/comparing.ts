/** Compares rows of a user's database with what was shown, and writes the ops of the change. */
import type { RowId } from '../../core/body.ts';
import { type Row, winner } from '../../core/rows.ts';
import { canonicalKey, keyOfRow, numberColumn, rowOfKey, type Table } from '../../core/tables.ts';
import { MAX_KEY_BYTES, sameValue, type Value } from '../../core/value.ts';
import type { RowSql } from '../file/row-sql.ts';
import type { Room } from '../folding/room.ts';
import { columnId, forwarding, Shown } from '../folding/shown.ts';
import { holdersOf } from '../folding/unique-values.ts';
import { CalledRows } from './called-rows.ts';
import type { Happened } from './happened.ts';
import { Naming } from './naming.ts';
import { Ops } from './ops.ts';
import type { Whereabouts } from './whereabouts.ts';

export interface ComparingBy {
  readonly sqlOf: (table: Table) => RowSql;
  readonly shown: Shown;
  /** For ops; as much as it takes where it is not given. */
  readonly room?: Room | undefined;
}

export class Comparing {
  readonly ops: Ops;
  readonly skipped = new Map<string, number>();
  readonly #sqlOf: (table: Table) => RowSql;
  readonly #shown: Shown;
  readonly #naming: Naming;
  readonly #namingBefore: Naming;
  readonly #called: CalledRows;
  /** By table: the rows that have been looked at, and differed. */
  readonly #done = new Map<string, Set<RowId>>();
  /** What was shown, but with references at the numbers that their rows have now. */
  readonly #expected: Shown;

  constructor({ sqlOf, shown, room }: ComparingBy, where: ReadonlyMap<string, Whereabouts>) {
    const { view, base, tables } = shown;
    this.ops = new Ops(room);
    this.#sqlOf = sqlOf;
    this.#shown = shown;
    this.#naming = new Naming(shown, where);
    this.#called = new CalledRows(shown, this.#naming, sqlOf);
    this.#namingBefore = new Naming(shown, new Map());
    this.#expected = new Shown(
      {
        ...forwarding(view),
        movedTo: (table, row) => this.#naming.numberNow(table, row) ?? view.movedTo(table, row),
        movedBase: (table) => view.movedBase(table) || this.#naming.movedBase(table),
      },
      base,
      tables,
    );
  }

  /** New rows with numbers: their ops come first, because others name them by the index of the op. */
  addFresh(table: Table, read: (number: bigint) => readonly Value[] | undefined): void {
    for (const [number, row] of this.#naming.fresh(table.id)) {
      this.addNew(table, row[0] === 'n' ? null : row, read(number) as readonly Value[]);
    }
  }

  isFresh(table: Table, number: bigint): boolean {
    return this.#naming.isFresh(table.id, number);
  }

  /** `row` null: it is named by its op. */
  addNew(table: Table, row: RowId | null, actual: readonly Value[]): void {
    this.#insertRow(table, row, actual);
  }

  /** Whom the new rows have replaced; looked for when they are all in the change. */
  addVictims(table: Table, read: (number: bigint) => readonly Value[] | undefined): void {
    if (table.uniques.every(({ declared }) => declared)) return;
    for (const [number, row] of this.#naming.fresh(table.id)) {
      this.#findVictims(table, row[0] === 'n' ? null : row, read(number) as readonly Value[]);
    }
  }

  /** No op so far was about a row of this table that may still be met again. */
  forget(table: Table): void {
    this.#done.delete(table.id);
  }

  addKnown(happened: Happened): void {
    const { table, places, nameless } = happened;
    const asked = this.#asked(happened);
    if (nameless > 0) this.#skip(table, nameless);
    for (const [row, number] of places?.known ?? []) {
      const actual = number === null ? undefined : happened.rows.get(number);
      if (this.#isNew(table, row)) this.#compare(table, row, actual, asked.get(row));
    }
    for (const key of happened.keys) this.#compareAt(table, key, asked);
  }

  #skip(table: Table, rows: number): void {
    this.skipped.set(table.name, (this.skipped.get(table.name) ?? 0) + rows);
  }

  /** The row that is at this key now, and the one that was. */
  #compareAt(table: Table, key: readonly Value[], asked: ReadonlyMap<RowId, string[]>): void {
    const is = this.#naming.rowOfKey(table, key);
    if (is.length > 1 + 2 * MAX_KEY_BYTES) this.#skip(table, 1);
    else if (this.#isNew(table, is)) this.#compare(table, is, this.#sqlOf(table).read(key), asked.get(is));
    const was = table.references.size === 0 ? is : this.#namingBefore.rowOfKey(table, key);
    if (was === is || !this.#isNew(table, was)) return;
    const keyNow = this.#expected.key(table, was);
    const isStill = keyNow !== null && this.#naming.rowOfKey(table, keyNow) === was;
    this.#compare(table, was, isStill ? this.#sqlOf(table).read(keyNow) : undefined, undefined);
  }

  /** At most one op for a row in one change. */
  #isNew(table: Table, row: RowId): boolean {
    const done = this.#done.get(table.id) ?? new Set<RowId>();
    this.#done.set(table.id, done);
    if (done.has(row)) return false;
    done.add(row);
    return true;
  }

  /**
   * When an application gives a row another number, references that it did not change along (no cascade) no longer
   * mean that row, or none: they are written as what they are.
   */
  addLeftBehind({ table, places }: Happened): void {
    for (const [row, number] of places?.known ?? []) {
      if (number === null || number === this.#shown.number(table, row)) continue;
      for (const place of this.#shown.referrers(table, row)) {
        const from = this.#shown.tables.get(place.table);
        if (from !== undefined && this.#isNew(from, place.row)) this.#leaveBehind(from, place.row);
      }
    }
  }

  #leaveBehind(table: Table, row: RowId): void {
    const key = this.#shown.key(table, row);
    const known = this.#expected.values(table, row);
    const actual = key === null ? undefined : this.#sqlOf(table).read(key);
    if (key === null || known === null || actual === undefined) return;
    if (table.kind === 'name') {
      const is = this.#naming.rowOfKey(table, key);
      if (is !== row) {
        this.ops.delete(table, row);
        if (this.#isNew(table, is)) this.#compare(table, is, actual, undefined);
        return;
      }
    }
    this.#compare(table, row, actual, undefined);
  }

  #asked({ table, asked }: Happened): Map<RowId, string[]> {
    const byRow = new Map<RowId, string[]>();
    for (const { op, key } of asked) {
      const own = key.slice(0, table.key.length);
      const row =
        table.kind === 'name' ? this.#naming.rowOfKey(table, own) : this.#shown.rowAt(table, own[0] as bigint);
      if (row !== null) byRow.set(row, [...(byRow.get(row) ?? []), op]);
    }
    return byRow;
  }

  #compare(table: Table, row: RowId, actual: Value[] | undefined, asked: readonly string[] | undefined): void {
    const known = this.#expected.values(table, row);
    if (actual === undefined) {
      if (known !== null) this.ops.delete(table, row);
      return;
    }
    if (known === null) {
      this.#insert(table, row, actual);
      return;
    }
    this.#findVictims(table, row, actual);
    const numberAt = numberColumn(table);
    const changed: number[] = [];
    for (let at = 0; at < actual.length; at++) {
      if (table.columns[at]?.left) continue;
      const before = at === numberAt ? this.#shown.number(table, row) : (known[at] as Value);
      if (!sameValue(actual[at] as Value, before) || asked?.includes(`c:${columnId(table, at)}`)) changed.push(at);
    }
    addDisputed(table, this.#shown.merged(table, row), changed);
    if (changed.length > 0 || asked?.includes('c')) {
      const values = changed.map((at) => this.#naming.referring(table, at, actual[at] as Value));
      this.ops.update(table, row, changed, values);
      this.#called.note(table, changed, actual);
    } else if (asked === undefined) this.#done.get(table.id)?.delete(row);
    else for (const op of asked) if (op.startsWith('s:')) this.#settleNumber(table, row, op.slice(2));
  }

  #insert(table: Table, row: RowId, actual: readonly Value[]): void {
    this.#insertRow(table, row, actual);
    this.#findVictims(table, row, actual);
  }

  #insertRow(table: Table, row: RowId | null, actual: readonly Value[]): void {
    const columns = actual
      .map((_, at) => at)
      .filter((at) => !table.columns[at]?.left && !this.#isInId(table, row, at, actual));
    const values = columns.map((at) => this.#naming.referring(table, at, actual[at] as Value));
    this.#called.note(table, [...actual.keys()], actual);
    if (columns.length > 0 || row === null) return this.ops.insert(table, row, columns, values);
    // A row is alive by its writes: one that is nothing but a key writes the first part of it.
    const [first] = table.key as [Table['key'][number]];
    this.ops.insert(table, row, [first.at], [keyOfRow(row)[0] ?? null]);
  }

  /**
   * REPLACE over an index of CREATE UNIQUE INDEX deletes a row that nobody marks: whoever was shown with a value that
   * this row has now, and is not there any more, was its victim.
   */
  #findVictims(table: Table, row: RowId | null, actual: readonly Value[]): void {
    for (const [place, unique] of table.uniques.entries()) {
      if (unique.declared) continue;
      const items = unique.columns.map((at) => actual[at] as Value);
      for (const other of holdersOf(this.#shown, table, place, items)) {
        if (other !== row && !this.#done.get(table.id)?.has(other)) this.#deleteIfGone(table, other);
      }
    }
  }

  #deleteIfGone(table: Table, row: RowId): void {
    const key = this.#shown.isThere(table, row) ? this.#expected.key(table, row) : null;
    if (key === null || this.#sqlOf(table).has(key)) return;
    this.#isNew(table, row);
    this.ops.delete(table, row);
  }

  /** The row's id says what the key is: a cell for it is only needed where the id holds another form (1.0, 'ABC'). */
  #isInId(table: Table, row: RowId | null, at: number, actual: readonly Value[]): boolean {
    if (row === null || table.kind !== 'name') return false;
    const key = table.key.find((each) => each.at === at);
    if (key === undefined) return false;
    if (table.references.has(at)) return true;
    if (!sameValue(canonicalKey(actual[at] as Value, key.collation), actual[at] as Value)) return false;
    const merged = this.#shown.merged(table, row);
    // Once it had another form, that one would come back.
    return !merged.base && !merged.cells.has(columnId(table, at));
  }

  /** What was called stays as it was called, and where it was, whatever mending finds later. After all others. */
  addCalled(): void {
    for (const { table, row, key, at } of this.#called) {
      const actual = this.#sqlOf(table).read(key);
      if (actual === undefined || !this.#isNew(table, row)) continue;
      const values = at.map((column) => this.#naming.referring(table, column, actual[column] as Value));
      this.ops.update(table, row, at, values);
      // Its own references are written by it: what they keep is called, too.
      this.#called.note(table, [...actual.keys()], actual);
    }
  }

  /** The number that mending gave the row, written down by the row's own copy so that it stays. */
  #settleNumber(table: Table, row: RowId, column: string): void {
    const at = table.columns.findIndex(({ id }) => id === column);
    if (at < 0) return;
    const merged = this.#shown.merged(table, row);
    const mended = merged.mend?.cells.get(column);
    const to = at === numberColumn(table) ? this.#shown.view.movedTo(table.id, row) : mended?.value;
    const from = winner(merged, column)?.value;
    if (typeof to !== 'bigint' || typeof from !== 'bigint') return;
    const because = mended?.because ?? this.#shown.rowAt(table, from) ?? rowOfKey([from]);
    this.ops.number(table, row, at, from, to, because);
  }
}

/** Whoever edits what others are at odds about has decided how the whole of it is. */
function addDisputed(table: Table, merged: Row, changed: number[]): void {
  const whole = merged.mend?.whole ?? [];
  const isDisputed = (at: number): boolean => whole.some(({ cells }) => cells.has(columnId(table, at)));
  if (whole.length === 0 || !changed.some(isDisputed)) return;
  for (const at of table.columns.keys()) if (isDisputed(at) && !changed.includes(at)) changed.push(at);
}
