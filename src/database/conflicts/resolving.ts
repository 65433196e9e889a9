/** A person's choice in a conflict, or in several, done in the user's database and marked, so that capture makes the change of it. */

import type { RowId } from '../../core/body.ts';
import { ProblemError } from '../../core/problem.ts';
import { aliveByOwnWrites, candidates, UNMENDED, winner, withMend } from '../../core/rows.ts';
import { numberColumn, type Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import { addMark } from '../file/marks.ts';
import type { OpenFile } from '../file/open-file.ts';
import { columnId, type Shown } from '../folding/shown.ts';
import { isReferredTo, lackingTable, referringTable } from '../history/putting-back.ts';
import type { Choice, DatabaseConflict } from '../host.ts';
import { schemaConflicts } from '../schema/conflicts.ts';
import type { SchemaWrite } from '../schema/difference.ts';
import { markWrites } from '../schema/known.ts';
import { SETTINGS_OP } from '../settings/changing.ts';
import { settingsConflicts } from '../settings/conflicts.ts';
import { listBroken, mustBeCorrected } from './broken.ts';
import { DELETE, KEEP, listConflicts, WITHHELD } from './conflicts.ts';

const CONSTRAINT = 19;
const CONSTRAINT_CHECK = 275;

/** Throws `ProblemError` when a conflict or candidate is not, or no longer, there, or cannot be had: all or none. */
export function resolveConflicts(database: string, choices: readonly Choice[]) {
  return (file: OpenFile, shown: Shown): void => {
    const listed = new Map(listConflicts(database, shown).map((each) => [each.id, each]));
    const ofSchema = new Map(schemaConflicts(database, shown).map((each) => [each.conflict.id, each.writes]));
    const ofSettings = new Map(settingsConflicts(database, shown).map((each) => [each.conflict.id, each.writes]));
    for (const { conflict: id, candidate } of choices) {
      const conflict = listed.get(id);
      if (conflict === undefined) mayNotBeBroken(database, id, file, shown);
      if (!conflict?.candidates.some((each) => each.id === candidate)) throw noLonger();
      const schema = ofSchema.get(id)?.get(candidate);
      const settings = ofSettings.get(id)?.get(candidate);
      if (schema !== undefined) mayBeDropped(file, schema);
      if (ofSchema.has(id)) markWrites(file.sql, schema === undefined ? [] : [schema]);
      else if (ofSettings.has(id)) markWrites(file.sql, settings === undefined ? [] : [settings], SETTINGS_OP);
      else choose(file, shown, conflict, candidate);
    }
  };
}

function choose(file: OpenFile, shown: Shown, conflict: DatabaseConflict, candidate: string): void {
  if (candidate === WITHHELD) throw noRoom(conflict.note ?? '');
  const table = [...shown.tables.values()].find(({ name }) => name === conflict.table) as Table;
  const key = shown.key(table, conflict.row);
  if (key === null) throw noLonger();
  const num = file.numberOf(table);
  if (candidate === DELETE) {
    const values = file.sqlOf(table).read(key);
    file.withoutLeaks([table.id], () => file.sqlOf(table).delete(key));
    // The caller's transaction takes it back.
    if (values !== undefined && isReferredTo(file, table, values, null)) throw isNeeded();
    addMark(file.sql, num, 'd', key);
  } else if (conflict.kind === 'constraint' && conflict.column === null) {
    chooseWhole(file, shown, table, conflict.row, candidate, key);
  } else if (conflict.moved !== undefined) {
    const column = table.columns.find(({ name }) => name === conflict.column)?.id ?? '';
    addMark(file.sql, num, `c:${column}`, key);
  } else if (conflict.kind === 'constraint') chooseMarked(file, shown, table, conflict, candidate, key);
  else if (candidate === KEEP) addMark(file.sql, num, keepOp(table, shown, conflict.row), key);
  else {
    const { column, keyNow } = chooseCell(table, conflict, candidate, shown, file, key);
    addMark(file.sql, num, `c:${column}`, keyNow);
  }
  if (candidate !== DELETE) writeDownFollowing(file, shown, table, conflict.row);
}

/** References that were shown as following the row are written as they are shown: its other values are nobody's now. */
function writeDownFollowing(file: OpenFile, shown: Shown, table: Table, row: RowId): void {
  for (const place of shown.view.referrers({ table: table.id, row })) {
    const from = file.tables.get(place.table);
    const key = from === undefined ? null : shown.key(from, place.row);
    if (from === undefined || key === null) continue;
    const mended = shown.merged(from, place.row).mend?.cells;
    for (const { target, columns } of from.foreignKeys) {
      for (const at of target === table.id ? columns : []) {
        const column = columnId(from, at);
        if (mended?.get(column)?.because === row) addMark(file.sql, file.numberOf(from), `c:${column}`, key);
      }
    }
  }
}

/** Rows that refer to it would refer to nothing. */
function mayBeDropped(file: OpenFile, { row: [kind, id = ''], cells }: SchemaWrite): void {
  const table = kind === 'table' && cells.dropped === 1n ? file.tables.get(id) : undefined;
  const from = table && referringTable(file, table);
  if (from !== undefined) throw tableNeeded(from.name);
}

function mayNotBeBroken(database: string, id: string, file: OpenFile, shown: Shown): void {
  const broken = listBroken(database, file, shown).find((each) => each.id === id);
  if (broken !== undefined) throw mustBeCorrected(broken.note ?? '');
}

/** A row that lives by its own writes is touched; one that is only kept gets a write of its own. */
function keepOp(table: Table, shown: Shown, row: RowId): string {
  if (aliveByOwnWrites(shown.merged(table, row))) return 'c';
  const column = table.columns.find((_, at) => at !== numberColumn(table)) ?? table.columns[0];
  return `c:${column?.id ?? ''}`;
}

/** The row is as one person had it: every cell in which that one differs from the others is written again. */
function chooseWhole(
  file: OpenFile,
  shown: Shown,
  table: Table,
  row: RowId,
  candidate: string,
  key: NonNullable<ReturnType<Shown['key']>>,
): void {
  const merged = shown.merged(table, row);
  const mend = merged.mend ?? UNMENDED;
  const chosen = mend.whole.find(({ by }) => `${by.copy}:${by.seq}` === candidate);
  if (chosen === undefined) throw noLonger();
  const as = withMend(merged, { ...mend, whole: [chosen] });
  const columns = table.columns.flatMap(({ id }, at) => (mend.whole.some(({ cells }) => cells.has(id)) ? [at] : []));
  const values = shown.values(table, row, as) ?? [];
  const chosenValues = columns.map((at) => values[at] ?? null);
  updateUnreferred(file, table, key, columns, chosenValues);
  for (const at of columns) addMark(file.sql, file.numberOf(table), `c:${table.columns[at]?.id ?? ''}`, key);
}

/** The row is called as it is shown; or it keeps what it wanted, and the one that has it is called otherwise. */
function chooseMarked(
  file: OpenFile,
  shown: Shown,
  table: Table,
  conflict: DatabaseConflict,
  candidate: string,
  key: NonNullable<ReturnType<Shown['key']>>,
): void {
  const at = table.columns.findIndex(({ name }) => name === conflict.column);
  const column = table.columns[at]?.id ?? '';
  const merged = shown.merged(table, conflict.row);
  const mended = merged.mend?.cells.get(column);
  const num = file.numberOf(table);
  if (mended === undefined) throw noLonger();
  if (candidate !== KEEP) return addMark(file.sql, num, `c:${column}`, key);
  const other = shown.key(table, mended.because);
  const wanted = winner(merged, column)?.value;
  if (other === null || wanted === undefined) throw noLonger();
  const sql = file.sqlOf(table);
  allowed(table, () =>
    file.withoutLeaks([table.id], () => {
      const rowid = sql.rowid(key);
      const values = sql.read(key) ?? [];
      sql.delete(key);
      sql.update(other, [at], [mended.value]);
      sql.insert(values.with(at, wanted), rowid);
    }),
  );
  addMark(file.sql, num, `c:${column}`, other);
  addMark(file.sql, num, `c:${column}`, key);
}

/** Nobody's choice leaves a reference behind, its own or another's. The caller's transaction takes back what it is refused. */
function updateUnreferred(
  file: OpenFile,
  table: Table,
  key: readonly Value[],
  columns: readonly number[],
  values: readonly Value[],
): void {
  const sql = file.sqlOf(table);
  const before = sql.read(key);
  // What is there already breaks nothing that is not broken.
  if (before !== undefined && columns.every((at, index) => sameValue(before[at] ?? null, values[index] ?? null)))
    return;
  allowed(table, () => file.withoutLeaks([table.id], () => sql.update(key, columns, values)));
  const after = before?.map((item, at) => values[columns.indexOf(at)] ?? (columns.includes(at) ? null : item));
  if (before !== undefined && isReferredTo(file, table, before, after ?? null)) throw isNeeded();
  const lacking = after && lackingTable(file, table, after, columns);
  if (lacking !== undefined) throw isForbidden(`No row of ${lacking.name} has what this refers to any more.`);
}

/** A value that somebody wrote beside others may be one that a CHECK forbids beside those that are there now, or that another row has by now. */
function allowed({ name }: Table, work: () => void): void {
  try {
    work();
  } catch (error) {
    const { errcode = 0, message } = error as { errcode?: number; message: string };
    if ((errcode & 0xff) !== CONSTRAINT) throw error;
    throw isForbidden(
      errcode === CONSTRAINT_CHECK
        ? `A CHECK of ${name} does not allow this beside the row's other values.`
        : `Another row is in the way: ${message}.`,
    );
  }
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
  updateUnreferred(file, table, key, [at], [shown.plain(table, at, value)]);
  const inKey = table.key.findIndex((each) => each.at === at);
  // Under NOCASE the two may differ in the key's own letters.
  const keyNow = inKey < 0 ? key : key.map((item, index) => (index === inKey ? shown.plain(table, at, value) : item));
  return { column, keyNow };
}

function noRoom(note: string): ProblemError {
  return new ProblemError({
    code: 'no-room',
    text: `There is no room for this row: ${note}.`,
    remedy:
      'Change or delete the row that is in its way with the program that owns the database; then it comes in by itself.',
  });
}

function isForbidden(text: string): ProblemError {
  return new ProblemError({
    code: 'not-allowed',
    text,
    remedy: 'Correct the row with the program that owns the database: that settles the conflict, too.',
  });
}

function isNeeded(): ProblemError {
  return new ProblemError({
    code: 'row-needed',
    text: 'Other rows refer to this one as it is.',
    remedy: 'Change or delete these with the program that owns the database, then choose again.',
  });
}

function tableNeeded(from: string): ProblemError {
  return new ProblemError({
    code: 'row-needed',
    text: `Rows of the table ${from} refer to this one.`,
    remedy: 'Change or delete these with the program that owns the database, then choose again.',
  });
}

function noLonger(): ProblemError {
  return new ProblemError({
    code: 'no-such-conflict',
    text: 'This conflict is settled already, or has changed.',
    remedy: 'List the conflicts again.',
  });
}
