/** Progress on stderr: a bar with rate and time left on a terminal, silence otherwise. */
import type { Clock } from '../platform/ports.ts';
import type { Progress } from '../sdk/contract.ts';
import { Rate } from './rate.ts';
import { count, duration, plain, size } from './text.ts';

type Transfer = Progress<'publish'>;

/** What methods tell while they run: how far they are, or one line. */
export type Told = Transfer | { readonly text: string };

export interface ProgressLine {
  show(told: Told): void;
  /** Takes the line away: what follows is the result. */
  end(): void;
}

const PHASES: Record<Transfer['phase'], string> = {
  reading: 'Reading',
  sending: 'Sending',
  receiving: 'Receiving',
  placing: 'Placing',
  checking: 'Checking',
};

export async function progressLine(clock: Clock): Promise<ProgressLine | undefined> {
  if (!process.stderr.isTTY) return undefined;
  const { default: progress } = await import('cli-progress');
  const rate = new Rate();
  let line = '';
  const bar = new progress.SingleBar({
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    // It would end the process by itself; interruption.ts decides that.
    gracefulExit: false,
    format: (options, { progress: part }) => line.replace('{bar}', progress.Format.BarFormat(part, options)),
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
  });
  let started = false;
  return {
    show(told) {
      const [done, total] = 'text' in told ? [0, 1] : measure(told);
      if (!('text' in told)) rate.add(done, clock.monotonic());
      line = 'text' in told ? plain(told.text) : describe(told, rate);
      if (!started) bar.start(total, done);
      started = true;
      bar.setTotal(total);
      bar.update(done);
    },
    end() {
      if (started) bar.stop();
    },
  };
}

/** Bytes tell most; where there are none (empty documents, a look around), documents do. */
function measure({ bytes, documents }: Transfer): [done: number, total: number] {
  const { done, total } = bytes.total > 0 ? bytes : documents;
  return [Math.min(done, total), Math.max(total, 1)];
}

/** `Sending {bar} 45 %  210 MB of 460 MB  52 MB/s  5 s left  1,203 of 2,000 documents` */
export function describe(told: Transfer, rate: Rate): string {
  const { phase, bytes, documents } = told;
  const [done, total] = measure(told);
  const speed = rate.perSecond;
  const left = rate.secondsTo(total);
  return [
    `${PHASES[phase]} {bar} ${Math.floor((100 * done) / total)} %`,
    bytes.total > 0 && `${size(bytes.done)} of ${size(bytes.total)}`,
    bytes.total > 0 && speed !== undefined && `${size(Math.round(speed))}/s`,
    left !== undefined && done < total && `${duration(left)} left`,
    documents.total > 0 && `${documents.done.toLocaleString('en-US')} of ${count(documents.total, 'document')}`,
  ]
    .filter(Boolean)
    .join('  ');
}
