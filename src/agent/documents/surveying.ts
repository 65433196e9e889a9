/** What lies in a folder, before anything of it is known: for who publishes it. */
import { StorageError } from '../../core/problem.ts';
import type { Files } from '../../platform/ports.ts';
import type { Oddities } from './oddities.ts';
import { companionOf, isDatabase, isLeftBehind, listFolder } from './walking.ts';

export type Survey = {
  /** '/'-separated paths. */
  readonly documents: string[];
  readonly databases: string[];
  readonly bytes: number;
};

/**
 * Names what cannot be synced as problems on the way. What cannot be read now is left out: the first scan of the folder
 * names it, and takes it in once it can be. Throws a `StorageError` when the folder itself cannot be read.
 */
export function survey(files: Files, oddities: Oddities): Survey {
  const found = { documents: [] as string[], databases: [] as string[], bytes: 0 };
  const companions: string[] = [];
  const taken = new Map<string, string>();
  const left = [''];
  for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
    const listed = folder === '' ? listFolder(files, folder) : readable(() => listFolder(files, folder));
    if (listed === undefined || oddities.tell(folder, listed)) continue;
    left.push(...listed.folders);
    for (const { path, facts } of listed.files) {
      if (!oddities.isFit(path, taken)) continue;
      found.bytes += facts.size;
      const sniffed = readable(() => isDatabase(files, path));
      if (sniffed === true) found.databases.push(path);
      else if (sniffed === false && /-(?:wal|shm|journal)$/.test(path)) companions.push(path);
      else if (sniffed === false) found.documents.push(path);
    }
  }
  const databases = new Set(found.databases);
  found.documents.push(
    ...companions.filter(
      (path) =>
        !companionOf(path, (database) => databases.has(database)) &&
        readable(() => isLeftBehind(files, path)) === false,
    ),
  );
  return found;
}

function readable<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}
