/** A partner that sends anything at all: its own connection ends at most, and nobody else notices. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeChunk } from '../../src/store/stored-chunk.ts';
import { mutated } from '../core/values.ts';
import { text } from '../store/stores.ts';
import { quiet, Wire } from './carrier.ts';
import { connect, fetchInto, Machine } from './replicas.ts';

/** Everything that an honest copy says in a session with changes, a large body, uploads and wants. */
async function recorded(): Promise<{ messages: Uint8Array[]; hashes: Set<string> }> {
  const [mallory, hub] = [new Machine('m'), new Machine()];
  const there = hub.keep(text('a chunk of the hub'));
  await mallory.append('one', randomBytes(80_000));
  const { wire, exchange } = await connect(mallory, hub);
  await quiet(wire);
  await mallory.append('two');
  const large = Array.from({ length: 12 }, () => encodeChunk(randomBytes(60_000)));
  const uploads = [...large, encodeChunk(text('small'))].map((chunk) => ({
    id: chunk.id,
    bytes: chunk.bytes.byteLength,
    read: () => chunk,
  }));
  const done = [exchange.upload(uploads.slice(-1)), exchange.upload(uploads), fetchInto(exchange, [there.id], [])];
  await quiet(wire);
  await Promise.all(done);
  const hashes = new Set(mallory.store.after(new Map(), {}).map(({ hash }) => hash));
  return { messages: [...wire.ends[0].sent], hashes };
}

const { messages, hashes } = await recorded();
// Long blobs would take all mutations: the interesting bytes are in the short messages and at the beginning.
const short = messages.filter(({ byteLength }) => byteLength < 2000);

test('EXC26 altered, repeated and invented messages end the connection of who sent them, and nothing else', async () => {
  const noise = fc.uint8Array({ maxLength: 60 });
  const altered = fc.oneof(
    { weight: 8, arbitrary: mutated(fc.constantFrom(...short)) },
    { weight: 1, arbitrary: noise },
  );
  const turns = fc.array(fc.record({ after: fc.nat(messages.length), message: altered }), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(turns, async (hostile) => {
      const [hub, ben, chloe] = [new Machine(), new Machine('b'), new Machine('c')];
      hub.keep(text('a chunk of the hub'));
      const honest = [await connect(ben, hub), await connect(chloe, hub)];
      const wires = honest.map(({ wire }) => wire);
      const wire = new Wire();
      const line = await connect(new Machine('m'), hub, wire);
      const attacker = wire.ends[0];
      attacker.queue.length = 0;
      attacker.onMessage = () => {};
      // The greeting and the open of this line have passed.
      for (const [index, message] of messages.entries()) {
        for (const { after, message: wrong } of hostile) if (after === index) attacker.send(wrong);
        if (index > 1) attacker.send(message);
        if (index % 4 === 0) await quiet(wire);
      }
      await ben.append('work goes on');
      await quiet(wire, ...wires);
      assert.deepEqual(chloe.bodies.filter((body) => body === 'work goes on').length, 1);
      assert.deepEqual(
        honest.map(({ reasons }) => reasons),
        [[], []],
      );
      assert.deepEqual([...hub.store.damaged()], []);
      for (const { hash, copy } of hub.store.after(new Map(), {})) assert(hashes.has(hash) || copy.startsWith('62'));
      assert(line.reasons.length <= 2);
    }),
    { numRuns: 10 * Number(process.env.RUNS ?? 12) },
  );
});
