/** How a copy stands, for people. */
import { at } from '../core/vector.ts';
import type { Copy } from './copy.ts';
import type { OpenProblem } from './problems.ts';
import type { Amount } from './traffic.ts';

export type CopyState = 'online' | 'offline' | 'syncing' | 'unreachable';

export function stateOf(copy: Copy): CopyState {
  if (copy.facts.offline) return 'offline';
  if (copy.facts.phase !== 'complete') return 'syncing';
  if (copy.exchange === null) return 'unreachable';
  const { out, in: incoming } = pendingOf(copy);
  return out.changes + out.bytes + incoming.changes > 0 ? 'syncing' : 'online';
}

/** What the parent lacks of what is here, and what is lacking here of what it has. */
export function pendingOf({ parent, store, unsent, documents }: Copy): { out: Amount; in: Amount } {
  const mine = store.vector();
  const out = store.log.amountAfter(parent.vector);
  const missing = [...parent.vector].reduce((sum, [copy, seq]) => sum + Math.max(0, seq - at(mine, copy)), 0);
  return {
    out: { changes: out.changes, bytes: out.bytes + unsent.totals().bytes },
    in: { changes: missing, bytes: documents.missing().bytes },
  };
}

/** What is in the file and not yet in its place here. */
export function missingOf(copy: Copy): { documents: number; bytes: number } {
  const documents = copy.documents.missing();
  const databases = copy.databases.missing();
  return { documents: documents.documents + databases.documents, bytes: documents.bytes + databases.bytes };
}

/** Problems by which something that was done here stays here. */
const KEPT_HERE = new Set([
  'damaged-change',
  'damaged-database',
  'damaged-base',
  'unreadable-database',
  'unreadable-document',
  'rows-not-followed',
  'table-not-followed',
  'in-use',
  'disk',
]);

/** A problem because of which the parent may not have what was done here. */
export function keepsHere(copy: Copy): OpenProblem | undefined {
  return problemsOf(copy).find(({ code }) => KEPT_HERE.has(code) || code.startsWith('database-'));
}

/** The parent has everything that was done here and noticed, and nothing keeps us from noticing. */
export function isSafe(copy: Copy): boolean {
  copy.documents.lookAtHints();
  const { out } = pendingOf(copy);
  return out.changes === 0 && out.bytes === 0 && copy.documents.quiet() && keepsHere(copy) === undefined;
}

export async function conflictCount(copy: Copy): Promise<number> {
  const lists = await copy.databases.conflicts();
  const inDatabases = lists.reduce((sum, { conflicts }) => sum + conflicts.length, 0);
  return copy.documents.conflicts.list().length + inDatabases;
}

/** All that is wrong with it now, the oldest first; each with its path within the file, or none: the whole copy. */
export function problemsOf({ problems, documents, folder }: Copy): OpenProblem[] {
  return [...problems.list(), ...documents.problems()]
    .map(({ path, ...problem }) => {
      const within = path === undefined ? '' : pathWithin(folder.root, path);
      return within === '' ? problem : { ...problem, path: within };
    })
    .sort((a, b) => a.since - b.since);
}

/** Who has to do with the disk knows a place by its absolute path, who has to do with the file by the one within it. */
function pathWithin(root: string, path: string): string {
  const rest = path.slice(root.length);
  if (!path.startsWith(root) || !/^([\\/]|$)/.test(rest)) return path;
  return rest.replaceAll('\\', '/').replace(/^\/+/, '');
}
