/** Work that must not be felt: gives way to others after each slice, and counts the time that it took. */
import type { Clock } from '../../platform/ports.ts';

/** Others get their turn after this long. */
const SLICE_MS = 8;

export class Pace {
  readonly #clock: Clock;
  #began: number;
  /** Milliseconds that were worked, up to the last time of giving way. */
  worked = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  async giveWay(leastMs = SLICE_MS): Promise<void> {
    const took = this.#clock.monotonic() - this.#began;
    if (took < leastMs) return;
    this.worked += took;
    await new Promise<void>((resolve) => void this.#clock.after(0, resolve));
    this.#began = this.#clock.monotonic();
  }
}
