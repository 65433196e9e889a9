/** What can be wrong with a copy as a whole, in words for its user. */
import { type Problem, ProblemError } from '../core/problem.ts';
import type { CopyFacts } from './sync-folder.ts';

export function refused(text: string): Problem {
  return { code: 'refused', text: `The hub does not accept this copy: ${text}`, remedy: 'Ask the owner of the file.' };
}

/** The key of the problem of a copy whose publish or copying has begun and not ended. */
export const UNFINISHED = 'unfinished';

export function unfinished({ phase, name }: CopyFacts, root: string): Problem {
  const [what, command] =
    phase === 'publishing' ? ['published', `publish "${root}"`] : ['made', `copy "${name}" "${root}"`];
  return {
    code: UNFINISHED,
    text: `This copy is not complete: it is still being ${what}, or that was cut short.`,
    remedy: `Use \`tieout ${command}\` again: it goes on where it stopped.`,
  };
}

export function closedMeanwhile(path: string): ProblemError {
  return new ProblemError({
    code: 'closed-meanwhile',
    text: `${path} was closed meanwhile: it goes on as a new copy, or the agent ends.`,
    remedy: 'Try again in a moment. Nothing that was done in it is lost.',
    path,
  });
}

export function damagedChunks(count: number): Problem {
  return {
    code: 'damaged-chunks',
    text: `${count === 1 ? '1 piece of stored content was damaged on this disk and is' : `${count} pieces of stored content were damaged on this disk and are`} not used.`,
    remedy:
      'What is damaged is fetched from the hub when needed. `tieout doctor` says which documents need it; have the disk checked.',
  };
}

export function clockAhead(user: string, ms: number): Problem {
  return {
    code: 'clock',
    text: `The clock of ${user}'s machine is wrong: it says ${new Temporal.Instant(BigInt(ms) * 1_000_000n).toString()}.`,
    remedy: `Ask ${user} to set the clock of the machine.`,
  };
}

export function unreadableChange(user: string): Problem {
  return {
    code: 'unreadable-change',
    text: `A change by ${user} cannot be read by this release.`,
    remedy: 'Install the newest release of Tieout on this machine.',
  };
}
