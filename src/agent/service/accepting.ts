/** Many conflicts settled at once, by what is shown. */
import { ProblemError } from '../../core/problem.ts';
import type { Choice } from '../../database/host.ts';
import type { Result } from '../../sdk/contract.ts';
import type { Copy } from '../copy.ts';
import { stopIfAsked } from '../syncing.ts';

/** Choices of one change: other programs wait for the database meanwhile. */
const AT_ONCE = 100;

type Listed = { readonly id: string; readonly candidates: readonly { readonly id: string; readonly shown: boolean }[] };

/** `only`: of the database with this id, and its table of this name. */
export async function acceptShown(
  copy: Copy,
  only: { readonly database: string | undefined; readonly table: string | undefined },
  signal: AbortSignal,
): Promise<Result<'accept'>> {
  let [settled, left] = [0, 0];
  const settle = async (listed: readonly Listed[], atOnce: number, resolve: Resolve): Promise<void> => {
    const choices = listed.flatMap(shownOf);
    for (let from = 0; from < choices.length; from += atOnce) {
      stopIfAsked(signal);
      settled += await settledOf(choices.slice(from, from + atOnce), resolve);
    }
    left += listed.length;
  };
  for (const { id, conflicts } of await copy.databases.conflicts()) {
    if (only.database !== undefined && id !== only.database) continue;
    const wanted = conflicts.filter(({ table }) => only.table === undefined || table === only.table);
    await settle(wanted, AT_ONCE, (choices) => copy.databases.process.resolve(id, choices));
  }
  if (only.database === undefined) {
    const { conflicts } = copy.documents;
    await settle(conflicts.list(), 1, async (choices) => {
      for (const { conflict, candidate } of choices) await conflicts.resolve(conflict, candidate);
    });
  }
  return { settled, left: left - settled };
}

type Resolve = (choices: readonly Choice[]) => Promise<void>;

function shownOf({ id, candidates }: Listed): Choice[] {
  const shown = candidates.find((each) => each.shown);
  return shown === undefined ? [] : [{ conflict: id, candidate: shown.id }];
}

/** How many could be settled: one that cannot keeps no other from it. */
async function settledOf(choices: readonly Choice[], resolve: Resolve): Promise<number> {
  try {
    await resolve(choices);
    return choices.length;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (choices.length === 1) return 0;
  }
  const half = choices.length >> 1;
  return (await settledOf(choices.slice(0, half), resolve)) + (await settledOf(choices.slice(half), resolve));
}
