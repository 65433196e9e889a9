/** Ben is away while 50,000 rows change; from his coming back until his database has them all. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Figure } from './figure.ts';
import { type Bench, sharedFile, until } from './stage.ts';
import { copyOf, records } from './workloads.ts';

/** Rows that one transaction changes. */
const TOGETHER = 1000;

export async function catchup(bench: Bench): Promise<Figure[]> {
  const { ana, ben, here, there } = await sharedFile(bench, (folder) => copyOf(records, folder));
  const ours = new DatabaseSync(join(here, 'records.db'), { timeout: 5000 });
  const theirs = new DatabaseSync(join(there, 'records.db'), { timeout: 5000 });
  bench.defer(() => ours.close());
  bench.defer(() => theirs.close());
  const write = ours.prepare('UPDATE record SET f3 = ? WHERE id BETWEEN ? AND ?');
  const read = theirs.prepare('SELECT count(*) AS rows FROM record WHERE f3 = ?');
  const runs: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    const value = `away ${run}`;
    await ben.run('offline', there);
    for (let from = 1; from <= records.rows; from += TOGETHER) write.run(value, from, from + TOGETHER - 1);
    await ana.client().call('sync', { folder: here });
    const begun = performance.now();
    // Not through the command: starting that would be a tenth of the figure.
    await ben.client().call('online', { folder: there });
    const end = await until(() => read.get(value)?.rows === records.rows, `${value} in Ben's copy`, 5);
    runs.push((end - begun) / 1000);
  }
  return [
    {
      id: 'catchup',
      what: '50,000 rows changed while away, until all are here',
      unit: 's',
      runs,
      goal: { atMost: 1.5 },
    },
  ];
}
