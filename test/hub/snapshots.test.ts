import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameBytes, sha256 } from '../../src/core/bytes.ts';
import { floorOf, restingPlace } from '../../src/core/floor.ts';
import type { SnapshotRecord } from '../../src/core/manifest.ts';
import { ProblemError } from '../../src/core/problem.ts';
import type { Vector } from '../../src/core/vector.ts';
import { Seeking } from '../../src/hub/seeking.ts';
import { Snapshots } from '../../src/hub/snapshots.ts';
import { storageFailure } from '../../src/platform/storage-failure.ts';
import type { Exchange } from '../../src/protocol/exchange.ts';
import type { Author } from '../../src/store/file-store.ts';
import { countersign, PACKED, sealSnapshot } from '../../src/store/snapshot.ts';
import { encodeChunk } from '../../src/store/stored-chunk.ts';
import { author, FILE, incoming, type Made, makeStore, OFFICE, TestClock, text } from '../store/stores.ts';

const [ana, ben, chloe] = (await Promise.all([author('a', 'ana'), author('b', 'ben'), author('c', 'chloe')])) as [
  Author,
  Author,
  Author,
];
const DAY_MS = 24 * 60 * 60_000;
const list = encodeChunk(text('what the history consists of'));

/** A hub's store with changes of these people, each having seen all before, and what it keeps of snapshots. */
class Hub {
  readonly made: Made = makeStore();
  readonly raised: Vector[] = [];
  /** Copies that are connected. */
  readonly here = new Set<string>();
  readonly #people: readonly Made[];
  snapshots: Snapshots;

  constructor(...authors: readonly Author[]) {
    this.#people = authors.map(() => makeStore());
    for (let round = 0; round < 3; round++) for (const one of authors) this.write(one, ...authors);
    this.snapshots = this.open();
    this.made.store.chunks.append([list]);
    this.made.store.chunks.flush();
  }

