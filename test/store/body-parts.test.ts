import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { MAX_INLINE_BODY } from '../../src/core/change.ts';
import { MalformedError } from '../../src/core/codec.ts';
import { StorageError } from '../../src/core/problem.ts';
import { BodyCutter, bodyBytes, bodyPieces, layBody, provedBeginning } from '../../src/store/body-parts.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimBytes } from '../sim/disk-files.ts';
import { author, makeStore } from './stores.ts';

const ana = await author('a');
const large = Buffer.concat([Buffer.alloc(200_000, 'a line of text; '), randomBytes(700_000)]);

test('BLK7 a body that comes in pieces is cut like one that is held', () => {
  const { store } = makeStore();
  const { beginning, ...held } = layBody(large, store.chunks);
  assert.equal(beginning, large);
  for (const size of [1_000, 65_536, 300_001, large.byteLength]) {
    const cutter = new BodyCutter(store.chunks);
    for (let from = 0; from < large.byteLength; from += size) cutter.add(large.subarray(from, from + size));
    const { beginning: first, ...cut } = cutter.finish();
    assert.deepEqual(cut, held);
    assert.deepEqual(Buffer.from(first), large.subarray(0, first.byteLength));
  }
  assert.ok(held.content.kind === 'parts' && held.content.parts.length > 5);
  assert.equal(layBody(large.subarray(0, MAX_INLINE_BODY), store.chunks).content.kind, 'inline');
});

test('BLK7 a body whose chunks did not all reach the disk becomes no change', () => {
  const disk = new SimDisk();
  const { store } = makeStore({ files: new SimBytes(disk) });
  const cutter = new BodyCutter(store.chunks);
  cutter.add(large);
  // Somebody else's chunks are flushed meanwhile, and the disk fails: what was not on it is gone.
  disk.fault = (call) => (call === 'sync' ? 'EIO' : undefined);
  assert.throws(() => store.chunks.flush(), StorageError);
  disk.fault = () => undefined;
  assert.throws(() => store.append(ana, [cutter.finish()]), StorageError);
  assert.equal(store.vector().size, 0);
});

test('LOG16 a body is proved part by part: one that is cut short, longer or another is not believed', () => {
  const { store } = makeStore();
  const [change] = store.append(ana, [large]);
  assert.ok(change?.content.kind === 'parts');
  assert.deepEqual(Buffer.from(bodyBytes(change, store.chunks)), large);
  assert.deepEqual(Buffer.from(provedBeginning(change, store.chunks)).subarray(0, 64), large.subarray(0, 64));
  const { parts } = change.content;
  for (const forged of [parts.slice(0, -1), [...parts, parts[0]!], parts.toReversed()]) {
    const other = { ...change, content: { kind: 'parts', parts: forged } } as const;
    assert.throws(() => [...bodyPieces(other, store.chunks)], MalformedError);
    assert.throws(() => provedBeginning(other, store.chunks), MalformedError);
  }
});
