/**
 * Triggers of the application that would act although our connection ignores them (see `UserConnection`): they delete, or
 * give a row another number. They are taken out while we write.
 */
import type { Table } from '../../core/tables.ts';
import type { UserConnection } from './connection.ts';
import { quoted, type Statements } from './sql.ts';

/** Prepares what we will run on the table: which triggers would act, and whether this SQLite can write it at all. */
export function leaksOf({ leaking, sql }: UserConnection, table: Table): string[] {
  leaking.clear();
  if (isNumberHidden(table)) throw new Error('it has no key, and its columns have all names of the row number');
  const name = quoted(table.name);
  const columns = table.columns.map((column) => quoted(column.name));
  const key = table.key.map(({ at }) => `${columns[at]} = ?`).join(' AND ');
  try {
    const { db } = sql;
    db.prepare(`INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`);
    db.prepare(`UPDATE ${name} SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE ${key}`);
    db.prepare(`DELETE FROM ${name} WHERE ${key}`);
  } catch (error) {
    // A trigger of the application that speaks of what is gone: its table is written without it.
    const triggers = triggersOn(sql, table);
    if (triggers.length === 0) throw error;
    return triggers;
  }
  return [...leaking];
}

/** Each of its rows would be taken for the one that has its number in such a column. */
function isNumberHidden({ kind, columns: [number, ...others] }: Table): boolean {
  return kind === 'hidden' && others.some(({ name }) => name.toLowerCase() === number?.name);
}

function triggersOn(sql: Statements, table: Table): string[] {
  const query = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? AND name NOT GLOB '_tieout_*'";
  return sql.all(query, [table.name]).map(([name]) => name as string);
}

/** Runs `work` without these triggers. True when there were any: the schema has moved. */
export function withoutTriggers(sql: Statements, names: Iterable<string>, work: () => void): boolean {
  const created: string[] = [];
  for (const name of names) {
    const create = sql.one("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?", [name]);
    if (typeof create !== 'string') continue;
    sql.db.exec(`DROP TRIGGER ${quoted(name)}`);
    created.push(create);
  }
  work();
  for (const create of created) sql.db.exec(create);
  return created.length > 0;
}
