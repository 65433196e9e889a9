/** An owner says that a copy is not waited for any more. */
import { ProblemError } from '../../core/problem.ts';
import { COPIES, setOp } from '../../core/registry.ts';
import type { CopyId } from '../../core/vector.ts';
import type { Copy } from '../copy.ts';
import { RETIRED } from './live-copies.ts';

export type RetiredCopy = { readonly copy: CopyId; readonly user: string; readonly device: string };

/** `wanted`: an id, or how it begins. Throws a `ProblemError` for whoever may not, and for what is no other copy. */
export async function retireCopy(copy: Copy, wanted: string): Promise<RetiredCopy> {
  const { store, facts, upkeep } = copy;
  const retired = upkeep.live.retired();
  const used = [...store.vector().keys()].filter((id) => !retired.has(id));
  const found = used.filter((id) => id.startsWith(wanted.toLowerCase()));
  const [id] = found;
  if (id === undefined || found.length > 1) throw noSuchCopy(wanted, found.length);
  if (id === facts.copy) throw ownCopy();
  if (!upkeep.live.mayRetire(facts.copy, id)) throw notOwner(upkeep.live.owner());
  const maker = store.maker(id);
  await copy.record([setOp(COPIES, id, { [RETIRED]: { value: 1n, over: [] } })]);
  return { copy: id, user: maker?.user ?? '', device: maker?.deviceName ?? '' };
}

function noSuchCopy(wanted: string, found: number): ProblemError {
  return new ProblemError({
    code: 'no-such-copy',
    text: found === 0 ? `No copy of this file in use is called ${wanted}.` : `${found} copies begin with ${wanted}.`,
    remedy: 'See `tieout users` for those that there are.',
  });
}

function ownCopy(): ProblemError {
  return new ProblemError({
    code: 'own-copy',
    text: 'This is the copy that you are in.',
    remedy: 'Use `tieout detach` to end it.',
  });
}

function notOwner(owner: string | undefined): ProblemError {
  return new ProblemError({
    code: 'not-owner',
    text: 'Only the owner of a file retires copies of others.',
    remedy: `Ask ${owner ?? 'the owner'}.`,
  });
}
