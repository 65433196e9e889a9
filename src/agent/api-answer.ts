/**
 * One answer of the local API. A call with progress is answered line by line as it runs ({progress}… then {result} or
 * {error}); one without by a single such line, with an HTTP status that fits.
 */
import type { Clock } from '../platform/ports.ts';
import type { TieoutError } from '../sdk/failure.ts';
import { callerGone, type Refusal, refusalOf, tooSlow } from './api-failure.ts';

/** A call, ready to run. Returns what goes into `result`; throws otherwise. */
export type Run = (progress: (progress: unknown) => void, signal: AbortSignal) => Promise<unknown>;

export interface Answering {
  readonly clock: Clock;
  /** Aborted when the caller goes away or the agent ends. */
  readonly signal: AbortSignal;
  /** Told of every error that is not a refusal. */
  readonly failed: (error: unknown) => void;
}

/** Empty lines in between, so that neither side takes a long silence for the other's end. */
const SIGN_OF_LIFE_MS = 15_000;
/** A reader that is this many lines behind does not read. A line is some 200 bytes. */
const MAX_LINES_WAITING = 5_000;

const line = (message: unknown) => `${JSON.stringify(message)}\n`;
const noStore = { 'cache-control': 'no-store' };

export function refused({ status, failure }: Refusal): Response {
  return new Response(line({ error: failure }), {
    status,
    headers: { ...noStore, 'content-type': 'application/json' },
  });
}

export async function answerOnce(run: Run, { signal, failed }: Answering): Promise<Response> {
  try {
    const result = await run(() => {}, signal);
    return new Response(line({ result }), { headers: { ...noStore, 'content-type': 'application/json' } });
  } catch (error) {
    return refused(told(error, failed));
  }
}

/** `lossless`: each piece of progress counts, so a reader that does not follow is told so and let go. */
export function answerInLines(run: Run, lossless: boolean, answering: Answering): Response {
  const { clock, failed } = answering;
  const gone = new AbortController();
  const signal = AbortSignal.any([answering.signal, gone.signal]);
  const utf8 = new TextEncoder();

  let listening = true;
  let behind: TieoutError | undefined;

  const body = new ReadableStream<Uint8Array>(
    {
      start(to) {
        const send = (text: string) => listening && to.enqueue(utf8.encode(text));
        const room = () => to.desiredSize! > 0;

        const progress = (progress: unknown) => {
          if (behind !== undefined || !listening) return;
          if (room()) send(line({ progress }));
          else if (lossless) {
            behind = tooSlow(MAX_LINES_WAITING);
            gone.abort(behind);
          }
        };
        let rest = () => {};
        const breathe = () => {
          if (room()) send('\n');
          rest = clock.after(SIGN_OF_LIFE_MS, breathe);
        };
        breathe();

        // Not awaited: nothing is read before `start` has returned.
        void run(progress, signal)
          .then(
            (result) => line(behind === undefined ? { result } : { error: behind.failure }),
            (error: unknown) => line({ error: told(error, failed).failure }),
          )
          .then((last) => {
            rest();
            send(last);
            if (listening) to.close();
          });
      },
      cancel() {
        listening = false;
        gone.abort(callerGone());
      },
    },
    { highWaterMark: MAX_LINES_WAITING },
  );
  return new Response(body, { headers: { ...noStore, 'content-type': 'application/x-ndjson' } });
}

function told(error: unknown, failed: (error: unknown) => void): Refusal {
  const refusal = refusalOf(error);
  if (refusal.status === 500) failed(error);
  return refusal;
}
