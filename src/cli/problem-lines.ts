import type { Result } from '../sdk/contract.ts';
import { type Ink, inkFor, plain, time } from './text.ts';

/** What needs attention, a line each. */
export function problemLines(problems: Result<'status'>['problems'], ink: Ink = inkFor(process.stdout)): string[] {
  return problems.map(({ path, text, since }) => {
    const where = path === null ? '' : `${plain(path)}: `;
    return ink.red(`${where}${plain(text)} (since ${time(since)})`);
  });
}
