import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Change, MAX_INLINE_BODY } from '../../src/core/change.ts';
import { MAX_DRIFT_MS, stampAt } from '../../src/core/clock.ts';
import { StorageError } from '../../src/core/problem.ts';
import { MAX_COPIES } from '../../src/core/vector.ts';
import { readKey, signBytes } from '../../src/platform/certificates.ts';
import type { Refusal } from '../../src/protocol/replica.ts';
import type { Incoming } from '../../src/protocol/wire.ts';
import { encodeChunk } from '../../src/store/stored-chunk.ts';
import { makeOffice } from '../platform/offices.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimBytes } from '../sim/disk-files.ts';
import { author, copyId, incoming, makeStore, TestClock, tempFolder, text } from './stores.ts';

const root = tempFolder();
const bodies = (...contents: string[]): Uint8Array[] => contents.map(text);
const ana = await author('a', 'ana');
const ben = await author('b', 'ben');
const contents = (changes: readonly Change[]): string[] =>
  changes.map(({ content }) => (content.kind === 'inline' ? Buffer.from(content.bytes).toString() : 'parts'));

/** Two changes of ana, one of ben upon them, one more of ana. */
function written() {
  const made = makeStore();
  made.store.append(ana, bodies('a1', 'a2'));
  made.store.append(ben, bodies('b1'));
  made.store.append(ana, bodies('a3'));
  return { ...made, changes: made.store.after(new Map(), {}) };
}

test('LOG10 own changes are numbered, stamped, signed and durable when they are made', () => {
  const folder = join(root, 'own');
  const made = makeStore({ folder });
  const changes = made.store.append(ana, bodies('one', 'two'));
  assert.deepEqual(
    changes.map(({ seq }) => seq),
    [1, 2],
  );
  assert(changes[0]!.stamp < changes[1]!.stamp && changes[0]!.stamp >= stampAt(made.clock.ms));
  assert.deepEqual(changes[1]!.deps, new Map([[ana.copy, 1]]));
  // Another connection sees them at once: they are committed.
  const other = makeStore({ folder });
  assert.deepEqual(contents(other.store.after(new Map(), {})), ['one', 'two']);
  assert.deepEqual([...other.store.damaged()], []);
  assert.equal(other.store.maker(ana.copy)?.user, 'ana');
  made.close();
  other.close();
});

test('LOG11 a number is written down before it is used, and a change that could not be made leaves none behind', async () => {
  const { store } = makeStore();
  const reserved: number[] = [];
  const careful = await author('c', 'chloe', (seq) => {
    reserved.push(seq);
    assert.equal(store.vector().get(careful.copy) ?? 0, seq - 1);
  });
  store.append(careful, bodies('one'));
  assert.throws(
    () =>
      store.append(careful, bodies('two'), () => {
        throw new Error('on purpose');
      }),
    /on purpose/,
  );
  assert.equal(store.vector().get(careful.copy), 1);
  store.append(careful, bodies('two again'));
  assert.deepEqual(reserved, [1, 2, 2]);
  const refusing = await author('d', 'chloe', () => {
    throw new Error('no room to write it down');
  });
  assert.throws(() => store.append(refusing, bodies('never')), /no room/);
  assert.equal(store.vector().get(refusing.copy), undefined);
});

test('LOG12 what is received is what was made, with all its hashes', () => {
  const from = written();
  const to = makeStore({ folder: join(root, 'received') });
  assert.equal(to.store.receive(from.changes.map((change) => incoming(change))), null);
  assert.deepEqual(to.store.after(new Map(), {}), from.changes);
  assert.deepEqual(to.store.tips(), from.store.tips());
  to.close();
});

