/** One cell: an edit committed by this process in Ana's database until this process reads it in Ben's. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Figure, percentile } from './figure.ts';
import { type Bench, pause, type Stage, sharedFile, until } from './stage.ts';
import { copyOf, records } from './workloads.ts';

const EDITS = 60;

export async function cell(bench: Bench): Promise<Figure[]> {
  const stage = await sharedFile(bench, (folder) => copyOf(records, folder));
  const edit = cellEditor(bench, stage);
  for (let warm = 0; warm < 20; warm++) await edit();
  const runs: number[][] = [];
  for (let run = 0; run < bench.runs; run++) {
    const times: number[] = [];
    for (let index = 0; index < EDITS; index++) {
      times.push(await edit());
      // Not in step with anybody's timers.
      await pause(5 + ((index * 7919) % 40));
    }
    runs.push(times);
  }
  const of = (percent: number) => runs.map((times) => percentile(times, percent));
  const what = 'one-cell edit until read in the other copy';
  return [
    { id: 'cell.p50', what: `${what}, median`, unit: 'ms', runs: of(50), goal: { atMost: 15 } },
    { id: 'cell.p95', what: `${what}, 95th of 100`, unit: 'ms', runs: of(95), goal: { atMost: 40 } },
  ];
}

/** Each call edits another row and resolves to the milliseconds from before the commit until Ben's database has it. */
export function cellEditor(bench: Bench, { here, there }: Stage): () => Promise<number> {
  const [ours, theirs] = [here, there].map((folder) => new DatabaseSync(join(folder, 'records.db'), { timeout: 5000 }));
  bench.defer(() => ours!.close());
  bench.defer(() => theirs!.close());
  const write = ours!.prepare('UPDATE record SET f3 = ? WHERE id = ?');
  const read = theirs!.prepare('SELECT f3 FROM record WHERE id = ?');
  let count = 0;
  return async () => {
    const id = 1 + ((++count * 7919) % records.rows);
    const value = `edit ${count}`;
    const begun = performance.now();
    write.run(value, id);
    return (await until(() => read.get(id)?.f3 === value, `row ${id} in Ben's copy`)) - begun;
  };
}
