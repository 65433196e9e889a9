/** The benchmarks' own instruments: what they measure with must be right before what they measure can be. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { median, percentile, reached, table } from '../../bench/figure.ts';
import { load } from '../../bench/processes.ts';
import { countBytes } from '../../bench/wire.ts';
import { sizesOfW1 } from '../../bench/workloads.ts';
import { freePort } from '../../scripts/office.ts';

test('medians and percentiles go by the nearest rank', () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(
    percentile(
      Array.from({ length: 101 }, (_, index) => index),
      95,
    ),
    95,
  );
  assert.ok(Number.isNaN(median([])));
});

test('a goal is reached by the median', () => {
  const figure = { id: 'a.b', what: 'w', unit: 'ms', runs: [1, 9, 2] } as const;
  assert.equal(reached(figure), undefined);
  assert.equal(reached({ ...figure, goal: { atMost: 2 } }), true);
  assert.equal(reached({ ...figure, goal: { atLeast: 3 } }), false);
  assert.match(table([{ ...figure, goal: { atMost: 1 } }]), /a\.b +w +2 ms +1 ms to 9 ms +3 +<= 1 ms: MISSED/);
});

test("W1's sizes are those that the peers were measured with: 2,000 documents, 604 MB", () => {
  const sizes = sizesOfW1();
  assert.equal(sizes.length, 2000);
  assert.equal(Math.round(sizes.reduce((total, size) => total + size, 0) / 1e6), 604);
  assert.ok(Math.abs(median(sizes) / (118 * 1024) - 1) < 0.1);
});

test('the relay counts every byte of both directions and passes them on', async () => {
  const server = createServer((socket) => socket.on('data', () => socket.end(Buffer.alloc(70_000))));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const relay = await countBytes(`127.0.0.1:${await freePort()}`, `127.0.0.1:${port}`);
  const caller = connect(relay.port, '127.0.0.1');
  caller.write('hello');
  let got = 0;
  caller.on('data', ({ length }) => {
    got += length;
  });
  await once(caller, 'close');
  assert.equal(got, 70_000);
  assert.deepEqual(relay.wire, { up: 5, down: 70_000 });
  await relay.close();
  server.close();
});

test('a process has memory and CPU, where the system tells', () => {
  const own = load(process.pid);
  if (process.platform !== 'linux') assert.equal(own, undefined);
  else assert.ok(own && own.megabytes > 20 && own.cpuSeconds > 0);
});
