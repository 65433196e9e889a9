/**
 * Runs SQL on a database, for computers without the sqlite3 program:
 *
 *     npx node scripts/sql.ts DATABASE SQL
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const [path, sql] = process.argv.slice(2);
if (path === undefined || sql === undefined || !existsSync(path)) {
  console.error(path && sql ? `There is no ${path}` : 'usage: npx node scripts/sql.ts DATABASE SQL');
  process.exit(2);
}
try {
  const database = new DatabaseSync(path, { timeout: 5000 });
  for (const row of database.prepare(sql).all()) console.log(Object.values(row).join('|'));
  database.close();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
