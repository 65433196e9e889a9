/** The sqlite3 command by Node's SQLite: `node-shell.ts DATABASE` does what each line says and prints what it selects. */

import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';

const db = new DatabaseSync(process.argv[2] as string, { timeout: 20_000 });
for await (const line of createInterface({ input: process.stdin })) {
  const at = line.lastIndexOf('SELECT ');
  db.exec(line.slice(0, at));
  console.log(Object.values(db.prepare(line.slice(at)).get() ?? {}).join('|'));
}
