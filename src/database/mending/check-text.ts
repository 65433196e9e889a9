/**
 * What SQLite says of a broken check is the check's text as the table spells it, which is not the same on all copies: an
 * application's ALTER and ours quote differently. What is told to people is.
 */
import { isWord, type Token, textOf, tokensOf } from '../schema/text.ts';

const BROKEN = 'CHECK constraint failed: ';

/** CREATE TABLE with each check in parentheses of its own: of one that begins with a quoted name SQLite tells no more. */
export function inParentheses(create: string): string {
  const tokens = tokensOf(create);
  const marks = new Map<number, string>();
  for (const [at, token] of tokens.entries()) {
    const open = tokens[at + 1];
    if (!isWord(token, 'CHECK') || open === undefined || !isSign(open, '(')) continue;
    const close = closing(tokens, at + 1);
    if (close === undefined) continue;
    marks.set(open.at, '((');
    marks.set(close.at, '))');
  }
  let text = '';
  let from = 0;
  for (const [at, mark] of [...marks].sort(([a], [b]) => a - b)) {
    text += create.slice(from, at) + mark;
    from = at + 1;
  }
  return text + create.slice(from);
}

/** Of what SQLite says about such a table: a check without a name in one spelling. */
export function plainly(message: string): string {
  const text = message.startsWith(BROKEN) ? message.slice(BROKEN.length) : '';
  if (!text.startsWith('(') || !text.endsWith(')')) return message;
  const tokens = tokensOf(text.slice(1, -1)).map((token): Token => {
    const name = /^(?:"(\w+)"|`(\w+)`|\[(\w+)\])$/.exec(token.text);
    return name === null ? token : { ...token, text: (name[1] ?? name[2] ?? name[3]) as string, kind: 'word' };
  });
  return BROKEN + textOf(tokens);
}

function closing(tokens: readonly Token[], open: number): Token | undefined {
  let depth = 0;
  return tokens.slice(open).find((token) => {
    if (isSign(token, '(')) depth += 1;
    if (isSign(token, ')')) depth -= 1;
    return depth === 0;
  });
}

function isSign({ text, kind }: Token, sign: string): boolean {
  return kind === 'other' && text === sign;
}
