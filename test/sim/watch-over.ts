/**
 * A limit for the play of one world, and where it hung. A world that hangs does not come to tell anything itself, so a
 * thread beside it looks: when a world has had too much time it stops the main thread where that stands and asks the
 * world, through the inspector, what time it is there, what it waits for and what was done last.
 *
 * What counts is the work of this process, and seconds in which the thread itself could look: a machine that slept, or
 * whose terminal was held, is no hanging world.
 */
import { Worker } from 'node:worker_threads';

/** Processor time of one play, and seconds that went by, however busy the machine. */
export const LIMITS = { workS: 60, wallS: 600 };

export type WatchRequest = { readonly name: string; readonly limits: typeof LIMITS } | null;

/** What the thread asks the main thread for; the world that plays puts its answer there. */
const STATE = 'tieoutWorldState';

export class WatchOver {
  readonly #thread = new Worker(new URL('./watch-over-thread.ts', import.meta.url), { workerData: STATE });
  readonly #limits: typeof LIMITS;

  constructor(limits: typeof LIMITS = LIMITS) {
    this.#limits = limits;
    this.#thread.unref();
  }

  /** From now on `name` is played. When it takes too long, this process tells where it stands and ends. */
  begin(name: string): void {
    this.#thread.postMessage({ name, limits: this.#limits } satisfies WatchRequest);
  }

  end(): void {
    this.#thread.postMessage(null satisfies WatchRequest);
  }
}

/** How whoever looks learns where a world stands. */
export function tellOnDemand(state: () => string): void {
  (globalThis as Record<string, unknown>)[STATE] = state;
}
