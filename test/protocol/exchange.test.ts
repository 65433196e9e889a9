import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { same } from '../../src/core/vector.ts';
import { BATCH_BYTES, MAX_MESSAGE, UNACKED_MESSAGES } from '../../src/protocol/limits.ts';
import { decodeMessage, type Message } from '../../src/protocol/messages.ts';
import { copyId, incoming, makeStore, text } from '../store/stores.ts';
import { quiet, turn } from './carrier.ts';
import { type Connection, connect, Machine } from './replicas.ts';

const sent = (connection: Connection, end: 0 | 1): Message[] => connection.wire.ends[end].sent.map(decodeMessage);
const changesIn = (messages: readonly Message[]): number =>
  messages.reduce((sum, message) => sum + (message.kind === 'changes' ? message.changes.length : 0), 0);

test('EXC1 each side gets what it lacks, in one pass, and a second exchange moves nothing', async () => {
  const [ana, ben] = [new Machine('a'), new Machine('b')];
  await ana.append('a1', 'a2');
  await ben.append('b1');
  const first = await connect(ana, ben);
  await quiet(first.wire);
  assert(same(ana.store.vector(), ben.store.vector()));
  assert.deepEqual([changesIn(sent(first, 0)), changesIn(sent(first, 1))], [2, 1]);
  assert(first.exchange.settled);
  const second = await connect(ana, ben);
  await quiet(second.wire);
  assert.deepEqual(
    sent(second, 0).map(({ kind }) => kind),
    ['hello', 'open', 'have'],
  );
  assert.deepEqual(
    sent(second, 1).map(({ kind }) => kind),
    ['welcome', 'have'],
  );
});

test('EXC2 what is made while connected leaves at once, and through a hub reaches everybody else', async () => {
  const [ana, ben, hub] = [new Machine('a'), new Machine('b'), new Machine()];
  const wires = [(await connect(ana, hub)).wire, (await connect(ben, hub)).wire];
  await quiet(...wires);
  await ana.append('hello');
  await quiet(...wires);
  await ben.append('hello back');
  await quiet(...wires);
  assert.deepEqual(
    [ana.bodies, ben.bodies],
    [
      ['hello', 'hello back'],
      ['hello', 'hello back'],
    ],
  );
});

test('EXC3 nothing is sent twice while it is under way, nor back to where it came from', async () => {
  const [ana, hub] = [new Machine('a'), new Machine()];
  const connection = await connect(ana, hub);
  await quiet(connection.wire);
  for (let n = 0; n < 20; n++) await ana.append(`change ${n}`);
  ana.push();
  await quiet(connection.wire);
  assert.deepEqual([changesIn(sent(connection, 0)), changesIn(sent(connection, 1))], [20, 0]);
});

test('EXC4 while a few messages are under way, small changes gather for the next', async () => {
  const [ana, hub] = [new Machine('a'), new Machine()];
  const connection = await connect(ana, hub);
  await quiet(connection.wire);
  for (let n = 0; n < 100; n++) await ana.append(`change ${n}`);
  const before = sent(connection, 0).filter(({ kind }) => kind === 'changes').length;
  assert.equal(before, UNACKED_MESSAGES);
  await quiet(connection.wire);
  const after = sent(connection, 0).filter(({ kind }) => kind === 'changes').length;
  assert(after <= UNACKED_MESSAGES + 2, `${after} messages`);
  assert(connection.exchange.settled);
});

test('EXC5 a batch ends before it blocks the line, and every message keeps to the limit', async () => {
  const [ana, hub] = [new Machine('a'), new Machine()];
  const body = randomBytes(60_000);
  for (let n = 0; n < 30; n++) await ana.append(Buffer.concat([body, Buffer.of(n)]));
  const connection = await connect(ana, hub);
  await quiet(connection.wire);
  assert.equal(hub.store.vector().get(copyId('a')), 30);
  for (const { byteLength } of connection.wire.ends[0].sent) assert(byteLength < BATCH_BYTES + 70_000);
  assert(BATCH_BYTES + 70_000 < MAX_MESSAGE);
});

test('EXC6 an acknowledgement names nothing that the partner does not know, also of what comes twice', async () => {
  const [ana, ben, hub] = [new Machine('a'), new Machine('b'), new Machine()];
  const slow = await connect(ana, hub);
  await quiet(slow.wire);
  await ana.append('twice');
  // The line dies unnoticed by the hub, which still reads what was under way.
  const late = slow.wire.ends[0].queue.splice(0);
  slow.wire.cut([0]);
  const fast = await connect(ana, hub);
  const other = await connect(ben, hub);
  await ben.append('unknown to ana');
  while (other.wire.deliver(0));
  slow.wire.ends[1].onMessage(late[0]!);
  await quiet(fast.wire, other.wire);
  assert.deepEqual(fast.reasons, []);
  assert(fast.exchange.settled);
  assert(same(ana.store.vector(), ben.store.vector()));
});

test('EXC7 a fork of the own log is found before anything of it leaves', async () => {
  const original = new Machine('a');
  await original.append('shared');
  // The same copy twice: restored from a backup, or the folder copied. Both go on.
  const double = new Machine('a');
  double.store.receive(original.store.after(new Map(), {}).map((change) => incoming(change)));
  const hub = new Machine();
  await original.append('here');
  await quiet((await connect(original, hub)).wire);
  for (const lead of ['behind', 'level', 'ahead']) {
    if (lead !== 'behind') await double.append(`there ${lead}`);
    const connection = await connect(double, hub);
    await quiet(connection.wire);
    assert.equal(double.ends.at(-1)?.code, 'forked', lead);
    assert.equal(changesIn(sent(connection, 0)), 0, lead);
  }
  assert.equal(hub.store.vector().get(copyId('a')), 2);
});

