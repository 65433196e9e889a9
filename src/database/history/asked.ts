/**
 * What a question about the past names. A table or column is known by every name that it ever had; what never was there
 * is refused, so that a slip is not taken for the answer that nothing has happened.
 */
import { fromJson, type JsonRow, sameKey, toJson } from '../../core/plain-value.ts';
import { ProblemError } from '../../core/problem.ts';
import { canonicalKey, keyOfRow, type Table } from '../../core/tables.ts';
import { RowRef, type Value } from '../../core/value.ts';
import { EMPTY } from '../../core/vector.ts';
import { cellsOf } from '../capture/ops.ts';
import { keyOf } from '../conflicts/conflicts.ts';
import { changesAfter, readBody } from '../folding/containing.ts';
import type { Shown } from '../folding/shown.ts';
import type { ChangeSource } from '../folding/source.ts';
import type { HistoryQuery } from '../host.ts';
import { mergedSchema } from '../schema/merged.ts';
import { SCHEMA } from '../schema/reserved.ts';
import type { Schema } from '../schema/schema.ts';

/** Names told in a refusal. */
const MANY = 20;

/** The question by the names of now. Throws a `ProblemError` where it names a table or column that never was there. */
export function byNamesOfNow(database: string, source: ChangeSource, shown: Shown, query: HistoryQuery): HistoryQuery {
  const { table: name, column } = query;
  if (name === undefined) return query;
  const isCalled = (table: Table): boolean => table.name === name;
  const there = [...shown.tables.values()].filter(isCalled);
  if (there.some((table) => column === undefined || hasColumn(table, column))) return query;
  const names = namesIn(database, source, shown);
  const table = there[0] ?? shown.tables.get(names.tables.get(name) ?? '');
  // A view, an index, a table that is not followed or cannot be made here: what was done to it is told by its name.
  if (table === undefined && names.tables.has(name)) return query;
  if (table === undefined) throw noTable(name, shown);
  const asked = { ...query, table: table.name };
  if (column === undefined || hasColumn(table, column)) return asked;
  const id = names.columns.get(`${table.id}\0${column}`);
  if (id === undefined) throw noColumn(table, column);
  const now = table.columns.find((each) => each.id === id);
  return now === undefined ? asked : { ...asked, column: now.name };
}

/** Throws a `ProblemError` unless the table had such a row at publish. A row that was written to is met in the log. */
export function mustBeInBase(shown: Shown, tables: readonly Table[], key: JsonRow): void {
  const [first] = tables;
  if (first === undefined || tables.some((table) => table.left === true || isInBase(shown, table, key))) return;
  throw noRow(first, key);
}

/** The key as rows of the table are told by it: what SQLite holds to be the same is written in one way. */
export function keyIn(table: Table, key: JsonRow): JsonRow {
  if (table.kind === 'hidden') return key;
  const collations = new Map(table.key.map(({ at, collation }) => [table.columns[at]?.name, collation]));
  return Object.fromEntries(
    Object.entries(key).map(([name, json]) => [
      name,
      toJson(canonicalKey(fromJson(json), collations.get(name) ?? 'BINARY')),
    ]),
  );
}

function hasColumn({ columns }: Table, name: string): boolean {
  return columns.some((column) => column.id !== '' && column.name === name);
}

function isInBase(shown: Shown, table: Table, key: JsonRow): boolean {
  const asked = Object.entries(key).map(([name, json]): [number, Value] => [
    table.columns.findIndex((column) => column.name === name),
    fromJson(json),
  ]);
  if (asked.some(([at, item]) => at < 0 || item instanceof RowRef)) return false;
  // No row of a base is found by a NULL; the others are enough to look for it.
  const found = asked.filter(([, item]) => item !== null);
  if (found.length === 0) return true;
  const [columns, items] = [found.map(([at]) => at), found.map(([, item]) => item)];
  const own = keyIn(table, key);
  return shown.base.rowsWhere(table, columns, items).some((row) => sameKey(keyOf(shown, table, row), own));
}

/** By every name that something ever had, its id: of columns with that of their table before it. */
interface Names {
  readonly tables: Map<string, string>;
  readonly columns: Map<string, string>;
}

function namesIn(database: string, source: ChangeSource, shown: Shown): Names {
  const names: Names = { tables: new Map(), columns: new Map() };
  takeSchema(names, shown.base.schema);
  for (const change of changesAfter(source, database, EMPTY)) {
    const { ops, uses } = readBody(source, change);
    for (const [, op] of ops.entries()) {
      const use = uses[op.use];
      if (use?.table !== SCHEMA || op.row?.[0] !== 'k') continue;
      const [kind = '', id = '', column = ''] = keyOfRow(op.row).map(String);
      const written = cellsOf(op, use.columns).find(([cell]) => cell === 'name')?.[1];
      const called = typeof written === 'string' ? [written] : [];
      if (kind === 'column') for (const name of [column, ...called]) names.columns.set(`${id}\0${name}`, column);
      else for (const name of [id, ...called]) names.tables.set(name, id);
    }
  }
  takeSchema(names, mergedSchema(shown.view, shown.base.schema));
  return names;
}

function takeSchema(names: Names, { tables, objects }: Schema): void {
  for (const { id, name, columns } of tables.values()) {
    names.tables.set(name, id);
    for (const column of columns) names.columns.set(`${id}\0${column.name}`, column.id);
  }
  for (const { name } of objects.values()) names.tables.set(name, name);
}

function noTable(name: string, { tables }: Shown): ProblemError {
  return new ProblemError({
    code: 'no-table',
    text: `There is no table ${name} in this database, and there was none.`,
    remedy: tables.size === 0 ? 'It has no tables that are followed.' : `It has ${listed([...tables.values()])}.`,
  });
}

function noColumn({ name, columns }: Table, column: string): ProblemError {
  return new ProblemError({
    code: 'no-column',
    text: `The table ${name} has no column ${column}, and had none.`,
    remedy: `It has ${listed(columns.filter(({ id }) => id !== ''))}.`,
  });
}

function noRow(table: Table, key: JsonRow): ProblemError {
  const named =
    table.kind === 'hidden'
      ? table.columns
      : table.key.map(({ at }) => table.columns[at] as { id: string; name: string });
  return new ProblemError({
    code: 'no-row',
    text: `The table ${table.name} has no row ${JSON.stringify(key)}, and had none.`,
    remedy: `Its rows are named by ${listed(named.filter(({ id }) => id !== ''))}: a number without quotes, a text with them.`,
  });
}

function listed(named: readonly { readonly name: string }[]): string {
  const more = named.length - MANY;
  const first = named.slice(0, MANY).map(({ name }) => name);
  return [...first, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
