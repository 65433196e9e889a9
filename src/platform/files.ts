/**
 * The real `Files`: one copy's folder on a POSIX or Windows disk. Native paths are put together here and nowhere above;
 * Node itself gives Windows the long form of a path (`\\?\`), so nothing needs to be short.
 */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statfsSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { open as openAsync } from 'node:fs/promises';
import { join } from 'node:path';
import { factsOf, realFileBytes } from './file-bytes.ts';
import type { FileFacts, Files, FolderEntry, OpenFile } from './ports.ts';
import { asStorageFailure } from './storage-failure.ts';

type Outcome = 'missing' | 'exists' | 'busy' | 'blocked' | 'not-empty' | 'unable';

const windows = process.platform === 'win32';

/** What Windows says while another program holds the file; elsewhere these are about rights, and thrown. */
const HELD = new Set(windows ? ['EBUSY', 'EPERM', 'EACCES', 'ETXTBSY'] : ['EBUSY', 'ETXTBSY']);
/** Virus scanners and indexers hold a new file for some milliseconds. */
const TRIES = 4;
const PAUSE_MS = 5;
/** Files being made durable at once, where there is no call for all. */
const SYNCING = 16;

export class RealFiles implements Files {
  readonly root: string;
  readonly #system: { readonly windows: boolean; readonly rename: typeof renameSync };

  /** `root`: native and absolute. */
  constructor(root: string, system = { windows, rename: renameSync }) {
    this.root = root;
    this.#system = system;
  }

  native(path: string): string {
    if (path === '') return this.root;
    return windows ? join(this.root, ...path.split('/')) : `${this.root}/${path}`;
  }

  facts(path: string): FileFacts | undefined {
    try {
      const stats = lstatSync(this.native(path), { bigint: true, throwIfNoEntry: false });
      return stats && factsOf(stats);
    } catch (error) {
      // A folder on the way is a file now; a name is too long for this disk.
      if (['ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(codeOf(error))) return undefined;
      throw asStorageFailure(error, 'Cannot look at it', path);
    }
  }

  list(folder: string): readonly FolderEntry[] | undefined {
    const native = this.native(folder);
    try {
      // Under a link lies what belongs to somebody else.
      if (folder !== '' && this.facts(folder)?.kind !== 'folder') return undefined;
      const prefix = native.endsWith('/') ? native : `${native}/`;
      return readdirSync(native).map((name) => ({ name, facts: entryFacts(prefix + name) }));
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined;
      throw asStorageFailure(error, 'Cannot list the folder', folder);
    }
  }

  open(path: string, purpose: 'read' | 'create'): OpenFile | 'missing' | 'exists' | 'busy' | 'blocked' {
    if (this.#blocked(path)) return 'blocked';
    return this.#attempt('Cannot open it', path, ['missing', 'exists', 'busy', 'blocked'], () =>
      realFileBytes.open(this.native(path), purpose),
    );
  }

  makeFolder(path: string): 'made' | 'there' | 'blocked' {
    if (path === '') return 'there';
    const known = this.facts(path);
    if (known) return known.kind === 'folder' && !this.#blocked(path) ? 'there' : 'blocked';
    const above = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    if (this.makeFolder(above) === 'blocked') return 'blocked';
    const made = this.#attempt('Cannot make the folder', path, ['exists', 'blocked'], () =>
      mkdirSync(this.native(path)),
    );
    if (made === 'exists') return this.facts(path)?.kind === 'folder' ? 'there' : 'blocked';
    return made === 'blocked' ? 'blocked' : 'made';
  }

  rename(from: string, to: string): 'done' | 'missing' | 'exists' | 'busy' | 'blocked' {
    if (this.#blocked(from) || this.#blocked(to)) return 'blocked';
    const renamed = this.#attempt('Cannot rename it', from, ['missing', 'exists', 'busy', 'blocked', 'not-empty'], () =>
      this.#rename(this.native(from), this.native(to)),
    );
    // What stands in the way at `to` is a folder: the way itself was looked at.
    return renamed === 'not-empty' || renamed === 'blocked' ? 'exists' : (renamed ?? 'done');
  }

  /** Windows refuses to replace what is marked read-only, and says the same as of a file that is held. */
  #rename(from: string, to: string): void {
    const { windows, rename } = this.#system;
    const there = windows ? lstatSync(to, { throwIfNoEntry: false }) : undefined;
    if (!there?.isFile() || (there.mode & 0o200) !== 0) return rename(from, to);
    chmodSync(to, 0o666);
    try {
      rename(from, to);
    } finally {
      // Whatever lies there now: a mark that a person has set stays.
      chmodSync(to, 0o444);
    }
  }

