/** What people set about a database: for all tables but the pair, of which each setting could break a half. */
import type { Table } from '../../../src/core/tables.ts';
import type { SettingChange } from '../../../src/database/host.ts';

/** Columns that generated schemas have, and that hold small numbers: as references they may mean a row. */
const NUMBERS = ['o', 'pos', 'no', 'amount', 'debit', 'v'];

/** null: there is nothing that could be set so. What may not be set is refused by the product. */
export function settingOf(all: ReadonlyMap<string, Table>, at: number, value: number): SettingChange | null {
  const tables = [...all.values()].filter(({ name }) => !name.startsWith('tx_'));
  const table = tables[at % Math.max(1, tables.length)];
  if (table === undefined) return null;
  const isOn = value % 3 > 0;
  switch (value % 6) {
    case 0:
      return { place: table.name, set: 'deletion-wins', value: isOn };
    case 1: {
      const unique = table.uniques[value % Math.max(1, table.uniques.length)];
      const column = table.columns[unique?.columns[at % unique.columns.length] ?? -1];
      return column === undefined ? null : { place: `${table.name}.${column.name}`, set: 'number', value: isOn };
    }
    case 2:
      return { place: table.name, set: 'number', value: isOn };
    case 3: {
      // Whatever others do to a row, one of a table that is left out goes on referring to it.
      return table.foreignKeys.length > 0 ? null : { place: table.name, set: 'left-out', value: isOn };
    }
    case 4: {
      const column = table.columns[1 + (at % table.columns.length)];
      return column === undefined ? null : { place: `${table.name}.${column.name}`, set: 'left-out', value: isOn };
    }
    default: {
      const columns = table.columns.filter(({ name }) => NUMBERS.includes(name));
      const column = columns[value % Math.max(1, columns.length)];
      const target = tables[(at + value) % tables.length] as Table;
      if (column === undefined) return null;
      return { place: `${table.name}.${column.name}`, set: 'refers', value: isOn ? target.name : null };
    }
  }
}

/** What takes in again all that is left out. */
export function allTakenIn(all: ReadonlyMap<string, Table>): SettingChange[] {
  const again = (place: string): SettingChange => ({ place, set: 'left-out', value: false });
  return [...all.values()].flatMap(({ name, left, columns }) =>
    left ? [again(name)] : columns.filter((column) => column.left).map((column) => again(`${name}.${column.name}`)),
  );
}
