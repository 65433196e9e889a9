/**
 * What is replaced or removed keeps a second name in the sync folder for a while. A program that was still writing to
 * it, and goes on for some seconds, wrote to this and not into nothing: what it wrote becomes a version.
 */
import { SYNC_FOLDER } from '../../core/paths.ts';
import type { DocumentId } from '../../core/registry.ts';
import type { Clock, FileFacts, Files } from '../../platform/ports.ts';
import { lookOf, type Observation } from '../../store/observations.ts';

const FOLDER = `${SYNC_FOLDER}/replaced`;
/** How long a program may go on with a save that began before its file was replaced. */
const KEPT_MS = 10_000;
/** Written to, and quiet since the last look. */
const QUIET_MS = 1000;

/** `over`: the hash of what the program had in front of it; '' where that is not known any more. */
export type LateSave = (document: DocumentId, over: string, native: string) => Promise<void>;

type Kept = { readonly id: DocumentId; readonly seen: Observation; look: string };

export class Replaced {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #lateSave: LateSave;
  readonly #signal: AbortSignal;
  readonly #kept = new Map<string, Kept>();
  #count = 0;

  constructor(files: Files, clock: Clock, signal: AbortSignal, lateSave: LateSave) {
    this.#files = files;
    this.#clock = clock;
    this.#signal = signal;
    this.#lateSave = lateSave;
  }

  /** Gives what lies at `path` its second name, which is returned. Where the disk knows none this does nothing. */
  keep(id: DocumentId, seen: Observation, path: string): string {
    this.#files.makeFolder(FOLDER);
    const name = `${FOLDER}/${id}-${mtimeOf(seen)}-${this.#clock.now()}-${this.#count++}`;
    if (this.#files.link(path, name) === 'done') this.#kept.set(name, { id, seen, look: '' });
    return name;
  }

  /** It stays where it is after all. */
  drop(name: string): void {
    if (this.#kept.delete(name)) this.#files.remove(name);
  }

  /** Its successor is in its place: looks at it once more later. */
  release(name: string): void {
    if (this.#kept.has(name)) this.#clock.after(KEPT_MS, () => void this.#check(name));
  }

  async #check(name: string): Promise<void> {
    const kept = this.#kept.get(name);
    if (kept === undefined || this.#signal.aborted) return;
    try {
      const facts = this.#files.facts(name);
      if (facts && !isUntouched(kept.seen, facts)) {
        const look = lookOf(facts);
        if (look !== kept.look) {
          kept.look = look;
          this.#clock.after(QUIET_MS, () => void this.#check(name));
          return;
        }
        await this.#lateSave(kept.id, kept.seen.hash, this.#files.native(name));
      }
      this.drop(name);
    } catch {
      // The disk or the store failed: it stays there, and is looked at when we start again.
      this.#kept.delete(name);
    }
  }

  /** What was left when we ended. What is in it is a version already, or is made one. Returns whose it was. */
  async recover(): Promise<DocumentId[]> {
    const found: DocumentId[] = [];
    for (const { name } of this.#files.list(FOLDER) ?? []) {
      const [id = '', mtime] = name.split('-');
      const facts = this.#files.facts(`${FOLDER}/${name}`);
      // Only what was written to later: what a power cut may have left of it otherwise is nobody's save.
      if (facts && String(facts.mtimeNs) !== mtime)
        await this.#lateSave(id, '', this.#files.native(`${FOLDER}/${name}`));
      this.#files.remove(`${FOLDER}/${name}`);
      found.push(id);
    }
    return found;
  }

  /** Before the end: what nobody wrote to needs no look at the next start. */
  stop(): void {
    for (const [name, { seen }] of this.#kept) {
      const facts = this.#files.facts(name);
      if (facts && isUntouched(seen, facts)) this.#files.remove(name);
    }
    this.#kept.clear();
  }
}

function mtimeOf({ look }: Observation): string {
  return look.split(':')[1]!;
}

/** Renaming and linking set the time of change; writing, also that of the content. */
export function isUntouched(seen: Observation, facts: FileFacts): boolean {
  const [size, mtime] = seen.look.split(':');
  return facts.inode === seen.inode && size === String(facts.size) && mtime === String(facts.mtimeNs);
}
