/**
 * Rows that are mended as if they were new, because other constraints, references or settings hold for them than when
 * they were mended last.
 */
import type { RowId } from '../../core/body.ts';
import { ABSENT, type Row } from '../../core/rows.ts';
import { numberColumn, type Table } from '../../core/tables.ts';
import type { MendedRows } from '../mending/mended-rows.ts';
import { rowFor, writesTo } from '../mending/row-history.ts';
import { referredUniques } from '../mending/unique-targets.ts';
import type { SchemaFolding } from '../schema/schema-folding.ts';
import type { ChosenAnew } from '../settings/mended-by.ts';
import type { Renumbering } from './renumbering.ts';
import type { Touched } from './touched.ts';
import { itemsOf, uniqueName } from './unique-values.ts';

/** As it was: for whoever places it, and when its number was noted last. */
interface Before {
  readonly before: Row | undefined;
  readonly noted: Row | undefined;
}

export class RowsAnew {
  readonly #rows: MendedRows;
  readonly #renumbering: Renumbering;
  readonly #follow: (table: string, row: RowId, column: string) => void;
  readonly #tables = new Set<string>();
  readonly #befores = new Map<Touched, Before>();

  /** `follow`: writes a row anew because what this column of it refers to has moved. */
  constructor(rows: MendedRows, renumbering: Renumbering, follow: (table: string, row: RowId, column: string) => void) {
    this.#rows = rows;
    this.#renumbering = renumbering;
    this.#follow = follow;
  }

  /** All rows of the table. */
  add(table: string): void {
    this.#tables.add(table);
  }

  /** Touches them, and what was mended or deleted anywhere; what they were before is put back at the end. */
  touch({ reconstrained, isSpokenOf }: SchemaFolding, chosen: readonly ChosenAnew[]): void {
    for (const { table } of chosen) this.#tables.add(table.id);
    const anew = new Set([...this.#tables, ...reconstrained].flatMap((id) => [id, ...this.#targets(id)]));
    if (anew.size > 0 || isSpokenOf) this.#touchAll(anew);
    this.#recallUniques(anew);
    for (const each of chosen) this.#touchRereferred(each);
  }

  /** Rows of the base that refer, and that nobody wrote, are found by what they refer to. */
  #targets(id: string): string[] {
    return this.#rows.tables.get(id)?.foreignKeys.map(({ target }) => target) ?? [];
  }

  /** The row as its number was noted last; undefined where it is not mended anew. */
  noted(touched: Touched): Row | undefined {
    return this.#befores.get(touched)?.noted;
  }

  putBack(): void {
    for (const [touched, { before }] of this.#befores) touched.before = before;
  }

  #touchAll(anew: ReadonlySet<string>): void {
    const { tables, state } = this.#rows;
    for (const [table, known] of tables) {
      if (anew.has(table) && numberColumn(known) !== undefined) this.#renumbering.forgetAll(known);
      for (const row of state.rows(table)) {
        const now = this.#rows.row(table, row);
        if (!anew.has(table) && now?.mend === undefined && now?.deletions.length === 0) continue;
        const touched = this.#rows.touch(table, row);
        touched.edited = touched.now;
        this.#befores.set(touched, { before: touched.before, noted: touched.stored ?? touched.before });
        // Nothing says that a row of the base had been there as it was: it may have come back only now.
        touched.before = touched.now.base ? ABSENT : undefined;
        touched.stored = undefined;
      }
    }
  }

  /**
   * An index has another place among others, or is new: who referred by it meant rows by values that they may have no
   * longer. What they have now is noted again with their claims, but who is kept is found before that.
   */
  #recallUniques(anew: ReadonlySet<string>): void {
    const { tables, state, base } = this.#rows;
    for (const [id, places] of referredUniques(tables)) {
      const table = anew.has(id) ? tables.get(id) : undefined;
      for (const row of table === undefined ? [] : state.rows(id)) {
        for (const view of this.#views(table as Table, row)) {
          for (const place of places) {
            const unique = table?.uniques[place];
            const name = table && unique && uniqueName(table, unique, itemsOf(table, unique, base, row, view));
            if (name) state.addUnique(id, place, name, row);
          }
        }
      }
    }
  }

  /** As it is, and as each of those who ever wrote to it had it in front of him. */
  #views(table: Table, row: RowId): Row[] {
    const merged = this.#rows.merged(table, row);
    const writes = writesTo(this.#rows, table, row, merged);
    return [merged, ...(writes.length > 1 ? writes.map(({ by }) => rowFor(this.#rows, table, row, by)) : [])];
  }

  /** Columns that begin or cease to be references: whatever number is in them may be another one now. */
  #touchRereferred({ table, columns }: ChosenAnew): void {
    if (columns.size === 0) return;
    for (const row of this.#rows.state.rows(table.id)) {
      const touched = this.#rows.touch(table.id, row);
      for (const column of columns.keys()) touched.columns.add(column);
      touched.unknown = new Set(columns.keys());
    }
    for (const [column, targets] of columns) {
      for (const target of targets) this.#followMovedBase(table, column, target);
    }
  }

  #followMovedBase(table: Table, column: string, target: string): void {
    const { state, base } = this.#rows;
    const at = table.columns.findIndex(({ id }) => id === column);
    if (at < 0 || !state.movedBase(target)) return;
    for (const row of state.rows(target)) {
      const number = this.#renumbering.baseNumber(row);
      for (const child of number === null ? [] : base.referring(table, at, number)) {
        this.#follow(table.id, child, column);
      }
    }
  }
}
