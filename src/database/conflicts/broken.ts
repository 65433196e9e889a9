/**
 * Rows that break a constraint of their own table and were not broken by merging: they came so when the database was
 * published, or one copy committed them so. They stay as they are, and are told. Found in the file itself, which is the
 * same on all copies that have the same changes.
 */
import type { RowId } from '../../core/body.ts';
import { sha256 } from '../../core/bytes.ts';
import { toJson } from '../../core/plain-value.ts';
import { ProblemError } from '../../core/problem.ts';
import type { ForeignKey, Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { Naming } from '../capture/naming.ts';
import type { OpenFile } from '../file/open-file.ts';
import { quoted } from '../file/sql.ts';
import type { Shown } from '../folding/shown.ts';
import type { DatabaseConflict } from '../host.ts';
import { judgeOf } from '../mending/judging.ts';
import { keyOf, rowValues, writersOf } from './conflicts.ts';

/** Of each constraint; who has more has another task than to look at each. */
const MAX_LISTED = 100;

/** In larger tables nobody looks: whoever reads a database without a WAL keeps its programs from writing. */
const MAX_ROWS = 200_000;
/** The same for rows that are looked at one by one. */
const MAX_JUDGED = 20_000;

/** The one candidate of such a row. */
export const AS_IT_IS = 'as it is';

export function listBroken(database: string, file: OpenFile, shown: Shown): DatabaseConflict[] {
  const naming = new Naming(shown, new Map());
  const found: DatabaseConflict[] = [];
  for (const table of file.tables.values()) {
    if (table.left) continue;
    const list = (key: readonly Value[], what: string, column: string | null, note: string): void => {
      const row = rowAt(shown, naming, table, key);
      if (row !== null) found.push(conflictOf(database, shown, table, row, what, column, note));
    };
    for (const foreign of hasMore(file, table, MAX_ROWS) ? [] : table.foreignKeys) {
      const parent = file.tables.get(foreign.target);
      if (foreign.undeclared || parent === undefined || parent.left) continue;
      const columns = foreign.columns.map((at) => table.columns[at]?.name ?? '');
      for (const { key, items } of orphans(file, table, foreign, parent)) {
        const named = foreign.to
          .map((at, index) => `${parent.columns[at]?.name} ${told(items[index] ?? null)}`)
          .join(', ');
        const [only = null, ...more] = columns;
        list(
          key,
          `refers ${columns.join()}`,
          more.length === 0 ? only : null,
          `refers to ${parent.name} ${named}, which is not there`,
        );
      }
    }
    for (const { key, reason } of unchecked(file, table)) list(key, 'check', null, reason);
  }
  return found;
}

/** Such a conflict is not settled by a choice. */
export function mustBeCorrected(note: string): ProblemError {
  return new ProblemError({
    code: 'broken-row',
    text: `This row is as somebody committed it: it ${note}.`,
    remedy: 'Correct it with the program that owns the database.',
  });
}

function hasMore(file: OpenFile, table: Table, rows: number): boolean {
  return Number(file.sql.one(`SELECT count(*) FROM (SELECT 1 FROM ${quoted(table.name)} LIMIT ${rows + 1})`)) > rows;
}

function* orphans(file: OpenFile, table: Table, { columns, to }: ForeignKey, parent: Table) {
  const own = (at: number): string => `c.${quoted(table.columns[at]?.name ?? '')}`;
  const there = (at: number): string => `p.${quoted(parent.columns[at]?.name ?? '')}`;
  const names = [...table.key.map(({ at }) => at), ...columns].map(own);
  const isSet = columns.map((at) => `${own(at)} IS NOT NULL`);
  // As SQLite compares them: by the collation and the type of what they refer to.
  const same = to.map((at, index) => `${there(at)} = ${own(columns[index] as number)}`);
  const sql = `SELECT ${names.join(', ')} FROM ${quoted(table.name)} c WHERE ${isSet.join(' AND ')}
    AND NOT EXISTS (SELECT 1 FROM ${quoted(parent.name)} p WHERE ${same.join(' AND ')}) LIMIT ${MAX_LISTED}`;
  for (const row of file.sql.all(sql) as Value[][]) {
    yield { key: row.slice(0, table.key.length), items: row.slice(table.key.length) };
  }
}

function* unchecked(file: OpenFile, table: Table) {
  const judge = judgeOf(table);
  let count = 0;
  for (const values of judge === null || hasMore(file, table, MAX_JUDGED) ? [] : file.sqlOf(table).scan()) {
    const reason = judge?.broken(values) ?? null;
    if (reason === null) continue;
    yield { key: table.key.map(({ at }) => values[at] as Value), reason: `breaks a constraint (${reason})` };
    if (++count === MAX_LISTED) return;
  }
}

function rowAt(shown: Shown, naming: Naming, table: Table, key: readonly Value[]): RowId | null {
  if (key.includes(null)) return null;
  if (table.kind === 'name') return naming.rowOfKey(table, key);
  return typeof key[0] === 'bigint' ? shown.rowAt(table, key[0]) : null;
}

function conflictOf(
  database: string,
  shown: Shown,
  table: Table,
  row: RowId,
  what: string,
  column: string | null,
  note: string,
): DatabaseConflict {
  const merged = shown.merged(table, row);
  const value = rowValues(shown, table, row, merged);
  return {
    id: sha256(Buffer.from(JSON.stringify(['broken', table.id, row, what]))).slice(0, 16),
    database,
    table: table.name,
    row,
    key: keyOf(shown, table, row),
    kind: 'constraint',
    column,
    note,
    candidates: [{ id: AS_IT_IS, value, shown: true, by: writersOf(merged) }],
  };
}

function told(item: Value): string {
  const json = toJson(item);
  return typeof json === 'string' ? json : JSON.stringify(json);
}
