/**
 * A database of a million rows whose marks cannot be trusted: from the first look until what differs is known. Its
 * program had switched the triggers off and changed 100 rows; the file came back from a backup and 100 rows differ.
 */
import { renameSync, rmSync } from 'node:fs';
import type { Copy } from '../test/database/copies.ts';
import { desk, items } from './desk.ts';
import type { Figure } from './figure.ts';
import type { Bench } from './stage.ts';

const ROWS = 1_000_000;

export async function reconcile(bench: Bench): Promise<Figure[]> {
  bench.say('making a million rows');
  const { ana } = desk(bench, items(ROWS));
  const [off, replaced]: [number[], number[]] = [[], []];
  for (let run = 0; run < bench.runs; run++) {
    off.push(
      looked(ana, 100, () => {
        ana.run(`${dropTriggers(ana)} UPDATE item SET b = 'off ${run}' WHERE id % 10000 = ${run};`);
      }),
    );
    replaced.push(
      looked(ana, 100, () => {
        ana.engine.disconnect();
        const aside = `${ana.path}.aside`;
        ana.run(`VACUUM INTO '${aside}'`);
        renameSync(aside, ana.path);
        for (const suffix of ['-wal', '-shm']) rmSync(ana.path + suffix, { force: true });
        ana.run(`${dropTriggers(ana)} ${dropTables(ana)} UPDATE item SET b = 'back ${run}' WHERE id % 10000 = ${run};`);
      }),
    );
  }
  const goal = { atMost: 2 };
  return [
    { id: 'reconcile.off', what: 'a million rows changed with triggers off: 100 found', unit: 's', runs: off, goal },
    { id: 'reconcile.bare', what: 'a million rows, nothing of ours in the file', unit: 's', runs: replaced, goal },
  ];
}

function looked(copy: Copy, rows: number, spoil: () => void): number {
  spoil();
  const before = copy.log.ops().length;
  const begun = performance.now();
  copy.capture();
  const time = (performance.now() - begun) / 1000;
  const found = copy.log.ops().slice(before).flat().length;
  if (found !== rows) throw new Error(`${found} rows found, not ${rows}`);
  copy.work();
  // In quiet the position is written: what was found is known to be in the file.
  copy.engine.tidy();
  return time;
}

function dropTriggers(copy: Copy): string {
  return dropped(copy, 'trigger');
}

function dropTables(copy: Copy): string {
  return dropped(copy, 'table');
}

function dropped(copy: Copy, type: 'trigger' | 'table'): string {
  const names = copy.query(`SELECT name FROM sqlite_schema WHERE type = '${type}' AND name GLOB '_tieout_*'`);
  return names.map(([name]) => `DROP ${type} "${String(name)}";`).join(' ');
}
