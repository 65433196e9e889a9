/**
 * What an application did to a schema: the one that was last known against the one that is there. Tables are recognised
 * by our triggers, which SQLite takes along to a new name, else by their name (a rebuilt table lost its triggers);
 * columns by their name, else by their place where nothing but the name is another.
 */
import type { Value } from '../../core/value.ts';
import type { Actual, ActualTable } from './actual.ts';
import { keysOf, withoutKeysTo } from './declared-keys.ts';
import { calledAnew, stillNamed } from './gone.ts';
import { matchColumns, textByKnownNames } from './matching-columns.ts';
import { translated } from './naming.ts';
import { indexText, triggerOn } from './parts.ts';
import {
  columnsByName,
  freshId,
  type GoneTable,
  literalIn,
  nobodyCalled,
  objectName,
  type Schema,
  type SchemaColumn,
  type SchemaObject,
  type SchemaTable,
  VALUES,
} from './schema.ts';
import { folded, textOf } from './text.ts';

/** One row of the schema, and the cells of it that are written. */
export interface SchemaWrite {
  readonly row: readonly string[];
  readonly cells: Readonly<Record<string, Value>>;
}

export interface Difference {
  readonly now: Schema;
  readonly writes: readonly SchemaWrite[];
  /** Tables of which only their rows can tell whether a column got another name or is another column. */
  readonly doubtful: ReadonlySet<string>;
}

export interface DifferenceSource {
  readonly known: Schema;
  readonly actual: Actual;
  /** The tables by the numbers that our triggers name. */
  readonly numbers: ReadonlyMap<number, string>;
  readonly defaultOf: (table: string, column: string) => Value;
  /** Names of tables whose rows are named otherwise than before: such a table is another one. */
  readonly rekeyed?: ReadonlySet<string>;
  /** By name: how rows of a new table are named. Tables that differ in this are not one, whatever they are called. */
  readonly namedBy?: ReadonlyMap<string, string>;
  /** The schema was altered by ourselves: what has a known name is what is meant. */
  readonly isOurs?: boolean;
  /** Columns, as table's id and column's, that are others than those that had their names. */
  readonly added?: ReadonlySet<string>;
  /** Tables that are gone, and which keys call otherwise than they were known. */
  readonly called?: ReadonlyMap<string, GoneTable>;
}

interface Matched {
  readonly actual: ActualTable;
  readonly id: string;
  readonly before: SchemaTable | undefined;
  /** By folded name. */
  readonly columns: ReadonlyMap<string, string>;
}

export function schemaDifference(source: DifferenceSource): Difference {
  const { known, actual } = source;
  const doubtful = new Set<string>();
  const retired = new Map([...known.retired].map(([id, ids]) => [id, new Set(ids)]));
  const retire = (of: string, id: string): void => void retired.set(of, (retired.get(of) ?? new Set()).add(id));
  const matched = matchTables(source).map(([table, id]): Matched => {
    const before = known.tables.get(id);
    const isTaken = (column: string): boolean => retired.get(id)?.has(column) === true;
    const isAdded = (column: string): boolean => source.added?.has(`${id}\0${column}`) === true;
    const definitionOf = (at: number, as: ReadonlyMap<string, string>): string =>
      textByKnownNames(table, at, as, before, known);
    const { columns, isDoubtful } = matchColumns(table, before, isTaken, isAdded, definitionOf);
    if (isDoubtful && before !== undefined) doubtful.add(id);
    return { actual: table, id, before, columns };
  });
  const tables = new Map(matched.map((table) => [table.id, tableOf(table, matched, source)]));
  const called = source.called ?? (source.isOurs ? new Map() : calledAnew(known, tables));
  if (called !== source.called && called.size > 0) return schemaDifference({ ...source, called });
  const added = source.isOurs
    ? []
    : matched.flatMap((table) => addedAgain(table, tables.get(table.id) as SchemaTable, known));
  if (added.length > 0) return schemaDifference({ ...source, added: new Set([...(source.added ?? []), ...added]) });
  const objects = objectsOf(actual, matched, known);
  const writes: SchemaWrite[] = [];
  for (const { id, name, columns } of known.tables.values()) {
    const now = tables.get(id);
    if (now === undefined) {
      const last = called.get(id) ?? { name, columns };
      writes.push({ row: ['table', id], cells: { ...(last.name === name ? {} : { name: last.name }), dropped: 1n } });
      for (const [at, { id: column, name }] of last.columns.entries()) {
        if (name !== columns[at]?.name) writes.push({ row: ['column', id, column], cells: { name } });
      }
      retire('', id);
    }
    for (const column of now === undefined ? [] : columns) {
      if (now?.columns.some((each) => each.id === column.id)) continue;
      writes.push({ row: ['column', id, column.id], cells: { dropped: 1n } });
      retire(id, column.id);
    }
  }
  const byName = new Set(known.byName);
  for (const table of tables.values()) {
    const before = known.tables.get(table.id);
    // When what is meant by its name is called otherwise, it has to be said what is meant.
    const isToSay = byName.has(table.id) && keysOf(table).some(({ target }) => isCalledAnew(target, known, tables));
    if (isToSay) byName.delete(table.id);
    writes.push(...tableWrites(isToSay ? withoutKeys(before) : before, table));
  }
  // While it was there, and we had not met it or meet it no more, REPLACE may have deleted rows because of it.
  for (const [name, { table, unique }] of [...known.objects, ...objects]) {
    const isInBoth = known.objects.get(name)?.unique === true && objects.get(name)?.unique === true;
    if (unique && !isInBoth && table !== null && tables.has(table) && known.tables.has(table)) doubtful.add(table);
  }
  writes.push(...objectWrites(known.objects, objects, (id) => id === null || tables.has(id)));
  for (const name of VALUES) {
    if (actual.values[name] === known.values[name]) continue;
    writes.push({ row: ['value', name], cells: { value: actual.values[name] } });
  }
  const left = [...known.gone.values(), ...known.tables.values()].filter(({ id }) => !tables.has(id));
  const gone = stillNamed(
    left.map((table) => called.get(table.id) ?? table),
    tables.values(),
  );
  return { now: { tables, gone, byName, objects, values: actual.values, retired }, writes, doubtful };
}

