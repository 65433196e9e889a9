/** Rows for people: columns as wide as they need, no lines in between. */
import Table from 'cli-table3';
import { inkFor, plain } from './text.ts';

const SIDES = ['top', 'bottom', 'left', 'right', 'mid'] as const;
const PLACES = ['', '-mid', '-left', '-right'] as const;
const noLines = Object.fromEntries(
  [...SIDES.flatMap((side) => PLACES.map((place) => `${side}${place}`)), 'mid-mid', 'middle'].map((part) => [part, '']),
);

/** `empty` is said when there are no rows. Cells are made safe for the terminal here. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return empty;
  const ink = inkFor(process.stdout);
  const sheet = new Table({
    chars: { ...noLines, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    head: head.map((title) => ink.bold(title)),
  });
  for (const row of rows) sheet.push(row.map(plain));
  return sheet
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