test('LOG13 a gap, a repetition, a forgery and a stranger are refused, and what came before them is kept', async () => {
  const { changes } = written();
  const [a1, a2, b1, a3] = changes.map((change) => incoming(change)) as [Incoming, Incoming, Incoming, Incoming];
  const stranger = await (await makeOffice()).device('ana');
  const altered = text('A2');
  const cases: [string, Incoming, string][] = [
    ['a gap', a3, 'gap'],
    ['a repetition', a1, 'gap'],
    [
      'a missing dependency',
      {
        ...a2,
        deps: new Map([
          [ana.copy, 1],
          [ben.copy, 1],
        ]),
      },
      'gap',
    ],
    ['deps that do not name the one before', { ...a2, deps: new Map() }, 'gap'],
    ['an altered body', { ...a2, body: b1.body, content: { kind: 'inline', bytes: altered } }, 'forged'],
    ['an altered stamp', { ...a2, stamp: a2.stamp + 1 }, 'forged'],
    ['another size', { ...a2, size: 3 }, 'forged'],
    ['the signature of another change', { ...a2, signature: a1.signature }, 'forged'],
    ['no signature', { ...a2, signature: new Uint8Array(64) }, 'forged'],
    ['signed by a colleague', { ...a2, signature: signBytes(ben.key, text('a2')) }, 'forged'],
    ['of another office', { ...b1, deps: new Map(), chain: stranger.chain }, 'distrusted'],
    ['without certificates', { ...b1, deps: new Map(), chain: [] }, 'distrusted'],
    ['with another colleague’s certificates', { ...b1, deps: new Map([[ana.copy, 1]]), chain: ana.chain }, 'forged'],
  ];
  for (const [what, wrong, code] of cases) {
    const { store } = makeStore();
    const refusal = store.receive([a1, wrong, a2]) as Refusal | null;
    assert.equal(refusal?.code, code, what);
    assert.deepEqual(contents(store.after(new Map(), {})), ['a1'], what);
    assert.equal(store.receive([a2, b1, a3]), null, what);
  }
  assert(readKey(stranger.key));
});

test('CHG10 a log that is carried over to another file is refused there', () => {
  const { changes } = written();
  const other = makeStore({ file: 'ee'.repeat(16) });
  const refusal = other.store.receive(changes.map((change) => incoming(change))) as Refusal | null;
  assert.equal(refusal?.code, 'forged');
  assert.equal(other.store.vector().size, 0);
});

test('LOG14 no altered byte of a change is taken', () => {
  const { changes } = written();
  const all = changes.map((change) => incoming(change));
  const place = fc.record({ which: fc.nat(3), field: fc.constantFrom('signature', 'body', 'chain'), at: fc.nat() });
  fc.assert(
    fc.property(place, fc.integer({ min: 1, max: 255 }), ({ which, field, at }, mask) => {
      const { store } = makeStore();
      const change = all[which] as Incoming;
      const flip = (bytes: Uint8Array): Uint8Array => {
        const copy = Uint8Array.from(bytes);
        copy[at % copy.length]! ^= mask;
        return copy;
      };
      let wrong: Incoming = change;
      if (field === 'signature') wrong = { ...change, signature: flip(change.signature) };
      else if (field === 'body')
        wrong = { ...change, body: Buffer.from(flip(Buffer.from(change.body, 'hex'))).toString('hex') };
      else if (change.chain === null) return;
      else wrong = { ...change, chain: [flip(change.chain[0]!), change.chain[1]!] };
      assert.notEqual(store.receive([...all.slice(0, which), wrong]), null);
      assert.equal(store.after(new Map(), {}).length, which);
    }),
    { numRuns: 60 },
  );
});

test('LOG15 a body above 64 KiB is kept as parts and read back whole, across a restart', () => {
  const folder = join(root, 'large');
  const made = makeStore({ folder });
  const large = randomBytes(700_000);
  const edge = randomBytes(MAX_INLINE_BODY);
  const [first, second] = made.store.append(ana, [large, edge]);
  assert.equal(first!.content.kind, 'parts');
  assert.equal(second!.content.kind, 'inline');
  made.close();
  const { store, close } = makeStore({ folder });
  const [again] = store.after(new Map(), {});
  assert(Buffer.from(store.body(again!)).equals(large));
  assert.deepEqual([...store.damaged()], []);
  close();
});

