import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type MachineIdentity, type Membership, openIdentity } from '../../src/agent/identity.ts';
import { ProblemError } from '../../src/core/problem.ts';
import { fingerprint } from '../../src/platform/certificates.ts';
import { issueDevice } from '../../src/platform/issuing.ts';
import { makeOffice, type Office } from '../platform/offices.ts';

const office = await makeOffice();
const id = fingerprint(office.certificate);

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tieout-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return join(path, 'home');
}

const damaged = (error: unknown) => error instanceof ProblemError && error.problem.code === 'identity-damaged';

async function joined(home: string, user = 'ana') {
  const identity = await openIdentity(home);
  const membership = await issued(identity, office, user);
  await identity.join(membership);
  return { identity, membership };
}

async function issued({ key }: MachineIdentity, office: Office, user: string): Promise<Membership> {
  const publicKey = createPublicKey(key);
  const leaf = await issueDevice(office.issuer, { publicKey, user, deviceName: 'desk' }, Date.now());
  return {
    office: fingerprint(office.certificate),
    user,
    deviceName: 'desk',
    chain: [leaf, office.certificate],
    urls: ['https://127.0.0.1:7443'],
  };
}

test('IDN1 a machine keeps its key and memberships', async (t) => {
  const home = folder(t);
  const { identity, membership } = await joined(home);
  const again = await openIdentity(home);
  assert.equal(again.device, identity.device);
  assert.deepEqual(
    again.memberships.map((one) => ({ ...one, chain: one.chain.map((der) => Uint8Array.from(der)) })),
    [membership],
  );
  assert.equal(again.credential(id).key, readFileSync(join(home, 'device.key'), 'utf8'));
  assert.equal(again.membership('00'.repeat(32)), undefined);
  const renewed = await joined(home);
  assert.equal(renewed.identity.memberships.length, 1);
});

test('IDN1 offices that are joined at one moment are all kept', async (t) => {
  const home = folder(t);
  const identity = await openIdentity(home);
  const offices = [office, await makeOffice(), await makeOffice()];
  const memberships = await Promise.all(offices.map((each) => issued(identity, each, 'ana')));
  await Promise.all(memberships.map((each) => identity.join(each)));
  const kept = (await openIdentity(home)).memberships.map((each) => each.office);
  assert.deepEqual(kept.sort(), memberships.map((each) => each.office).sort());
});

test('IDN1 only its user may read the key', {
  skip: process.platform === 'win32' ? 'the folder’s list of rights rules there' : false,
}, async (t) => {
  const home = folder(t);
  await joined(home);
  assert.equal(statSync(home).mode & 0o777, 0o700);
  for (const name of ['device.key', 'identity.json'])
    assert.equal(statSync(join(home, name)).mode & 0o777, 0o600, name);
});

test('IDN2 what is damaged is told, and never replaced by a new identity', async (t) => {
  const home = folder(t);
  await joined(home);
  const file = join(home, 'identity.json');
  const good = readFileSync(file, 'utf8');
  const wrong = [
    '',
    '{',
    '{}',
    good.replace('"version": 1', '"version": 2'),
    good.replace('"office": "', '"office": "0'),
  ];
  for (const text of wrong) {
    writeFileSync(file, text);
    await assert.rejects(openIdentity(home), damaged, text.slice(0, 30));
    assert.equal(readFileSync(file, 'utf8'), text);
  }
  writeFileSync(file, good);
  const key = readFileSync(join(home, 'device.key'), 'utf8');
  rmSync(join(home, 'device.key'));
  await assert.rejects(openIdentity(home), damaged);
  // The key of another machine with these certificates.
  const stranger = folder(t);
  await openIdentity(stranger);
  writeFileSync(join(home, 'device.key'), readFileSync(join(stranger, 'device.key')));
  await assert.rejects(openIdentity(home), damaged);
  writeFileSync(join(home, 'device.key'), 'nonsense');
  await assert.rejects(openIdentity(home), damaged);
  writeFileSync(join(home, 'device.key'), key);
  assert.equal((await openIdentity(home)).memberships.length, 1);
});
