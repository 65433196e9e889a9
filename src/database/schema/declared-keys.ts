/** Foreign keys as a definition declares them, read from its text: also to tables that are not there. */
import type { SchemaTable } from './schema.ts';
import { isName, isWord, nameOf, type Token, textOf, tokensOf } from './text.ts';

export interface DeclaredKey {
  /** Ids of columns. */
  readonly columns: readonly string[];
  /** Id of a table. */
  readonly target: string;
  /** Ids of its columns; none: those of its key. */
  readonly to: readonly string[];
}

const known = new WeakMap<SchemaTable, readonly DeclaredKey[]>();

export function keysOf(table: SchemaTable): readonly DeclaredKey[] {
  const found = known.get(table) ?? readKeys(table);
  known.set(table, found);
  return found;
}

function readKeys({ columns, constraints }: SchemaTable): DeclaredKey[] {
  const ids = new Set(columns.map(({ id }) => id));
  const inColumns = columns.map(({ id, definition }) => ({ own: [id], tokens: tokensOf(definition) }));
  const besides = constraints.map(tokensOf).map((tokens) => ({ own: listAfter(tokens, 'KEY'), tokens }));
  return [...inColumns, ...besides].flatMap(({ own, tokens }): DeclaredKey[] => {
    const target = targetOf(tokens);
    if (target === null || !own.every((id) => ids.has(id))) return [];
    return [{ columns: own, target, to: targetColumns(tokens) }];
  });
}

/** The table without what it declares of another. */
export function withoutKeysTo(target: string, table: SchemaTable): SchemaTable {
  return {
    ...table,
    constraints: table.constraints.filter((text) => targetOf(tokensOf(text)) !== target),
    columns: table.columns.map((column) => {
      const tokens = tokensOf(column.definition);
      return targetOf(tokens) === target ? { ...column, definition: textOf(withoutClause(tokens)) } : column;
    }),
  };
}

function targetOf(tokens: readonly Token[]): string | null {
  const at = tokens.findIndex((token) => isWord(token, 'REFERENCES'));
  const named = tokens[at + 1];
  return at < 0 || named === undefined ? null : nameOf(named);
}

/** The words that may follow REFERENCES and the columns; whatever comes behind them is another clause of the column. */
const CLAUSE =
  'ON DELETE UPDATE SET NULL DEFAULT CASCADE RESTRICT NO ACTION MATCH SIMPLE FULL PARTIAL DEFERRABLE INITIALLY DEFERRED IMMEDIATE';

function withoutClause(tokens: readonly Token[]): Token[] {
  const from = tokens.findIndex((token) => isWord(token, 'REFERENCES'));
  let to = from + 2;
  if (tokens[to]?.text === '(') to = tokens.findIndex(({ text }, at) => at > to && text === ')') + 1;
  const isOfIt = (at: number): boolean => {
    const [before, token, after] = [tokens[at - 1], tokens[at], tokens[at + 1]];
    // NOT NULL and DEFAULT may follow as clauses of their own.
    if (isWord(token, 'NOT')) return isWord(after, 'DEFERRABLE');
    if (isWord(token, 'NULL', 'DEFAULT')) return isWord(before, 'SET');
    return isWord(token, ...CLAUSE.split(' '));
  };
  while (to < tokens.length && isOfIt(to)) to += 1;
  const isNamed = isWord(tokens[from - 2], 'CONSTRAINT');
  return [...tokens.slice(0, isNamed ? from - 2 : from), ...tokens.slice(to)];
}

function targetColumns(tokens: readonly Token[]): string[] {
  const from = tokens.findIndex((token) => isWord(token, 'REFERENCES')) + 2;
  return tokens[from]?.text === '(' ? listAt(tokens, from) : [];
}

/** The names in the parentheses that follow this word. */
function listAfter(tokens: readonly Token[], word: string): string[] {
  return listAt(tokens, tokens.findIndex((token) => isWord(token, word)) + 1);
}

function listAt(tokens: readonly Token[], from: number): string[] {
  const to = tokens.findIndex(({ text, kind }, at) => at > from && kind === 'other' && text === ')');
  return tokens.slice(from, to).filter(isName).map(nameOf);
}
