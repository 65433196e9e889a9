/**
 * Numbers that SQLite handed out twice. Of the rows that claim one number the first keeps it; the others are shown with
 * numbers above every number ever claimed. A pure function of the merged rows: equal on all copies, in whatever order
 * the changes came.
 */

import type { RowId } from './body.ts';
import { sha256 } from './bytes.ts';
import { compareOrigins, type Origin } from './rows.ts';

/** A living row and who gave it the number; null: it has had it since the base. */
export interface Claim {
  readonly row: RowId;
  readonly by: Origin | null;
}

/** Negative: `a` comes first and keeps the number. */
export function compareClaims(a: Claim, b: Claim): number {
  if (a.by === null || b.by === null) {
    if (a.by !== b.by) return a.by === null ? -1 : 1;
  } else {
    const byOrigin = compareOrigins(a.by, b.by);
    if (byOrigin !== 0) return byOrigin;
  }
  return a.row < b.row ? -1 : a.row > b.row ? 1 : 0;
}

/** Those who must move, of all that claim one number. */
export function losers(claims: readonly Claim[]): readonly Claim[] {
  return claims.length < 2 ? [] : [...claims].sort(compareClaims).slice(1);
}

/** The highest that SQLite has. */
export const LAST_NUMBER = 2n ** 63n - 1n;

/**
 * The numbers that all losers of one table are shown with. `top` is the highest number ever claimed in the table. Where
 * there is none above it, they are any, like those that SQLite itself gives then: by what names the row.
 */
export function placeLosers(all: readonly Claim[], top: bigint): ReadonlyMap<RowId, bigint> {
  if (top + BigInt(all.length) > LAST_NUMBER) return new Map(all.map(({ row }) => [row, anyNumber(row)]));
  const placed = new Map<RowId, bigint>();
  let next = top;
  for (const { row } of [...all].sort(compareClaims)) placed.set(row, ++next);
  return placed;
}

/** Of 60 bits: not one that anybody has. */
function anyNumber(row: RowId): bigint {
  return BigInt(`0x${sha256(Buffer.from(row)).slice(0, 15)}`);
}
