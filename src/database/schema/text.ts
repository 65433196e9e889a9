/**
 * SQL text as tokens: enough of SQLite's own lexer to take CREATE TABLE and CREATE INDEX apart and to put them together
 * again. Comments and line ends are nobody's data and are left out.
 */

export interface Token {
  readonly text: string;
  readonly kind: 'word' | 'quoted' | 'string' | 'other';
  /** Where it begins in the text that it was read from. */
  readonly at: number;
}

const LEXER =
  /(\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|([xX]'[^']*'|'(?:[^']|'')*')|("(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|0[xX][\da-fA-F]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?|->>|->|\|\||<<|>>|<=|>=|<>|!=|==|[\s\S]/gy;

export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  for (const match of sql.matchAll(LEXER)) {
    const [text, space, literal, quoted, word] = match;
    if (space !== undefined) continue;
    const kind =
      literal !== undefined ? 'string' : quoted !== undefined ? 'quoted' : word !== undefined ? 'word' : 'other';
    tokens.push({ text, kind, at: match.index });
  }
  return tokens;
}

/** One text for all spellings that differ in space and comments only. */
export function textOf(tokens: readonly Token[]): string {
  let text = '';
  let last = '';
  for (const token of tokens) {
    const close = last === '' || last === '(' || last === '.' || [')', ',', '.', '('].includes(token.text);
    text += close ? token.text : ` ${token.text}`;
    last = token.text;
  }
  return text;
}

export function isName({ kind }: Token): boolean {
  return kind !== 'other';
}

/** The name that a token stands for. SQLite takes 'text' for a name where only a name can be. */
export function nameOf({ text, kind }: Token): string {
  if (kind === 'word') return text;
  const mark = text[0] === '[' ? ']' : (text[0] as string);
  const inner = text.slice(1, -1);
  return mark === ']' ? inner : inner.replaceAll(mark + mark, mark);
}

export function isWord(token: Token | undefined, ...words: readonly string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text.toUpperCase());
}

/** Names are equal to SQLite when they are under this. */
export function folded(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
