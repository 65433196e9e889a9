/** A story played and judged; one that fails is told with all left out that it does not need to fail. */
import { existsSync } from 'node:fs';
import { fewer } from '../../sim/shrinking.ts';
import { type Outcome, play } from './play.ts';
import { type Action, type Story, storyOf } from './story.ts';

const LIMIT_MS = 60_000;
/** Many small files are made: where there is a disk in memory, there. */
const IN_MEMORY = '/dev/shm';

export interface Judged {
  readonly seed: string;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly actions: number;
}

export async function judgeStory(seed: string, story: Story = storyOf(seed), shrink = false): Promise<Judged> {
  if (existsSync(IN_MEMORY)) process.env.TMPDIR = IN_MEMORY;
  const outcome = play(story);
  if (outcome.violations.length === 0) return { seed, violations: [], trace: [], actions: story.actions.length };
  const small = shrink ? await shrunk(story, outcome) : { story, outcome };
  return {
    seed,
    violations: small.outcome.violations,
    // To be kept in test/seeds/databases.
    trace: [...small.outcome.trace, JSON.stringify(small.story)],
    actions: small.story.actions.length,
  };
}

async function shrunk(story: Story, outcome: Outcome): Promise<{ story: Story; outcome: Outcome }> {
  const ends = performance.now() + LIMIT_MS;
  const kind = kindOf(outcome);
  let best = { story, outcome };
  const fails = (smaller: Story): boolean => {
    const found = play(smaller);
    if (kindOf(found) !== kind) return false;
    best = { story: smaller, outcome: found };
    return true;
  };
  await fewer(story.actions, (actions) => fails({ ...best.story, actions }), ends);
  for (let at = 0; at < best.story.actions.length; at++) {
    const action = best.story.actions[at] as Action;
    if (action.kind !== 'run') continue;
    const { actions } = best.story;
    await fewer(
      action.edits,
      (edits) => fails({ ...best.story, actions: actions.with(at, { ...action, edits }) }),
      ends,
    );
  }
  await fewer(best.story.base, (base) => fails({ ...best.story, base }), ends);
  await fewer(best.story.schema, (schema) => fails({ ...best.story, schema }), ends);
  for (let copies = 2; copies < best.story.copies; copies++) {
    const isEnough = best.story.actions.every(
      (action) => action.copy < copies && !('from' in action && action.from >= copies),
    );
    if (isEnough && fails({ ...best.story, copies })) break;
  }
  if (best.story.journal === 'wal') fails({ ...best.story, journal: 'delete' });
  await fewer(best.story.actions, (actions) => fails({ ...best.story, actions }), ends);
  return best;
}

/** What is wrong, without names and figures: a smaller story must fail for the same reason. */
function kindOf({ violations }: Outcome): string {
  const [first = ''] = violations[0]?.split('\n') ?? [];
  return first.replaceAll(/"[^"]*"|'[^']*'|\d+/g, '').slice(0, 60);
}
