/**
 * An invitation: one string that a person passes on by mail or chat, and that lets one machine enrol for one user.
 * `tieout1` and base64url of: fingerprint of the office (32), id (8), secret (16), each address (length, text), and 4
 * bytes of sha256 over all that. The user is not in it: who finds the string learns no name.
 */
import { concatBytes, fromHex, sameBytes, sha256, toHex } from '../core/bytes.ts';

export interface Invitation {
  /** Fingerprint of the office's certificate: whoever answers must prove this, before the secret is said. */
  readonly office: string;
  /** 16 hex characters; no secret. */
  readonly id: string;
  /** 16 bytes. */
  readonly secret: Uint8Array;
  /** Where the hub may be found, `https://HOST:PORT`, best first. */
  readonly urls: readonly string[];
}

export interface Unreadable {
  readonly unreadable: string;
}

export const SECRET_BYTES = 16;
export const INVITATION_ID_BYTES = 8;
/** More make the string unwieldy, and a computer with more networks than this has some that lead nowhere. */
export const MAX_URLS = 8;

const PREFIX = 'tieout1';
const OFFICE_BYTES = 32;
const CHECK_BYTES = 4;
const FIXED_BYTES = OFFICE_BYTES + INVITATION_ID_BYTES + SECRET_BYTES;
/** One byte says the length of an address. */
const MAX_ADDRESS_BYTES = 255;

/** Addresses beyond the limits, and what is none, are left out. */
export function writeInvitation({ office, id, secret, urls }: Invitation): string {
  const addresses = urls
    .flatMap((url) => asHubUrl(url) ?? [])
    .map((url) => Buffer.from(url.slice('https://'.length), 'utf8'))
    .filter((address) => address.byteLength <= MAX_ADDRESS_BYTES)
    .slice(0, MAX_URLS)
    .flatMap((address) => [Uint8Array.of(address.byteLength), address]);
  const content = concatBytes([fromHex(office), fromHex(id), secret, ...addresses]);
  return PREFIX + Buffer.from(concatBytes([content, check(content)])).toString('base64url');
}

/** Blanks and line ends, which mail programs put in, are overlooked. */
export function readInvitation(text: string): Invitation | Unreadable {
  const written = text.replace(/\s/g, '');
  if (!/^tieout\d/i.test(written)) return { unreadable: 'this is not an invitation; one begins with “tieout1”' };
  if (!written.startsWith(PREFIX)) return { unreadable: 'this invitation is of another version of Tieout' };
  const letters = written.slice(PREFIX.length);
  const bytes = Buffer.from(letters, 'base64url');
  const content = bytes.subarray(0, -CHECK_BYTES);
  const intact =
    bytes.byteLength > FIXED_BYTES + CHECK_BYTES &&
    bytes.toString('base64url') === letters &&
    sameBytes(bytes.subarray(-CHECK_BYTES), check(content));
  const urls = intact ? readUrls(content.subarray(FIXED_BYTES)) : [];
  if (urls.length === 0) return { unreadable: 'this invitation is incomplete or mistyped; copy all of it' };
  return {
    office: toHex(content.subarray(0, OFFICE_BYTES)),
    id: toHex(content.subarray(OFFICE_BYTES, OFFICE_BYTES + INVITATION_ID_BYTES)),
    secret: Uint8Array.from(content.subarray(OFFICE_BYTES + INVITATION_ID_BYTES, FIXED_BYTES)),
    urls,
  };
}

/** `text` in the one form that addresses of hubs have, or undefined if it is none. */
export function asHubUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, hostname, port, pathname, search, hash } = new URL(text);
  const bare = username + password + search + hash === '' && pathname === '/';
  if (protocol !== 'https:' || hostname === '' || !bare) return undefined;
  return `https://${hostname}:${port || 443}`;
}

function readUrls(bytes: Uint8Array): string[] {
  const urls: string[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const length = bytes[at]!;
    const address = Buffer.from(bytes.subarray(at + 1, at + 1 + length)).toString('utf8');
    const url = asHubUrl(`https://${address}`);
    if (url === undefined || at + 1 + length > bytes.byteLength || urls.length === MAX_URLS) return [];
    urls.push(url);
    at += 1 + length;
  }
  return urls;
}

function check(content: Uint8Array): Uint8Array {
  return fromHex(sha256(content)).subarray(0, CHECK_BYTES);
}
