/** Who remembers every value that was there when somebody looked, and asks in the end where it is. */
import { body as bodyCodec } from '../../../src/core/body.ts';
import { decode } from '../../../src/core/codec.ts';
import { cellsOf } from '../../../src/database/capture/ops.ts';
import { readHistory } from '../../../src/database/history/history.ts';
import { type Copy, DB, type Office, withDatabase } from '../copies.ts';

/** Values that edits.ts writes once only. */
const TOKEN = /v\d+x/gi;

export class Witness {
  readonly #seen = new Set<string>();
  /** In the file, and not captured yet. */
  readonly #left = new Map<Copy, Set<string>>();

  /** From now on what this copy's programs leave in the file is remembered once it is captured. */
  attend(copy: Copy): void {
    const capture = copy.capture.bind(copy);
    copy.capture = (stamp) => {
      const made = capture(stamp);
      const followed = inFile(copy.path, leftOut(copy));
      for (const token of this.#left.get(copy) ?? []) if (followed.has(token)) this.#seen.add(token);
      this.#left.delete(copy);
      return made;
    };
  }

  /** A program has committed. What it wrote over before anybody looked is promised to nobody. */
  committed(copy: Copy): void {
    this.#left.set(copy, inFile(copy.path, leftOut(copy)));
  }

  /** The file is another one. */
  replaced(copy: Copy): void {
    this.#left.delete(copy);
  }

  /** Once all are equal: what is neither current, nor in history or the bin, nor in a conflict. */
  lost(office: Office): string[] {
    const [copy] = office.copies as [Copy];
    const held = inFile(copy.path);
    const told = [readHistory(DB, copy.log, copy.engine.shown(), { limit: 1e6 }), copy.conflicts()];
    gather(JSON.stringify(told), held);
    for (const token of this.#inDropped(office, copy)) held.add(token);
    return [...this.#seen].filter((token) => !held.has(token));
  }

  /** History tells nothing of tables and columns that an application took away; the log and the base keep them. */
  #inDropped(office: Office, copy: Copy): Set<string> {
    const { tables } = copy.engine;
    const isDropped = (table: string, column: string): boolean =>
      tables.get(table)?.columns.every(({ id }) => id !== column) ?? true;
    const held = new Set<string>();
    for (const { bytes } of copy.log.changes) {
      const read = decode(bodyCodec, bytes);
      if (read.kind !== 'database') continue;
      for (const op of read.ops) {
        const use = read.uses[op.use];
        for (const [column, value] of cellsOf(op, use?.columns ?? [])) {
          if (use !== undefined && isDropped(use.table, column)) gather(String(value), held);
        }
      }
    }
    const dropped = withDatabase(office.basePath, (db) =>
      namesOf(db).flatMap((table) => {
        const select = db.prepare(`SELECT * FROM "${table}"`);
        select.setReadBigInts(true);
        return select.all().flatMap((row) =>
          Object.entries(row)
            .filter(([column]) => isDropped(table, column))
            .map(([, value]) => String(value)),
        );
      }),
    );
    gather(dropped.join(' '), held);
    return held;
  }
}

/** `without`: `table` or `table\0column`, in small letters. */
function inFile(path: string, without: ReadonlySet<string> = new Set()): Set<string> {
  const held = new Set<string>();
  withDatabase(path, (db) => {
    for (const table of namesOf(db)) {
      const name = table.toLowerCase();
      if (without.has(name)) continue;
      const select = db.prepare(`SELECT * FROM "${table}"`);
      select.setReadBigInts(true);
      for (const row of select.all()) {
        const cells = Object.entries(row).filter(([column]) => !without.has(`${name}\0${column.toLowerCase()}`));
        gather(cells.map(([, item]) => item).join(' '), held);
      }
    }
  });
  return held;
}

/** What a copy keeps for itself is promised to nobody. */
function leftOut({ engine }: Copy): Set<string> {
  const found = new Set<string>();
  for (const { name, left, columns } of engine.tables.values()) {
    if (left) found.add(name.toLowerCase());
    for (const column of columns) if (column.left) found.add(`${name}\0${column.name}`.toLowerCase());
  }
  return found;
}

function namesOf(db: Parameters<Parameters<typeof withDatabase>[1]>[0]): string[] {
  return db
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_tieout%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
    )
    .all()
    .map(({ name }) => String(name));
}

function gather(text: string, into: Set<string>): void {
  for (const [token] of text.matchAll(TOKEN)) into.add(token.toLowerCase());
}
