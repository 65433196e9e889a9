/**
 * How fast a colleague's changes go into a database, once they are in the log: four cells of each of 50,000 rows in 500
 * changes, and one cell of each; the same where the copy has itself edited, so that rows are read once more before they
 * are written over (CAP9). Beside it what a plain program needs for the same UPDATEs.
 */
import type { DatabaseSync } from 'node:sqlite';
import { withDatabase } from '../test/database/copies.ts';
import { changes, desk, items } from './desk.ts';
import type { Figure } from './figure.ts';
import type { Bench } from './stage.ts';

const ROWS = 50_000;
const TOGETHER = 100;

export async function apply(bench: Bench): Promise<Figure[]> {
  const four = measured(bench, ['a', 'b', 'c', 'code']);
  const one = measured(bench, ['a']);
  const [fourHere, oneHere] = [measured(bench, ['a', 'b', 'c', 'code'], 'edits'), measured(bench, ['a'], 'edits')];
  return [
    {
      id: 'apply.cells',
      what: "a colleague's 200,000 cells (four of a row) put into the database",
      unit: 'cells/s',
      runs: four.applied,
      goal: { atLeast: 100_000 },
    },
    { id: 'apply.plain', what: '  the same by a plain program, row by row', unit: 'cells/s', runs: four.plain },
    { id: 'apply.rows', what: '  50,000 cells, one of a row', unit: 'cells/s', runs: one.applied },
    { id: 'apply.edited', what: '  four of a row, at a copy that edits too', unit: 'cells/s', runs: fourHere.applied },
    {
      id: 'apply.edited-rows',
      what: '  one of a row, at a copy that edits too',
      unit: 'cells/s',
      runs: oneHere.applied,
    },
  ];
}

function measured(
  bench: Bench,
  columns: readonly string[],
  who: 'reads' | 'edits' = 'reads',
): { applied: number[]; plain: number[] } {
  const { ana, ben } = desk(bench, items(ROWS));
  const sets = columns.map((column) => `${column} = ?1`).join(', ');
  const [applied, plain]: [number[], number[]] = [[], []];
  for (let run = 0; run < bench.runs; run++) {
    changes(ana, ROWS / TOGETHER, (db, nth) => {
      const update = db.prepare(`UPDATE item SET ${sets} WHERE id BETWEEN ?2 AND ?3`);
      update.run(`edit ${run}`, nth * TOGETHER + 1, (nth + 1) * TOGETHER);
    });
    if (who === 'edits') changes(ben, 1, (db) => db.exec(`UPDATE item SET amount = ${run} WHERE id = 1`));
    ben.log.pull(ana.log);
    const cells = ROWS * columns.length;
    applied.push(cells / seconds(() => ben.work()));
    plain.push(cells / withDatabase(ana.office.basePath, (db) => byHand(db, sets, run)));
  }
  return { applied, plain };
}

function byHand(db: DatabaseSync, sets: string, run: number): number {
  const update = db.prepare(`UPDATE item SET ${sets} WHERE id = ?2`);
  return seconds(() => {
    db.exec('BEGIN');
    for (let id = 1; id <= ROWS; id++) update.run(`edit ${run}`, id);
    // What our copies start from stays as it is.
    db.exec('ROLLBACK');
  });
}

function seconds(work: () => void): number {
  const begun = performance.now();
  work();
  return (performance.now() - begun) / 1000;
}
