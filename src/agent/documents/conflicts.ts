/** What people did to one document or database as a whole, unaware of each other, and how it is settled for all. */
import { stampMs } from '../../core/clock.ts';
import { ProblemError } from '../../core/problem.ts';
import {
  allWrites,
  DATABASES,
  DOCUMENTS,
  type MergedDocument,
  removeOp,
  setOp,
  versionName,
} from '../../core/registry.ts';
import type { Origin } from '../../core/rows.ts';
import type { Entry, Registry } from '../../store/registry.ts';
import type { RecordOps } from './ports.ts';
import { choice, contentOf, timeOf, userOf } from './telling.ts';

export type ConflictInfo = {
  readonly id: string;
  readonly kind: 'document';
  /** What people disagree about. */
  readonly about: 'content' | 'path' | 'deletion';
  readonly path: string;
  readonly candidates: readonly {
    readonly id: string;
    /** A version's id, a path (of a database also where it was kept), or null for "deleted". */
    readonly value: string | null;
    readonly by: string;
    readonly at: number;
    readonly shown: boolean;
  }[];
};

export class DocumentConflicts {
  readonly #options: { readonly registry: Registry; readonly record: RecordOps };

  constructor(options: { readonly registry: Registry; readonly record: RecordOps }) {
    this.#options = options;
  }

  list(): ConflictInfo[] {
    return this.#options.registry.conflicting().flatMap((entry) => {
      const merged = this.#options.registry.document(entry.id, entry.kind);
      return merged ? this.#conflictsOf(entry, merged) : [];
    });
  }

  /** `conflict` and `candidate` as `conflicts` names them. */
  async resolve(conflict: string, candidate: string): Promise<void> {
    const { registry, record } = this.#options;
    const [id = '', about] = conflict.split(':');
    const entry = registry.entry(id);
    const merged = entry && registry.document(id, entry.kind);
    const listed = merged && entry ? this.#conflictsOf(entry, merged).find((one) => one.id === conflict) : undefined;
    const chosen = listed?.candidates.find((one) => one.id === candidate);
    if (merged === undefined || entry === undefined || chosen === undefined) throw noConflict(conflict);
    const table = entry.kind === 'document' ? DOCUMENTS : DATABASES;
    const row = registry.row(table, id);
    if (chosen.value === null) await record([removeOp(table, id, allWrites(row))]);
    else if (about === 'path' || table === DATABASES) {
      const over = [...(row.cells.get('path') ?? []), ...(about === 'path' ? [] : row.deletions)];
      await record([setOp(table, id, { path: { value: String(chosen.value), over } })]);
    } else await record([choice(registry, id, contentOf(registry, entry, chosen.value))]);
  }

  #conflictsOf(entry: Entry, merged: MergedDocument): ConflictInfo[] {
    const { registry } = this.#options;
    const found: ConflictInfo[] = [];
    const common = { kind: 'document', path: entry.shown } as const;
    const candidate = (by: Origin | undefined, value: string | null, shown: boolean) => ({
      id: value === null ? 'deleted' : by ? versionName(by) : 'base',
      value,
      by: userOf(registry, by ?? null),
      at: by ? stampMs(by.stamp) : timeOf(registry, entry.id, { by: null }),
      shown,
    });
    const shown = merged.contents[0]!;
    if (merged.contents.length > 1 && entry.kind === 'document') {
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
      const { path, by } = merged.paths[0]!;
      const kept =
        entry.kind === 'document'
          ? candidate(shown.by[0], versionName(shown.by[0] ?? null), true)
          : candidate(by[0], path, true);
      const candidates = [kept, candidate(merged.deletions[0], null, false)];
      found.push({ ...common, id: `${entry.id}:deletion`, about: 'deletion', candidates });
    }
    return found;
  }
}

function noConflict(id: string): ProblemError {
  return new ProblemError({
    code: 'no-conflict',
    text: `There is no such conflict or candidate: ${id}.`,
    remedy: 'See `tieout conflicts`; it may have been settled meanwhile.',
  });
}
