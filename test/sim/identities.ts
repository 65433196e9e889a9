/** Who takes part: people with real keys and certificates of one office. */
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { MachineIdentity } from '../../src/agent/identity.ts';
import { deviceOf, fingerprint, readKey, spkiOf } from '../../src/platform/certificates.ts';
import type { PeerIdentity } from '../../src/platform/ports.ts';

type Device = {
  readonly user: string;
  readonly deviceName: string;
  readonly key: string;
  readonly certificate: string;
};
const fixture = JSON.parse(readFileSync(new URL('../fixtures/sim/identities.json', import.meta.url), 'utf8')) as {
  readonly office: string;
  readonly devices: readonly Device[];
};

const certificate = Uint8Array.from(Buffer.from(fixture.office, 'base64'));
export const OFFICE = fingerprint(certificate);
export const HUB: PeerIdentity = { device: '0'.repeat(64), user: 'hub', deviceName: 'hub', chain: [] };

export type Person = { readonly peer: PeerIdentity; readonly identity: MachineIdentity };

export const PEOPLE: readonly Person[] = fixture.devices.map(({ user, deviceName, key: pem, certificate: leaf }) => {
  const key = readKey(pem);
  const publicKey = spkiOf(createPublicKey(key))!;
  const device = deviceOf(publicKey);
  const chain = [Uint8Array.from(Buffer.from(leaf, 'base64')), certificate];
  const membership = { office: OFFICE, user, deviceName, chain, urls: ['https://hub.example:1'] };
  const identity: MachineIdentity = {
    device,
    key,
    publicKey,
    memberships: [membership],
    membership: (office) => (office === OFFICE ? membership : undefined),
    credential: () => ({ chain, key: pem }),
    join: () => Promise.reject(new Error('nobody joins here')),
  };
  return { peer: { device, user, deviceName, chain }, identity };
});
