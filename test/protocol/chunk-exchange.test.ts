import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import type { Upload } from '../../src/protocol/chunk-exchange.ts';
import { BACKLOG_BYTES, OUTSTANDING_WANTS } from '../../src/protocol/limits.ts';
import { decodeMessage, encodeMessage, type Message } from '../../src/protocol/messages.ts';
import { encodeChunk, type StoredChunk } from '../../src/store/stored-chunk.ts';
import { SimDisk } from '../sim/disk.ts';
import { SimBytes } from '../sim/disk-files.ts';
import { makeStore, text } from '../store/stores.ts';
import { quiet, turn } from './carrier.ts';
import { type Connection, connect, fetchInto, Machine } from './replicas.ts';

const kinds = (connection: Connection, end: 0 | 1): string[] =>
  connection.wire.ends[end].sent.map((message) => decodeMessage(message).kind);
const count = (connection: Connection, end: 0 | 1, kind: Message['kind']): number =>
  kinds(connection, end).filter((one) => one === kind).length;
const uploadOf = (chunk: StoredChunk, read: () => void = () => {}): Upload => ({
  id: chunk.id,
  bytes: chunk.bytes.byteLength,
  read: () => {
    read();
    return chunk;
  },
});
const many = (number: number, size: number): StoredChunk[] =>
  Array.from({ length: number }, () => encodeChunk(randomBytes(size)));
async function pair() {
  const [ana, hub] = [new Machine('a'), new Machine()];
  const connection = await connect(ana, hub);
  await quiet(connection.wire);
  return { ana, hub, connection, chunks: connection.exchange.chunks };
}

test('EXC14 chunks that are fetched come once, whole, to everybody who asked', async () => {
  const { hub, connection } = await pair();
  const kept = [1, 2, 3].map((n) => hub.keep(text(`chunk ${n}`)));
  const ids = kept.map(({ id }) => id);
  const [first, second]: [Uint8Array[], Uint8Array[]] = [[], []];
  const both = Promise.all([
    fetchInto(connection.exchange, [...ids, ids[0]!], first),
    fetchInto(connection.exchange, ids.slice(1), second),
  ]);
  await quiet(connection.wire);
  await both;
  assert.deepEqual([first.length, second.length], [3, 2]);
  assert.equal(count(connection, 0, 'want'), 1);
  assert.equal(count(connection, 1, 'chunks'), 1);
});

test('EXC15 a want for what is not there yet is answered when it arrives', async () => {
  const { ana, hub, connection } = await pair();
  const ben = new Machine('b');
  const other = await connect(ben, hub);
  const chunk = encodeChunk(text('saved a moment later'));
  const got: Uint8Array[] = [];
  const fetched = fetchInto(other.exchange, [chunk.id], got);
  await quiet(connection.wire, other.wire);
  assert.equal(got.length, 0);
  const uploaded = connection.exchange.upload([uploadOf(chunk)]);
  await quiet(connection.wire, other.wire);
  await Promise.all([uploaded, fetched]);
  assert.equal(Buffer.from(got[0]!).toString(), 'saved a moment later');
  assert(ana);
});

test('EXC16 a small upload goes out unasked; of a large one only what is lacking is read and sent', async () => {
  const { hub, connection } = await pair();
  const small = encodeChunk(text('small'));
  const done = connection.exchange.upload([uploadOf(small)]);
  assert.equal(count(connection, 0, 'offer'), 0);
  await quiet(connection.wire);
  await done;
  assert.deepEqual(hub.store.lacking([small.id]), []);

  const large = many(40, 60_000);
  const there = large.slice(0, 30);
  hub.store.chunks.append(there);
  let reads = 0;
  const rest = connection.exchange.upload(large.map((chunk) => uploadOf(chunk, () => void reads++)));
  await quiet(connection.wire);
  await rest;
  assert.equal(reads, 10);
  assert.deepEqual(hub.store.lacking(large.map(({ id }) => id)), []);
});

