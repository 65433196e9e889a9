/** A person's choice in a conflict, done in the user's database and marked, so that capture makes the change of it. */
import { ProblemError } from '../core/problem.ts';
import { candidates } from '../core/rows.ts';
import type { Table } from '../core/tables.ts';
import { DELETE, KEEP, listConflicts } from './conflicts.ts';
import type { DatabaseConflict } from './host.ts';
import { addMark } from './marks.ts';
import type { OpenFile } from './open-file.ts';
import type { Shown } from './shown.ts';

/** Throws `ProblemError` when the conflict or the candidate is not, or no longer, there. */
export function resolveConflict(database: string, id: string, candidate: string) {
  return (file: OpenFile, shown: Shown): void => {
    const conflict = listConflicts(database, shown).find((each) => each.id === id);
    const chosen = conflict?.candidates.find((each) => each.id === candidate);
    if (conflict === undefined || chosen === undefined) throw noLonger();
    const table = [...shown.tables.values()].find(({ name }) => name === conflict.table) as Table;
    const key = shown.key(table, conflict.row);
    if (key === null) throw noLonger();
    const num = file.numberOf(table);
    if (candidate === DELETE) {
      file.withoutLeaks([table.id], () => file.sqlOf(table).delete(key));
      addMark(file.sql, num, 'd', key);
    } else if (candidate === KEEP) addMark(file.sql, num, 'c', key);
    else {
      const { column, keyNow } = chooseCell(table, conflict, candidate, shown, file, key);
      addMark(file.sql, num, `c:${column}`, keyNow);
    }
  };
}

function chooseCell(
  table: Table,
  conflict: DatabaseConflict,
  candidate: string,
  shown: Shown,
  file: OpenFile,
  key: NonNullable<ReturnType<Shown['key']>>,
) {
  const at = table.columns.findIndex(({ name }) => name === conflict.column);
  const column = table.columns[at]?.id ?? '';
  const writes = shown.view.row(table.id, conflict.row)?.cells.get(column) ?? [];
  const value = candidates(writes).find(({ by }) => `${by[0]?.copy}:${by[0]?.seq}` === candidate)?.value;
  if (value === undefined) throw noLonger();
  file.withoutLeaks([table.id], () => file.sqlOf(table).update(key, [at], [shown.plain(table, at, value)]));
  const inKey = table.key.findIndex((each) => each.at === at);
  // Under NOCASE the two may differ in the key's own letters.
  const keyNow = inKey < 0 ? key : key.map((item, index) => (index === inKey ? shown.plain(table, at, value) : item));
  return { column, keyNow };
}

function noLonger(): ProblemError {
  return new ProblemError({
    code: 'no-such-conflict',
    text: 'This conflict is settled already, or has changed.',
    remedy: 'List the conflicts again.',
  });
}
