/** What can be wrong with packing the history of a file, in words for its users. */
import type { Problem } from '../../core/problem.ts';

/** Two copies have the same changes and not the same state: said on both sides. */
export function differing(names: readonly string[]): Problem {
  return {
    code: 'state-differs',
    text: `The copies of ${names.join(' and ')} have the same changes and do not show the same. Nothing is packed away until this is settled.`,
    remedy:
      'Run `tieout doctor` on both machines and install the same release on both; then make a new copy with `tieout copy` on the machine that is wrong.',
  };
}

/** What everybody else relies on is not what is found here. */
export function differsHere(maker: string): Problem {
  return {
    code: 'state-differs',
    text: `This copy does not find the same as ${maker}, and another copy, in what everybody has. Its history is not packed away.`,
    remedy:
      'Run `tieout doctor`; then make a new copy with `tieout copy`, bring over what it lacks, and delete this one.',
  };
}

/** What the hub has cannot be read, or is not what was signed. */
export function badHistory(why: string): Problem {
  return {
    code: 'bad-history',
    text: `What the hub has as the packed history of this file cannot be used: ${why}.`,
    remedy: 'Ask for the hub to be checked. Nothing is packed here until then, and nothing is lost.',
  };
}
