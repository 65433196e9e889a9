/**
 * The marks: plain-SQL triggers in the user's database that note which rows an application touched. They run inside
 * the application's own SQLite (3.35 and later) and must never make its statement fail: they name key columns and
 * columns of declared UNIQUE constraints only (SQLite refuses to drop those anyway), call no function of ours, and the
 * table that they fill has no constraint that an application's OR clause could turn against itself.
 *
 * A mark is (tbl, op, key): i inserted, u updated, d deleted, m: had this key before the update that the next mark
 * tells of, r: an insert met a row with its own number, v: an insert or update met a row with one of its UNIQUE values
 * (REPLACE deletes those without running any trigger).
 */
import type { Table } from '../core/tables.ts';
import { literal, quoted, type Statements } from './sql.ts';

/** Keys of more columns are cut to hidden rows by nobody: SQLite allows 2,000, applications use five. */
export const MARKS = '_tieout_marks';
export const TABLES = '_tieout_tables';

/** Creates or repairs what is missing; true if anything was written. Runs in the caller's transaction. */
export function installTriggers(sql: Statements, tables: readonly Table[]): boolean {
  const width = Math.max(1, ...tables.map(({ key }) => key.length));
  let changed = ensureMarks(sql, width);
  const numbers = ensureNumbers(sql, tables);
  changed ||= numbers.added;
  const wanted = new Map<string, string>();
  for (const table of tables) {
    for (const [name, create] of triggersOf(table, numbers.byTable.get(table.id) as number)) wanted.set(name, create);
  }
  const present = new Map(ownTriggers(sql));
  for (const [name, create] of present) {
    if (wanted.get(name) === create) continue;
    sql.db.exec(`DROP TRIGGER ${quoted(name)}`);
    changed = true;
  }
  for (const [name, create] of wanted) {
    if (present.get(name) === create) continue;
    sql.db.exec(create);
    changed = true;
  }
  return changed;
}

/** Leaves the database as if we had never been there. */
export function removeTriggers(sql: Statements): void {
  for (const [name] of ownTriggers(sql)) sql.db.exec(`DROP TRIGGER ${quoted(name)}`);
  const tables = sql.all(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '\\_tieout\\_%' ESCAPE '\\'",
  );
  for (const [name] of tables) sql.db.exec(`DROP TABLE ${quoted(name as string)}`);
}

/** Table numbers in marks, by the id of the table. */
export function tableNumbers(sql: Statements): Map<number, string> {
  return new Map(sql.all(`SELECT num, id FROM ${TABLES}`).map(([num, id]) => [Number(num), id as string]));
}

/**
 * Tables that were not marked for a while have to be compared once; that they still have to is written down in the same
 * transaction that marks them.
 */
export function setCompared(sql: Statements, compared: boolean, tables?: Iterable<string>): void {
  const value = compared ? 1n : 0n;
  if (tables === undefined) sql.run(`UPDATE ${TABLES} SET compared = ?`, [value]);
  else for (const id of tables) sql.run(`UPDATE ${TABLES} SET compared = ? WHERE id = ?`, [value, id]);
}

export function areCompared(sql: Statements): boolean {
  return notCompared(sql).length === 0;
}

export function notCompared(sql: Statements): string[] {
  return sql.all(`SELECT id FROM ${TABLES} WHERE compared IS NOT 1`).map(([id]) => id as string);
}

/** The columns that a table had when it was last looked at; null: it is new. */
export function columnsBefore(sql: Statements, table: Table): readonly string[] | null {
  const text = sql.one(`SELECT columns FROM ${TABLES} WHERE id = ?`, [table.id]);
  return typeof text === 'string' ? (JSON.parse(text) as string[]) : null;
}

export function setColumns(sql: Statements, table: Table): void {
  const ids = JSON.stringify(table.columns.map(({ id }) => id));
  sql.run(`UPDATE ${TABLES} SET columns = ? WHERE id = ?`, [ids, table.id]);
}

/** How many key columns the marks have room for; 0: there are no marks. */
export function markWidth(sql: Statements): number {
  return Number(sql.one(`SELECT count(*) FROM pragma_table_info(${literal(MARKS)}) WHERE name GLOB 'k[0-9]*'`));
}

