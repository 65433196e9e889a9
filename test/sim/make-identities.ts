/** Makes test/fixtures/sim/identities.json anew: real keys and certificates, made once because they cost milliseconds. */
import { createPublicKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { newKey } from '../../src/platform/certificates.ts';
import { issueDevice, issueHub, issueOffice } from '../../src/platform/issuing.ts';

const PEOPLE = ['Ana', 'Ben', 'Chloe', 'Dana', 'Emil', 'Fay'];
const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64');

const officeKey = newKey();
const certificate = await issueOffice(officeKey, 'Seeded office');
const issuer = { certificate, key: officeKey };
const hubKey = newKey();
const hub = await issueHub(issuer, createPublicKey(hubKey), ['localhost']);
const devices = [];
for (const user of PEOPLE) {
  const key = newKey();
  const deviceName = `${user.toLowerCase()}-laptop`;
  const leaf = await issueDevice(issuer, { publicKey: createPublicKey(key), user, deviceName }, 1_795_000_000_000);
  devices.push({ user, deviceName, key, certificate: base64(leaf) });
}
const folder = new URL('../fixtures/sim/', import.meta.url);
mkdirSync(folder, { recursive: true });
const made = { office: base64(certificate), hub: { key: hubKey, certificate: base64(hub) }, devices };
writeFileSync(new URL('identities.json', folder), `${JSON.stringify(made, undefined, 2)}\n`);
