/**
 * A table that somebody dropped is kept, too, while rows refer to it that were written without knowledge of that; and one
 * that is kept keeps all to which it refers.
 */
import { isAlive, type Row, winner } from '../../core/rows.ts';
import type { SchemaRows } from './merged.ts';
import { SCHEMA, schemaRow } from './reserved.ts';
import type { Schema, SchemaTable } from './schema.ts';
import { isName, isWord, nameOf, type Token, tokensOf } from './text.ts';
import { isDropped, readUses } from './uses.ts';

interface DeclaredKey {
  /** Ids of columns. */
  readonly columns: readonly string[];
  readonly target: string;
}

/** Takes out of `gone` what is to be kept. */
export function keepReferred(view: SchemaRows, tables: ReadonlyMap<string, SchemaTable>, gone: Set<string>): void {
  if (gone.size === 0) return;
  const open = [...tables.values()].filter(({ id }) => !gone.has(id));
  for (let table = open.pop(); table !== undefined; table = open.pop()) {
    for (const key of keysOf(table)) {
      const target = tables.get(key.target);
      if (target === undefined || !gone.has(target.id) || !refers(view, table.id, key)) continue;
      gone.delete(target.id);
      open.push(target);
    }
  }
}

/** Does some table declare that it refers to one that was ever dropped? Then rows decide which tables there are. */
export function hangsOnRows(view: SchemaRows, { tables }: Schema): boolean {
  const isEver = (id: string): boolean => isDropped(view.row(SCHEMA, schemaRow('table', id)));
  return [...tables.values()].some((table) => keysOf(table).some(({ target }) => isEver(target)));
}

/** The tables of this schema that declare a foreign key to one of these. */
export function referringTo(tables: ReadonlySet<string>, schema: Schema): string[] {
  if (tables.size === 0) return [];
  return [...schema.tables.values()].flatMap((table) =>
    keysOf(table).some(({ target }) => tables.has(target)) ? [table.id] : [],
  );
}

function refers(view: SchemaRows, table: string, { columns, target }: DeclaredKey): boolean {
  if (isDropped(view.row(SCHEMA, schemaRow('table', table)))) return true;
  const dropped = view.row(SCHEMA, schemaRow('table', target)) as Row;
  const uses = readUses(view, target);
  return view.rows(table).some((id) => {
    const row = view.row(table, id);
    if (row === undefined || !isAlive(row)) return false;
    const writes = columns.map((column) => winner(row, column));
    if (writes.some((write) => write?.value === null)) return false;
    if (row.mend?.kept) return true;
    // A row that stands against its own deletion refers by all that is alive in it.
    const by = row.deletions.length > 0 ? [...row.cells.values()].flat() : writes;
    return by.some((write) => write !== undefined && !write.dead && uses.isUnaware(dropped, '', write));
  });
}

const known = new WeakMap<SchemaTable, readonly DeclaredKey[]>();

function keysOf(table: SchemaTable): readonly DeclaredKey[] {
  const found = known.get(table) ?? readKeys(table);
  known.set(table, found);
  return found;
}

function readKeys({ columns, constraints }: SchemaTable): DeclaredKey[] {
  const ids = new Set(columns.map(({ id }) => id));
  const inColumns = columns.map(({ id, definition }) => ({ columns: [id], tokens: tokensOf(definition) }));
  const besides = constraints.map(tokensOf).map((tokens) => ({ columns: listAfter(tokens, 'KEY'), tokens }));
  return [...inColumns, ...besides].flatMap(({ columns: own, tokens }): DeclaredKey[] => {
    const named = tokens[tokens.findIndex((token) => isWord(token, 'REFERENCES')) + 1];
    const isDeclared = tokens.some((token) => isWord(token, 'REFERENCES')) && own.every((id) => ids.has(id));
    return isDeclared && named !== undefined ? [{ columns: own, target: nameOf(named) }] : [];
  });
}

/** The names in the parentheses that follow this word. */
function listAfter(tokens: readonly Token[], word: string): string[] {
  const from = tokens.findIndex((token) => isWord(token, word)) + 1;
  const to = tokens.findIndex(({ text, kind }, at) => at > from && kind === 'other' && text === ')');
  return tokens.slice(from, to).filter(isName).map(nameOf);
}
