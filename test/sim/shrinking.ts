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
  for (let size = Math.ceil(story.actions.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.story.actions.length; ) {
      if (performance.now() > ends) return best;
      const { actions } = best.story;
      const rest = [...actions.slice(0, at), ...actions.slice(at + size)];
      if (!(await tryStory({ ...best.story, actions: rest }))) at += size;
    }
  }
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

/** What is wrong, without who, where and how much: a smaller story must fail for the same reason. */
function kindOf(violation: string): string {
  return violation
    .split('\n')[0]!
    .replace(/[A-Z][a-z]+#\d+|[0-9a-f]{6,}|\d+|^[A-Z][a-z]+|[^ ]*\.[a-z]{2,4}\b/g, '')
    .slice(0, 30);
}
