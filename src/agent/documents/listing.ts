/** What people and programs are told of documents: lists and versions; and which version they choose. */
import type { DocumentContent } from '../../core/content.ts';
import { nameOf, parentOf } from '../../core/paths.ts';
import { ProblemError } from '../../core/problem.ts';
import { type Behaviour, type DocumentId, versionName } from '../../core/registry.ts';
import type { FileFacts, Files } from '../../platform/ports.ts';
import { looksSame } from '../../store/observations.ts';
import type { Entry, Registry, Version } from '../../store/registry.ts';
import type { Noticing } from './noticing.ts';
import type { Owners } from './owners.ts';
import type { Placing } from './placing.ts';
import type { ChunkSource, Contents, RecordOps } from './ports.ts';
import { putNew, takenOutName } from './putting.ts';
import { choice, contentOf, documentAt, documentEver, timeOf, userOf } from './telling.ts';

export type DocumentInfo = {
  readonly id: DocumentId;
  readonly path: string;
  readonly behaviour: Behaviour;
  readonly registered: boolean;
  readonly size: number;
  readonly version: string;
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly state: 'current' | 'modified' | 'held' | 'missing';
  readonly conflict: boolean;
  /** On this computer. */
  readonly openBy: readonly { readonly user: string; readonly device: string }[];
};

export type VersionInfo = {
  readonly id: string;
  readonly by: string;
  readonly alsoBy: readonly string[];
  readonly at: number;
  readonly size: number;
  readonly current: boolean;
  readonly conflict: boolean;
  readonly here: boolean;
};

export type ListingOptions = {
  readonly files: Files;
  readonly registry: Registry;
  readonly contents: Contents;
  readonly source: ChunkSource;
  readonly record: RecordOps;
  readonly owners: Owners;
  readonly placing: Placing;
  readonly noticing: Noticing;
};

export class Listing {
  readonly #options: ListingOptions;

  constructor(options: ListingOptions) {
    this.#options = options;
  }

  /** Every document, by path. */
  *all(): Generator<DocumentInfo> {
    const { registry, files } = this.#options;
    let folder: string | undefined;
    let present = new Map<string, FileFacts | undefined>();
    for (const entry of registry.entries('document')) {
      if (parentOf(entry.shown) !== folder) {
        folder = parentOf(entry.shown);
        present = new Map(files.list(folder)?.map(({ name, facts }) => [name, facts]));
      }
      yield this.#info(entry, present);
    }
  }

