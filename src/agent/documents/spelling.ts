/** Under which spelling a file really lies: a disk that does not mind case finds it under any. */
import { foldPath, within } from '../../core/paths.ts';
import type { Files } from '../../platform/ports.ts';

export class Spelling {
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  /** Of paths that are one to such a disk (an old name and a new one), those that are spelled as on it. */
  reallyThere(paths: readonly string[]): readonly string[] {
    const spellings = new Map<string, number>();
    for (const path of paths) spellings.set(foldPath(path), (spellings.get(foldPath(path)) ?? 0) + 1);
    return paths.filter((path) => spellings.get(foldPath(path)) === 1 || this.isSpelled(path));
  }

  isSpelled(path: string): boolean {
    let folder = '';
    for (const name of path.split('/')) {
      if (!this.#files.list(folder)?.some((entry) => entry.name === name)) return false;
      folder = within(folder, name);
    }
    return true;
  }

  /** Does a file lie there, and not only this one under another spelling? */
  isTaken(path: string, by: string): boolean {
    if (this.#files.facts(path)?.kind !== 'file') return false;
    return foldPath(path) !== foldPath(by) || this.isSpelled(path);
  }
}
