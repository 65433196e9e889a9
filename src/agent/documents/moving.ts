/**
 * Documents that move on this disk, or go from it: proved to be as they were seen, made durable, and observed at once
 * with what was done.
 */
import { parentOf, temporaryName } from '../../core/paths.ts';
import type { DocumentId } from '../../core/registry.ts';
import type { Files } from '../../platform/ports.ts';
import { looksSame, type Observation, type Observations, observationOf } from '../../store/observations.ts';
import type { Registry } from '../../store/registry.ts';
import type { Hands } from './hands.ts';
import { folderPrefix, type Planning, type Report } from './planning.ts';
import type { DocumentEvent } from './ports.ts';
import { isUntouched, type Replaced } from './replaced.ts';

export type MovingOptions = {
  readonly files: Files;
  readonly registry: Registry;
  readonly transaction: <T>(write: () => T) => T;
  readonly hands: Hands;
  readonly planning: Planning;
  readonly replaced: Replaced;
  readonly tell: (event: DocumentEvent) => void;
};

export class Moving {
  readonly #options: MovingOptions;
  readonly #observations: Observations;
  readonly #report: Report;

  constructor(options: MovingOptions, report: Report) {
    this.#options = options;
    this.#observations = options.registry.observations;
    this.#report = report;
  }

  async move(id: DocumentId, from: string, to: string): Promise<void> {
    const { files, hands, transaction, registry } = this.#options;
    const paths = hands.take([from, to]);
    let done = false;
    try {
      const seen = this.#observations.of(id);
      // RACE: a file that somebody makes at `to` after this look is replaced; its bytes are lost. Microseconds.
      if (paths.length < 2 || seen?.path !== from || this.#lookAtMoved(seen, from, to) !== 'free') return;
      const outcome = files.rename(from, to);
      if (outcome === 'busy') return this.#report.waits(id, { kind: 'wait', for: 'program', path: from });
      const facts = files.facts(to);
      if (outcome !== 'done' || facts === undefined) return;
      await this.#options.planning.syncFolders([parentOf(to), parentOf(from)]);
      transaction(() => {
        this.#observations.remove(from);
        this.#observations.put(observationOf(to, id, seen.hash, facts));
      });
      done = true;
      this.#removeEmptyFolders(parentOf(from));
      this.#options.tell({ kind: 'placed', documents: [registry.entry(id)?.shown ?? to] });
    } finally {
      this.#report.letGo(paths);
      this.#report.over(id, done);
    }
  }

  #lookAtMoved(seen: Observation, from: string, to: string): 'free' | 'taken' {
    const there = this.#options.files.facts(to);
    const here = this.#options.files.facts(from);
    if (here === undefined || !looksSame(seen, here)) return 'taken';
    return there === undefined || there.inode === seen.inode ? 'free' : 'taken';
  }

  async remove(id: DocumentId, path: string): Promise<void> {
    const { files, hands, transaction } = this.#options;
    const paths = hands.take([path]);
    const seen = this.#observations.of(id);
    let done = false;
    try {
      if (paths.length === 0 || seen?.path !== path) return;
      // Out of the way first: should somebody have written to it just now, it is put back.
      const aside = `${folderPrefix(path)}${temporaryName(`gone-${id.slice(0, 16)}`)}`;
      const kept = this.#options.replaced.keep(id, seen, path);
      const outcome = files.rename(path, aside);
      if (outcome !== 'done') this.#options.replaced.drop(kept);
      if (outcome === 'busy') return this.#report.waits(id, { kind: 'wait', for: 'program', path });
      if (outcome !== 'done') return;
      const facts = files.facts(aside);
      if (facts === undefined || !isUntouched(seen, facts)) {
        // Where it cannot be put back its second name keeps what was written.
        if (files.rename(aside, path) === 'done') this.#options.replaced.drop(kept);
        else this.#options.replaced.release(kept);
        return;
      }
      files.remove(aside);
      this.#options.replaced.release(kept);
      await files.syncFolder(parentOf(path));
      transaction(() => this.#observations.remove(path));
      done = true;
      this.#removeEmptyFolders(parentOf(path));
      this.#options.tell({ kind: 'placed', documents: [path] });
    } finally {
      this.#report.letGo(paths);
      this.#report.over(id, done);
    }
  }

  #removeEmptyFolders(folder: string): void {
    for (let at = folder; at !== ''; at = parentOf(at)) {
      if (this.#options.files.removeFolder(at) !== 'done') return;
    }
  }

  /**
   * Where a document goes for a while that is to go to `wanted` and, with others, waits for itself: the others, and then
   * itself, find their places free. undefined: nobody, or another one, has to go.
   */
  asideOf(id: DocumentId, seen: string, wanted: string): string | undefined {
    const circle = this.#circleTo(id, wanted);
    if (circle === undefined) return undefined;
    // It lies as a file where somebody is to be: elsewhere in its folder it is in nobody's way.
    const [inItsFolder, above] = asidePaths(id, seen);
    if (circle.at(-1) === 'file') return inItsFolder;
    // Its folder lies there, and is to become empty, unless a file of the circle can let everybody go on.
    return circle.includes('file') ? undefined : above;
  }

  /** How the documents from the one at `wanted` on are in each other's way, up to `first`; undefined: they are not. */
  #circleTo(first: DocumentId, wanted: string): ('file' | 'folder')[] | undefined {
    const own = this.#observations.of(first)?.path;
    const met = new Set<DocumentId>();
    const ways: ('file' | 'folder')[] = [];
    for (let path = wanted; ; ) {
      const file = this.#options.planning.lyingInTheWay(path);
      ways.push(file ? 'file' : 'folder');
      if (file ? file.subject === first : own?.startsWith(`${path}/`)) return ways;
      // Of those in a folder one is enough: while others wait for them, somebody of them finds the circle.
      const next = file ?? this.#observations.anyBelow(path);
      if (next === undefined || met.has(next.subject)) return undefined;
      met.add(next.subject);
      const entry = this.#options.registry.entry(next.subject);
      if (!entry?.alive) return undefined;
      path = entry.shown;
    }
  }
}

/** One of a circle goes to a name of ours: in the folder where it was seen, or outside of all folders. */
export function asidePaths(id: DocumentId, seen: string): [inItsFolder: string, above: string] {
  const name = temporaryName(`aside-${id.slice(0, 16)}`);
  return [`${folderPrefix(seen)}${name}`, name];
}
