/**
 * What people set about a database since it was published: a pure function of the merged changes, like everything that
 * is shown. Ids of tables and columns outlive new names. A cell that holds NULL, or what nobody can mean, counts as not
 * set.
 */
import { type Row, winner } from '../../core/rows.ts';
import { keyOfRow } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { SETTINGS, type SettingsCell } from './reserved.ts';

export interface ColumnChoice {
  readonly left: boolean | null;
  /** Id of the table whose rows the column names by their key. */
  readonly refers: string | null;
  readonly counted: boolean | null;
}

export interface TableChoice {
  readonly left: boolean | null;
  readonly deletionWins: boolean;
  /** The integer key is a number that SQLite hands out, though it was taken for a name. */
  readonly numbered: boolean;
  readonly columns: ReadonlyMap<string, ColumnChoice>;
}

/** By the id of the table. */
export type Choices = ReadonlyMap<string, TableChoice>;

export const NO_CHOICES: Choices = new Map();

const NO_TABLE: TableChoice = { left: null, deletionWins: false, numbered: false, columns: new Map() };

export interface SettingsRows {
  rows(table: string): readonly string[];
  row(table: string, row: string): Row | undefined;
}

export function choicesOf(view: SettingsRows): Choices {
  const found = new Map<string, TableChoice>();
  for (const id of [...view.rows(SETTINGS)].sort()) {
    const [kind, table, column] = keyOfRow(id).map(String);
    const row = view.row(SETTINGS, id);
    if (row === undefined || table === undefined) continue;
    const known = found.get(table) ?? NO_TABLE;
    if (kind === 'table') found.set(table, { ...tableChoice(row), columns: known.columns });
    else if (kind === 'column' && column !== undefined) {
      found.set(table, { ...known, columns: new Map([...known.columns, [column, columnChoice(row)]]) });
    }
  }
  return found;
}

function tableChoice(row: Row): Omit<TableChoice, 'columns'> {
  return {
    left: flag(cell(row, 'left')),
    deletionWins: cell(row, 'deletes') === 'wins',
    // Rows that have been made as numbers have no name: once a number, always a number.
    numbered: (row.cells.get('key') ?? []).some(({ value }) => value === 'number'),
  };
}

function columnChoice(row: Row): ColumnChoice {
  const refers = cell(row, 'refers');
  return {
    left: flag(cell(row, 'left')),
    refers: typeof refers === 'string' && refers !== '' ? refers : null,
    counted: flag(cell(row, 'counted')),
  };
}

function cell(row: Row, name: SettingsCell): Value {
  return winner(row, name)?.value ?? null;
}

function flag(item: Value): boolean | null {
  return item === 1n ? true : item === 0n ? false : null;
}

/** One text for equal choices. */
export function choicesToJson(choices: Choices): string {
  const tables = [...choices].map(([id, { columns, ...table }]) => [id, { ...table, columns: sorted(columns) }]);
  return JSON.stringify(tables.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

/** Of our own making. */
export function choicesFromJson(json: string): Choices {
  const tables = JSON.parse(json) as [string, Omit<TableChoice, 'columns'> & { columns: [string, ColumnChoice][] }][];
  return new Map(tables.map(([id, { columns, ...table }]) => [id, { ...table, columns: new Map(columns) }]));
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
