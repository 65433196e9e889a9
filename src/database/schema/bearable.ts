/**
 * A schema as SQLite can bear it: built once in memory, which finds what merging broke. What does not stand there is
 * withheld from every copy alike; what this SQLite merely does not know (a function or module of the application's) is
 * left to the file that has it.
 */
import { DatabaseSync } from 'node:sqlite';
import { quoted } from '../file/sql.ts';
import { isStrange } from '../file/strange.ts';
import { keysOf, withoutKeysTo } from './declared-keys.ts';
import { meantByName } from './gone.ts';
import {
  createObject,
  createTable,
  objectName,
  type Schema,
  type SchemaObject,
  type SchemaTable,
  spelled,
} from './schema.ts';
import type { Written } from './written.ts';

export interface Bearable {
  readonly schema: Schema;
  /** By table's id or `objectName`: why it is not shown as it was written. */
  readonly withheld: ReadonlyMap<string, string>;
}

const ORDER = ['virtual', 'index', 'view', 'trigger'];

/** Only what somebody wrote since the base can be withheld. */
export function bearable(merged: Schema, written: Written): Bearable {
  const schema = meantByName(merged);
  const db = new DatabaseSync(':memory:', {
    enableForeignKeyConstraints: false,
    enableDoubleQuotedStringLiterals: true,
  });
  const withheld = new Map<string, string>();
  const tables = new Map(schema.tables);
  const objects = new Map(schema.objects);
  /** By their ids: of what is declared in, on or to them nothing is known. */
  const strange = { tables: new Set<string>(), indexed: new Set<string>() };
  try {
    for (const whole of schema.tables.values()) {
      const table = speakable(whole, schema);
      if (table !== whole) withheld.set(table.id, 'a constraint speaks of a column that is not there');
      tables.set(table.id, table);
      const reason = failure(() => db.exec(createTable(table, schema)));
      if (reason !== undefined && isStrange(reason)) strange.tables.add(table.id);
      if (reason === undefined || isStrange(reason)) continue;
      tables.delete(table.id);
      withheld.set(table.id, reason);
    }
    const sorted = [...schema.objects.values()].sort((a, b) => ORDER.indexOf(a.type) - ORDER.indexOf(b.type));
    for (const object of sorted) {
      const name = objectName(object);
      const isGone = object.table !== null && !tables.has(object.table);
      if (object.table !== null && strange.tables.has(object.table)) continue;
      const reason = isGone ? 'its table is not there' : failure(() => build(db, object, schema));
      if (reason !== undefined && isStrange(reason) && object.table !== null) strange.indexed.add(object.table);
      if (reason === undefined || isStrange(reason) || !written.has(name)) continue;
      objects.delete(name);
      withheld.set(name, reason);
    }
    for (const table of tables.values()) {
      const whole = withoutMismatch(db, table, { ...schema, tables }, written, strange.indexed);
      if (whole === table) continue;
      tables.set(table.id, whole);
      withheld.set(table.id, 'it refers to columns that are not unique any more');
    }
  } finally {
    db.close();
  }
  return { schema: { ...schema, tables, objects }, withheld };
}

/** A constraint over a column that somebody dropped meanwhile cannot be declared. */
function speakable(table: SchemaTable, schema: Schema): SchemaTable {
  const constraints = table.constraints.filter((text) => spelled(text, 'own', table, schema) !== null);
  const isWhole = constraints.length === table.constraints.length;
  if (isWhole && table.columns.every(({ definition }) => spelled(definition, 'none', table, schema) !== null))
    return table;
  const columns = table.columns.map((column) =>
    spelled(column.definition, 'none', table, schema) === null ? { ...column, definition: '' } : column,
  );
  return { ...table, columns, constraints };
}

/** While a foreign key names columns that are not unique, SQLite refuses programs every edit of the table. */
function withoutMismatch(
  db: DatabaseSync,
  table: SchemaTable,
  schema: Schema,
  written: Written,
  unknown: ReadonlySet<string>,
): SchemaTable {
  const targets = [...new Set(keysOf(table).map(({ target }) => target))];
  const isDoubtful = (target: string): boolean =>
    schema.tables.has(target) &&
    !unknown.has(target) &&
    (schema.byName.has(table.id) || written.isByMany(table.id, target));
  const withoutAll = (some: readonly string[]): SchemaTable =>
    some.reduce((rest, target) => withoutKeysTo(target, rest), table);
  const broken = targets.filter(isDoubtful).filter((target) => {
    const alone = withoutAll(targets.filter((other) => other !== target));
    const check = (): void => {
      db.exec(`DROP TABLE IF EXISTS ${quoted(table.name)}; ${createTable(alone, schema)}`);
      db.prepare(`PRAGMA foreign_key_check(${quoted(table.name)})`).all();
    };
    return failure(check)?.startsWith('foreign key mismatch') === true;
  });
  return broken.length === 0 ? table : withoutAll(broken);
}

function build(db: DatabaseSync, object: SchemaObject, schema: Schema): void {
  const create = createObject(object, schema);
  if (create === null) throw new Error('it is over a column that is not there');
  db.prepare(create).run();
  const [kind, on] = [object.type, object.table === null ? undefined : schema.tables.get(object.table)];
  try {
    // A trigger that does not compile would make the application's statements fail.
    if (kind === 'trigger' && on !== undefined) {
      const table = quoted(on.name);
      const columns = on.columns
        .filter(({ definition }) => !/\bAS\b/i.test(definition))
        .map(({ name }) => `${quoted(name)} = NULL`);
      for (const sql of [
        `INSERT INTO ${table} DEFAULT VALUES`,
        `DELETE FROM ${table}`,
        `UPDATE ${table} SET ${columns.join(', ')}`,
      ])
        db.prepare(sql);
    }
  } catch (error) {
    db.exec(`DROP ${kind.toUpperCase()} ${quoted(object.name)}`);
    throw error;
  }
}

function failure(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
