/**
 * What a database of ours says, without the numbers that SQLite hands out: a row of `line` belongs to the entry with
 * this mark, whatever number that bears here. Read from a file, and from merged rows over the base.
 */
import type { DatabaseSync } from 'node:sqlite';
import { keyOfRow, rowOfKey, rowOfNumber } from '../../src/core/tables.ts';
import { RowRef, type Value } from '../../src/core/value.ts';
import { ApplicationDatabase } from './open-stores.ts';
import { type Made, type Reference, type ReferenceRow, textOf, type Written } from './reference.ts';

type TableShape = {
  readonly columns: readonly string[];
  /** The columns of the key, by which rows are named; none: SQLite numbers them. */
  readonly key: readonly string[];
  /** The number that SQLite hands out: a column, or the hidden rowid (''). */
  readonly number?: string;
  /** A column of the key that holds the number of a row elsewhere. */
  readonly owner?: string;
};

const SHAPES: Readonly<Record<string, TableShape>> = {
  account: { columns: ['no', 'name', 'closing', 'note'], key: ['no'] },
  entry: { columns: ['text', 'status', 'mark'], key: [], number: 'id' },
  line: { columns: ['entry', 'nr', 'account', 'text', 'belongs'], key: ['entry', 'nr'], owner: 'entry' },
  movement: { columns: ['id', 'amount', 'text'], key: ['id'] },
  setting: { columns: ['key', 'value'], key: ['key'] },
  remark: { columns: ['text', 'page'], key: [], number: '' },
  part: { columns: ['kind', 'code', 'text'], key: ['kind', 'code'] },
};

export type Meaning = Readonly<Record<string, readonly string[]>>;

/** Does a cell count here? The rest came by upgrades of schemas, of which this knows nothing. */
export function isShaped(table: string, column?: string): boolean {
  const shape = SHAPES[table];
  return shape !== undefined && (column === undefined || column === shape.number || shape.columns.includes(column));
}

/** Is it a number that SQLite handed out, which mending may move? */
export function isNumber(table: string, column: string): boolean {
  return SHAPES[table]?.number === column;
}

/** What a file says. */
export function meaningOf(native: string): Meaning {
  return reading(native, (db) => {
    const marks = new Map<bigint, string>();
    return Object.fromEntries(
      tablesOf(db).map((table) => {
        const { columns, owner } = SHAPES[table] as TableShape;
        if (owner !== undefined)
          for (const [id, mark] of all(db, 'SELECT id, mark FROM entry'))
            marks.set(id as bigint, textOf(mark as Value));
        const rows = all(db, `SELECT ${columns.join(', ')} FROM ${table}`);
        const lines = rows.map((row) =>
          columns
            .map((name, at) =>
              name === owner ? (marks.get(row[at] as bigint) ?? 'nothing') : textOf(row[at] as Value),
            )
            .join(' | '),
        );
        return [table, lines.sort()];
      }),
    );
  });
}

/** The rows of a base: their ids, and what is in them. */
export class BaseRows {
  readonly rows = new Map<string, ReadonlyMap<string, ReadonlyMap<string, Value>>>();

  constructor(native: string) {
    reading(native, (db) => {
      for (const table of tablesOf(db)) {
        const { columns, key, number } = SHAPES[table] as TableShape;
        const named = number === undefined ? columns : [number === '' ? 'rowid' : number, ...columns];
        const rows = all(db, `SELECT ${named.join(', ')} FROM ${table}`).map((row) => {
          const cells = new Map(named.map((name, at) => [name, row[at] as Value]));
          const id =
            number === undefined
              ? rowOfKey(key.map((name) => cells.get(name) as Value))
              : rowOfNumber(row[0] as bigint);
          return [id, cells] as const;
        });
        this.rows.set(table, new Map(rows));
      }
    });
  }

  has(table: string, row: string): boolean {
    return this.rows.get(table)?.has(row) === true;
  }
}

/** To whom a row of ours refers, and by which writes: a row that is named by its owner by all of them. */
export function referencesOf(base: BaseRows, { table, row, cells, deletions }: ReferenceRow): Reference[] {
  if (table !== 'line') return [];
  const living = (writes: readonly Written[]): Made[] => writes.filter(({ isDead }) => !isDead).map(({ by }) => by);
  const all = living([...cells.values()].flat());
  const [owner] = keyOfRow(row);
  const isRow = owner instanceof RowRef;
  const entry = { table: 'entry', row: isRow ? owner.row : rowOfNumber(owner as bigint), by: all, byValue: !isRow };
  const written = cells.get('account')?.[0];
  const no = written ? written.value : (base.rows.get('line')?.get(row)?.get('account') ?? null);
  const by = deletions.length > 0 ? all : living(written ? [written] : []);
  const account = no === null ? [] : [{ table: 'account', row: rowOfKey([no]), by, byValue: true }];
  return [entry, ...account];
}

/** What merged rows over their base say. `keptOut`: rows that are listed as shown nowhere. */
export function meaningOfRows(base: BaseRows, merged: readonly ReferenceRow[], keptOut: ReadonlySet<string>): Meaning {
  const written = new Map(merged.map((row) => [`${row.table} ${row.row}`, row]));
  const isThere = (table: string, row: string): boolean => {
    if (keptOut.has(`${table} ${row}`)) return false;
    return written.get(`${table} ${row}`)?.isAlive ?? base.has(table, row);
  };
  const cell = (table: string, row: string, column: string): Value => {
    const write = written.get(`${table} ${row}`)?.cells.get(column)?.[0];
    if (write) return write.value;
    const inBase = base.rows.get(table)?.get(row)?.get(column);
    if (inBase !== undefined) return inBase;
    const at = SHAPES[table]?.key.indexOf(column) ?? -1;
    return at >= 0 && row[0] === 'k' ? (keyOfRow(row)[at] ?? null) : null;
  };
  const owner = (row: string): string => {
    const [named] = keyOfRow(row);
    const of = named instanceof RowRef ? named.row : rowOfNumber(named as bigint);
    return isThere('entry', of) ? textOf(cell('entry', of, 'mark')) : 'nothing';
  };
  const tables = [...base.rows.keys()].map((table) => {
    const shape = SHAPES[table] as TableShape;
    const ids = new Set([
      ...(base.rows.get(table)?.keys() ?? []),
      ...merged.filter((row) => row.table === table).map(({ row }) => row),
    ]);
    const lines = [...ids]
      .filter((row) => isThere(table, row))
      .map((row) =>
        shape.columns.map((name) => (name === shape.owner ? owner(row) : textOf(cell(table, row, name)))).join(' | '),
      );
    return [table, lines.sort()] as const;
  });
  return Object.fromEntries(tables);
}

function tablesOf(db: DatabaseSync): string[] {
  const names = all(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").map(([name]) =>
    String(name),
  );
  return names.filter((name) => Object.hasOwn(SHAPES, name));
}

function all(db: DatabaseSync, sql: string): unknown[][] {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return statement.all() as unknown as unknown[][];
}

function reading<T>(native: string, read: (db: DatabaseSync) => T): T {
  const db = new ApplicationDatabase(new URL(`file://${encodeURI(native)}?mode=ro`), { readOnly: true, timeout: 0 });
  try {
    return read(db);
  } finally {
    db.close();
  }
}
