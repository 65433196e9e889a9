/** The rows of one folding while they are mended: merged already, and shown in the end as they are mended here. */
import type { ReadBody, RowId } from '../../core/body.ts';
import { type ChangeId, sameChange } from '../../core/change.ts';
import type { Mend, Row } from '../../core/rows.ts';
import type { Table } from '../../core/tables.ts';
import { covers, type Vector } from '../../core/vector.ts';
import type { RowPlace, RowState } from '../../store/row-state.ts';
import type { BaseFile } from '../folding/base-file.ts';
import type { Shown } from '../folding/shown.ts';
import type { SourceChange } from '../folding/source.ts';
import type { Touched, TouchedStore } from '../folding/touched.ts';

export interface MendedRows {
  readonly state: RowState;
  readonly base: BaseFile;
  readonly tables: ReadonlyMap<string, Table>;
  readonly touched: TouchedStore['tables'];
  /** Rows to whose values, by which others may refer, another row was written. */
  readonly followed: Iterable<RowPlace>;
  /** As it is now; undefined: nobody has written to it. */
  row(table: string, row: RowId): Row | undefined;
  merged(table: Table, row: RowId): Row;
  touch(table: string, row: RowId): Touched;
  mend(table: string, row: RowId, mend: Mend): void;
  change(id: ChangeId): { change: SourceChange; body: ReadBody };
  /** What the maker of a change had seen of this database. */
  seenBy(change: ChangeId): Vector;
  /** The changes that wrote to a row or deleted it and that are superseded, at least. */
  past(table: string, row: RowId): readonly ChangeId[];
  /** From now on it is known which rows ever had a number of this table (`NUMBER`). */
  recallNumbers(table: Table): void;
  after(): Shown;
}

/** Had whoever made `one` seen `other`, or is it the same change? */
export function knows(rows: MendedRows, one: ChangeId, other: ChangeId): boolean {
  return sameChange(one, other) || covers(rows.seenBy(one), other.copy, other.seq);
}
