/** What is at a native path, links followed: for files that another program replaces, like SQLite databases. */
import { statSync } from 'node:fs';
import { factsOf } from './file-bytes.ts';
import type { FileFacts } from './ports.ts';

/** undefined: nothing is there, or it cannot be looked at. */
export function fileFacts(path: string): FileFacts | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && factsOf(stats);
}
