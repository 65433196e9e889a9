/**
 * When to look into a database without a WAL: whoever reads it keeps its program from committing, and the program may
 * take that for a failure. So a pause of the program is waited for; and the longer it goes on without one, the more
 * rarely it is disturbed.
 */
import type { Clock } from '../platform/ports.ts';

/** So long after a commit a program seldom commits again, unless it did so just before: then a longer pause is one. */
const PAUSE_MS = 4;
const PAUSE_AMID_MS = 25;
/** After a look: whoever commits again so soon is amid its work. */
const AMID_MS = 100;
/** How long a pause is waited for, at first and at most. */
const PATIENCE_MS = 40;
const MAX_PATIENCE_MS = 1000;
/** A program that has not paused for so long will not soon. */
const RESTLESS_MS = 300;

export class Pauses {
  readonly #clock: Clock;
  readonly #due: () => void;
  #committed = Number.NEGATIVE_INFINITY;
  #looked = Number.NEGATIVE_INFINITY;
  #waitingSince: number | null = null;
  #patience = PATIENCE_MS;
  #cancel: (() => void) | null = null;

  /** `due`: now is the time to look. */
  constructor(clock: Clock, due: () => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** The program has committed just now. */
  committed(): void {
    this.#committed = this.#clock.monotonic();
    this.wait();
  }

  /** There is something to do that can wait for a pause. */
  wait(): void {
    const now = this.#clock.monotonic();
    this.#waitingSince ??= now;
    const pauseIn = this.#committed + this.#pause() - now;
    const patienceIn = this.#waitingSince + this.#patience - now;
    this.#cancel?.();
    this.#cancel = this.#clock.after(Math.max(0, Math.min(pauseIn, patienceIn)), () => this.#look());
  }

  /** It commits and commits. */
  get isRestless(): boolean {
    return this.#patience > RESTLESS_MS && this.#clock.monotonic() - this.#committed < MAX_PATIENCE_MS;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#waitingSince = null;
  }

  #look(): void {
    const now = this.#clock.monotonic();
    const paused = now - this.#committed >= this.#pause();
    this.#patience = paused ? PATIENCE_MS : Math.min(2 * this.#patience, MAX_PATIENCE_MS);
    this.#looked = now;
    this.stop();
    this.#due();
  }

  #pause(): number {
    return this.#committed - this.#looked < AMID_MS ? PAUSE_AMID_MS : PAUSE_MS;
  }
}
