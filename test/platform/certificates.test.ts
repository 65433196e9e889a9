import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { asName } from '../../src/core/name.ts';
import {
  deviceOf,
  fingerprint,
  readKey,
  signBytes,
  spkiOf,
  toPem,
  verifyBytes,
  verifyChain,
} from '../../src/platform/certificates.ts';
import { issueDevice } from '../../src/platform/issuing.ts';
import { makeOffice } from './offices.ts';

const office = await makeOffice();
const other = await makeOffice();
const id = fingerprint(office.certificate);
const ana = await office.device('ana');

test('CRT1 a chain proves user, device and key', () => {
  const identity = verifyChain(ana.chain, id);
  assert(!('distrust' in identity));
  assert.equal(identity.user, 'ana');
  assert.equal(identity.deviceName, 'laptop');
  const own = createPublicKey(ana.key);
  assert.equal(identity.device, deviceOf(spkiOf(own)!));
  assert(identity.publicKey.equals(own));
  assert.deepEqual(identity.chain, ana.chain);
});

test('CRT1 any name that an office gives comes back as it is', async () => {
  const name = fc.oneof(
    fc.constantFrom('#0c03414243', 'a, CN=ben', 'a\\0', 'a+OU=b', '"', '日本 語'),
    fc.string({ unit: 'grapheme' }),
  );
  const names = fc.sample(name, 40).flatMap((text) => asName(text) ?? []);
  const publicKey = createPublicKey(ana.key);
  for (const user of names) {
    const leaf = await issueDevice(office.issuer, { publicKey, user, deviceName: user }, 0);
    const identity = verifyChain([leaf, office.certificate], id);
    assert(!('distrust' in identity), user);
    assert.deepEqual([identity.user, identity.deviceName], [user, user]);
  }
});

test('CRT2 what is not exactly a device of this office proves nothing', async () => {
  const ben = await other.device('ben');
  const [leaf] = ana.chain as [Uint8Array, Uint8Array];
  const longer = Buffer.concat([leaf, new Uint8Array(1)]);
  const altered = Uint8Array.from(leaf);
  altered[altered.length - 1]! ^= 1;
  const nested = await issueDevice(
    { certificate: leaf, key: ana.key },
    { publicKey: createPublicKey(ben.key), user: 'owner', deviceName: 'x' },
    0,
  );
  const unfit: [string, readonly Uint8Array[]][] = [
    ['nothing', []],
    ['the leaf alone', [leaf]],
    ['another office', ben.chain],
    ['another office under our certificate', [ben.chain[0]!, office.certificate]],
    ['our device under another certificate', [leaf, other.certificate]],
    ['the hub', office.hub.chain],
    ['the office itself', [office.certificate, office.certificate]],
    ['made by a device', [nested, leaf]],
    ['made by a device, called ours', [nested, office.certificate]],
    ['three', [leaf, office.certificate, office.certificate]],
    ['PEM', [Buffer.from(toPem([leaf])), office.certificate]],
    ['bytes after the end', [longer, office.certificate]],
    ['altered', [altered, office.certificate]],
    ['empty', [new Uint8Array(), office.certificate]],
  ];
  for (const [what, chain] of unfit) assert('distrust' in verifyChain(chain, id), what);
});

test('CRT2 no change of bytes makes another identity', () => {
  const [leaf] = ana.chain as [Uint8Array, Uint8Array];
  fc.assert(
    fc.property(fc.nat(leaf.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const altered = Uint8Array.from(leaf);
      altered[at]! ^= mask;
      assert('distrust' in verifyChain([altered, office.certificate], id));
    }),
    { numRuns: 300 },
  );
});

test('CRT3 changes are judged whatever the date', async () => {
  // Issued in 1980 for 25 years.
  const old = await office.device('old', 'desk', Date.UTC(1980, 0, 1));
  assert(!('distrust' in verifyChain(old.chain, id)));
});

test('CRT4 the hub is not a device, and a device is not the hub', () => {
  assert(!('distrust' in verifyChain(office.hub.chain, id, 'hub')));
  assert('distrust' in verifyChain(office.hub.chain, id, 'device'));
  assert('distrust' in verifyChain(ana.chain, id, 'hub'));
});

test('CRT5 a signature is 64 bytes and fits its bytes and key only', async () => {
  const key = readKey(ana.key);
  const bytes = Buffer.from('a change');
  const signature = signBytes(key, bytes);
  assert.equal(signature.byteLength, 64);
  assert(verifyBytes(createPublicKey(ana.key), bytes, signature));
  assert(!verifyBytes(createPublicKey(ana.key), Buffer.from('A change'), signature));
  assert(!verifyBytes(createPublicKey((await office.device('ben')).key), bytes, signature));
  for (const length of [0, 63, 65, 72]) {
    assert(!verifyBytes(createPublicKey(ana.key), bytes, new Uint8Array(length)), `${length}`);
  }
});
