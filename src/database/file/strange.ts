/** Tables that speak of a collation, function or module which only their own program's SQLite has. */
import { DatabaseSync } from 'node:sqlite';
import type { Statements } from './sql.ts';

/** Not wrong, only unknown to our SQLite. */
export function isStrange(reason: string): boolean {
  return /no such (function|module|collation|tokenizer)|unknown function|not authorized/i.test(reason);
}

/** Why this SQLite cannot build a table and its indexes, by the table's name. Found without touching the database. */
export function strangeTables(sql: Statements): Map<string, string> {
  const found = new Map<string, string>();
  const db = new DatabaseSync(':memory:', { enableDoubleQuotedStringLiterals: true });
  try {
    const creates = sql.all(`SELECT tbl_name, sql FROM sqlite_schema WHERE type IN ('table', 'index')
      AND coalesce(rootpage, 1) > 0 AND sql IS NOT NULL ORDER BY type DESC`);
    for (const [table, create] of creates as [string, string][]) {
      try {
        // One statement, whatever a crafted schema says.
        db.prepare(create).run();
      } catch (error) {
        const { message } = error as Error;
        // What else is wrong with it is for SQLite to say.
        if (isStrange(message) && !found.has(table)) found.set(table, message);
      }
    }
  } finally {
    db.close();
  }
  return found;
}
