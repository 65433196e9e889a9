/** Making certificates: an office's own, its hub's, its devices'. Only a hub does that; nobody else pays the start. */
import 'reflect-metadata';
import { createPublicKey, type KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { assert } from '../core/problem.ts';
import { readKey, spkiOf } from './certificates.ts';

/** What an office signs with. */
export interface Issuer {
  /** DER. */
  readonly certificate: Uint8Array;
  /** PKCS#8 PEM. */
  readonly key: string;
}

/**
 * Long ago and never (RFC 5280, 4.1.2.5): an office does not end, and a hub whose clock is wrong on its first day must
 * not make certificates that nobody accepts when it is right again.
 */
const SINCE = new Date('2020-01-01T00:00:00Z');
const FOREVER = new Date('9999-12-31T23:59:59Z');
/** Nobody renews yet. Who shall not come in any more is revoked, not waited for. */
const DEVICE_YEARS = 25;

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const SERVER = x509.ExtendedKeyUsage.serverAuth;
const CLIENT = x509.ExtendedKeyUsage.clientAuth;

/** The certificate of a new office, for its `key` (PKCS#8 PEM). DER. */
export async function issueOffice(key: string, name: string): Promise<Uint8Array> {
  const publicKey = await exported(createPublicKey(key));
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: subject({ CN: name }),
      issuer: subject({ CN: name }),
      notBefore: SINCE,
      notAfter: FOREVER,
      signingAlgorithm: P256,
      publicKey,
      signingKey: await signingKey(key),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
        await x509.SubjectKeyIdentifierExtension.create(publicKey),
      ],
    },
    webcrypto as Crypto,
  );
  return new Uint8Array(certificate.rawData);
}

/** A device's certificate, for its public key. DER. `now`: milliseconds since 1970. */
export function issueDevice(
  issuer: Issuer,
  holder: { readonly publicKey: KeyObject; readonly user: string; readonly deviceName: string },
  now: number,
): Promise<Uint8Array> {
  const until = new Date(now);
  until.setUTCFullYear(until.getUTCFullYear() + DEVICE_YEARS);
  const names = { CN: holder.user, OU: holder.deviceName };
  return issue(issuer, holder.publicKey, names, until, [new x509.ExtendedKeyUsageExtension([CLIENT, SERVER])]);
}

/** The hub's own certificate. `hosts`: the names and addresses by which it is called. DER. */
export function issueHub(issuer: Issuer, publicKey: KeyObject, hosts: readonly string[]): Promise<Uint8Array> {
  const names = hosts.map((value) => ({ type: isIP(value) ? x509.IP : x509.DNS, value }));
  const alternatives = names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [];
  return issue(issuer, publicKey, { CN: 'hub', OU: 'hub' }, FOREVER, [
    new x509.ExtendedKeyUsageExtension([SERVER]),
    ...alternatives,
  ]);
}

async function issue(
  { certificate, key }: Issuer,
  holder: KeyObject,
  names: Readonly<Record<string, string>>,
  notAfter: Date,
  extensions: readonly x509.Extension[],
): Promise<Uint8Array> {
  const office = new x509.X509Certificate(certificate as Uint8Array<ArrayBuffer>);
  const publicKey = await exported(holder);
  const issued = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: subject(names),
      issuer: office.subjectName,
      notBefore: SINCE,
      notAfter,
      signingAlgorithm: P256,
      publicKey,
      signingKey: await signingKey(key),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        await x509.AuthorityKeyIdentifierExtension.create(office, false, webcrypto as Crypto),
        ...extensions,
      ],
    },
    webcrypto as Crypto,
  );
  return new Uint8Array(issued.rawData);
}

/** Values as they are: a plain string would be read for escapes and hex. */
function subject(names: Readonly<Record<string, string>>): x509.Name {
  const json = Object.entries(names).map(([type, utf8String]) => ({ [type]: [{ utf8String }] }));
  return new x509.Name(json);
}

/** 127 random bits, positive. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(Buffer.alloc(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function exported(publicKey: KeyObject): Promise<CryptoKey> {
  const spki = spkiOf(publicKey);
  assert(spki, 'a certificate is asked for a key that is not P-256');
  return (await webcrypto.subtle.importKey('spki', spki as Uint8Array<ArrayBuffer>, P256, true, [
    'verify',
  ])) as CryptoKey;
}

async function signingKey(pem: string): Promise<CryptoKey> {
  const pkcs8 = readKey(pem).export({ type: 'pkcs8', format: 'der' });
  return (await webcrypto.subtle.importKey('pkcs8', pkcs8, P256, false, ['sign'])) as CryptoKey;
}
