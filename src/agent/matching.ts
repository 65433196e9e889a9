/**
 * Is this sync folder the one that this machine numbers changes for? A copy of it (by the file manager, a backup, a
 * cloned disk) must not number on, or two changes would bear one number. Pure; `matching.test.ts` has the whole table.
 *
 * What is known: the ledger's last number is written after each commit of the log without waiting for the disk, the
 * ceiling durably before a number above the last one is used. So, if the log is the one that the ledger followed:
 * the log has the ledger's last change, and nothing above the ceiling. A folder restored from an older backup lacks
 * that last change; a ledger restored from an older backup has too low a ceiling. Neither may number on.
 *
 * Not seen here: a power cut that takes the last notes, and before the next start a restore of the sync folder alone,
 * by which it keeps its place, from just that moment; or both folders restored together. The comparison with the
 * parent finds those before anything leaves, as far as the parent has the lost numbers.
 */

/** Where a sync copy lies. */
export interface Place {
  /** The file's folder: native, absolute, with links resolved. */
  readonly path: string;
  /** Of the sync folder inside it. */
  readonly device: string;
  readonly inode: string;
}

export interface Recorded {
  /** Undefined when the copy was given up there. */
  readonly path: string | undefined;
  readonly device: string;
  readonly inode: string;
  readonly seq: number;
  readonly hash: string;
  readonly ceiling: number;
}

export interface Found extends Place {
  /** The last own number in the folder's log. */
  readonly last: number;
  /** The hash of that own change in the folder's log. */
  readonly hashAt: (seq: number) => string | undefined;
  /** Whether a sync folder lies at the recorded path now. */
  readonly recordedPathTaken: boolean;
}

/** same, moved: numbers go on (after `moved`, note the new place). copied: a new copy id is needed. */
export type Match = 'same' | 'moved' | 'copied';

export function matchCopy(recorded: Recorded | undefined, found: Found): Match {
  if (recorded === undefined || !continues(recorded, found)) return 'copied';
  const samePath = recorded.path === found.path;
  // A disk may get another number with each start of the computer. At its old path the inode is enough.
  const sameFolder = recorded.inode === found.inode && (samePath || recorded.device === found.device);
  if (samePath) {
    // Some disks (FAT) give other inodes each time. A log that ends exactly where it was closed is the original or as
    // good as it: whichever of the two is opened first stays the copy, and the other no longer matches.
    const closedInOrder = recorded.ceiling === recorded.seq && found.last === recorded.seq;
    return sameFolder || closedInOrder ? 'same' : 'copied';
  }
  return sameFolder || recorded.path === undefined || !found.recordedPathTaken ? 'moved' : 'copied';
}

function continues({ seq, hash, ceiling }: Recorded, { last, hashAt }: Found): boolean {
  if (last < seq || last > ceiling) return false;
  return seq === 0 || hashAt(seq) === hash;
}