test('EXC8 the next change of the own log by somebody else ends the exchange before it is stored', async () => {
  const [ana, double, hub] = [new Machine('a'), new Machine('a'), new Machine()];
  const [first, second] = [await connect(ana, hub), await connect(double, hub)];
  await quiet(first.wire, second.wire);
  await double.append('by the double');
  await quiet(first.wire, second.wire);
  assert.equal(ana.ends[0]?.code, 'forked');
  assert.equal(ana.store.vector().size, 0);
});

test('EXC9 a log of somebody else that differs is named on both sides, whoever notices', async () => {
  const [one, two] = [new Machine('a'), new Machine('a')];
  await one.append('left', 'more');
  await two.append('right');
  const [ben, chloe] = [new Machine('b'), new Machine('c')];
  ben.store.receive(one.store.after(new Map(), {}).map((change) => incoming(change)));
  chloe.store.receive(two.store.after(new Map(), {}).map((change) => incoming(change)));
  const connection = await connect(ben, chloe);
  await quiet(connection.wire);
  assert.deepEqual([ben.ends[0]?.code, chloe.ends[0]?.code], ['forked-log', 'forked-log']);
  assert.deepEqual(connection.reasons, []);
});

test('EXC10 a refused change ends the exchange of this file on both sides, with the reason, and not the connection', async () => {
  const ana = new Machine('a');
  const hub = new Machine('', (options) => makeStore({ ...options, office: 'another office' }));
  const connection = await connect(ana, hub);
  await ana.append('of a device nobody knows here');
  await quiet(connection.wire);
  assert.deepEqual([ana.ends[0]?.code, hub.ends[0]?.code], ['distrusted', 'distrusted']);
  assert.deepEqual(connection.reasons, []);
  // The same connection can open it again.
  const again = connection.caller.open('f0'.repeat(16), copyId('a'), (channel, line) => ana.exchange(channel, line));
  again.begin();
  while (connection.wire.deliver(0) || connection.wire.deliver(1));
  assert.equal(ana.ends.length, 2);
});

test('EXC11 a large body comes in parts before its change is stored; changes behind it wait, and go on', async () => {
  const [ana, hub, ben] = [new Machine('a'), new Machine(), new Machine('b')];
  const large = randomBytes(900_000);
  await ana.append('before', large, 'after');
  const up = await connect(ana, hub);
  const down = await connect(ben, hub);
  await quiet(up.wire, down.wire);
  assert.equal(ben.bodies.length, 3);
  assert(Buffer.from(ben.store.body(ben.store.after(new Map(), {})[1]!)).equals(large));
});

test('EXC12 what of a large body had come before a cut is not sent again', async () => {
  const [ana, ben] = [new Machine('a'), new Machine('b')];
  await ana.append(randomBytes(3_000_000));
  const first = await connect(ana, ben);
  const chunksOf = (connection: Connection): number =>
    sent(connection, 0).reduce((sum, message) => sum + (message.kind === 'chunks' ? message.chunks.length : 0), 0);
  let delivered = 0;
  while (delivered < 2) {
    first.wire.deliver(1);
    const next = first.wire.ends[0].queue[0];
    if (next && decodeMessage(next).kind === 'chunks') delivered += 1;
    first.wire.deliver(0);
    await turn();
  }
  ben.made.clock.turn();
  first.wire.cut();
  const second = await connect(ana, ben);
  await quiet(second.wire);
  assert.equal(ben.bodies.length, 1);
  assert(chunksOf(second) > 0 && chunksOf(second) < 35, `${chunksOf(second)} chunks again`);
});

test('EXC13 changes wait until both sides have said what they have; chunks need not', async () => {
  const [ana, hub] = [new Machine('a'), new Machine()];
  await ana.append('early');
  const chunk = hub.keep(text('a chunk'));
  const connection = await connect(ana, hub, undefined, { begin: false });
  const got: string[] = [];
  const fetched = connection.exchange.fetch([chunk.id], ({ id }) => void got.push(id));
  await quiet(connection.wire);
  await fetched;
  assert.equal(changesIn(sent(connection, 0)), 0);
  connection.exchange.begin();
  await quiet(connection.wire);
  assert.deepEqual([got, changesIn(sent(connection, 0))], [[chunk.id], 1]);
});

test('EXC27 who asks learns what the partner has stored by now, though it is still to come', async () => {
  const [ana, ben, hub] = [new Machine('a'), new Machine('b'), new Machine()];
  const [slow, fast] = [await connect(ana, hub), await connect(ben, hub)];
  await quiet(slow.wire, fast.wire);
  // More messages than may be under way, of which the slow line brings none.
  for (let n = 0; n < 3 * UNACKED_MESSAGES; n++) {
    await ben.append(`change ${n}`);
    while (fast.wire.deliver(0) || fast.wire.deliver(1));
  }
  const asked = slow.exchange.level();
  while (slow.wire.ends[1].queue.length > 0 || slow.wire.ends[0].queue.length > 0) {
    slow.wire.deliver(0);
    const next = slow.wire.ends[1].queue[0];
    if (next && decodeMessage(next).kind === 'level') break;
    slow.wire.deliver(1);
  }
  assert(slow.exchange.settled, 'all that has come so far is here');
  slow.wire.deliver(1);
  await asked;
  assert(!slow.exchange.settled);
  await quiet(slow.wire, fast.wire);
  assert(slow.exchange.settled);
  assert.equal(ana.bodies.length, 3 * UNACKED_MESSAGES);
  slow.wire.cut();
  await assert.rejects(slow.exchange.level());
});
