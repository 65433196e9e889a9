/** What a database says of its schema now, read from `sqlite_schema`. What is SQLite's own or ours is left out. */
import { DatabaseSync } from 'node:sqlite';
import type { Value } from '../../core/value.ts';
import { literal, Statements } from '../file/sql.ts';
import { type TableText, tableText } from './parts.ts';
import { type SchemaValues, VALUES } from './schema.ts';
import { isWord, tokensOf } from './text.ts';

export interface ActualTable {
  readonly name: string;
  readonly text: TableText;
  /** The number of the table that our triggers on it were made for: they follow it to a new name. */
  readonly marked: number | null;
}

export interface ActualObject {
  readonly type: 'index' | 'view' | 'trigger' | 'virtual';
  readonly name: string;
  /** Name of the table that an index is on. */
  readonly on: string;
  readonly sql: string;
}

export interface Actual {
  readonly tables: readonly ActualTable[];
  readonly objects: readonly ActualObject[];
  readonly values: SchemaValues;
}

export function readActual(sql: Statements): Actual {
  const rows = sql.all('SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid');
  const shadows = new Set(
    sql.all("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'").map(([name]) => name),
  );
  const marks = new Map<string, number>();
  const tables: ActualTable[] = [];
  const objects: ActualObject[] = [];
  for (const row of rows) {
    const [type, name, on, text] = row as [string, string, string, string];
    const mark = type === 'trigger' ? /^_tieout_(\d+)_i$/.exec(name) : null;
    if (mark !== null) marks.set(on, Number(mark[1]));
    if (/^(sqlite_|_tieout_)/i.test(name) || shadows.has(name) || shadows.has(on)) continue;
    if (type === 'table') {
      const parts = isWord(tokensOf(text)[1], 'VIRTUAL') ? null : tableText(text);
      if (parts === null) objects.push({ type: 'virtual', name, on, sql: text });
      else tables.push({ name, text: parts, marked: null });
    } else objects.push({ type: type as 'index' | 'view' | 'trigger', name, on, sql: text });
  }
  return {
    tables: tables.map((table) => ({ ...table, marked: marks.get(table.name) ?? null })),
    objects,
    values: readValues(sql),
  };
}

export function readValues(sql: Statements): SchemaValues {
  const [user_version, application_id] = VALUES.map((name) => sql.one(`PRAGMA ${name}`) as bigint);
  return { user_version: user_version as bigint, application_id: application_id as bigint };
}

/** What ADD COLUMN has put into all rows, with the column's affinity. What is no constant is nobody's value: NULL. */
export function defaultOf(sql: Statements, table: string, column: string): Value {
  const found = sql.get(`SELECT dflt_value, type FROM pragma_table_xinfo(${literal(table)}) WHERE name = ?`, [column]);
  const [text, type] = found ?? [];
  if (typeof text !== 'string') return null;
  const tokens = tokensOf(text);
  const isConstant = tokens.every((token) => token.kind !== 'word' || isWord(token, 'NULL', 'TRUE', 'FALSE'));
  const isName = tokens.length === 1 && !isConstant && !/^current_/i.test(text);
  if (!isConstant && !isName) return null;
  const db = new DatabaseSync(':memory:', { enableDoubleQuotedStringLiterals: true });
  try {
    const scratch = new Statements(db);
    db.exec(`CREATE TABLE t (c ${String(type)})`);
    db.exec(`INSERT INTO t VALUES (${isName ? literal(text) : text})`);
    return scratch.one('SELECT c FROM t') as Value;
  } catch {
    return null;
  } finally {
    db.close();
  }
}
