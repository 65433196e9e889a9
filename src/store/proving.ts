/**
 * Is a segment of the history what it says? Its changes follow on those below without a gap, each is what its hash says,
 * and each hash holds those of the changes that it depends on: so the last hashes of a history prove all of it, and
 * whoever signed them, or goes on above them, has signed the whole.
 */
import { sha256 } from '../core/bytes.ts';
import { type FileId, MissingDependency, signedBytes } from '../core/change.ts';
import { MalformedError } from '../core/codec.ts';
import type { PackedChange, SegmentEntry } from '../core/segment.ts';
import { at, type CopyId } from '../core/vector.ts';
import { verifyChain } from '../platform/certificates.ts';
import type { Log } from './log.ts';

/** Throws `MalformedError`. */
export function proveSegment(
  { upto }: SegmentEntry,
  changes: readonly PackedChange[],
  { file, office }: { readonly file: FileId; readonly office: string },
  log: Log,
): void {
  const held = new Map(log.floor);
  const hashes = new Map<string, string>();
  const hashAt = (copy: CopyId, seq: number) => hashes.get(`${copy} ${seq}`) ?? log.hashAt(copy, seq);
  for (const change of changes) {
    const { copy, seq, hash } = change;
    const what = `change ${seq} of copy ${copy} in the history`;
    if (seq !== at(held, copy) + 1) throw new MalformedError(`${what} does not follow on ${at(held, copy)}`);
    if (seq === 1 && 'distrust' in verifyChain(change.chain ?? [], office))
      throw new MalformedError(`${what}: by whom?`);
    const here = log.hashAt(copy, seq);
    if (here !== undefined && here !== hash) throw new MalformedError(`${what} is another one here`);
    if (sha256(signedOr(what, () => signedBytes(file, change, hashAt))) !== hash) {
      throw new MalformedError(`${what} is not what its hash says`);
    }
    hashes.set(`${copy} ${seq}`, hash);
    held.set(copy, seq);
  }
  for (const [copy, seq] of upto) {
    if (at(held, copy) !== seq) throw new MalformedError(`the history does not reach change ${seq} of copy ${copy}`);
  }
  if (held.size !== upto.size) throw new MalformedError('a segment that holds more than it says');
}

function signedOr(what: string, signed: () => Uint8Array): Uint8Array {
  try {
    return signed();
  } catch (error) {
    if (error instanceof MissingDependency) throw new MalformedError(`${what}: ${error.message}`);
    throw error;
  }
}
