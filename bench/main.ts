/**
 * The benchmarks, on real processes over loopback: `npm run bench [-- NAME…] [-- --runs N] [--json] [--keep]`.
 * Goals are those of docs/GOALS.md. Each name is a file in this folder, where it says what is measured and how.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { apply } from './apply.ts';
import { big } from './big.ts';
import { bulk } from './bulk.ts';
import { burst } from './burst.ts';
import { busy } from './busy.ts';
import { catchup, catchupMillion } from './catchup.ts';
import { cell } from './cell.ts';
import { cellbytes } from './cellbytes.ts';
import { clock } from './clock.ts';
import { type Figure, median, reached, table } from './figure.ts';
import { gigabyte } from './gigabyte.ts';
import { head } from './head.ts';
import { marks } from './marks.ts';
import { reconcile } from './reconcile.ts';
import { row } from './row.ts';
import { save } from './save.ts';
import { small } from './small.ts';
import type { Bench } from './stage.ts';

const benchmarks: Record<string, (bench: Bench) => Promise<Figure[]>> = {
  cell,
  save,
  cellbytes,
  burst,
  catchup,
  big,
  small,
  row,
  head,
  marks,
  busy,
  apply,
  reconcile,
  'catchup-million': catchupMillion,
  clock,
  gigabyte,
  bulk,
};

const { values, positionals } = wanted();
const names = positionals.length > 0 ? positionals : Object.keys(benchmarks);

const temp = mkdtempSync(join(tmpdir(), 'tieout-bench-'));
const figures: Figure[] = [];
const failures: string[] = [];
for (const name of names) {
  const before = loadavg()[0]!;
  if (before > 0.5 * availableParallelism())
    say(name, `the machine is busy (load ${before.toFixed(1)}): figures will be worse`);
  try {
    figures.push(...(await run(name)));
  } catch (error) {
    failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
    say(name, `FAILED: ${error instanceof Error ? error.stack : error}`);
  }
}
if (!values.keep) rmSync(temp, { recursive: true, force: true });
if (values.json) console.log(JSON.stringify({ figures: figures.map(described), failures }, null, 1));
else console.log([table(figures), ...failures.map((failure) => `FAILED ${failure}`)].join('\n'));
process.exitCode = failures.length > 0 ? 1 : 0;

function wanted() {
  try {
    const given = parseArgs({
      options: { runs: { type: 'string', default: '5' }, json: { type: 'boolean' }, keep: { type: 'boolean' } },
      allowPositionals: true,
    });
    const unknown = given.positionals.filter((name) => !Object.hasOwn(benchmarks, name));
    if (unknown.length > 0) throw new Error(`there is no benchmark ${unknown.join(', ')}`);
    if (!(Number(given.values.runs) >= 1)) throw new Error('at least one run');
    return given;
  } catch (error) {
    const names = Object.keys(benchmarks).join('|');
    console.error(`${(error as Error).message}\nusage: npm run bench -- [--runs N] [--json] [--keep] [${names} …]`);
    process.exit(2);
  }
}

async function run(name: string): Promise<Figure[]> {
  let folders = 0;
  const ends: (() => Promise<void> | void)[] = [];
  const root = join(temp, name);
  mkdirSync(root);
  const bench: Bench = {
    runs: Number(values.runs),
    folder: (kind) => join(root, `${++folders}-${kind}`),
    defer: (end) => ends.push(end),
    say: (text) => say(name, text),
  };
  try {
    return await benchmarks[name]!(bench);
  } finally {
    for (const end of ends.reverse()) await ended(end);
  }
}

/** What has already ended complains; the rest must be ended all the same. */
async function ended(end: () => Promise<void> | void): Promise<void> {
  try {
    await end();
  } catch {}
}

function say(name: string, text: string): void {
  console.error(`[${name}] ${text}`);
}

function described(figure: Figure): object {
  return { ...figure, median: median(figure.runs), reached: reached(figure) };
}
