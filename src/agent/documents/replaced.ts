/**
 * What is replaced or removed keeps a second name in the sync folder for a while. A program that was still writing to
 * it, and goes on for some seconds, wrote to this and not into nothing: what it wrote becomes a version.
 */
import { SYNC_FOLDER } from '../../core/paths.ts';
import { ProblemError } from '../../core/problem.ts';
import type { DocumentId } from '../../core/registry.ts';
import type { Clock, FileFacts, Files } from '../../platform/ports.ts';
import { lookOf, type Observation } from '../../store/observations.ts';

const FOLDER = `${SYNC_FOLDER}/replaced`;
/** How long a program may go on with a save that began before its file was replaced. */
const KEPT_MS = 10_000;
/** Written to, and quiet since the last look. */
const QUIET_MS = 1000;
const AGAIN_MS = 15_000;

/**
 * `over`: the hash of what the program had in front of it; '' where that is not known any more. Rejects when the save
 * cannot be taken in.
 */
export type LateSave = (document: DocumentId, over: string, native: string) => Promise<void>;

type Kept = { readonly id: DocumentId; readonly seen: Observation; look: string };

export class Replaced {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #lateSave: LateSave;
  readonly #signal: AbortSignal;
  readonly #kept = new Map<string, Kept>();
  /** Names of what was not replaced after all, that a program which holds it keeps from going; and their inodes. */
  readonly #undropped = new Map<string, string>();
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
    const start = `${FOLDER}/${id}-${mtimeOf(seen)}-`;
    for (const [name, inode] of this.#undropped) {
      if (inode !== seen.inode || !name.startsWith(start)) continue;
      this.#undropped.delete(name);
      this.#kept.set(name, { id, seen, look: '' });
      return name;
    }
    const name = `${start}${this.#clock.now()}-${this.#count++}`;
    if (this.#files.link(path, name) === 'done') this.#kept.set(name, { id, seen, look: '' });
    return name;
  }

  /** It stays where it is after all. */
  drop(name: string): void {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    this.#kept.delete(name);
    this.#remove(name, kept.seen.inode);
  }

  /** On Windows none of the names of a file goes while a program holds it under any. */
  #remove(name: string, inode: string): void {
    this.#undropped.delete(name);
    if (this.#files.remove(name) !== 'busy') return;
    this.#undropped.set(name, inode);
    this.#clock.after(AGAIN_MS, () => {
      if (!this.#signal.aborted && this.#undropped.has(name)) this.#remove(name, inode);
    });
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
      this.#again(() => this.#check(name));
    }
  }

  /**
   * What was left when we ended. What is in it is a version already, or is made one; `found` is told whose it was, and
   * its inode. What cannot be taken in is tried again, and the reason is thrown.
   */
  async recover(found: (document: DocumentId, inode: string) => void): Promise<void> {
    const left = this.#files.list(FOLDER) ?? [];
    for (const { name, facts } of left) if (facts) found(idOf(name), facts.inode);
    const names = left.map(({ name }) => name);
    const failures: unknown[] = [];
    for (const name of names) await this.#takeLeft(name).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  async #takeLeft(name: string): Promise<void> {
    const path = `${FOLDER}/${name}`;
    try {
      const facts = this.#files.facts(path);
      // Only what was written to later: what a power cut may have left of it otherwise is nobody's save.
      const isWritten = facts && String(facts.mtimeNs) !== name.split('-')[1];
      if (isWritten) await this.#lateSave(idOf(name), '', this.#files.native(path));
      this.#files.remove(path);
    } catch (error) {
      this.#again(() => this.#takeLeft(name));
      throw error;
    }
  }

  /** The disk or the store failed: in a while, or, if we end before, when we start again. */
  #again(act: () => Promise<void>): void {
    this.#clock.after(AGAIN_MS, () => {
      if (!this.#signal.aborted) act().catch(() => {});
    });
  }

  /** Before the end: what nobody wrote to needs no look at the next start, unless the disk does not let it go. */
  stop(): void {
    for (const [name, { seen }] of this.#kept) {
      try {
        const facts = this.#files.facts(name);
        if (facts && isUntouched(seen, facts)) this.#files.remove(name);
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
      }
    }
    this.#kept.clear();
  }
}

function idOf(name: string): DocumentId {
  return name.split('-')[0]!;
}

function mtimeOf({ look }: Observation): string {
  return look.split(':')[1]!;
}

/** Renaming and linking set the time of change; writing, also that of the content. */
export function isUntouched(seen: Observation, facts: FileFacts): boolean {
  const [size, mtime] = seen.look.split(':');
  return facts.inode === seen.inode && size === String(facts.size) && mtime === String(facts.mtimeNs);
}
