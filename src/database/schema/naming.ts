/**
 * Names inside definitions. What is kept and travels names tables and columns by their ids, so that a constraint or an
 * index that somebody makes while somebody else renames a column means the same column everywhere.
 */
import { quoted } from '../file/sql.ts';
import { isName, isWord, nameOf, type Token } from './text.ts';

export interface Translation {
  /** A column of the table that the text belongs to; undefined: it is no column. */
  own(name: string): string | undefined;
  /** A name of no column, which SQLite takes for a text; undefined: it is said like all others. */
  literal?(token: Token): string | undefined;
  /** The table that the text belongs to, where it names itself. */
  self(name: string): string | undefined;
  /** A table that a foreign key names. */
  table(name: string): string | undefined;
  /** A column of such a table, both by the names before translation. */
  foreign(table: string, name: string): string | undefined;
}

type Zone = 'none' | 'own' | { readonly foreign: string };

/** `outside`: what parentheses hold that no keyword announces: columns in a constraint or an index, nothing in a column. */
export function translated(tokens: readonly Token[], outside: 'own' | 'none', names: Translation): Token[] {
  const zones: Zone[] = [];
  let announced: Zone | null = null;
  return tokens.map((token, at) => {
    const [before, after] = [tokens[at - 1], tokens[at + 1]];
    const zone = zones.at(-1);
    if (token.text === '(' && token.kind === 'other') {
      const opened: Zone = announced ?? zone ?? (isWord(before, 'CHECK', 'AS') ? 'own' : outside);
      announced = null;
      zones.push(opened);
      return token;
    }
    if (token.text === ')' && token.kind === 'other') {
      zones.pop();
      return token;
    }
    if (!isName(token) || token.kind === 'string') {
      return token;
    }
    if (isWord(before, 'REFERENCES')) {
      if (after?.text === '(') announced = { foreign: nameOf(token) };
      return renamed(token, names.table(nameOf(token)));
    }
    if (isWord(before, 'COLLATE', 'CONSTRAINT') || isWord(token, 'ASC', 'DESC', 'REFERENCES')) return token;
    if (token.kind === 'word' && after?.text === '(') return token;
    if (after?.text === '.') return zone === 'own' ? renamed(token, names.self(nameOf(token))) : token;
    // WHERE of an index stands outside of all parentheses.
    const here = zone ?? outside;
    if (here === 'own') {
      const literal = names.literal?.(token);
      return literal === undefined ? renamed(token, names.own(nameOf(token))) : { ...token, text: literal };
    }
    if (here !== 'none') return renamed(token, names.foreign(here.foreign, nameOf(token)));
    return token;
  });
}

function renamed(token: Token, name: string | undefined): Token {
  return name === undefined ? token : { ...token, text: quoted(name), kind: 'quoted' };
}
