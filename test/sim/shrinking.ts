/** Leaves out of a failing story what it does not need to fail (Zeller's delta debugging, without finesse). */
import { type Outcome, play } from './play.ts';
import type { Story } from './story.ts';

const LIMIT_MS = 60_000;

export async function shrunk(story: Story, outcome: Outcome): Promise<{ story: Story; outcome: Outcome }> {
  const ends = performance.now() + LIMIT_MS;
  let best = { story, outcome };
  const tryStory = async (smaller: Story): Promise<boolean> => {
    const found = await play(smaller);
    if (found.violations.length === 0) return false;
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
