/**
 * What the marks say happened: per table the rows that were touched and the numbers where rows are now. Reads the
 * user's database only to see which rows are there.
 */
import type { RowId } from '../core/body.ts';
import { type PlaceEvent, type Places, tracePlaces } from '../core/places.ts';
import { canonicalKey, keyOfRow, rowOfKey, rowOfNumber, type Table } from '../core/tables.ts';
import { RowRef, sameValue, type Value } from '../core/value.ts';
import type { Mark } from './marks.ts';
import type { RowSql } from './row-sql.ts';
import type { Shown } from './shown.ts';

/** What we noted ourselves about a row, in the user's name. */
export interface Asked {
  /** `c:column` (the value shown is chosen), `c` (the row is kept), `s` (the number shown is to stay). */
  readonly op: string;
  readonly key: readonly Value[];
}

export interface Happened {
  readonly table: Table;
  /** Tables with numbers: who is where. */
  readonly places: Places | null;
  /** Their rows, by number. */
  readonly rows: ReadonlyMap<bigint, Value[]>;
  /** Tables named by keys: the keys that were touched, each once. */
  readonly keys: readonly (readonly Value[])[];
  readonly asked: readonly Asked[];
  /** Rows whose key is NULL: they have no name. */
  readonly nameless: number;
}

export function whatHappened(
  marks: readonly Mark[],
  tableOf: (num: number) => Table | undefined,
  sqlOf: (table: Table) => RowSql,
  shown: Shown,
): Map<string, Happened> {
  const byTable = new Map<string, { table: Table; marks: Mark[] }>();
  for (const mark of marks) {
    const table = tableOf(mark.table);
    if (table === undefined) continue;
    const found = byTable.get(table.id);
    if (found) found.marks.push(mark);
    else byTable.set(table.id, { table, marks: [mark] });
  }
  const happened = new Map<string, Happened>();
  for (const [id, { table, marks: own }] of byTable) happened.set(id, inTable(table, own, sqlOf(table), shown));
  return happened;
}

function inTable(table: Table, marks: readonly Mark[], sql: RowSql, shown: Shown): Happened {
  const asked = marks.filter(({ op }) => op[0] === 'c' || op[0] === 's').map(({ op, key }) => ({ op, key }));
  if (table.kind === 'name') {
    const keys = new Map<string, readonly Value[]>();
    let nameless = 0;
    for (const { key } of marks) {
      const own = key.slice(0, table.key.length);
      if (own.includes(null)) nameless += 1;
      else keys.set(rowOfKey(own), own);
    }
    return { table, places: null, rows: new Map(), keys: [...keys.values()], asked, nameless };
  }
  const rows = new Map<bigint, Value[]>();
  const places = tracePlaces(
    eventsOf(marks),
    (number) => shown.rowAt(table, number),
    (number) => {
      const found = sql.read([number]);
      if (found !== undefined) rows.set(number, found);
      return found !== undefined;
    },
  );
  return { table, places, rows, keys: [], asked, nameless: 0 };
}

function* eventsOf(marks: readonly Mark[]): Generator<PlaceEvent> {
  for (let index = 0; index < marks.length; index++) {
    const { op, key, id } = marks[index] as Mark;
    const number = key[0];
    if (typeof number !== 'bigint') continue;
    if (op === 'i' || op === 'd' || op === 'u' || op === 'v') yield { op, number };
    else if (op === 'b') yield { op: 'r', number };
    else if (op === 'm') {
      // The trigger that says where it was says in its next breath where it is.
      const next = marks[index + 1];
      const to = next?.key[0];
      if (next?.op === 'u' && next.id === id + 1 && typeof to === 'bigint') yield { op, number, to };
    } else if (op.startsWith('a:')) yield { op: 'a', number, row: op.slice(2) };
    else yield { op: 'u', number };
  }
}

/** Rows and numbers as they are in the user's database now, seen from what was shown before. */
export class Naming {
  readonly #shown: Shown;
  readonly #happened: ReadonlyMap<string, Happened>;
  readonly #at = new Map<string, ReadonlyMap<bigint, RowId>>();
  readonly #fresh = new Map<string, ReadonlyMap<bigint, RowId>>();
  readonly #movedBase = new Map<string, boolean>();

