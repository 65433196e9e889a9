/**
 * The schema as data: tables, columns and what stands beside them, by ids that outlive a new name. Definitions name
 * tables and columns by these ids (see naming.ts); views and triggers are kept as they were written.
 */
import { decode, encode } from '../../core/codec.ts';
import type { KeyKind } from '../../core/tables.ts';
import { type Value, value } from '../../core/value.ts';
import { quoted } from '../file/sql.ts';
import { translated } from './naming.ts';
import { triggerOn } from './parts.ts';
import { folded, nameOf, type Token, textOf, tokensOf } from './text.ts';

export interface SchemaColumn {
  readonly id: string;
  readonly name: string;
  /** All that follows the name. */
  readonly definition: string;
  /** What rows hold to which nobody has written since the column is there. */
  readonly initial: Value;
  /** The table that a foreign key of this column alone names, or named last: what was written to it are references. */
  readonly refers: string | null;
  /** Columns stand in the order of these. */
  readonly place: number;
}

export interface SchemaTable {
  readonly id: string;
  readonly name: string;
  /** In their order. */
  readonly columns: readonly SchemaColumn[];
  readonly constraints: readonly string[];
  readonly options: string;
  /** How rows are named, and the columns of their key (`keyPart`): once decided, they stay. null: the settings say so. */
  readonly kind: KeyKind | null;
  readonly key: readonly string[] | null;
}

export type ObjectType = 'index' | 'view' | 'trigger' | 'virtual';

export interface SchemaObject {
  readonly type: ObjectType;
  readonly name: string;
  /** The id of the table that an index or trigger is on. */
  readonly table: string | null;
  /** Of an index: what follows the table's name. Of all others: the statement, a trigger's with the id of its table. */
  readonly text: string;
  readonly unique: boolean;
}

export const VALUES = ['user_version', 'application_id'] as const;
export type SchemaValues = Readonly<Record<(typeof VALUES)[number], bigint>>;

/** What foreign keys call a table that is gone, and its columns: what these were called last. */
export interface GoneTable {
  readonly id: string;
  readonly name: string;
  readonly columns: readonly Pick<SchemaColumn, 'id' | 'name'>[];
}

export interface Schema {
  /** By id. */
  readonly tables: ReadonlyMap<string, SchemaTable>;
  /** By id: those that some foreign key still names. */
  readonly gone: ReadonlyMap<string, GoneTable>;
  /** Ids of tables with a key that nobody wrote as it is here: it means a table by the name alone (`meantByName`). */
  readonly byName: ReadonlySet<string>;
  /** By `objectName`. */
  readonly objects: ReadonlyMap<string, SchemaObject>;
  readonly values: SchemaValues;
  /** Ids that are used up: of tables under '', of columns under their table's. */
  readonly retired: ReadonlyMap<string, ReadonlySet<string>>;
}

export const NO_SCHEMA: Schema = {
  tables: new Map(),
  gone: new Map(),
  byName: new Set(),
  objects: new Map(),
  values: { user_version: 0n, application_id: 0n },
  retired: new Map(),
};

/** Tables, views and virtual tables share their names; indexes and triggers have each their own. */
export function objectName({ type, name }: { type: ObjectType; name: string }): string {
  return `${type} ${folded(name)}`;
}

export function columnsByName(table: GoneTable | undefined): Map<string, string> {
  return new Map((table?.columns ?? []).map(({ id, name }) => [folded(name), id]));
}

/** A column of a key as it is noted: which rows are one depends on how its text is compared. */
export function keyPart(column: string, collation: string): string {
  return collation === 'BINARY' ? column : `${column}\0${collation}`;
}

/** An id for what is new: its name, unless that was another's. The same on every copy that knows the same. */
export function freshId(name: string, isTaken: (id: string) => boolean): string {
  if (!isTaken(name)) return name;
  for (let generation = 2; ; generation++) if (!isTaken(`${name}~${generation}`)) return `${name}~${generation}`;
}

/** In place of an id, where a key names a table that is not there: a table of this id is, or was, called otherwise. */
export function nobodyCalled(name: string, { tables, retired }: Schema): string {
  return tables.has(name) || retired.get('')?.has(name) ? `${name}?` : name;
}

export function nameOfNobody(id: string): string {
  return id.endsWith('?') ? id.slice(0, -1) : id;
}

