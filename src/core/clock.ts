/**
 * The hybrid logical clock: wall time where it can be had, always above every stamp it has seen.
 * A stamp is one safe integer, milliseconds since 1970 times 1024 plus a counter (Kulkarni et al., Logical Physical
 * Clocks, 2014). It chooses what is *shown* among writes that do not know each other, and nothing else.
 */
export type Stamp = number;

/** Stamps in one millisecond; the counter runs over into the next. */
const PER_MS = 1024;

/** A stamp further ahead than this is a wrong clock somewhere: not taken over, its machine is named in a problem. */
export const MAX_DRIFT_MS = 5 * 60_000;

export function stampAt(ms: number): Stamp {
  return Math.floor(ms) * PER_MS;
}

export function stampMs(stamp: Stamp): number {
  return Math.floor(stamp / PER_MS);
}

/** The next own stamp after `last` (our last one, or the highest that was taken over). */
export function nextStamp(last: Stamp, nowMs: number): Stamp {
  // When the machine's clock was a long way ahead and has been corrected, `last` is from the wrong time: follow the
  // machine back. Only what is shown among writes that do not know each other depends on it.
  const floor = last > stampAt(nowMs + MAX_DRIFT_MS) ? 0 : last;
  return Math.max(stampAt(nowMs), floor + 1);
}

export type Observed = { readonly last: Stamp; readonly ahead: boolean };

/** Takes a colleague's stamp into our clock, unless it is further ahead than the drift bound. */
export function observe(last: Stamp, seen: Stamp, nowMs: number): Observed {
  if (seen > stampAt(nowMs + MAX_DRIFT_MS)) return { last, ahead: true };
  return { last: Math.max(last, seen), ahead: false };
}
