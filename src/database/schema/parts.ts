/** CREATE TABLE and CREATE INDEX taken apart. */
import { quoted } from '../file/sql.ts';
import { isWord, nameOf, type Token, textOf, tokensOf } from './text.ts';

export interface ColumnText {
  readonly name: string;
  /** All that follows the name. */
  readonly definition: readonly Token[];
}

export interface TableText {
  readonly columns: readonly ColumnText[];
  readonly constraints: readonly (readonly Token[])[];
  /** STRICT, WITHOUT ROWID. */
  readonly options: string;
}

/** The text that SQLite keeps of a table; null: it is not what we know as one. */
export function tableText(sql: string): TableText | null {
  const tokens = tokensOf(sql);
  const open = tokens.findIndex(({ text, kind }) => kind === 'other' && text === '(');
  if (open < 0) return null;
  const items: Token[][] = [[]];
  let depth = 0;
  let at = open + 1;
  for (; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    const sign = token.kind === 'other' ? token.text : '';
    if (sign === ')' && depth === 0) break;
    if (sign === '(') depth += 1;
    if (sign === ')') depth -= 1;
    if (sign === ',' && depth === 0) items.push([]);
    else items.at(-1)?.push(token);
  }
  const isConstraint = ([first]: readonly Token[]): boolean =>
    isWord(first, 'CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN');
  const whole = items.filter(({ length }) => length > 0);
  return {
    columns: whole
      .filter((item) => !isConstraint(item))
      .map(([name, ...definition]) => ({ name: nameOf(name as Token), definition })),
    constraints: whole.filter(isConstraint),
    options: textOf(tokens.slice(at + 1)).toUpperCase(),
  };
}

export interface IndexText {
  readonly unique: boolean;
  /** From the columns on: `("a", "b") WHERE …`. */
  readonly over: readonly Token[];
}

export function indexText(sql: string): IndexText | null {
  const tokens = tokensOf(sql);
  const on = tokens.findIndex((token, at) => isWord(token, 'ON') && at > 2);
  return on < 0 ? null : { unique: isWord(tokens[1], 'UNIQUE'), over: tokens.slice(on + 2) };
}

/** A trigger with another name for the table that it is on. */
export function triggerOn(sql: string, table: string): string {
  const tokens = tokensOf(sql);
  const on = tokens[tokens.findIndex((token, at) => at > 2 && isWord(token, 'ON')) + 1];
  return on === undefined ? sql : sql.slice(0, on.at) + quoted(table) + sql.slice(on.at + on.text.length);
}
