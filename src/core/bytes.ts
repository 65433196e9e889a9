/**
 * Bytes as values: hex for ids in memory, exact comparison, and the hash that everything is named by.
 */
import { hash } from 'node:crypto';

/** sha256 as 64 hex characters. */
export type Hash = string;

export const NO_HASH: Hash = '0'.repeat(64);

export function sha256(bytes: Uint8Array): Hash {
  return hash('sha256', bytes, 'hex');
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Only for hex that was checked at the door: anything else would silently be cut short. */
export function fromHex(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex');
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && Buffer.compare(a, b) === 0;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts as Uint8Array[]);
}
