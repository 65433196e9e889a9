/**
 * What newer versions of people's programs do to their databases: columns, tables and indexes come and go, and tables
 * are made anew as SQLite's manual tells. What the second opinion reads (meaning.ts) stays in each of them.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Chance } from './chance.ts';
import { isBooks } from './reading-databases.ts';

export const UPGRADES = {
  column: 6,
  renameColumn: 1,
  dropColumn: 1,
  table: 6,
  renameTable: 1,
  dropTable: 1,
  index: 2,
  rebuild: 3,
  vacuum: 1,
  version: 1,
} as const;
export type Upgrade = keyof typeof UPGRADES;

/** Those that no transaction can hold. */
export function isAlone(kind: Upgrade): boolean {
  return kind === 'vacuum';
}

const COLUMNS = ['memo', 'remarks'] as const;
const TABLES = ['tag', 'label'] as const;

/** What is new is used: `token` is written where there is a place for it. */
export function upgrade(db: DatabaseSync, kind: Upgrade, chance: Chance, token: string): string {
  const old = isBooks(db) ? 'part' : chance.one(['account', 'entry'] as const);
  const columns = db
    .prepare('SELECT name FROM pragma_table_info(?)')
    .all(old)
    .map(({ name }) => String(name));
  const [column, other] = chance.happens(0.5) ? COLUMNS : [...COLUMNS].reverse();
  const [table, otherTable] = chance.happens(0.5) ? TABLES : [...TABLES].reverse();
  const isThere = (name: string): boolean =>
    db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) !== undefined;
  switch (kind) {
    case 'column': {
      if (!columns.includes(column as string)) db.exec(`ALTER TABLE ${old} ADD COLUMN ${column} TEXT`);
      db.prepare(`UPDATE ${old} SET ${column} = ? WHERE rowid = (SELECT min(rowid) FROM ${old})`).run(token);
      return `column ${column} of ${old}: ${token}`;
    }
    case 'renameColumn':
      if (!columns.includes(column as string) || columns.includes(other as string))
        return `no ${column} to be called ${other}`;
      db.exec(`ALTER TABLE ${old} RENAME COLUMN ${column} TO ${other}`);
      return `column ${column} of ${old} is called ${other}`;
    case 'dropColumn':
      if (!columns.includes(column as string)) return `no column ${column} to drop`;
      for (const index of indexesOver(db, old, column as string)) db.exec(`DROP INDEX ${index}`);
      db.exec(`ALTER TABLE ${old} DROP COLUMN ${column}`);
      return `column ${column} of ${old} goes`;
    case 'table':
      db.exec(`CREATE TABLE IF NOT EXISTS ${table} (id INTEGER PRIMARY KEY, text TEXT)`);
      db.prepare(`INSERT INTO ${table} (text) VALUES (?)`).run(token);
      return `table ${table}: ${token}`;
    case 'renameTable':
      if (!isThere(table as string) || isThere(otherTable as string)) return `no ${table} to be called ${otherTable}`;
      db.exec(`ALTER TABLE ${table} RENAME TO ${otherTable}`);
      return `table ${table} is called ${otherTable}`;
    case 'dropTable':
      db.exec(`DROP TABLE IF EXISTS ${table}`);
      return `table ${table} goes`;
    case 'index': {
      const name = `${old}_${columns.at(-1)}`;
      const isNew = !isThere(name);
      db.exec(isNew ? `CREATE INDEX ${name} ON ${old} (${columns.at(-1)})` : `DROP INDEX ${name}`);
      return `index ${name} ${isNew ? 'comes' : 'goes'}`;
    }
    case 'rebuild':
      return rebuild(db, old);
    case 'vacuum':
      db.exec('VACUUM');
      return 'vacuumed';
    case 'version': {
      const version = chance.whole(1, 9);
      db.exec(`PRAGMA user_version = ${version}`);
      return `user_version ${version}`;
    }
  }
}

function indexesOver(db: DatabaseSync, table: string, column: string): string[] {
  const rows = db
    .prepare(
      `SELECT DISTINCT list.name FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info
        WHERE info.name = ? AND list.origin = 'c'`,
    )
    .all(table, column);
  return rows.map(({ name }) => String(name));
}

/** Rows keep the numbers that they have. Its indexes go with it, as they do where a program forgets them. */
function rebuild(db: DatabaseSync, table: string): string {
  const { sql } = db.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').get(table) as { sql: string };
  db.exec(sql.replace(/^CREATE TABLE "?\w+"?/, `CREATE TABLE new_${table}`));
  db.exec(`INSERT INTO new_${table} SELECT * FROM ${table}`);
  db.exec(`DROP TABLE ${table}`);
  db.exec(`ALTER TABLE new_${table} RENAME TO ${table}`);
  return `${table} is made anew`;
}
