/**
 * The exchange alone: how many small changes a second one store makes, and another takes over, signatures and all,
 * durably, without network.
 *
 *   node bench/exchange.ts [CHANGES]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { turn } from '../test/protocol/carrier.ts';
import { connect, Machine } from '../test/protocol/replicas.ts';
import { author, makeStore } from '../test/store/stores.ts';

const count = Number(process.argv[2] ?? 50_000);
const root = mkdtempSync(join(tmpdir(), 'tieout-exchange-'));
const machine = (letter: string): Machine =>
  new Machine(letter, (options) => makeStore({ ...options, folder: join(root, letter || 'hub') }));
/** Of the wall clock, and of the processor: on a busy machine only the second one says something. */
const start = () => ({ wall: performance.now(), cpu: process.cpuUsage() });
function rate(changes: number, since: ReturnType<typeof start>): string {
  const { user, system } = process.cpuUsage(since.cpu);
  const perSecond = Math.round((changes * 1000) / (performance.now() - since.wall)).toLocaleString('en');
  return `${perSecond} changes/s, ${((user + system) / changes).toFixed(0)} us of processor each`;
}

try {
  const [a, hub] = [machine('a'), machine('')];
  const body = Buffer.alloc(120, 'x');

  const single = Math.min(1000, count);
  let since = start();
  for (let n = 0; n < single; n++) a.store.append(await author('a', 'user a'), [body]);
  console.log(`made one by one, each durable:   ${rate(single, since)}`);

  since = start();
  for (let n = single; n < count; n += 1000) {
    a.store.append(await author('a', 'user a'), Array(Math.min(1000, count - n)).fill(body));
  }
  console.log(`made 1,000 at a time:            ${rate(count - single, since)}`);

  since = start();
  const { wire, exchange } = await connect(a, hub);
  const deliverAll = async (): Promise<void> => {
    do {
      while (wire.deliver(0) || wire.deliver(1));
      await turn();
    } while (!exchange.settled);
  };
  await deliverAll();
  console.log(`taken over, ${count} in all:      ${rate(count, since)}`);

  since = start();
  const live = Math.min(5000, count);
  for (let n = 0; n < live; n++) {
    await a.append(body);
    if (n % 4 === 3) while (wire.deliver(0) || wire.deliver(1));
  }
  await deliverAll();
  console.log(`made and sent one by one:        ${rate(live, since)}`);
  const bytes = wire.ends[0].sent.reduce((sum, { byteLength }) => sum + byteLength, 0);
  console.log(`bytes per change:                ${Math.round(bytes / (count + live))} (body ${body.byteLength})`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
