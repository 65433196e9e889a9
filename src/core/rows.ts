/**
 * Merging: rows of cells, each cell with the writes that no other write has superseded. A pure function of the set of
 * changes: whatever causal order they are folded in, the state is the same.
 *
 * What a write supersedes is what its maker had in front of it (`Seen`), never what has a lower stamp. Changes are
 * folded after all that they have seen, so a write that is folded now cannot have been superseded by one that is
 * already here.
 */
import { type ChangeId, sameChange } from './change.ts';
import type { Stamp } from './clock.ts';
import { sameValue, type Value } from './value.ts';
import { covers, type Vector } from './vector.ts';

/** Had the maker of a change this write in front of it? */
export type Seen = (write: ChangeId) => boolean;

export type Origin = ChangeId & { readonly stamp: Stamp };

export type Write = Origin & {
  readonly value: Value;
  /** Some deletion of the row had seen this write: it does not keep the row alive. */
  readonly dead: boolean;
  /** It is a number that mending gave, written down by the row's own copy; absent for nearly all. */
  readonly numbered?: Numbered;
};

/** What a number was before, and the row because of which it became another one. */
export type Numbered = { readonly from: Value; readonly because: string };

export type Row = {
  /** The row is in the base content, with values there for cells that nobody wrote. */
  readonly base: boolean;
  /** Some deletion covered the base content of the row. */
  readonly baseDead: boolean;
  /** Only columns that were written since the base; highest write first. */
  readonly cells: ReadonlyMap<string, readonly Write[]>;
  /** The deletions that no later write or deletion has seen. */
  readonly deletions: readonly Origin[];
  /** How the row is shown otherwise than it was merged; absent for nearly all. */
  readonly mend?: Mend;
  /** Two people who did not know of each other once wrote to this row; absent for nearly all. */
  readonly mixed?: true;
};

/** What mending did to a row: computed from the merged rows, never written as a change. */
export type Mend = {
  /** Deleted, and kept because a living row refers to it by a write that did not know, and was not known. */
  readonly kept: boolean;
  /** Deleted, and its table is set so that no edit made without knowledge of that keeps a row. */
  readonly overruled: boolean;
  /** A constraint that keeps the row out of its table. */
  readonly withheld: Withheld | null;
  /** The cells of several people together break a check: the row is shown as one of them had it. */
  readonly whole: readonly WholeRow[];
  /** Cells that are shown with another value, after that. */
  readonly cells: ReadonlyMap<string, MendedCell>;
};

/** A row as one writer had it in front of him: the cells that differ from what is merged. The first is shown. */
export type WholeRow = { readonly by: Origin; readonly cells: ReadonlyMap<string, Value> };

export type Withheld = {
  readonly reason: string;
  /** Only because a row that it refers to is withheld. */
  readonly through: boolean;
};

export type MendedCell = {
  readonly value: Value;
  /** The row that has the value which was written here. */
  readonly because: string;
};

export const UNMENDED: Mend = { kept: false, overruled: false, withheld: null, whole: [], cells: new Map() };

export const ABSENT: Row = { base: false, baseDead: false, cells: new Map(), deletions: [] };
export const IN_BASE: Row = { ...ABSENT, base: true };

/** A change for a database has seen a vector, and its maker's own earlier changes are part of it. */
export function seenVector(vector: Vector): Seen {
  return ({ copy, seq }) => covers(vector, copy, seq);
}

/** A write to the registry names the writes that it replaces. */
export function seenWrites(over: readonly ChangeId[]): Seen {
  return (by) => over.some((write) => sameChange(write, by));
}

/** Which of two writes that do not know each other is shown: by stamp, then copy, then number. Positive: `a`. */
export function compareOrigins(a: Origin, b: Origin): number {
  if (a.stamp !== b.stamp) return a.stamp - b.stamp;
  if (a.copy !== b.copy) return a.copy < b.copy ? -1 : 1;
  return a.seq - b.seq;
}

/** `numbered`: the write is nobody's edit (a number that mending gave) and keeps no row alive. */
export function foldWrite(
  row: Row,
  by: Origin,
  cells: readonly (readonly [string, Value])[],
  seen: Seen,
  numbered?: Numbered,
): Row {
  const dead = numbered !== undefined;
  const next = new Map(row.cells);
  for (const [column, value] of cells) next.set(column, writeCell(next.get(column), by, value, seen, numbered));
  const deletions = dead ? row.deletions : row.deletions.filter((deletion) => !seen(deletion));
  const { base, baseDead, mend } = row;
  const merged: Row = { base, baseDead, cells: next, deletions };
  const written =
    row.mixed || (cells.length > 0 && hasUnseen(row, seen)) ? { ...merged, mixed: true as const } : merged;
  return mend === undefined ? written : withMend(written, mendAfter(mend, cells, dead));
}

function hasUnseen(row: Row, seen: Seen): boolean {
  for (const writes of row.cells.values()) for (const write of writes) if (!seen(write)) return true;
  return false;
}

/** What was written is there as it was written, until mending says otherwise again. */
function mendAfter(mend: Mend, cells: readonly (readonly [string, Value])[], dead: boolean): Mend {
  const left = new Map(mend.cells);
  for (const [column] of cells) left.delete(column);
  const whole = mend.whole.map(({ by, cells: of }) => ({ by, cells: without(of, cells) }));
  const overruled = mend.overruled && dead;
  return { kept: mend.kept && dead, overruled, withheld: dead ? mend.withheld : null, whole, cells: left };
}

function without(from: ReadonlyMap<string, Value>, cells: readonly (readonly [string, Value])[]) {
  const left = new Map(from);
  for (const [column] of cells) left.delete(column);
  return left;
}