function matchTables({ known, actual, numbers, rekeyed, namedBy }: DifferenceSource): [ActualTable, string][] {
  const found = new Map<ActualTable, string>();
  const used = new Set<string>();
  const take = (table: ActualTable, id: string | undefined): void => {
    if (id === undefined || used.has(id) || !known.tables.has(id) || rekeyed?.has(table.name)) return;
    found.set(table, id);
    used.add(id);
  };
  for (const table of actual.tables) if (table.marked !== null) take(table, numbers.get(table.marked));
  const byName = new Map([...known.tables.values()].map(({ id, name }) => [folded(name), id]));
  for (const table of actual.tables) if (!found.has(table)) take(table, byName.get(folded(table.name)));
  for (const table of actual.tables) {
    if (found.has(table)) continue;
    const id = freshId(
      table.name + (namedBy?.get(table.name) ?? ''),
      (each) => used.has(each) || known.tables.has(each) || known.retired.get('')?.has(each) === true,
    );
    found.set(table, id);
    used.add(id);
  }
  return [...found];
}

/** ALTER changes no definition: a column behind all others that has another one was dropped, and another was added. */
function addedAgain({ actual, before, columns }: Matched, now: SchemaTable, schema: Schema): string[] {
  const found: string[] = [];
  if (actual.marked === null) return found;
  for (const [at, { id, definition }] of [...now.columns.entries()].reverse()) {
    const known = before?.columns.find((column) => column.id === id);
    if (known !== undefined && known.definition === definition) break;
    // The table that it names may be another one by now.
    if (known !== undefined && known.definition === textByKnownNames(actual, at, columns, before, schema)) break;
    if (known !== undefined) found.push(`${now.id}\0${id}`);
  }
  return found;
}

function tableOf(table: Matched, all: readonly Matched[], source: DifferenceSource): SchemaTable {
  const { actual, id, before, columns: ids } = table;
  const byName = new Map(all.map((each) => [folded(each.actual.name), each]));
  // A foreign key may name a table that was dropped, or that never was.
  const there = new Set(all.map((each) => each.id));
  const left = [...source.known.gone.values(), ...source.known.tables.values()].filter(({ id }) => !there.has(id));
  const gone = new Map(
    left.map((each) => source.called?.get(each.id) ?? each).map((each) => [folded(each.name), each]),
  );
  const names = {
    own: (name: string) => ids.get(folded(name)),
    literal: literalIn(ids, before, source.known),
    self: (name: string) => (folded(name) === folded(actual.name) ? id : undefined),
    table: (name: string) =>
      (byName.get(folded(name)) ?? gone.get(folded(name)))?.id ?? nobodyCalled(name, source.known),
    foreign: (of: string, name: string) => {
      const columns = byName.get(folded(of))?.columns ?? columnsByName(gone.get(folded(of)));
      // Under this name there is none any more: whoever has it for an id is called otherwise now.
      const isOther = source.isOurs && [...columns.values()].includes(name);
      return columns.get(folded(name)) ?? (isOther ? `${name}?` : name);
    },
  };
  const columns = actual.text.columns.map(({ name, definition }): Omit<SchemaColumn, 'place'> => {
    const column = ids.get(folded(name)) as string;
    const known = before?.columns.find((each) => each.id === column);
    return {
      id: column,
      name,
      definition: textOf(translated(definition, 'none', names)),
      refers: known?.refers ?? null,
      initial: known === undefined ? source.defaultOf(actual.name, name) : known.initial,
    };
  });
  return {
    id,
    name: actual.name,
    columns: placed(columns, before),
    constraints: actual.text.constraints.map((tokens) => textOf(translated(tokens, 'own', names))),
    options: actual.text.options,
    kind: before?.kind ?? null,
    key: before?.key ?? null,
  };
}

