/** What happened to documents: their contents, their names, their deletion. Of databases all that is not their rows. */

import type { ChangeId } from '../../core/change.ts';
import { foldPath } from '../../core/paths.ts';
import { compareEarlier, type DocumentId, versionName } from '../../core/registry.ts';
import type { Entry, Registry, Version } from '../../store/registry.ts';
import { type PastEvent, pastOf, type RegistryChange } from './past.ts';
import { timeOf, userOf } from './telling.ts';

/** What became of each document and database besides their contents. */
export type Past = ReadonlyMap<DocumentId, readonly PastEvent[]>;

export const PUBLISHED = 'published';

export type HistoryInfo = {
  readonly at: number;
  readonly by: string;
  readonly copy: string | null;
  /** A deletion's: it can be undone. */
  readonly change: ChangeId | null;
  /** 'made current again': a content that it had had before, by `promote`, `resolve`, or an undoing hand. */
  readonly what: typeof PUBLISHED | 'made' | 'saved' | 'made current again' | PastEvent['what'];
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
  past(): Past {
    const { registry, registryChanges } = this.#options;
    return pastOf(registryChanges(), (id) => registry.base(id)?.path);
  }

  /** Newest first. */
  of({ id, kind }: Entry, past = this.past()): HistoryInfo[] {
    const { registry } = this.#options;
    const events = past.get(id) ?? [];
    const contents = kind === 'document' ? this.#contents(id) : this.#making(id);
    const origins = [...contents, ...events.map(({ by, ...event }) => ({ origin: by, ...event }))];
    return origins
      .sort((a, b) => compareEarlier(b.origin, a.origin))
      .map(({ origin, what, from, to }) => ({
        at: timeOf(registry, id, { by: origin }),
        by: userOf(registry, origin),
        copy: origin?.copy ?? null,
        change: what === 'deleted' && origin ? { copy: origin.copy, seq: origin.seq } : null,
        what,
        from,
        to,
      }));
  }

  /** What is not there any more. */
  dead(past = this.past()): Entry[] {
    return this.#entries(past.keys()).filter(({ alive }) => !alive);
  }

  /** What was called so, or lay in a folder of this name, and has another name by now, or is not there any more. */
  former(path: string, past = this.past()): Entry[] {
    const asked = foldPath(path);
    const isAsked = (other: string | null): boolean =>
      other !== null && (foldPath(other) === asked || foldPath(other).startsWith(`${asked}/`));
    return this.#entries(past.keys()).filter(({ id }) => past.get(id)?.some(({ from }) => isAsked(from)));
  }

  #entries(ids: Iterable<DocumentId>): Entry[] {
    return [...ids].flatMap((id) => this.#options.registry.entry(id) ?? []);
  }

  #contents(id: DocumentId) {
    const versions = this.#options.registry.versions(id);
    return versions.map((version, index) => ({
      origin: version.by,
      what: whatIsIt(version, versions.slice(index + 1)),
      from: nameOrNull(versions[index + 1]),
      to: versionName(version.by),
    }));
  }

  /** Whatever else is written in a database are rows. */
  #making(id: DocumentId) {
    const made = this.#options.registry.versions(id).at(-1);
    return made ? [{ origin: made.by, what: whatIsIt(made, []), from: null, to: null }] : [];
  }
}

function whatIsIt(version: Version, older: readonly Version[]): HistoryInfo['what'] {
  if (version.by === null) return PUBLISHED;
  if (older.length === 0) return 'made';
  const isBack = older[0]?.hash !== version.hash && older.some(({ hash }) => hash === version.hash);
  return isBack ? 'made current again' : 'saved';
}

function nameOrNull(version: Version | undefined): string | null {
  return version ? versionName(version.by) : null;
}
