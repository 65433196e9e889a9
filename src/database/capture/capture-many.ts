/**
 * Capture of more rows than are to be held: the same as `capture`, some rows at a time. What has to be known of all rows
 * at once are the numbers of those that are new and of those that are gone.
 */
import type { RowId } from '../../core/body.ts';
import { tracePlaces } from '../../core/places.ts';
import type { Row } from '../../core/rows.ts';
import { canonicalKey, numberColumn, type Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import type { Mark } from '../file/marks.ts';
import type { RowSql } from '../file/row-sql.ts';
import type { Room } from '../folding/room.ts';
import type { Shown } from '../folding/shown.ts';
import { type Captured, idOfNew, remembering } from './capture.ts';
import { Comparing } from './comparing.ts';
import type { FormerRow } from './former-rows.ts';
import { eventsOf, inTable } from './happened.ts';
import type { ManyMarks } from './many-marks.ts';
import { hadPassing } from './passing-values.ts';
import { victimsOf } from './unique-victims.ts';
import { ManyWhereabouts, SortedNumbers, type Whereabouts } from './whereabouts.ts';

export interface ManySource {
  readonly marks: ManyMarks;
  readonly tableOf: (num: number) => Table | undefined;
  readonly sqlOf: (table: Table) => RowSql;
  readonly shown: Shown;
  /** Tables that were made since, see `CaptureSource`. */
  readonly made: ReadonlySet<string>;
  readonly former: FormerRow | undefined;
  readonly room: Room;
}

interface Marked {
  readonly num: number;
  readonly table: Table;
  readonly ops: ReadonlySet<string>;
}

/** null: rows have other numbers than before, and where each of them is takes a look at all of them. */
export function captureMany(from: ManySource): Captured | null {
  const merged = new Map<string, Map<RowId, Row | undefined>>();
  const shown = from.shown.over(remembering(from.shown.view, merged));
  const source = { ...from, shown };
  const tables = markedTables(from);
  if (tables.some(({ table, ops }) => table.kind !== 'name' && (ops.has('m') || ops.has('a')))) return null;
  for (const marked of tables) markVictims(source, marked, () => merged.clear());
  const comparing = new Comparing(
    source,
    whereabouts(source, tables, () => merged.clear()),
  );
  const doubtful = new Set<string>();
  const readIn = (table: Table) => (number: bigint) => from.sqlOf(table).read([number]);
  for (const { table } of tables) comparing.addFresh(table, readIn(table));
  for (const { num, table } of tables) {
    for (const page of pagesOf(from, num, table)) {
      const sql = from.sqlOf(table);
      const happened = inTable(table, page, sql, shown);
      if (!doubtful.has(table.id) && hadPassing(table, page, sql)) doubtful.add(table.id);
      for (const number of happened.places?.fresh ?? []) {
        // Changed in place, and not known: nobody refers to it.
        if (!comparing.isFresh(table, number)) comparing.addNew(table, null, happened.rows.get(number) as Value[]);
      }
      comparing.addKnown(happened);
      if (!isEntangled(table)) comparing.forget(table);
      merged.clear();
    }
  }
  for (const { table } of tables) comparing.addVictims(table, readIn(table));
  comparing.addCalled();
  return { ops: comparing.ops, skipped: comparing.skipped, doubtful: [...doubtful] };
}

function markedTables({ marks, tableOf }: ManySource): Marked[] {
  const found: Marked[] = [];
  for (const [num, ops] of marks.ops()) {
    const table = tableOf(num);
    if (table !== undefined) found.push({ num, table, ops });
  }
  return found;
}

/** A row of it may also be met because of another: which ones were must be known to the end. */
function isEntangled(table: Table): boolean {
  return table.uniques.some(({ declared }) => !declared) || table.key.some(({ at }) => table.references.has(at));
}

function markVictims({ marks, shown, room }: ManySource, { num, table, ops }: Marked, relieve: () => void): void {
  if (!table.uniques.some(({ declared }) => declared) || !(ops.has('i') || ops.has('w'))) return;
  let count = 0;
  for (const mark of marks.inOrder(num, ['i', 'w'])) {
    for (const key of victimsOf(table, mark, shown)) marks.add({ ...mark, op: 'v', key });
    count += 1;
    if (count % room.rows === 0) relieve();
  }
  relieve();
}

function whereabouts(from: ManySource, tables: readonly Marked[], relieve: () => void): Map<string, Whereabouts> {
  const found = new Map<string, Whereabouts>();
  let first = 0;
  for (const marked of tables) {
    const { table } = marked;
    if (table.kind === 'name') continue;
    const { fresh, gone } = tracedIn(from, marked, relieve);
    const named = (number: bigint): RowId | null => {
      if (from.former === undefined && !from.made.has(table.id)) return null;
      const actual = from.sqlOf(table).read([number]);
      return actual === undefined ? null : idOfNew(from, table, number, actual);
    };
    found.set(table.id, new ManyWhereabouts(fresh, gone, first, named));
    first += fresh.length;
  }
  return found;
}

function tracedIn(from: ManySource, { num, table, ops }: Marked, relieve: () => void) {
  const [fresh, gone] = [new SortedNumbers(), new SortedNumbers()];
  const isReferred = [...from.shown.tables.values()].some(({ references }) =>
    [...references.values()].includes(table.id),
  );
  // Nobody asks who is where, and in place nobody comes or goes.
  if (!isReferred && [...ops].every((op) => op === 'u' || op === 'c' || op === 's')) return { fresh, gone };
  const sql = from.sqlOf(table);
  for (const page of pagesOf(from, num, table)) {
    for (const group of groupsOf(table, page)) {
      const number = group[0]?.key[0];
      if (typeof number !== 'bigint') continue;
      const places = tracePlaces(
        eventsOf(group),
        (number) => from.shown.rowAt(table, number),
        (number) => sql.has([number]),
      );
      if (places.fresh.has(number)) fresh.add(number);
      for (const at of places.known.values()) if (at === null) gone.add(number);
    }
    relieve();
  }
  return { fresh, gone };
}

/** All marks of a row are on one page. Those that are only about its values are left out. */
function* pagesOf({ marks, room }: ManySource, num: number, table: Table): Generator<Mark[]> {
  let page: Mark[] = [];
  const collations = numberColumn(table) === undefined ? table.key.map(({ collation }) => collation) : ['BINARY'];
  for (const mark of marks.byRow(num, collations)) {
    if (mark.op === 'w') continue;
    if (page.length >= room.rows && !isSameRow(table, page.at(-1) as Mark, mark)) {
      yield page;
      page = [];
    }
    page.push(mark);
    room.note(page.length);
  }
  if (page.length > 0) yield page;
}

function* groupsOf(table: Table, page: readonly Mark[]): Generator<Mark[]> {
  let group: Mark[] = [];
  for (const mark of page) {
    if (group.length > 0 && !isSameRow(table, group[0] as Mark, mark)) {
      yield group;
      group = [];
    }
    group.push(mark);
  }
  if (group.length > 0) yield group;
}

function isSameRow(table: Table, a: Mark, b: Mark): boolean {
  return table.key.every(({ collation }, index) =>
    sameValue(canonicalKey(a.key[index] ?? null, collation), canonicalKey(b.key[index] ?? null, collation)),
  );
}
