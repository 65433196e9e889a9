/** A call that was refused or failed, told so that a person can act on it. */
export interface Failure {
  /** Stable name for programs: lower case, words joined by '-'. */
  readonly code: string;
  /** One sentence: what was refused or failed. */
  readonly text: string;
  /** Why. May be empty when `text` says it. */
  readonly why: string;
  /** What to do about it. */
  readonly remedy: string;
}

export class TieoutError extends Error {
  override name = 'TieoutError';
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super([failure.text, failure.why, failure.remedy].filter(Boolean).join(' '), options);
    this.failure = failure;
  }
}

/** The failure that a JSON document describes; undefined if it describes none. */
export function readFailure(json: unknown): Failure | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { code, text, why, remedy } = json as Record<string, unknown>;
  const told = [code, text, why, remedy].every((part) => typeof part === 'string');
  return told ? (json as Failure) : undefined;
}
