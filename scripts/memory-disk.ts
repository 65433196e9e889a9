import { statfsSync } from 'node:fs';

/** Where Linux keeps a disk in memory. */
const PLACE = '/dev/shm';
/** Room for the folders of a few tests or worlds at a time, several times over. */
const NEEDED_BYTES = 2 ** 30;

/**
 * Most tests wait for the disk, and few are about it: temporary folders of this process and those that it starts lie in
 * memory from now on, where the system has room for them there. Whoever has set TMPDIR has chosen.
 */
export function useMemoryDisk(): void {
  try {
    const { bavail, bsize } = statfsSync(PLACE);
    if (bavail * bsize > NEEDED_BYTES) process.env.TMPDIR ??= PLACE;
  } catch {
    // There is none.
  }
}
