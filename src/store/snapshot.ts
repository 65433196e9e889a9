/** Snapshots as they travel: the record, signed by the device that made it. Hubs keep them without looking inside. */
import type { KeyObject } from 'node:crypto';
import { concatBytes, fromHex, sha256 } from '../core/bytes.ts';
import { chainCodec, SIGNATURE_BYTES } from '../core/change.ts';
import { blob, decode, encode, fixed, MalformedError, struct } from '../core/codec.ts';
import { type SnapshotRecord, snapshotRecord } from '../core/manifest.ts';
import { ProblemError } from '../core/problem.ts';
import { type Identity, signBytes, verifyBytes, verifyChain } from '../platform/certificates.ts';
import { MAX_SNAPSHOT } from '../protocol/limits.ts';

const envelope = struct({ record: blob(MAX_SNAPSHOT), signature: fixed(SIGNATURE_BYTES), chain: chainCodec });

export function sealSnapshot(record: SnapshotRecord, key: KeyObject, chain: readonly Uint8Array[]): Uint8Array {
  const bytes = encode(snapshotRecord, record);
  return encode(envelope, { record: bytes, signature: signBytes(key, bytes), chain });
}

/** Publishing makes the first snapshot, of the content alone. */
export const PUBLISHED = 1;
/** A later one says what history has packed up to its vector, and what the state is there. */
export const PACKED = 2;

/** What begins with this is a countersignature and nothing else. */
const COUNTERSIGNED = Buffer.from('tieout countersign 1\n');

export type Signature = { readonly signature: Uint8Array; readonly chain: readonly Uint8Array[] };

/** Another copy has found the same at the snapshot's vector. */
export function countersign(sealed: Uint8Array, key: KeyObject, chain: readonly Uint8Array[]): Signature {
  return { signature: signBytes(key, countersigned(sealed)), chain };
}

/** Who countersigned; null: nobody of this office. */
export function countersigner(sealed: Uint8Array, { signature, chain }: Signature, office: string): Identity | null {
  const maker = verifyChain(chain, office);
  if ('distrust' in maker) return null;
  return verifyBytes(maker.publicKey, countersigned(sealed), signature) ? maker : null;
}

function countersigned(sealed: Uint8Array): Uint8Array {
  return concatBytes([COUNTERSIGNED, fromHex(sha256(sealed))]);
}

/** The record and who made it: proved to be a device of the office, for this file. Throws a `ProblemError`. */
export function openSnapshot(
  bytes: Uint8Array,
  file: string,
  office: string,
): { record: SnapshotRecord; maker: Identity } {
  try {
    const { record, signature, chain } = decode(envelope, bytes);
    const maker = verifyChain(chain ?? [], office);
    if ('distrust' in maker) throw new MalformedError(maker.distrust);
    if (!verifyBytes(maker.publicKey, record, signature)) throw new MalformedError('its signature is wrong');
    const read = decode(snapshotRecord, record);
    if (read.file !== file) throw new MalformedError('it is of another file');
    return { record: read, maker };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new ProblemError({
      code: 'bad-snapshot',
      text: `What the hub has of this file cannot be used: ${error.message}.`,
      remedy: 'Ask the owner of the file to publish it again, and the hub to be checked.',
    });
  }
}
