/** W1: 2,000 documents and a 50 MB database (654 MB): publish and copy, beside a first copy by rsync and Syncthing. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from './figure.ts';
import { FirstCopies, peers } from './peers.ts';
import { type Bench, office, seconds } from './stage.ts';
import { copyOf, w1 } from './workloads.ts';

export async function big(bench: Bench): Promise<Figure[]> {
  const others = new FirstCopies(bench, w1.make());
  const publish: number[] = [];
  const copy: number[] = [];
  for (let run = 0; run < bench.runs; run++) {
    await others.run();
    bench.say(`publish and copy, run ${run + 1} of ${bench.runs}`);
    const times = await publishAndCopy(bench, false);
    publish.push(times.publish);
    copy.push(times.copy);
  }
  bench.say('once more, through the relay that counts bytes');
  const { bytes } = await publishAndCopy(bench, true);
  return [
    { id: 'big.publish', what: 'publish 2,000 documents and a 50 MB database', unit: 's', runs: publish },
    { id: 'big.copy', what: 'copy the same from the hub', unit: 's', runs: copy },
    ...others.figures('big', 'a first copy of the same'),
    ...others.ratio({ id: 'big.publishRatio', what: "publish, times rsync's", goal: { atMost: 2 } }, publish),
    ...others.ratio({ id: 'big.copyRatio', what: "copy, times rsync's", goal: { atMost: 1.4 } }, copy),
    { id: 'big.bytes', what: 'bytes from the hub for this copy', unit: 'bytes', runs: [bytes] },
    ...(await bytesByRsync(bench, bytes)),
  ];
}

/** Each time on a new hub and new machines. Seconds; bytes that came from the hub while copying. */
async function publishAndCopy(
  bench: Bench,
  counted: boolean,
): Promise<{ publish: number; copy: number; bytes: number }> {
  const { hub, ana, ben, here, there, wire } = await office(bench, counted);
  copyOf(w1, here);
  mkdirSync(join(there, '..'), { recursive: true });
  const publish = await seconds(() => ana.run('publish', here, '--name', 'file'));
  const before = wire.down;
  const copy = await seconds(() => ben.run('copy', 'file', there));
  const bytes = wire.down - before;
  await Promise.all([ana.run('stop'), ben.run('stop')]);
  await hub.stop();
  return { publish, copy, bytes };
}

async function bytesByRsync(bench: Bench, ours: number): Promise<Figure[]> {
  const rsync = peers(bench).find(({ name }) => name === 'rsync');
  if (rsync === undefined) return [];
  const pair = await rsync.pair(bench, w1.make(), bench.folder('rsync'), true);
  await pair.settle();
  await pair.end();
  const bytes = pair.wire.up + pair.wire.down;
  return [
    { id: 'big.rsyncBytes', what: '  the same by rsync', unit: 'bytes', runs: [bytes] },
    { id: 'big.bytesRatio', what: "bytes, times rsync's", unit: 'x', runs: [ours / bytes], goal: { atMost: 1 } },
  ];
}
