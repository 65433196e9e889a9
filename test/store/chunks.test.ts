import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../../src/core/bytes.ts';
import { StorageError, type StorageKind } from '../../src/core/problem.ts';
import { CHUNKS_SCHEMA, ChunkStore, type ChunkStoreOptions } from '../../src/store/chunks.ts';
import { HEADER_BYTES, headerOf, readHeader, scanPack } from '../../src/store/pack.ts';
import { openStore, transaction } from '../../src/store/sqlite.ts';
import { DamagedChunk, encodeChunk, type StoredChunk } from '../../src/store/stored-chunk.ts';
import { type Inode, SimDisk } from '../sim/disk.ts';
import { SimBytes } from '../sim/disk-files.ts';

const PACK = '/packs/0.pack';
const chunk = (n: number, size = 600 + (n % 7) * 90): StoredChunk => encodeChunk(Buffer.alloc(size, `chunk ${n};`));
const recordOf = (one: StoredChunk) => Buffer.concat([headerOf(one), one.bytes]);
const chunks = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => chunk(from + n));
const ids = (all: readonly StoredChunk[]) => all.map(({ id }) => id);
const newIndex = () => openStore(':memory:', { schema: CHUNKS_SCHEMA, synchronous: 'NORMAL' });
const open = (db: DatabaseSync, disk: SimDisk, options: ChunkStoreOptions = {}) =>
  new ChunkStore(db, '/packs', new SimBytes(disk), options);
const bytesOf = (disk: SimDisk) => disk.inode(PACK)?.bytes as Buffer;

function holds(store: ChunkStore, expected: readonly StoredChunk[]): void {
  const { found, missing, damaged } = store.read(ids(expected));
  assert.deepEqual([missing, damaged], [[], []]);
  const byId = new Map(found.map((one) => [one.id, one]));
  for (const { id, hash, bytes } of expected) {
    assert.equal(byId.get(id)?.hash, hash);
    assert.ok(Buffer.from(byId.get(id)?.bytes ?? []).equals(bytes));
  }
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
/** Numbers in [0, 1) from a start. */
function chances(start: number): () => number {
  let at = start;
  return () => {
    at = (at * 997.3 + 0.1234) % 1;
    return at;
  };
}

const kind = (expected: StorageKind) => (error: unknown) => error instanceof StorageError && error.kind === expected;

test('CHK8 a chunk is kept once, and read back as it was stored, before and after the flush', () => {
  const [db, disk] = [newIndex(), new SimDisk()];
  const store = open(db, disk);
  const all = chunks(0, 50);
  store.append(all);
  store.append([...all.slice(0, 10), chunk(3), chunk(3)]);
  holds(store, all);
  store.flush();
  holds(store, all);
  assert.equal(store.totals().chunks, 50);
  assert.deepEqual(store.has(['f'.repeat(64), ...ids(all)]), new Set(ids(all)));
  assert.deepEqual(store.read(['f'.repeat(64)]).missing, ['f'.repeat(64)]);
  assert.equal(store.readOne('f'.repeat(64)), undefined);
  store.close();
  holds(open(db, disk), all);
  holds(open(db, disk, { readOnly: true }), all);
});

test('CHK9 what was flushed survives any crash, and what a crash tore is not used', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ act: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('flush' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ act: fc.constant('crash' as const), names: share, seed: share }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('lose the index' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const disk = new SimDisk();
      let db = newIndex();
      let store = open(db, disk);
      let [made, flushed] = [0, 0];
      for (const one of steps) {
        if (one.act === 'append') {
          store.append(chunks(made, made + one.count));
          made += one.count;
        } else {
          if (one.act === 'flush') store.flush();
          else {
            if (one.act === 'crash') disk.crash(one.names, chances(one.seed));
            else {
              store.flush();
              db = newIndex();
            }
            store = open(db, disk);
          }
          if (one.act !== 'crash') flushed = made;
        }
        holds(store, chunks(0, flushed));
        const rest = store.read(ids(chunks(flushed, made)));
        assert.deepEqual(rest.damaged, []);
        if (one.act === 'crash') made = flushed;
      }
    }),
    { numRuns: 12 * Number(process.env.RUNS ?? 12) },
  );
});

test('CHK10 a damaged chunk is found by its hash and named; the others are read; forgotten, it can come again', () => {
  const [db, disk] = [newIndex(), new SimDisk()];
  const store = open(db, disk);
  const all = chunks(0, 20);
  store.append(all);
  store.flush();
  const victim = all[7] as StoredChunk;
  const at = bytesOf(disk).indexOf(victim.bytes);
  bytesOf(disk)[at + 5] = (bytesOf(disk)[at + 5] as number) ^ 1;
  const result = store.read(ids(all));
  assert.deepEqual(result.damaged, [victim.id]);
  assert.equal(result.found.length, 19);
  assert.throws(
    () => store.readOne(victim.id),
    (error) => error instanceof DamagedChunk && error.id === victim.id,
  );
  assert.deepEqual(
    [...store.verify()].flatMap(({ damaged }) => damaged),
    [victim.id],
  );
  store.forget([victim.id]);
  assert.equal(store.has([victim.id]).size, 0);
  store.append([victim]);
  holds(store, all);
});

