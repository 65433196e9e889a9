/** Leaves out of a failing story what it does not need to fail (Zeller's delta debugging, without finesse). */
import type { Outcome } from './play.ts';
import type { Story } from './story.ts';

const LIMIT_MS = 60_000;

export async function shrunk(
  story: Story,
  outcome: Outcome,
  playing: (story: Story) => Promise<Outcome>,
): Promise<{ story: Story; outcome: Outcome }> {
  const ends = performance.now() + LIMIT_MS;
  let best = { story, outcome };
  const kind = kindOf(outcome.violations[0]!);
  const tryStory = async (smaller: Story): Promise<boolean> => {
    const found = await playing(smaller);
    if (!found.violations.some((text) => kindOf(text) === kind)) return false;
    best = { story: smaller, outcome: found };
    return true;
  };
  await fewer(story.actions, (actions) => tryStory({ ...best.story, actions }), ends);
  for (const simpler of [
    { watcherLies: false },
    { roughSetup: false },
    { databases: 1 },
    { databases: 0 },
    { tickNs: '1' },
  ]) {
    if (performance.now() < ends) await tryStory({ ...best.story, ...simpler });
  }
  return best;
}

/** Leaves out items, many at once at first, for as long as what is left still `fails`, or until then (performance.now). */
export async function fewer<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => boolean | Promise<boolean>,
  ends: number,
): Promise<readonly T[]> {
  let left = items;
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < left.length; ) {
      if (performance.now() > ends) return left;
      const rest = [...left.slice(0, at), ...left.slice(at + size)];
      if (await fails(rest)) left = rest;
      else at += size;
    }
  }
  return left;
}

/** What is wrong, without who, where and how much: a smaller story must fail for the same reason. */
function kindOf(violation: string): string {
  return violation
    .split('\n')[0]!
    .replace(/[A-Z][a-z]+#\d+|[0-9a-f]{6,}|\d+|^[A-Z][a-z]+|[^ ]*\.[a-z]{2,4}\b/g, '')
    .slice(0, 30);
}
