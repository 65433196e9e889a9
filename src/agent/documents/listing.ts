/** What people and programs are told of documents, and the decisions that they take: lists, versions, conflicts. */
import type { ChangeId } from '../../core/change.ts';
import { stampMs } from '../../core/clock.ts';
import { type DocumentContent, encodeContent } from '../../core/content.ts';
import { nameOf, parentOf } from '../../core/paths.ts';
import { ProblemError } from '../../core/problem.ts';
import {
  allWrites,
  type Behaviour,
  compareEarlier,
  DOCUMENTS,
  type DocumentId,
  FILE,
  type MergedDocument,
  removeOp,
  setOp,
  versionName,
  versionOf,
} from '../../core/registry.ts';
import type { Origin } from '../../core/rows.ts';
import type { FileFacts, Files } from '../../platform/ports.ts';
import { looksSame } from '../../store/observations.ts';
import type { Entry, Registry, Version } from '../../store/registry.ts';
import type { Noticing } from './noticing.ts';
import type { Owners } from './owners.ts';
import { type PastEvent, pastOf, type RegistryChange } from './past.ts';
import type { Placing } from './placing.ts';
import type { ChunkSource, Contents, RecordOps } from './ports.ts';

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

export type ConflictInfo = {
  readonly id: string;
  readonly kind: 'document';
  /** What people disagree about. */
  readonly about: 'content' | 'path' | 'deletion';
  readonly path: string;
  readonly candidates: readonly {
    readonly id: string;
    /** A version's id, a path, or null for "deleted". */
    readonly value: string | null;
    readonly by: string;
    readonly at: number;
    readonly shown: boolean;
  }[];
};

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

