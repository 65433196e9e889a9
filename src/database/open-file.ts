/**
 * A user's database while it is open: its tables, the statements on them, our marks in it. Notices when the application
 * has changed the schema.
 */
import type { Problem } from '../core/problem.ts';
import type { Table } from '../core/tables.ts';
import type { FileFacts } from '../platform/ports.ts';
import { UserConnection } from './connection.ts';
import { describeTables } from './describe.ts';
import { createPosition } from './position.ts';
import { RowSql } from './row-sql.ts';
import type { DatabaseSettings } from './settings.ts';
import { literal, quoted, type Statements } from './sql.ts';
import { installTriggers, markWidth, notCompared, setCompared, tableNumbers } from './triggers.ts';

export class OpenFile {
  readonly connection: UserConnection;
  readonly sql: Statements;
  readonly facts: FileFacts | undefined;
  readonly #settings: DatabaseSettings;
  #tables = new Map<string, Table>();
  #rowSql = new Map<string, RowSql>();
  #numbers = new Map<number, string>();
  #byTable = new Map<string, number>();
  #leaks = new Map<string, readonly string[]>();
  #schema = -1;
  width = 0;
  /** Tables that were not marked for a while: what happened in them shows only by comparing all rows. */
  readonly unmarked = new Set<string>();
  /** Tables that this file has not had before: what colleagues wrote to them was kept, and is to be placed now. */
  readonly fresh = new Set<string>();
  problems: readonly Problem[] = [];

  constructor(path: string, settings: DatabaseSettings, facts: FileFacts | undefined) {
    this.connection = new UserConnection(path, 'rw');
    this.sql = this.connection.sql;
    this.facts = facts;
    this.#settings = settings;
  }

  get tables(): ReadonlyMap<string, Table> {
    return this.#tables;
  }

  close(): void {
    this.connection.close();
  }

  schemaMoved(): boolean {
    return this.connection.schemaVersion() !== this.#schema;
  }

  tableOf(num: number): Table | undefined {
    const id = this.#numbers.get(num);
    return id === undefined ? undefined : this.#tables.get(id);
  }

  numberOf(table: Table): number {
    return this.#byTable.get(table.id) as number;
  }

  sqlOf(table: Table): RowSql {
    const known = this.#rowSql.get(table.id);
    if (known) return known;
    const made = new RowSql(this.sql, table, this.connection.encoding);
    this.#rowSql.set(table.id, made);
    return made;
  }

  /**
   * Reads the schema and puts marks where there are none. Takes the write lock only if something is missing. Throws
   * SQLITE_BUSY when the application holds it.
   */
  follow(): void {
    this.#describe();
    if (!this.#isMarked()) {
      this.write(() => {
        createPosition(this.sql);
        const known = markWidth(this.sql) === 0 ? new Set() : new Set(tableNumbers(this.sql).values());
        for (const id of this.#tables.keys()) if (!known.has(id)) this.fresh.add(id);
        installTriggers(this.sql, [...this.#tables.values()]);
        setCompared(this.sql, false, this.unmarked);
      });
    }
    this.#numbers = tableNumbers(this.sql);
    this.#byTable = new Map([...this.#numbers].map(([num, id]) => [id, num]));
    this.width = markWidth(this.sql);
    for (const id of notCompared(this.sql)) if (this.#tables.has(id)) this.unmarked.add(id);
    this.#schema = this.connection.schemaVersion();
  }

  /** Runs `work` under the write lock, or throws SQLITE_BUSY at once. */
  write<T>(work: () => T): T {
    this.sql.db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.sql.db.exec('COMMIT');
      return result;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  rollback(): void {
    if (this.sql.db.isTransaction) this.sql.db.exec('ROLLBACK');
  }

  /** Runs `work` with those triggers on these tables taken out that would act although we ignore them. */
  withoutLeaks(tables: Iterable<string>, work: () => void): void {
    const names = new Set([...tables].flatMap((table) => this.#leaks.get(table) ?? []));
    const created: string[] = [];
    for (const name of names) {
      const create = this.sql.one("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?", [name]);
      if (typeof create !== 'string') continue;
      this.sql.db.exec(`DROP TRIGGER ${quoted(name)}`);
      created.push(create);
    }
    work();
    for (const create of created) this.sql.db.exec(create);
    if (created.length > 0) this.#schema = this.connection.schemaVersion();
  }

  #describe(): void {
    const problems: Problem[] = [];
    const tables = new Map<string, Table>();
    this.#rowSql = new Map();
    this.#leaks = new Map();
    const described = describeTables(this.sql, this.#settings);
    for (const table of described) {
      const at = table.key[0]?.at;
      if (table.kind !== 'name' && at !== undefined) {
        this.connection.keyNames.add((table.columns[at]?.name ?? '').toLowerCase());
      }
    }
    for (const table of described) {
      try {
        this.#leaks.set(table.id, this.#leaksOf(table));
        tables.set(table.id, table);
      } catch (error) {
        problems.push(cannotFollow(table, this.connection.path, error));
      }
    }
    this.#tables = tables;
    this.problems = problems;
  }

  /** Prepares what we will run on the table: which triggers would act, and whether this SQLite can write it at all. */
  #leaksOf(table: Table): string[] {
    const { leaking } = this.connection;
    leaking.clear();
    const name = quoted(table.name);
    const columns = table.columns.map((column) => quoted(column.name));
    const key = table.key.map(({ at }) => `${columns[at]} = ?`).join(' AND ');
    const { db } = this.sql;
    db.prepare(`INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`);
    db.prepare(`UPDATE ${name} SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE ${key}`);
    db.prepare(`DELETE FROM ${name} WHERE ${key}`);
    return [...leaking];
  }

  #isMarked(): boolean {
    const marked = new Set(
      this.sql
        .all("SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB '_tieout_*_i'")
        .map(([name]) => name as string),
    );
    let all = markWidth(this.sql) > 0;
    for (const table of this.#tables.values()) {
      const fits = markWidth(this.sql) >= table.key.length;
      if (marked.has(table.name) && fits) continue;
      this.unmarked.add(table.id);
      all = false;
    }
    return all && this.sql.one(`SELECT count(*) FROM sqlite_schema WHERE name = ${literal('_tieout_position')}`) === 1n;
  }
}

function cannotFollow(table: Table, path: string, error: unknown): Problem {
  return {
    code: 'table-not-followed',
    text: `The table ${table.name} cannot be followed: ${(error as Error).message}.`,
    remedy: 'Its edits stay on this computer. The other tables of this database are not affected.',
    path,
  };
}
