/** What happened to documents: their contents, their names, their deletion. Of databases all that is not their rows. */

import { type ChangeId, sameChange } from '../../core/change.ts';
import { foldPath } from '../../core/paths.ts';
import { compareEarlier, type DocumentId, versionName } from '../../core/registry.ts';
import type { Entry, Registry, Version } from '../../store/registry.ts';
import { type Past, type PastEvent, pastOf, type RegistryChange } from './past.ts';
import { timeOf, userOf } from './telling.ts';

export const PUBLISHED = 'published';

export type HistoryInfo = {
  readonly at: number;
  readonly by: string;
  readonly copy: string | null;
  /** A deletion's: it can be undone. */
  readonly change: ChangeId | null;
  /** 'made current again': a content that it had had before, by `promote`, `resolve`, or an undoing hand. */
  readonly what: typeof PUBLISHED | 'made' | 'saved' | 'made current again' | PastEvent['what'];
  /** Versions: which one its maker had in front of him, and his own. Of a renaming paths, of a deletion the path. */
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
    const events = past.events.get(id) ?? [];
    const contents = kind === 'document' ? this.#contents(id, past) : this.#making(id);
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
    return this.#entries(past.events.keys()).filter(({ alive }) => !alive);
  }

  /** What was called so, or lay in a folder of this name, and has another name by now, or is not there any more. */
  former(path: string, past = this.past()): Entry[] {
    const asked = foldPath(path);
    const isAsked = (other: string | null): boolean =>
      other !== null && (foldPath(other) === asked || foldPath(other).startsWith(`${asked}/`));
    return this.#entries(past.events.keys()).filter(({ id }) => past.events.get(id)?.some(({ from }) => isAsked(from)));
  }

  #entries(ids: Iterable<DocumentId>): Entry[] {
    return [...ids].flatMap((id) => this.#options.registry.entry(id) ?? []);
  }

  #contents(id: DocumentId, { replacedBy }: Past) {
    const versions = this.#options.registry.versions(id);
    return versions.map((version, index) => {
      const over = version.by ? replacedBy(id, version.by) : undefined;
      const from = over && replacedOf(over, versions);
      const what = whatIsIt(version, { over, from, older: versions.slice(index + 1) });
      return { origin: version.by, what, from: nameOrNull(from), to: versionName(version.by) };
    });
  }

  /** Whatever else is written in a database are rows. */
  #making(id: DocumentId) {
    const made = this.#options.registry.versions(id).at(-1);
    return made ? [{ origin: made.by, what: whatIsIt(made, { older: [] }), from: null, to: null }] : [];
  }
}

/** Of `versions`, newest first. A save that names none was made upon the base, or upon nothing. */
function replacedOf(over: readonly ChangeId[], versions: readonly Version[]): Version | undefined {
  return versions.find(({ by }) => (by === null ? over.length === 0 : over.some((write) => sameChange(write, by))));
}

interface Before {
  /** Where the log tells it. */
  readonly over?: readonly ChangeId[] | undefined;
  readonly from?: Version | undefined;
  /** In time. */
  readonly older: readonly Version[];
}

function whatIsIt(version: Version, { over, from, older }: Before): HistoryInfo['what'] {
  if (version.by === null) return PUBLISHED;
  if (from === undefined) return (over ?? older).length === 0 ? 'made' : 'saved';
  const isBack = from.hash !== version.hash && older.some(({ hash }) => hash === version.hash);
  return isBack ? 'made current again' : 'saved';
}

function nameOrNull(version: Version | undefined): string | null {
  return version ? versionName(version.by) : null;
}
