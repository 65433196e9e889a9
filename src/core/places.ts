/**
 * Which row is at which number after an application has worked on a table: the ordered marks say it. Delete and insert
 * of one number is a new row; REPLACE of the same key is the same row, whether or not SQLite ran the delete triggers.
 */
import type { RowId } from './body.ts';

export type PlaceEvent =
  /** i: inserted. d: deleted. u: changed in place. */
  | { readonly op: 'i' | 'd' | 'u'; readonly number: bigint }
  /** r: an insert names its own number. v: an insert or update may have met a row with one of its UNIQUE values. */
  | { readonly op: 'r' | 'v'; readonly number: bigint }
  /** a: a row that had been deleted was brought back by ourselves. */
  | { readonly op: 'a'; readonly number: bigint; readonly row: RowId }
  | { readonly op: 'm'; readonly number: bigint; readonly to: bigint };

/** Who is at a number: a row known before, or (null) one that was made since. */
interface Occupant {
  readonly known: RowId | null;
  /** Perhaps replaced: REPLACE deletes without telling. */
  doubtful?: boolean;
}

export interface Places {
  /** Rows known before, by where they are now; null: deleted. */
  readonly known: ReadonlyMap<RowId, bigint | null>;
  /** Numbers of rows that were made since. */
  readonly fresh: ReadonlySet<bigint>;
}

/**
 * `rowAt`: the row that was at a number when the marks began. `isThere`: does the database hold a row with this number
 * now? What it says beats the marks.
 */
export function tracePlaces(
  events: Iterable<PlaceEvent>,
  rowAt: (number: bigint) => RowId | null,
  isThere: (number: bigint) => boolean,
): Places {
  const places = new Map<bigint, Occupant | null>();
  const known = new Map<RowId, bigint | null>();
  const replaced = new Set<bigint>();
  const taken = new Map<bigint, Occupant>();

  const who = (number: bigint): Occupant | null => {
    const found = places.get(number);
    if (found !== undefined) return found;
    const row = rowAt(number);
    const occupant = row === null ? null : { known: row };
    places.set(number, occupant);
    if (row !== null) known.set(row, null);
    return occupant;
  };

  for (const event of events) {
    const { number } = event;
    const occupant = who(number);
    switch (event.op) {
      case 'r':
        if (occupant !== null) replaced.add(number);
        break;
      case 'v':
        if (occupant !== null) occupant.doubtful = true;
        break;
      case 'u':
        if (occupant !== null) occupant.doubtful = false;
        break;
      case 'd':
        if (occupant !== null && replaced.has(number)) taken.set(number, occupant);
        places.set(number, null);
        break;
      case 'i':
        // Without a delete before, the row at this number was replaced: it is still that row.
        if (occupant === null || occupant.doubtful) places.set(number, taken.get(number) ?? { known: null });
        replaced.delete(number);
        taken.delete(number);
        break;
      case 'a':
        places.set(number, { known: event.row });
        known.set(event.row, null);
        break;
      case 'm':
        who(event.to);
        places.set(number, null);
        places.set(event.to, occupant ?? { known: null });
        break;
      default:
        event satisfies never;
    }
  }

  const fresh = new Set<bigint>();
  for (const [number, occupant] of places) {
    if (!isThere(number)) continue;
    if (occupant === null || occupant.known === null) fresh.add(number);
    else known.set(occupant.known, number);
  }
  return { known, fresh };
}
