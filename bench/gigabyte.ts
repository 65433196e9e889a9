/** A new copy of a file that is one database of 1 GB, from the hub. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from './figure.ts';
import { type Bench, office, seconds } from './stage.ts';
import { copyOf, gigabyteOfRecords } from './workloads.ts';

export async function gigabyte(bench: Bench): Promise<Figure[]> {
  const [publish, copy]: [number[], number[]] = [[], []];
  for (let run = 0; run < bench.runs; run++) {
    bench.say(`publish and copy, run ${run + 1} of ${bench.runs}`);
    const { hub, ana, ben, here, there } = await office(bench);
    copyOf(gigabyteOfRecords, here);
    mkdirSync(join(there, '..'), { recursive: true });
    const megabytes = statSync(join(here, 'records.db')).size / 1e6;
    publish.push(megabytes / (await seconds(() => ana.run('publish', here, '--name', 'file'))));
    copy.push(megabytes / (await seconds(() => ben.run('copy', 'file', there))));
    await Promise.all([ana.run('stop'), ben.run('stop')]);
    await hub.stop();
  }
  const goal = { atLeast: 100 };
  return [
    { id: 'gigabyte.copy', what: 'a new copy of a 1 GB database', unit: 'MB/s', runs: copy, goal },
    { id: 'gigabyte.publish', what: '  publishing it', unit: 'MB/s', runs: publish },
  ];
}
