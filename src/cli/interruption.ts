/** Ctrl-C and its kin. The launcher passes on what it gets, so from a terminal a signal comes twice: it counts once. */
import { constants } from 'node:os';

export class Interrupted extends Error {
  override name = 'Interrupted';
  /** As shells count: 128 and the signal's number. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(signal);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** Aborted, with an `Interrupted`, when this process is asked to end. From now on that no longer kills it. */
export function interruption(): AbortSignal {
  const interrupted = new AbortController();
  const by = (signal: NodeJS.Signals) => () => {
    if (!interrupted.signal.aborted) interrupted.abort(new Interrupted(signal));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) process.on(signal, by(signal));
  return interrupted.signal;
}

export function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
