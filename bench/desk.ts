/**
 * Copies of one database without a network, for figures that are about the database alone: the shipping engine on real
 * files, rows.db on the disk as it is in a sync folder, logs in memory.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { ROWS } from '../src/store/row-state.ts';
import { openStore } from '../src/store/sqlite.ts';
import { type Copy, Office, withDatabase } from '../test/database/copies.ts';
import type { Bench } from './stage.ts';

export interface Desk {
  readonly ana: Copy;
  readonly ben: Copy;
  /** Where each copy's rows.db lies. */
  readonly rowsOf: (copy: Copy) => string;
}

/** Ana's and Ben's copies of a database that `sql` makes. */
export function desk(bench: Bench, sql: string): Desk {
  const office = new Office(sql, 2);
  bench.defer(() => office.close());
  const [ana, ben] = office.copies as [Copy, Copy];
  const folder = bench.folder('rows');
  mkdirSync(folder, { recursive: true });
  const rowsOf = (copy: Copy): string => join(folder, `${copy.id}.db`);
  for (const copy of [ana, ben]) {
    copy.rows = openStore(rowsOf(copy), ROWS);
    copy.restart();
    copy.work();
  }
  return { ana, ben, rowsOf };
}

/** A table of so many rows with a number, four texts and an amount. */
export function items(rows: number): string {
  return `
    PRAGMA journal_mode = WAL;
    CREATE TABLE item (id INTEGER PRIMARY KEY, code TEXT, a TEXT, b TEXT, c TEXT, amount REAL);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO item SELECT i, 'c' || i, 'audit sample ' || i, 'ledger', 'some text of usual length ' || i, i * 1.5 FROM n;
  `;
}

/** Many transactions by a program, each captured as a change of its own. */
export function changes(copy: Copy, count: number, write: (db: DatabaseSync, nth: number) => void): void {
  withDatabase(copy.path, (db) => {
    db.exec('PRAGMA synchronous = NORMAL');
    for (let nth = 0; nth < count; nth++) {
      write(db, nth);
      copy.capture();
    }
  });
}
