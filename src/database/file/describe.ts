/**
 * What a user's database says about its tables, read from its schema. Virtual tables and what belongs to them, views,
 * and tables of SQLite's or ours are not followed.
 */
import type { Column, KeyKind, Table, Unique } from '../../core/tables.ts';
import { defaultOf } from '../schema/actual.ts';
import { columnsByName, keyPart, type Schema, type SchemaTable } from '../schema/schema.ts';
import { folded } from '../schema/text.ts';
import { type Choices, NO_CHOICES, type TableChoice } from '../settings/choices.ts';
import { withChoices } from '../settings/effects.ts';
import { type DatabaseSettings, NO_SETTINGS } from '../settings.ts';
import { foreignKeysOf } from './foreign-keys.ts';
import { columnsIn, type IndexSql, readIndexSql } from './index-sql.ts';
import { literal, quoted, type Statements } from './sql.ts';

const HIDDEN_NAMES = ['rowid', '_rowid_', 'oid'];

interface KeyName {
  readonly name: string;
  /** In capitals. */
  readonly collation: string;
}

interface Found {
  readonly name: string;
  readonly known: SchemaTable;
  readonly withoutRowid: boolean;
  readonly columns: readonly FoundColumn[];
  /** SQL names of the primary key in its order; null: there is none without NULLs. */
  readonly key: readonly KeyName[] | null;
  /** INTEGER PRIMARY KEY: the rowid's own name. */
  readonly alias: string | null;
  readonly uniques: readonly { keys: readonly KeyName[]; declared: boolean }[];
  readonly asked: readonly (IndexSql & { collations: readonly string[] })[];
}

interface FoundColumn {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** 1, 2, … within the primary key; 0: not in it. */
  readonly pk: number;
  readonly generated: boolean;
}

/**
 * The followed tables, by name, under the ids that the schema has for them. `kindOf` decides about integer keys of which
 * neither the schema nor the settings know.
 */
export function describeTables(
  sql: Statements,
  settings: DatabaseSettings,
  schema: Schema,
  choices: Choices = NO_CHOICES,
): Table[] {
  const known = new Map([...schema.tables.values()].map((table) => [folded(table.name), table]));
  const found = tableNames(sql).flatMap(({ name, withoutRowid }) => {
    const table = known.get(folded(name));
    return table === undefined ? [] : findTable(sql, name, withoutRowid, table);
  });
  const kinds = new Map(found.map((table) => [table.known.id, kindOf(sql, table, settings, choices)]));
  const tables = found
    .map((table) => describe(sql, table, kinds.get(table.known.id) as KeyKind, kinds, found))
    .map((table) => withDefaults(sql, table, choices.get(table.id)));
  const declared = tables.map((table) => ({
    ...table,
    foreignKeys: foreignKeysOf(sql, table, tables),
    ...createdBy(sql, table.name),
  }));
  return withChoices(declared, choices);
}

/** Rows that came while a column was left out hold in it what SQLite gave them, on every copy. */
function withDefaults(sql: Statements, table: Table, choice: TableChoice | undefined): Table {
  if (choice === undefined) return table;
  const columns = table.columns.map((column): Column => {
    const wasLeft = choice.columns.get(column.id)?.left !== null && choice.columns.has(column.id);
    return wasLeft ? { ...column, initial: column.initial ?? defaultOf(sql, table.name, column.name) } : column;
  });
  return { ...table, columns };
}

/** The settings of a database that is published: what `describeTables` decided, so that it never changes. */
export function settledKinds(tables: readonly Table[]): DatabaseSettings {
  return { version: 1, tables: Object.fromEntries(tables.map(({ id, kind }) => [id, { key: kind }])) };
}

export function notFollowed(name: string): boolean {
  return /^(sqlite_|_tieout_)/i.test(name);
}

function tableNames(sql: Statements): { name: string; withoutRowid: boolean }[] {
  const rows = sql.all("SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' ORDER BY name");
  return rows
    .filter(([name, type]) => type === 'table' && !notFollowed(name as string))
    .map(([name, , wr]) => ({ name: name as string, withoutRowid: wr === 1n }));
}

