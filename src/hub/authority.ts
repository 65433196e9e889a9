/**
 * The certificate authority of an office, made on the hub's first start. Its key never leaves `office/authority.json`
 * (readable by its owner only); who loses that file has lost the office, who takes it can pose as anyone in it.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import { fingerprint, newKey, verifyChain } from '../platform/certificates.ts';
import { type Issuer, issueDevice, issueHub, issueOffice } from '../platform/issuing.ts';
import { makePrivateFolder, readSecret, writeSecret } from '../platform/secret-file.ts';
import type { Credential } from '../platform/tls.ts';
import { officeFolder } from './roster.ts';

export interface Authority {
  /** The office's id: the fingerprint of its certificate. */
  readonly office: string;
  /** DER. */
  readonly certificate: Uint8Array;
  /** The hub's own certificate, for being called at `urls`; made again when they change. */
  hubCredential(urls: readonly string[]): Promise<Credential>;
  /** A device's certificate, DER. `now`: ms since 1970. */
  issue(holder: { publicKey: KeyObject; user: string; deviceName: string }, now: number): Promise<Uint8Array>;
}

const NAME = 'Tieout office';

const kept = z.strictObject({
  version: z.literal(1),
  /** PKCS#8 PEM. */
  key: z.string(),
  /** DER in base64. */
  certificate: z.base64(),
});
const keptHub = kept.extend({ hosts: z.array(z.string()) });

/**
 * Opens the authority of the hub in `dir`, making it when there is none. The caller holds the hub's lock: two at once
 * would be two offices. Throws `ProblemError`.
 */
export async function openAuthority(dir: string): Promise<Authority> {
  const folder = officeFolder(dir);
  makePrivateFolder(folder);
  const issuer = (await read(folder)) ?? (await make(folder));
  const office = fingerprint(issuer.certificate);
  return {
    office,
    certificate: issuer.certificate,
    issue: (holder, now) => issueDevice(issuer, holder, now),
    hubCredential: (urls) => hubCredential(folder, issuer, office, urls),
  };
}

async function read(folder: string): Promise<Issuer | undefined> {
  const text = await readSecret(`${folder}/authority.json`);
  if (text === undefined) return undefined;
  const { key, certificate } = parse(kept, text, `${folder}/authority.json`);
  return { key, certificate: Uint8Array.from(Buffer.from(certificate, 'base64')) };
}

async function make(folder: string): Promise<Issuer> {
  const key = newKey();
  const certificate = await issueOffice(key, NAME);
  await write(`${folder}/authority.json`, { version: 1, key, certificate: toBase64(certificate) });
  return { key, certificate };
}

async function hubCredential(
  folder: string,
  issuer: Issuer,
  office: string,
  urls: readonly string[],
): Promise<Credential> {
  const path = `${folder}/hub.json`;
  const hosts = [...new Set(urls.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, '')))].sort();
  const text = await readSecret(path);
  const last = text === undefined ? undefined : parse(keptHub, text, path);
  if (last !== undefined) {
    const chain = [Uint8Array.from(Buffer.from(last.certificate, 'base64')), issuer.certificate];
    const valid = !('distrust' in verifyChain(chain, office, 'hub'));
    if (valid && last.hosts.join() === hosts.join()) return { key: last.key, chain };
  }
  const key = last?.key ?? newKey();
  const certificate = await issueHub(issuer, createPublicKey(key), hosts);
  await write(path, { version: 1, key, certificate: toBase64(certificate), hosts });
  return { key, chain: [certificate, issuer.certificate] };
}

function write(path: string, content: z.infer<typeof kept> | z.infer<typeof keptHub>): Promise<void> {
  return writeSecret(path, `${JSON.stringify(content, undefined, 2)}\n`);
}

function parse<T>(schema: z.ZodType<T>, text: string, path: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw damaged(path, 'Its content cannot be read.', error);
  }
}

function damaged(path: string, why: string, cause?: unknown): ProblemError {
  // Never made anew silently: every machine would take the hub for a stranger.
  return new ProblemError(
    {
      code: 'office-damaged',
      text: `The keys of this office are not usable. ${why}`,
      remedy: 'Restore the folder “office” of the hub from a backup.',
      path,
    },
    { cause },
  );
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
