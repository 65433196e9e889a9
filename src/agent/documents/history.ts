/** What happened to documents: their contents, their names, their deletion. */
import { foldPath } from '../../core/paths.ts';
import { compareEarlier, type DocumentId, versionName } from '../../core/registry.ts';
import type { Entry, Registry, Version } from '../../store/registry.ts';
import { type PastEvent, pastOf, type RegistryChange } from './past.ts';
import { documentAt, timeOf, userOf } from './telling.ts';

export type HistoryInfo = {
  readonly at: number;
  readonly by: string;
  readonly copy: string | null;
  /** 'made current again': a content that it had had before, by `promote`, `resolve`, or an undoing hand. */
  readonly what: 'published' | 'made' | 'saved' | 'made current again' | 'renamed' | 'deleted';
  /** Versions; of a renaming paths, of a deletion the path that it had. */
  readonly from: string | null;
  readonly to: string | null;
};

export interface DocumentHistoryOptions {
  readonly registry: Registry;
  readonly registryChanges: () => Iterable<RegistryChange>;
}

export class DocumentHistory {
  readonly #options: DocumentHistoryOptions;

  constructor(options: DocumentHistoryOptions) {
    this.#options = options;
  }

  /** What became of documents and databases besides their contents: read from the whole log, so once for many histories. */
  past(): ReadonlyMap<DocumentId, readonly PastEvent[]> {
    const { registry, registryChanges } = this.#options;
    return pastOf(registryChanges(), (id) => registry.base(id)?.path);
  }

  /** Newest first. Throws a `ProblemError` for a path where no document is. */
  of(path: string, past = this.past()): HistoryInfo[] {
    return this.#historyOf(documentAt(this.#options.registry, path).id, past);
  }

  /** What happened to documents that are not there any more, each with the path that it had last. */
  ofDead(past = this.past()): { path: string; history: HistoryInfo[] }[] {
    return [...past.keys()].flatMap((id) => {
      const entry = this.#options.registry.entry(id);
      if (entry?.kind !== 'document' || entry.alive) return [];
      return [{ path: entry.path, history: this.#historyOf(id, past) }];
    });
  }

  /** What was called so, or lay in a folder of this name, and has another name by now, or is not there any more. */
  ofFormer(path: string, past = this.past()): { entry: Entry; history: HistoryInfo[] }[] {
    const asked = foldPath(path);
    const isAsked = (other: string | null): boolean =>
      other !== null && (foldPath(other) === asked || foldPath(other).startsWith(`${asked}/`));
    return [...past].flatMap(([id, events]) => {
      const entry = this.#options.registry.entry(id);
      if (entry === undefined || !events.some(({ from }) => isAsked(from))) return [];
      return [{ entry, history: this.#historyOf(id, past) }];
    });
  }

  #historyOf(id: DocumentId, past: ReadonlyMap<DocumentId, readonly PastEvent[]>): HistoryInfo[] {
    const events = (past.get(id) ?? []).map(({ by, what, from, to }) => ({ origin: by, what, from, to }));
    const versions = this.#options.registry.versions(id);
    const contents = versions.map((version, index) => {
      const before = versions[index + 1];
      const origin = version.by;
      return {
        origin,
        what: whatIsIt(version, versions.slice(index + 1)),
        from: nameOrNull(before),
        to: versionName(origin),
      };
    });
    return [...contents, ...events]
      .sort((a, b) => compareEarlier(b.origin, a.origin))
      .map(({ origin, what, from, to }) => ({
        at: timeOf(this.#options.registry, id, { by: origin }),
        by: userOf(this.#options.registry, origin),
        copy: origin?.copy ?? null,
        what,
        from,
        to,
      }));
  }
}

function whatIsIt(version: Version, older: readonly Version[]): HistoryInfo['what'] {
  if (version.by === null) return 'published';
  if (older.length === 0) return 'made';
  const isBack = older[0]?.hash !== version.hash && older.some(({ hash }) => hash === version.hash);
  return isBack ? 'made current again' : 'saved';
}

function nameOrNull(version: Version | undefined): string | null {
  return version ? versionName(version.by) : null;
}
