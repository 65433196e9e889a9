/** How a copy stands, for people. */
import type { Copy } from './copy.ts';
import type { OpenProblem } from './problems.ts';

export type CopyState = 'online' | 'offline' | 'syncing' | 'unreachable';

export function stateOf(copy: Copy): CopyState {
  if (copy.facts.offline) return 'offline';
  if (copy.exchange === null) return 'unreachable';
  const { out, in: incoming } = copy.pending();
  return out.changes + out.bytes + incoming.changes > 0 ? 'syncing' : 'online';
}

/** The parent has everything that was done here and noticed. */
export function isSafe(copy: Copy): boolean {
  copy.documents.lookAtHints();
  const { out } = copy.pending();
  return out.changes === 0 && out.bytes === 0 && copy.documents.quiet();
}

export async function conflictCount(copy: Copy): Promise<number> {
  const lists = await copy.databases.conflicts();
  const inDatabases = lists.reduce((sum, { conflicts }) => sum + conflicts.length, 0);
  return copy.documents.conflicts.list().length + inDatabases;
}

/** All that is wrong with it now, the oldest first. */
export function problemsOf(copy: Copy): OpenProblem[] {
  return [...copy.problems.list(), ...copy.documents.problems()].sort((a, b) => a.since - b.since);
}
