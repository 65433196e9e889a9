/**
 * Rows without a key are told apart by SQLite's rowid, and VACUUM (or a rebuilt table) may give them others. Nobody sees
 * these numbers, so nothing travels: the rows are recognised by what is in them and get their numbers back here.
 */
import { encode, list } from '../../core/codec.ts';
import { LAST_NUMBER } from '../../core/numbers.ts';
import type { Table } from '../../core/tables.ts';
import { type Value, value } from '../../core/value.ts';
import { addMark, dropMarksAfter, markedNumbers } from '../file/marks.ts';
import type { OpenFile } from '../file/open-file.ts';
import { quoted } from '../file/sql.ts';
import type { Shown } from '../folding/shown.ts';
import { shownByNumber } from './comparing-tables.ts';

const content = list(value, 32_767);

/** What a row holds, without its number and what is left out. */
export function contentOf({ columns }: Table, values: readonly Value[]): string {
  const own = values.filter((_, at) => at > 0 && !columns[at]?.left);
  return Buffer.from(encode(content, own)).toString('latin1');
}

/** Hidden tables in which a row that nobody marked since `mark` is not what is shown at its number, or not there. */
export function misnumbered(file: OpenFile, shown: Shown, mark: number): Table[] {
  return [...file.tables.values()].filter(
    (table) => table.kind === 'hidden' && !table.left && isMisnumbered(file, shown, table, mark),
  );
}

function isMisnumbered(file: OpenFile, shown: Shown, table: Table, mark: number): boolean {
  const marked = markedNumbers(file.sql, file.numberOf(table), mark);
  for (const actual of file.sqlOf(table).scan()) {
    const number = actual[0] as bigint;
    if (marked.has(number)) continue;
    const row = shown.rowAt(table, number);
    const known = row === null ? null : shown.values(table, row);
    if (known === null || contentOf(table, known) !== contentOf(table, actual)) return true;
  }
  const sql = file.sqlOf(table);
  return shownByNumber(shown, table).some(({ number }) => !marked.has(number) && !sql.has([number]));
}

/**
 * Gives the rows their numbers back, under the write lock. What is not recognised counts as inserted, what is missing as
 * deleted: the marks of this table are replaced by these.
 */
export function renumber(file: OpenFile, shown: Shown, table: Table, mark: number): void {
  const known = new Map<string, bigint[]>();
  let [low, top] = [0n, 0n];
  for (const { number, values } of shownByNumber(shown, table)) {
    const key = contentOf(table, values);
    known.set(key, [...(known.get(key) ?? []), number]);
    if (number > top) top = number;
    if (number < low) low = number;
  }
  const moves: { from: bigint; to: bigint }[] = [];
  const strange: bigint[] = [];
  for (const actual of file.sqlOf(table).scan()) {
    const from = actual[0] as bigint;
    const to = known.get(contentOf(table, actual))?.shift();
    if (to === undefined) strange.push(from);
    else if (to !== from) moves.push({ from, to });
    if (from > top) top = from;
    if (from < low) low = from;
  }
  const fresh = strange.map((from) => ({ from, to: top < LAST_NUMBER ? ++top : --low }));
  file.withoutLeaks([table.id], () => move(file, table, [...moves, ...fresh]));
  const num = file.numberOf(table);
  dropMarksAfter(file.sql, num, mark);
  for (const numbers of known.values()) for (const number of numbers) addMark(file.sql, num, 'd', [number]);
  for (const { to } of fresh) addMark(file.sql, num, 'i', [to]);
}

/** By way of numbers that no row has, because the old and the new ones overlap. */
function move(file: OpenFile, table: Table, moves: readonly { from: bigint; to: bigint }[]): void {
  const [name, rowid] = [quoted(table.name), quoted(table.columns[0]?.name as string)];
  const sql = `UPDATE ${name} SET ${rowid} = ? WHERE ${rowid} = ?`;
  const low = file.sql.one(`SELECT min(${rowid}) FROM ${name}`);
  const below = (typeof low === 'bigint' && low < 0n ? low : 0n) - 1n;
  for (const [index, { from }] of moves.entries()) file.sql.run(sql, [below - BigInt(index), from]);
  for (const [index, { to }] of moves.entries()) file.sql.run(sql, [to, below - BigInt(index)]);
}
