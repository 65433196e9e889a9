/** One goal with several addresses, some of which may lead nowhere: tried a moment apart, the first success counts. */
import { LinkError, type LinkFailureKind } from './link-failure.ts';

export interface Attempts<T> {
  readonly urls: readonly string[];
  readonly attempt: (url: string, signal: AbortSignal) => Promise<T>;
  /** What to do with a success that came second. */
  readonly discard: (late: T) => void;
  readonly signal?: AbortSignal | undefined;
}

/** An address that answers does so within this in most networks (RFC 8305 has 250 ms). */
const APART_MS = 250;

/** Who was reached and said no is more telling than who was not the right one, and that more than nobody. */
const TELLING: readonly LinkFailureKind[] = ['cancelled', 'refused', 'untrusted', 'unreachable'];

/** Throws the most telling `LinkError` when all have failed. */
export async function firstOf<T>({ urls, attempt, discard, signal }: Attempts<T>): Promise<T> {
  const done = new AbortController();
  const stop = AbortSignal.any([done.signal, ...(signal === undefined ? [] : [signal])]);
  const attempts: Promise<T>[] = [];
  const one = async (url: string) => {
    const result = await attempt(url, stop);
    if (done.signal.aborted) {
      discard(result);
      throw new LinkError('cancelled', 'Another address answered first.');
    }
    done.abort();
    return result;
  };
  for (const url of urls) {
    const started = one(url);
    attempts.push(started);
    // The next one at once if this one fails, soon if it hesitates, never if it succeeds.
    await Promise.race([pause(APART_MS), started.then(nothing, nothing)]);
    if (done.signal.aborted) break;
  }
  try {
    return await Promise.any(attempts);
  } catch (error) {
    const failures = (error as AggregateError).errors as LinkError[];
    const rank = (failure: LinkError) => TELLING.indexOf(failure.kind);
    throw failures.sort((a, b) => rank(a) - rank(b))[0] ?? new LinkError('unreachable', 'There is no address to try.');
  }
}

const nothing = () => {};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms).unref());
