/**
 * A program that never expected a second writer: no busy timeout, a commit every millisecond, in WAL and in rollback
 * mode, while its edits are captured and a colleague's are applied. How often SQLite tells it SQLITE_BUSY. Without
 * Tieout nobody else is there, and the answer is never; that is run as well, so that the bench proves itself.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Figure } from './figure.ts';
import { type Bench, pause, sharedFile } from './stage.ts';

const COMMITS = 4000;
const COLLEAGUE_MS = 50;
const SQLITE_BUSY = 5;
const MODES = [
  { mode: 'wal', what: 'in WAL', atMost: 0.1 },
  { mode: 'delete', what: 'with a rollback journal', atMost: 2 },
] as const;

export async function busy(bench: Bench): Promise<Figure[]> {
  const { here, there } = await sharedFile(bench, (folder) => {
    for (const { mode } of MODES) makeLedger(folder, mode);
  });
  const aside = bench.folder('aside');
  const figures: Figure[] = [];
  for (const { mode, what, atMost } of MODES) {
    makeLedger(aside, mode);
    const alone = await refusals(bench, join(aside, `${mode}.db`), COMMITS);
    const colleague = editing(join(there, `${mode}.db`));
    const runs: number[] = [];
    for (let run = 0; run < bench.runs; run++) runs.push(await refusals(bench, join(here, `${mode}.db`), COMMITS));
    await colleague.stop();
    figures.push(
      {
        id: `busy.${mode}`,
        what: `commits refused as busy ${what}, one a millisecond, without a timeout`,
        unit: '%',
        runs,
        goal: { atMost },
      },
      { id: `busy.${mode}Alone`, what: '  without Tieout', unit: '%', runs: [alone] },
    );
  }
  return figures;
}

function makeLedger(folder: string, mode: string): void {
  mkdirSync(folder, { recursive: true });
  const database = new DatabaseSync(join(folder, `${mode}.db`));
  database.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE entry (id INTEGER PRIMARY KEY, amount INTEGER, text TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO entry SELECT i, i, 'entry ' || i FROM n`);
  database.close();
}

/** Per cent of so many commits that were refused. */
async function refusals(bench: Bench, path: string, commits: number): Promise<number> {
  const database = new DatabaseSync(path, { timeout: 0 });
  bench.defer(() => {
    if (database.isOpen) database.close();
  });
  let refused = 0;
  for (let count = 0; count < commits; count++) {
    try {
      // Prepared each time, as a program does that runs SQL texts.
      database.prepare('UPDATE entry SET amount = amount + 1 WHERE id = ?').run(1 + (count % 500));
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
      refused += 1;
    }
    await pause(1);
  }
  database.close();
  return (refused / commits) * 100;
}

/** A colleague who edits other rows all the time, with a program that waits. */
function editing(path: string): { stop(): Promise<void> } {
  const database = new DatabaseSync(path, { timeout: 10_000 });
  const write = database.prepare('UPDATE entry SET text = ? WHERE id = ?');
  let stopped = false;
  const work = (async () => {
    for (let count = 0; !stopped; count++) {
      write.run(`read ${count}`, 501 + (count % 500));
      await pause(COLLEAGUE_MS);
    }
    database.close();
  })();
  return {
    stop: () => {
      stopped = true;
      return work;
    },
  };
}
