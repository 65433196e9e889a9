/** What is wrong now, each thing once, since when: shown in `status` until it is over. */
import type { Problem } from '../core/problem.ts';
import type { Clock } from '../platform/ports.ts';

export type OpenProblem = Problem & {
  /** Milliseconds since 1970. */
  readonly since: number;
};

export class Problems {
  readonly #clock: Clock;
  readonly #open = new Map<string, OpenProblem>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `key` names the thing concerned; a problem that is already open keeps its beginning. */
  set(key: string, problem: Problem): void {
    const since = this.#open.get(key)?.since ?? this.#clock.now();
    this.#open.set(key, { ...problem, since });
  }

  clear(key: string): void {
    this.#open.delete(key);
  }

  /** All that is wrong with one thing now, with their own beginnings. */
  replace(key: string, problems: readonly OpenProblem[]): void {
    for (const open of [...this.#open.keys()]) if (open.startsWith(`${key}#`)) this.#open.delete(open);
    for (const [index, problem] of problems.entries()) this.#open.set(`${key}#${index}`, problem);
  }

  list(): OpenProblem[] {
    return [...this.#open.values()].sort((a, b) => a.since - b.since);
  }
}