test('LOG16 parts that do not make up the signed body are refused by who reads it, and opaque to a hub', () => {
  const from = makeStore();
  const [change] = from.store.append(ana, [randomBytes(200_000)]);
  const other = encodeChunk(randomBytes(200_000));
  const content = { kind: 'parts' as const, parts: [{ id: other.id, size: 200_000 }] };
  const wrong = incoming(change!, { content });
  const copy = makeStore({ hooks: { stored: () => '' } });
  const hub = makeStore();
  for (const { store } of [copy, hub]) store.chunks.append([other]);
  assert.equal((copy.store.receive([wrong]) as Refusal | null)?.code, 'forged');
  assert.equal(hub.store.receive([wrong]), null);
  assert.throws(() => hub.store.body(hub.store.after(new Map(), {})[0]!));
});

test('LOG17 a damaged part is forgotten and told, so that it is fetched again', () => {
  const disk = new SimDisk();
  const told: string[] = [];
  const hooks = { stored: () => '', chunksDamaged: (ids: readonly string[]) => void told.push(...ids) };
  const from = makeStore();
  const [change] = from.store.append(ana, [randomBytes(100_000)]);
  const { parts } = change!.content as Extract<Change['content'], { kind: 'parts' }>;
  const ids = parts.map(({ id }) => id);
  const chunks = from.store.readChunks(ids);
  const to = makeStore({ files: new SimBytes(disk), hooks });
  to.store.chunks.append(chunks);
  to.store.chunks.flush();
  const pack = disk.inode('/packs/0.pack')?.bytes as Buffer;
  pack[1000]! ^= 1;
  assert.throws(() => to.store.receive([incoming(change!)]), StorageError);
  assert.equal(told.length, 1);
  assert.deepEqual(to.store.lacking(ids), told);
  to.store.chunks.append(chunks);
  assert.equal(to.store.receive([incoming(change!)]), null);
});

test('LOG18 what is folded and what is stored are kept together, and memory follows a rollback', () => {
  const { changes } = written();
  let fail = true;
  const folded: number[] = [];
  const { store } = makeStore({
    hooks: {
      stored: ({ seq, copy }) => {
        folded.push(seq);
        if (fail && copy === ben.copy) throw new Error('the fold failed');
        return 'x';
      },
    },
  });
  const all = changes.map((change) => incoming(change));
  assert.throws(() => store.receive(all), /the fold failed/);
  assert.deepEqual(store.vector(), new Map());
  assert.equal(store.maker(ana.copy), undefined);
  fail = false;
  assert.equal(store.receive(all), null);
  assert.deepEqual(folded, [1, 2, 1, 1, 2, 1, 3]);
  assert.equal(store.after(new Map(), { subject: 'x' }).length, 4);
});

test('CLK4 CLK5 a colleague a year ahead is told, and own stamps stay in their time, also after a restart', () => {
  const year = 365 * 24 * 3_600_000;
  const ahead = new TestClock();
  ahead.ms += year;
  const [wrong] = makeStore({ clock: ahead }).store.append(ben, bodies('from next year'));
  const told: [string, number][] = [];
  const folder = join(root, 'clock');
  const made = makeStore({ folder, hooks: { clockAhead: (copy, ms) => void told.push([copy, ms]) } });
  assert.equal(made.store.receive([incoming(wrong!)]), null);
  assert.deepEqual(told, [[ben.copy, ahead.ms]]);
  const [own] = made.store.append(ana, bodies('now'));
  assert.equal(own!.stamp, stampAt(made.clock.ms));
  made.close();
  const again = makeStore({ folder });
  const [later] = again.store.append(ana, bodies('later'));
  assert(later!.stamp > own!.stamp && later!.stamp < stampAt(again.clock.ms + MAX_DRIFT_MS));
  again.close();
});

