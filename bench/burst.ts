/** 20,000 one-row transactions by this process as fast as it can, until Ben's copy has them all. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Figure } from './figure.ts';
import { type Bench, sharedFile, until } from './stage.ts';
import { copyOf, records } from './workloads.ts';

const TRANSACTIONS = 20_000;

export async function burst(bench: Bench): Promise<Figure[]> {
  const { here, there } = await sharedFile(bench, (folder) => copyOf(records, folder));
  const ours = new DatabaseSync(join(here, 'records.db'), { timeout: 5000 });
  const theirs = new DatabaseSync(join(there, 'records.db'), { timeout: 5000 });
  bench.defer(() => ours.close());
  bench.defer(() => theirs.close());
  // With FULL this process alone would need longer than the goal allows.
  ours.exec('PRAGMA synchronous = NORMAL');
  const write = ours.prepare('UPDATE record SET f3 = ? WHERE id = ?');
  const read = theirs.prepare('SELECT count(*) AS rows FROM record WHERE f3 = ?');
  const rate: number[] = [];
  const alone: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    const value = `burst ${run}`;
    const begun = performance.now();
    for (let id = 1; id <= TRANSACTIONS; id++) write.run(value, id);
    alone.push(TRANSACTIONS / ((performance.now() - begun) / 1000));
    const end = await until(() => read.get(value)?.rows === TRANSACTIONS, `${value} in Ben's copy`, 10);
    rate.push(TRANSACTIONS / ((end - begun) / 1000));
  }
  return [
    {
      id: 'burst.rate',
      what: '20,000 one-row transactions until the other copy has all',
      unit: 'rows/s',
      runs: rate,
      goal: { atLeast: 5000 },
    },
    { id: 'burst.writer', what: '  of these, the writing program alone', unit: 'rows/s', runs: alone },
  ];
}
