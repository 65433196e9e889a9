/**
 * `npm run soak`: worlds of the seeded world from a place by chance on, until Ctrl-C or for `--seconds T`; `--seeds N
 * [--from S]` so many (`--restored`: in each, hub and one whole machine are put back together; `--upgraded`: in each, programs alter the
 * schemas of their databases). Each is played twice (`--once`: once), which must be the same to the letter. `--databases N
 * [--from S]`: N stories of copies of one database (test/database/mixed). What failed once (test/seeds) comes first. What
 * fails is told with its story, with all left out that is not needed for it to fail. Ends with `N passed, N failed`, and
 * 1 if any failed.
 */
import { fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { useMemoryDisk } from '../../scripts/memory-disk.ts';
import { knownStories } from '../database/mixed/known.ts';
import { knownSeeds } from './seeds.ts';
import type { Asked, Verdict } from './soak-worker.ts';
import { FAULTS, restoredStory, type Story, upgradedStory } from './story.ts';

const USAGE =
  'usage: npm run soak [-- [--seeds N] [--databases N] [--from S] [--seconds T] [--processes N] [--once] [--restored|--upgraded] [--whole] [--trace]]';

const values = wanted();
const WORKERS = Math.max(1, Math.min(values.processes, availableParallelism()));
const SHRUNK = 3;
/** Memory is given back by a process's end; a world leaves some behind. */
const PER_PROCESS = { world: 50, database: 1000 };

useMemoryDisk();
const begun = performance.now();
const ends = begun + (values.seconds ?? Number.POSITIVE_INFINITY) * 1000;
const isEndless = values.seeds === undefined && values.databases === undefined;
const worlds = values.seeds ?? (isEndless ? Number.POSITIVE_INFINITY : 0);
const databases = values.databases ?? 0;
const from = values.from ?? (isEndless ? randomInt(1_000_000, 1_000_000_000) : 1);
const queue = asked();
let isOver = false;
let passed = 0;
const failed: Verdict[] = [];

// Ctrl-C: what is being played comes to its end (workers do not listen), and a second one ends all at once.
process.once('SIGINT', () => {
  isOver = true;
});
if (isEndless && values.seconds === undefined) console.log(`worlds from ${from} on, until Ctrl-C`);
for (const [fault, on] of worlds > 0 ? Object.entries(FAULTS) : []) {
  if (!on) console.log(`switched off: ${fault} (not survived yet)`);
}
await Promise.all(Array.from({ length: WORKERS }, work));
const seconds = (performance.now() - begun) / 1000;
console.log(
  `${passed + failed.length} seeds in ${seconds.toFixed(1)} s, ${((passed + failed.length) / seconds).toFixed(2)} a second`,
);
if (failed.length > 0) console.log(`failing: ${failed.map(({ seed }) => seed).join(' ')}`);
console.log(`${passed} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;

/**
 * One process after the other takes the next seed; one that dies is a failure of the seed that it played. How long a
 * world may take is judged where it is played (watch-over.ts): by this process's clock a machine that slept for a while,
 * or an output that nobody took, made both worlds under way look as if they hung.
 */
async function work(): Promise<void> {
  let child = start();
  let played = 0;
  for (let asked = next(); asked !== undefined; asked = next()) {
    if (++played % PER_PROCESS[asked.kind] === 0) {
      child.disconnect();
      child = start();
    }
    const verdict = await play(child, { ...asked, shrink: !values.whole && failed.length < SHRUNK });
    if (verdict.died) child = start();
    told(verdict);
  }
  child.disconnect();
}

function askedWorld(seed: string, story?: Story): Asked {
  return { kind: 'world', seed, ...(story && { story }), twice: !values.once };
}

function next(): Asked | undefined {
  return isOver || performance.now() >= ends ? undefined : (queue.next().value ?? undefined);
}

function* asked(): Generator<Asked, undefined> {
  if (worlds > 0) for (const { name, story } of knownSeeds()) yield askedWorld(name, story);
  if (databases > 0) for (const { name, story } of knownStories()) yield { kind: 'database', seed: name, story };
  for (let n = 0; n < databases; n++) yield { kind: 'database', seed: String(from + n) };
  for (let n = 0; n < worlds; n++) {
    const seed = String(from + n);
    const story = values.restored ? restoredStory(seed) : values.upgraded ? upgradedStory(seed) : undefined;
    yield askedWorld(seed, story);
  }
}

function wanted() {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { values } = parseArgs({
      options: {
        seeds: text,
        databases: text,
        from: text,
        seconds: text,
        processes: text,
        once: flag,
        /** The whole trace of each failing seed. */
        trace: flag,
        /** In each world hub and one machine are put back together. */
        restored: flag,
        /** In each world people's programs alter the schemas of their databases. */
        upgraded: flag,
        /** Leaves failing stories as they are. */
        whole: flag,
      },
    });
    const count = (given: string | undefined): number | undefined => {
      if (given !== undefined && !/^\d{1,15}$/.test(given)) throw new Error(`“${given}” is no number`);
      return given === undefined ? undefined : Number(given);
    };
    const { seeds, databases, from, seconds, processes, ...how } = values;
    return {
      ...how,
      seeds: count(seeds),
      databases: count(databases),
      from: count(from),
      seconds: count(seconds),
      processes: count(processes) ?? 2,
    };
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

function start() {
  return fork(new URL('./soak-worker.ts', import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

function play(child: ReturnType<typeof start>, asked: Asked): Promise<Verdict & { died?: boolean }> {
  return new Promise((resolve) => {
    const over = (verdict: Verdict & { died?: boolean }): void => {
      child.off('message', answered);
      child.off('exit', died);
      resolve(verdict);
    };
    const answered = (verdict: unknown): void => over(verdict as Verdict);
    const died = (code: number | null): void =>
      over({
        seed: asked.seed,
        violations: [code === null ? 'the process was killed: it hung' : `the process ended with ${code}`],
        trace: [],
        actions: 0,
        died: true,
      });
    child.on('message', answered);
    child.on('exit', died);
    child.send(asked);
  });
}

function told(verdict: Verdict): void {
  if (verdict.violations.length === 0) {
    passed += 1;
    const all = passed + failed.length;
    if (all % (worlds > 0 ? 50 : 500) === 0)
      console.log(`${all} played, ${failed.length} failed, ${((performance.now() - begun) / 1000).toFixed(0)} s`);
    return;
  }
  failed.push(verdict);
  const shown = values.trace ? verdict.trace : verdict.trace.slice(-120);
  console.log(`\n==== seed ${verdict.seed} fails${verdict.actions > 0 ? `, with ${verdict.actions} actions` : ''}`);
  console.log(shown.join('\n'));
  for (const violation of verdict.violations) console.log(`seed ${verdict.seed}: ${violation}`);
}