function ensureMarks(sql: Statements, width: number): boolean {
  const has = markWidth(sql);
  if (has === 0) {
    const keys = Array.from({ length: width }, (_, index) => `k${index}`).join(', ');
    sql.db.exec(
      `CREATE TABLE ${MARKS} (id INTEGER PRIMARY KEY, tbl INTEGER, op TEXT, nonce INTEGER DEFAULT (random()), ${keys})`,
    );
  }
  for (let index = has; has > 0 && index < width; index++) sql.db.exec(`ALTER TABLE ${MARKS} ADD COLUMN k${index}`);
  sql.db.exec(
    `CREATE TABLE IF NOT EXISTS ${TABLES} (num INTEGER PRIMARY KEY, id TEXT, compared INTEGER, columns TEXT)`,
  );
  return has < width;
}

function ensureNumbers(sql: Statements, tables: readonly Table[]): { byTable: Map<string, number>; added: boolean } {
  const byTable = new Map([...tableNumbers(sql)].map(([num, id]) => [id, num]));
  let added = false;
  for (const { id } of tables) {
    if (byTable.has(id)) continue;
    sql.run(`INSERT INTO ${TABLES} (id) VALUES (?)`, [id]);
    byTable.set(id, Number(sql.one('SELECT last_insert_rowid()')));
    added = true;
  }
  return { byTable, added };
}

function ownTriggers(sql: Statements): [string, string][] {
  const rows = sql.all("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name GLOB '_tieout_*'");
  return rows as [string, string][];
}

function triggersOf(table: Table, num: number): [string, string][] {
  const on = `ON ${quoted(table.name)}`;
  const names = table.key.map(({ at }) => quoted(table.columns[at]?.name as string));
  const into = `INSERT INTO ${MARKS} (tbl, op, ${names.map((_, index) => `k${index}`).join(', ')})`;
  const key = (row: 'OLD' | 'NEW'): string => names.map((name) => `${row}.${name}`).join(', ');
  const mark = (op: string, row: 'OLD' | 'NEW'): string => `${into} VALUES (${num}, '${op}', ${key(row)});`;
  const same = names.map((name) => `OLD.${name} IS NOT NEW.${name}`).join(' OR ');

  const found: [what: string, rest: string][] = [
    ['i', `AFTER INSERT ${on} BEGIN ${mark('i', 'NEW')} END`],
    ['u', `AFTER UPDATE ${on} BEGIN ${mark('u', 'NEW')} END`],
    ['m', `AFTER UPDATE ${on} WHEN ${same} BEGIN ${mark('m', 'OLD')} ${mark('u', 'NEW')} END`],
    ['d', `AFTER DELETE ${on} BEGIN ${mark('d', 'OLD')} END`],
  ];
  const victims = victimsOf(table, into, num, names);
  const ownNumber = `${into} SELECT ${num}, 'r', ${names[0]} FROM ${quoted(table.name)} WHERE ${names[0]} = NEW.${names[0]};`;
  const atInsert = [...(table.kind === 'number' ? [ownNumber] : []), ...victims.map(({ insert }) => insert)];
  if (atInsert.length > 0) found.push(['bi', `BEFORE INSERT ${on} BEGIN ${atInsert.join(' ')} END`]);
  if (victims.length > 0) {
    const columns = [...new Set(victims.flatMap((victim) => victim.columns))].join(', ');
    const atUpdate = victims.map(({ update }) => update).join(' ');
    found.push(['bu', `BEFORE UPDATE OF ${columns} ${on} BEGIN ${atUpdate} END`]);
  }
  return found.map(([what, rest]) => {
    const name = `_tieout_${num}_${what}`;
    return [name, `CREATE TRIGGER ${quoted(name)} ${rest}`];
  });
}

/** Finds the rows that REPLACE would delete because of a UNIQUE value. */
function victimsOf(table: Table, into: string, num: number, key: readonly string[]) {
  return table.uniques
    .filter(({ declared }) => declared)
    .map((unique) => {
      const columns = unique.columns.map((at) => quoted(table.columns[at]?.name as string));
      const taken = columns.map((column) => `${column} = NEW.${column}`).join(' AND ');
      const find = `${into} SELECT ${num}, 'v', ${key.join(', ')} FROM ${quoted(table.name)} WHERE ${taken}`;
      const other = (row: 'OLD' | 'NEW'): string => key.map((name) => `${name} IS NOT ${row}.${name}`).join(' OR ');
      return { columns, insert: `${find} AND (${other('NEW')});`, update: `${find} AND (${other('OLD')});` };
    });
}