  one(path: string): DocumentInfo {
    const entry = documentAt(this.#options.registry, path);
    const listed = this.#options.files.list(parentOf(entry.shown)) ?? [];
    return this.#info(entry, new Map(listed.map(({ name, facts }) => [name, facts])));
  }

  /** Newest first, also of one that was deleted. Throws a `ProblemError` for a path where no document is. */
  versions(path: string): VersionInfo[] {
    const entry = documentEver(this.#options.registry, path);
    const merged = this.#options.registry.document(entry.id)!;
    const isConflict = merged.contents.length > 1;
    const siblings = new Map(merged.contents.flatMap((one) => one.by.map((by) => [versionName(by), one] as const)));
    const seen = this.#options.registry.observations.of(entry.id);
    return this.#options.registry.versions(entry.id).flatMap((version): VersionInfo[] => {
      const id = versionName(version.by);
      const sibling = siblings.get(id);
      // Saved alike by several: one entry, under the one that is shown first.
      if (sibling && versionName(sibling.by[0] ?? null) !== id) return [];
      const others = (sibling?.by ?? []).slice(1).map((by) => userOf(this.#options.registry, by));
      return [
        {
          id,
          by: userOf(this.#options.registry, version.by),
          alsoBy: [...new Set(others)],
          at: timeOf(this.#options.registry, entry.id, version),
          size: version.size,
          current: !entry.alive
            ? false
            : sibling
              ? sibling === merged.contents[0]
              : version.by === null && entry.by === null,
          conflict: isConflict && sibling !== undefined,
          here: this.#isHere(entry, version, seen?.hash),
        },
      ];
    });
  }

  content(path: string, version: string): DocumentContent {
    return contentOf(this.#options.registry, documentEver(this.#options.registry, path), version);
  }

  /**
   * Writes a version as a new file: whole, or not at all, and over nothing. `out`: the folder and the name there. Throws
   * a `ProblemError`.
   */
  async get(
    path: string,
    version: string,
    out: { readonly folder: Files; readonly name: string },
    options: { readonly signal: AbortSignal; readonly onProgress?: (bytes: number) => void },
  ): Promise<{ size: number }> {
    const { contents, source, files, registry } = this.#options;
    const { folder, name } = out;
    const entry = documentEver(registry, path);
    const content = contentOf(registry, entry, version);
    const seen = registry.observations.of(entry.id);
    const before = seen && registry.contentByHash(entry.id, seen.hash);
    const like = seen && before ? { like: { path: files.native(seen.path), content: before } } : {};
    const temporary = takenOutName(name);
    const wanted = [{ path: folder.native(temporary), content, ...like }];
    try {
      const [made] = await contents.assemble(wanted, source, { sync: true, ...options });
      if (made?.kind === 'failed') throw new ProblemError(made.problem);
      if (made?.kind !== 'done') throw unavailable(path);
      if (putNew(folder, name, temporary) === undefined) throw existsAlready(folder.native(name));
      await folder.syncFolder('');
    } finally {
      folder.remove(temporary);
    }
    return { size: content.size };
  }

  /** Makes a version the current one for everybody; settles what people disagreed about. */
  async promote(path: string, version: string): Promise<VersionInfo> {
    const { registry, record } = this.#options;
    const entry = documentEver(this.#options.registry, path);
    const content = contentOf(this.#options.registry, entry, version);
    const by = await record([choice(this.#options.registry, entry.id, content)]);
    const made = versionName(by);
    registry.entry(entry.id);
    return this.versions(path).find(({ id }) => id === made)!;
  }

  /** `present`: what lies in its folder. */
  #info(entry: Entry, present: ReadonlyMap<string, FileFacts | undefined>): DocumentInfo {
    const owner = this.#options.owners.of(entry.shown, present);
    return {
      id: entry.id,
      path: entry.shown,
      behaviour: entry.behaviour === 'on-demand' || entry.behaviour === 'never' ? entry.behaviour : 'automatic',
      registered: entry.registered,
      size: entry.size,
      version: versionName(entry.by),
      by: userOf(this.#options.registry, entry.by),
      at: timeOf(this.#options.registry, entry.id, entry),
      state: this.#state(entry, present),
      conflict: entry.conflict,
      openBy: owner ? [{ user: owner.user, device: owner.host }] : [],
    };
  }

  #state(entry: Entry, present: ReadonlyMap<string, FileFacts | undefined>): DocumentInfo['state'] {
    const { placing, files, registry, noticing } = this.#options;
    const seen = registry.observations.of(entry.id);
    if (seen === undefined) return 'missing';
    const facts = seen.path === entry.shown ? present.get(nameOf(seen.path)) : files.facts(seen.path);
    if (facts === undefined || !looksSame(seen, facts) || noticing.isPending(seen.path)) return 'modified';
    return placing.stateOf(entry.id) ?? 'current';
  }

  #isHere(entry: Entry, version: Version, placed: string | undefined): boolean {
    if (version.hash === placed) return true;
    const content = this.#options.registry.content(entry.id, version.by ?? 'base');
    return content?.chunks.every(({ id }) => this.#options.contents.has(id)) ?? false;
  }
}

export function existsAlready(path: string): ProblemError {
  return new ProblemError({
    code: 'in-the-way',
    text: `${path} exists already.`,
    remedy: 'Choose another name with --out.',
    path,
  });
}

function unavailable(path: string): ProblemError {
  return new ProblemError({
    code: 'unavailable',
    text: `That version of ${path} is not on this computer, and nobody who is reached has it.`,
    remedy: 'Try again when the hub can be reached.',
    path,
  });
}