function findTable(sql: Statements, name: string, withoutRowid: boolean, known: SchemaTable): Found {
  const columns = sql
    .all(`SELECT name, type, "notnull", pk, hidden, dflt_value FROM pragma_table_xinfo(${literal(name)}) ORDER BY cid`)
    .map(([column, type, notNull, pk, hidden, initial]) => ({
      name: column as string,
      type: String(type),
      notNull: notNull === 1n,
      hasDefault: initial !== null,
      pk: Number(pk),
      generated: hidden === 2n || hidden === 3n,
    }));
  const indexes = findIndexes(sql, name);
  const primary = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  const [only] = primary;
  const pkIndex = indexes.find(({ origin }) => origin === 'pk');
  const alias =
    !withoutRowid && primary.length === 1 && only && /^integer$/i.test(only.type) && pkIndex === undefined
      ? only.name
      : null;
  const stored = new Set(columns.filter(({ generated }) => !generated).map((column) => column.name));
  const notNull = (column: string): boolean => columns.some((each) => each.name === column && each.notNull);
  const usable = indexes.filter(({ plain, keys }) => plain && keys.every((key) => stored.has(key.name)));
  // Once decided by which of several unique indexes rows are named, it stays so while that one is there.
  const ids = columnsByName(known);
  const idOf = (name: string): string => ids.get(folded(name)) ?? '';
  const partsOf = (keys: readonly KeyName[]): string =>
    JSON.stringify(keys.map((key) => keyPart(idOf(key.name), key.collation)));
  const noted = known.key === null ? null : JSON.stringify(known.key);
  const settled = noted === null ? undefined : usable.find(({ keys }) => partsOf(keys) === noted);
  const named =
    settled ??
    usable.find(({ origin }) => origin === 'pk') ??
    usable.find(({ keys }) => keys.every((k) => notNull(k.name)));
  return {
    name,
    known,
    withoutRowid,
    columns,
    alias,
    key: alias === null ? (named?.keys ?? null) : [{ name: alias, collation: 'BINARY' }],
    uniques: usable
      .filter((index) => alias !== null || index !== named)
      .map(({ keys, origin }) => ({ keys, declared: origin !== 'c' })),
    asked: indexes.flatMap((index) => (usable.includes(index) ? [] : askedBy(index))),
  };
}

/** An index that SQLite is asked about. One declared in the table, over a generated column, is as if it were created. */
function askedBy({ sql, plain, keys }: ReturnType<typeof findIndexes>[number]): Found['asked'] {
  if (sql !== null) return [sql];
  const [parts, collations] = [keys.map(({ name }) => quoted(name)), keys.map(({ collation }) => collation)];
  return plain ? [{ parts, where: null, collations }] : [];
}

function findIndexes(sql: Statements, table: string) {
  const list = sql.all(`SELECT name, "unique", origin, partial FROM pragma_index_list(${literal(table)}) ORDER BY seq`);
  return list
    .filter(([, unique]) => unique === 1n)
    .map(([name, , origin, partial]) => {
      // SQLite says a collation as the table spells it.
      const keys = sql.all(
        `SELECT cid, name, upper(coll) FROM pragma_index_xinfo(${literal(name as string)}) WHERE key = 1 ORDER BY seqno`,
      );
      const create = sql.one('SELECT sql FROM sqlite_schema WHERE type = ? AND name = ?', ['index', name as string]);
      const read = typeof create === 'string' ? readIndexSql(create) : null;
      return {
        origin: origin as string,
        sql: read && { ...read, collations: keys.map(([, , collation]) => String(collation)) },
        // Over columns alone, all rows.
        plain: partial === 0n && keys.every(([cid]) => (cid as bigint) >= 0n),
        keys: keys.map(([, column, collation]) => ({ name: column as string, collation: String(collation) })),
      };
    });
}

function kindOf(sql: Statements, table: Found, settings: DatabaseSettings, choices: Choices): KeyKind {
  const { id, kind } = table.known;
  if (table.alias !== null && choices.get(id)?.numbered) return 'number';
  const fixed = kind ?? (Object.hasOwn(settings.tables, id) ? settings.tables[id]?.key : undefined);
  // A table that was made after the publish: every copy has to decide alike, whatever is in it there.
  const isLater = fixed === undefined && settings !== NO_SETTINGS;
  if (table.alias !== null) {
    return fixed === 'name' || fixed === 'number' ? fixed : integerKind(sql, table, table.alias, isLater);
  }
  if (table.key === null) return 'hidden';
  if (table.withoutRowid) return 'name';
  if (fixed === 'name' || fixed === 'hidden') return fixed;
  return !isLater && hasNullKey(sql, table) ? 'hidden' : 'name';
}

