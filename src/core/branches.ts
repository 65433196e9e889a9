/**
 * Two histories of one log, and how they come together. A hub and a whole machine that are brought back from backups
 * together number twice what colleagues know: then the hub holds one branch, and they the other. Whoever holds what the
 * hub does not have makes it again, under an id that follows from the change with which the branch begins. So all who
 * hold it give it the same names, and what one of them has given the hub the others do not give again.
 * Pure: nothing here knows where logs are kept.
 */
import { type Hash, sha256 } from './bytes.ts';
import type { ChangeId } from './change.ts';
import type { Renaming } from './reissue.ts';
import { at, type CopyId, includes, type Vector } from './vector.ts';

/** What a copy knows of a log that holds another one's changes: the hashes that these had where they were first made. */
export type Origins = ReadonlyMap<CopyId, readonly Hash[]>;

/** The id of the log that holds what followed from this change on. */
export function branchId(first: Hash): CopyId {
  return sha256(Buffer.from(`tieout branch 1\n${first}`)).slice(0, 32);
}

/** Which change it was at first. */
export function originOf({ copy, seq, hash }: ChangeId & { readonly hash: Hash }, origins: Origins): Hash {
  return origins.get(copy)?.[seq - 1] ?? hash;
}

/**
 * Up to where each log fits one that has no more than `shared` of some of them: a change that was made upon one that
 * does not fit, does not fit either. `changes` in a causal order.
 */
export function fitting(
  tips: Vector,
  shared: Vector,
  changes: Iterable<ChangeId & { readonly deps: Vector }>,
): { readonly vector: Vector; readonly isWhole: boolean } {
  const vector = new Map(tips);
  for (const [copy, seq] of shared) vector.set(copy, Math.min(seq, at(tips, copy)));
  let isWhole = includes(vector, tips);
  for (const { copy, seq, deps } of changes) {
    if (seq > at(vector, copy) || includes(vector, deps)) continue;
    vector.set(copy, seq - 1);
    isWhole = false;
  }
  return { vector: new Map([...vector].filter(([, seq]) => seq > 0)), isWhole };
}

export type Placed = ChangeId & { readonly hash: Hash };

export interface Division<T extends Placed> {
  /** How what does not fit is called from now on. */
  readonly renamings: readonly Renaming[];
  /** What nobody has given yet, each with the log that it comes to, in the order in which it came. */
  readonly toMake: readonly { readonly change: T; readonly log: CopyId }[];
  /** What of the other side's it has to be made upon: it has this by the new names. */
  readonly given: Vector;
  /** Where all of it comes from, by the new names. */
  readonly origins: Origins;
}

/** Divides what does not fit (all of a log from some change on, in a causal order) by what the other side has of it. */
export function divided<T extends Placed>(changes: readonly T[], theirs: Vector, origins: Origins): Division<T> {
  const renamings: Renaming[] = [];
  const toMake: { change: T; log: CopyId }[] = [];
  const named = new Map<CopyId, Hash[]>();
  const given = new Map<CopyId, number>();
  const running = new Map<CopyId, { readonly log: CopyId; left: number; readonly isThere: boolean }>();
  for (const change of changes) {
    const { copy, seq } = change;
    const origin = originOf(change, origins);
    let run = running.get(copy);
    const begun = at(theirs, branchId(origin));
    if (run === undefined || run.left === 0 || (!run.isThere && begun > 0)) {
      const log = branchId(origin);
      run = { log, left: begun > 0 ? begun : Number.POSITIVE_INFINITY, isThere: begun > 0 };
      running.set(copy, run);
      named.set(log, []);
      // What was made again already, and is to be once more, keeps its names.
      if (log !== copy) renamings.push({ from: copy, to: log, after: seq - 1 });
    }
    run.left -= 1;
    if (run.isThere) given.set(run.log, at(given, run.log) + 1);
    named.get(run.log)?.push(origin);
    if (!run.isThere) toMake.push({ change, log: run.log });
  }
  return { renamings, toMake, given, origins: named };
}

/**
 * Logs that hold another one's changes, of which the other side lacks some by these names and has them by others: what it
 * had before, by which the log ends from now on.
 */
export function givenOtherwise(mine: Vector, theirs: Vector, origins: Origins): Vector {
  const ends = new Map<CopyId, number>();
  for (const [log, hashes] of origins) {
    const given = hashes.findIndex((hash) => branchId(hash) !== log && at(theirs, branchId(hash)) > 0);
    const end = Math.max(given, at(theirs, log));
    if (given >= 0 && end < at(mine, log)) ends.set(log, end);
  }
  return ends;
}
