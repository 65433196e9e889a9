/**
 * Every number that rows of a table ever had, also one that was written over since: none is given twice, and whoever
 * refers to a former number is found.
 */
import type { RowId } from '../../core/body.ts';
import { numberColumn, rowOfNumber, type Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { covers, type Vector } from '../../core/vector.ts';
import type { RowState } from '../../store/row-state.ts';
import { numbersWritten } from '../mending/row-history.ts';
import { NUMBER } from '../mending/unique-targets.ts';
import type { FoldingBy } from './folding.ts';
import type { Renumbering } from './renumbering.ts';
import { columnId } from './shown.ts';
import { uniqueName } from './unique-values.ts';

/** Stands among the rows that had a number once all of them do. */
const ALL_NUMBERS = '*';

export class EveryNumber {
  readonly #state: RowState;
  readonly #by: FoldingBy;
  readonly #renumbering: Renumbering;
  readonly #recalled = new Map<string, boolean>();

  constructor(state: RowState, by: FoldingBy, renumbering: Renumbering) {
    this.#state = state;
    this.#by = by;
    this.#renumbering = renumbering;
  }

  /** What a change writes to a row: each of its numbers, though another follows before the folding ends. */
  note(table: string, row: RowId, cells: readonly [string, Value][]): void {
    const known = this.#by.tables.get(table);
    const number = known && numberColumn(known);
    if (known === undefined || number === undefined) return;
    const column = columnId(known, number);
    // Whoever took it for a name wrote it nowhere else.
    const named = this.#by.choices.get(table)?.numbered ? this.#renumbering.baseNumber(row) : null;
    if (named !== null) this.#renumbering.claimed(known, named);
    for (const [id, item] of cells) {
      if (id !== column || typeof item !== 'bigint') continue;
      this.#renumbering.claimed(known, item);
      if (this.#isRecalled(table)) this.#state.addUnique(table, NUMBER, numberName(known, item), row);
    }
  }

  /** From now on it is known which rows ever had a number of this table. `folded`: what counts of the log. */
  recall(table: Table, folded: Vector): void {
    if (this.#isRecalled(table.id)) return;
    const { source, database } = this.#by;
    for (const [by, row, number] of numbersWritten(source, database, table)) {
      if (!covers(folded, by.copy, by.seq)) continue;
      this.#state.addUnique(table.id, NUMBER, numberName(table, number), row);
    }
    this.#state.addUnique(table.id, NUMBER, ALL_NUMBERS, rowOfNumber(0n));
    this.#recalled.set(table.id, true);
  }

  /** What was a name, or in a table that was not there, is a number from now on: all that were ever taken count. */
  recallTop(table: Table, folded: Vector): void {
    if (table.kind !== 'number') return;
    for (const row of this.#state.rows(table.id)) {
      const number = this.#renumbering.baseNumber(row);
      if (number !== null) this.#renumbering.claimed(table, number);
    }
    for (const [by, , number] of numbersWritten(this.#by.source, this.#by.database, table)) {
      if (covers(folded, by.copy, by.seq)) this.#renumbering.claimed(table, number);
    }
  }

  #isRecalled(table: string): boolean {
    const known = this.#recalled.get(table);
    if (known !== undefined) return known;
    const found = this.#state.withUnique(table, NUMBER, ALL_NUMBERS).length > 0;
    this.#recalled.set(table, found);
    return found;
  }
}

function numberName(table: Table, number: bigint): string {
  const at = numberColumn(table) as number;
  return uniqueName(table, { columns: [at], collations: ['BINARY'], declared: true }, [number]) as string;
}
