/**
 * A file may come back from a backup in the state between two commits that one change captured. It is then known to lack
 * that change, whose last mark it has not, though it has the rows that the first commit made. These are known again: at
 * the number that the change gave them, with just the values that it wrote, they are the rows that the change made.
 */
import { namedRow, namedValue, type RowId } from '../../core/body.ts';
import { numberColumn, type Table } from '../../core/tables.ts';
import { RowRef, sameValue, type Value } from '../../core/value.ts';
import type { Behind } from '../folding/behind.ts';
import { changesAfter, readBody } from '../folding/containing.ts';
import { columnId, type Shown } from '../folding/shown.ts';
import type { Standing } from '../standing.ts';
import { cellsOf } from './ops.ts';

/** The row of a former change that is at this number, new as it is to the file; null: it is nobody's. */
export type FormerRow = (table: Table, number: bigint, actual: readonly Value[]) => RowId | null;

interface Made {
  readonly row: RowId;
  readonly values: ReadonlyMap<string, Value>;
}

/** More ops than these are no few commits that one look found: they are not held. Bytes of a body. */
const MAX_BODY = 1024 * 1024;

/** `shown`: what the file showed before what is captured. */
export function formerRows({ options, id, mark }: Standing, { contained, edited }: Behind, shown: Shown): FormerRow {
  const { source, copy } = options;
  /** By table, by number. */
  let made: Map<string, Map<bigint, Made>> | null = null;
  const numbers = new Map<RowId, bigint>();

  const read = (): Map<string, Map<bigint, Made>> => {
    const found = new Map<string, Map<bigint, Made>>();
    for (const change of changesAfter(source, id, contained)) {
      if (change.copy !== copy || change.size > MAX_BODY || edited.some((one) => one.change.seq === change.seq))
        continue;
      const body = readBody(source, change);
      // Those that it lost after this one were captured from commits that came after it.
      if (body.mark === null || body.mark.id <= mark.id) continue;
      for (const [index, op] of [...body.ops.entries()]) {
        const use = body.uses[op.use];
        const table = use && shown.tables.get(use.table);
        const at = table && numberColumn(table);
        if (op.kind !== 'insert' || use === undefined || table === undefined || at === undefined) continue;
        const values = new Map(cellsOf(op, use.columns).map(([column, item]) => [column, namedValue(item, change)]));
        const number = values.get(columnId(table, at));
        if (typeof number !== 'bigint') continue;
        const row = namedRow(op.row ?? `n${index}`, change);
        const rows = found.get(table.id) ?? new Map<bigint, Made>();
        found.set(table.id, rows.set(number, { row, values }));
        numbers.set(row, number);
      }
      break;
    }
    return found;
  };

  return (table, number, actual) => {
    made ??= read();
    const former = made.get(table.id)?.get(number);
    // Once captured it is known; another row may be at its number then.
    if (former === undefined || shown.view.row(table.id, former.row) !== undefined) return null;
    const isSame = actual.every((item, at) => {
      const written = former.values.get(columnId(table, at));
      if (written === undefined) return table.columns[at]?.left === true;
      const plain = written instanceof RowRef ? numbers.get(written.row) : undefined;
      return sameValue(item, plain ?? shown.plain(table, at, written));
    });
    return isSame ? former.row : null;
  };
}
