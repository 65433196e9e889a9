/**
 * What is replaced keeps a second name in the sync folder until its successor was observed. A program that wrote to it
 * in the moment of the exchange wrote to this, and not into nothing.
 */
import { SYNC_FOLDER } from '../../core/paths.ts';
import type { DocumentId } from '../../core/registry.ts';
import type { FileFacts, Files } from '../../platform/ports.ts';
import type { Observation } from '../../store/observations.ts';

const FOLDER = `${SYNC_FOLDER}/replaced`;

export type LateSave = (document: DocumentId, over: string, native: string) => Promise<void>;

export class Replaced {
  readonly #files: Files;
  readonly #lateSave: LateSave;
  readonly #kept = new Map<DocumentId, Observation>();

  constructor(files: Files, lateSave: LateSave) {
    this.#files = files;
    this.#lateSave = lateSave;
  }

  /** Where the disk knows no second names this does nothing. */
  keep(id: DocumentId, seen: Observation, path: string): void {
    this.#files.makeFolder(FOLDER);
    this.#files.remove(`${FOLDER}/${id}`);
    if (this.#files.link(path, `${FOLDER}/${id}`) === 'done') this.#kept.set(id, seen);
  }

  /** It stays where it is after all. */
  drop(id: DocumentId): void {
    if (this.#kept.delete(id)) this.#files.remove(`${FOLDER}/${id}`);
  }

  async release(id: DocumentId): Promise<void> {
    const seen = this.#kept.get(id);
    if (seen === undefined) return;
    const facts = this.#files.facts(`${FOLDER}/${id}`);
    if (facts && !isUntouched(seen, facts)) await this.#lateSave(id, seen.hash, this.#files.native(`${FOLDER}/${id}`));
    this.drop(id);
  }

  /** What a crash left: documents that were being replaced. What is in them is a version already, or made one. */
  async recover(): Promise<DocumentId[]> {
    const left = (this.#files.list(FOLDER) ?? []).map(({ name }) => name);
    for (const id of left) {
      await this.#lateSave(id, '', this.#files.native(`${FOLDER}/${id}`));
      this.#files.remove(`${FOLDER}/${id}`);
    }
    return left;
  }
}

/** Renaming and linking set the time of change; writing, also that of the content. */
export function isUntouched(seen: Observation, facts: FileFacts): boolean {
  const [size, mtime] = seen.look.split(':');
  return facts.inode === seen.inode && size === String(facts.size) && mtime === String(facts.mtimeNs);
}
