import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256, toHex } from '../../src/core/bytes.ts';
import { MalformedError } from '../../src/core/codec.ts';
import { restingPlace } from '../../src/core/floor.ts';
import {
  decodeHistory,
  decodeSegment,
  encodeHistory,
  encodeSegment,
  type PackedChange,
  type SegmentEntry,
} from '../../src/core/segment.ts';
import { at, covers, includes, type Vector, withEntry } from '../../src/core/vector.ts';
import type { FileStore } from '../../src/store/file-store.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { type MadeSegment, makeSegment, makeSegments } from '../../src/store/packing.ts';
import { encodeChunk } from '../../src/store/stored-chunk.ts';
import { author, incoming, type Made, makeStore, tempFolder, text } from './stores.ts';

const authors = await Promise.all(['a', 'b', 'c'].map((letter, n) => author(letter, ['ana', 'ben', 'chloe'][n])));
const hooks = { stored: (_: unknown, body: Uint8Array) => ['', 'x', 'y'][(body[0] ?? 0) % 3] as string };
const LARGE = 90_000;

/** Brings what `from` has and `to` lacks over, chunks included. */
async function exchange(from: FileStore, to: FileStore): Promise<void> {
  for (const change of from.after(to.vector(), {})) {
    if (change.content.kind === 'parts') {
      await to.keepChunks(from.readChunks(change.content.parts.map(({ id }) => id)));
    }
    assert.equal(to.receive([incoming(change)]), null);
  }
}

function segmentsOf(store: FileStore, upto: Vector): MadeSegment[] {
  return [...makeSegments(store.log, upto)];
}

function pack(store: FileStore, segments: readonly MadeSegment[]): void {
  for (const { entry, chunks, changes } of segments) {
    store.chunks.append(chunks);
    store.chunks.flush();
    store.transaction(() => store.log.pack(entry, changes));
  }
}

/** All that a log answers about its changes. */
function told(store: FileStore): unknown {
  const changes = store.after(new Map(), {}).map(({ copy, seq }) => store.log.get({ copy, seq }));
  const one = (change: (typeof changes)[number]) => {
    assert(change);
    const { copy, seq, hash, deps, stamp, signature, subject, chain } = change;
    assert.equal(store.hashAt(copy, seq), hash);
    assert.deepEqual(store.depsOf(copy, seq), deps);
    const body = sha256(store.body(change));
    return [copy, seq, hash, [...deps].sort(), stamp, toHex(signature), subject, chain?.length, body];
  };
  return changes.map(one).sort((a, b) => (`${a[0]} ${a[1]}` < `${b[0]} ${b[1]}` ? -1 : 1));
}

/** Three copies that write and exchange by chance, and have all in the end. */
async function written(steps: readonly { who: number; with: number; large: boolean }[]): Promise<Made[]> {
  const made = authors.map(() => makeStore({ hooks }));
  for (const [n, step] of steps.entries()) {
    const { store } = made[step.who] as Made;
    const body = step.large ? Buffer.concat([Buffer.from([n]), randomBytes(LARGE)]) : Buffer.from([n, 1, 2]);
    store.append(authors[step.who]!, [body]);
    if (step.with !== step.who) await exchange((made[step.with] as Made).store, store);
  }
  for (const { store } of [...made, ...made]) for (const from of made) await exchange(from.store, store);
  return made;
}

const steps = fc.array(
  fc.record({ who: fc.nat(2), with: fc.nat(2), large: fc.constantFrom(false, false, false, true) }),
  {
    minLength: 1,
    maxLength: 14,
  },
);

test('CMP3 a piece of the history that the disk has lost does not keep the rest from being looked through', async () => {
  const [made] = await written([...Array(6).keys()].map((n) => ({ who: n % 3, with: (n + 1) % 3, large: false })));
  const { store } = made as Made;
  const segments = segmentsOf(store, store.vector());
  pack(store, segments);
  store.append(authors[0]!, [text('after it')]);
  store.chunks.forget(segments.flatMap(({ chunks }) => chunks.map(({ id }) => id)));
  store.log.reload();
  assert.throws(() => store.after(new Map(), {}), /is gone/);
  assert.deepEqual([...store.damaged()], []);
});

