/**
 * The stage of a benchmark: a hub, Ana's machine with a published file and Ben's with a copy of it, all real processes.
 * Folders are only removed when everything is over: ext4 looks for a free inode for seconds after 50,000 were deleted.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Hub, type Machine, machine, startHub } from '../scripts/office.ts';
import { countBytes, type Wire } from './wire.ts';

export interface Bench {
  readonly runs: number;
  /** A folder of its own for each call, not made yet. */
  folder(name: string): string;
  /** Ended when the benchmark is over, in reverse order, whatever happened. */
  defer(end: () => Promise<void> | void): void;
  /** Says on stderr what is going on. */
  say(text: string): void;
}

export interface Stage {
  readonly hub: Hub;
  readonly ana: Machine;
  readonly ben: Machine;
  /** The two copies. */
  readonly here: string;
  readonly there: string;
  /** Counts what both machines exchange with the hub, if asked for. */
  readonly wire: Wire;
}

/** A hub and two enrolled machines; with `counted`, everything between them passes through a counting relay. */
export async function office(bench: Bench, counted = false): Promise<Stage> {
  const root = bench.folder('office');
  mkdirSync(root, { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  let hub = await startHub(join(root, 'hub'), address);
  bench.defer(() => hub.stop());
  const machines = [machine(join(root, 'ana-home')), machine(join(root, 'ben-home'))] as const;
  for (const [index, machine] of machines.entries()) {
    bench.defer(async () => void (await machine.run('stop')));
    await machine.run('join', await hub.invite(['ana', 'ben'][index]!));
  }
  let wire: Wire = { up: 0, down: 0 };
  if (counted) {
    // The machines go on calling the address of their invitation: now the relay stands there, and the hub behind it.
    await hub.stop();
    hub = await startHub(join(root, 'hub'), `127.0.0.1:${await freePort()}`);
    const relay = await countBytes(address, hub.listen);
    bench.defer(relay.close);
    wire = relay.wire;
  }
  const [ana, ben] = machines;
  return { hub, ana, ben, here: join(root, 'ana', 'file'), there: join(root, 'ben', 'file'), wire };
}

/** With a file that `fill` puts into Ana's folder, published and copied. */
export async function sharedFile(bench: Bench, fill: (folder: string) => void, counted = false): Promise<Stage> {
  const stage = await office(bench, counted);
  bench.say('publishing and copying');
  mkdirSync(join(stage.here, '..'), { recursive: true });
  mkdirSync(join(stage.there, '..'), { recursive: true });
  fill(stage.here);
  await stage.ana.run('publish', stage.here, '--name', 'file');
  await stage.ben.run('copy', 'file', stage.there);
  return stage;
}

/** Of `work`, on a disk at rest: it does not wait until what came before it is written. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  writeBack();
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

/** All that any program has written is on the disk. Windows has no such command, and is measured without. */
export function writeBack(): void {
  spawnSync('sync');
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** Milliseconds (monotonic) at which it was first seen to be so. */
export async function until(holds: () => boolean, what: string, everyMs = 1, limitMs = 120_000): Promise<number> {
  const limit = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > limit) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await pause(everyMs);
  }
  return performance.now();
}