test('CHK10 a pack that is gone or cut short damages only its own chunks', () => {
  const [db, disk] = [newIndex(), new SimDisk()];
  open(db, disk).close();
  const store = open(db, disk);
  store.append(chunks(0, 10));
  store.flush();
  const inode = disk.inode(PACK) as Inode;
  inode.bytes = inode.bytes.subarray(0, inode.bytes.length - 10);
  const reopened = open(db, disk);
  assert.deepEqual(reopened.read(ids(chunks(0, 10))).damaged, [chunk(9).id]);
  reopened.append(chunks(20, 25));
  reopened.flush();
  disk.put(PACK, undefined);
  const after = open(db, disk);
  assert.equal(after.read(ids(chunks(0, 10))).damaged.length, 10);
  holds(after, chunks(20, 25));
});

test('CHK11 when the disk fails, nothing is half done, and the store goes on when it works again', () => {
  const call = fc.constantFrom('open' as const, 'write' as const, 'sync' as const);
  fc.assert(
    fc.property(call, fc.boolean(), fc.integer({ min: 1, max: 30 }), (failing, alsoWrite, count) => {
      const [db, disk] = [newIndex(), new SimDisk()];
      const store = open(db, disk);
      if (failing !== 'open') {
        store.append(chunks(100, 105));
        store.flush();
      }
      disk.fault = (asked) => (asked === failing || (alsoWrite && asked === 'write') ? 'ENOSPC' : undefined);
      const save = () => {
        store.append(chunks(0, count));
        store.flush();
      };
      assert.throws(save, kind('disk-full'));
      assert.equal(store.has(ids(chunks(0, count))).size, 0);
      disk.fault = () => undefined;
      save();
      for (const one of [store, open(db, disk), open(newIndex(), disk)]) {
        holds(one, chunks(0, count));
        if (failing !== 'open') holds(one, chunks(100, 105));
      }
    }),
    { numRuns: 5 * Number(process.env.RUNS ?? 12) },
  );
});

test('CHK12 chunks flushed inside a transaction are kept with it or not at all', () => {
  const [db, disk] = [newIndex(), new SimDisk()];
  const store = open(db, disk);
  const save = (fails: boolean) =>
    transaction(db, () => {
      store.append(chunks(0, 5));
      store.flush();
      if (fails) throw new Error('on purpose');
    });
  assert.throws(() => save(true), /on purpose/);
  assert.equal(store.has(ids(chunks(0, 5))).size, 0);
  save(false);
  holds(store, chunks(0, 5));
  holds(open(db, disk), chunks(0, 5));
});

test('CHK13 whatever a pack holds, scanning it gives only records whose hash fits, and all that are whole', () => {
  const piece = fc.oneof(
    fc.integer({ min: 0, max: 30 }).map((n) => ({ whole: true, bytes: recordOf(chunk(n)) })),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ whole: false, bytes: Buffer.from(bytes) })),
    fc.tuple(fc.nat(30), fc.double({ min: 0, max: 0.99, noNaN: true })).map(([n, share]) => {
      const record = recordOf(chunk(n));
      return { whole: false, bytes: record.subarray(0, Math.floor(record.length * share)) };
    }),
    fc.tuple(fc.nat(30), fc.nat(), fc.integer({ min: 1, max: 255 })).map(([n, where, flip]) => {
      const record = recordOf(chunk(n));
      const at = where % record.length;
      record[at] = (record[at] as number) ^ flip;
      return { whole: false, bytes: record };
    }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const disk = new SimDisk();
      const whole = Buffer.concat(pieces.map(({ bytes }) => bytes));
      const file = new SimBytes(disk).open('/0.pack', 'create');
      file.write(whole, 0);
      const intact = [...scanPack(file, 0)].filter(({ isIntact }) => isIntact);
      for (const { at, length, id, hash } of intact) {
        assert.equal(sha256(whole.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length)), hash);
        assert.equal(readHeader(whole.subarray(at))?.id, id);
      }
      // A record behind a torn one may be hidden in what its header claims; behind anything else it is found.
      const met = new Set(intact.map(({ at }) => at));
      let at = 0;
      let hidden = 0;
      for (const { whole: isWhole, bytes } of pieces) {
        if (isWhole && at >= hidden) assert.ok(met.has(at), `the record at ${at} was not found`);
        const header = readHeader(whole.subarray(at));
        if (!isWhole && header) hidden = Math.max(hidden, at + HEADER_BYTES + header.length);
        at += bytes.length;
      }
    }),
    { numRuns: 25 * Number(process.env.RUNS ?? 12) },
  );
});

test('CHK14 a pack is followed by a new one when it is full', () => {
  const [db, disk] = [newIndex(), new SimDisk()];
  const store = open(db, disk, { packLimit: 1500 });
  store.append(chunks(0, 60));
  store.flush();
  assert.ok(new SimBytes(disk).list('/packs').length > 2);
  holds(store, chunks(0, 60));
  holds(open(newIndex(), disk), chunks(0, 60));
});
