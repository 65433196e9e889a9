/**
 * What a person sets, as cells of the rows in which settings travel: marked in the user's database, so that the next
 * capture makes the change of it.
 */
import { ProblemError } from '../../core/problem.ts';
import type { Column, Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import type { OpenFile } from '../file/open-file.ts';
import { countedColumn } from '../folding/unique-values.ts';
import type { SettingChange } from '../host.ts';
import type { SchemaWrite } from '../schema/difference.ts';
import { markWrites } from '../schema/known.ts';
import type { Choices } from './choices.ts';
import { referrers, whyFollowed, whyNoReference } from './effects.ts';
import type { SettingsCell } from './reserved.ts';

export const SETTINGS_OP = 'settings';

/** For `DatabaseEngine.edit`. Throws `ProblemError` where what is asked for cannot be. */
export function changingSettings(changes: readonly SettingChange[]) {
  return (file: OpenFile): void => {
    markWrites(file.sql, writesFor(changes, file.tables, file.choices), SETTINGS_OP);
  };
}

function writesFor(
  changes: readonly SettingChange[],
  tables: ReadonlyMap<string, Table>,
  choices: Choices,
): SchemaWrite[] {
  return changes.map((change): SchemaWrite => {
    const { table, at } = placeOf(change.place, tables);
    const write = (cell: SettingsCell, item: Value): SchemaWrite => ({
      row: at === null ? ['table', table.id] : ['column', table.id, table.columns[at]?.id ?? ''],
      cells: { [cell]: item },
    });
    switch (change.set) {
      case 'left-out':
        if (change.value) mayLeaveOut(change.place, table, at, tables, choices);
        return write('left', change.value ? 1n : 0n);
      case 'deletion-wins':
        if (at !== null) throw refused(change.place, 'is a column: who wins is set for a table');
        return write('deletes', change.value ? 'wins' : null);
      case 'refers': {
        if (at === null) throw refused(change.place, 'is a table: name the column, as in `line.account`');
        if (change.value === null) return write('refers', null);
        const target = byName(tables, change.value);
        if (target === undefined) throw refused(change.value, 'is not a table of this database');
        const why = whyNoReference(table, at, target);
        if (why !== null) throw refused(change.place, why);
        return write('refers', target.id);
      }
      case 'number':
        return numbering(change.place, change.value, table, at);
      default:
        return change satisfies never;
    }
  });
}

/** A table, or a column as `table.column`. Names may hold dots themselves. */
function placeOf(place: string, tables: ReadonlyMap<string, Table>): { table: Table; at: number | null } {
  const whole = byName(tables, place);
  if (whole !== undefined) return { table: whole, at: null };
  for (let dot = place.indexOf('.'); dot >= 0; dot = place.indexOf('.', dot + 1)) {
    const table = byName(tables, place.slice(0, dot));
    const name = place.slice(dot + 1).toLowerCase();
    const at = table?.columns.findIndex((column) => column.id !== '' && column.name.toLowerCase() === name) ?? -1;
    if (table !== undefined && at >= 0) return { table, at };
  }
  throw refused(place, 'is neither a table of this database nor a column, as in `line.account`');
}

function byName(tables: ReadonlyMap<string, Table>, name: string): Table | undefined {
  return [...tables.values()].find((table) => table.name.toLowerCase() === name.toLowerCase());
}

function mayLeaveOut(
  place: string,
  table: Table,
  at: number | null,
  tables: ReadonlyMap<string, Table>,
  choices: Choices,
): void {
  if (at === null) {
    const names = referrers(table, [...tables.values()], choices).map(({ name }) => name);
    if (names.length > 0) throw refused(place, `has rows to which those of ${names.join(', ')} refer`);
    return;
  }
  const why = whyFollowed(table, at);
  if (why !== null) throw refused(place, why);
}

/** The key of the whole table, or an integer of a UNIQUE index. */
function numbering(place: string, isNumber: boolean | null, table: Table, at: number | null): SchemaWrite {
  const isKey = at === null || table.key.some((key) => key.at === at);
  if (!isKey) {
    const columns = table.uniques.filter(({ asked, columns: all }) => asked === undefined && all.includes(at));
    if (columns.length === 0) throw refused(place, 'is in no UNIQUE index');
    const counted = isNumber === null ? null : isNumber ? 1n : 0n;
    const column = table.columns[at] as Column;
    const asSet = { ...table, columns: table.columns.with(at, { ...column, counted: true }) };
    if (isNumber && !columns.some((unique) => countedColumn(asSet, unique) === at)) {
      throw refused(place, 'is no integer, or refers to another table');
    }
    return { row: ['column', table.id, column.id], cells: { counted } };
  }
  if (table.kind === 'number' && isNumber === true) return { row: ['table', table.id], cells: { key: 'number' } };
  if (table.kind === 'number') throw refused(place, 'is a number already, by which rows have been made');
  const [only, ...more] = table.key;
  const isInteger =
    table.rowid === null && more.length === 0 && /^integer$/i.test(table.columns[only?.at ?? 0]?.type ?? '');
  if (more.length > 0) throw refused(place, 'is part of a key of several columns, which says which row it is');
  if (table.kind !== 'name' || !isInteger) throw refused(place, 'has no key that is an INTEGER PRIMARY KEY');
  if (isNumber && table.foreignKeys.some(({ columns }) => columns.includes(only?.at ?? Number.NaN)))
    throw refused(place, 'has a key that refers to another table, whose rows have the numbers');
  return { row: ['table', table.id], cells: { key: isNumber ? 'number' : null } };
}

function refused(place: string, why: string): ProblemError {
  return new ProblemError({
    code: 'setting-refused',
    text: `${place} ${why}.`,
    remedy: 'See `tieout settings` for what is set, and `tieout settings --help` for what can be.',
  });
}