  link(from: string, to: string): 'done' | 'missing' | 'exists' | 'unable' {
    if (this.#blocked(from) || this.#blocked(to)) return 'unable';
    try {
      linkSync(this.native(from), this.native(to));
      return 'done';
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT') return 'missing';
      if (code === 'EEXIST') return 'exists';
      if (['ENOSPC', 'EROFS', 'EIO'].includes(code)) throw asStorageFailure(error, 'Cannot link it', from);
      return 'unable';
    }
  }

  remove(path: string): 'done' | 'missing' | 'busy' | 'blocked' {
    if (this.#blocked(path) || this.facts(path)?.kind === 'folder') return 'blocked';
    return (
      this.#attempt('Cannot delete it', path, ['missing', 'busy', 'blocked'], () => unlinkSync(this.native(path))) ??
      'done'
    );
  }

  removeFolder(path: string): 'done' | 'missing' | 'not-empty' | 'busy' | 'blocked' {
    if (this.#blocked(path)) return 'blocked';
    const outcomes = ['missing', 'not-empty', 'busy', 'blocked', 'exists'] as const;
    const removed = this.#attempt('Cannot delete the folder', path, outcomes, () => rmdirSync(this.native(path)));
    return removed === 'exists' ? 'not-empty' : (removed ?? 'done');
  }

  copyMode(from: string, to: string): void {
    if (windows) return;
    try {
      chmodSync(this.native(to), statSync(this.native(from)).mode & 0o7777);
    } catch {
      // The file gets the rights of a new one: nothing is lost by it.
    }
  }

  async sync(path: string): Promise<void> {
    if (this.facts(path)?.kind === 'file') await syncNative(this.native(path));
  }

  async syncFolder(folder: string): Promise<void> {
    // Windows cannot open a folder; NTFS journals its names by itself.
    if (!windows) await syncNative(this.native(folder));
  }

  async flush(paths: readonly string[]): Promise<void> {
    if (process.platform === 'linux' && (await syncFileSystem(this.root))) return;
    const folders = new Set<string>(['']);
    for (const path of paths) {
      for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) folders.add(path.slice(0, at));
    }
    const left = [
      ...paths.map((path) => this.native(path)),
      ...(windows ? [] : [...folders].map((path) => this.native(path))),
    ];
    const work = async () => {
      for (let path = left.pop(); path !== undefined; path = left.pop()) await syncNative(path);
    };
    await Promise.all(Array.from({ length: SYNCING }, work));
  }

  freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.root);
    return bavail * bsize;
  }

  /** RACE: a folder that becomes a link after this and before the act is followed; its owner does that to themselves. */
  #blocked(path: string): boolean {
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      const stats = lstatSync(this.native(path.slice(0, at)), { throwIfNoEntry: false });
      if (stats === undefined) return false;
      if (!stats.isDirectory()) return true;
    }
    return false;
  }

  #attempt<T, O extends Outcome>(what: string, path: string, expected: readonly O[], act: () => T): T | O {
    for (let tries = 1; ; tries++) {
      try {
        return act();
      } catch (error) {
        const outcome = outcomeOf(error) as O | undefined;
        if (outcome === undefined || !expected.includes(outcome)) throw asStorageFailure(error, what, path);
        if (outcome !== 'busy' || tries === TRIES) return outcome;
        pause(PAUSE_MS);
      }
    }
  }
}

/** What lies in a folder, one look each; undefined when it vanished meanwhile or cannot be looked at. */
function entryFacts(native: string): FileFacts | undefined {
  try {
    const stats = lstatSync(native, { bigint: true, throwIfNoEntry: false });
    return stats && factsOf(stats);
  } catch {
    return undefined;
  }
}

function outcomeOf(error: unknown): Outcome | undefined {
  const code = codeOf(error);
  if (HELD.has(code)) return 'busy';
  if (code === 'ENOENT') return 'missing';
  if (code === 'EEXIST') return 'exists';
  if (code === 'ENOTEMPTY') return 'not-empty';
  if (code === 'ENOTDIR' || code === 'EISDIR' || code === 'ELOOP') return 'blocked';
  return undefined;
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? '');
}

const waiting = new Int32Array(new SharedArrayBuffer(4));
function pause(ms: number): void {
  Atomics.wait(waiting, 0, 0, ms);
}

async function syncNative(path: string): Promise<void> {
  let file: Awaited<ReturnType<typeof openAsync>> | undefined;
  try {
    file = await openAsync(path, windows ? 'r+' : 'r');
    await file.sync();
  } catch (error) {
    // Gone again: there is nothing to keep. Held, or not ours to write (Windows asks for that): its program sees to it.
    if (codeOf(error) !== 'ENOENT' && !HELD.has(codeOf(error)))
      throw asStorageFailure(error, 'Cannot make it durable', path);
  } finally {
    await file?.close();
  }
}

/** One call for everything on that disk (`sync -f`); false where the command is not there. */
function syncFileSystem(folder: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('sync', ['-f', folder], { windowsHide: true }, (error) => resolve(error === null));
  });
}
