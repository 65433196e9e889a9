import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnChanges } from '../../src/agent/own-changes.ts';
import { foldRegistry, registryChanges } from '../../src/agent/registry-folding.ts';
import { body as bodyCodec } from '../../src/core/body.ts';
import { encode } from '../../src/core/codec.ts';
import { DOCUMENTS, setOp } from '../../src/core/registry.ts';
import { REGISTRY_SCHEMA, Registry } from '../../src/store/registry.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { author, incoming, makeStore } from '../store/stores.ts';

const ana = await author('a');
/** Documents with a text of 1 MiB each: more than one change of the registry may hold. */
const many = Array.from({ length: 33 }, (_, n) =>
  setOp(DOCUMENTS, String(n).padStart(32, '0'), {
    behaviour: { value: `${n} ${'x'.repeat(1024 * 1024)}`, over: [] },
  }),
);

/** A copy's store and registry. `read`: whether each change could be read. */
function copy() {
  const registry = new Registry(openStore(':memory:', { schema: REGISTRY_SCHEMA, synchronous: 'NORMAL' }));
  const read: boolean[] = [];
  const stored: Parameters<typeof makeStore>[0] = {
    hooks: {
      stored: (change, bytes) => {
        read.push(foldRegistry(registry, change, bytes));
        return '';
      },
    },
  };
  return { ...makeStore(stored), registry, read };
}

test('REG18 what is too much for one change of the registry is recorded as several, all or none', async () => {
  const { store, registry, read } = copy();
  const own = new OwnChanges({ store, author: ana, note: () => {}, made: () => {} });
  const { seq } = await own.record(many);
  assert.deepEqual([seq, store.vector().get(ana.copy), read], [1, 2, [true, true]]);
  assert.equal([...registry.rows(DOCUMENTS)].length, many.length);
});

test('REG18 a change of the registry that is too large has no effect on any copy, and the log goes on', async () => {
  const [here, there] = [makeStore(), copy()];
  const body = encode(bodyCodec, { kind: 'registry', ops: many });
  const [large] = here.store.append(ana, [body]);
  const [small] = here.store.append(ana, [encode(bodyCodec, { kind: 'registry', ops: many.slice(0, 1) })]);
  assert.ok(large && small && large.content.kind === 'parts' && small.content.kind === 'parts');
  for (const { content } of [large, small]) {
    const ids = content.kind === 'parts' ? content.parts.map(({ id }) => id) : [];
    const kept = there.store.keepChunks(here.store.readChunks(ids));
    there.clock.turn();
    await kept;
  }
  assert.equal(there.store.receive([incoming(large), incoming(small)]), null);
  assert.deepEqual(there.read, [false, true]);
  assert.equal([...there.registry.rows(DOCUMENTS)].length, 1);
  assert.equal([...registryChanges(there.store)].length, 1);
});
