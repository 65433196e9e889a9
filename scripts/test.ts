/**
 * Runs the tests of whole folders with node:test. A folder without tests, or a run in which nothing was tested, fails:
 * silence must never look like success.
 *
 *   node scripts/test.ts [--quick] [FOLDER | FILE …]
 *
 * --quick, for the check: without the real processes (test/process), the stories that failed once (the soak plays them
 * first) and those of months (compaction), and fewer of the long random histories.
 */
import { globSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { useMemoryDisk } from './memory-disk.ts';

const root = join(import.meta.dirname, '..');
const together = join(import.meta.dirname, 'together.ts');
/** Before this a test counts as hung; the slowest ones start real processes and kill them for minutes. */
const hungAfterMs = 20 * 60_000;

const wanted = process.argv.slice(2).filter((argument) => argument !== '--quick');
const quick = process.argv.includes('--quick');
const files = (wanted.length > 0 ? wanted : [join(root, 'test')]).flatMap((place) => testsIn(resolve(place)));
const below = (...rooms: string[]) =>
  files.filter((file) => rooms.some((room) => relative(root, file).startsWith(join('test', room))));
const processes = below('process');
const stories = below('sim/known', 'sim/compaction', 'database/known');
const worlds = below('sim').filter((file) => !stories.includes(file));
const databases = below('database').filter((file) => !stories.includes(file));
const pure = below('core', 'protocol', 'store');
// They wait for most of their time: for a folder to be quiet, say.
const waiting = below('agent');
const rest = files.filter((file) => ![processes, stories, worlds, databases, pure, waiting].flat().includes(file));

// Half of the time of many a process went into reading the same TypeScript again.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'tieout');
if (quick) {
  process.env.RUNS ??= '3';
  useMemoryDisk();
}

let tested = 0;
let failed = 0;
const empty: string[] = [];
await Promise.all([
  // The longest first: others fill the time beside them, and nobody waits for them at the end.
  runAll([...(quick ? [] : stories), ...worlds], { concurrency: availableParallelism() }),
  // Rooms without a state of their own to share by mistake: a process for each file would do little else than begin.
  ...[databases, waiting, pure, rest].map((lane) => runAll(lane, 'in one process')),
]);
// Real processes measure time and take all cores: one file after the other.
if (!quick) await runAll(processes, { concurrency: 1 });
if (tested === 0) console.error('no test was run');
for (const file of empty) console.error(`${file} holds no test`);
process.exitCode = failed > 0 || tested === 0 || empty.length > 0 ? 1 : 0;

function testsIn(place: string): string[] {
  const found = statSync(place).isFile()
    ? [place]
    : globSync('**/*.test.ts', { cwd: place }).map((f) => join(place, f));
  if (found.length === 0) throw new Error(`no test (*.test.ts) in ${place}`);
  return found.filter((file) => !file.includes('fixtures')).sort();
}

async function runAll(paths: string[], how: { readonly concurrency: number } | 'in one process'): Promise<void> {
  if (paths.length === 0) return;
  const shared = how === 'in one process';
  const results = run({
    timeout: hungAfterMs,
    cwd: root,
    ...(shared ? { files: [together], argv: paths } : { files: paths, ...how }),
  });
  // A file without a single test passes as a whole, under its own path, or, in one process with others, not at all.
  const without = new Set(shared ? paths : []);
  results.on('test:pass', ({ name, file, details, skip, todo }) => {
    if (file !== undefined) without.delete(file);
    if (name === together) return;
    if (paths.includes(name)) without.add(name);
    else if (details.type !== 'suite' && skip === undefined && todo === undefined) tested += 1;
  });
  results.on('test:fail', ({ file, todo }) => {
    if (file !== undefined) without.delete(file);
    if (todo === undefined) failed += 1;
  });
  for await (const text of results.compose(new spec())) process.stdout.write(text as string);
  empty.push(...[...without].map((path) => relative(root, path)));
}
