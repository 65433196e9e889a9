/**
 * A file that says nothing of its position may be older than what is shown: a backup from before the database was
 * published, say. What it holds that the log knows as superseded was not edited in it, and what it lacks that came later
 * was not deleted in it: that is written into it, in the transaction that gives it its position. All else is edits.
 */
import type { RowId } from '../../core/body.ts';
import { list, optional, struct, text } from '../../core/codec.ts';
import { numberColumn, rowOfKey, type Table } from '../../core/tables.ts';
import { sameValue, type Value, value } from '../../core/value.ts';
import { EMPTY } from '../../core/vector.ts';
import { differencesIn, refuseManyGone } from '../capture/comparing-tables.ts';
import { AskedRows, FormerValues } from '../capture/former-values.ts';
import { KeptList } from '../capture/kept-list.ts';
import { isOfBase } from '../capture/of-the-base.ts';
import { rebuildIndexes } from '../file/full-text.ts';
import type { OpenFile } from '../file/open-file.ts';
import { writePosition } from '../file/position.ts';
import { isBeyond } from '../folding/containing.ts';
import { Shown } from '../folding/shown.ts';
import type { Standing } from '../standing.ts';
import { PlacingRows } from './placing-rows.ts';

const MAX_TEXT = 1 << 30;
const differing = struct({
  /** At which the file has the row; null: it lacks it. */
  key: optional(list(value, MAX_TEXT)),
  /** That is shown there. */
  row: optional(text(MAX_TEXT)),
});

type Differing = { readonly key: readonly Value[] | null; readonly row: RowId | null };

/** Throws SQLITE_BUSY where somebody is writing, and `ProblemError` where so much is gone that somebody is to be asked. */
export function placeFormer(standing: Standing, file: OpenFile): void {
  const { state, options, id } = standing;
  standing.letGo();
  // Whoever commits between what is read and what is written makes that fail.
  file.sql.db.exec('BEGIN');
  state.begin();
  try {
    const isEdited = isBeyond(options.source, id, state.vector, EMPTY);
    if (isEdited && isOfBase(standing, file)) {
      const schema = file.connection.schemaVersion();
      writePosition(file.sql, { database: id, copy: options.copy, vector: EMPTY, mark: 0, schema });
      file.sql.db.exec('COMMIT');
      file.committed();
      state.commit();
      standing.lookAgain();
    } else {
      if (isEdited) writeFormer(standing, file);
      standing.commit(file);
    }
  } catch (error) {
    standing.undo(file);
    throw error;
  }
  standing.ready();
}

function writeFormer(standing: Standing, file: OpenFile): void {
  const { state, base, room } = standing;
  const shown = new Shown(state, base, file.tables);
  const placing = new PlacingRows(shown, shown, state, (table) => file.sqlOf(table), room);
  try {
    const tables = [...file.tables.values()].filter(({ left }) => !left);
    for (const table of tables) new FormerRows(standing, file, shown, table).plan(placing);
    if (placing.rows === 0) return;
    const ids = tables.map((table) => table.id);
    file.withoutLeaks(ids, () => placing.write());
    rebuildIndexes(file.sql, file.schema, new Set(ids));
  } finally {
    placing.close();
  }
}

/** Of one table. */
class FormerRows {
  readonly #standing: Standing;
  readonly #file: OpenFile;
  readonly #shown: Shown;
  readonly #table: Table;
  /** Rows that the file has where they were, and not where they are shown. */
  readonly #elsewhere = new Set<RowId>();
  #gone = 0;
  /** The file is older than these. */
  #later = 0;

  constructor(standing: Standing, file: OpenFile, shown: Shown, table: Table) {
    this.#standing = standing;
    this.#file = file;
    this.#shown = shown;
    this.#table = table;
  }

  plan(placing: PlacingRows): void {
    const { room } = this.#standing;
    const found = new KeptList(differing, room);
    const missing = new KeptList(differing, room);
    // A row may be met from several sides.
    const met = new Set<string>();
    try {
      for (const { op, key, row } of differencesIn(this.#file, this.#shown, this.#table)) {
        const name = op === 'd' ? `d${row}` : rowOfKey(key);
        if (met.has(name)) continue;
        met.add(name);
        if (op === 'd') missing.add({ key: null, row });
        else found.add({ key, row });
      }
      for (const list of [found, missing]) {
        for (const page of pagesOf(list, room.rows)) this.#planPage(page, placing);
      }
    } finally {
      found.close();
      missing.close();
    }
    refuseManyGone(this.#file, this.#shown, this.#table, this.#gone, this.#later);
  }

  #planPage(page: readonly Differing[], placing: PlacingRows): void {
    const asked = new AskedRows();
    for (const { key, row } of page) {
      if (row !== null) asked.row(this.#table, row);
      if (key !== null && numberColumn(this.#table) !== undefined) asked.number(this.#table, key[0] as bigint);
    }
    const former = new FormerValues(this.#standing, this.#shown, asked);
    for (const { key, row } of page) {
      if (key !== null) this.#planFound(key, row, former, placing);
      else if (row !== null) this.#planMissing(row, former, placing);
    }
  }

  #planMissing(row: RowId, former: FormerValues, placing: PlacingRows): void {
    const [table, shown] = [this.#table, this.#shown];
    const isLater = !shown.base.has(table, row) || former.wasDeleted(table, row);
    if (!isLater && !this.#elsewhere.has(row)) {
      this.#gone += 1;
      return;
    }
    this.#later += 1;
    placing.insert(table, row, shown.merged(table, row));
  }

  #planFound(key: readonly Value[], row: RowId | null, former: FormerValues, placing: PlacingRows): void {
    const [table, shown] = [this.#table, this.#shown];
    const actual = this.#file.sqlOf(table).read(key) as Value[];
    const known = row === null ? null : shown.values(table, row);
    const was = this.#whoWasThere(key, row, actual, former);
    if (was !== null && was !== row) this.#elsewhere.add(was);
    if (row === null || known === null) {
      if (was !== null) placing.remove(table, key);
      return;
    }
    const different = [...table.columns.keys()].filter(
      (at) => !table.columns[at]?.left && !sameValue(known[at] ?? null, actual[at] ?? null),
    );
    const isPlaced = (at: number): boolean => was !== null || former.had(table, row, at, actual[at] ?? null);
    const columns = different.filter(isPlaced);
    const kept = different.filter((at) => !isPlaced(at));
    if (columns.length > 0) placing.update(table, row, key, columns, kept);
  }

  /** The row that once had, there, just the values that the file has; null: it is as no row ever was. */
  #whoWasThere(key: readonly Value[], row: RowId | null, actual: readonly Value[], former: FormerValues): RowId | null {
    const number = numberColumn(this.#table) === undefined ? null : (key[0] as bigint);
    const others = number === null ? [] : former.rowsAt(this.#table, number);
    const all = new Set([...(row === null ? [] : [row]), ...others]);
    return [...all].find((one) => former.hadAll(this.#table, one, actual)) ?? null;
  }
}

function* pagesOf(found: KeptList<Differing>, rows: number): Generator<Differing[]> {
  let page: Differing[] = [];
  for (const [, one] of found.entries()) {
    page.push(one);
    if (page.length < rows) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
