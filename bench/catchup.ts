/** Ben is away while rows change; from his coming back until his database has them all. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Figure } from './figure.ts';
import { type Bench, sharedFile, until } from './stage.ts';
import { copyOf, manyRecords, records } from './workloads.ts';

/** Rows that one transaction changes. */
const TOGETHER = 1000;

export function catchup(bench: Bench): Promise<Figure[]> {
  return away(bench, records, ['f3'], {
    id: 'catchup',
    what: '50,000 rows changed while away, until all are here',
    goal: { atMost: 1.5 },
  });
}

/** Four cells of each of 250,000 rows. */
export function catchupMillion(bench: Bench): Promise<Figure[]> {
  return away(bench, manyRecords, ['f1', 'f3', 'f5', 'f7'], {
    id: 'catchup-million',
    what: '1 million cells changed while away, until all are here',
    goal: { atMost: 15 },
  });
}

async function away(
  bench: Bench,
  workload: { readonly rows: number; make(): string },
  columns: readonly string[],
  figure: Omit<Figure, 'unit' | 'runs'>,
): Promise<Figure[]> {
  const { ana, ben, here, there } = await sharedFile(bench, (folder) => copyOf(workload, folder));
  const ours = new DatabaseSync(join(here, 'records.db'), { timeout: 5000 });
  const theirs = new DatabaseSync(join(there, 'records.db'), { timeout: 5000 });
  bench.defer(() => ours.close());
  bench.defer(() => theirs.close());
  const sets = columns.map((column) => `${column} = ?1`).join(', ');
  const write = ours.prepare(`UPDATE record SET ${sets} WHERE id BETWEEN ?2 AND ?3`);
  const read = theirs.prepare(`SELECT count(*) AS rows FROM record WHERE ${columns.at(-1)} = ?`);
  const last = theirs.prepare(`SELECT ${columns.at(-1)} AS value FROM record WHERE id = ${workload.rows}`);
  const runs: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    const value = `away ${run}`;
    await ben.run('offline', there);
    for (let from = 1; from <= workload.rows; from += TOGETHER) write.run(value, from, from + TOGETHER - 1);
    await ana.client().call('sync', { folder: here });
    const begun = performance.now();
    // Not through the command: starting that would be a tenth of the figure.
    await ben.client().call('online', { folder: there });
    const isHere = (): boolean => last.get()?.value === value && read.get(value)?.rows === workload.rows;
    const end = await until(isHere, `${value} in Ben's copy`, 5, 600_000);
    runs.push((end - begun) / 1000);
  }
  return [{ ...figure, unit: 's', runs }];
}
