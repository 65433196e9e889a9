/**
 * The three kinds of failure. What can be expected is a returned value. What the outside world does to us is a
 * `ProblemError`: it becomes a problem of the one document or file it concerns, and the rest goes on. What cannot
 * be is `Impossible`: it stops the one file in which it happened.
 */

/** What a person is told: what happened and why, and what to do. Plain data, it crosses processes as it is. */
export interface Problem {
  /** Stable name for programs: lower case, words joined by '-'. */
  readonly code: string;
  /** One sentence: what failed, and why. */
  readonly text: string;
  /** One sentence: what to do about it. */
  readonly remedy: string;
  /** The file or folder concerned. */
  readonly path?: string;
}

export class ProblemError extends Error {
  override name = 'ProblemError';
  readonly problem: Problem;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(`${problem.text} ${problem.remedy}`, options);
    this.problem = problem;
  }
}

/** Why the disk did not do what it was asked to. */
export type StorageKind =
  | 'disk-full'
  | 'read-only'
  | 'no-permission'
  | 'missing'
  | 'in-use'
  | 'too-many-open'
  | 'damaged'
  | 'disk-error'
  | 'newer-store';

/** The disk failed, or what lies on it is not usable. `problem.code` is the kind. */
export class StorageError extends ProblemError {
  override name = 'StorageError';
  readonly kind: StorageKind;

  constructor(kind: StorageKind, problem: Omit<Problem, 'code'>, options?: ErrorOptions) {
    super({ code: kind, ...problem }, options);
    this.kind = kind;
  }
}

/** Our own mistake. Nothing may go on from here with the file concerned. */
export class Impossible extends Error {
  override name = 'Impossible';
}

export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Impossible(what);
}
