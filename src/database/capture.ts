/**
 * What an application edited: the marked rows compared with what was shown. Reads only; the caller holds a transaction
 * on the user's database, so that marks and rows are of one moment.
 */
import type { DatabaseBody, RowId } from '../core/body.ts';
import { winner } from '../core/rows.ts';
import { canonicalKey, numberColumn, rowOfKey, type Table } from '../core/tables.ts';
import { MAX_KEY_BYTES, sameValue, type Value } from '../core/value.ts';
import { type Happened, Naming, whatHappened } from './happened.ts';
import type { Mark, MarkId } from './marks.ts';
import { Ops } from './ops.ts';
import type { RowSql } from './row-sql.ts';
import { columnId, Shown } from './shown.ts';

export interface CaptureSource {
  readonly marks: readonly Mark[];
  readonly tableOf: (num: number) => Table | undefined;
  readonly sqlOf: (table: Table) => RowSql;
  readonly shown: Shown;
}

export interface Captured {
  readonly ops: Ops;
  /** The last mark that the ops contain. */
  readonly mark: MarkId;
  /** Rows that cannot be followed, by table. */
  readonly skipped: ReadonlyMap<string, number>;
}

export function capture(source: CaptureSource): Captured | null {
  const last = source.marks.at(-1);
  if (last === undefined) return null;
  const happened = whatHappened(source.marks, source.tableOf, source.sqlOf, source.shown);
  const comparing = new Comparing(source, happened);
  for (const table of happened.values()) comparing.addFresh(table);
  for (const table of happened.values()) comparing.addKnown(table);
  return { ops: comparing.ops, mark: { id: last.id, nonce: last.nonce }, skipped: comparing.skipped };
}

export function bodyOf(captured: Captured, database: string, seen: DatabaseBody['seen']): DatabaseBody {
  return captured.ops.body(database, seen, { id: captured.mark.id, nonce: captured.mark.nonce });
}

class Comparing {
  readonly ops = new Ops();
  readonly skipped = new Map<string, number>();
  readonly #sqlOf: (table: Table) => RowSql;
  readonly #shown: Shown;
  readonly #naming: Naming;
  /** What was shown, but with references at the numbers that their rows have now. */
  readonly #expected: Shown;

  constructor(source: CaptureSource, happened: ReadonlyMap<string, Happened>) {
    const { view, base, tables } = source.shown;
    this.#sqlOf = source.sqlOf;
    this.#shown = source.shown;
    this.#naming = new Naming(source.shown, happened);
    this.#expected = new Shown(
      {
        row: (table, row) => view.row(table, row),
        rows: (table) => view.rows(table),
        claims: (table, number) => view.claims(table, number),
        movedAt: (table, number) => view.movedAt(table, number),
        listed: () => view.listed(),
        allWithheld: () => view.allWithheld(),
        withheld: (place) => view.withheld(place),
        movedTo: (table, row) => this.#naming.numberNow(table, row) ?? view.movedTo(table, row),
        movedBase: (table) => view.movedBase(table) || this.#naming.movedBase(table),
      },
      base,
      tables,
    );
  }

  /** New rows with numbers: their ops come first, because others name them by the index of the op. */
  addFresh({ table, rows }: Happened): void {
    for (const number of this.#naming.fresh(table.id).keys()) this.#insert(table, null, rows.get(number) as Value[]);
  }

  addKnown(happened: Happened): void {
    const { table, places } = happened;
    const asked = this.#asked(happened);
    for (const [row, number] of places?.known ?? []) {
      const actual = number === null ? undefined : happened.rows.get(number);
      this.#compare(table, row, actual, asked.get(row));
    }
    const done = new Set<RowId>();
    for (const key of happened.keys) {
      const row = this.#naming.rowOfKey(table, key);
      if (done.has(row)) continue;
      done.add(row);
      if (row.length > 1 + 2 * MAX_KEY_BYTES) this.skipped.set(table.name, (this.skipped.get(table.name) ?? 0) + 1);
      else this.#compare(table, row, this.#sqlOf(table).read(key), asked.get(row));
    }
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
    const numberAt = numberColumn(table);
    const changed: number[] = [];
    for (let at = 0; at < actual.length; at++) {
      const before = at === numberAt ? this.#shown.number(table, row) : (known[at] as Value);
      if (!sameValue(actual[at] as Value, before) || asked?.includes(`c:${columnId(table, at)}`)) changed.push(at);
    }
    if (changed.length > 0 || asked?.includes('c')) {
      const values = changed.map((at) => this.#naming.referring(table, at, actual[at] as Value));
      this.ops.update(table, row, changed, values);
    } else if (asked?.includes('s')) this.#settleNumber(table, row, numberAt as number);
  }

  #insert(table: Table, row: RowId | null, actual: readonly Value[]): void {
    const columns = actual.map((_, at) => at).filter((at) => !this.#isInId(table, row, at, actual));
    const values = columns.map((at) => this.#naming.referring(table, at, actual[at] as Value));
    this.ops.insert(table, row, columns, values);
  }

  /** The row's id says what the key is: a cell for it is only needed where the id holds another form (1.0, 'ABC'). */
  #isInId(table: Table, row: RowId | null, at: number, actual: readonly Value[]): boolean {
    if (row === null || table.kind !== 'name') return false;
    const key = table.key.find((each) => each.at === at);
    if (key === undefined) return false;
    return table.references.has(at) || sameValue(canonicalKey(actual[at] as Value, key.collation), actual[at] as Value);
  }

  /** The number that mending gave the row, written down by the row's own copy so that it stays. */
  #settleNumber(table: Table, row: RowId, at: number): void {
    const to = this.#shown.view.movedTo(table.id, row);
    const merged = this.#shown.merged(table, row);
    const from = winner(merged, columnId(table, at))?.value;
    if (to === undefined || typeof from !== 'bigint') return;
    const because = this.#shown.rowAt(table, from) ?? rowOfKey([from]);
    this.ops.number(table, row, at, from, to, because);
  }
}
