/** A document of 100 KB saved by rename among 2,000 others, until it is complete in Ben's folder. */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { seeded } from '../examples/engagement/money.ts';
import { type Figure, percentile } from './figure.ts';
import { type Bench, pause, sharedFile, until } from './stage.ts';
import { copyOf, randomBytes, w1 } from './workloads.ts';

const SAVES = 25;
const SIZE = 102_400;

export async function save(bench: Bench): Promise<Figure[]> {
  const { here, there } = await sharedFile(bench, (folder) => copyOf(w1, folder));
  const chance = seeded(5);
  const documents = readdirSync(here, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.xlsx') && !path.startsWith('.tieout'))
    .filter((path) => Math.abs(statSync(join(here, path)).size - SIZE) < 10_000);
  const runs: number[][] = [];
  for (let run = 0; run < bench.runs; run++) {
    const times: number[] = [];
    for (let index = 0; index < SAVES; index++) {
      const path = documents[Math.floor(chance() * documents.length)]!;
      times.push(await saved(join(here, path), join(there, path), randomBytes(SIZE, chance)));
      await pause(100 + chance() * 400);
    }
    runs.push(times);
  }
  const of = (percent: number) => runs.map((times) => percentile(times, percent));
  const what = '100 KB saved by rename until complete in the other copy';
  return [
    { id: 'save.p50', what: `${what}, median`, unit: 'ms', runs: of(50), goal: { atMost: 40 } },
    { id: 'save.p95', what: `${what}, 95th of 100`, unit: 'ms', runs: of(95), goal: { atMost: 100 } },
  ];
}

/** Milliseconds from the rename until the other side has these bytes. */
async function saved(here: string, there: string, content: Buffer): Promise<number> {
  const before = statSync(there, { bigint: true });
  const begun = renameSave(here, content);
  const changed = () => {
    const now = statSync(there, { bigint: true, throwIfNoEntry: false });
    return now !== undefined && (now.mtimeNs !== before.mtimeNs || now.ino !== before.ino);
  };
  const end = await until(() => changed() && readFileSync(there).equals(content), there);
  return end - begun;
}

/** As careful programs save: a new file beside the old one, flushed, renamed over it. Gives the moment before the renaming. */
export function renameSave(path: string, content: Buffer): number {
  const beside = join(dirname(path), `.~save${process.pid}.tmp`);
  const file = openSync(beside, 'w');
  writeSync(file, content);
  fsyncSync(file);
  closeSync(file);
  const begun = performance.now();
  renameSync(beside, path);
  return begun;
}