export function withMend(row: Row, mend: Mend): Row {
  const { mend: _, ...merged } = row;
  const isNothing = !mend.kept && !mend.overruled && mend.withheld === null;
  return isNothing && mend.cells.size === 0 && mend.whole.length === 0 ? merged : { ...merged, mend };
}

/** The columns that are shown otherwise than they were merged. */
export function mendedColumns(mend: Mend | undefined): string[] {
  return [...(mend?.cells.keys() ?? []), ...(mend?.whole[0]?.cells.keys() ?? [])];
}

export function sameMend(a: Mend = UNMENDED, b: Mend = UNMENDED): boolean {
  if (a === b) return true;
  if (a.overruled !== b.overruled || a.kept !== b.kept || a.withheld?.reason !== b.withheld?.reason) return false;
  if (a.withheld?.through !== b.withheld?.through || a.cells.size !== b.cells.size) return false;
  for (const [column, { value, because }] of a.cells) {
    const other = b.cells.get(column);
    if (other === undefined || other.because !== because || !sameValue(other.value, value)) return false;
  }
  return a.whole.length === b.whole.length && a.whole.every((row, at) => sameWhole(row, b.whole[at] as WholeRow));
}

function sameWhole(a: WholeRow, b: WholeRow): boolean {
  if (compareOrigins(a.by, b.by) !== 0 || a.cells.size !== b.cells.size) return false;
  for (const [column, item] of a.cells) {
    const other = b.cells.get(column);
    if (other === undefined || !sameValue(item, other)) return false;
  }
  return true;
}

function writeCell(
  cell: readonly Write[] | undefined,
  by: Origin,
  value: Value,
  seen: Seen,
  numbered: Numbered | undefined,
): readonly Write[] {
  const plain: Write = { copy: by.copy, seq: by.seq, stamp: by.stamp, value, dead: numbered !== undefined };
  const write = numbered === undefined ? plain : { ...plain, numbered };
  if (cell === undefined) return [write];
  const others = cell.filter((other) => !seen(other) && !sameChange(other, by));
  if (others.length === 0) return [write];
  return [...others, write].sort((a, b) => compareOrigins(b, a));
}

export function foldDelete(row: Row, by: Origin, seen: Seen): Row {
  const cells = new Map<string, readonly Write[]>();
  for (const [column, cell] of row.cells) {
    cells.set(
      column,
      cell.map((write) => (!write.dead && seen(write) ? { ...write, dead: true } : write)),
    );
  }
  const others = row.deletions.filter((other) => !seen(other) && !sameChange(other, by));
  const deletions = [...others, { copy: by.copy, seq: by.seq, stamp: by.stamp }].sort((a, b) => compareOrigins(b, a));
  return { base: row.base, baseDead: true, cells, deletions, ...(row.mixed && { mixed: row.mixed }) };
}

/** A row is alive while some write to it is not covered by its deletion. References that keep a row come on top. */
export function aliveByOwnWrites(row: Row): boolean {
  return row.mend?.overruled !== true && isWrittenAlive(row);
}

/** The same, whatever its table is set to. */
export function isWrittenAlive(row: Row): boolean {
  if (row.base && !row.baseDead) return true;
  for (const cell of row.cells.values()) if (cell.some((write) => !write.dead)) return true;
  return false;
}

/** A row that is deleted may still be kept, for those who refer to it. */
export function isAlive(row: Row): boolean {
  return row.mend?.kept === true || aliveByOwnWrites(row);
}

/** What is written in a cell once it is mended; undefined where the base's value stands. */
export function shownValue(row: Row, column: string): Value | undefined {
  const mended = row.mend?.cells.get(column);
  return mended === undefined ? claimedValue(row, column) : mended.value;
}

/** The same before unique values are mended: what the row claims. */
export function claimedValue(row: Row, column: string): Value | undefined {
  const whole = row.mend?.whole[0]?.cells;
  return whole?.has(column) ? whole.get(column) : row.cells.get(column)?.[0]?.value;
}

/** The write whose value is the cell's, or undefined where the base's value stands. */
export function winner(row: Row, column: string): Write | undefined {
  return row.cells.get(column)?.[0];
}

/** One value of a cell that is in conflict, with everybody who wrote just that. */
export type Candidate = { readonly value: Value; readonly by: readonly Origin[] };

/** The different values among a cell's siblings, the shown one first; fewer than two: no conflict. */
export function candidates(cell: readonly Write[]): readonly Candidate[] {
  const found: { value: Value; by: Origin[] }[] = [];
  for (const write of cell) {
    const origin: Origin = { copy: write.copy, seq: write.seq, stamp: write.stamp };
    const same = found.find((candidate) => sameValue(candidate.value, write.value));
    if (same) same.by.push(origin);
    else found.push({ value: write.value, by: [origin] });
  }
  return found;
}

export function conflictingColumns(row: Row): readonly string[] {
  return [...row.cells].filter(([, cell]) => cell.length > 1 && candidates(cell).length > 1).map(([column]) => column);
}

/** The number that mending gave a cell and its row's own copy wrote down, until a person writes one. */
export function numberGiven(row: Row, column: string): (Write & { readonly numbered: Numbered }) | undefined {
  const [write, ...others] = row.cells.get(column) ?? [];
  if (write?.numbered === undefined) return undefined;
  const isWanted = others.some(({ value, numbered }) => numbered === undefined && sameValue(value, write.value));
  return isWanted ? undefined : { ...write, numbered: write.numbered };
}

/** Somebody deleted the row, somebody else wrote to it without knowing: it is kept, and listed until settled. */
export function keptAgainstDeletion(row: Row): boolean {
  return row.deletions.length > 0 && isAlive(row);
}
