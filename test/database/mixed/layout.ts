/** What is in a database now: its tables with what a statement for them must know. */
import type { DatabaseSync } from 'node:sqlite';
import { quoted } from './schema.ts';

export interface Column {
  readonly name: string;
  /** As declared, upper case. */
  readonly type: string;
  readonly isRequired: boolean;
  /** Its place in the primary key, from 1; 0: none. */
  readonly pk: number;
  readonly fallback: string | null;
}

export interface Reference {
  readonly table: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
}

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly references: readonly Reference[];
}

/** Without our own tables, SQLite's and the pair (schema.ts). */
export function tablesOf(db: DatabaseSync): Table[] {
  const names = db
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_tieout%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'tx\\_%' ESCAPE '\\' ORDER BY name",
    )
    .all()
    .map(({ name }) => String(name));
  return names.map((name) => ({ name, columns: columnsOf(db, name), references: referencesOf(db, name) }));
}

function columnsOf(db: DatabaseSync, table: string): Column[] {
  return db
    .prepare('SELECT name, type, "notnull" AS required, pk, dflt_value FROM pragma_table_xinfo(?) WHERE hidden = 0')
    .all(table)
    .map(({ name, type, required, pk, dflt_value }) => ({
      name: String(name),
      type: String(type).toUpperCase(),
      isRequired: required === 1,
      pk: Number(pk),
      fallback: dflt_value === null ? null : String(dflt_value),
    }));
}

function referencesOf(db: DatabaseSync, table: string): Reference[] {
  const rows = db
    .prepare('SELECT id, "table" AS name, "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq')
    .all(table);
  const found = new Map<unknown, { table: string; from: string[]; to: string[] }>();
  for (const { id, name, from, to } of rows) {
    const one = found.get(id) ?? { table: String(name), from: [], to: [] };
    found.set(id, one);
    one.from.push(String(from));
    if (to !== null) one.to.push(String(to));
  }
  return [...found.values()].filter(({ from, to }) => from.length === to.length);
}

/** A WHERE that names one row, the `at`-th of those for which `among` holds. Null when there is none. */
export function rowAt(
  db: DatabaseSync,
  { name, columns }: Table,
  at: number,
  among: string,
  isApart: boolean,
): string | null {
  const key = columns.filter(({ pk }) => pk > 0).map((column) => column.name);
  // Where two databases are to do the same, a rowid may name different rows in them.
  const names = key.length > 0 ? key.map(quoted) : isApart ? columns.map((column) => quoted(column.name)) : ['rowid'];
  const from = `FROM ${quoted(name)} WHERE ${among}`;
  const count = Number(db.prepare(`SELECT count(*) AS n ${from}`).get()?.n);
  if (count === 0) return null;
  const select = db.prepare(
    `SELECT ${names.map((each) => `quote(${each})`)} ${from} ORDER BY ${names} LIMIT 1 OFFSET ?`,
  );
  select.setReturnArrays(true);
  const values = select.get(at % count) as unknown as string[];
  return names.map((each, index) => `${each} IS ${values[index]}`).join(' AND ');
}

/** Values of a row that may be referred to, as literals. */
export function targetAt(db: DatabaseSync, { table, to }: Reference, at: number, among: string): string[] | null {
  try {
    const from = `FROM ${quoted(table)} WHERE ${among}`;
    const count = Number(db.prepare(`SELECT count(*) AS n ${from}`).get()?.n);
    if (count === 0) return null;
    const select = db.prepare(
      `SELECT ${to.map((each) => `quote(${quoted(each)})`)} ${from} ORDER BY ${to.map(quoted)} LIMIT 1 OFFSET ?`,
    );
    select.setReturnArrays(true);
    return select.get(at % count) as unknown as string[];
  } catch {
    // The table or the column has gone: nobody refers to it for good.
    return null;
  }
}
