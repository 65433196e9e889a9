import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { sha256, toHex } from '../../src/core/bytes.ts';
import { MAX_COPIES_OF_DEVICE } from '../../src/core/vector.ts';
import { FILES_SCHEMA, ParentFiles } from '../../src/hub/files.ts';
import type { PeerIdentity } from '../../src/platform/ports.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { copyId, FILE } from '../store/stores.ts';
import { TestHub, type Visit } from './visitors.ts';

const OTHER = 'cd'.repeat(16);

async function published(members: string[] | null): Promise<{ hub: TestHub; ana: Visit }> {
  const hub = new TestHub();
  const ana = await hub.visit('ana', 'a');
  assert.deepEqual(await ana.create('Client 1', members), { kind: 'done' });
  assert.deepEqual(await ana.publish(), { kind: 'done' });
  return { hub, ana };
}

test('HUB1 a file is open to the whole office, or to its members and owner only', async () => {
  for (const members of [null, ['ben']]) {
    const { hub, ana } = await published(members);
    const [ben, chloe] = [await hub.visit('ben', 'b'), await hub.visit('chloe', 'c')];
    assert.deepEqual(await ana.names(), ['Client 1']);
    assert.deepEqual(await ben.names(), ['Client 1']);
    assert.deepEqual(await chloe.names(), members ? [] : ['Client 1']);
    const exchange = await chloe.open();
    assert.equal(exchange.ready, members === null);
  }
});

test('HUB2 who is no member is told the same as of a file that does not exist, and gets nothing, not even a name', async () => {
  const { hub } = await published(['ben']);
  const chloe = await hub.visit('chloe', 'c');
  for (const file of [FILE, OTHER]) {
    assert.equal(await chloe.ask({ kind: 'snapshot', file }), 'unknown-file');
    assert.equal(await chloe.ask({ kind: 'users', file }), 'unknown-file');
    assert.equal(await chloe.ask({ kind: 'change', file, copy: copyId('a'), seq: 1 }), 'unknown-file');
    await chloe.open(file);
    assert.equal(chloe.machine.ends.at(-1)?.code, 'unknown-file');
  }
  assert.equal(await chloe.publish(), 'unknown-file');
  assert.equal(await chloe.create('Mine now'), 'unknown-file');
  const said = chloe.wire.ends[1].sent.map((message) => Buffer.from(message).toString('latin1')).join();
  assert.doesNotMatch(said, /Client 1|ana|snapshot/);
  assert.deepEqual(chloe.reasons, []);
});

test('HUB3 only its owner publishes, and the file is seen by others from then on', async () => {
  const hub = new TestHub();
  const [ana, ben] = [await hub.visit('ana', 'a'), await hub.visit('ben', 'b')];
  await ana.create('Client 1');
  assert.deepEqual(await ben.names(), []);
  assert.equal(await ben.ask({ kind: 'snapshot', file: FILE }), 'unpublished');
  assert.equal(await ben.publish(), 'unknown-file');
  await ana.publish();
  const snapshot = await ben.ask({ kind: 'snapshot', file: FILE });
  assert.equal(typeof snapshot !== 'string' && snapshot.kind, 'snapshot');
  // A publish that was cut is taken up again.
  assert.deepEqual(await ana.create('Client 1'), { kind: 'done' });
});

test('HUB4 who publishes is not told of a name that is closed to them, and may give it', async () => {
  const { hub, ana } = await published(['ben']);
  const [ben, chloe] = [await hub.visit('ben', 'b'), await hub.visit('chloe', 'c')];
  assert.equal(await ben.create('client 1', null, OTHER), 'name-taken');
  assert.deepEqual(await chloe.create('Client 1', null, OTHER), { kind: 'done' });
  await chloe.publish(OTHER);
  assert.deepEqual(await chloe.names(), ['Client 1']);
  assert.deepEqual(await ben.names(), ['Client 1', 'Client 1']);
  assert.deepEqual(await ana.names(), ['Client 1', 'Client 1']);
});

test('HUB13 a list of files of any length is told answer by answer, each file once', () => {
  const db = openStore(':memory:', { schema: FILES_SCHEMA, synchronous: 'NORMAL' });
  const files = new ParentFiles(db);
  const peer = { user: 'ana', device: 'd', deviceName: 'laptop', chain: [] };
  const made = Array.from({ length: 23 }, (_, n) => n.toString(16).padStart(32, '0'));
  for (const [n, file] of made.entries()) {
    // Equal names, each to its own.
    const asker = { ...peer, user: `user ${n}` };
    files.create({ kind: 'create', file, name: `File ${n % 3}`, copy: file, members: ['ana'] }, asker, 0);
    const sizes = { documents: 0, databases: 0, bytes: 0 };
    files.publish({ kind: 'publish', file, record: new Uint8Array(1), ...sizes }, asker.user);
  }
  const told: string[] = [];
  for (let after: string | null = null; ; after = told.at(-1) ?? null) {
    const { files: some, more } = files.list('ana', after, 4);
    told.push(...some.map(({ file }) => file));
    if (!more) break;
    assert.equal(some.length, 4);
  }
  assert.deepEqual([...told].sort(), made);
  assert.deepEqual(files.list('nobody', null).files, []);
  db.close();
});

