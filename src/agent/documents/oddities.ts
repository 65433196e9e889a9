/** What lies in the folder and cannot be synced as it is, named as problems while it lies there; and what we left. */
import { foldPath, pathFault } from '../../core/paths.ts';
import type { Files } from '../../platform/ports.ts';
import type { Observations } from '../../store/observations.ts';
import {
  type DocumentProblems,
  keptKeys,
  nestedCopy,
  sameName,
  specialFile,
  symbolicLink,
  UNSYNCED,
  unfitName,
} from './document-problems.ts';
import { isTakenOut } from './putting.ts';
import { isUntouched } from './replaced.ts';
import { isThere, type Listed } from './walking.ts';

export class Oddities {
  readonly #files: Files;
  readonly #observations: Observations;
  readonly #problems: DocumentProblems;
  /** Own unfinished files that the last scan met. */
  readonly #temporaries = new Set<string>();

  constructor(files: Files, observations: Observations, problems: DocumentProblems) {
    this.#files = files;
    this.#observations = observations;
    this.#problems = problems;
  }

  /** Names what cannot be synced. True: nothing in the folder can be. */
  tell(folder: string, listed: Listed): boolean {
    const problems = this.#problems;
    if (listed.own === 'copy') problems.set(folder, nestedCopy(folder));
    else if (listed.own !== undefined) problems.set(folder, keptKeys(folder, listed.own));
    else {
      for (const path of listed.links) problems.set(path, symbolicLink(path));
      for (const path of listed.others) problems.set(path, specialFile(path));
      for (const path of listed.unreadable) problems.set(path, unfitName(path, 'its name is not valid Unicode text'));
      for (const path of listed.temporaries) if (!isTakenOut(path)) this.#temporaries.add(path);
    }
    return listed.own !== undefined;
  }

  /** Can it be a document of a base? `taken`: folded paths of those before it. */
  isFit(path: string, taken: Map<string, string>): boolean {
    const problems = this.#problems;
    const fault = pathFault(path);
    const other = taken.get(foldPath(path));
    if (fault) problems.set(path, unfitName(path, fault.text));
    else if (other !== undefined) problems.set(path, sameName(path, other));
    else taken.set(foldPath(path), path);
    return !fault && other === undefined;
  }

  /** What a crash left of our own unfinished files. Called when nothing is unfinished. */
  removeTemporaries(): void {
    for (const path of this.#temporaries) {
      this.#temporaries.delete(path);
      if (this.#observations.at(path) === undefined && !this.#isDocument(path)) this.#files.remove(path);
    }
  }

  /** Put aside when we were stopped, and seen at its former place last. */
  #isDocument(path: string): boolean {
    const facts = this.#files.facts(path);
    if (facts === undefined) return false;
    const seen = this.#observations.withInode(facts.inode).filter((one) => isUntouched(one, facts));
    return seen.some((one) => this.#files.facts(one.path) === undefined);
  }

  /** What a problem spoke of is not there any more. */
  forget(): void {
    for (const { path, code } of this.#problems.list()) {
      if (UNSYNCED.includes(code) && !(isThere(this.#files, path) && this.#observations.at(path) === undefined)) {
        this.#problems.clear(path, code);
      }
    }
  }
}
