/**
 * Records of the log that the disk has damaged, as they are met: by whoever asks for history, folds rows anew, sends to
 * the parent, or looks through all (doctor). Each is a problem until it can be read again, or is packed: a segment that a
 * colleague made has it whole.
 */
import { type ChangeId, changeKey } from '../core/change.ts';
import { type Problem, ProblemError } from '../core/problem.ts';
import type { FileStore } from '../store/file-store.ts';
import { DamagedChunk } from '../store/stored-chunk.ts';
import type { Problems } from './problems.ts';

/** The code and the key of the problem. */
export const DAMAGED_RECORD = 'damaged-record';
/** So many are named; a disk that fails may damage thousands. */
const NAMED = 3;

export class LogDamage {
  readonly #store: FileStore;
  readonly #problems: Problems;
  readonly #damaged = new Map<string, ChangeId>();

  constructor(store: FileStore, problems: Problems) {
    this.#store = store;
    this.#problems = problems;
  }

  met(id: ChangeId): void {
    if (this.#damaged.has(changeKey(id))) return;
    this.#damaged.set(changeKey(id), id);
    this.#problems.set(DAMAGED_RECORD, this.#problem());
  }

  /** What was met before, is it damaged still? */
  look(): void {
    if (this.#damaged.size === 0) return;
    for (const [key, id] of this.#damaged) if (this.#isReadable(id)) this.#damaged.delete(key);
    if (this.#damaged.size === 0) this.#problems.clear(DAMAGED_RECORD);
    else this.#problems.set(DAMAGED_RECORD, this.#problem());
  }

  /** Also what is not there any more: it was taken back. */
  #isReadable(id: ChangeId): boolean {
    try {
      this.#store.log.get(id);
      return true;
    } catch (error) {
      if (error instanceof ProblemError) return false;
      // It is packed by now, in a piece that is fetched again.
      if (error instanceof DamagedChunk) return true;
      throw error;
    }
  }

  #problem(): Problem {
    const all = [...this.#damaged.values()];
    const named = all
      .slice(0, NAMED)
      .map(
        ({ copy, seq }) =>
          `${seq} by ${this.#store.maker(copy)?.user ?? 'somebody unknown'} (copy ${copy.slice(0, 8)})`,
      );
    const rest = all.length > NAMED ? ` and ${all.length - NAMED} more` : '';
    return {
      code: DAMAGED_RECORD,
      text: `The log of changes is damaged on this disk: ${all.length === 1 ? 'change' : 'changes'} ${named.join(', ')}${rest} cannot be read, so that history and undo fail where they need it.`,
      remedy:
        'Have the disk checked. Make a new copy with `tieout copy` in another folder, and then remove this one; `tieout doctor` says whether more is damaged.',
    };
  }
}
