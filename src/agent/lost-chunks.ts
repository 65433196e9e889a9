/**
 * Pieces of content that the disk has lost before the parent had them. A document that lies here and was not changed
 * since has them, too, and they are taken from it again; what nobody here has any more is named.
 */
import type { DocumentContent } from '../core/content.ts';
import type { Problem } from '../core/problem.ts';
import type { Clock } from '../platform/ports.ts';
import type { Registry } from '../store/registry.ts';
import { damagedChunks } from './copy-problems.ts';
import type { Contents } from './documents/ports.ts';
import type { Problems } from './problems.ts';
import { DISK_AGAIN_MS } from './syncing.ts';

export interface LostChunksOptions {
  readonly registry: Registry;
  readonly contents: Contents;
  readonly problems: Problems;
  readonly clock: Clock;
  /** A path of this file as the disk knows it. */
  readonly native: (path: string) => string;
  /** These may be looked for again: they are here now, or they never will be and need not be sent. */
  readonly settled: (ids: { readonly found: readonly string[]; readonly gone: readonly string[] }) => void;
}

export class LostChunks {
  readonly #options: LostChunksOptions;
  readonly #damaged = new Set<string>();

  constructor(options: LostChunksOptions) {
    this.#options = options;
  }

  /** These were found to be damaged, and are not used. */
  damaged(ids: readonly string[]): void {
    for (const id of ids) this.#damaged.add(id);
    this.#options.problems.set('chunks', damagedChunks(this.#damaged.size));
  }

  async look(ids: readonly string[]): Promise<void> {
    const { registry, contents, problems, clock, native, settled } = this.#options;
    const lost = new Set(ids);
    const paths: string[] = [];
    for (const { id, by, shown } of registry.entries()) {
      if (has(registry.content(id, by ?? 'base'), lost)) paths.push(native(shown));
    }
    const read = await contents.ingest(paths);
    if (read.some(({ kind }) => kind === 'failed' || kind === 'busy')) {
      clock.after(DISK_AGAIN_MS, () => void this.look(ids));
      return;
    }
    const gone = ids.filter((id) => !contents.has(id));
    const found = ids.filter((id) => contents.has(id));
    if (gone.length > 0) this.#name(new Set(gone));
    for (const id of found) this.#damaged.delete(id);
    if (this.#damaged.size === 0) problems.clear('chunks');
    settled({ found, gone });
  }

  #name(lost: ReadonlySet<string>): void {
    const { registry, problems } = this.#options;
    for (const { id, shown } of registry.entries()) {
      const isHit = registry.versions(id).some(({ by }) => has(registry.content(id, by ?? 'base'), lost));
      if (isHit) problems.set(`lost ${id}`, lostVersion(shown));
    }
  }
}

function has(content: DocumentContent | undefined, lost: ReadonlySet<string>): boolean {
  return content?.chunks.some(({ id }) => lost.has(id)) ?? false;
}

function lostVersion(path: string): Problem {
  return {
    code: 'lost-version',
    text: `A version of ${path} was damaged on this disk before the hub had it.`,
    remedy:
      'Have the disk checked. `tieout versions` lists the others; whoever still has the content can save it again.',
    path,
  };
}
