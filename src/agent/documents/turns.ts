/** The rest between two turns of a loop: ended by whoever has news for it, or by the clock. */
import type { Clock } from '../../platform/ports.ts';

export class Turns {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #awake = false;
  #onWake = () => {};
  #onTurn: (() => void)[] = [];

  /** `signal`: there are no more turns. */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** There is something to do. */
  wake(): void {
    this.#awake = true;
    this.#onWake();
  }

  /** Resolves when somebody has news, or after `ms` (which may be infinite). */
  async rest(ms: number): Promise<void> {
    if (this.#awake || this.#signal.aborted) {
      this.#awake = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const cancel = Number.isFinite(ms) ? this.#clock.after(ms, resolve) : () => {};
      this.#onWake = () => {
        cancel();
        resolve();
      };
    });
    this.#onWake = () => {};
    this.#awake = false;
  }

  /** Resolves when the loop has nothing more to do for now. */
  next(): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    return new Promise((resolve) => this.#onTurn.push(resolve));
  }

  /** The loop has nothing more to do for now. */
  tell(): void {
    const waiting = this.#onTurn;
    this.#onTurn = [];
    for (const tell of waiting) tell();
  }
}
