/**
 * Certificates and signatures, read and judged. Making them is `issuing.ts`. Everything here is a pure function of
 * bytes: no clock, so a change that was signed years ago is judged as on its first day. Sessions are judged by TLS as
 * well, which does look at the dates.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign, verify, X509Certificate } from 'node:crypto';
import { sha256 } from '../core/bytes.ts';
import { asName } from '../core/name.ts';
import type { PeerIdentity } from './ports.ts';

/**
 * What a certificate is for. Devices may be called by peers, so their certificates serve on both ends of a session;
 * only the absence of the client's end tells the hub's own certificate, and no device can pose as the hub.
 */
export type Role = 'hub' | 'device';

export interface Identity extends PeerIdentity {
  readonly publicKey: KeyObject;
}

/** Why a chain proves nothing. */
export interface Distrust {
  readonly distrust: string;
}

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
/** A P-256 key with an uncompressed point. Any other form of the same key would be a second device id. */
const SPKI_BYTES = 91;
const MAX_CERTIFICATE_BYTES = 8 * 1024;

/**
 * Who the chain proves: the holder's certificate and the office's, DER, nothing else. `office` is the office's
 * fingerprint. Only devices make changes, so that is what is asked for unless said otherwise.
 */
export function verifyChain(chain: readonly Uint8Array[], office: string, role: Role = 'device'): Identity | Distrust {
  const [leaf, issuer] = chain;
  if (leaf === undefined || issuer === undefined || chain.length !== 2) return { distrust: 'not a chain of two' };
  if (fingerprint(issuer) !== office) return { distrust: 'issued by another office' };
  const ca = parse(issuer);
  const certificate = parse(leaf);
  if (ca === undefined || certificate === undefined) return { distrust: 'not a certificate' };
  if (!ca.ca || certificate.ca) return { distrust: 'not issued for this purpose' };
  if (!certificate.checkIssued(ca) || !certificate.verify(ca.publicKey))
    return { distrust: 'not signed by the office' };
  if (roleOf(certificate) !== role) return { distrust: `not a certificate of a ${role}` };
  return identityOf(certificate, [leaf, issuer]);
}

/** The id of an office: sha256 of its certificate (DER), 64 hex characters. */
export function fingerprint(ca: Uint8Array): string {
  return sha256(ca);
}

/** The id of a device: sha256 of its public key (SPKI, DER), 64 hex characters. */
export function deviceOf(spki: Uint8Array): string {
  return sha256(spki);
}

/** The SPKI of a key that a device may have: P-256, in the one form that ids are made of. */
export function spkiOf(publicKey: KeyObject): Uint8Array | undefined {
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return undefined;
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return spki.byteLength === SPKI_BYTES ? spki : undefined;
}

/** A new signing key, PKCS#8 PEM. */
export function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;
}

export function readKey(pem: string): KeyObject {
  return createPrivateKey(pem);
}

/** 64 bytes (r, s): the signature of a change. Tens of microseconds; keep the `KeyObject`, reading it costs as much. */
export function signBytes(key: KeyObject, bytes: Uint8Array): Uint8Array {
  return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' });
}

export function verifyBytes(publicKey: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', bytes, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
}

/** DER certificates as the PEM text that TLS wants. */
export function toPem(chain: readonly Uint8Array[]): string {
  return chain.map((der) => new X509Certificate(der).toString()).join('');
}

function parse(der: Uint8Array): X509Certificate | undefined {
  if (der.byteLength > MAX_CERTIFICATE_BYTES) return undefined;
  try {
    const certificate = new X509Certificate(der);
    // OpenSSL reads PEM too, and overlooks what follows: the bytes would not be what the office signed.
    return certificate.raw.equals(der) ? certificate : undefined;
  } catch {
    return undefined;
  }
}

function roleOf({ keyUsage = [] }: X509Certificate): Role | undefined {
  if (!keyUsage.includes(SERVER_AUTH)) return undefined;
  return keyUsage.includes(CLIENT_AUTH) ? 'device' : 'hub';
}

function identityOf(certificate: X509Certificate, chain: readonly Uint8Array[]): Identity | Distrust {
  const { CN, OU } = certificate.toLegacyObject().subject as { CN?: unknown; OU?: unknown };
  const user = nameIn(CN);
  const deviceName = nameIn(OU);
  if (user === undefined || deviceName === undefined) return { distrust: 'no name in the certificate' };
  const { publicKey } = certificate;
  const spki = spkiOf(publicKey);
  if (spki === undefined) return { distrust: 'not a P-256 key' };
  return { user, deviceName, device: deviceOf(spki), publicKey, chain };
}

/** Exactly one, and in the form that the office gives names. */
function nameIn(value: unknown): string | undefined {
  return typeof value === 'string' && asName(value) === value ? value : undefined;
}
