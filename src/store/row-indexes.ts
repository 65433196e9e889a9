/**
 * What mending and listing look up besides the rows themselves: who claims a number, who refers to a row, who has or
 * watches a unique value, who ever wrote to a row. All of it is derived from the rows.
 */
import type { RowId } from '../core/body.ts';
import type { ChangeId } from '../core/change.ts';
import type { CopyId } from '../core/vector.ts';
import { type RowPlace, RowTables, rowBytes, rowId } from './row-tables.ts';

export class RowIndexes extends RowTables {
  top(table: string): bigint | null {
    return this.known.get(table)?.top ?? null;
  }

  raiseTop(table: string, number: bigint): void {
    const entry = this.tableOf(table);
    if (entry.top !== null && entry.top >= number) return;
    entry.top = number;
    this.run('UPDATE source_table SET top = ? WHERE num = ?', number, entry.num);
  }

  /** Whether some row of the base has been given another number. */
  movedBase(table: string): boolean {
    return this.known.get(table)?.movedBase ?? false;
  }

  setMovedBase(table: string): void {
    const entry = this.tableOf(table);
    if (entry.movedBase) return;
    entry.movedBase = true;
    this.run('UPDATE source_table SET moved_base = 1 WHERE num = ?', entry.num);
  }

  claim(table: string, number: bigint, row: RowId): void {
    this.tableOf(table).claimed = true;
    this.run(
      'INSERT INTO claim VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      this.tableOf(table).num,
      number,
      rowBytes(row),
    );
  }

  unclaim(table: string, number: bigint, row: RowId): void {
    this.run(
      'DELETE FROM claim WHERE tbl = ? AND number = ? AND id = ?',
      this.tableOf(table).num,
      number,
      rowBytes(row),
    );
  }

  /** Nobody claims a number of the table: all its rows are noted anew. */
  unclaimAll(table: string): void {
    this.run('DELETE FROM claim WHERE tbl = ?', this.tableOf(table).num);
  }

  claims(table: string, number: bigint): RowId[] {
    const entry = this.known.get(table);
    if (entry === undefined || !entry.claimed) return [];
    const found = this.all('SELECT id FROM claim WHERE tbl = ? AND number = ?', entry.num, number);
    return found.map(([id]) => rowId(id as Uint8Array));
  }

  /** The number that a row is shown with where it is not the one that it claims. */
  movedTo(table: string, row: RowId): bigint | undefined {
    const entry = this.known.get(table);
    if (entry === undefined || entry.moved === 0) return undefined;
    const found = this.get('SELECT number FROM moved WHERE tbl = ? AND id = ?', entry.num, rowBytes(row));
    return found?.[0] as bigint | undefined;
  }

  movedAt(table: string, number: bigint): RowId | undefined {
    const entry = this.known.get(table);
    if (entry === undefined || entry.moved === 0) return undefined;
    const found = this.get('SELECT id FROM moved WHERE tbl = ? AND number = ?', entry.num, number);
    return found && rowId(found[0] as Uint8Array);
  }

  /** All moved rows of a table, or those that claim one number. */
  moved(table: string, claimed?: bigint): { row: RowId; claimed: bigint; number: bigint }[] {
    const entry = this.known.get(table);
    if (entry === undefined) return [];
    const sql = 'SELECT id, claimed, number FROM moved WHERE tbl = ?';
    const found =
      claimed === undefined ? this.all(sql, entry.num) : this.all(`${sql} AND claimed = ?`, entry.num, claimed);
    return found.map(([id, of, number]) => ({
      row: rowId(id as Uint8Array),
      claimed: of as bigint,
      number: number as bigint,
    }));
  }

  putMoved(table: string, row: RowId, claimed: bigint, number: bigint): void {
    const sql = 'INSERT INTO moved VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET claimed = ?3, number = ?4';
    const entry = this.tableOf(table);
    if (this.movedTo(table, row) === undefined) entry.moved += 1;
    this.run(sql, entry.num, rowBytes(row), claimed, number);
  }

  unmove(table: string, row: RowId): void {
    const entry = this.tableOf(table);
    entry.moved -= Number(this.run('DELETE FROM moved WHERE tbl = ? AND id = ?', entry.num, rowBytes(row)).changes);
  }