/** A primary key over columns that may be NULL does not tell rows apart where it is NULL. */
function hasNullKey(sql: Statements, table: Found): boolean {
  const nulls = (table.key ?? []).map(({ name }) => `${quoted(name)} IS NULL`).join(' OR ');
  return sql.one(`SELECT EXISTS (SELECT 1 FROM ${quoted(table.name)} WHERE ${nulls})`) === 1n;
}

/** What people call a number that is counted up, and a table that holds one row for good. */
const CALLED_ID = /^(id|pk|rowid)$|_id$|[a-z]Id$|[a-z]ID$/;
const CALLED_NUMBER = /^(no|nr|num|number|seq)$|_(no|nr|num|number|seq)$|[a-z](No|Nr|Num|Number|Seq)$/;
const OF_ONE_ROW =
  /(^|_)(settings?|config|configuration|options?|preferences?|prefs|meta|metadata|info|version|parameters?|params|properties|state|profile)$/i;

/**
 * Is an integer key a number that SQLite hands out (two rows with one number are two rows), or a name (account 4010)?
 * Taken for a number: AUTOINCREMENT says so; or the column is called id and what is there could have been handed out,
 * counted from 1, or with few gaps; or it is called a number and counts from 1 without a gap. Anything else is somebody's
 * choice, hence a name; and so is a key by which a row says who it is in another table.
 */
function integerKind(sql: Statements, { name }: Found, alias: string, isLater: boolean): KeyKind {
  if (isForeignKey(sql, name, alias)) return 'name';
  const create = String(sql.one('SELECT sql FROM sqlite_schema WHERE type = ? AND name = ?', ['table', name]) ?? '');
  if (/\bautoincrement\b/i.test(withoutQuoted(create))) return 'number';
  const isId = CALLED_ID.test(alias) || /^id$/i.test(alias);
  // What is in it there may be different in each copy.
  if (isLater) return isId ? 'number' : 'name';
  const key = quoted(alias);
  const [count, low, high] = sql.get(`SELECT count(*), min(${key}), max(${key}) FROM ${quoted(name)}`) as bigint[];
  // Nothing there yet: whoever inserts without a key gets 1, 2, 3.
  if (!count || low === undefined || high === undefined) return isId ? 'number' : 'name';
  if (!isId) return CALLED_NUMBER.test(alias) && count > 1n && low === 1n && high === count ? 'number' : 'name';
  if (count === 1n && OF_ONE_ROW.test(name) && !isReferredTo(sql, name, alias)) return 'name';
  const isCounted = low >= 1n && (high <= count * 2n || (low === 1n && high <= count * 10n));
  return isCounted ? 'number' : 'name';
}

function isForeignKey(sql: Statements, table: string, column: string): boolean {
  const rows = sql.all(`SELECT "from" FROM pragma_foreign_key_list(${literal(table)})`);
  return rows.some(([from]) => folded(from as string) === folded(column));
}

/** By its key. */
function isReferredTo(sql: Statements, table: string, key: string): boolean {
  return (
    sql.one(
      `SELECT EXISTS (SELECT 1 FROM sqlite_schema s, pragma_foreign_key_list(s.name) k
        WHERE s.type = 'table' AND k."table" = ${literal(table)} COLLATE NOCASE
          AND ifnull(k."to", ${literal(key)}) = ${literal(key)} COLLATE NOCASE)`,
    ) === 1n
  );
}

function createdBy(sql: Statements, table: string): Pick<Table, 'create' | 'checked'> {
  const create = String(sql.one('SELECT sql FROM sqlite_schema WHERE type = ? AND name = ?', ['table', table]) ?? '');
  return { create, checked: /\bcheck\b/i.test(withoutQuoted(create)) };
}

