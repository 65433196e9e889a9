/** Rows that break constraints, looked for only where something has changed, and for a small share of the time. */
import type { Clock } from '../../platform/ports.ts';
import type { DatabaseEngine } from '../engine.ts';
import { isBusy } from '../file/failing.ts';
import type { DatabaseConflict } from '../host.ts';

/** After a look the next one comes after this many times as long as it took. */
const PAUSE = 100;

interface Look {
  /** What the file was when we looked. */
  readonly at: string;
  readonly found: readonly DatabaseConflict[];
  /** Until then it stands, whatever happens. Monotonic, ms. */
  readonly until: number;
}

export class BrokenRows {
  readonly #clock: Clock;
  readonly #looks = new Map<string, Look>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(id: string, engine: DatabaseEngine): readonly DatabaseConflict[] {
    const known = this.#looks.get(id);
    const now = this.#clock.monotonic();
    if (known !== undefined && now < known.until) return known.found;
    const at = `${engine.dataVersion()} ${JSON.stringify([...engine.vector])}`;
    if (known?.at === at) return known.found;
    try {
      const found = engine.broken();
      this.#looks.set(id, { at, found, until: now + (this.#clock.monotonic() - now) * PAUSE });
      return found;
    } catch (error) {
      // A program is writing: the next one who asks has the answer.
      if (!isBusy(error)) throw error;
      return known?.found ?? [];
    }
  }

  forget(id: string): void {
    this.#looks.delete(id);
  }
}
