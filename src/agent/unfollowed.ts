/** Databases that lie in the folder, are not in the file, and cannot be taken into it as they are. */
import { ProblemError } from '../core/problem.ts';
import type { Files } from '../platform/ports.ts';
import { lookOf } from '../store/observations.ts';

/** Why no base can be made of a database, however often it is tried. Everything else passes, or is the disk's doing. */
const FOR_GOOD = new Set(['database-not-followed', 'database-stopped', 'damaged-database']);

export function cannotBeFollowed(error: unknown): error is ProblemError {
  return error instanceof ProblemError && FOR_GOOD.has(error.problem.code);
}

export class Unfollowed {
  readonly #files: Files;
  readonly #found = new Map<string, { readonly look: string; readonly why: ProblemError }>();

  constructor(files: Files) {
    this.#files = files;
  }

  /**
   * Does `work`, which takes in what lies at `path`, unless that failed for good and the file is as it was then: each try
   * may write to it, and what is written to is looked at again, without end.
   */
  async tryAt(path: string, work: () => Promise<void>): Promise<void> {
    const known = this.#found.get(path);
    if (known !== undefined && known.look === this.#look(path)) throw known.why;
    this.#found.delete(path);
    try {
      await work();
    } catch (error) {
      if (cannotBeFollowed(error)) this.#found.set(path, { look: this.#look(path), why: error });
      throw error;
    }
  }

  /** Why one of those that lie there still is not in the file; undefined: there is none. */
  any(): ProblemError | undefined {
    for (const [path, { why }] of this.#found) {
      if (this.#look(path) !== '') return new ProblemError({ ...why.problem, text: `${path}: ${why.problem.text}` });
      this.#found.delete(path);
    }
    return undefined;
  }

  #look(path: string): string {
    const facts = this.#files.facts(path);
    return facts === undefined ? '' : `${facts.inode}:${lookOf(facts)}`;
  }
}
