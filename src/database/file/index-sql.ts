/** What CREATE INDEX says: its parts and its WHERE, as SQL that SQLite itself is asked to evaluate. */

export interface IndexSql {
  readonly parts: readonly string[];
  readonly where: string | null;
}

const TOKEN =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\/|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\S/g;

/** null where it is not understood: then the index is left to SQLite alone. */
export function readIndexSql(create: string): IndexSql | null {
  const tokens = [...create.matchAll(TOKEN)];
  const on = tokens.findIndex(([token]) => /^on$/i.test(token));
  const open = tokens.findIndex(([token], at) => at > on && token === '(');
  if (on < 0 || open < 0) return null;
  const parts: string[] = [];
  let depth = 0;
  let from = (tokens[open]?.index ?? 0) + 1;
  for (const [at, match] of tokens.entries()) {
    if (at < open) continue;
    const [token] = match;
    if (token === '(') depth += 1;
    if (token === ')') depth -= 1;
    if (depth === 0 || (depth === 1 && token === ',')) {
      parts.push(create.slice(from, match.index).replace(/\s+(asc|desc)\s*$/i, ''));
      from = match.index + 1;
    }
    if (depth > 0) continue;
    const next = tokens[at + 1];
    if (next === undefined) return { parts, where: null };
    return /^where$/i.test(next[0]) ? { parts, where: create.slice(next.index + next[0].length) } : null;
  }
  return null;
}

/** Those of the columns that the SQL names. */
export function columnsIn(sql: string, names: readonly string[]): number[] {
  const tokens = new Set(
    [...sql.matchAll(TOKEN)].map(([token]) => unquoted(token)?.toLowerCase()).filter((token) => token !== undefined),
  );
  return names.flatMap((name, at) => (tokens.has(name.toLowerCase()) ? [at] : []));
}

function unquoted(token: string): string | undefined {
  if (/^["`]/.test(token)) return token.slice(1, -1).replaceAll(token.slice(0, 1).repeat(2), token.slice(0, 1));
  if (token.startsWith('[')) return token.slice(1, -1);
  return /^[A-Za-z_\u0080-\uffff]/.test(token) ? token : undefined;
}