test('CMP3 history is packed into the same bytes on every copy, and a log tells of its changes what it told before', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 20 }), async (played, share) => {
      const made = await written(played);
      const [first, second] = made.map(({ store }) => store) as [FileStore, FileStore];
      const goal = new Map([...first.vector()].map(([copy, seq]) => [copy, Math.min(seq, share)]));
      const upto = restingPlace(goal, (vector) => first.log.headersAfter(vector)) ?? new Map();
      const segments = segmentsOf(first, upto);
      assert.deepEqual(
        segmentsOf(second, upto).map(({ entry }) => entry),
        segments.map(({ entry }) => entry),
      );
      let after: Vector = new Map();
      for (const { entry } of segments) {
        assert.deepEqual(makeSegment(second.log, after, entry)?.entry, entry);
        after = entry.upto;
      }
      const before = told(first);
      pack(first, segments);
      assert.deepEqual([...first.log.floor].sort(), [...upto].sort());
      assert.deepEqual(told(first), before);
      assert.deepEqual([...first.damaged()], []);
      for (const { deps } of first.log.headersAfter(upto)) assert.ok(includes(deps, upto));
      for (const subject of ['', 'x', 'y']) {
        for (const from of [new Map(), upto, first.vector()]) {
          assert.equal(first.log.concerns(from, subject), second.log.concerns(from, subject));
          const found = (store: FileStore) => store.log.after(from, { subject }).map(({ hash }) => hash);
          assert.deepEqual(found(first).sort(), found(second).sort());
        }
      }
      // A page at a time, in a causal order, whatever is asked for.
      let stands: Vector = new Map();
      for (let page = first.after(stands, { limit: 2 }); page.length > 0; page = first.after(stands, { limit: 2 })) {
        for (const { copy, seq, deps } of page) {
          assert.ok(includes(stands, deps) && !covers(stands, copy, seq));
          stands = withEntry(stands, copy, seq);
        }
      }
      assert.deepEqual([...stands].sort(), [...first.vector()].sort());
      // And it goes on: with own changes, with those of others, opened again, and beside who lacks all of it.
      first.append(authors[0]!, [text('more')]);
      await exchange(first, second);
      first.log.reload();
      assert.deepEqual(told(first), told(second));
      const late = makeStore({ hooks });
      await exchange(first, late.store);
      assert.deepEqual(told(late.store), told(second));
      for (const { close } of [...made, late]) close();
    }),
    { numRuns: 8 },
  );
});

test('CMP6 a new copy takes history as it is packed, proved by its hashes; what is altered, or has a hole, is refused', async () => {
  const made = await written([
    { who: 0, with: 0, large: false },
    { who: 1, with: 0, large: true },
    { who: 2, with: 1, large: false },
    { who: 0, with: 2, large: false },
    { who: 0, with: 0, large: false },
  ]);
  const { store } = made[0] as Made;
  const [segment] = segmentsOf(store, store.vector()) as [MadeSegment];
  const adopting = async (
    changes: readonly PackedChange[],
    altered: Partial<SegmentEntry> = {},
  ): Promise<FileStore> => {
    const to = makeStore({ hooks }).store;
    const chunk = encodeChunk(encodeSegment(changes));
    const large = changes.flatMap(({ content }) => (content.kind === 'parts' ? content.parts.map(({ id }) => id) : []));
    await to.keepChunks([chunk, ...store.readChunks(large)]);
    const parts = [{ id: chunk.id, size: encodeSegment(changes).byteLength }];
    to.transaction(() => to.adopt({ ...segment.entry, changes: changes.length, parts, ...altered }));
    return to;
  };
  assert.deepEqual(told(await adopting(segment.changes)), told(store));

  const other = (index: number, alter: (change: PackedChange) => Partial<PackedChange>): PackedChange[] =>
    segment.changes.map((change, at) => (at === index ? { ...change, ...alter(change) } : change));
  const knowing = segment.changes.findIndex(({ copy, deps }) => [...deps.keys()].some((of) => of !== copy));
  assert.ok(knowing >= 0);
  const forged: readonly (readonly PackedChange[])[] = [
    other(0, () => ({ content: { kind: 'inline', bytes: Buffer.from([9, 9]) } })),
    other(1, ({ stamp }) => ({ stamp: stamp + 1 })),
    other(2, () => ({ hash: 'ab'.repeat(32) })),
    other(knowing, () => ({ deps: new Map() })),
    other(0, () => ({ chain: [] })),
    other(0, ({ subject }) => ({ subject: `${subject}z` })),
    segment.changes.slice(1),
    segment.changes.slice(0, -1),
    [...segment.changes, ...segment.changes],
  ];
  for (const [at, changes] of forged.entries()) {
    await assert.rejects(adopting(changes), MalformedError, `forgery ${at}`);
  }
  await assert.rejects(adopting(segment.changes, { changes: 1 }), MalformedError);
  await assert.rejects(
    adopting(segment.changes, { upto: withEntry(segment.entry.upto, authors[0]!.copy, 9) }),
    MalformedError,
  );
  for (const { close } of made) close();
});