/** Columns keep their places while these say their order. */
function placed(columns: readonly Omit<SchemaColumn, 'place'>[], before: SchemaTable | undefined): SchemaColumn[] {
  const known = new Map(before?.columns.map(({ id, place }) => [id, place]));
  const places: number[] = [];
  let last = -1;
  for (const { id } of columns) {
    const place = known.get(id) ?? Math.max(last, ...known.values()) + 1;
    if (place <= last) return columns.map((column, index) => ({ ...column, place: index }));
    places.push(place);
    last = place;
  }
  return columns.map((column, index) => ({ ...column, place: places[index] as number }));
}

function objectsOf(actual: Actual, matched: readonly Matched[], known: Schema): Map<string, SchemaObject> {
  const objects = new Map<string, SchemaObject>();
  for (const { type, name, on, sql } of actual.objects) {
    const table = matched.find((each) => folded(each.actual.name) === folded(on));
    const index = type === 'index' ? indexText(sql) : null;
    if (type === 'index' && (index === null || table === undefined)) continue;
    const over =
      index &&
      textOf(
        translated(index.over, 'own', {
          own: (column) => table?.columns.get(folded(column)),
          literal: literalIn(table?.columns ?? new Map(), table?.before, known),
          self: (self) => (folded(self) === folded(on) ? table?.id : undefined),
          table: () => undefined,
          foreign: () => undefined,
        }),
      );
    const object: SchemaObject = {
      type,
      name,
      table: table?.id ?? null,
      text: over ?? (type === 'trigger' && table !== undefined ? triggerOn(sql, table.id) : sql),
      unique: index?.unique ?? false,
    };
    objects.set(objectName(object), object);
  }
  return objects;
}

function isCalledAnew(id: string, known: Schema, now: ReadonlyMap<string, SchemaTable>): boolean {
  return known.tables.get(id)?.name !== now.get(id)?.name;
}

/** All that declares a key is another. */
function withoutKeys(table: SchemaTable | undefined): SchemaTable | undefined {
  return table && keysOf(table).reduce((rest, { target }) => withoutKeysTo(target, rest), table);
}

function tableWrites(before: SchemaTable | undefined, now: SchemaTable): SchemaWrite[] {
  const writes: SchemaWrite[] = [];
  const cells = tableCells(now);
  const changed = before === undefined ? cells : changedCells(tableCells(before), cells);
  if (Object.keys(changed).length > 0) writes.push({ row: ['table', now.id], cells: changed });
  for (const column of now.columns) {
    const known = before?.columns.find(({ id }) => id === column.id);
    const all = columnCells(column);
    const own = known === undefined ? all : changedCells(columnCells(known), all);
    if (Object.keys(own).length > 0) writes.push({ row: ['column', now.id, column.id], cells: own });
  }
  return writes;
}

function tableCells({ name, constraints, options }: SchemaTable): Record<string, Value> {
  return { name, constraints: JSON.stringify(constraints), options };
}

function columnCells({ name, definition, initial, refers, place }: SchemaColumn): Record<string, Value> {
  return { name, definition, initial, refers, place: BigInt(place) };
}

function objectWrites(
  before: ReadonlyMap<string, SchemaObject>,
  now: ReadonlyMap<string, SchemaObject>,
  isThere: (table: string | null) => boolean,
): SchemaWrite[] {
  const writes: SchemaWrite[] = [];
  for (const [key, object] of before) {
    // What went with its table comes back with it.
    if (!now.has(key) && isThere(object.table)) writes.push({ row: objectRow(object), cells: { dropped: 1n } });
  }
  for (const [key, object] of now) {
    const known = before.get(key);
    const cells = objectCells(object);
    // A trigger or index that somebody else dropped meanwhile is wanted: its whole is written.
    if (known === undefined || Object.keys(changedCells(objectCells(known), cells)).length > 0) {
      writes.push({ row: objectRow(object), cells: { ...cells, dropped: null } });
    }
  }
  return writes;
}

function objectRow({ type, name }: SchemaObject): string[] {
  return [type, folded(name)];
}

function objectCells({ name, table, text, unique }: SchemaObject): Record<string, Value> {
  return { name, table, text, unique: unique ? 1n : 0n };
}

function changedCells(before: Record<string, Value>, now: Record<string, Value>): Record<string, Value> {
  return Object.fromEntries(Object.entries(now).filter(([name, item]) => before[name] !== item));
}
