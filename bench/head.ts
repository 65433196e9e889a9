/** 100 bytes put at the start of a 10 MB document: what goes over the wire. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seeded } from '../examples/engagement/money.ts';
import type { Figure } from './figure.ts';
import { bytesOfChange } from './peers.ts';
import { renameSave } from './save.ts';
import { type Bench, pause, sharedFile, until } from './stage.ts';
import { randomBytes } from './workloads.ts';

const NAME = 'scan.bin';

export async function head(bench: Bench): Promise<Figure[]> {
  const { here, there, wire } = await sharedFile(bench, fill, true);
  await pause(1000);
  const runs: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    const before = { ...wire };
    change(join(here, NAME), run);
    const wanted = readFileSync(join(here, NAME));
    await until(() => readFileSync(join(there, NAME)).equals(wanted), "the document in Ben's copy", 20);
    await pause(500);
    runs.push(Math.max(wire.up - before.up, wire.down - before.down));
  }
  const figure: Figure = {
    id: 'head.bytes',
    what: '100 bytes at the start of a 10 MB document: the dearer direction',
    unit: 'bytes',
    runs,
    goal: { atMost: 150_000 },
  };
  return [figure, ...(await bytesOfChange(bench, 'head', fill, NAME, change))];
}

function fill(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, NAME), randomBytes(10 * 2 ** 20, seeded(11)));
}

function change(path: string, run: number): void {
  renameSave(path, Buffer.concat([randomBytes(100, seeded(90 + run)), readFileSync(path)]));
}
