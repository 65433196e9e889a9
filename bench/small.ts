/** W2: 50,000 small documents: copy, the agent's memory after it, and its CPU while nothing happens. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { machine } from '../scripts/office.ts';
import type { Figure } from './figure.ts';
import { FirstCopies } from './peers.ts';
import { load } from './processes.ts';
import { type Bench, office, pause, seconds } from './stage.ts';
import { copyOf, w2 } from './workloads.ts';

const IDLE_SECONDS = 60;
/** The folder is looked through every two minutes or so. */
const IDLE_WINDOWS = 3;

export async function small(bench: Bench): Promise<Figure[]> {
  const others = new FirstCopies(bench, w2.make());
  const { hub, ana, here } = await office(bench);
  bench.say('publishing 50,000 documents');
  copyOf(w2, here);
  const publish = await seconds(() => ana.run('publish', here, '--name', 'file'));
  const copy: number[] = [];
  const atOnce: number[] = [];
  const memory: number[] = [];
  const idle: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    await others.run();
    bench.say(`copy, run ${run + 1} of ${bench.runs}`);
    // A machine of its own for each run: one agent holds one copy.
    const ben = machine(bench.folder('ben-home'));
    bench.defer(async () => void (await ben.run('stop')));
    await ben.run('join', await hub.invite(`ben${run}`));
    const there = bench.folder('ben');
    mkdirSync(there, { recursive: true });
    copy.push(await seconds(() => ben.run('copy', 'file', join(there, 'file'))));
    const { pid } = ben.agent();
    atOnce.push(load(pid)?.megabytes ?? Number.NaN);
    await pause(10_000);
    memory.push(load(pid)?.megabytes ?? Number.NaN);
    if (run === bench.runs - 1) {
      bench.say(`idle for ${IDLE_WINDOWS} times ${IDLE_SECONDS} s, after 30 s of rest`);
      await pause(30_000);
      for (let window = 0; window < IDLE_WINDOWS; window++) {
        const before = load(pid)?.cpuSeconds ?? Number.NaN;
        await pause(IDLE_SECONDS * 1000);
        idle.push((((load(pid)?.cpuSeconds ?? Number.NaN) - before) / IDLE_SECONDS) * 100);
      }
    }
    await ben.run('stop');
  }
  return [
    { id: 'small.publish', what: 'publish 50,000 small documents', unit: 's', runs: [publish] },
    { id: 'small.copy', what: 'copy the same from the hub', unit: 's', runs: copy },
    ...others.figures('small', 'a first copy of the same'),
    ...others.ratio({ id: 'small.copyRatio', what: "copy, times rsync's", goal: { atMost: 3 } }, copy),
    { id: 'small.memoryAtOnce', what: "the agent's processes when the copy returns", unit: 'MB', runs: atOnce },
    {
      id: 'small.memory',
      what: 'the same 10 s later',
      unit: 'MB',
      runs: memory,
      goal: { atMost: 250 },
    },
    {
      id: 'small.idle',
      what: "the agent's CPU in 60 idle seconds, of a core",
      unit: '%',
      runs: idle,
      goal: { atMost: 1 },
    },
  ];
}
