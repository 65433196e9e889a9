/** Looks at a document, at its place here and at the place where it should be, and says what comes next. */
import { foldPath, isOwnTemporary, parentOf, within } from '../../core/paths.ts';
import { nextStep, type Place, type Step } from '../../core/placing.ts';
import type { DocumentId } from '../../core/registry.ts';
import type { Files } from '../../platform/ports.ts';
import { looksSame, type Observation, type Observations } from '../../store/observations.ts';
import type { Registry } from '../../store/registry.ts';
import { type DocumentProblems, UNSYNCED } from './document-problems.ts';
import type { Hands } from './hands.ts';
import type { Noticing } from './noticing.ts';
import type { Owners } from './owners.ts';

export type PlanningOptions = {
  readonly files: Files;
  readonly registry: Registry;
  readonly noticing: Noticing;
  readonly hands: Hands;
  readonly owners: Owners;
  readonly problems: DocumentProblems;
};

/** Whoever takes a step tells what came of it. */
export interface Report {
  waits(id: DocumentId, step: Extract<Step, { kind: 'wait' }>): void;
  /** The step is over; `done`: it did what it was to do. */
  over(id: DocumentId, done: boolean): void;
  /** Out of our hands: what was said of them meanwhile is looked at now. */
  letGo(paths: readonly string[]): void;
}

/** A version that is being written, by document and content: not what stands aside. */
const UNFINISHED = /tieout-[0-9a-f]{16}-[0-9a-f]{16}\./;

export class Planning {
  readonly #options: PlanningOptions;
  readonly #observations: Observations;
  /** Folders made for documents: their own names are not durable yet. */
  readonly #made = new Set<string>();

  constructor(options: PlanningOptions) {
    this.#options = options;
    this.#observations = options.registry.observations;
  }

  /**
   * Makes the names in these folders durable, and those of the folders that were made for them: an observation of what
   * a power cut takes away would look like a deletion.
   */
  async syncFolders(folders: Iterable<string>): Promise<void> {
    const all = new Set<string>();
    for (const folder of folders) {
      all.add(folder);
      if (!this.#made.delete(folder)) continue;
      for (let above = parentOf(folder); ; above = parentOf(above)) {
        all.add(above);
        if (above === '') break;
      }
    }
    for (const folder of all) await this.#options.files.syncFolder(folder);
  }

  /** `mine` is the path that this very step has in its hands. */
  plan(id: DocumentId, mine?: string): Step {
    const { registry, files, owners, hands } = this.#options;
    const entry = registry.entry(id);
    const seen = this.#observations.of(id) ?? null;
    const wanted: Place | null = entry?.alive ? { path: entry.shown, hash: entry.hash } : null;
    const isBusy = (path: string) => path !== mine && hands.has(path);
    return nextStep(seen, wanted, {
      at: seen === null ? 'missing' : isBusy(seen.path) ? 'changed' : this.#lookAtSeen(seen),
      target: wanted === null || wanted.path === seen?.path ? 'free' : this.#lookAtTarget(wanted.path, seen, isBusy),
      open: seen !== null && files.facts(seen.path) !== undefined && owners.of(seen.path) !== undefined,
    });
  }

  #lookAtSeen(seen: Observation): 'as-seen' | 'changed' | 'missing' {
    const facts = this.#options.files.facts(seen.path);
    if (facts === undefined) return 'missing';
    // A doubtful one may have been written to since it was read, whatever its times say: it is read once more first.
    return looksSame(seen, facts) && !seen.doubtful ? 'as-seen' : 'changed';
  }

  /** A folder that holds nothing, or only what we left unfinished for documents that are elsewhere now. */
  #isEmptied(folder: string): boolean {
    const { files } = this.#options;
    const inside = (files.list(folder) ?? []).map(({ name }) => ({ name, path: within(folder, name) }));
    const isLeft = ({ name, path }: { name: string; path: string }) =>
      isOwnTemporary(name) && UNFINISHED.test(name) && this.#observations.at(path) === undefined;
    if (!inside.every(isLeft)) return false;
    for (const { path } of inside) files.remove(path);
    return files.removeFolder(folder) === 'done';
  }

  #lookAtTarget(
    path: string,
    seen: Observation | null,
    isBusy: (path: string) => boolean,
  ): 'free' | 'document' | 'stranger' | 'blocked' {
    const { files, noticing } = this.#options;
    if (isBusy(path)) return 'stranger';
    const facts = files.facts(path);
    if (facts === undefined) return this.#makeFolder(parentOf(path)) ? 'free' : this.#blockedBy(path);
    // On a disk that minds no case this is the document itself.
    if (seen && facts.inode === seen.inode && facts.kind === 'file') return 'free';
    if (facts.kind === 'folder' && this.#observations.anyBelow(path)) return 'document';
    // A folder that somebody emptied stays on their disk only; what is in the file now goes first.
    if (facts.kind === 'folder' && this.#isEmptied(path)) return 'free';
    if (facts.kind !== 'file') return 'blocked';
    if (this.lyingAt(path)?.subject) return 'document';
    return noticing.isPending(path) || !this.#options.problems.has(path, UNSYNCED) ? 'stranger' : 'blocked';
  }

  /** What was seen at a path, under whatever spelling a disk that minds no case has it. */
  lyingAt(path: string): Observation | undefined {
    const exactly = this.#observations.at(path);
    if (exactly !== undefined) return exactly;
    const facts = this.#options.files.facts(path);
    const there = facts === undefined ? [] : this.#observations.withInode(facts.inode);
    return there.find((seen) => foldPath(seen.path) === foldPath(path));
  }

  /** The document that lies at a path, or, as a file, where one of its folders should be. */
  lyingInTheWay(path: string): Observation | undefined {
    const at = this.lyingAt(path);
    return at?.subject ? at : this.#lyingAbove(path);
  }

  #makeFolder(folder: string): boolean {
    const made = this.#options.files.makeFolder(folder);
    if (made === 'made') this.#made.add(folder);
    return made !== 'blocked';
  }

  /** What lies where a folder should be: a document that is to go, or something that only a person can judge. */
  #blockedBy(path: string): 'document' | 'blocked' {
    return this.#lyingAbove(path) ? 'document' : 'blocked';
  }

  #lyingAbove(path: string): Observation | undefined {
    for (let at = parentOf(path); at !== ''; at = parentOf(at)) {
      const seen = this.#observations.at(at);
      if (seen?.subject) return seen;
    }
    return undefined;
  }
}

export function folderPrefix(path: string): string {
  const folder = parentOf(path);
  return folder === '' ? '' : `${folder}/`;
}
