/**
 * Enrolment: the one thing that a machine without a certificate may ask, as JSON, `POST /enrol`. Its own numbered
 * version stands in the path: what is asked before anything is known must stay readable for ever.
 */
import { z } from 'zod';
import { NAME_LENGTH } from '../core/name.ts';

export const ENROL_PATH = '/enrol/1';

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));
const base64 = (maxBytes: number) =>
  z
    .base64()
    .max(Math.ceil(maxBytes / 3) * 4)
    .transform((text): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64')));

/** A certificate of ours has 400 to 800 bytes. */
const MAX_CERTIFICATE = 4096;

export const enrolRequest = z.strictObject({
  invitation: hex(8),
  secret: base64(16),
  /** The machine's public key, SPKI DER. */
  key: base64(128),
  /** Signature of `enrolProof` by that key: nobody enrols a key that is not theirs. */
  proof: base64(64),
  deviceName: z.string().max(NAME_LENGTH * 4),
});

export const enrolAnswer = z.strictObject({
  user: z.string(),
  deviceName: z.string(),
  /** DER, leaf first. */
  chain: z.array(base64(MAX_CERTIFICATE)).length(2),
  /** Where the hub may be found now. */
  urls: z.array(z.string()),
});

/** Why a hub does not enrol. `unknown` covers a wrong secret as well: a guess learns nothing. */
export const enrolRefusals = ['malformed', 'unknown', 'used', 'expired', 'other-user', 'too-many-tries'] as const;
export type EnrolRefusal = (typeof enrolRefusals)[number];

export const enrolRefused = z.strictObject({ refused: z.enum(enrolRefusals) });

export type EnrolRequest = z.output<typeof enrolRequest>;
export type EnrolAnswer = z.output<typeof enrolAnswer>;

/** As JSON carries them: bytes in base64. */
export function encodeRequest(request: EnrolRequest): string {
  const { secret, key, proof } = request;
  return JSON.stringify({ ...request, secret: toBase64(secret), key: toBase64(key), proof: toBase64(proof) });
}

export function encodeAnswer(answer: EnrolAnswer): z.input<typeof enrolAnswer> {
  return { ...answer, chain: answer.chain.map(toBase64) };
}

/** What the machine signs. It fits this office and this invitation only. */
export function enrolProof(office: string, invitation: string, key: Uint8Array): Uint8Array {
  return Buffer.from(`tieout enrol 1\n${office}\n${invitation}\n${Buffer.from(key).toString('hex')}\n`, 'utf8');
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
