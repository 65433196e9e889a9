/** Makes Engagement.db from schema.sql, the trial balance and content.sql. */
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { accounts } from './ledger.ts';

export function makeDatabase(path: string): void {
  const database = new DatabaseSync(path);
  // WAL lets several programs read while one writes: what colleagues send never makes a reader wait.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; BEGIN; PRAGMA defer_foreign_keys = ON');
  database.exec(sql('schema.sql'));
  const insert = database.prepare('INSERT INTO account (no, name, lead, opening, closing) VALUES (?, ?, ?, ?, ?)');
  for (const { no, name, lead, opening, closing } of accounts) insert.run(no, name, lead, opening, closing);
  database.exec(sql('content.sql'));
  database.exec('COMMIT');
  database.close();
}

function sql(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8');
}
