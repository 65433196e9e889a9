import assert from 'node:assert/strict';
import { test } from 'node:test';
import { body as bodyCodec } from '../../src/core/body.ts';
import { sha256 } from '../../src/core/bytes.ts';
import { type Header, signedBytes } from '../../src/core/change.ts';
import { encode } from '../../src/core/codec.ts';
import { FILE, setOp } from '../../src/core/registry.ts';
import type { Restore } from '../../src/hub/proof.ts';
import { readKey, signBytes, verifyChain } from '../../src/platform/certificates.ts';
import { publishedId } from '../../src/protocol/file-id.ts';
import { sealSnapshot } from '../../src/store/snapshot.ts';
import { copyId, OFFICE, office } from '../store/stores.ts';
import { TestHub } from './visitors.ts';

const MAKER = copyId('p');
const ana = await office.device('ana');
const file = idOf(ana, MAKER);

function idOf({ chain }: typeof ana, copy: string): string {
  const identity = verifyChain(chain, OFFICE);
  assert.ok('device' in identity);
  return publishedId(identity.device, copy);
}

/** What a copy that `asker` has would give back. */
function restore({ device = ana, id = file, name = 'Client 1', members = null as string[] | null } = {}): Restore {
  const access = members === null ? 'office' : JSON.stringify(members);
  const cells = { name: { value: name, over: [] }, access: { value: access, over: [] } };
  const body = encode(bodyCodec, { kind: 'registry', ops: [setOp(FILE, 'file', cells)] });
  const { key, chain } = { key: readKey(device.key), chain: device.chain };
  const header: Header = {
    copy: MAKER,
    seq: 1,
    deps: new Map(),
    stamp: 1,
    body: sha256(body),
    size: body.length,
    chain,
  };
  const signature = signBytes(
    key,
    signedBytes(id, header, () => undefined),
  );
  const record = {
    format: 1,
    file: id,
    vector: new Map(),
    last: [],
    digest: null,
    manifest: [],
    manifestHash: sha256(new Uint8Array()),
    documents: 3,
    databases: 1,
    bytes: 1000,
    maker: MAKER,
  };
  return {
    kind: 'restore',
    file: id,
    copy: copyId('b'),
    record: sealSnapshot(record, key, chain),
    first: { copy: MAKER, stamp: 1, body, signature, chain },
  };
}

test('HUB12 a file that the hub does not know is given back by a member, with what its publisher signed', async () => {
  const hub = new TestHub();
  const [ben, chloe] = [await hub.visit('ben', 'b'), await hub.visit('chloe', 'c')];
  await ben.open(file);
  assert.equal(ben.machine.ends.at(-1)?.code, 'unknown-file');
  assert.equal(await chloe.ask({ ...restore({ members: ['ben'] }), copy: copyId('c') }), 'unknown-file');
  assert.deepEqual(await ben.ask(restore({ members: ['ben'] })), { kind: 'done' });
  assert.deepEqual(await ben.names(), ['Client 1']);
  assert.deepEqual(await chloe.names(), []);
  // Ben owns nothing by that, and asking again changes nothing.
  assert.equal(await ben.publish(file), 'unknown-file');
  assert.deepEqual(await ben.ask(restore({ members: ['ben'] })), { kind: 'done' });
  assert.equal((await ben.open(file)).ready, true);
});

test('HUB12 nobody takes over the id of a file: not by what others signed, and not by having been there first', async () => {
  const hub = new TestHub();
  const [mallory, ben] = [await hub.visit('mallory', 'm'), await hub.visit('ben', 'b')];
  const good = restore();
  const own = await office.device('mallory');
  const body = restore({ name: 'Mine now' }).first.body;
  for (const [what, forged] of Object.entries({
    'another device': restore({ device: own }),
    'another name': { ...good, first: { ...good.first, body } },
    'another file': { ...good, file: idOf(own, MAKER) },
    'another copy': { ...good, first: { ...good.first, copy: copyId('q') } },
    'somebody else’s list': { ...good, record: restore({ device: own }).record },
    'no certificate': { ...good, first: { ...good.first, chain: null } },
    'no snapshot': { ...good, record: Buffer.from('nothing') },
  })) {
    const refused = await mallory.ask({ ...forged, copy: copyId('m') });
    assert.ok(refused === 'unproved-file' || refused === 'bad-snapshot', `${what}: ${JSON.stringify(refused)}`);
  }
  assert.deepEqual(await mallory.ask({ kind: 'create', file, name: 'Mine now', copy: copyId('m'), members: null }), {
    kind: 'done',
  });
  assert.deepEqual(await mallory.publish(file), { kind: 'done' });
  const taken = await mallory.open(file);
  const chunk = mallory.machine.keep(Buffer.from('never in it'));
  const handed = taken.chunks.hand([chunk]);
  await hub.quiet();
  hub.clock.turn();
  await hub.quiet();
  await handed;
  assert.deepEqual(await ben.ask(restore({ members: ['ben'] })), { kind: 'done' });
  assert.deepEqual(await ben.names(), ['Client 1']);
  assert.deepEqual(await mallory.names(), []);
  assert.equal(mallory.machine.ends.at(-1)?.code, 'cut');
  const exchange = await ben.open(file);
  assert.equal(exchange.ready, true);
  const lacking = exchange.chunks.lacking([chunk.id]);
  await hub.quiet();
  assert.deepEqual(await lacking, [chunk.id]);
});
