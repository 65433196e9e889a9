/** One row of a 50 MB database changes: what goes over the wire, beside the tools that see one file of pages. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Figure } from './figure.ts';
import { bytesOfChange } from './peers.ts';
import { type Bench, pause, sharedFile, until } from './stage.ts';
import { w1 } from './workloads.ts';

const NAME = 'engagement.db';

export async function row(bench: Bench): Promise<Figure[]> {
  const { here, there, wire } = await sharedFile(bench, fill, true);
  const theirs = new DatabaseSync(join(there, NAME), { timeout: 5000 });
  bench.defer(() => theirs.close());
  const read = theirs.prepare('SELECT preparer FROM journal WHERE id = ?');
  await pause(1000);
  const runs: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    const before = { ...wire };
    const { id, preparer } = change(join(here, NAME), run);
    await until(() => read.get(id)?.preparer === preparer, `row ${id} in Ben's copy`);
    await pause(500);
    runs.push(Math.max(wire.up - before.up, wire.down - before.down));
  }
  const figure: Figure = {
    id: 'row.bytes',
    what: 'one row in a 50 MB database: the dearer direction, both machines',
    unit: 'bytes',
    runs,
    goal: { atMost: 400 },
  };
  return [figure, ...(await bytesOfChange(bench, 'row', fill, NAME, (path, run) => void change(path, run)))];
}

function fill(folder: string): void {
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(w1.make(), NAME), join(folder, NAME));
}

function change(path: string, run: number): { id: number; preparer: string } {
  const edit = { id: 150_000 + run * 7919, preparer: `user${40 + run}` };
  const database = new DatabaseSync(path, { timeout: 5000 });
  database.prepare('UPDATE journal SET reviewed = 1, preparer = ? WHERE id = ?').run(edit.preparer, edit.id);
  database.close();
  return edit;
}