/** A definition as SQL says it: names in place of ids. null: it speaks of a column or table that is not there. */
export function spelled(text: string, outside: 'own' | 'none', table: SchemaTable, schema: Schema): string | null {
  let isWhole = true;
  const nameIn = (of: SchemaTable | undefined, id: string): string | undefined => {
    const name = columnOf(of, id);
    if (name === undefined && of !== undefined && schema.retired.get(of.id)?.has(id)) isWhole = false;
    return name;
  };
  const tokens = translated(tokensOf(text), outside, {
    own: (id) => nameIn(table, id),
    literal: (token) => {
      const text = token.text[0] === '[' ? nameOf(token) : undefined;
      if (text === undefined || !isIdIn(table, text, schema)) return undefined;
      // By now a column is called so: it would mean that one.
      if (columnsByName(table).has(folded(text))) isWhole = false;
      return quoted(text);
    },
    self: (id) => (id === table.id ? table.name : undefined),
    table: (id) => (schema.tables.get(id) ?? schema.gone.get(id))?.name ?? nameOfNobody(id),
    foreign: (of, id) => nameIn(schema.tables.get(of), id) ?? columnOf(schema.gone.get(of), id),
  });
  return isWhole ? textOf(tokens) : null;
}

function columnOf(table: GoneTable | undefined, id: string): string | undefined {
  return table?.columns.find((column) => column.id === id)?.name;
}

/** Is, or was, a column known by this? */
function isIdIn({ id, columns }: SchemaTable, column: string, { retired }: Schema): boolean {
  return columns.some((each) => each.id === column) || retired.get(id)?.has(column) === true;
}

/**
 * Where SQLite takes a name in double quotes for a text, because no column is called so, and one is known by it: kept in
 * brackets, it is told from the column.
 */
export function literalIn(
  ids: ReadonlyMap<string, string>,
  before: SchemaTable | undefined,
  schema: Schema,
): (token: Token) => string | undefined {
  return (token) => {
    const text = nameOf(token);
    if (token.text[0] !== '"' || text.includes(']') || ids.has(folded(text))) return undefined;
    const isKnown = [...ids.values()].includes(text) || (before !== undefined && isIdIn(before, text, schema));
    return isKnown ? `[${text}]` : undefined;
  };
}

/** `as`: under another name. */
export function createTable(table: SchemaTable, schema: Schema, as = table.name): string {
  const columns = table.columns.map(({ name, definition }) =>
    `${quoted(name)} ${spelled(definition, 'none', table, schema) ?? ''}`.trimEnd(),
  );
  // A constraint over a column that somebody dropped meanwhile cannot be declared.
  const constraints = table.constraints.flatMap((text) => spelled(text, 'own', table, schema) ?? []);
  const options = table.options === '' ? '' : ` ${table.options}`;
  return `CREATE TABLE ${quoted(as)} (${[...columns, ...constraints].join(', ')})${options}`;
}

/** null: the index is over something that is not there. */
export function createObject(object: SchemaObject, schema: Schema): string | null {
  const table = schema.tables.get(object.table ?? '');
  if (object.type === 'trigger' && table !== undefined) return triggerOn(object.text, table.name);
  if (object.type !== 'index') return object.text;
  const over = table && spelled(object.text, 'own', table, schema);
  if (table === undefined || over === null || over === undefined) return null;
  return `CREATE ${object.unique ? 'UNIQUE ' : ''}INDEX ${quoted(object.name)} ON ${quoted(table.name)} ${over}`;
}

/** As it is kept in the user's database. */
export function schemaToJson(schema: Schema): string {
  const hex = (item: Value): string => Buffer.from(encode(value, item)).toString('hex');
  return JSON.stringify({
    tables: [...schema.tables.values()].map((table) => ({
      ...table,
      columns: table.columns.map((column) => ({ ...column, initial: hex(column.initial) })),
    })),
    gone: [...schema.gone.values()],
    byName: [...schema.byName],
    objects: [...schema.objects.values()],
    values: Object.fromEntries(VALUES.map((name) => [name, String(schema.values[name])])),
    retired: [...schema.retired].map(([id, ids]) => [id, [...ids]]),
  });
}

interface Kept {
  tables: (Omit<SchemaTable, 'columns'> & { columns: (Omit<SchemaColumn, 'initial'> & { initial: string })[] })[];
  /** Releases before this one did not note them. */
  gone?: GoneTable[];
  byName?: string[];
  objects: SchemaObject[];
  values: Record<(typeof VALUES)[number], string>;
  retired: [string, string[]][];
}

/** Throws what JSON.parse and the codec throw where it is not ours any more. */
export function schemaFromJson(json: string): Schema {
  const kept = JSON.parse(json) as Kept;
  const tables = kept.tables.map(
    (table): SchemaTable => ({
      ...table,
      columns: table.columns.map((column) => ({
        ...column,
        initial: decode(value, Buffer.from(column.initial, 'hex')),
      })),
    }),
  );
  return {
    tables: new Map(tables.map((table) => [table.id, table])),
    gone: new Map((kept.gone ?? []).map((table) => [table.id, table])),
    byName: new Set(kept.byName),
    objects: new Map(kept.objects.map((object) => [objectName(object), object])),
    values: { user_version: BigInt(kept.values.user_version), application_id: BigInt(kept.values.application_id) },
    retired: new Map(kept.retired.map(([id, ids]) => [id, new Set(ids)])),
  };
}
