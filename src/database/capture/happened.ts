/**
 * What the marks say happened: per table the rows that were touched and the numbers where rows are now. Reads the
 * user's database only to see which rows are there.
 */
import { type PlaceEvent, type Places, tracePlaces } from '../../core/places.ts';
import { rowOfKey, type Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import type { Mark } from '../file/marks.ts';
import type { RowSql } from '../file/row-sql.ts';
import type { Shown } from '../folding/shown.ts';

/** What we noted ourselves about a row, in the user's name. */
export interface Asked {
  /** `c:column` (the value shown is chosen), `c` (the row is kept), `s` (the number shown is to stay). */
  readonly op: string;
  readonly key: readonly Value[];
}

export interface Happened {
  readonly table: Table;
  /** What it is known by. */
  readonly marks: readonly Mark[];
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

/** The marks of one table, in order. */
export function inTable(table: Table, marks: readonly Mark[], sql: RowSql, shown: Shown): Happened {
  const asked = marks.filter(({ op }) => op[0] === 'c' || op[0] === 's').map(({ op, key }) => ({ op, key }));
  if (table.kind === 'name') {
    const keys = new Map<string, readonly Value[]>();
    let nameless = 0;
    for (const { key } of marks) {
      const own = key.slice(0, table.key.length);
      if (own.includes(null)) nameless += 1;
      else keys.set(rowOfKey(own), own);
    }
    return { table, marks, places: null, rows: new Map(), keys: [...keys.values()], asked, nameless };
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
  return { table, marks, places, rows, keys: [], asked, nameless: 0 };
}

export function* eventsOf(marks: readonly Mark[]): Generator<PlaceEvent> {
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