/** Comments, names and strings may hold any word. */
function withoutQuoted(create: string): string {
  return create.replace(/"[^"]*"|'[^']*'|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\//g, ' ');
}

function describe(
  sql: Statements,
  table: Found,
  kind: KeyKind,
  kinds: ReadonlyMap<string, KeyKind>,
  all: readonly Found[],
): Table {
  const taken = new Set(table.columns.map(({ name }) => name.toLowerCase()));
  const rowid = HIDDEN_NAMES.find((name) => !taken.has(name)) ?? null;
  const known = new Map(table.known.columns.map((column) => [folded(column.name), column]));
  const stored = table.columns
    .filter(({ generated }) => !generated)
    .map(({ name, type, notNull, hasDefault }): Column => {
      const { id = name, initial = null } = known.get(folded(name)) ?? {};
      const needs = notNull && { notNull: true as const, ...(!hasDefault && { needsValue: true as const }) };
      return { id, name, type, initial, ...needs };
    });
  const columns = kind === 'hidden' ? [{ id: '', name: rowid ?? 'rowid' }, ...stored] : stored;
  const place = (name: string): number => columns.findIndex((column) => column.name === name);
  const key = kind === 'hidden' ? [{ at: 0, collation: 'BINARY' }] : keyColumns(table, place);
  const others = kind === 'hidden' && table.key !== null ? [keyAsUnique(table.key), ...table.uniques] : table.uniques;
  const uniques: Unique[] = others.map((unique) => ({
    columns: unique.keys.map(({ name }) => place(name)),
    collations: unique.keys.map(({ collation }) => collation),
    declared: unique.declared,
  }));
  const names = columns.map(({ id, name }) => (id === '' ? '' : name));
  const generated = table.columns.flatMap((column) => (column.generated ? [column.name] : []));
  for (const { parts, where, collations } of table.asked) {
    const named = columnsIn(parts.join(' '), names);
    const all = [...parts, where ?? ''].join(' ');
    // What a generated column is made of is for SQLite to know.
    const touching = columnsIn(all, generated).length > 0 ? [...names.keys()] : columnsIn(all, names);
    uniques.push({
      columns: names.map((_, at) => at),
      collations,
      declared: false,
      asked: { parts, where, named, touching },
    });
  }
  return {
    id: table.known.id,
    name: table.name,
    kind,
    columns,
    key,
    references: references(sql, table, place, kinds, all),
    byName: new Set(),
    foreignKeys: [],
    create: '',
    checked: false,
    uniques,
    uniqueColumns: new Set([
      ...key.map(({ at }) => at),
      ...uniques.flatMap(({ asked, columns: all }) => asked?.touching ?? all),
    ]),
    rowid: kind === 'name' && !table.withoutRowid && table.alias === null ? rowid : null,
  };
}

/** A primary key that holds NULLs does not name rows, but it is still unique where it is not NULL. */
function keyAsUnique(keys: readonly KeyName[]) {
  return { keys, declared: true };
}

function keyColumns(table: Found, place: (name: string) => number): Table['key'] {
  return (table.key ?? []).map(({ name, collation }) => ({ at: place(name), collation }));
}

/**
 * Foreign keys of one column to the number of a table whose numbers may move. One that is declared no longer counts
 * still: what was written while it was are references, and so is what is written now.
 */
function references(
  sql: Statements,
  of: Found,
  place: (name: string) => number,
  kinds: ReadonlyMap<string, KeyKind>,
  all: readonly Found[],
): ReadonlyMap<number, string> {
  const rows = sql.all(`SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(${literal(of.name)})`);
  const found = new Map<number, string>();
  for (const { name, refers } of of.known.columns) {
    if (refers !== null && kinds.get(refers) === 'number' && place(name) >= 0) found.set(place(name), refers);
  }
  for (const [id, parent, from, to] of rows) {
    if (rows.filter(([other]) => other === id).length > 1) continue;
    const target = all.find(({ name }) => name.toLowerCase() === (parent as string).toLowerCase());
    if (target === undefined || kinds.get(target.known.id) !== 'number') continue;
    if (to !== null && (to as string).toLowerCase() !== target.alias?.toLowerCase()) continue;
    const at = place(from as string);
    if (at >= 0) found.set(at, target.known.id);
  }
  return found;
}
