/**
 * Is a file that says nothing of its position as the database was when it was published, but for what nobody ever wrote?
 * Then that is its position: what was edited in it was edited by somebody who had only the base in front of him.
 */
import type { RowId } from '../../core/body.ts';
import { numberColumn, type Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import { EMPTY } from '../../core/vector.ts';
import type { OpenFile } from '../file/open-file.ts';
import { stateAt } from '../folding/behind.ts';
import { Shown } from '../folding/shown.ts';
import { differs } from '../schema/altering.ts';
import type { Standing } from '../standing.ts';
import { type Difference, differencesIn } from './comparing-tables.ts';
import { AskedRows, FormerValues } from './former-values.ts';

export function isOfBase(standing: Standing, file: OpenFile): boolean {
  const { state, base, schema } = standing;
  // What it lacks of an upgrade, and what it has of one, is told by its schema alone.
  if (differs(schema.shown().schema, base.schema) || differs(file.schema, base.schema)) return false;
  const behind = stateAt(standing.foldingBy(file), EMPTY);
  try {
    const then = new Shown(behind.state, base, file.tables);
    const shown = new Shown(state, base, file.tables);
    for (const table of file.tables.values()) {
      if (table.left) continue;
      for (const page of pagesOf(differencesIn(file, then, table), standing.room.rows)) {
        if (page.some(isLater(standing, file, table, { page, then, shown }))) return false;
      }
    }
    return true;
  } finally {
    behind.store.close();
  }
}

interface Page {
  readonly page: readonly Difference[];
  readonly then: Shown;
  readonly shown: Shown;
}

/** Does it come from a change in the log? */
function isLater(standing: Standing, file: OpenFile, table: Table, { page, then, shown }: Page) {
  const place = numberColumn(table);
  const asked = new AskedRows();
  for (const { op, key, row } of page) {
    if (row !== null) asked.row(table, row);
    if (op !== 'd' && place !== undefined) asked.number(table, key[0] as bigint);
  }
  const former = new FormerValues(standing, shown, asked);
  return ({ op, key, row }: Difference): boolean => {
    if (op === 'd') return row !== null && former.wasDeleted(table, row);
    const actual = file.sqlOf(table).read(key) as Value[];
    const there: RowId[] = place === undefined ? [] : former.rowsAt(table, key[0] as bigint);
    if ([...there, ...(row === null ? [] : [row])].some((one) => former.hadAll(table, one, actual))) return true;
    const base = row === null ? null : then.values(table, row);
    if (row === null || base === null) return false;
    return actual.some(
      (item, at) => !sameValue(item, base[at] ?? null) && !table.columns[at]?.left && former.had(table, row, at, item),
    );
  };
}

function* pagesOf(found: Iterable<Difference>, rows: number): Generator<Difference[]> {
  let page: Difference[] = [];
  for (const one of found) {
    page.push(one);
    if (page.length < rows) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
