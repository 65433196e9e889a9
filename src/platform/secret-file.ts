/** Small files that only their owner may read: keys, and what goes with them. They are written by `writeSecret`. */
import { readFile } from 'node:fs/promises';
import { asStorageFailure } from './storage-failure.ts';

export { makePrivateFolder, writeSecret } from './home.ts';

/** The text, or undefined if there is no such file. Throws `StorageError`. */
export async function readSecret(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw asStorageFailure(error, 'Cannot read', path);
  }
}
