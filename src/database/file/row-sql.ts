/**
 * The statements that read and write rows of one table by their key, built once per table. The key is compared with its
 * own collation, so that the index serves it and a folded key finds its row.
 */
import type { Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { type Encoding, exactValues } from './exact.ts';
import { hasRawText, parameter, quoted, type SqlRow, type Statements } from './sql.ts';

export class RowSql {
  readonly table: Table;
  readonly #sql: Statements;
  readonly #encoding: Encoding;
  readonly #names: readonly string[];
  readonly #from: string;
  readonly #where: string;
  readonly #read: string;
  /** Put together once: the statement is found by this very text. */
  readonly #readByKey: string;
  readonly #updates = new Map<string, string>();

  /** `columns`: the SQL expression for each of the table's columns, where it is not its name (a base may lack some). */
  constructor(sql: Statements, table: Table, encoding: Encoding, columns?: readonly string[]) {
    this.table = table;
    this.#sql = sql;
    this.#encoding = encoding;
    this.#names = columns ?? table.columns.map(({ name }) => quoted(name));
    this.#from = quoted(table.name);
    this.#where = this.#condition([]);
    this.#read = `SELECT ${this.#names.join(', ')} FROM ${this.#from} WHERE `;
    this.#readByKey = this.#read + this.#where;
  }

  /** The row's values, aligned with the table's columns. */
  read(key: readonly Value[]): Value[] | undefined {
    const raw = hasRawText(key);
    const row = this.#sql.get(raw ? this.#read + this.#condition(key) : this.#readByKey, key);
    return row && exactValues(row, 0, this.#encoding, () => this.#bytes(key));
  }

  has(key: readonly Value[]): boolean {
    const where = hasRawText(key) ? this.#condition(key) : this.#where;
    return this.#sql.get(`SELECT 1 FROM ${this.#from} WHERE ${where}`, key) !== undefined;
  }

  /** The keys of the rows that hold `items` in these columns. */
  keysWhere(columns: readonly number[], items: readonly Value[], collations: readonly string[] = []): Value[][] {
    const names = this.table.key.map((key) => this.#names[key.at]).join(', ');
    const where = this.#whereAll(columns, items, collations);
    return this.#sql.all(`SELECT ${names} FROM ${this.#from} WHERE ${where}`, items) as Value[][];
  }

  /** The keys of the rows for which these expressions have these values. */
  keysAsked(
    parts: readonly string[],
    items: readonly Value[],
    collations: readonly string[],
    where: string | null,
  ): Value[][] {
    const names = this.table.key.map((key) => this.#names[key.at]).join(', ');
    const same = parts.map(
      (part, index) => `(${part})${collate(collations[index])} = ${parameter(items[index] ?? null)}`,
    );
    const all = [...same, ...(where === null ? [] : [`(${where})`])].join(' AND ');
    return this.#sql.all(`SELECT ${names} FROM ${this.#from} WHERE ${all}`, items) as Value[][];
  }

  /** The highest value of a column among the rows that hold `items` in these. */
  highest(at: number, columns: readonly number[], items: readonly Value[], collations: readonly string[]): unknown {
    const where = columns.length === 0 ? 'true' : this.#whereAll(columns, items, collations);
    return this.#sql.one(`SELECT max(${this.#names[at]}) FROM ${this.#from} WHERE ${where}`, items);
  }

  #whereAll(columns: readonly number[], items: readonly Value[], collations: readonly string[]): string {
    return columns
      .map((at, index) => `${this.#names[at]}${collate(collations[index])} = ${parameter(items[index] ?? null)}`)
      .join(' AND ');
  }

  /** All rows in the order of the table. */
  *scan(): Generator<Value[]> {
    const sql = `SELECT ${this.#names.join(', ')} FROM ${this.#from}`;
    for (const found of this.#sql.prepare(sql).iterate()) {
      const row = found as unknown as SqlRow;
      const key = this.table.key.map(({ at }) => row[at] as Value);
      yield exactValues(row, 0, this.#encoding, () => this.#bytes(key));
    }
  }

  rowid(key: readonly Value[]): bigint | null {
    if (this.table.rowid === null) return null;
    const where = this.#condition(key);
    return (this.#sql.get(`SELECT ${quoted(this.table.rowid)} FROM ${this.#from} WHERE ${where}`, key)?.[0] ?? null) as
      | bigint
      | null;
  }

  delete(key: readonly Value[]): void {
    this.#sql.run(`DELETE FROM ${this.#from} WHERE ${this.#condition(key)}`, key);
  }

  update(key: readonly Value[], columns: readonly number[], values: readonly Value[]): void {
    const all = [...values, ...key];
    this.#sql.run(hasRawText(all) ? this.#updateSql(columns, values, key) : this.#knownUpdate(columns), all);
  }

  /** `rowid`: where the table has one beside its key and the row had it before. No value: what SQLite gives the column. */
  insert(values: readonly (Value | undefined)[], rowid: bigint | null): void {
    const withRowid = rowid !== null && this.table.rowid !== null;
    const isWhole = !values.includes(undefined);
    const given = isWhole ? this.#names : this.#names.filter((_, at) => values[at] !== undefined);
    const names = withRowid ? [...given, quoted(this.table.rowid as string)] : given;
    const known = (isWhole ? values : values.filter((item) => item !== undefined)) as readonly Value[];
    const all = withRowid ? [...known, rowid] : known;
    this.#sql.run(`INSERT INTO ${this.#from} (${names.join(', ')}) VALUES (${all.map(parameter).join(', ')})`, all);
  }

  #condition(key: readonly Value[]): string {
    return this.table.key
      .map(({ at, collation }, index) => {
        const name = quoted(this.table.columns[at]?.name as string);
        return `${name}${collate(collation)} = ${parameter(key[index] ?? null)}`;
      })
      .join(' AND ');
  }

  #bytes(key: readonly Value[]): SqlRow | undefined {
    const casts = this.#names.map((name) => `CAST(${name} AS BLOB)`).join(', ');
    return this.#sql.get(`SELECT ${casts} FROM ${this.#from} WHERE ${this.#condition(key)}`, key);
  }

  #knownUpdate(columns: readonly number[]): string {
    const name = columns.join();
    const known = this.#updates.get(name);
    if (known !== undefined) return known;
    const made = this.#updateSql(columns, [], []);
    this.#updates.set(name, made);
    return made;
  }

  #updateSql(columns: readonly number[], values: readonly Value[], key: readonly Value[]): string {
    const sets = columns.map((at, index) => `${this.#names[at]} = ${parameter(values[index] ?? null)}`);
    return `UPDATE ${this.#from} SET ${sets.join(', ')} WHERE ${this.#condition(key)}`;
  }
}

function collate(collation = 'BINARY'): string {
  return collation === 'BINARY' ? '' : ` COLLATE ${quoted(collation)}`;
}
