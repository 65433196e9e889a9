/**
 * What an application pays for being followed: commits of 1, 100 and 10,000 rows in a published database, against the
 * same commits in an ordinary copy of it, turn by turn.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Figure, median } from './figure.ts';
import { type Bench, pause, sharedFile } from './stage.ts';
import { copyOf, records } from './workloads.ts';

const SIZES = [
  { rows: 1, commits: 100, atMost: 1.5 },
  { rows: 100, commits: 40, atMost: 2.5 },
  { rows: 10_000, commits: 6, atMost: 2.5 },
] as const;

export async function marks(bench: Bench): Promise<Figure[]> {
  const { here } = await sharedFile(bench, (folder) => copyOf(records, folder));
  const aside = copyOf(records, bench.folder('aside'));
  const [followed, ordinary] = [here, aside].map((folder) => writer(bench, join(folder, 'records.db')));
  const figures: Figure[] = [];
  for (const { rows, commits, atMost } of SIZES) {
    const ratios: number[] = [];
    const times: number[] = [];
    for (let run = 0; run < bench.runs; run++) {
      const [with_, without]: [number[], number[]] = [[], []];
      for (let commit = 0; commit < commits; commit++) {
        without.push(ordinary!(rows));
        with_.push(followed!(rows));
        // What was marked is captured in between, as it is between a person's edits.
        await pause(rows < 1000 ? 10 : 400);
      }
      times.push(median(with_));
      ratios.push(median(with_) / median(without));
    }
    const what = rows === 1 ? 'one row' : `${rows.toLocaleString('en')} rows`;
    figures.push(
      { id: `marks.${rows}`, what: `a commit of ${what} in a followed database`, unit: 'ms', runs: times },
      { id: `marks.${rows}x`, what: '  times an ordinary one', unit: 'x', runs: ratios, goal: { atMost } },
    );
  }
  return figures;
}

/** Each call updates so many rows in one transaction and returns the milliseconds that it took. */
function writer(bench: Bench, path: string): (rows: number) => number {
  const database = new DatabaseSync(path, { timeout: 5000 });
  bench.defer(() => database.close());
  const write = database.prepare('UPDATE record SET f3 = ? WHERE id BETWEEN ? AND ?');
  let count = 0;
  return (rows) => {
    const from = 1 + ((++count * 7919) % (records.rows - rows));
    const begun = performance.now();
    write.run(`edit ${count}`, from, from + rows - 1);
    return performance.now() - begun;
  };
}
