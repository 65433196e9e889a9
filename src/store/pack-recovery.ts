/**
 * What a crash left behind: records that were written but not listed. Whole ones are taken in (with an empty index
 * that is all of them, so a lost index is made anew), a torn one at the end is cut off.
 */
import type { FileBytes } from '../platform/ports.ts';
import { asStorageFailure } from '../platform/storage-failure.ts';
import type { ChunkIndex, Location } from './chunk-index.ts';
import { HEADER_BYTES, scanPack } from './pack.ts';
import { PackFiles, type Place, packPath } from './pack-files.ts';

/** Returns where the next record goes. */
export function recoverPacks(files: FileBytes, folder: string, index: ChunkIndex): Place {
  const ends = index.ends();
  let next: Place = { pack: Math.max(-1, ...ends.keys()) + 1, at: 0 };
  for (const n of PackFiles.list(files, folder)) {
    const end = recoverPack(files, packPath(folder, n), n, ends.get(n) ?? 0, index);
    if (n >= next.pack - 1) next = end === undefined ? { pack: n + 1, at: 0 } : { pack: n, at: end };
  }
  return next;
}

/** Where the pack ends; undefined when it lost bytes that were on disk for good: then it is not to be used on. */
function recoverPack(files: FileBytes, path: string, n: number, listed: number, index: ChunkIndex): number | undefined {
  try {
    const file = files.open(path, 'extend');
    try {
      const { size } = file.facts();
      if (size <= listed) return size === listed ? listed : undefined;
      let end = listed;
      const found: Location[] = [];
      for (const { id, at, length, isIntact } of scanPack(file, listed)) {
        end = at + HEADER_BYTES + length;
        if (isIntact) found.push({ id, pack: n, at, length });
      }
      if (end < size) file.truncate(end);
      file.sync();
      index.list(found, n, end);
      return end;
    } finally {
      file.close();
    }
  } catch (error) {
    throw asStorageFailure(error, 'Cannot open the chunks', path);
  }
}
