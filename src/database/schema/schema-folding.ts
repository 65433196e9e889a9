/** What one folding does to the schema: which tables it altered, and what keeps those that somebody dropped. */
import type { DatabaseOp } from '../../core/body.ts';
import type { Origin } from '../../core/rows.ts';
import { keyOfRow, type Table } from '../../core/tables.ts';
import type { Vector } from '../../core/vector.ts';
import type { RowState } from '../../store/row-state.ts';
import { SCHEMA, schemaRow } from './reserved.ts';
import { derivedRow, isDropped, readUses, type Uses, usesRow } from './uses.ts';

interface Dropped {
  readonly table: string;
  readonly column: string;
  readonly by: Origin;
  readonly seen: Vector;
}

/** The tables of which some column, or they themselves, were ever dropped. */
export function tablesWithUses(state: RowState): Set<string> {
  return new Set(
    state.rows(SCHEMA).flatMap((row) => {
      const [kind, table] = keyOfRow(row).map(String);
      return kind === 'use' ? [table as string] : [];
    }),
  );
}

export class SchemaFolding {
  readonly #state: RowState;
  readonly #withUses: ReadonlySet<string>;
  readonly #uses = new Map<string, Uses>();
  readonly #drops: Dropped[] = [];
  readonly #ahead: { readonly table: string; readonly columns: readonly string[]; readonly by: Origin }[] = [];
  readonly #altered = new Set<string>();
  #isIndexed = false;
  #isLate = false;
  #isSpokenOf = false;
  readonly #reconstrained = new Set<string>();

  constructor(state: RowState) {
    this.#state = state;
    this.#withUses = tablesWithUses(state);
  }

  /** Tables for whose rows other constraints hold than before. Complete after `settle`. */
  get reconstrained(): ReadonlySet<string> {
    return this.#reconstrained;
  }

  /** Some table that reasons speak of has another name, or its columns have, or it is gone. */
  get isSpokenOf(): boolean {
    return this.#isSpokenOf;
  }

  /** `ahead`: the rows of the change are folded only later, so that it is noted here what is written to them. */
  note(
    op: DatabaseOp,
    use: { table: string; columns: readonly string[] },
    by: Origin,
    seen: Vector,
    ahead: boolean,
  ): void {
    if (use.table === SCHEMA) this.#noteSchema(op, use.columns, by, seen);
    else if (this.#withUses.has(use.table)) this.#noteUse(use.table, columnsOf(op, use.columns), by);
    else if (ahead) this.#ahead.push({ table: use.table, columns: columnsOf(op, use.columns), by });
  }

  /** The tables stand as the schema says: what holds for their rows is found anew. */
  noteAltered(op: DatabaseOp, use: { table: string }): void {
    if (use.table !== SCHEMA || op.row?.[0] !== 'k') return;
    const [kind, table] = keyOfRow(op.row).map(String);
    if ((kind === 'table' || kind === 'column') && table !== undefined) this.#altered.add(table);
    // A unique index is an object of its own.
    else if (kind === 'index') this.#isIndexed = true;
  }

  addAltered(table: string): void {
    this.#altered.add(table);
  }

  /** Changes of the schema were folded before the tables were brought to it: what holds for all of them is looked at. */
  foldedBefore(): void {
    this.#isLate = true;
  }

  #noteSchema(op: DatabaseOp, columns: readonly string[], by: Origin, seen: Vector): void {
    if (op.kind !== 'update' || op.row[0] !== 'k') return;
    const [kind, table, column = ''] = keyOfRow(op.row).map(String);
    if ((kind !== 'table' && kind !== 'column') || table === undefined) return;
    for (const cell of op.cells) {
      if (columns[cell.column] === 'dropped' && cell.value === 1n) this.#drops.push({ table, column, by, seen });
      // Whoever gives a table another column wants it.
      else if (this.#withUses.has(table)) this.#noteUse(table, [], by);
    }
  }

  #noteUse(table: string, columns: readonly string[], by: Origin): void {
    const uses = this.#usesOf(table);
    uses.used('', by);
    for (const column of columns) uses.used(column, by);
  }

  #usesOf(table: string): Uses {
    const known = this.#uses.get(table);
    if (known) return known;
    const made = readUses(this.#state, table);
    this.#uses.set(table, made);
    return made;
  }

