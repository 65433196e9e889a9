/**
 * Rows that come back, and whose number somebody else's row has got meanwhile: they get the next that is free, as of any
 * two rows with one number the later does, and what refers to them comes back with that.
 */
import type { RowId } from '../../core/body.ts';
import { LAST_NUMBER } from '../../core/numbers.ts';
import { numberColumn, type Table } from '../../core/tables.ts';
import type { OpenFile } from '../file/open-file.ts';
import { literal } from '../file/sql.ts';
import { forwarding, type Shown } from '../folding/shown.ts';
import type { PutBack } from './putting-back.ts';

/** `shown` as it is once the rows of these steps have numbers that are free; itself where all are. */
export function withFreeNumbers(file: OpenFile, shown: Shown, steps: readonly PutBack[]): Shown {
  const given = new Map<string, Map<RowId, bigint>>();
  for (const step of steps) {
    const { table, row } = step;
    const number = numberIn(step);
    if (number === null || shown.isThere(table, row)) continue;
    const other = shown.rowAt(table, number);
    const its = steps.find((each) => each.table.id === table.id && each.row === other);
    // Whoever has it may go away, or to another number, himself.
    if (other === null || (its !== undefined && numberIn(its) !== number)) continue;
    const ofTable = given.get(table.id) ?? new Map<RowId, bigint>();
    const free = topOf(file, table, steps) + BigInt(ofTable.size) + 1n;
    // Where there is none it is refused like any other.
    if (free <= LAST_NUMBER) given.set(table.id, ofTable.set(row, free));
  }
  if (given.size === 0) return shown;
  const { view } = shown;
  return shown.over({
    ...forwarding(view),
    movedTo: (table, row) => given.get(table)?.get(row) ?? view.movedTo(table, row),
    movedBase: (table) => given.has(table) || view.movedBase(table),
  });
}

function numberIn({ table, target }: PutBack): bigint | null {
  const at = numberColumn(table);
  const number = at === undefined ? null : target?.[at];
  return typeof number === 'bigint' ? number : null;
}

/** The highest number that the table has, had where SQLite keeps it, or gets by one of the steps. */
function topOf(file: OpenFile, table: Table, steps: readonly PutBack[]): bigint {
  const { sql } = file;
  const at = numberColumn(table) as number;
  const all = [
    file.sqlOf(table).highest(at, [], [], []),
    ...steps.filter((each) => each.table.id === table.id).map(numberIn),
  ];
  if (sql.one("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence')") === 1n)
    all.push(sql.one(`SELECT seq FROM sqlite_sequence WHERE name = ${literal(table.name)}`) ?? null);
  return all.reduce<bigint>((top, each) => (typeof each === 'bigint' && each > top ? each : top), 0n);
}
