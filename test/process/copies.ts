/** Whether two copies are equal: documents byte by byte, databases row by row with the type of each value. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface Contents {
  /** By path within the file. */
  readonly documents: ReadonlyMap<string, Buffer>;
  /** By path within the file, then by table: each row as one text, sorted. */
  readonly databases: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
}

export function contentsOf(folder: string): Contents {
  const documents = new Map<string, Buffer>();
  const databases = new Map<string, ReadonlyMap<string, readonly string[]>>();
  for (const path of filesIn(folder)) {
    const name = relative(folder, path).split(sep).join('/');
    if (isDatabase(path)) databases.set(name, rowsIn(path));
    else documents.set(name, readFileSync(path));
  }
  return { documents, databases };
}

/** Throws what differs, named by path, table and row. */
export function assertEqualCopies(first: string, ...others: readonly string[]): void {
  const one = contentsOf(first);
  for (const other of others) {
    const two = contentsOf(other);
    assert.deepEqual([...two.documents.keys()].sort(), [...one.documents.keys()].sort(), 'documents');
    for (const [path, bytes] of one.documents) {
      const there = two.documents.get(path) as Buffer;
      assert.ok(bytes.equals(there), `${path} in ${other}: ${head(there)} instead of ${head(bytes)} in ${first}`);
    }
    assert.deepEqual([...two.databases.keys()].sort(), [...one.databases.keys()].sort(), 'databases');
    for (const [path, tables] of one.databases) {
      const there = two.databases.get(path) as ReadonlyMap<string, readonly string[]>;
      assert.deepEqual([...there.keys()], [...tables.keys()], `tables of ${path}`);
      for (const [table, rows] of tables) {
        const others = there.get(table) as readonly string[];
        // Sorted texts: only what differs is worth reading.
        const only = (some: readonly string[], rest: readonly string[]) => {
          const known = new Set(rest);
          return some.filter((row) => !known.has(row)).map(readable);
        };
        const [here, elsewhere] = [only(rows, others), only(others, rows)];
        assert.deepEqual(elsewhere, here, `${path}, table ${table}: ${other} and ${first}`);
        assert.equal(others.length, rows.length, `${path}, table ${table}: rows of ${other} and ${first}`);
      }
    }
  }
}

/** Every table that is not SQLite's or ours. */
export function rowsIn(database: string): ReadonlyMap<string, readonly string[]> {
  return withDatabase(database, (db) => {
    const tables = db
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY 1",
      )
      .all()
      .map(({ name }) => String(name))
      .filter((name) => !name.startsWith('_tieout_'));
    return new Map(tables.map((table) => [table, rowsOf(db, table)]));
  });
}

/** Without what a reader in the shell would see of our own: must stay as the application made it. */
export function schemaOf(database: string): readonly string[] {
  return withDatabase(database, (db) =>
    db
      .prepare(
        "SELECT sql FROM sqlite_schema WHERE name NOT LIKE '!_tieout!_%' ESCAPE '!' AND sql IS NOT NULL ORDER BY sql",
      )
      .all()
      .map(({ sql }) => String(sql)),
  );
}

export function withDatabase<T>(path: string, look: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path, { timeout: 20_000, readBigInts: true });
  try {
    return look(db);
  } finally {
    db.close();
  }
}

function rowsOf(db: DatabaseSync, table: string): readonly string[] {
  const columns = db
    .prepare('SELECT name FROM pragma_table_xinfo(?) ORDER BY cid')
    .all(table)
    .map(({ name }) => `"${String(name).replaceAll('"', '""')}"`);
  // Text and blobs as their bytes: text may hold NUL and what is no Unicode.
  const exact = columns.map(
    (column) =>
      `typeof(${column}), CASE WHEN typeof(${column}) IN ('text', 'blob') THEN hex(${column}) ELSE ${column} END`,
  );
  const select = db.prepare(`SELECT ${exact.join(', ')} FROM "${table.replaceAll('"', '""')}"`);
  select.setReturnArrays(true);
  return (select.all() as unknown as unknown[][]).map((row) => row.map(plain).join(' ')).sort();
}

function plain(value: unknown): string {
  if (typeof value !== 'number') return String(value);
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  return `${value}=${bits.getBigUint64(0).toString(16)}`;
}

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== '.tieout') yield* filesIn(path);
    } else if (entry.isFile() && !/-(wal|shm|journal)$/.test(entry.name)) yield path;
  }
}

export function isDatabase(path: string): boolean {
  const file = openSync(path, 'r');
  const head = Buffer.alloc(16);
  const read = readSync(file, head, 0, 16, 0);
  closeSync(file);
  return read === 16 && head.toString('latin1') === 'SQLite format 3\0';
}

function readable(row: string): string {
  return row.replaceAll(/\btext ([0-9A-F]*)/g, (_, hex) => `'${Buffer.from(hex as string, 'hex').toString()}'`);
}

function head(bytes: Buffer): string {
  return `${bytes.length} bytes "${bytes.subarray(0, 60).toString('utf8')}"`;
}