  addReference(to: RowPlace, from: RowPlace): void {
    const sql = 'INSERT INTO reference VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
    this.run(sql, this.tableOf(to.table).num, rowBytes(to.row), this.tableOf(from.table).num, rowBytes(from.row));
  }

  /** May name rows that no longer refer to it. */
  referrers({ table, row }: RowPlace): RowPlace[] {
    const entry = this.known.get(table);
    if (entry === undefined) return [];
    return this.places('SELECT from_tbl, from_id FROM reference WHERE tbl = ? AND id = ?', entry.num, rowBytes(row));
  }

  addUnique(table: string, place: number, name: string, row: RowId): void {
    const sql = 'INSERT INTO unique_value VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
    this.run(sql, this.tableOf(table).num, place, name, rowBytes(row));
  }

  /** May name rows that have another value by now. */
  withUnique(table: string, place: number, name: string): RowId[] {
    const entry = this.known.get(table);
    if (entry === undefined) return [];
    const sql = 'SELECT id FROM unique_value WHERE tbl = ? AND place = ? AND name = ?';
    return this.all(sql, entry.num, place, name).map(([id]) => rowId(id as Uint8Array));
  }

  /** Those whose name begins so, highest first. */
  *uniqueNames(table: string, place: number, prefix: string): Generator<{ name: string; row: RowId }> {
    const entry = this.known.get(table);
    if (entry === undefined) return;
    const sql =
      'SELECT name, id FROM unique_value WHERE tbl = ? AND place = ? AND name >= ? AND name < ? ORDER BY name DESC, id';
    for (const found of this.prepare(sql).iterate(entry.num, place, prefix, `${prefix}~`)) {
      const [name, id] = found as unknown as unknown[];
      yield { name: name as string, row: rowId(id as Uint8Array) };
    }
  }

  watch(table: string, place: number, name: string, row: RowId): void {
    const entry = this.tableOf(table);
    const sql = 'INSERT INTO watch VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
    entry.watching += Number(this.run(sql, entry.num, place, name, rowBytes(row)).changes);
  }

  unwatch(table: string, row: RowId): void {
    const entry = this.tableOf(table);
    if (entry.watching === 0) return;
    entry.watching -= Number(this.run('DELETE FROM watch WHERE tbl = ? AND id = ?', entry.num, rowBytes(row)).changes);
  }

  isWatching(table: string): boolean {
    return (this.known.get(table)?.watching ?? 0) > 0;
  }

  /** Rows whose mend depends on who has this value. */
  watchers(table: string, place: number, name: string): RowId[] {
    const entry = this.known.get(table);
    if (entry === undefined || entry.watching === 0) return [];
    const sql = 'SELECT id FROM watch WHERE tbl = ? AND place = ? AND name = ?';
    return this.all(sql, entry.num, place, name).map(([id]) => rowId(id as Uint8Array));
  }

  /** Whether it is known which changes wrote to the rows of a table: few tables are ever asked for it. */
  remembers(table: string): boolean {
    return this.known.get(table)?.remembered ?? false;
  }

  /** From now on it is known: all that were until now have been added. */
  setRemembers(table: string): void {
    const entry = this.tableOf(table);
    entry.remembered = true;
    this.run('UPDATE source_table SET remembered = 1 WHERE num = ?', entry.num);
  }

  /** A change wrote to the row; its write need not stand any longer. */
  addPast(table: string, row: RowId, { copy, seq }: ChangeId): void {
    const entry = this.tableOf(table);
    const maker = this.naming(entry).maker(copy);
    this.run('INSERT INTO past VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING', entry.num, rowBytes(row), maker, seq);
  }

  /** Those changes, in no order. */
  past(table: string, row: RowId): ChangeId[] {
    const entry = this.known.get(table);
    if (entry === undefined) return [];
    const found = this.all('SELECT maker, seq FROM past WHERE tbl = ? AND id = ?', entry.num, rowBytes(row));
    return found.map(([maker, seq]) => ({ copy: this.copies[Number(maker)] as CopyId, seq: Number(seq) }));
  }
}
