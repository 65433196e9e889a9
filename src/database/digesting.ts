/**
 * The merged rows of one database at a vector, as one hash: what two copies compare. Mends are no part of it: they
 * follow from the rows.
 */
import { Digest, rowForm } from '../core/digest.ts';
import type { Vector } from '../core/vector.ts';
import type { RowPlace, RowState } from '../store/row-state.ts';
import { stateAt } from './folding/behind.ts';
import { isBeyond, lackingAt } from './folding/containing.ts';
import { type FoldingBy, isReserved } from './folding/folding.ts';
import { isDerived } from './schema/uses.ts';

/** Rows between two of which others get their turn. */
const PAGE = 2000;
/** What is folded anew in memory, where edits have gone on since; with more, a moment of rest is waited for. */
const MAX_AGAIN = 20_000;

export class StateDigest {
  readonly #digest = new Digest();
  #at: RowPlace | null = null;

  /**
   * Takes in some more rows. `going`: there are more, call again; `elsewhere`: the state is not the one at `vector`;
   * else the hash.
   */
  take(state: RowState, by: FoldingBy, vector: Vector): { hash: string } | 'going' | 'elsewhere' {
    const { source, database } = by;
    if (isBeyond(source, database, vector, state.vector)) return 'elsewhere';
    if (!isBeyond(source, database, state.vector, vector)) return this.#page(state);
    if (this.#at !== null || isMore(by, vector)) return 'elsewhere';
    const behind = stateAt(by, vector);
    try {
      for (;;) {
        const step = this.#page(behind.state);
        if (step !== 'going') return step;
      }
    } finally {
      behind.store.close();
    }
  }

  #page(state: RowState): { hash: string } | 'going' {
    const tables = state.tables().sort();
    const [first] = tables;
    let place = this.#at ?? (first === undefined ? null : { table: first, row: '' });
    while (place !== null) {
      const { table } = place;
      const page = state.page(table, place.row, PAGE);
      for (const { id, row } of page) {
        if (isReserved(table) && isDerived(row)) continue;
        const form = rowForm(row);
        if (form === null) continue;
        // Not once per table: which ones are known here without anything written to them is this copy's affair.
        this.#digest.text(`${table} ${id}`);
        this.#digest.add(form);
      }
      const last = page.at(-1);
      if (page.length === PAGE && last) {
        this.#at = { table, row: last.id };
        return 'going';
      }
      const next = tables.find((other) => other > table);
      place = next === undefined ? null : { table: next, row: '' };
    }
    return { hash: this.#digest.finish() };
  }
}

function isMore({ source, database }: FoldingBy, vector: Vector): boolean {
  let count = 0;
  for (const _ of lackingAt(source, database, vector, new Map(), [])) if (++count > MAX_AGAIN) return true;
  return false;
}