  /** `all`: everybody hears of it, and has heard of everything. */
  write(by: Author, ...all: readonly Author[]): void {
    const stores = [...this.#people.map(({ store }) => store), this.made.store];
    const from = stores[all.indexOf(by)]!;
    const made = from.append(by, [text(`by ${by.copy}`)]);
    for (const to of stores) if (to !== from) assert.equal(to.receive(made.map((change) => incoming(change))), null);
  }

  open(): Snapshots {
    const { db, store, clock } = this.made;
    const risen = (): void => void this.raised.push(store.log.floor);
    const isHere = (copy: string): boolean => this.here.has(copy);
    this.snapshots = new Snapshots({ db, store, file: FILE, office: OFFICE, clock, isHere, risen });
    return this.snapshots;
  }

  /** What everybody in use has said to have. */
  place(...retired: readonly string[]): Vector {
    const { log } = this.made.store;
    const floor = floorOf([...log.standing()].filter(({ copy }) => !retired.includes(copy)));
    return restingPlace(floor, (vector) => log.headersAfter(vector)) ?? new Map();
  }

  sealed(by: Author, altered: Partial<SnapshotRecord> = {}): Uint8Array {
    const { store } = this.made;
    const vector = altered.vector ?? this.place();
    const last = [...vector].map(([copy, seq]) => ({ copy, hash: store.hashAt(copy, seq) as string }));
    const record = {
      format: PACKED,
      file: FILE,
      vector,
      last,
      digest: 'dd'.repeat(32),
      manifest: [{ id: list.id, size: 28 }],
      manifestHash: 'ee'.repeat(32),
      documents: 0,
      databases: 0,
      bytes: 0,
      maker: by.copy,
      ...altered,
    };
    return sealSnapshot(record, by.key, by.chain);
  }

  propose(by: Author, record: Uint8Array, retired: readonly string[] = []): string {
    return said(() =>
      this.snapshots.propose(
        { kind: 'propose', file: FILE, copy: by.copy, record, retired: [...retired] },
        this.device(by),
      ),
    );
  }

  /** For the copy of `by`. `signer` signs over the connection of that copy's device, or says no over their own. */
  countersign(by: Author, record: Uint8Array, agrees = true, signer = by): string {
    const signed = agrees ? countersign(record, signer.key, signer.chain) : null;
    const snapshot = sha256(record);
    return said(() =>
      this.snapshots.countersign(
        { kind: 'countersign', file: FILE, copy: by.copy, snapshot, signed },
        this.device(agrees ? by : signer),
      ),
    );
  }

  device(by: Author): string {
    return this.made.store.maker(by.copy)!.device;
  }

  rows(): number {
    return Number(this.made.db.prepare('SELECT count(*) AS n FROM change').get()?.n);
  }
}

function said(work: () => void): string {
  try {
    work();
    return 'done';
  } catch (error) {
    assert.ok(error instanceof ProblemError, String(error));
    return error.problem.code;
  }
}

test('CMP7 a hub lets go of what lies below a snapshot only when another copy has found the same', () => {
  const hub = new Hub(ana, ben, chloe);
  const record = hub.sealed(ana);
  assert.equal(hub.propose(ana, record), 'done');
  assert.deepEqual([hub.snapshots.history().safe, hub.rows(), hub.made.store.log.floor.size], [null, 9, 0]);
  assert.equal(hub.countersign(ana, record), 'unfit-snapshot');
  assert.equal(hub.countersign(ben, hub.sealed(ben)), 'unfit-snapshot');
  assert.equal(hub.countersign(ben, record, true, ana), 'unfit-snapshot');
  assert.equal(hub.snapshots.history().safe, null);
  assert.equal(hub.countersign(ben, record), 'done');
  assert.ok(sameBytes(hub.snapshots.history().safe ?? record.subarray(1), record));
  assert.equal(hub.snapshots.history().proposed, null);
  const vector = new Map([...[ana, ben, chloe].map(({ copy }) => [copy, 2] as const), [ana.copy, 3]]);
  assert.deepEqual(hub.raised, [vector]);
  // The rows go after it; a hub that is opened again goes on with that.
  hub.snapshots.stop();
  assert.equal(hub.rows(), 9);
  hub.open();
  hub.made.clock.advance(1000);
  assert.equal(hub.rows(), 2);
  hub.made.store.log.reload();
  assert.deepEqual(hub.made.store.log.floor, vector);
  // And the logs go on above it, for everybody who has it.
  hub.write(ben, ana, ben, chloe);
  assert.equal(hub.made.store.after(hub.made.store.log.floor, {}).length, 3);
});

test('CMP7 whose copy is the only one in use needs no second', () => {
  const alone = new Hub(ana);
  assert.equal(alone.propose(ana, alone.sealed(ana)), 'done');
  assert.notEqual(alone.snapshots.history().safe, null);
  const left = new Hub(ana, ben);
  assert.equal(left.propose(ana, left.sealed(ana), [ben.copy]), 'done');
  assert.notEqual(left.snapshots.history().safe, null);
});

test('CMP7 a hub takes from nobody what a copy that is connected, or not said to be retired, has not said to have', () => {
  const hub = new Hub(ana, ben, chloe);
  const all = { vector: hub.made.store.vector() };
  const others = [ben.copy, chloe.copy];
  assert.equal(hub.propose(chloe, hub.sealed(chloe, all)), 'unfit-snapshot');
  assert.equal(hub.propose(chloe, hub.sealed(chloe, all), [ana.copy]), 'unfit-snapshot');
  hub.here.add(ben.copy);
  assert.equal(hub.propose(chloe, hub.sealed(chloe, all), [ana.copy, ben.copy]), 'unfit-snapshot');
  // Nor is it enough that it has said so: it is asked.
  assert.equal(hub.propose(ana, hub.sealed(ana), others), 'done');
  assert.equal(hub.snapshots.history().safe, null);
  assert.equal(hub.rows(), 9);
});

test('CMP7 a snapshot of other changes, of another time, by somebody else, or without its list is not taken', () => {
  const hub = new Hub(ana, ben);
  const { store } = hub.made;
  const last = [...store.vector()].map(([copy]) => ({ copy, hash: 'ab'.repeat(32) }));
  const beyond = new Map([...store.vector()].map(([copy, seq]) => [copy, seq + 1]));
  const bad: Partial<SnapshotRecord>[] = [
    { last },
    { last: [] },
    { vector: beyond, last: [] },
    { vector: new Map(), last: [] },
    { file: 'ab'.repeat(16) },
    { maker: ben.copy },
    { format: 1 },
    { manifest: [{ id: 'cd'.repeat(32), size: 10 }] },
    { manifest: Array(1000).fill({ id: list.id, size: 28 }) },
  ];
  for (const altered of bad) assert.match(hub.propose(ana, hub.sealed(ana, altered)), /unfit-snapshot|bad-snapshot/);
  assert.equal(hub.propose(ben, hub.sealed(ana)), 'unfit-snapshot');
  assert.equal(hub.propose(ana, text('no snapshot')), 'bad-snapshot');
  // Ben's last change has not seen Ana's last: it is no moment of rest.
  assert.equal(hub.propose(ana, hub.sealed(ana, { vector: new Map([[ana.copy, 3]]) })), 'unfit-snapshot');
  assert.equal(hub.snapshots.history().proposed, null);
});

test('CMP5 where a copy finds something else nothing is dropped, and it is told who; after a day another may be proposed', () => {
  const hub = new Hub(ana, ben, chloe);
  const record = hub.sealed(ana);
  hub.propose(ana, record);
  assert.equal(hub.countersign(chloe, record, false), 'done');
  assert.equal(hub.countersign(ben, record), 'done');
  assert.deepEqual([hub.snapshots.history().safe, hub.snapshots.history().differing], [null, [chloe.copy]]);
  assert.equal(hub.propose(ben, hub.sealed(ben)), 'snapshot-proposed');
  hub.made.clock.advance(DAY_MS);
  // Copies that are told of a proposal make none: one whose time is over must not keep them from it for ever.
  assert.deepEqual([hub.snapshots.history().proposed, hub.snapshots.history().differing], [null, []]);
  assert.equal(hub.propose(ben, hub.sealed(ben)), 'done');
  assert.deepEqual(hub.snapshots.history().differing, []);
});

test('CMP5 that a copy finds something else is said by its own device alone', () => {
  const hub = new Hub(ana, ben, chloe);
  const record = hub.sealed(ana);
  hub.propose(ana, record);
  assert.equal(hub.countersign({ ...chloe, copy: ben.copy }, record, false, chloe), 'unfit-snapshot');
  assert.equal(hub.countersign({ ...chloe, copy: 'ab'.repeat(16) }, record, false, chloe), 'unfit-snapshot');
  assert.deepEqual(hub.snapshots.history().differing, []);
  assert.equal(hub.countersign(ben, record), 'done');
});

test('CMP7 a snapshot below which somebody goes on, who had not seen it, is given up', () => {
  const hub = new Hub(ana, ben);
  const record = hub.sealed(ana);
  hub.propose(ana, record);
  // Chloe was away from the beginning.
  const away = makeStore();
  const made = away.store.append(chloe, [text('made alone')]);
  assert.equal(hub.made.store.receive(made.map((change) => incoming(change))), null);
  assert.equal(hub.countersign(ben, record), 'unfit-snapshot');
  assert.deepEqual([hub.snapshots.history().safe, hub.snapshots.history().proposed], [null, null]);
  assert.equal(hub.made.store.log.floor.size, 0);
});

test('CMP7 a disk that refuses the removal of rows does not end the hub, which goes on with it later', () => {
  const hub = new Hub(ana);
  assert.equal(hub.propose(ana, hub.sealed(ana)), 'done');
  hub.made.db.exec('PRAGMA query_only = ON');
  hub.made.clock.advance(1000);
  hub.made.db.exec('PRAGMA query_only = OFF');
  assert.equal(hub.rows(), 3);
  hub.made.clock.advance(60_000);
  assert.equal(hub.rows(), 0);
});

test('HUB14 a disk that cannot tell which chunks are here does not end the hub, and they are sought later', () => {
  const clock = new TestClock();
  const { store } = makeStore();
  let isFull = true;
  const asked: string[] = [];
  const lacking = (ids: readonly string[]): readonly string[] => {
    if (isFull) throw storageFailure('disk-full', 'Cannot keep chunks');
    return store.lacking(ids);
  };
  const seeking = new Seeking(clock, { lacking, keepChunks: (chunks) => store.keepChunks(chunks) });
  const copy = { fetch: (ids: readonly string[]) => Promise.resolve(void asked.push(...ids)) };
  seeking.came(copy as unknown as Exchange);
  seeking.seek([list.id]);
  clock.advance(10_000);
  assert.deepEqual(asked, []);
  isFull = false;
  clock.advance(10_000);
  assert.deepEqual(asked, [list.id]);
});
