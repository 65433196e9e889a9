/**
 * What an application edited: the marked rows compared with what was shown. Reads only; the caller holds a transaction
 * on the user's database, so that marks and rows are of one moment.
 */
import type { RowId } from '../core/body.ts';
import { sha256 } from '../core/bytes.ts';
import { encode, list } from '../core/codec.ts';
import { type Row, winner } from '../core/rows.ts';
import { canonicalKey, keyOfRow, numberColumn, rowOfKey, type Table } from '../core/tables.ts';
import { MAX_KEY_BYTES, sameValue, type Value, value } from '../core/value.ts';
import { type Happened, Naming, whatHappened } from './happened.ts';
import type { Mark } from './marks.ts';
import { Ops } from './ops.ts';
import type { RowSql } from './row-sql.ts';
import { columnId, forwarding, type RowView, Shown } from './shown.ts';
import { holdersOf } from './unique-values.ts';
import { withVictims } from './unique-victims.ts';

export interface CaptureSource {
  readonly marks: readonly Mark[];
  readonly tableOf: (num: number) => Table | undefined;
  readonly sqlOf: (table: Table) => RowSql;
  readonly shown: Shown;
  /** Tables that were made since: two copies that make one table alike have the same first rows in it. */
  readonly made?: ReadonlySet<string>;
}

export interface Captured {
  readonly ops: Ops;
  /** Rows that cannot be followed, by table. */
  readonly skipped: ReadonlyMap<string, number>;
  /** The merged rows that were looked at, by table: whoever folds next need not look again. */
  readonly merged: ReadonlyMap<string, ReadonlyMap<RowId, Row | undefined>>;
}

export function capture(from: CaptureSource): Captured {
  const merged = new Map<string, Map<RowId, Row | undefined>>();
  const shown = from.shown.over(remembering(from.shown.view, merged));
  const source = { ...from, shown, marks: withVictims(from.marks, from.tableOf, shown) };
  const happened = whatHappened(source.marks, source.tableOf, source.sqlOf, source.shown);
  const comparing = new Comparing(source, happened);
  for (const table of happened.values()) comparing.addFresh(table);
  for (const table of happened.values()) comparing.addKnown(table);
  for (const table of happened.values()) comparing.addLeftBehind(table);
  comparing.addVictims();
  return { ops: comparing.ops, skipped: comparing.skipped, merged };
}

/** Nothing changes while we compare, and every row is looked at from several sides. */
function remembering(view: RowView, tables: Map<string, Map<RowId, Row | undefined>>): RowView {
  return {
    ...forwarding(view),
    row: (table, row) => {
      const rows = tables.get(table) ?? new Map<RowId, Row | undefined>();
      if (rows.has(row)) return rows.get(row);
      const found = view.row(table, row);
      tables.set(table, rows.set(row, found));
      return found;
    },
  };
}

class Comparing {
  readonly ops = new Ops();
  readonly skipped = new Map<string, number>();
  readonly #sqlOf: (table: Table) => RowSql;
  readonly #shown: Shown;
  readonly #naming: Naming;
  readonly #namingBefore: Naming;
  readonly #done = new Set<string>();
  readonly #later: (() => void)[] = [];
  /** What was shown, but with references at the numbers that their rows have now. */
  readonly #expected: Shown;

  constructor(source: CaptureSource, happened: ReadonlyMap<string, Happened>) {
    const { view, base, tables } = source.shown;
    this.#sqlOf = source.sqlOf;
    this.#shown = source.shown;
    const { made } = source;
    const firstRow = (table: Table, number: bigint): RowId | null => {
      const actual = made?.has(table.id) ? happened.get(table.id)?.rows.get(number) : undefined;
      return actual === undefined ? null : firstRowId(table, number, actual);
    };
    this.#naming = new Naming(source.shown, happened, firstRow);
    this.#namingBefore = new Naming(source.shown, new Map());
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
  addFresh({ table, rows }: Happened): void {
    for (const [number, row] of this.#naming.fresh(table.id)) {
      const actual = rows.get(number) as Value[];
      const named = row[0] === 'n' ? null : row;
      this.#insertRow(table, named, actual);
      // New rows come first in a change; victims of theirs are looked for after all of them.
      this.#later.push(() => this.#findVictims(table, named, actual));
    }
  }

  addVictims(): void {
    for (const find of this.#later) find();
  }

  addKnown(happened: Happened): void {
    const { table, places, nameless } = happened;
    const asked = this.#asked(happened);
    if (nameless > 0) this.skipped.set(table.name, nameless);
    for (const [row, number] of places?.known ?? []) {
      const actual = number === null ? undefined : happened.rows.get(number);
      if (this.#isNew(table, row)) this.#compare(table, row, actual, asked.get(row));
    }
    for (const key of happened.keys) this.#compareAt(table, key, asked);
  }

  /** The row that is at this key now, and the one that was. */
  #compareAt(table: Table, key: readonly Value[], asked: ReadonlyMap<RowId, string[]>): void {
    const is = this.#naming.rowOfKey(table, key);
    if (is.length > 1 + 2 * MAX_KEY_BYTES) this.skipped.set(table.name, (this.skipped.get(table.name) ?? 0) + 1);
    else if (this.#isNew(table, is)) this.#compare(table, is, this.#sqlOf(table).read(key), asked.get(is));
    const was = table.references.size === 0 ? is : this.#namingBefore.rowOfKey(table, key);
    if (was === is || !this.#isNew(table, was)) return;
    const keyNow = this.#expected.key(table, was);
    const isStill = keyNow !== null && this.#naming.rowOfKey(table, keyNow) === was;
    this.#compare(table, was, isStill ? this.#sqlOf(table).read(keyNow) : undefined, undefined);
  }

  /** At most one op for a row in one change. */
  #isNew(table: Table, row: RowId): boolean {
    const place = `${table.id}\0${row}`;
    if (this.#done.has(place)) return false;
    this.#done.add(place);
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
      const before = at === numberAt ? this.#shown.number(table, row) : (known[at] as Value);
      if (!sameValue(actual[at] as Value, before) || asked?.includes(`c:${columnId(table, at)}`)) changed.push(at);
    }
    addDisputed(table, this.#shown.merged(table, row), changed);
    if (changed.length > 0 || asked?.includes('c')) {
      const values = changed.map((at) => this.#naming.referring(table, at, actual[at] as Value));
      this.ops.update(table, row, changed, values);
    } else for (const op of asked ?? []) if (op.startsWith('s:')) this.#settleNumber(table, row, op.slice(2));
  }

  #insert(table: Table, row: RowId, actual: readonly Value[]): void {
    this.#insertRow(table, row, actual);
    this.#findVictims(table, row, actual);
  }

  #insertRow(table: Table, row: RowId | null, actual: readonly Value[]): void {
    const columns = actual.map((_, at) => at).filter((at) => !this.#isInId(table, row, at, actual));
    const values = columns.map((at) => this.#naming.referring(table, at, actual[at] as Value));
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
        if (other !== row && !this.#done.has(`${table.id}\0${other}`)) this.#deleteIfGone(table, other);
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

const content = list(value, 32_767);

/**
 * A row of a table that was just made is named by what is in it, so that the same upgrade made twice makes the same rows;
 * one of a table that was rebuilt under another key, by its number.
 */
function firstRowId(table: Table, number: bigint, actual: readonly Value[]): RowId {
  if (table.id.includes('~')) return rowOfKey([number]);
  const bytes = encode(content, [table.id, number, ...actual]);
  return `h${sha256(bytes).slice(0, 32)}`;
}
