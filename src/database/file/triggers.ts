/**
 * The marks: plain-SQL triggers in the user's database that note which rows an application touched. They run inside
 * the application's own SQLite (3.35 and later) and must never make its statement fail: they name key columns and
 * columns of declared UNIQUE constraints only (SQLite refuses to drop those anyway), call no function of ours, and the
 * table that they fill has no constraint that an application's OR clause could turn against itself. They never read
 * their own table: under `legacy_alter_table` SQLite renames a table without the triggers' bodies, and each statement
 * after it would fail.
 *
 * A mark is (tbl, op, key): i inserted, u updated, d deleted, m: had this key before the update that the next mark
 * tells of, b: an insert names this number (a row that is there is replaced), w: an update gave the row other UNIQUE
 * values. Those of i and w carry the row's UNIQUE values after the key: REPLACE deletes whoever had them without
 * running any trigger (see unique-victims.ts).
 */
import type { Table } from '../../core/tables.ts';
import { literal, quoted, type Statements } from './sql.ts';

/** Keys of more columns are cut to hidden rows by nobody: SQLite allows 2,000, applications use five. */
export const MARKS = '_tieout_marks';
export const TABLES = '_tieout_tables';

/** SQLite matches the columns of an UPDATE with those of a trigger by name, and a row's number has these as well. */
const ROW_NUMBER = ['rowid', '_rowid_', 'oid'];

/** A table that is not compared yet holds 0, or nothing; one that is compared 1. */
const TAKEN_IN = 2;

/** Creates or repairs what is missing; true if anything was written. Runs in the caller's transaction. */
export function installTriggers(sql: Statements, tables: readonly Table[]): boolean {
  const width = Math.max(1, ...tables.map(widthOf));
  let changed = ensureMarks(sql, width);
  const numbers = ensureNumbers(sql, tables);
  changed ||= numbers.added;
  const wanted = new Map<string, string>();
  for (const table of tables) {
    if (table.left) continue;
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

/** How many values a mark of this table may carry. */
export function widthOf(table: Table): number {
  return table.key.length + uniqueValues(table).length;
}

/** The columns of all declared UNIQUE constraints, as they follow the key in a mark. */
export function uniqueValues(table: Table): number[] {
  return table.uniques.flatMap(({ declared, columns }) => (declared ? columns : []));
}

/** The triggers that there should be, all of them, as SQLite keeps them. */
export function areMarked(sql: Statements, tables: readonly Table[]): boolean {
  const present = new Map(ownTriggers(sql));
  const numbers = new Map([...tableNumbers(sql)].map(([num, id]) => [id, num]));
  let count = 0;
  for (const table of tables) {
    if (table.left) continue;
    const num = numbers.get(table.id);
    if (num === undefined) return false;
    for (const [name, create] of triggersOf(table, num)) {
      if (present.get(name) !== create) return false;
      count += 1;
    }
  }
  return count === present.size;
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
  // What was taken in again stays so until it is compared.
  const value = compared ? '1' : `CASE compared WHEN ${TAKEN_IN} THEN ${TAKEN_IN} ELSE 0 END`;
  if (tables === undefined) sql.run(`UPDATE ${TABLES} SET compared = ${value}`);
  else for (const id of tables) sql.run(`UPDATE ${TABLES} SET compared = ${value} WHERE id = ?`, [id]);
}

/** The table was left out by the settings and is followed again: in it rows that are missing were not deleted. */
export function setTakenIn(sql: Statements, table: string): void {
  sql.run(`UPDATE ${TABLES} SET compared = ${TAKEN_IN} WHERE id = ?`, [table]);
}

export function takenIn(sql: Statements): string[] {
  return sql.all(`SELECT id FROM ${TABLES} WHERE compared = ${TAKEN_IN}`).map(([id]) => id as string);
}

export function areCompared(sql: Statements): boolean {
  return notCompared(sql).length === 0;
}

export function notCompared(sql: Statements): string[] {
  return sql.all(`SELECT id FROM ${TABLES} WHERE compared IS NOT 1`).map(([id]) => id as string);
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
  sql.db.exec(`CREATE TABLE IF NOT EXISTS ${TABLES} (num INTEGER PRIMARY KEY, id TEXT, compared INTEGER)`);
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
  const nameOf = (at: number): string => quoted(table.columns[at]?.name as string);
  const names = table.key.map(({ at }) => nameOf(at));
  const uniques = [...new Set(uniqueValues(table))].map(nameOf);
  const into = (width: number): string =>
    `INSERT INTO ${MARKS} (tbl, op, ${Array.from({ length: width }, (_, index) => `k${index}`).join(', ')})`;
  const row = (which: 'OLD' | 'NEW', columns: readonly string[]): string =>
    columns.map((name) => `${which}.${name}`).join(', ');
  const mark = (op: string, which: 'OLD' | 'NEW', columns = names): string =>
    `${into(columns.length)} VALUES (${num}, '${op}', ${row(which, columns)});`;
  const differs = (columns: readonly string[]): string =>
    columns.map((name) => `OLD.${name} IS NOT NEW.${name}`).join(' OR ');
  const withValues = [...names, ...uniqueValues(table).map(nameOf)];

  const found: [what: string, rest: string][] = [
    ['i', `AFTER INSERT ${on} BEGIN ${mark('i', 'NEW', withValues)} END`],
    ['u', `AFTER UPDATE ${on} BEGIN ${mark('u', 'NEW')} END`],
    [
      'm',
      `AFTER UPDATE OF ${[...names, ...ROW_NUMBER]} ${on} WHEN ${differs(names)} BEGIN ${mark('m', 'OLD')} ${mark('u', 'NEW')} END`,
    ],
    ['d', `AFTER DELETE ${on} BEGIN ${mark('d', 'OLD')} END`],
  ];
  // A number that SQLite is to hand out is NULL or -1 here.
  if (table.kind === 'number') {
    found.push(['bi', `BEFORE INSERT ${on} WHEN NEW.${names[0]} <> -1 BEGIN ${mark('b', 'NEW')} END`]);
  }
  if (uniques.length > 0) {
    const when = `WHEN ${differs(uniques)}`;
    found.push(['w', `AFTER UPDATE OF ${uniques.join(', ')} ${on} ${when} BEGIN ${mark('w', 'NEW', withValues)} END`]);
  }
  return found.map(([what, rest]) => {
    const name = `_tieout_${num}_${what}`;
    return [name, `CREATE TRIGGER ${quoted(name)} ${rest}`];
  });
}
