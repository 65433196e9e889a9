import type { ChangeId } from '../core/change.ts';
import { at, EMPTY, join, type Vector, withEntry } from '../core/vector.ts';
import type { Log } from '../store/log.ts';

/** What whoever made these changes had, and the changes themselves. */
export function knownTo(log: Pick<Log, 'get'>, changes: readonly ChangeId[]): Vector {
  return changes.reduce((known, { copy, seq }) => {
    const deps = log.get({ copy, seq })?.deps ?? EMPTY;
    return withEntry(join(known, deps), copy, Math.max(seq, at(known, copy)));
  }, EMPTY);
}
