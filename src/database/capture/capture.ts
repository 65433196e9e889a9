/**
 * What an application edited: the marked rows compared with what was shown. Reads only; the caller holds a transaction
 * on the user's database, so that marks and rows are of one moment.
 */
import type { RowId } from '../../core/body.ts';
import { sha256 } from '../../core/bytes.ts';
import { encode, list } from '../../core/codec.ts';
import type { Row } from '../../core/rows.ts';
import { rowOfKey, type Table } from '../../core/tables.ts';
import { type Value, value } from '../../core/value.ts';
import type { Mark } from '../file/marks.ts';
import type { RowSql } from '../file/row-sql.ts';
import { forwarding, type RowView, type Shown } from '../folding/shown.ts';
import { Comparing } from './comparing.ts';
import type { FormerRow } from './former-rows.ts';
import { whatHappened } from './happened.ts';
import { whereabouts } from './naming.ts';
import type { Ops } from './ops.ts';
import { hadPassing } from './passing-values.ts';
import { withVictims } from './unique-victims.ts';

export interface CaptureSource {
  readonly marks: readonly Mark[];
  readonly tableOf: (num: number) => Table | undefined;
  readonly sqlOf: (table: Table) => RowSql;
  readonly shown: Shown;
  /** Tables that were made since: two copies that make one table alike have the same first rows in it. */
  readonly made?: ReadonlySet<string>;
  /** Rows that are new to the file, and are in a change that it lacks. */
  readonly former?: FormerRow | undefined;
}

export interface Captured {
  readonly ops: Ops;
  /** Rows that cannot be followed, by table. */
  readonly skipped: ReadonlyMap<string, number>;
  /** Tables that are to be compared, because nothing tells of what may have happened in them. */
  readonly doubtful: readonly string[];
  /** The merged rows that were looked at, by table: whoever folds next need not look again. */
  readonly merged?: ReadonlyMap<string, ReadonlyMap<RowId, Row | undefined>>;
}

export function capture(from: CaptureSource): Captured {
  const merged = new Map<string, Map<RowId, Row | undefined>>();
  const shown = from.shown.over(remembering(from.shown.view, merged));
  const source = { ...from, shown, marks: withVictims(from.marks, from.tableOf, shown) };
  const happened = whatHappened(source.marks, source.tableOf, source.sqlOf, source.shown);
  const firstRow = (table: Table, number: bigint): RowId | null => {
    const actual = happened.get(table.id)?.rows.get(number);
    return actual === undefined ? null : idOfNew(source, table, number, actual);
  };
  const comparing = new Comparing(source, whereabouts(happened, firstRow));
  const readIn = (id: string) => (number: bigint) => happened.get(id)?.rows.get(number);
  for (const [id, { table }] of happened) comparing.addFresh(table, readIn(id));
  for (const table of happened.values()) comparing.addKnown(table);
  for (const table of happened.values()) comparing.addLeftBehind(table);
  for (const [id, { table }] of happened) comparing.addVictims(table, readIn(id));
  comparing.addCalled();
  const doubtful = [...happened.values()].filter(({ table, marks }) => hadPassing(table, marks, source.sqlOf(table)));
  return {
    ops: comparing.ops,
    skipped: comparing.skipped,
    doubtful: doubtful.map(({ table }) => table.id),
    merged,
  };
}

/** Nothing changes while we compare, and every row is looked at from several sides. */
export function remembering(view: RowView, tables: Map<string, Map<RowId, Row | undefined>>): RowView {
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

/** null: a new row is named by the op that makes it. */
export function idOfNew(
  { made, former }: Pick<CaptureSource, 'made' | 'former'>,
  table: Table,
  number: bigint,
  actual: readonly Value[],
): RowId | null {
  if (made?.has(table.id)) return firstRowId(table, number, actual);
  return former?.(table, number, actual) ?? null;
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
