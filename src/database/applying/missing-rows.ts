/** Rows that are not in the file though what is folded says so, and nobody has taken them out: they wait to be tried. */
import { rowOfKey, type Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import type { RowPlace, RowState } from '../../store/row-state.ts';
import { contentOf } from '../capture/hidden-numbers.ts';
import { marksAfter } from '../file/marks.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { BaseFile } from '../folding/base-file.ts';
import type { Folding } from '../folding/folding.ts';
import { Shown } from '../folding/shown.ts';

interface Withheld {
  readonly state: RowState;
  readonly base: BaseFile;
  /** The last mark that was captured. */
  readonly mark: number;
  /** What the file contains by its position, and rows.db only now. */
  readonly folded: Folding;
  /** There may have been a VACUUM: rows without a key are known by what is in them. */
  readonly mayBeRenumbered: boolean;
}

export class MissingRows {
  /** We do not know why: a constraint may keep them out. */
  untried: RowPlace[] = [];
  /** Tables that were made here only now, while colleagues had written to theirs. */
  readonly #fresh = new Set<string>();

  /** Colleagues wrote to a table that was not here: everything is folded anew, now that it is known what it looks like. */
  forgetFresh(file: OpenFile, state: RowState): boolean {
    const kept = [...file.fresh].filter((table) => state.rows(table).length > 0);
    file.fresh.clear();
    if (kept.length === 0) return false;
    for (const table of kept) this.#fresh.add(table);
    state.begin();
    state.clear();
    state.commit();
    return true;
  }

  /** What should be in the file and is not was kept out, unless an application has taken it out since. */
  withhold(file: OpenFile, { state, base, mark, folded, mayBeRenumbered }: Withheld): void {
    const shown = new Shown(state, base, file.tables);
    const marked = new Set(
      marksAfter(file.sql, mark, file.width, file.connection.encoding)
        .filter(({ op }) => op !== 'u' && op[0] !== 's' && op[0] !== 'c')
        .map(({ table, key }) => `${table} ${rowOfKey(key.slice(0, file.tableOf(table)?.key.length ?? 0))}`),
    );
    state.begin();
    for (const [id, rows] of folded.touched) {
      const table = file.tables.get(id);
      const found = mayBeRenumbered && table?.kind === 'hidden' && !table.left ? new Contents(file, table) : null;
      for (const row of table === undefined || table.left ? [] : rows.keys()) {
        const key = shown.isThere(table as Table, row) ? shown.key(table as Table, row) : null;
        if (table === undefined || key === null) continue;
        if (found?.has(shown.values(table, row) ?? []) === true) continue;
        const actual = file.sqlOf(table).read(key);
        // At the number of a row in a table that was only made now another row may be.
        const isOther = table.kind !== 'name' && this.#fresh.has(id) && !sameValues(actual, shown.values(table, row));
        if (actual !== undefined && !isOther) continue;
        if (marked.has(`${file.numberOf(table)} ${rowOfKey(key)}`) && !isOther) continue;
        state.unplace({ table: id, row }, 'not placed yet');
        this.untried.push({ table: id, row });
      }
    }
    state.commit();
    this.#fresh.clear();
  }
}

function sameValues(a: readonly Value[] | undefined, b: readonly Value[] | null): boolean {
  return a !== undefined && b !== null && a.every((item, at) => sameValue(item, b[at] ?? null));
}

/** What the rows of a table hold, whatever their numbers. */
class Contents {
  readonly #table: Table;
  readonly #found = new Set<string>();

  constructor(file: OpenFile, table: Table) {
    this.#table = table;
    for (const actual of file.sqlOf(table).scan()) this.#found.add(contentOf(table, actual));
  }

  has(values: readonly Value[]): boolean {
    return this.#found.has(contentOf(this.#table, values));
  }
}
