/**
 * What is kept of an edited cell besides its value: the size of rows.db after normal use (no VACUUM), without the values
 * themselves, for one edited cell a row and for four. Each cell is edited twice, the second time by a colleague.
 */
import { statSync } from 'node:fs';
import { encode } from '../src/core/codec.ts';
import { value } from '../src/core/value.ts';
import { changes, desk, items } from './desk.ts';
import type { Figure } from './figure.ts';
import type { Bench } from './stage.ts';

const ROWS = 50_000;
const TOGETHER = 500;

export async function clock(bench: Bench): Promise<Figure[]> {
  const goal = { atMost: 40 };
  const figures: Figure[] = [];
  for (const columns of [['a'], ['a', 'b', 'c', 'code']]) {
    const runs = Array.from({ length: bench.runs }, () => perCell(bench, columns));
    const what = columns.length === 1 ? 'one edited cell of a row' : 'four edited cells of a row';
    figures.push({ id: `clock.${columns.length}`, what: `kept besides the value: ${what}`, unit: 'bytes', runs, goal });
  }
  return figures;
}

function perCell(bench: Bench, columns: readonly string[]): number {
  const { ana, ben, rowsOf } = desk(bench, items(ROWS));
  const sets = columns.map((column) => `${column} = ?1`).join(', ');
  for (const [copy, other, text] of [
    [ana, ben, 'first'],
    [ben, ana, 'second'],
  ] as const) {
    changes(copy, ROWS / TOGETHER, (db, nth) => {
      const update = db.prepare(`UPDATE item SET ${sets} WHERE id BETWEEN ?2 AND ?3`);
      update.run(text, nth * TOGETHER + 1, (nth + 1) * TOGETHER);
    });
    other.log.pull(copy.log);
    other.work();
  }
  ana.engine.close();
  ana.rows.close();
  const values = ROWS * columns.length * encode(value, 'second').byteLength;
  const bytes = (statSync(rowsOf(ana)).size - values) / (ROWS * columns.length);
  ana.restart(true);
  return bytes;
}