test('EXC17 an upload is done when the chunks are on the partner’s disk for good, not before', async () => {
  const disk = new SimDisk();
  const hub = new Machine('', (options) => makeStore({ ...options, files: new SimBytes(disk) }));
  const { wire, exchange } = await connect(new Machine('a'), hub);
  await quiet(wire);
  const chunks = many(3, 1000);
  let synced = false;
  disk.fault = (call) => {
    if (call === 'sync') synced = true;
    return undefined;
  };
  const done = exchange.upload(chunks.map((chunk) => uploadOf(chunk))).then(() => assert(synced));
  await quiet(wire);
  await done;
  disk.crash(0, () => 0.5);
  assert.equal(hub.store.readChunks(chunks.map(({ id }) => id)).length, 3);
});

test('EXC18 a disk that fails to keep chunks ends the connection, and whoever uploads knows', async () => {
  const disk = new SimDisk();
  const hub = new Machine('', (options) => makeStore({ ...options, files: new SimBytes(disk) }));
  const { wire, exchange, reasons } = await connect(new Machine('a'), hub);
  await quiet(wire);
  disk.fault = (call) => (call === 'sync' ? 'ENOSPC' : undefined);
  const failed = assert.rejects(exchange.upload(many(2, 1000).map((chunk) => uploadOf(chunk))));
  await quiet(wire);
  await failed;
  assert.match(reasons.join(), /disk is full/);
});

test('EXC19 a slow reader is waited for: no more lies in the line than agreed', async () => {
  const { hub, connection } = await pair();
  const kept = many(130, 100_000);
  hub.store.chunks.append(kept);
  hub.store.chunks.flush();
  const got: Uint8Array[] = [];
  const fetched = fetchInto(
    connection.exchange,
    kept.map(({ id }) => id),
    got,
  );
  let most = 0;
  for (let still = 0; still < 5; still++) {
    while (connection.wire.deliver(0)) still = 0;
    most = Math.max(most, connection.wire.ends[1].backlog);
    for (let n = 0; n < 4; n++) if (connection.wire.deliver(1)) still = 0;
    await turn();
  }
  await fetched;
  assert.equal(got.length, 130);
  assert(most > BACKLOG_BYTES && most < BACKLOG_BYTES + 17 * 1024 * 1024, `${most} bytes`);
});

test('EXC20 a slow disk is waited for: no more is wanted while deliveries are pending', async () => {
  const { hub, connection } = await pair();
  const kept = many(OUTSTANDING_WANTS + 300, 100);
  hub.store.chunks.append(kept);
  hub.store.chunks.flush();
  const release: (() => void)[] = [];
  const fetched = connection.exchange.fetch(
    kept.map(({ id }) => id),
    () => new Promise<void>((resolve) => release.push(resolve)),
  );
  await quiet(connection.wire);
  assert.equal(release.length, OUTSTANDING_WANTS);
  while (release.length > 0) {
    for (const go of release.splice(0)) go();
    await quiet(connection.wire);
  }
  await fetched;
});

test('EXC21 who gives up a fetch gets nothing more, and others who wait are not disturbed', async () => {
  const { hub, connection } = await pair();
  const kept = many(OUTSTANDING_WANTS + 50, 100);
  hub.store.chunks.append(kept);
  hub.store.chunks.flush();
  const ids = kept.map(({ id }) => id);
  const [dropped, wanted]: [Uint8Array[], Uint8Array[]] = [[], []];
  const giveUp = new AbortController();
  const first = assert.rejects(fetchInto(connection.exchange, ids, dropped, { signal: giveUp.signal }));
  const second = fetchInto(connection.exchange, ids.slice(-10), wanted);
  giveUp.abort();
  await quiet(connection.wire);
  await Promise.all([first, second]);
  assert.deepEqual([dropped.length, wanted.length], [0, 10]);
  // Also a delivery that throws is the end of that fetch only.
  const failing = connection.exchange.fetch(ids.slice(0, 3), () => {
    throw new Error('the disk is full');
  });
  const other = fetchInto(connection.exchange, ids.slice(0, 3), wanted);
  const failed = assert.rejects(failing, /the disk is full/);
  await quiet(connection.wire);
  await Promise.all([failed, other]);
  assert.equal(wanted.length, 13);
});

