/**
 * `npm run soak -- --seeds N [--from S] [--seconds T]`: N worlds in two processes, each played twice, which must be the
 * same to the letter. `npm run soak -- --databases N [--from S] [--seconds T]`: N stories of copies of one database
 * (test/database/mixed). What failed once (test/seeds) comes first. What fails is told with its story, with all left
 * out that is not needed for it to fail. Ends with `N passed, N failed`, and 1 if any failed.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { useMemoryDisk } from '../../scripts/memory-disk.ts';
import { knownStories } from '../database/mixed/known.ts';
import { knownSeeds } from './seeds.ts';
import type { Asked, Verdict } from './soak-worker.ts';
import { FAULTS, type Story } from './story.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    databases: { type: 'string' },
    from: { type: 'string', default: '1' },
    seconds: { type: 'string' },
    /** The whole trace of each failing seed. */
    trace: { type: 'boolean', default: false },
    /** Leaves failing stories as they are. */
    whole: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    processes: { type: 'string', default: '2' },
  },
});
const WORKERS = Math.max(1, Math.min(Number(values.processes), availableParallelism()));
const SHRUNK = 3;
/** Memory is given back by a process's end; a world leaves some behind. */
const PER_PROCESS = { world: 50, database: 1000 };

useMemoryDisk();
const begun = performance.now();
const ends = values.seconds === undefined ? Number.POSITIVE_INFINITY : begun + Number(values.seconds) * 1000;
const from = Number(values.from);
const worlds = Number(values.seeds ?? (values.databases === undefined ? '100' : '0'));
const databases = Number(values.databases ?? '0');
const seeds = (count: number): string[] => Array.from({ length: count }, (_, n) => String(from + n));
const queue: Asked[] = [
  ...(worlds > 0 ? knownSeeds() : []).map(({ name, story }) => askedWorld(name, story)),
  ...(databases > 0 ? knownStories() : []).map(({ name, story }) => ({ kind: 'database' as const, seed: name, story })),
  ...seeds(databases).map((seed) => ({ kind: 'database' as const, seed })),
  ...seeds(worlds).map((seed) => askedWorld(seed)),
];
let passed = 0;
const failed: Verdict[] = [];

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
  return performance.now() < ends ? queue.shift() : undefined;
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