test('HUB14 wrong bytes that were uploaded under a guessed id are dropped when a reader says so, and the right ones are sought', async () => {
  const { hub, ana } = await published(null);
  const [ben, mallory] = [await hub.visit('ben', 'b'), await hub.visit('mallory', 'm')];
  const right = ana.machine.keep(randomBytes(5000));
  const bytes = Uint8Array.from([0, 1, 2, 3]);
  const wrong = { id: right.id, hash: sha256(bytes), bytes };
  const guess = await mallory.open();
  await settled(hub, guess.chunks.hand([wrong]));
  const honest = await ana.open();
  assert.deepEqual(await settled(hub, honest.chunks.lacking([right.id])), []);
  const reader = await ben.open();
  const got: string[] = [];
  const take = (chunk: { bytes: Uint8Array }) => void got.push(toHex(chunk.bytes));
  await settled(hub, reader.fetch([right.id], take));
  assert.deepEqual(got, [toHex(bytes)]);
  reader.sayWrong([right.id]);
  const again = reader.fetch([right.id], take);
  await hub.quiet();
  hub.clock.advance(3_000);
  await settled(hub, again);
  assert.deepEqual(got, [toHex(bytes), toHex(right.bytes)]);
  assert.match(hub.log.join(), /chunks are not what their ids say/);
  // Who says so of what is right changes nothing.
  reader.sayWrong([right.id]);
  await settled(hub, reader.fetch([right.id], take));
  assert.deepEqual(got.at(-1), toHex(right.bytes));
});

async function settled<T>(hub: TestHub, promise: Promise<T>): Promise<T> {
  await hub.quiet();
  hub.clock.turn();
  await hub.quiet();
  return promise;
}

test('HUB4 a name is given once, whatever its case and form, and fits every system', async () => {
  const { hub, ana } = await published(null);
  for (const name of ['Client 1', 'CLIENT 1']) assert.equal(await ana.create(name, null, OTHER), 'name-taken');
  for (const name of ['', '..', 'a/b', 'a\\b', 'CON', 'Client: 2', 'x\u0007', 'dot.']) {
    assert.equal(await ana.create(name, null, OTHER), 'unfit-name', name);
  }
  assert.deepEqual(await ana.create('Café', null, OTHER), { kind: 'done' });
  assert.equal(await ana.create('Cafe\u0301', null, 'ef'.repeat(16)), 'name-taken');
  assert(hub);
});

test('HUB5 a copy belongs to one machine and one file', async () => {
  const { hub, ana } = await published(null);
  await ana.create('Client 2', null, OTHER);
  const same = await hub.visit('ana', 'a', 'another laptop');
  const ben = await hub.visit('ben', 'b');
  await ana.open();
  for (const visit of [same, ben]) {
    await visit.open(FILE, 'a');
    assert.equal(visit.machine.ends.at(-1)?.code, 'copy-taken');
  }
  await ana.open(OTHER);
  assert.equal(ana.machine.ends.at(-1)?.code, 'copy-taken');
});

test('HUB6 what one stores is pushed to all others at once', async () => {
  const { hub, ana } = await published(null);
  const others = [await hub.visit('ben', 'b'), await hub.visit('chloe', 'c')];
  for (const visit of [ana, ...others]) await visit.open();
  await ana.machine.append('at once');
  await hub.quiet();
  for (const { machine } of others) assert.deepEqual(machine.bodies, ['at once']);
});

test('HUB7 one visitor’s garbage, refused change or broken line disturbs no other', async () => {
  const { hub, ana } = await published(null);
  const [ben, chloe] = [await hub.visit('ben', 'b'), await hub.visit('chloe', 'c')];
  for (const visit of [ana, ben, chloe]) await visit.open();
  chloe.wire.ends[0].send(Buffer.from('garbage'));
  await hub.quiet();
  assert.match(chloe.reasons.join(), /unreadable message/);
  await ana.machine.append('still here');
  await hub.quiet();
  assert.deepEqual(ben.machine.bodies, ['still here']);
});

