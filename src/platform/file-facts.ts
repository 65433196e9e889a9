/** What is at a native path, links followed: for files that another program replaces, like SQLite databases. */
import { statSync } from 'node:fs';
import { factsOf } from './file-bytes.ts';
import type { FileFacts } from './ports.ts';

/**
 * Windows promises the time of a write only once it is flushed, or its handle is closed. A program that keeps a database
 * open and does not flush each commit writes to its -wal unseen, where that is long enough already.
 */
export const WRITES_SHOW_LATE = process.platform === 'win32';

/** undefined: nothing is there, or it cannot be looked at. */
export function fileFacts(path: string): FileFacts | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && factsOf(stats);
}
