/** What the settings make of the tables. What they say about tables and columns that are not so is without effect. */
import { type Column, type ForeignKey, numberColumn, type Table } from '../../core/tables.ts';
import type { Choices, TableChoice } from './choices.ts';

/**
 * GnuCash writes into it who has a book open, and lets nobody else in: with a copy each, everybody may have it open.
 * The id of a table is the first name that it had, and how its rows are named.
 */
const LEFT_BY_DEFAULT = /^gnclock(\(.*)?$/i;

export function isLeftByDefault(table: Table): boolean {
  return LEFT_BY_DEFAULT.test(table.id) && table.columns.some(({ name }) => /^hostname$/i.test(name));
}

export function withChoices(tables: readonly Table[], choices: Choices): Table[] {
  const referring = throughOthers(tables.map((table) => refer(table, choices.get(table.id), tables)));
  return referring.map((table): Table => {
    const choice = choices.get(table.id);
    const columns = table.columns.map((column, at): Column => {
      const chosen = choice?.columns.get(column.id);
      const isLeft = chosen?.left === true && whyFollowed(table, at) === null;
      const isCounted = chosen?.counted ?? null;
      return { ...column, ...(isLeft && { left: true }), ...(isCounted !== null && { counted: isCounted }) };
    });
    const isLeft = (choice?.left ?? isLeftByDefault(table)) && referrers(table, tables, choices).length === 0;
    return {
      ...table,
      columns,
      ...(isLeft && { left: true }),
      ...(choice?.deletionWins && { deletionWins: true }),
    };
  });
}

function refer(table: Table, choice: TableChoice | undefined, tables: readonly Table[]): Table {
  const references = new Map(table.references);
  const foreignKeys: ForeignKey[] = [...table.foreignKeys];
  for (const [at, { id }] of table.columns.entries()) {
    const target = tables.find((each) => each.id === choice?.columns.get(id)?.refers);
    if (target === undefined || whyNoReference(table, at, target) !== null) continue;
    if (target.kind === 'number') references.set(at, target.id);
    foreignKeys.push({
      columns: [at],
      target: target.id,
      to: [(target.key[0] as { at: number }).at],
      undeclared: true,
    });
  }
  return { ...table, references, foreignKeys };
}

/**
 * A foreign key to a column that is a reference itself (a client is a person: `invoice.client → client.person →
 * person.id`) is a reference to the same row.
 */
function throughOthers(tables: readonly Table[]): Table[] {
  const references = new Map(tables.map((table) => [table.id, new Map(table.references)]));
  const byName = new Map(tables.map((table) => [table.id, new Set(table.references.keys().filter(isInKey(table)))]));
  const add = (id: string, at: number, target: string, to: number): boolean => {
    const [own, names] = [references.get(id), byName.get(id)];
    const meant = references.get(target)?.get(to);
    if (own === undefined || names === undefined || meant === undefined) return false;
    const isName = byName.get(target)?.has(to) === true;
    if (own.has(at) && (own.get(at) !== meant || names.has(at) || !isName)) return false;
    own.set(at, meant);
    if (isName) names.add(at);
    return true;
  };
  for (let grows = true; grows; ) {
    grows = false;
    for (const { id, foreignKeys } of tables) {
      for (const { columns, target, to } of foreignKeys) {
        for (const [index, at] of columns.entries()) if (add(id, at, target, to[index] as number)) grows = true;
      }
    }
  }
  return tables.map((table) => ({
    ...table,
    references: references.get(table.id) ?? table.references,
    byName: byName.get(table.id) ?? table.byName,
  }));
}

function isInKey(table: Table): (at: number) => boolean {
  return (at) => table.key.some((key) => key.at === at);
}

/** As the end of a sentence that begins with the column; null: it can be left out. */
export function whyFollowed(table: Table, at: number): string | null {
  if (at === numberColumn(table) || table.key.some((key) => key.at === at)) return 'is part of the key';
  if (table.uniqueColumns.has(at)) return 'is part of a UNIQUE index';
  if (table.foreignKeys.some(({ columns }) => columns.includes(at))) return 'refers to another table';
  if (table.columns[at]?.needsValue) return 'is NOT NULL and has no DEFAULT: nobody could add rows';
  return null;
}

/** The followed tables that declare a foreign key to it: they would refer to rows that other copies do not have. */
export function referrers(table: Table, tables: readonly Table[], choices: Choices): Table[] {
  return tables.filter(
    ({ id, foreignKeys }) =>
      id !== table.id &&
      choices.get(id)?.left !== true &&
      foreignKeys.some(({ target, undeclared }) => target === table.id && !undeclared),
  );
}

/** As the end of a sentence that begins with the column; null: it may refer to it. */
export function whyNoReference(table: Table, at: number, target: Table): string | null {
  if (table.key.some((key) => key.at === at)) return 'is part of the key: what names a row stays as it is';
  const isDeclared = ({ columns, undeclared }: ForeignKey): boolean => columns.includes(at) && !undeclared;
  if (table.foreignKeys.some(isDeclared)) return 'has a FOREIGN KEY already';
  if (target.kind === 'hidden') return `cannot refer to ${target.name}, whose rows have no key`;
  if (target.key.length !== 1) return `cannot refer to ${target.name}, whose key has several columns`;
  return null;
}