test('LOG19 chunks count as here only when they are on disk for good', async () => {
  const disk = new SimDisk();
  const { store, clock } = makeStore({ files: new SimBytes(disk) });
  const chunks = [1, 2].map((n) => encodeChunk(randomBytes(n * 1000)));
  let kept = false;
  const keeping = store.keepChunks(chunks).then(() => {
    kept = true;
  });
  await Promise.resolve();
  assert.equal(kept, false);
  clock.turn();
  await keeping;
  disk.crash(0, () => 0.5);
  assert.equal(store.readChunks(chunks.map(({ id }) => id)).length, 2);

  const more = [3, 4].map((n) => encodeChunk(randomBytes(n * 1000)));
  const ids = more.map(({ id }) => id);
  const later = store.keepChunks(more);
  // Whoever asks is told the truth: it is on disk before the answer.
  assert.deepEqual(store.lacking(ids), []);
  disk.crash(0, () => 0.5);
  assert.equal(store.readChunks(ids).length, 2);
  clock.turn();
  await later;
});

test('LOG20 a disk that fails takes chunks from everybody who waits for them', async () => {
  const disk = new SimDisk();
  const { store, clock } = makeStore({ files: new SimBytes(disk) });
  const [first, second] = [1, 2].map((n) => encodeChunk(randomBytes(n * 1000)));
  const keeping = store.keepChunks([first!]);
  disk.fault = (call) => (call === 'sync' ? 'EIO' : undefined);
  assert.throws(() => store.lacking([first!.id]), StorageError);
  disk.fault = () => undefined;
  clock.turn();
  await assert.rejects(keeping, StorageError);
  assert.deepEqual(store.lacking([first!.id]), [first!.id]);
  const again = store.keepChunks([first!, second!]);
  clock.turn();
  await again;
});

test('LOG21 another copy’s id keeps its own author', async () => {
  const { store } = makeStore();
  store.append(ana, bodies('a1'));
  const thief = { ...ben, copy: ana.copy };
  const { store: elsewhere } = makeStore();
  assert.equal(elsewhere.receive(store.after(new Map(), {}).map((change) => incoming(change))), null);
  const [forged] = elsewhere.append(thief, bodies('by ben'));
  assert.equal((store.receive([incoming(forged!)]) as Refusal | null)?.code, 'forged');
  assert.equal(store.maker(copyId('a'))?.user, 'ana');
});

test('LOG24 no change of one copy more than a vector holds is taken, so that those there are can go on', async () => {
  const { store, db } = makeStore();
  const [ana] = await Promise.all([author('a')]);
  store.append(ana, [text('first')]);
  const head = db.prepare('INSERT INTO head (copy, seq, hash, stamp, deps) VALUES (?, 1, zeroblob(32), 1, ?)');
  const copy = db.prepare('INSERT INTO copy (idx, id, chain) SELECT ?, ?, chain FROM copy WHERE idx = 1');
  store.transaction(() => {
    for (let idx = 2; idx <= MAX_COPIES; idx++) {
      copy.run(idx, Buffer.from(idx.toString(16).padStart(32, '0'), 'hex'));
      head.run(idx, Buffer.from([0]));
    }
  });
  store.log.reload();
  const [made] = makeStore().store.append(await author('b', 'ben'), [text('one more')]);
  assert.equal(store.receive([incoming(made!)])?.code, 'too-many-copies');
  assert.equal(store.append(ana, [text('second')]).length, 1);
});

test('LOG25 one device begins no more logs at a hub than it may, and the others go on', async () => {
  const { store } = makeStore({ copiesOfDevice: 2 });
  const first = async (letter: string, user: string) => {
    const [made] = makeStore().store.append(await author(letter, user), [text('first')]);
    return store.receive([incoming(made!)])?.code;
  };
  assert.deepEqual([await first('a', 'ana'), await first('b', 'ana')], [undefined, undefined]);
  assert.equal(await first('c', 'ana'), 'too-many-copies');
  assert.equal(await first('d', 'ben'), undefined);
});
