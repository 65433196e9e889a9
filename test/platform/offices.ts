/** Offices and their certificates for tests, made in milliseconds. */
import { createPublicKey } from 'node:crypto';
import { newKey } from '../../src/platform/certificates.ts';
import { type Issuer, issueDevice, issueHub, issueOffice } from '../../src/platform/issuing.ts';
import type { Credential } from '../../src/platform/tls.ts';

export interface Office {
  readonly issuer: Issuer;
  /** DER. */
  readonly certificate: Uint8Array;
  readonly hub: Credential;
  device(user: string, deviceName?: string, now?: number): Promise<Credential>;
}

export async function makeOffice(name = 'Tieout office'): Promise<Office> {
  const key = newKey();
  const certificate = await issueOffice(key, name);
  const issuer = { certificate, key };
  const hubKey = newKey();
  const hub = await issueHub(issuer, createPublicKey(hubKey), ['127.0.0.1', 'localhost']);
  return {
    issuer,
    certificate,
    hub: { chain: [hub, certificate], key: hubKey },
    async device(user, deviceName = 'laptop', now = Date.now()) {
      const deviceKey = newKey();
      const leaf = await issueDevice(issuer, { publicKey: createPublicKey(deviceKey), user, deviceName }, now);
      return { chain: [leaf, certificate], key: deviceKey };
    },
  };
}
