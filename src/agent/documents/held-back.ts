/**
 * What has gone from this disk and is not deleted for everybody: most of the file at once, or what lay on a disk that
 * was mounted in the folder. It counts with whatever else goes, in however many turns that is noticed.
 */
import type { Files } from '../../platform/ports.ts';
import type { Observation, Observations } from '../../store/observations.ts';

/** So many of the documents gone at once is a disk that was unplugged rather than an intention. */
const MANY = 100;

export class HeldBack {
  readonly #files: Files;
  readonly #observations: Observations;
  readonly #paths = new Set<string>();
  /** The person said that what has gone is to be deleted for everybody. */
  #deleteMany = false;

  constructor(files: Files, observations: Observations) {
    this.#files = files;
    this.#observations = observations;
  }

  allowDeletingMany(allowed: boolean): void {
    this.#deleteMany = allowed;
  }

  /** Gone, and known to be: a hint tells nothing new of it, and a scan looks again. */
  has(path: string): boolean {
    const isHeld = this.#paths.has(path) && this.#observations.at(path) !== undefined;
    return isHeld && this.#files.facts(path) === undefined;
  }

  /**
   * Holds these back where they are, with all else that has gone (`pending`: and may be gone for good), too many to be
   * meant; returns how many that is, 0 where they may be deleted.
   */
  take(gone: readonly Observation[], pending: ReadonlySet<string>): number {
    if (this.#deleteMany) return 0;
    for (const path of this.#paths) if (!this.has(path)) this.#paths.delete(path);
    const paths = gone.map(({ path }) => path);
    const all = new Set(paths).union(this.#paths).union(pending).size;
    if (!this.#isSuspicious(gone, all)) return 0;
    for (const path of paths) this.#paths.add(path);
    return all;
  }

  #isSuspicious(gone: readonly Observation[], all: number): boolean {
    const here = this.#files.facts('')?.device;
    if (gone.some(({ device }) => device !== here) && all > 1) return true;
    return all >= MANY && all > this.#observations.count() / 2;
  }
}