test('EXC21 a fetch that is over hangs on nothing by which it could have been given up', async () => {
  const { hub, connection } = await pair();
  const kept = many(3, 100);
  hub.store.chunks.append(kept);
  hub.store.chunks.flush();
  const { signal } = new AbortController();
  const ids = kept.map(({ id }) => id);
  const fetched = fetchInto(connection.exchange, ids, [], { signal });
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  await quiet(connection.wire);
  await fetched;
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('EXC22 the parts of a change go before what waits to be asked for', async () => {
  const { hub, connection } = await pair();
  const kept = many(OUTSTANDING_WANTS + 500, 100);
  hub.store.chunks.append(kept);
  hub.store.chunks.flush();
  const order: string[] = [];
  const note = ({ id }: { id: string }): undefined => void order.push(id);
  const ids = kept.map(({ id }) => id);
  const last = ids.pop() as string;
  const all = Promise.all([
    connection.exchange.fetch(ids, note),
    connection.exchange.fetch([last], note, { urgent: true }),
  ]);
  await quiet(connection.wire);
  await all;
  assert(order.indexOf(last) < OUTSTANDING_WANTS + 400, `${order.indexOf(last)}`);
});

test('EXC23 a cut ends all that was under way, with the reason', async () => {
  const { connection } = await pair();
  const fetched = fetchInto(connection.exchange, ['00'.repeat(32)], []);
  const uploaded = connection.exchange.upload(many(20, 60_000).map((chunk) => uploadOf(chunk)));
  connection.wire.cut();
  await assert.rejects(fetched, /cut/);
  await assert.rejects(uploaded, /cut/);
  await assert.rejects(connection.exchange.upload([uploadOf(encodeChunk(text('late')))]), /cut/);
  await assert.rejects(
    connection.exchange.fetch(['00'.repeat(32)], () => undefined),
    /cut/,
  );
});

test('EXC24 wants above the agreed number, chunks that nobody asked for and altered chunks end the connection', async () => {
  const chunk = encodeChunk(text('chunk'));
  const ids = Array.from({ length: OUTSTANDING_WANTS + 1 }, (_, n) => n.toString(16).padStart(64, '0'));
  const hostile: [0 | 1, Message, RegExp][] = [
    [0, { kind: 'want', channel: 1, ids }, /more wants/],
    [0, { kind: 'need', channel: 1, offered: 1, ids: [] }, /without an offer/],
    [0, { kind: 'chunks', channel: 1, chunks: [{ ...chunk, hash: '00'.repeat(32) }] }, /not what its hash says/],
    [1, { kind: 'chunks', channel: 1, chunks: [chunk] }, /was not asked for/],
    [1, { kind: 'offer', channel: 1, ids: [chunk.id] }, /nobody asked for/],
  ];
  for (const [from, message, why] of hostile) {
    const { connection } = await pair();
    connection.wire.ends[from].send(encodeMessage(message));
    await quiet(connection.wire);
    assert.match(connection.reasons.join(), why);
  }
});

test('CHK6 who proves chunks by their ids takes them unchecked; beside one who does not they are checked', async () => {
  for (const isAlone of [true, false]) {
    const { connection } = await pair();
    const chunk = encodeChunk(text('altered on the way'));
    const taken: string[] = [];
    const take = ({ id }: { id: string }): undefined => void taken.push(id);
    const proving = connection.exchange.fetch([chunk.id], take, { proving: true });
    const other = isAlone ? proving : connection.exchange.fetch([chunk.id], take);
    const altered = { ...chunk, hash: '00'.repeat(32) };
    connection.wire.ends[1].send(encodeMessage({ kind: 'chunks', channel: 1, chunks: [altered] }));
    const outcome = Promise.allSettled([proving, other]);
    await quiet(connection.wire);
    await outcome;
    assert.deepEqual(taken, isAlone ? [chunk.id] : []);
    if (!isAlone) assert.match(connection.reasons.join(), /not what its hash says/);
  }
});

test('EXC28 what nobody has uploaded yet stands in the way of nothing else', async () => {
  const { hub, connection } = await pair();
  const there = hub.keep(text('there'));
  const absent = Array.from({ length: 2 * OUTSTANDING_WANTS }, (_, n) => n.toString(16).padStart(64, '0'));
  const waiting = assert.rejects(fetchInto(connection.exchange, absent, []), /cut/);
  const got: Uint8Array[] = [];
  const fetched = fetchInto(connection.exchange, [there.id], got);
  await quiet(connection.wire);
  await fetched;
  assert.equal(got.length, 1);
  connection.wire.cut();
  await waiting;
});

test('EXC29 who waits is told when all that is left is not there yet, and what is given up then is not sent', async () => {
  const { hub, connection } = await pair();
  const ben = await connect(new Machine('b'), hub);
  await quiet(ben.wire);
  const there = hub.keep(text('there'));
  const [early, late] = [encodeChunk(text('early')), encodeChunk(text('late'))];
  const giveUp = new AbortController();
  const got: Uint8Array[] = [];
  let told = 0;
  const waiting = (): void => void told++;
  const fetched = fetchInto(connection.exchange, [there.id, early.id, late.id], got, {
    signal: giveUp.signal,
    waiting,
  });
  const failed = assert.rejects(fetched);
  await quiet(connection.wire);
  assert.deepEqual([got.length, told], [1, 1]);
  const first = ben.exchange.upload([uploadOf(early)]);
  await quiet(ben.wire, connection.wire);
  await first;
  assert.deepEqual([got.length, told], [2, 2]);
  giveUp.abort();
  await failed;
  await quiet(connection.wire);
  const second = ben.exchange.upload([uploadOf(late)]);
  await quiet(ben.wire, connection.wire);
  await second;
  assert.equal(got.length, 2);
  assert.equal(count(connection, 1, 'chunks'), 2);
  // Wanted again it comes, once.
  const again = fetchInto(connection.exchange, [late.id], got);
  await quiet(connection.wire);
  await again;
  assert.deepEqual([got.length, connection.reasons], [3, []]);
});

test('EXC30 what was given up while it was on its way is dropped, and may be wanted again at once', async () => {
  const { hub, connection } = await pair();
  const late = encodeChunk(text('late'));
  const giveUp = new AbortController();
  const dropped: Uint8Array[] = [];
  const failed = assert.rejects(fetchInto(connection.exchange, [late.id], dropped, { signal: giveUp.signal }));
  await quiet(connection.wire);
  hub.keep(text('late'));
  hub.arrived([late.id]);
  await turn();
  giveUp.abort();
  const got: Uint8Array[] = [];
  const again = fetchInto(connection.exchange, [late.id], got);
  await quiet(connection.wire);
  await Promise.all([failed, again]);
  assert.deepEqual([dropped.length, got.length, connection.reasons], [0, 1, []]);
});

test('EXC31 an upload leaves out what is not here any more, and the rest arrives', async () => {
  const { hub, connection } = await pair();
  const all = many(5, 1000);
  const uploads = all.map((chunk, index) => ({ ...uploadOf(chunk), read: () => (index === 2 ? undefined : chunk) }));
  const done = connection.exchange.upload(uploads);
  await quiet(connection.wire);
  await done;
  assert.deepEqual(hub.store.lacking(all.map(({ id }) => id)), [all[2]!.id]);
});

test('EXC32 an upload is acknowledged also when the partner was waiting for it, or had given up waiting', async () => {
  const { hub, connection } = await pair();
  const [wanted, givenUp] = [encodeChunk(text('wanted')), encodeChunk(text('given up'))];
  const [of] = hub.exchanges;
  const giveUp = new AbortController();
  const keep = (chunk: StoredChunk): undefined => void hub.store.keepChunks([chunk]);
  const fetched = of!.fetch([wanted.id], keep);
  const failed = assert.rejects(of!.fetch([givenUp.id], keep, { signal: giveUp.signal }));
  await quiet(connection.wire);
  giveUp.abort();
  await failed;
  const uploaded = connection.exchange.upload([uploadOf(wanted), uploadOf(givenUp)]);
  await quiet(connection.wire);
  await Promise.all([fetched, uploaded]);
  assert.deepEqual(hub.store.lacking([wanted.id, givenUp.id]), []);
});
