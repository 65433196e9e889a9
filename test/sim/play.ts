/** Plays a story to its end and says what was found. */

import { closeBelow } from './open-stores.ts';
import { checkAnotherRound, checkAtRest, checkNewcomer } from './oracles.ts';
import { comeToRest } from './rest.ts';
import type { Story } from './story.ts';
import { tellOnDemand } from './watch-over.ts';
import { newPlace, Violation, World } from './world.ts';

export type Outcome = {
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly hash: string;
  readonly events: number;
};

/** `part` story: up to its rest, without asking what is there then; what `hash` says is the same in both. */
export async function play(story: Story, part: 'whole' | 'story' = 'whole'): Promise<Outcome> {
  const place = newPlace();
  const world = new World(story, place.folder);
  const unheard = (error: unknown): void => {
    world.violate(
      `nobody caught: ${error instanceof Error ? clean(error.stack ?? error.message, place.folder) : error}`,
    );
  };
  process.on('unhandledRejection', unheard);
  tellOnDemand(() => world.state());
  let hash: string | undefined;
  try {
    await world.run();
    await comeToRest(world);
    hash = world.traceHash;
    if (part === 'whole') await checkAtRest(world);
    if (part === 'whole' && world.violations.length === 0) await checkAnotherRound(world);
    if (part === 'whole' && world.violations.length === 0) await checkNewcomer(world, world.file);
  } catch (error) {
    const text = error instanceof Violation ? error.message : ((error as Error).stack ?? String(error));
    world.violate(clean(text, place.folder));
  } finally {
    for (const { cabinet } of world.people) cabinet.close();
    closeBelow(place.folder);
    place.remove();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unheard);
  }
  const { violations, trace, traceHash, timeline } = world;
  return { violations, trace, hash: hash ?? traceHash, events: timeline.events };
}

/** The same on every run: without the place, and without where in the source. */
function clean(text: string, folder: string): string {
  return text.replaceAll(folder, '').replaceAll(import.meta.dirname, 'test/sim');
}
