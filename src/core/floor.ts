/**
 * What everybody has: below the floor no copy that is still used lacks anything, so that the log need not hold it any
 * more. Pure; what a copy is known to have are the deps of its last change.
 */
import type { ChangeId } from './change.ts';
import { at, type CopyId, EMPTY, meet, type Vector, withEntry } from './vector.ts';

/** The last change of a copy, or any other: what its maker had stored, itself included. */
export interface Standing extends ChangeId {
  readonly deps: Vector;
}

/** What the maker of a change had once it was made. */
export function holding({ copy, seq, deps }: Standing): Vector {
  return withEntry(deps, copy, seq);
}

/** The minimum over the last changes of the copies that are still used; nothing where there is none. */
export function floorOf(live: Iterable<Standing>): Vector {
  let floor: Vector | null = null;
  for (const last of live) floor = floor === null ? holding(last) : meet(floor, holding(last));
  return floor ?? EMPTY;
}

/** Lowering a vector until all agree takes a few rounds; a log in which it takes more has no moment of rest. */
const MAX_ROUNDS = 100;

/**
 * The greatest vector up to `floor` that every change beyond it has whole among its deps: a moment that all which came
 * later has seen. Of what lies below only the last change of each log is ever asked for again. `beyond` lists the changes
 * beyond a vector. Null when none was found.
 */
export function restingPlace(floor: Vector, beyond: (vector: Vector) => Iterable<Standing>): Vector | null {
  let place = floor;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let lower = place;
    for (const { copy, seq, deps } of beyond(place)) {
      if (at(lower, copy) < seq && !covered(lower, deps)) lower = meet(lower, deps);
    }
    if (lower === place) return place;
    place = lower;
  }
  return null;
}

function covered(vector: Vector, deps: Vector): boolean {
  for (const [copy, seq] of vector) if (at(deps, copy) < seq) return false;
  return true;
}

/** How many changes lie up to a vector. */
export function sizeOf(vector: Vector): number {
  let size = 0;
  for (const seq of vector.values()) size += seq;
  return size;
}

/** The copies whose logs stand in a vector. */
export function copiesIn(vector: Vector): CopyId[] {
  return [...vector.keys()];
}