export type ListingOptions = {
  readonly files: Files;
  readonly registry: Registry;
  readonly contents: Contents;
  readonly source: ChunkSource;
  readonly record: RecordOps;
  readonly owners: Owners;
  readonly placing: Placing;
  readonly noticing: Noticing;
  readonly registryChanges: () => Iterable<RegistryChange>;
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
    const entry = this.#entry(path);
    const listed = this.#options.files.list(parentOf(entry.shown)) ?? [];
    return this.#info(entry, new Map(listed.map(({ name, facts }) => [name, facts])));
  }

  /** Newest first. Throws a `ProblemError` for a path where no document is. */
  versions(path: string): VersionInfo[] {
    const entry = this.#entry(path);
    const merged = this.#options.registry.document(entry.id)!;
    const isConflict = merged.contents.length > 1;
    const siblings = new Map(merged.contents.flatMap((one) => one.by.map((by) => [versionName(by), one] as const)));
    const seen = this.#options.registry.observations.of(entry.id);
    return this.#options.registry.versions(entry.id).flatMap((version): VersionInfo[] => {
      const id = versionName(version.by);
      const sibling = siblings.get(id);
      // Saved alike by several: one entry, under the one that is shown first.
      if (sibling && versionName(sibling.by[0] ?? null) !== id) return [];
      const others = (sibling?.by ?? []).slice(1).map((by) => this.#user(by));
      return [
        {
          id,
          by: this.#user(version.by),
          alsoBy: [...new Set(others)],
          at: this.#at(entry.id, version),
          size: version.size,
          current: sibling ? sibling === merged.contents[0] : version.by === null && entry.by === null,
          conflict: isConflict && sibling !== undefined,
          here: this.#isHere(entry, version, seen?.hash),
        },
      ];
    });
  }

  content(path: string, version: string): DocumentContent {
    return this.#content(this.#entry(path), version);
  }

  /** Writes a version as a new file, `out` (native, absolute; the caller has seen that nothing is there). */
  async get(
    path: string,
    version: string,
    out: string,
    options: { readonly signal: AbortSignal; readonly onProgress?: (bytes: number) => void },
  ): Promise<{ size: number }> {
    const { contents, source, files, registry } = this.#options;
    const entry = this.#entry(path);
    const content = this.#content(entry, version);
    const seen = registry.observations.of(entry.id);
    const before = seen && registry.contentByHash(entry.id, seen.hash);
    const like = seen && before ? { like: { path: files.native(seen.path), content: before } } : {};
    const [made] = await contents.assemble([{ path: out, content, ...like }], source, { sync: true, ...options });
    if (made?.kind === 'failed') throw new ProblemError(made.problem);
    if (made?.kind !== 'done') throw unavailable(path);
    return { size: content.size };
  }

  /** Makes a version the current one for everybody; settles what people disagreed about. */
  async promote(path: string, version: string): Promise<VersionInfo> {
    const { registry, record } = this.#options;
    const entry = this.#entry(path);
    const content = this.#content(entry, version);
    const by = await record([this.#choose(entry.id, content)]);
    const made = versionName(by);
    registry.entry(entry.id);
    return this.versions(path).find(({ id }) => id === made)!;
  }

  conflicts(): ConflictInfo[] {
    return this.#options.registry.conflicting().flatMap((entry) => {
      const merged = this.#options.registry.document(entry.id);
      return entry.kind === 'document' && merged ? this.#conflictsOf(entry, merged) : [];
    });
  }

  /** `conflict` and `candidate` as `conflicts` names them. */
  async resolve(conflict: string, candidate: string): Promise<void> {
    const { registry, record } = this.#options;
    const [id = '', about] = conflict.split(':');
    const merged = registry.document(id);
    const entry = registry.entry(id);
    const listed = merged && entry ? this.#conflictsOf(entry, merged).find((one) => one.id === conflict) : undefined;
    const chosen = listed?.candidates.find((one) => one.id === candidate);
    if (merged === undefined || entry === undefined || chosen === undefined) throw noConflict(conflict);
    if (about === 'path') {
      const over = [...(registry.row(DOCUMENTS, id).cells.get('path') ?? [])];
      await record([setOp(DOCUMENTS, id, { path: { value: String(chosen.value), over } })]);
    } else if (chosen.value === null) await record([removeOp(DOCUMENTS, id, allWrites(registry.row(DOCUMENTS, id)))]);
    else await record([this.#choose(id, this.#content(entry, chosen.value))]);
  }

  /** What became of the documents besides their contents: read from the whole log, so once for many histories. */
  past(): ReadonlyMap<DocumentId, readonly PastEvent[]> {
    const { registry, registryChanges } = this.#options;
    return pastOf(registryChanges(), (id) => registry.base(id)?.path);
  }

  /** Newest first. Throws a `ProblemError` for a path where no document is. */
  history(path: string, past = this.past()): HistoryInfo[] {
    return this.#historyOf(this.#entry(path).id, past);
  }

  /** What happened to documents that are not there any more, each with the path that it had last. */
  histories(past = this.past()): { path: string; history: HistoryInfo[] }[] {
    return [...past.keys()].flatMap((id) => {
      const entry = this.#options.registry.entry(id);
      if (entry?.kind !== 'document' || entry.alive) return [];
      return [{ path: entry.path, history: this.#historyOf(id, past) }];
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
        at: this.#at(id, { by: origin }),
        by: this.#user(origin),
        copy: origin?.copy ?? null,
        what,
        from,
        to,
      }));
  }

  #entry(path: string): Entry {
    const entry = this.#options.registry.entryAt(path);
    if (entry?.kind === 'document') return entry;
    throw new ProblemError({
      code: 'no-document',
      text: `${path} is not a document of this file.`,
      remedy: 'See `tieout docs` for what is in the file; a new document is listed once it has been saved.',
      path,
    });
  }

  #content(entry: Entry, version: string): DocumentContent {
    const id = versionOf(version);
    const content = id && this.#options.registry.content(entry.id, id);
    if (content) return content;
    throw new ProblemError({
      code: 'no-version',
      text: `${entry.shown} has no version ${version}.`,
      remedy: 'See `tieout versions` for those that it has.',
      path: entry.shown,
    });
  }

  /** A write of this content over all that there is, deletions included. */
  #choose(id: DocumentId, content: DocumentContent) {
    const { registry } = this.#options;
    const row = registry.row(DOCUMENTS, id);
    const over: ChangeId[] = [...(row.cells.get('content') ?? []), ...row.deletions];
    return setOp(DOCUMENTS, id, { content: { value: encodeContent(content), over } });
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
      by: this.#user(entry.by),
      at: this.#at(entry.id, entry),
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

  #conflictsOf(entry: Entry, merged: MergedDocument): ConflictInfo[] {
    const found: ConflictInfo[] = [];
    const common = { kind: 'document', path: entry.shown } as const;
    const candidate = (by: Origin | undefined, value: string | null, shown: boolean) => ({
      id: value === null ? 'deleted' : by ? versionName(by) : 'base',
      value,
      by: this.#user(by ?? null),
      at: by ? stampMs(by.stamp) : this.#at(entry.id, { by: null }),
      shown,
    });
    const shown = merged.contents[0]!;
    if (merged.contents.length > 1) {
      const candidates = merged.contents.map((one) =>
        candidate(one.by[0], versionName(one.by[0] ?? null), one === shown),
      );
      found.push({ ...common, id: `${entry.id}:content`, about: 'content', candidates });
    }
    if (merged.paths.length > 1) {
      const candidates = merged.paths.map(({ path, by }, index) => candidate(by[0], path, index === 0));
      found.push({ ...common, id: `${entry.id}:path`, about: 'path', candidates });
    }
    if (merged.deletions.length > 0) {
      const kept = candidate(shown.by[0], versionName(shown.by[0] ?? null), true);
      const candidates = [kept, candidate(merged.deletions[0], null, false)];
      found.push({ ...common, id: `${entry.id}:deletion`, about: 'deletion', candidates });
    }
    return found;
  }

  #isHere(entry: Entry, version: Version, placed: string | undefined): boolean {
    if (version.hash === placed) return true;
    const content = this.#options.registry.content(entry.id, version.by ?? 'base');
    return content?.chunks.every(({ id }) => this.#options.contents.has(id)) ?? false;
  }

  /** Who made a write; the base is who published the file. */
  #user(by: ChangeId | null): string {
    const { registry } = this.#options;
    const copy = by?.copy ?? registry.row(FILE, 'file').cells.get('name')?.at(-1)?.copy;
    return copy === undefined ? '' : (registry.user(copy) ?? '');
  }

  #at(id: DocumentId, { by }: { by: Origin | null }): number {
    if (by) return stampMs(by.stamp);
    return Number((this.#options.registry.base(id)?.content.mtimeNs ?? 0n) / 1_000_000n);
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

function unavailable(path: string): ProblemError {
  return new ProblemError({
    code: 'unavailable',
    text: `That version of ${path} is not on this computer, and nobody who is reached has it.`,
    remedy: 'Try again when the hub can be reached.',
    path,
  });
}

function noConflict(id: string): ProblemError {
  return new ProblemError({
    code: 'no-conflict',
    text: `There is no such conflict or candidate: ${id}.`,
    remedy: 'See `tieout conflicts`; it may have been settled meanwhile.',
  });
}