  /** After the rows are put. From the first drop on it is noted who writes to the table; what was before is in its rows. */
  settle(tables: ReadonlyMap<string, Table>): void {
    this.#settleUses();
    if (this.#altered.size === 0 && !this.#isIndexed && !this.#isLate) return;
    const isAltered = (id: string): boolean => this.#altered.has(id) || this.#isIndexed;
    for (const id of this.#altered) {
      const row = schemaRow('constraints', id);
      const before = this.#state.row(SCHEMA, row);
      if (tables.has(id) || before?.cells.get('value')?.[0]?.value === GONE) continue;
      // Its rows keep nothing any more.
      this.#isSpokenOf = true;
      this.#state.putRow(SCHEMA, row, derivedRow(GONE), before);
    }
    for (const table of tables.values()) {
      const row = schemaRow('constraints', table.id);
      const before = this.#state.row(SCHEMA, row);
      const known = before?.cells.get('value')?.[0]?.value;
      const now = constraintsOf(table, isDropped(this.#state.row(SCHEMA, schemaRow('table', table.id))));
      if (known === now || (known === undefined && !isAltered(table.id))) continue;
      this.#isSpokenOf = true;
      if (typeof known !== 'string' || known.split('\n')[0] !== now.split('\n')[0]) this.#reconstrained.add(table.id);
      this.#state.putRow(SCHEMA, row, derivedRow(now), before);
    }
  }

  #settleUses(): void {
    for (const { table, column, by, seen } of this.#drops) {
      const isFirst = !this.#withUses.has(table);
      const uses = this.#usesOf(table);
      if (isFirst) this.#noteRows(table, uses);
      uses.dropped(column, by, seen);
    }
    for (const { table, columns, by } of this.#ahead) {
      if (this.#uses.has(table)) this.#noteUse(table, columns, by);
    }
    for (const [table, uses] of this.#uses) {
      const row = usesRow(table);
      this.#state.putRow(SCHEMA, row, derivedRow(uses.text()), this.#state.row(SCHEMA, row));
    }
  }

  #noteRows(table: string, uses: Uses): void {
    for (const id of this.#state.rows(table)) {
      const row = this.#state.row(table, id);
      for (const deletion of row?.deletions ?? []) uses.used('', deletion);
      for (const [column, writes] of row?.cells ?? []) {
        for (const write of writes) {
          uses.used('', write);
          uses.used(column, write);
        }
      }
    }
    for (const id of this.#state.rows(SCHEMA)) {
      const [kind, of] = keyOfRow(id).map(String);
      if (kind !== 'column' && kind !== 'table') continue;
      if (of !== table) continue;
      for (const [cell, writes] of this.#state.row(SCHEMA, id)?.cells ?? []) {
        for (const write of writes) if (cell !== 'dropped' || write.value !== 1n) uses.used('', write);
      }
    }
  }
}

/** In place of the constraints of a table that is not there. */
const GONE = 'gone';

function columnsOf(op: DatabaseOp, columns: readonly string[]): string[] {
  const named = (index: number): string => columns[index] ?? '';
  if (op.kind === 'insert') return op.values.map((_, index) => named(index));
  if (op.kind === 'update') return op.cells.map(({ column }) => named(column));
  return op.kind === 'number' ? [named(op.column)] : [];
}

/** All by which the rows of a table are mended; after the line end names, by which columns are found in expressions. */
function constraintsOf(table: Table, isDropped: boolean): string {
  const idsOf = (columns: readonly number[]): (string | undefined)[] => columns.map((at) => table.columns[at]?.id);
  const counted = (at: number): unknown => {
    const column = table.columns[at];
    return [column?.id, column?.name, column?.type, column?.counted];
  };
  const names = JSON.stringify([table.name, table.columns.map(({ name }) => name)]);
  const rules = JSON.stringify([
    table.kind,
    idsOf(table.key.map(({ at }) => at)),
    [...table.references].map(([at, target]) => [table.columns[at]?.id, target]),
    // Which of them is counted up is told by names and types.
    table.uniques.map(({ columns, collations }) => [columns.map(counted), collations]),
    table.foreignKeys.map(({ columns, target, to, undeclared }) => [idsOf(columns), target, to, undeclared]),
    table.deletionWins,
    isDropped,
    table.columns.flatMap(({ id, notNull }) => (notNull ? [id] : [])),
  ]);
  return `${rules}\n${names}`;
}
