/** W2: 50,000 small documents: copy, the agent's memory after it, and its CPU while nothing happens. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../scripts/office.ts';
import { seconds } from './big.ts';
import { type Figure, median } from './figure.ts';
import { firstCopies } from './peers.ts';
import { load } from './processes.ts';
import { type Bench, office, pause } from './stage.ts';
import { copyOf, w2 } from './workloads.ts';

const IDLE_SECONDS = 60;

export async function small(bench: Bench): Promise<Figure[]> {
  const others = await firstCopies(bench, w2.make());
  const { hub, ana, here } = await office(bench);
  bench.say('publishing 50,000 documents');
  copyOf(w2, here);
  const publish = await seconds(() => ana.run('publish', here, '--name', 'file'));
  const copy: number[] = [];
  const memory: number[] = [];
  const idle: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    bench.say(`copy, run ${run + 1} of ${bench.runs}`);
    // A machine of its own for each run: one agent holds one copy.
    const ben = machine(bench.folder('ben-home'));
    bench.defer(async () => void (await ben.run('stop')));
    await ben.run('join', await hub.invite(`ben${run}`));
    const there = bench.folder('ben');
    mkdirSync(there, { recursive: true });
    copy.push(await seconds(() => ben.run('copy', 'file', join(there, 'file'))));
    const { pid } = ben.agent();
    memory.push(load(pid)?.megabytes ?? Number.NaN);
    if (run === bench.runs - 1) {
      bench.say(`idle for ${IDLE_SECONDS} s, after 30 s of rest`);
      await pause(30_000);
      const before = load(pid)?.cpuSeconds ?? Number.NaN;
      await pause(IDLE_SECONDS * 1000);
      idle.push((((load(pid)?.cpuSeconds ?? Number.NaN) - before) / IDLE_SECONDS) * 100);
    }
    await ben.run('stop');
  }
  const figures: Figure[] = [
    { id: 'small.publish', what: 'publish 50,000 small documents', unit: 's', runs: [publish] },
    { id: 'small.copy', what: 'copy the same from the hub', unit: 's', runs: copy },
    {
      id: 'small.memory',
      what: "the agent's memory after the copy, all its processes",
      unit: 'MB',
      runs: memory,
      goal: { atMost: 250 },
    },
    {
      id: 'small.idle',
      what: "the agent's CPU over 60 s in which nothing happens, of one core",
      unit: '%',
      runs: idle,
      goal: { atMost: 1 },
    },
    ...[...others].map(
      ([name, runs]): Figure => ({ id: `small.${name}`, what: `  the same copy by ${name}`, unit: 's', runs }),
    ),
  ];
  const rsync = others.get('rsync');
  if (rsync === undefined) return figures;
  const runs = copy.map((seconds) => seconds / median(rsync));
  return [
    ...figures,
    { id: 'small.copyRatio', what: "copy, times rsync's median", unit: 'x', runs, goal: { atMost: 3 } },
  ];
}
