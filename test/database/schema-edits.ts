/** What programs of different versions may do to one database: statements made for what is there when they run. */
import type { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';

export const BASE = `
  CREATE TABLE t (k TEXT PRIMARY KEY, a TEXT, b INTEGER DEFAULT 2, c);
  INSERT INTO t VALUES ('x', 'one', 1, NULL), ('y', 'two', 2, 2.5), ('z', NULL, NULL, 'z');
  CREATE TABLE e (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, t TEXT REFERENCES t (k), n INTEGER);
  INSERT INTO e (text, t, n) VALUES ('e1', 'x', 1), ('e2', 'y', 2), ('e3', NULL, 3);
  CREATE TABLE line (id INTEGER PRIMARY KEY AUTOINCREMENT, e INTEGER REFERENCES e (id), amount REAL CHECK (amount < 1000));
  INSERT INTO line (e, amount) VALUES (1, 1), (2, 2), (2, 3);
  CREATE TABLE note (text, more); INSERT INTO note VALUES ('n', 1), ('n', 1);
  CREATE INDEX by_text ON e (text); CREATE VIEW v AS SELECT k FROM t;`;

const KINDS = [
  'insert',
  'insert',
  'update',
  'update',
  'update',
  'delete',
  'create table',
  'add column',
  'add column',
  'rename column',
  'drop column',
  'rename table',
  'drop table',
  'rebuild',
  'create index',
  'unique index',
  'drop index',
  'trigger',
  'version',
] as const;

export interface Edit {
  readonly kind: (typeof KINDS)[number];
  readonly x: number;
  readonly y: number;
}

export const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom(...KINDS),
  x: fc.integer({ min: 0, max: 11 }),
  y: fc.integer({ min: 0, max: 11 }),
});

const NAMES = ['t', 'u', 'p', 'q'];
const COLUMNS = ['a', 'b', 'c', 'd', 'f'];
const DEFINITIONS = ['', 'TEXT', "TEXT DEFAULT 'd'", 'INTEGER NOT NULL DEFAULT 5', 'REAL'];

/** Runs it; what the database does not allow is not done. Answers with the statement. */
export function run(db: DatabaseSync, { kind, x, y }: Edit, token: string): string {
  const sql = statementOf(db, kind, x, y, token);
  if (sql === null) return '';
  db.exec('SAVEPOINT one');
  try {
    db.exec(sql);
    db.exec('RELEASE one');
    return sql;
  } catch (error) {
    if (
      !/no such|already|duplicate|constraint|cannot|error in|ambiguous|may not|UNIQUE|NOT NULL|same name|syntax/i.test(
        (error as Error).message,
      )
    )
      throw error;
    db.exec('ROLLBACK TO one; RELEASE one');
    return '';
  }
}

function statementOf(db: DatabaseSync, kind: Edit['kind'], x: number, y: number, token: string): string | null {
  const tables = db
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_tieout%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' ORDER BY name",
    )
    .all()
    .map(({ name }) => String(name));
  const table = tables[x % Math.max(1, tables.length)];
  if (table === undefined && kind !== 'create table') return null;
  const columns = db
    .prepare('SELECT name, type, "notnull", pk, dflt_value FROM pragma_table_info(?)')
    .all(table ?? '') as { name: string; type: string; notnull: number; pk: number; dflt_value: string | null }[];
  const others = columns.filter(({ pk }) => pk === 0);
  const column = others[y % Math.max(1, others.length)]?.name;
  const named = COLUMNS[y % COLUMNS.length];
  const value = ["'x'", "'y'", `'${token}'`, '3', 'NULL', '2.5'][y % 6];
  const key = columns.find(({ pk }) => pk === 1);
  const where = key?.type === 'TEXT' ? `"${key.name}" = '${'xyzw'[x % 4]}'` : `rowid = ${(x % 4) + 1}`;
  switch (kind) {
    case 'insert': {
      const into = columns.filter(({ name }) => name !== key?.name || key.type === 'TEXT');
      const values = into.map(({ pk }) => (pk > 0 ? `'${'xyzw'[y % 4]}'` : value));
      return `INSERT OR REPLACE INTO "${table}" (${into.map(({ name }) => `"${name}"`).join()}) VALUES (${values.join()})`;
    }
    case 'update':
      return column === undefined ? null : `UPDATE "${table}" SET "${column}" = ${value} WHERE ${where}`;
    case 'delete':
      return `DELETE FROM "${table}" WHERE ${where}`;
    case 'create table': {
      const name = NAMES[x % NAMES.length];
      const more =
        y % 2 === 0 ? 'k TEXT PRIMARY KEY, a' : `id INTEGER PRIMARY KEY, a TEXT UNIQUE, e INTEGER REFERENCES e (id)`;
      return `CREATE TABLE ${name} (${more}${y > 5 ? ', b DEFAULT 1' : ''}); INSERT INTO ${name} (${y % 2 === 0 ? 'k' : 'id'}, a) VALUES (1, 'first')`;
    }
    case 'add column':
      return `ALTER TABLE "${table}" ADD COLUMN ${named} ${DEFINITIONS[x % DEFINITIONS.length]}`;
    case 'rename column':
      return column === undefined
        ? null
        : `ALTER TABLE "${table}" RENAME COLUMN "${column}" TO ${COLUMNS[x % COLUMNS.length]}`;
    case 'drop column':
      return column === undefined ? null : `ALTER TABLE "${table}" DROP COLUMN "${column}"`;
    case 'rename table':
      return `ALTER TABLE "${table}" RENAME TO ${NAMES[y % NAMES.length]}`;
    case 'drop table':
      return y < 4 ? `DROP TABLE "${table}"` : null;
    case 'rebuild': {
      const kept = columns.filter(({ name }) => y > 5 || name !== column);
      const list = kept.map(({ name }) => `"${name}"`);
      const defined = kept.map(
        ({ name, type, pk, dflt_value }) =>
          `"${name}" ${type}${pk > 0 ? ' PRIMARY KEY' : ''}${dflt_value === null ? '' : ` DEFAULT ${dflt_value}`}`,
      );
      if (y % 3 === 0) defined.reverse();
      if (y % 2 === 0) defined.push(`${named}2 TEXT DEFAULT 'r'`);
      return `CREATE TABLE new_one (${defined.join()}); INSERT INTO new_one (${list.join()}) SELECT ${list.join()} FROM "${table}"; DROP TABLE "${table}"; ALTER TABLE new_one RENAME TO "${table}"`;
    }
    case 'create index':
      return column === undefined ? null : `CREATE INDEX i${x % 3} ON "${table}" ("${column}")`;
    case 'unique index':
      return column === undefined ? null : `CREATE UNIQUE INDEX j${x % 3} ON "${table}" ("${column}")`;
    case 'drop index':
      return `DROP INDEX i${x % 3}`;
    case 'trigger':
      return y % 2 === 0
        ? `CREATE TRIGGER g${x % 2} AFTER UPDATE ON "${table}" BEGIN UPDATE note SET more = more + 1; END; UPDATE "${table}" SET "${columns[0]?.name}" = NULL WHERE 0`
        : `DROP TRIGGER g${x % 2}`;
    case 'version':
      return `PRAGMA user_version = ${x + 1}`;
  }
}