  /** `firstRow`: the id of a new row that is not named by its op. */
  constructor(
    shown: Shown,
    happened: ReadonlyMap<string, Happened>,
    firstRow: (table: Table, number: bigint) => RowId | null = () => null,
  ) {
    this.#shown = shown;
    this.#happened = happened;
    let index = 0;
    for (const [id, { table, places }] of happened) {
      if (places === null) continue;
      const at = new Map<bigint, RowId>();
      for (const [row, number] of places.known) if (number !== null) at.set(number, row);
      this.#at.set(id, at);
      const named = [...places.fresh].map((number): [bigint, RowId] => {
        const row = firstRow(table, number) ?? `n${index}`;
        index += 1;
        return [number, row];
      });
      this.#fresh.set(id, new Map(named));
    }
  }

  /** New rows by number. Those named by the index of the op that makes them (`n…`): they come first in the change. */
  fresh(table: string): ReadonlyMap<bigint, RowId> {
    return this.#fresh.get(table) ?? new Map();
  }

  /** Where a row is now, if the marks say so. */
  numberNow(table: string, row: RowId): bigint | undefined {
    return this.#happened.get(table)?.places?.known.get(row) ?? undefined;
  }

  /** Is a row of the base at another number than it was? Asked for every cell that refers. */
  movedBase(table: string): boolean {
    const known = this.#movedBase.get(table);
    if (known !== undefined) return known;
    const places = [...(this.#happened.get(table)?.places?.known ?? [])];
    const moved = places.some(([row, number]) => number !== null && row[0] === 'k' && row !== rowOfNumber(number));
    this.#movedBase.set(table, moved);
    return moved;
  }

  /** A cell's value with references in place of numbers. A number that no row has stays a number. */
  referring(table: Table, at: number, item: Value): Value {
    const target = table.references.get(at);
    if (target === undefined || typeof item !== 'bigint') return item;
    const row = this.#rowAt(target, item);
    return row === null ? item : new RowRef(row);
  }

  #rowAt(target: string, number: bigint): RowId | null {
    const fresh = this.#fresh.get(target)?.get(number);
    if (fresh !== undefined) return fresh;
    const known = this.#at.get(target)?.get(number);
    if (known !== undefined) return known;
    const table = this.#shown.tables.get(target);
    const row = table === undefined ? null : this.#shown.rowAt(table, number);
    const elsewhere = row !== null && this.#happened.get(target)?.places?.known.has(row) === true;
    return elsewhere ? null : row;
  }

  /** The id of a row that is named by its key. References to rows of the base stay the numbers that they are. */
  rowOfKey(table: Table, key: readonly Value[]): RowId {
    const row = this.#referringRow(table, key);
    return table.references.size === 0 ? row : (this.rowsOfKey(table, key)[0] ?? row);
  }

  /** The rows that are shown at this key: by reference, or by a number that no row had when it was written. */
  rowsOfKey(table: Table, key: readonly Value[]): RowId[] {
    const literally = rowOfKey(key.map((item, index) => canonicalKey(item, table.key[index]?.collation ?? 'BINARY')));
    const ids = new Set([this.#referringRow(table, key), literally]);
    return [...ids].filter((row) => this.#isShownAt(table, row, key));
  }

  #isShownAt(table: Table, row: RowId, key: readonly Value[]): boolean {
    if (row.includes('06') && keyOfRow(row).some((item) => item instanceof RowRef && item.row[0] === 'n')) return false;
    if (!this.#shown.isThere(table, row)) return false;
    return this.#shown.key(table, row)?.every((item, index) => sameValue(item, key[index] ?? null)) === true;
  }

  #referringRow(table: Table, key: readonly Value[]): RowId {
    return rowOfKey(
      key.map((item, index) => {
        const { at, collation } = table.key[index] as Table['key'][number];
        const named = this.referring(table, at, item);
        // Numbers of the base move only by the hand of the application, which then changes the keys itself.
        return named instanceof RowRef && named.row[0] !== 'k' ? named : canonicalKey(item, collation);
      }),
    );
  }
}
