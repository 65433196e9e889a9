/** A process that plays worlds, and stories of databases, for `soak`. */
import { judgeStory } from '../database/mixed/judging.ts';
import type { Story as DatabaseStory } from '../database/mixed/story.ts';
import { type Outcome, play } from './play.ts';
import { shrunk } from './shrinking.ts';
import { type Story, storyOf } from './story.ts';
import { WatchOver } from './watch-over.ts';

export type Asked = AskedWorld | AskedDatabase;
export type AskedDatabase = {
  readonly kind: 'database';
  readonly seed: string;
  readonly story?: DatabaseStory;
  readonly shrink?: boolean;
};
export type AskedWorld = {
  readonly kind: 'world';
  readonly seed: string;
  /** Instead of the seed's own. */
  readonly story?: Story;
  readonly twice?: boolean;
  readonly shrink?: boolean;
};
export type Verdict = {
  readonly seed: string;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  /** What was left of a story that fails. */
  readonly actions: number;
};

const watch = new WatchOver();

// Ctrl-C is for whoever asks: what is under way here comes to its end, or ends with them.
process.on('SIGINT', () => {});
process.once('disconnect', () => process.exit());

process.on('message', async (asked: Asked) => {
  process.send?.(await (asked.kind === 'world' ? judge(asked) : judgeDatabase(asked)));
});

async function judgeDatabase({ seed, story, shrink }: AskedDatabase): Promise<Verdict> {
  watch.begin(`database ${seed}`);
  try {
    return await judgeStory(seed, story, shrink);
  } finally {
    watch.end();
  }
}

async function watched(name: string, story: Story, part?: Parameters<typeof play>[1]): Promise<Outcome> {
  watch.begin(name);
  try {
    return await play(story, part);
  } finally {
    watch.end();
  }
}

async function judge({ seed, story = storyOf(seed), twice = true, shrink = false }: AskedWorld): Promise<Verdict> {
  const outcome = await watched(`seed ${seed}`, story);
  if (outcome.violations.length > 0) {
    const small = shrink
      ? await shrunk(story, outcome, (smaller) => watched(`seed ${seed}, made smaller,`, smaller))
      : { story, outcome };
    const verdict = verdictOf(seed, small.outcome, small.story.actions.length);
    // To be kept in test/seeds.
    return { ...verdict, trace: [...verdict.trace, JSON.stringify(small.story)] };
  }
  if (!twice) return verdictOf(seed, outcome, story.actions.length);
  const again = await watched(`seed ${seed}, played again,`, story, 'story');
  const violations = [...again.violations];
  if (again.hash !== outcome.hash) violations.push(`told twice, and not the same: ${parting(outcome, again)}`);
  return { ...verdictOf(seed, again, story.actions.length), violations };
}

function verdictOf(seed: string, { violations, trace }: Outcome, actions: number): Verdict {
  return violations.length === 0 ? { seed, violations, trace: [], actions } : { seed, violations, trace, actions };
}

function parting(a: Outcome, b: Outcome): string {
  const at = a.trace.findIndex((line, index) => line !== b.trace[index]);
  return `\n  ${a.trace[at - 1]}\n  first time: ${a.trace[at]}\n  second time: ${b.trace[at]}`;
}