test('CMP3 a copy whose history is packed otherwise, for a snapshot that a restored hub has forgotten, packs it anew, and says the same', async () => {
  const made = await written([
    { who: 0, with: 0, large: false },
    { who: 1, with: 0, large: false },
    { who: 0, with: 1, large: false },
    { who: 2, with: 0, large: false },
  ]);
  const [one, other] = made.map(({ store }) => store) as [FileStore, FileStore];
  const early = restingPlace(new Map([[authors[0]!.copy, 1]]), (vector) => one.log.headersAfter(vector)) ?? new Map();
  pack(one, segmentsOf(one, early));
  pack(one, segmentsOf(one, one.vector()));
  const before = told(one);
  const whole = segmentsOf(other, other.vector());
  await one.keepChunks(whole.flatMap(({ chunks }) => chunks));
  const history = whole.map(({ entry }) => entry);
  one.transaction(() => one.adoptAll(history));
  one.log.reload();
  assert.deepEqual(told(one), before);
  assert.deepEqual(
    [...one.log.segments()].map(({ parts }) => parts),
    history.map(({ parts }) => parts),
  );
  assert.deepEqual([...one.log.floor].sort(), [...one.vector()].sort());
  // One that ends earlier is not taken, and nothing has changed.
  assert.throws(() => one.transaction(() => one.adoptAll([])), MalformedError);
  assert.deepEqual(told(one), before);
  for (const { close } of made) close();
});

test('CMP6 what lists a history and what a segment holds is read as carefully as anything from outside', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const read of [decodeHistory, decodeSegment]) {
        try {
          read(bytes);
        } catch (error) {
          assert.ok(error instanceof MalformedError, String(error));
        }
      }
    }),
  );
  const entry = { upto: new Map([['0a'.repeat(16), 3]]), parts: [], changes: 3 };
  assert.equal(decodeHistory(encodeHistory([entry])).length, 1);
  assert.throws(() => decodeHistory(encodeHistory([{ ...entry, changes: 2 }])), MalformedError);
  assert.throws(() => decodeHistory(encodeHistory([entry, entry])), MalformedError);
});

test('CMP9 a change is in a row or in a segment at every moment, for whoever reads along in another process as well', async () => {
  const folder = tempFolder();
  const { store, db, close } = makeStore({ folder, hooks });
  const [ana] = authors;
  store.append(ana!, [text('one'), text('two')]);
  const reader = new LogReader(join(folder, 'store.db'), join(folder, 'packs'));
  const bodies = (): string[] =>
    ['', 'x', 'y']
      .flatMap((subject) => reader.after(new Map(), { subject, limit: 10 }))
      .map((change) => Buffer.from(reader.body(change)).toString())
      .sort();
  assert.deepEqual(bodies(), ['one', 'two']);
  const [segment] = segmentsOf(store, store.vector()) as [MadeSegment];
  store.chunks.append(segment.chunks);
  store.chunks.flush();
  assert.throws(() =>
    store.transaction(() => {
      store.log.pack(segment.entry, segment.changes);
      assert.deepEqual(bodies(), ['one', 'two']);
      throw new Error('on purpose');
    }),
  );
  assert.equal(store.log.floor.size, 0);
  assert.deepEqual(bodies(), ['one', 'two']);
  pack(store, [segment]);
  assert.equal(db.prepare('SELECT count(*) AS n FROM change').get()?.n, 0);
  assert.deepEqual(bodies(), ['one', 'two']);
  store.append(ana!, [text('three')]);
  assert.deepEqual(bodies(), ['one', 'three', 'two']);
  assert.equal(at(reader.vector(), ana!.copy), 3);
  // What is taken back below the floor leaves the rest in rows.
  store.transaction(() => store.log.withdraw(new Map([[ana!.copy, 1]])));
  assert.deepEqual([store.log.floor.size, db.prepare('SELECT count(*) AS n FROM change').get()?.n], [0, 1]);
  assert.deepEqual(bodies(), ['one']);
  reader.close();
  close();
});
