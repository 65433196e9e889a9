/** What a one-cell edit costs on the wire: all bytes between both machines and the hub while cells are edited one by one. */
import { cellEditor } from './cell.ts';
import type { Figure } from './figure.ts';
import { type Bench, pause, sharedFile } from './stage.ts';
import { copyOf, records } from './workloads.ts';

const EDITS = 50;

export async function cellbytes(bench: Bench): Promise<Figure[]> {
  const stage = await sharedFile(bench, (folder) => copyOf(records, folder), true);
  const edit = cellEditor(bench, stage);
  for (let warm = 0; warm < 20; warm++) await edit();
  await pause(500);
  const up: number[] = [];
  const down: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    const before = { ...stage.wire };
    for (let index = 0; index < EDITS; index++) {
      await edit();
      await pause(30);
    }
    // Acknowledgements come after what they acknowledge.
    await pause(300);
    up.push((stage.wire.up - before.up) / EDITS);
    down.push((stage.wire.down - before.down) / EDITS);
  }
  const goal = { atMost: 400 };
  return [
    { id: 'cellbytes.up', what: 'one-cell edit: both machines to the hub', unit: 'bytes', runs: up, goal },
    { id: 'cellbytes.down', what: 'one-cell edit: the hub to both machines', unit: 'bytes', runs: down, goal },
  ];
}
