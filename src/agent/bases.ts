/**
 * Are the bases of a copy's databases still what they were when they came? The disk may damage or lose one, and whoever
 * reads a database then cannot tell which of the two is at fault.
 */
import type { DocumentContent } from '../core/content.ts';
import type { Entry, Registry } from '../store/registry.ts';
import type { Contents } from './documents/ports.ts';
import type { SyncFolder } from './sync-folder.ts';

export interface BasesOptions {
  readonly folder: SyncFolder;
  readonly registry: Registry;
  readonly contents: Contents;
}

export class Bases {
  readonly #options: BasesOptions;
  /** Those that were looked at, or are to be. */
  readonly #known = new Map<string, 'doubted' | 'damaged' | 'intact'>();

  constructor(options: BasesOptions) {
    this.#options = options;
  }

  /** A database cannot be read: the next look finds out whether its base is why. False: it is known. */
  doubt(id: string): boolean {
    if (this.#known.has(id)) return false;
    this.#known.set(id, 'doubted');
    return true;
  }

  /** The database can be read again: whatever comes later has another cause. What was found damaged is so still. */
  trust(id: string): void {
    if (this.#known.get(id) !== 'damaged') this.#known.delete(id);
  }

  /** It is there anew. */
  renewed(id: string): void {
    this.#known.delete(id);
  }

  /** Of one that is doubted: is it to be fetched again? It is read once, and remembered. */
  async isLost(id: string, content: DocumentContent): Promise<boolean> {
    const known = this.#known.get(id);
    if (known === undefined || known === 'intact') return false;
    const isIntact = known === 'doubted' && (await this.isIntact(id, content));
    this.#known.set(id, isIntact ? 'intact' : 'damaged');
    return !isIntact;
  }

  /** Reads it, a piece at a time. False: it is not what it was, and is to be fetched again. */
  async prove(entry: Entry): Promise<boolean> {
    if (this.#known.get(entry.id) === 'damaged') return false;
    const content = this.#options.registry.content(entry.id, entry.by ?? 'base');
    const read = content && (await this.#read(entry.id));
    // Who holds it will let go of it, and says nothing about the disk.
    if (read === undefined || read === 'busy' || read === content?.hash) return true;
    this.#known.set(entry.id, 'damaged');
    return false;
  }

  async isIntact(id: string, { hash }: DocumentContent): Promise<boolean> {
    return (await this.#read(id)) === hash;
  }

  /** What hash its content has. */
  async #read(id: string): Promise<string> {
    const { contents, folder } = this.#options;
    const [read] = await contents.ingest([folder.basePath(id)], { keep: false });
    return read?.kind === 'done' ? read.content.hash : (read?.kind ?? 'missing');
  }
}
