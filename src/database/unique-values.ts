/**
 * Who has a value that CREATE UNIQUE INDEX keeps unique. REPLACE deletes such a row without running a trigger, and our
 * triggers must not name its columns (SQLite would refuse to drop them later), so capture looks for it.
 */
import { sha256 } from '../core/bytes.ts';
import { encode, list } from '../core/codec.ts';
import { type Row, winner } from '../core/rows.ts';
import { canonicalKey, type Table, type Unique } from '../core/tables.ts';
import { RowRef, type Value, value } from '../core/value.ts';
import type { BaseFile } from './base-file.ts';
import { columnId } from './shown.ts';

const values = list(value, 64);

/** One name for all values that the index holds to be equal; null where it allows many. */
export function uniqueName(unique: Unique, items: readonly Value[]): string | null {
  if (items.some((item) => item === null || item instanceof RowRef)) return null;
  const canonical = items.map((item, index) => canonicalKey(item, unique.collations[index] ?? 'BINARY'));
  return sha256(encode(values, canonical)).slice(0, 16);
}

/** The names of a merged row, by the index's place among the table's. Only those that a write had a part in. */
export function* namesOf(
  table: Table,
  base: BaseFile,
  row: string,
  now: Row,
): Generator<[place: number, name: string]> {
  for (const [place, unique] of table.uniques.entries()) {
    if (unique.declared || !unique.columns.some((at) => now.cells.has(columnId(table, at)))) continue;
    const inBase = now.base ? base.read(table, row) : undefined;
    const name = uniqueName(
      unique,
      unique.columns.map((at) => winner(now, columnId(table, at))?.value ?? inBase?.[at] ?? null),
    );
    if (name !== null) yield [place, name];
  }
}
