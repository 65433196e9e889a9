/** All that an application finds in a copy, to be compared. */
import { type Copy, withDatabase } from './copies.ts';

/** The schema whatever its spelling, and all rows. */
export function contentOf(at: Copy): Record<string, unknown> {
  return withDatabase(at.path, (db) => {
    const query = (sql: string): unknown[][] => {
      const statement = db.prepare(sql);
      statement.setReturnArrays(true);
      statement.setReadBigInts(true);
      return statement.all() as unknown as unknown[][];
    };
    const schema = query(
      "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_tieout%' ESCAPE '\\' ORDER BY 1, 2",
    );
    const spelled = schema.map((row) => row.map((item) => String(item).replaceAll(/["\s]/g, '')));
    const tables = schema.filter(([type]) => type === 'table').map(([, name]) => String(name));
    const rows = tables.map((name) => [
      name,
      query(`SELECT * FROM "${name}"`)
        .map((row) => JSON.stringify(row, told))
        .sort(),
    ]);
    return { schema: spelled, version: query('PRAGMA user_version'), ...Object.fromEntries(rows) };
  });
}

function told(_: string, item: unknown): unknown {
  return typeof item === 'bigint' ? `${item}n` : item;
}
