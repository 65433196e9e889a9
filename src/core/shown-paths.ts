/**
 * Where documents are shown: paths are unique under folding and none lies in another. Where merging brought two to one
 * path the earlier stands and the later shows a derived name. Computed from what is merged, never written.
 */

import { foldPath, MAX_PART_BYTES, pathFault } from './paths.ts';
import { compareEarlier } from './registry.ts';
import type { Origin } from './rows.ts';

/** Something alive that wants a path. */
export type Claim = {
  readonly id: string;
  readonly path: string;
  /** Who gave it the path; null: the base. */
  readonly by: Origin | null;
  /** A database stands before any document: it is open in programs, and cannot be moved under them. */
  readonly database: boolean;
};

/** What is at a folded path outside of the claims: these stay where they are. */
export type Outside = (folded: string) => 'thing' | 'folder' | undefined;

/** The path at which each claim is shown. */
export function shownPaths(
  claims: readonly Claim[],
  userOf: (copy: string) => string | undefined,
  outside: Outside = () => undefined,
): ReadonlyMap<string, string> {
  const shown = new Map<string, string>();
  const things = new Set<string>();
  const folders = new Set<string>();
  const take = (claim: Claim, path: string) => {
    const folded = foldPath(path);
    things.add(folded);
    for (const folder of foldersOf(folded)) folders.add(folder);
    shown.set(claim.id, path);
  };
  /** The depth at which a path meets something that cannot share it; undefined: it is free. */
  const collision = (path: string): number | undefined => {
    const folded = foldPath(path);
    const above = foldersOf(folded);
    const blocked = above.findIndex((folder) => things.has(folder) || outside(folder) === 'thing');
    if (blocked >= 0) return blocked;
    const taken = things.has(folded) || folders.has(folded) || outside(folded) !== undefined;
    return taken ? above.length : undefined;
  };
  const displaced: Claim[] = [];
  for (const claim of [...claims].sort(compareClaims)) {
    if (collision(claim.path) === undefined) take(claim, claim.path);
    else displaced.push(claim);
  }
  for (const claim of displaced) {
    for (let count = 1; ; count++) {
      const path = derivedPath(claim.path, collision(claim.path) ?? 0, label(claim, userOf, count));
      if (collision(path) === undefined) {
        take(claim, path);
        break;
      }
    }
  }
  return shown;
}

function compareClaims(a: Claim, b: Claim): number {
  if (a.database !== b.database) return a.database ? -1 : 1;
  return compareEarlier(a.by, b.by) || (a.id < b.id ? -1 : 1);
}

/** 'a/b/c' lies in 'a' and 'a/b'. */
export function foldersOf(folded: string): string[] {
  const found: string[] = [];
  for (let at = folded.indexOf('/'); at >= 0; at = folded.indexOf('/', at + 1)) found.push(folded.slice(0, at));
  return found;
}

function label({ by }: Claim, userOf: (copy: string) => string | undefined, count: number): string {
  const user = by === null ? undefined : userOf(by.copy);
  const number = count === 1 ? '' : ` ${count}`;
  return user === undefined ? `(another copy${number})` : `(${user}'s copy${number})`;
}

/** `budget.xlsx` and `(Ben's copy)` give `budget (Ben's copy).xlsx`, cut where the name would be too long. */
function derivedPath(path: string, depth: number, mark: string): string {
  const parts = path.split('/');
  const name = parts[depth]!;
  const dot = depth === parts.length - 1 ? name.lastIndexOf('.') : -1;
  const stem = dot > 0 ? name.slice(0, dot) : name;
  const ending = dot > 0 ? name.slice(dot) : '';
  const clean = mark.replace(/[<>:"|?*\\/]/g, '-');
  let kept = [...stem];
  const build = () => [...parts.slice(0, depth), `${kept.join('')} ${clean}${ending}`, ...parts.slice(depth + 1)];
  while (kept.length > 1 && Buffer.byteLength(build()[depth]!) > MAX_PART_BYTES) kept = kept.slice(0, -1);
  const derived = build().join('/');
  // Too long in all, or an ending that fills the name: something short that is always possible.
  return pathFault(derived) === undefined ? derived : `${[...parts[0]!].slice(0, 40).join('')} ${clean}`;
}
