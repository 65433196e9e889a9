/**
 * Rows put back into a user's database in one go, as far as its constraints allow, with marks of our own, so that capture
 * takes it for the edit that it is. Runs inside the caller's transaction.
 */
import { keptAs } from '../../core/affinity.ts';
import type { RowId } from '../../core/body.ts';
import { type ForeignKey, numberColumn, rowOfKey, type Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import { addMark } from '../file/marks.ts';
import type { OpenFile } from '../file/open-file.ts';
import { quoted } from '../file/sql.ts';
import type { Shown } from '../folding/shown.ts';
import { keysOf } from '../schema/declared-keys.ts';

export interface PutBack {
  readonly table: Table;
  readonly row: RowId;
  /** All values of the row; null: it is to be deleted. */
  readonly target: readonly Value[] | null;
}

/** A row with what the user's database holds of it now. */
interface Placed extends PutBack {
  readonly key: readonly Value[];
  readonly values: readonly Value[] | undefined;
  readonly rowid: bigint | null;
}

const CONSTRAINT = 19;

/** Returns how many rows were put back, and why the others were not. */
export function putBack(
  file: OpenFile,
  shown: Shown,
  steps: readonly PutBack[],
): { done: number; kept: ReadonlyMap<PutBack, string> } {
  const kept = new Map<PutBack, string>();
  const placed = steps.flatMap((step) => {
    const found = placeOf(file, shown, step);
    if (found === null) kept.set(step, 'it has no key here');
    return found === null ? [] : [{ step, placed: found }];
  });
  const { db } = file.sql;
  let trying = placed;
  const tables = new Set(steps.map(({ table }) => table.id));
  file.withoutLeaks(tables, () => {
    for (;;) {
      db.exec('SAVEPOINT putting_back');
      const rows = trying.map((each) => each.placed);
      const refused = attempt(file, shown, rows);
      if (refused.size === 0) break;
      // What one row needs may have been another one that is refused: so all the others are tried once more.
      db.exec('ROLLBACK TO putting_back; RELEASE putting_back');
      for (const each of trying) {
        const why = refused.get(each.placed);
        if (why !== undefined) kept.set(each.step, why);
      }
      trying = trying.filter((each) => !refused.has(each.placed));
    }
    db.exec('RELEASE putting_back');
  });
  // Rows may change their numbers among each other: all leave before any comes.
  for (const { placed: row } of trying) if (isMoved(row)) addMark(file.sql, file.numberOf(row.table), 'd', row.key);
  for (const { placed: row } of trying) mark(file, row);
  return { done: trying.length, kept };
}

function placeOf(file: OpenFile, shown: Shown, step: PutBack): Placed | null {
  const { table, row } = step;
  const key = shown.key(table, row);
  if (key === null) return null;
  const sql = file.sqlOf(table);
  const isThere = shown.isThere(table, row);
  return {
    ...step,
    key,
    values: isThere ? sql.read(key) : undefined,
    rowid: isThere ? sql.rowid(key) : null,
  };
}

/** All go out before any goes in: two rows may have swapped a value that is unique. */
function attempt(file: OpenFile, shown: Shown, rows: readonly Placed[]): Map<Placed, string> {
  const refused = new Map<Placed, string>();
  for (const { table, key, values } of rows) if (values !== undefined) file.sqlOf(table).delete(key);
  // Who keeps a place goes first: SQLite gives a row without one any that is free at that moment.
  const inOrder = [...rows.filter(({ rowid }) => rowid !== null), ...rows.filter(({ rowid }) => rowid === null)];
  for (const row of inOrder) {
    if (row.target === null) continue;
    // What is left out stays as it is here.
    const target = row.target.map((item, place) => (row.table.columns[place]?.left ? row.values?.[place] : item));
    try {
      file.sqlOf(row.table).insert(target, row.rowid);
    } catch (error) {
      if ((((error as { errcode?: number }).errcode ?? 0) & 0xff) !== CONSTRAINT) throw error;
      refused.set(row, `a constraint does not allow it (${(error as Error).message})`);
    }
  }
  if (refused.size > 0) return refused;
  bringReferences(file, rows);
  for (const row of rows) {
    if (isOrphan(file, shown, row)) refused.set(row, 'it refers to a row that is not there');
    else if (isOfNoTable(file, row)) refused.set(row, 'it refers to a table that is not there');
    else if (isMissed(file, row)) refused.set(row, 'other rows refer to it');
  }
  return refused;
}

/**
 * References are to rows: those to a row that gets another number back go with it, as foreign keys demand. Where only the
 * settings know of them, those of other rows than these follow when the change is folded.
 */
function bringReferences(file: OpenFile, rows: readonly Placed[]): void {
  const moved = new Map<string, Map<Value, Value>>();
  for (const { table, values, target } of rows) {
    const at = numberColumn(table);
    if (at === undefined || values === undefined || target === null) continue;
    const [from, to] = [values[at] ?? null, target[at] ?? null];
    if (!sameValue(from, to)) moved.set(table.id, (moved.get(table.id) ?? new Map()).set(from, to));
  }
  const put = new Set(rows.map(({ table, target }) => target && `${table.id}\0${rowOfKey(keyIn(table, target))}`));
  for (const from of moved.size === 0 ? [] : file.tables.values()) {
    const sql = file.sqlOf(from);
    const found = new Map<string, { key: readonly Value[]; values: Value[]; rowid: bigint | null }>();
    for (const [at, target] of from.references) {
      const isBrought = isDeclared(file.tables, from, at);
      const isSet = from.foreignKeys.some(({ columns, undeclared }) => undeclared && columns.includes(at));
      if (!isBrought && !isSet) continue;
      for (const [number, now] of moved.get(target) ?? []) {
        for (const key of sql.keysWhere([at], [number])) {
          const name = rowOfKey(key);
          if (!isBrought && !put.has(`${from.id}\0${name}`)) continue;
          const known = found.get(name) ?? { key, values: sql.read(key) ?? [], rowid: sql.rowid(key) };
          known.values[at] = keptAs(now, from.columns[at]?.type);
          found.set(name, known);
        }
      }
    }
    // All go out before any goes in, as above.
    for (const { key } of found.values()) sql.delete(key);
    for (const { values, rowid } of found.values()) sql.insert(values, rowid);
  }
}

/** Does this reference hold by foreign keys alone? */
function isDeclared(tables: OpenFile['tables'], table: Table, at: number, met: readonly Table[] = []): boolean {
  return table.foreignKeys.some(({ columns, target, to, undeclared }) => {
    const [parent, index] = [tables.get(target), columns.indexOf(at)];
    if (undeclared || parent === undefined || index < 0 || met.includes(parent)) return false;
    return to[index] === numberColumn(parent) || isDeclared(tables, parent, to[index] as number, [...met, parent]);
  });
}

/** Would it refer to a row that is not there, where it did not before? */
function isOrphan(file: OpenFile, shown: Shown, { table, target, values }: Placed): boolean {
  if (target === null) return false;
  return table.foreignKeys.some((foreign) => {
    if (foreign.undeclared) return false;
    const parent = shown.tables.get(foreign.target);
    const items = at(target, foreign.columns);
    if (parent === undefined || items.includes(null) || (values && same(items, at(values, foreign.columns))))
      return false;
    return file.sqlOf(parent).keysWhere(foreign.to, items).length === 0;
  });
}

/** Would it refer to a table that somebody dropped? It still declares that it does. */
function isOfNoTable(file: OpenFile, { table, target, values }: Placed): boolean {
  const { tables } = file.schema;
  const declared = tables.get(table.id);
  if (target === null || declared === undefined) return false;
  return keysOf(declared).some((key) => {
    if (tables.has(key.target)) return false;
    const places = key.columns.map((column) => table.columns.findIndex(({ id }) => id === column));
    const items = at(target, places);
    return !items.includes(null) && !(values && same(items, at(values, places)));
  });
}

/** Does any row refer to what it was? */
function isMissed(file: OpenFile, { table, target, values }: Placed): boolean {
  return values !== undefined && isReferredTo(file, table, values, target);
}

/** Does any row refer to these values, which the row `target` in its place does not have, nor any other? */
export function isReferredTo(
  file: OpenFile,
  table: Table,
  values: readonly Value[],
  target: readonly Value[] | null,
): boolean {
  return referring(file, table).some(({ from, foreign }) => {
    const items = at(values, foreign.to);
    if (items.includes(null) || (target !== null && same(items, at(target, foreign.to)))) return false;
    // Who has these values now is whom they mean.
    if (file.sqlOf(table).keysWhere(foreign.to, items).length > 0) return false;
    return file.sqlOf(from).keysWhere(foreign.columns, items).length > 0;
  });
}

/** A table in which nobody has what this row refers to by one of these columns. */
export function lackingTable(
  file: OpenFile,
  table: Table,
  values: readonly Value[],
  columns: readonly number[],
): Table | undefined {
  for (const { columns: from, target, to, undeclared } of table.foreignKeys) {
    const other = undeclared || !from.some((place) => columns.includes(place)) ? undefined : file.tables.get(target);
    const items = at(values, from);
    if (other && !items.includes(null) && file.sqlOf(other).keysWhere(to, items).length === 0) return other;
  }
  return undefined;
}

/** A table to whose rows those of another refer. */
export function referringTable(file: OpenFile, table: Table): Table | undefined {
  return referring(file, table)
    .filter(({ from }) => from.id !== table.id)
    .find(({ from, foreign }) => {
      const isSet = foreign.columns.map((place) => `${quoted(from.columns[place]?.name ?? '')} IS NOT NULL`);
      return file.sql.one(`SELECT EXISTS (SELECT 1 FROM ${quoted(from.name)} WHERE ${isSet.join(' AND ')})`) === 1n;
    })?.from;
}

function referring(file: OpenFile, table: Table): { from: Table; foreign: ForeignKey }[] {
  return [...file.tables.values()].flatMap((from) =>
    from.foreignKeys
      .filter(({ target, undeclared }) => target === table.id && !undeclared)
      .map((foreign) => ({ from, foreign })),
  );
}

/** Does it get another number? */
function isMoved({ table, key, target, values }: Placed): boolean {
  return table.kind !== 'name' && values !== undefined && target !== null && !same(key, keyIn(table, target));
}

function keyIn(table: Table, values: readonly Value[]): Value[] {
  return table.key.map(({ at: place }) => values[place] ?? null);
}

function mark(file: OpenFile, placed: Placed): void {
  const { table, row, key, target, values } = placed;
  const num = file.numberOf(table);
  if (target === null) return addMark(file.sql, num, 'd', key);
  const keyNow = keyIn(table, target);
  if (values === undefined || isMoved(placed))
    return addMark(file.sql, num, table.kind === 'name' ? 'i' : `a:${row}`, keyNow);
  if (!same(key, keyNow)) addMark(file.sql, num, 'm', key);
  addMark(file.sql, num, 'u', keyNow);
}

function at(values: readonly Value[], columns: readonly number[]): Value[] {
  return columns.map((place) => values[place] ?? null);
}

function same(a: readonly Value[], b: readonly Value[]): boolean {
  return a.every((item, index) => sameValue(item, b[index] ?? null));
}
