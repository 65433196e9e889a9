/**
 * Keeps the numbers of one folding right: who claims which, who must move, and who is shown with another number than
 * before. The rule itself is in core/numbers.ts; here are its inputs, kept so that only what changed is looked at.
 */
import type { RowId } from '../../core/body.ts';
import { type Claim, losers, placeLosers } from '../../core/numbers.ts';
import { isAlive, type Row, winner } from '../../core/rows.ts';
import { keyOfRow, numberColumn, rowOfNumber, type Table } from '../../core/tables.ts';
import type { RowState } from '../../store/row-state.ts';
import type { BaseFile } from './base-file.ts';
import { columnId } from './shown.ts';

interface Work {
  readonly table: Table;
  /** Numbers whose claims changed. */
  readonly numbers: Set<bigint>;
  /** Rows whose own claim changed. */
  readonly changed: Set<RowId>;
  /** Of rows that were or are moved: their shown number before, where it was not the claimed one. */
  readonly before: Map<RowId, bigint | undefined>;
  topBefore: bigint;
}

export class Renumbering {
  readonly #state: RowState;
  readonly #base: BaseFile;
  readonly #work = new Map<string, Work>();

  constructor(state: RowState, base: BaseFile) {
    this.#state = state;
    this.#base = base;
  }

  claimed(table: Table, number: bigint): void {
    this.#workOn(table);
    this.#state.raiseTop(table.id, number);
  }

