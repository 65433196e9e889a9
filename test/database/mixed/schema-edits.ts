/** What newer and older programs do to the schema of a database. */
import type { Author } from './edits.ts';
import type { Table } from './layout.ts';
import { quoted } from './schema.ts';

export const schemaKinds = {
  'create table': 2,
  'add column': 4,
  'rename column': 2,
  'drop column': 2,
  'rename table': 1.5,
  'drop table': 1,
  rebuild: 2,
  'create index': 1,
  'unique index': 1,
  'drop index': 1,
  trigger: 1,
  'drop trigger': 0.5,
  view: 0.5,
  version: 1,
} as const;
export type SchemaKind = keyof typeof schemaKinds;

const isSchemaKind: Readonly<Record<string, unknown>> = schemaKinds;
export function altersSchema(kind: string): boolean {
  return kind in isSchemaKind;
}

const TABLES = ['new_one', 'new_two', 'client', 'Tax'];
const COLUMNS = ['c', 'd', 'label', 'amount'];
const DEFINITIONS = ['', 'TEXT', "TEXT DEFAULT 'd'", 'INTEGER NOT NULL DEFAULT 5', 'REAL', 'TEXT COLLATE NOCASE'];

export function alteration(
  kind: SchemaKind,
  tables: readonly Table[],
  table: Table,
  draw: () => number,
  by: Author,
): string[] {
  const name = quoted(table.name);
  // `o` says whose a row is (edits.ts).
  const others = table.columns.filter((column) => column.pk === 0 && column.name !== 'o');
  const column = others[draw() % Math.max(1, others.length)];
  const pick = <T>(items: readonly T[]): T => items[draw() % items.length] as T;
  const own = by.isApart ? `${by.copy}_${by.next()}` : '';
  const named = by.isApart ? `c${own}` : pick(COLUMNS);
  // What is taken away or called otherwise is the edit of others, too.
  if (by.isApart && !['create table', 'add column', 'create index'].includes(kind)) return [];
  switch (kind) {
    case 'create table': {
      const made = by.isApart ? `t${own}` : pick(TABLES);
      const [other] = tables;
      const key = pick([
        'k TEXT PRIMARY KEY',
        'id INTEGER PRIMARY KEY',
        'id INTEGER PRIMARY KEY AUTOINCREMENT',
        'a INTEGER, b TEXT',
      ]);
      const id = other?.columns.filter(({ pk }) => pk > 0) ?? [];
      const more =
        id.length === 1 && pick([true, false]) ? `, r REFERENCES ${quoted(other?.name)} (${quoted(id[0]?.name)})` : '';
      return [`CREATE TABLE ${made} (${key}, o INTEGER, w TEXT${pick(['', ' UNIQUE'])}${more})`];
    }
    case 'add column':
      return [`ALTER TABLE ${name} ADD COLUMN ${named} ${pick(DEFINITIONS)}`];
    case 'rename column':
      return column === undefined ? [] : [`ALTER TABLE ${name} RENAME COLUMN ${quoted(column.name)} TO ${named}`];
    case 'drop column':
      return column === undefined ? [] : [`ALTER TABLE ${name} DROP COLUMN ${quoted(column.name)}`];
    case 'rename table':
      return [`ALTER TABLE ${name} RENAME TO ${pick(TABLES)}`];
    case 'drop table':
      return tables.length < 2 ? [] : [`DROP TABLE ${name}`];
    case 'rebuild':
      return rebuild(table, column?.name, named, draw());
    case 'create index':
      return column === undefined
        ? []
        : [`CREATE INDEX i${by.isApart ? own : draw() % 3} ON ${name} (${quoted(column.name)})`];
    case 'unique index':
      return column === undefined ? [] : [`CREATE UNIQUE INDEX j${draw() % 3} ON ${name} (${quoted(column.name)})`];
    case 'drop index':
      return [`DROP INDEX ${pick(['i', 'j'])}${draw() % 3}`];
    case 'trigger': {
      const to = pick(tables);
      return [
        `CREATE TRIGGER g${draw() % 2} AFTER UPDATE ON ${name} BEGIN UPDATE ${quoted(to.name)} SET o = coalesce(o, 0) + 1; END`,
      ];
    }
    case 'drop trigger':
      return [`DROP TRIGGER ${pick(['g0', 'g1', 'app_trigger'])}`];
    case 'view':
      return [`CREATE VIEW look${draw() % 2} AS SELECT * FROM ${name}`];
    case 'version':
      return [`PRAGMA user_version = ${1 + (draw() % 9)}`];
    default:
      return kind satisfies never;
  }
}

/** SQLite's own advice: make a new table, copy, drop, rename. References and keys are kept, other constraints not. */
function rebuild(table: Table, without: string | undefined, added: string, pick: number): string[] {
  const referring = new Set(table.references.flatMap(({ from }) => from));
  const kept = table.columns.filter(({ name }) => pick % 2 === 0 || name !== without || referring.has(name));
  const key = kept.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  const defined = kept.map(({ name, type, fallback, isRequired, pk }) => {
    const primary = key.length === 1 && pk > 0 ? ' PRIMARY KEY' : '';
    return `${quoted(name)} ${type}${primary}${isRequired ? ' NOT NULL' : ''}${fallback === null ? '' : ` DEFAULT ${fallback}`}`;
  });
  if (pick % 3 === 0) defined.reverse();
  if (pick % 5 < 2) defined.push(`${added}2 TEXT DEFAULT 'r'`);
  if (key.length > 1) defined.push(`PRIMARY KEY (${key.map(({ name }) => quoted(name))})`);
  for (const { table: to, from, to: columns } of table.references) {
    defined.push(`FOREIGN KEY (${from.map(quoted)}) REFERENCES ${quoted(to)} (${columns.map(quoted)})`);
  }
  const list = kept.map(({ name }) => quoted(name));
  return [
    `CREATE TABLE rebuilt (${defined}); INSERT INTO rebuilt (${list}) SELECT ${list} FROM ${quoted(table.name)}; DROP TABLE ${quoted(table.name)}; ALTER TABLE rebuilt RENAME TO ${quoted(table.name)}`,
  ];
}
