/**
 * One transaction that changes a million rows: what it costs its program, until the colleague has it, and the memory that
 * both machines' processes take at most meanwhile (the agent and its database process together).
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Figure, median } from './figure.ts';
import { load } from './processes.ts';
import { type Bench, sharedFile, until } from './stage.ts';
import { copyOf, millionRecords } from './workloads.ts';

export async function bulk(bench: Bench): Promise<Figure[]> {
  const { ana, ben, here, there } = await sharedFile(bench, (folder) => copyOf(millionRecords, folder));
  const aside = copyOf(millionRecords, bench.folder('aside'));
  const [ours, theirs, ordinary] = [here, there, aside].map((folder) => {
    const database = new DatabaseSync(join(folder, 'records.db'), { timeout: 60_000 });
    bench.defer(() => database.close());
    return database;
  });
  const [commit, ratio, arrival, memory]: [number[], number[], number[], number[]] = [[], [], [], []];
  const pids = [ana, ben].map((machine) => machine.agent().pid);
  for (let run = 0; run < bench.runs; run++) {
    const value = `bulk ${run}`;
    const plain = timed(ordinary!, value);
    const begun = performance.now();
    commit.push(timed(ours!, value));
    ratio.push((commit.at(-1) as number) / plain);
    const seen = theirs!.prepare('SELECT f3 FROM record WHERE id = 1000000');
    let most = 0;
    const end = await until(
      () => {
        for (const pid of pids) most = Math.max(most, load(pid)?.megabytes ?? 0);
        return seen.get()?.f3 === value;
      },
      `${value} in Ben's copy`,
      200,
      1_800_000,
    );
    arrival.push((end - begun) / 1000);
    memory.push(most);
    bench.say(`run ${run + 1}: there after ${arrival.at(-1)?.toFixed(1)} s, ${most.toFixed(0)} MB at most`);
    await Promise.all([ana.run('sync', here), ben.run('sync', there)]);
  }
  return [
    { id: 'bulk.commit', what: 'one UPDATE of a million rows in a followed database', unit: 's', runs: commit },
    { id: 'bulk.x', what: '  times an ordinary one', unit: 'x', runs: ratio, goal: { atMost: 2.5 } },
    { id: 'bulk.there', what: '  until the colleague has it', unit: 's', runs: arrival },
    {
      id: 'bulk.memory',
      what: '  memory of the larger machine: agent and database process',
      unit: 'MB',
      runs: median(memory) > 0 ? memory : [],
      goal: { atMost: 650 },
    },
  ];
}

/** Seconds. */
function timed(database: DatabaseSync, value: string): number {
  const begun = performance.now();
  database.prepare('UPDATE record SET f3 = ?').run(value);
  return (performance.now() - begun) / 1000;
}
