/**
 * SQL on users' databases: names quoted, statements prepared once, values exact. Rows are arrays, INTEGER is bigint.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { RawText, RowRef, type Value } from '../../core/value.ts';

export type SqlRow = unknown[];

/** Every name in SQL goes through here. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export class Statements {
  readonly db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const made = this.db.prepare(sql);
    made.setReadBigInts(true);
    made.setReturnArrays(true);
    this.#prepared.set(sql, made);
    return made;
  }

  get(sql: string, values: readonly Value[] = []): SqlRow | undefined {
    return this.prepare(sql).get(...bound(values)) as SqlRow | undefined;
  }

  all(sql: string, values: readonly Value[] = []): SqlRow[] {
    return this.prepare(sql).all(...bound(values)) as unknown as SqlRow[];
  }

  run(sql: string, values: readonly Value[] = []): void {
    this.prepare(sql).run(...bound(values));
  }

  /** One value of a row of PRAGMA and the like. */
  one(sql: string, values: readonly Value[] = []): unknown {
    return this.get(sql, values)?.[0];
  }
}

/** The value as SQL says it. Throws for a reference: only a table knows its number. */
export function constant(item: Value): string {
  if (item === null) return 'NULL';
  if (typeof item === 'bigint') return String(item);
  if (typeof item === 'string') return `(${item.split('\0').map(literal).join(' || char(0) || ')})`;
  if (typeof item !== 'number') {
    if (item instanceof RowRef) throw new TypeError('a reference is no constant');
    const bytes = `x'${Buffer.from(item instanceof RawText ? item.bytes : item).toString('hex')}'`;
    return item instanceof RawText ? `CAST(${bytes} AS TEXT)` : bytes;
  }
  if (Object.is(item, -0)) return '-0.0';
  return Number.isFinite(item) ? `(${item} + 0.0)` : `${item < 0 ? '-' : ''}9e999`;
}

/** What `?` must be written as for these values; text that is not UTF-8 can only be passed as bytes. */
export function parameter(item: Value): string {
  return item instanceof RawText ? 'CAST(? AS TEXT)' : '?';
}

export function hasRawText(values: readonly Value[]): boolean {
  return values.some((item) => item instanceof RawText);
}

function bound(values: readonly Value[]): SQLInputValue[] {
  return values.map((item) => (item instanceof RawText ? item.bytes : item)) as SQLInputValue[];
}