test('HUB8 who is connected is seen by those who may see the file, and when others were last there', async () => {
  const { hub, ana } = await published(null);
  const ben = await hub.visit('ben', 'b', 'desk');
  await ana.open();
  await ben.open();
  hub.clock.ms += 60_000;
  const left = hub.clock.ms;
  ben.wire.cut();
  hub.clock.ms += 60_000;
  const answer = await ana.ask({ kind: 'users', file: FILE });
  assert(typeof answer !== 'string' && answer.kind === 'users');
  const seen = answer.users.map(({ user, device, online, lastSeenMs }) => [user, device, online, lastSeenMs === left]);
  assert.deepEqual(seen, [
    ['ana', 'laptop', true, false],
    ['ben', 'desk', false, true],
  ]);
});

test('HUB9 a file that nobody uses is closed, and opened again when somebody comes', async () => {
  const { hub, ana } = await published(null);
  const exchange = await ana.open();
  await ana.machine.append('kept');
  await hub.quiet();
  hub.clock.advance(60_000);
  assert.equal(hub.office.openFiles, 1);
  ana.session.close(exchange, 'done for today');
  await hub.quiet();
  hub.clock.advance(31_000);
  assert.equal(hub.office.openFiles, 0);
  // A mere question does not keep it open either.
  const answer = await ana.ask({ kind: 'change', file: FILE, copy: copyId('a'), seq: 1 });
  assert(typeof answer !== 'string' && answer.kind === 'change' && answer.hash !== null);
  hub.clock.advance(31_000);
  assert.equal(hub.office.openFiles, 0);
  const ben = await hub.visit('ben', 'b');
  await ben.open();
  assert.deepEqual(ben.machine.bodies, ['kept']);
});

test('HUB10 what the hub has stored survives its end, and its end is told to everybody', async () => {
  const { hub, ana } = await published(null);
  await ana.open();
  hub.office.close();
  await hub.quiet();
  assert.deepEqual(ana.reasons, ['the hub is stopping']);
  assert.equal(ana.machine.ends[0]?.code, 'cut');
  assert.equal(hub.office.openFiles, 0);
});

test('HUB11 a file whose store is damaged is refused with the reason, and the others go on', async () => {
  const { hub, ana } = await published(null);
  await ana.create('Client 2', null, OTHER);
  const exchange = await ana.open();
  await ana.machine.append('soon damaged');
  await hub.quiet();
  ana.session.close(exchange, 'done');
  await hub.quiet();
  hub.clock.advance(31_000);
  for (const damage of ["UPDATE change SET body = CAST('altered' AS BLOB)", "UPDATE copy SET chain = x'00ff'"]) {
    const db = new DatabaseSync(join(hub.folder, FILE, 'store.db'));
    db.exec(damage);
    db.close();
    for (let time = 0; time < 2; time++) {
      await ana.open();
      assert.deepEqual([ana.machine.ends.at(-1)?.code, hub.office.openFiles], ['damaged-log', 0]);
    }
  }
  const other = await hub.visit('ben', 'b');
  assert((await other.open(OTHER)).ready);
  assert.deepEqual(ana.reasons, []);
});

test('HUB15 one machine has no more copies of a file than it may, so that all can be told of', () => {
  const db = openStore(':memory:', { schema: FILES_SCHEMA, synchronous: 'FULL' });
  const files = new ParentFiles(db);
  const peer = (device: string) => ({ user: device, device, deviceName: device, chain: [] }) as unknown as PeerIdentity;
  files.create({ kind: 'create', file: FILE, name: 'Client', copy: 'first', members: null }, peer('ana'), 1);
  const seen = (device: string, n: number) => files.seen(FILE, `${device} ${n}`, peer(device), 1);
  for (let n = 1; n < MAX_COPIES_OF_DEVICE; n++) seen('ana', n);
  assert.throws(() => seen('ana', MAX_COPIES_OF_DEVICE), /as many copies/);
  seen('ana', 1);
  seen('ben', 1);
  db.exec(`INSERT INTO copy SELECT id || device || value, file, user, device || value, device_name, 1
           FROM copy, (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 15) SELECT value FROM n)`);
  assert.throws(() => seen('chloe', 1), /as many copies/);
  db.close();
});

test('HUB17 a machine that comes again and again loses its oldest session, and nobody else does', async () => {
  const hub = new TestHub();
  const ben = await hub.visit('ben', 'b');
  const visits: Visit[] = [];
  for (let n = 0; n < 17; n++) visits.push(await hub.visit('ana', 'a'));
  const ended = visits.map(({ reasons }) => reasons.length > 0);
  assert.deepEqual(ended, [true, ...Array<boolean>(16).fill(false)]);
  assert.match(visits[0]?.reasons[0] ?? '', /too often/);
  assert.deepEqual([await ben.names(), await visits[1]?.names()], [[], []]);
});
