/**
 * Who this machine is: one signing key and the offices that it has joined, in TIEOUT_HOME. The agent is the only one
 * that writes here; it holds the home's lock.
 */
import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { assert, ProblemError } from '../core/problem.ts';
import { deviceOf, newKey, readKey, spkiOf, verifyChain } from '../platform/certificates.ts';
import { makePrivateFolder, readSecret, writeSecret } from '../platform/secret-file.ts';
import type { Credential } from '../platform/tls.ts';

/** An office whose hub this machine is enrolled with. */
export interface Membership {
  /** The office's fingerprint; the hub's id. */
  readonly office: string;
  readonly user: string;
  readonly deviceName: string;
  /** This machine's certificate and the office's, DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** Where the hub may be found, best first. */
  readonly urls: readonly string[];
}

export interface MachineIdentity {
  /** sha256 of the public key (SPKI), 64 hex characters. */
  readonly device: string;
  readonly key: KeyObject;
  /** SPKI, DER. */
  readonly publicKey: Uint8Array;
  readonly memberships: readonly Membership[];
  membership(office: string): Membership | undefined;
  /** What this machine shows to the hub of `office` and its devices. */
  credential(office: string): Credential;
  /** Adds a membership, or renews the one with that office. Durable when it resolves. */
  join(membership: Membership): Promise<void>;
}

const base64 = z.base64().transform((text): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64')));
const kept = z.strictObject({
  version: z.literal(1),
  memberships: z.array(
    z.strictObject({
      office: z.string().regex(/^[0-9a-f]{64}$/),
      user: z.string(),
      deviceName: z.string(),
      chain: z.array(base64).length(2),
      urls: z.array(z.string()).min(1),
    }),
  ),
});

/** Opens the identity in `home`, making the key when there is none. Throws `ProblemError`. */
export async function openIdentity(home: string): Promise<MachineIdentity> {
  makePrivateFolder(home);
  const path = `${home}/identity.json`;
  const [pem, text] = await Promise.all([readSecret(`${home}/device.key`), readSecret(path)]);
  // A new key beside the old memberships would be a machine that nobody knows, under a name that all know.
  if (pem === undefined && text !== undefined) throw damaged(home, 'the key “device.key” is missing');
  const secret = pem ?? (await makeKey(home));
  const key = readable(() => readKey(secret), home, 'device.key');
  const spki = spkiOf(createPublicKey(key));
  if (spki === undefined) throw damaged(home, 'the key “device.key” is of another kind');
  let memberships = text === undefined ? [] : readable(() => parse(text, deviceOf(spki)), home, 'identity.json');
  let joining: Promise<void> = Promise.resolve();
  const membership = (office: string) => memberships.find((one) => one.office === office);
  return {
    device: deviceOf(spki),
    key,
    publicKey: spki,
    get memberships() {
      return memberships;
    },
    membership,
    credential(office) {
      const found = membership(office);
      assert(found, 'a credential is asked for an office that was never joined');
      return { chain: found.chain, key: secret };
    },
    join(joined) {
      // One after the other: each is added to what the one before has left.
      const done = joining.then(async () => {
        const next = [...memberships.filter(({ office }) => office !== joined.office), joined];
        await writeSecret(path, encode(next));
        memberships = next;
      });
      joining = done.catch(() => {});
      return done;
    },
  };
}

async function makeKey(home: string): Promise<string> {
  const pem = newKey();
  await writeSecret(`${home}/device.key`, pem);
  return pem;
}

/** Each membership must be of this very key, whatever the file says. */
function parse(text: string, device: string): Membership[] {
  const { memberships } = kept.parse(JSON.parse(text));
  for (const { chain, office } of memberships) {
    const identity = verifyChain(chain, office);
    if ('distrust' in identity) throw new Error(identity.distrust);
    if (identity.device !== device) throw new Error('a certificate is of another key');
  }
  return memberships;
}

function encode(memberships: readonly Membership[]): string {
  const toBase64 = (der: Uint8Array) => Buffer.from(der).toString('base64');
  const plain = memberships.map((one) => ({ ...one, chain: one.chain.map(toBase64) }));
  return `${JSON.stringify({ version: 1, memberships: plain }, undefined, 2)}\n`;
}

function readable<T>(read: () => T, home: string, name: string): T {
  try {
    return read();
  } catch (error) {
    throw damaged(home, `“${name}” cannot be read (${(error as Error).message})`, error);
  }
}

function damaged(home: string, why: string, cause?: unknown): ProblemError {
  return new ProblemError(
    {
      code: 'identity-damaged',
      text: `The identity of this machine is damaged: ${why}.`,
      remedy: 'Restore the folder from a backup; or move it away, and join again with a new invitation.',
      path: home,
    },
    { cause },
  );
}
