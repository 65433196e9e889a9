/**
 * A second, slow implementation of merged rows, written from the text of the design and not from `src/core/rows`: all
 * changes are looked at as a set, whatever order they came in, and each question is answered by looking at all of them.
 * What the copies show and list is compared with it.
 */
import { type DatabaseBody, namedValue } from '../../src/core/body.ts';
import { namedRowOrKey } from '../../src/core/tables.ts';
import { RawText, RowRef, type Value } from '../../src/core/value.ts';
import type { Vector } from '../../src/core/vector.ts';

export type Made = {
  readonly copy: string;
  readonly seq: number;
  readonly stamp: number;
  /** What its maker had in front of them. */
  readonly seen: Vector;
};

export type Written = {
  readonly by: Made;
  readonly value: Value;
  /** A number that mending gave is nobody's edit. */
  readonly isEdit: boolean;
  /** Nobody's edit, or some deletion of the row had seen it. */
  readonly isDead: boolean;
};

export type ReferenceRow = {
  readonly table: string;
  readonly row: string;
  readonly isAlive: boolean;
  /** Deleted, and kept for those who refer to it. */
  readonly isKept: boolean;
  /** By column: the writes that no other has seen, the shown one first. */
  readonly cells: ReadonlyMap<string, readonly Written[]>;
  /** Deletions that nobody who did something to the row since had seen. */
  readonly deletions: readonly Made[];
};

/** All that was ever said of one row. */
type Spoken = {
  readonly table: string;
  readonly row: string;
  readonly writes: Map<string, Written[]>;
  readonly gone: Made[];
};

/** Has `a` seen `b`? A change sees nothing of itself. */
function sees(a: Made, b: Made): boolean {
  return (a.seen.get(b.copy) ?? 0) >= b.seq;
}

/** The last one wins among those who did not know each other. */
function lastFirst(a: Made, b: Made): number {
  if (a.stamp !== b.stamp) return b.stamp - a.stamp;
  if (a.copy !== b.copy) return a.copy > b.copy ? -1 : 1;
  return b.seq - a.seq;
}

/** All rows that some change speaks of. `inBase` says whether the base has a row. */
export function mergedRows(
  changes: readonly { readonly made: Made; readonly body: Pick<DatabaseBody, 'uses' | 'ops'> }[],
  inBase: (table: string, row: string) => boolean,
): ReferenceRow[] {
  const found = new Map<string, Spoken>();
  for (const { made, body } of changes) {
    for (const [index, op] of body.ops.entries()) {
      const use = body.uses[op.use];
      if (use === undefined) continue;
      const row = namedRowOrKey(op.row ?? `n${index}`, made);
      const place = `${use.table} ${row}`;
      const about: Spoken = found.get(place) ?? { table: use.table, row, writes: new Map(), gone: [] };
      found.set(place, about);
      if (op.kind === 'delete') about.gone.push(made);
      const write = (column: number, value: Value): void => {
        const name = use.columns[column] as string;
        const isEdit = op.kind !== 'number';
        const written = { by: made, value: namedValue(value, made), isEdit, isDead: false };
        about.writes.set(name, [...(about.writes.get(name) ?? []), written]);
      };
      if (op.kind === 'insert') for (const [at, value] of op.values.entries()) write(at, value);
      if (op.kind === 'update') for (const { column, value } of op.cells) write(column, value);
      if (op.kind === 'number') write(op.column, op.to);
    }
  }
  return [...found.values()].map((about) => mergedRow(about, inBase(about.table, about.row)));
}

function mergedRow({ table, row, writes, gone }: Spoken, isInBase: boolean): ReferenceRow {
  const isDead = ({ by, isEdit }: Written): boolean => !isEdit || gone.some((deletion) => sees(deletion, by));
  const cells = new Map<string, Written[]>();
  for (const [column, written] of writes) {
    const standing = written.filter((one) => !written.some((other) => sees(other.by, one.by)));
    const judged = standing.map((one) => ({ ...one, isDead: isDead(one) }));
    cells.set(
      column,
      judged.sort((a, b) => lastFirst(a.by, b.by)),
    );
  }
  const since = [...[...writes.values()].flat().map(({ by }) => by), ...gone];
  return {
    table,
    row,
    cells,
    isKept: false,
    isAlive: (isInBase && gone.length === 0) || [...cells.values()].flat().some((one) => !one.isDead),
    deletions: gone.filter((deletion) => !since.some((made) => sees(made, deletion))).sort(lastFirst),
  };
}

/** A row that another one refers to, by these writes; `byValue`: not by the row itself, but by what is in it. */
export type Reference = {
  readonly table: string;
  readonly row: string;
  readonly by: readonly Made[];
  readonly byValue: boolean;
};

/**
 * Deleted rows to which somebody refers who did not know of it: they are kept, and what they refer to with them. By
 * a value one refers without knowing only if the deletion was not known either.
 */
export function keptRows(
  rows: readonly ReferenceRow[],
  referencesOf: (row: ReferenceRow) => readonly Reference[],
): ReferenceRow[] {
  const byPlace = new Map(rows.map((row) => [`${row.table} ${row.row}`, row]));
  const left = rows.filter(({ isAlive }) => isAlive);
  for (let from = left.pop(); from !== undefined; from = left.pop()) {
    for (const { table, row, by, byValue } of referencesOf(from)) {
      const target = byPlace.get(`${table} ${row}`);
      if (target === undefined || target.isAlive) continue;
      const isUnknown = (write: Made): boolean =>
        target.deletions.every(
          (gone) => nameOf(gone) !== nameOf(write) && !sees(gone, write) && !(byValue && sees(write, gone)),
        );
      if (!from.isKept && !by.some(isUnknown)) continue;
      const kept = { ...target, isAlive: true, isKept: true };
      byPlace.set(`${table} ${row}`, kept);
      left.push(kept);
    }
  }
  return [...byPlace.values()];
}

/** What a person should decide: a line per conflict, without the values that only a database file knows. */
export function conflictsOf(
  rows: readonly ReferenceRow[],
  isNumber: (table: string, column: string) => boolean,
): string[] {
  const found: string[] = [];
  for (const { table, row, isAlive, isKept, cells, deletions } of rows) {
    if (!isAlive) continue;
    // What is kept for others alone cannot be decided upon: it goes with them.
    const against = isKept ? 'nothing' : deletions.map(nameOf).join(' ');
    if (deletions.length > 0) found.push(`row ${table} ${row} against ${against}`);
    for (const [column, writes] of cells) {
      if (isNumber(table, column)) continue;
      const values = new Map<string, Made[]>();
      for (const { by, value } of writes) values.set(textOf(value), [...(values.get(textOf(value)) ?? []), by]);
      if (values.size < 2) continue;
      const sides = [...values.values()].map((by) => by.map(nameOf).join('+'));
      found.push(`cell ${table} ${row} ${column}: ${sides.join(' | ')}`);
    }
  }
  return found.sort();
}

export function nameOf({ copy, seq }: { readonly copy: string; readonly seq: number }): string {
  return `${copy.slice(0, 8)}:${seq}`;
}

/** A value with its kind: 1 and 1.0 and '1' are three. */
export function textOf(value: Value): string {
  if (value === null) return 'NULL';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return `${Object.is(value, -0) ? '-0' : value}r`;
  if (value instanceof RowRef) return `row ${value.row}`;
  if (value instanceof RawText) return `t'${Buffer.from(value.bytes).toString('hex')}'`;
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  return JSON.stringify(value);
}
