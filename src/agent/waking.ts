/** Notices that the machine slept or its network changed: connections may be dead then without anybody being told. */
import type { Clock } from '../platform/ports.ts';

/** How often the machine is looked at. */
const LOOK_MS = 5_000;

export interface Waking {
  readonly clock: Clock;
  /** The addresses of the machine: another text when they have changed. */
  readonly network: () => string;
  /** Time has jumped, or the addresses have changed. */
  readonly woke: () => void;
}

/** Returns what ends the looking. */
export function lookForWaking({ clock, network, woke }: Waking): () => void {
  let last = clock.now();
  let known = network();
  let cancel = clock.after(LOOK_MS, look);
  function look(): void {
    const now = clock.now();
    const seen = network();
    if (now - last > 3 * LOOK_MS || seen !== known) woke();
    last = now;
    known = seen;
    cancel = clock.after(LOOK_MS, look);
  }
  return () => cancel();
}