  /**
   * All rows of the table are noted as if they were new. What was folded while the table was not there was not noted:
   * nobody could tell which of its columns holds the numbers.
   */
  forgetAll(table: Table): void {
    const work = this.#workOn(table);
    for (const { claimed } of this.#state.moved(table.id)) work.numbers.add(claimed);
    this.#state.unclaimAll(table.id);
  }

  /** The row is noted as if it were new: what it claimed as it was is no claim any more. */
  forget(table: Table, row: RowId, before: Row, now: Row): void {
    const column = columnId(table, numberColumn(table) as number);
    const work = this.#workOn(table);
    const base = claimsBase(before, column) ? this.baseNumber(row) : null;
    if (base !== null) work.numbers.add(base);
    const claimed = this.#claimedBy(row, before, column);
    if (claimed === undefined) return;
    work.numbers.add(claimed);
    if (this.#claimedBy(row, now, column) !== claimed) work.changed.add(row);
    this.#state.unclaim(table.id, claimed, row);
  }

  note(table: Table, row: RowId, before: Row | undefined, now: Row): void {
    const work = this.#workOn(table);
    const column = columnId(table, numberColumn(table) as number);
    const [was, is] = [before && this.#claimedBy(row, before, column), this.#claimedBy(row, now, column)];
    const base = now.base ? this.baseNumber(row) : null;
    // Also a row that is deleted has the number that was written to it, for those who refer to it.
    const [had, has] = [(before && writtenNumber(before, column)) ?? base, writtenNumber(now, column) ?? base];
    if ((before !== undefined || now.base) && had !== has) work.changed.add(row);
    if (base !== null) {
      // The claim of a base row needs no entry, but it ends when the row is deleted or numbered otherwise.
      if ((before === undefined || claimsBase(before, column)) !== claimsBase(now, column)) work.numbers.add(base);
      if (has !== base) this.#state.setMovedBase(table.id);
    }
    // Equal numbers may have another writer, who comes earlier or later.
    if (was === is && sameWriter(before, now, column)) return;
    if (was !== undefined) work.numbers.add(was);
    if (is !== undefined) work.numbers.add(is);
    if (was === is) return;
    // Nobody refers to a row that is new.
    if (before !== undefined || now.base) work.changed.add(row);
    if (was !== undefined) this.#state.unclaim(table.id, was, row);
    if (is !== undefined) this.#state.claim(table.id, is, row);
  }

  settle(): void {
    for (const work of this.#work.values()) this.#settle(work);
  }

  /** Rows per table that are shown with another number than before. */
  *moves(): Generator<[string, ReadonlySet<RowId>]> {
    for (const [id, { before, changed }] of this.#work) {
      const moved = new Set(changed);
      for (const [row, was] of before) if (was !== this.#state.movedTo(id, row)) moved.add(row);
      if (moved.size > 0) yield [id, moved];
    }
  }

  movedBefore(table: string, row: RowId): bigint | undefined {
    const before = this.#work.get(table)?.before;
    return before?.has(row) ? before.get(row) : this.#state.movedTo(table, row);
  }

  /** Rows that were shown with this number, other than they claim, and perhaps are no longer. */
  movedAtBefore(table: string, number: bigint): RowId[] {
    const before = this.#work.get(table)?.before ?? new Map<RowId, bigint | undefined>();
    return [...before].flatMap(([row, was]) => (was === number ? [row] : []));
  }

  /** The number that a row had in the base, if its id says that it was there. */
  baseNumber(row: RowId): bigint | null {
    const number = row[0] === 'k' ? keyOfRow(row)[0] : null;
    return typeof number === 'bigint' ? number : null;
  }

  /** A row that was made while its number counted as its name holds it without having written it. */
  #claimedBy(row: RowId, state: Row, column: string): bigint | undefined {
    const written = writtenClaim(state, column);
    if (written !== undefined || state.base || !isAlive(state)) return written;
    return winner(state, column) === undefined ? (this.baseNumber(row) ?? undefined) : undefined;
  }

  #workOn(table: Table): Work {
    const known = this.#work.get(table.id);
    if (known) return known;
    const work: Work = {
      table,
      numbers: new Set(),
      changed: new Set(),
      before: new Map(),
      topBefore: this.#state.top(table.id) ?? 0n,
    };
    this.#work.set(table.id, work);
    return work;
  }

  #settle(work: Work): void {
    const { table } = work;
    const all = new Map(this.#state.moved(table.id).map((moved) => [moved.row, moved.claimed]));
    const known = new Map(all);
    let same = true;
    for (const number of work.numbers) {
      const must = new Set(losers(this.#claims(table, number)).map(({ row }) => row));
      for (const [row, claimed] of known) {
        if (claimed !== number || must.has(row) || all.get(row) !== number) continue;
        this.#remember(work, row);
        this.#state.unmove(table.id, row);
        all.delete(row);
        same = false;
      }
      for (const row of must) {
        if (all.get(row) === number) continue;
        all.set(row, number);
        same = false;
      }
    }
    const top = this.#top(table);
    if (all.size === 0 || (same && top === max(work.topBefore, this.#base.top(table)))) return;
    const claims = [...all].map(([row, number]) => this.#claim(table, row, number));
    for (const [row, number] of placeLosers(claims, top)) {
      const claimed = all.get(row) as bigint;
      if (this.#state.movedTo(table.id, row) === number && known.get(row) === claimed) continue;
      this.#remember(work, row);
      this.#state.putMoved(table.id, row, claimed, number);
    }
  }

  #remember(work: Work, row: RowId): void {
    if (!work.before.has(row)) work.before.set(row, this.#state.movedTo(work.table.id, row));
  }

  /** All who claim a number; nobody is looked at where it is one at most. */
  #claims(table: Table, number: bigint): Claim[] {
    const rows = this.#state.claims(table.id, number);
    const inBase = rowOfNumber(number);
    const hadBase = this.#base.has(table, inBase);
    if (rows.length + (hadBase ? 1 : 0) < 2) return [];
    const claims = rows.map((row) => this.#claim(table, row, number));
    if (!hadBase) return claims;
    const state = this.#state.row(table.id, inBase);
    const column = columnId(table, numberColumn(table) as number);
    return state === undefined || claimsBase(state, column) ? [...claims, { row: inBase, by: null }] : claims;
  }

  #claim(table: Table, row: RowId, number: bigint): Claim {
    const state = this.#state.row(table.id, row);
    const write = state && winner(state, columnId(table, numberColumn(table) as number));
    // Who wrote back the number that the row has in the base has it since the base.
    if (write === undefined || this.baseNumber(row) === number) return { row, by: null };
    return { row, by: { copy: write.copy, seq: write.seq, stamp: write.stamp } };
  }

  #top(table: Table): bigint {
    return max(this.#state.top(table.id) ?? 0n, this.#base.top(table));
  }
}

/** The number that a living row claims by a write. */
function writtenClaim(row: Row, column: string): bigint | undefined {
  return isAlive(row) ? writtenNumber(row, column) : undefined;
}

function writtenNumber(row: Row, column: string): bigint | undefined {
  const value = winner(row, column)?.value;
  return typeof value === 'bigint' ? value : undefined;
}

/** Does the row have the number of its place in the base, by no write? */
function claimsBase(row: Row, column: string): boolean {
  return row.base && winner(row, column) === undefined && isAlive(row);
}

function sameWriter(before: Row | undefined, now: Row, column: string): boolean {
  const [a, b] = [before && winner(before, column), winner(now, column)];
  return a?.copy === b?.copy && a?.seq === b?.seq;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
