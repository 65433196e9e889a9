/**
 * A disk in memory, with what real ones do: inodes, times of a coarse clock, hard links and symbolic links, names that
 * mind case or do not, programs that hold a file, calls that fail, and a power cut that loses what was not synced.
 * Names come back in the order in which they were made (a journal), contents only as they were last synced.
 */
import { foldPath } from '../../src/core/paths.ts';

export type Inode = {
  readonly number: number;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  bytes: Buffer;
  /** The content that survives a power cut. */
  durable: Buffer;
  mtimeNs: bigint;
  changedNs: bigint;
  readonly entries: Map<string, { name: string; inode: Inode }>;
  /** Where a link points. */
  target: string;
  device: number;
};

export type DiskCall = 'open' | 'write' | 'sync' | 'rename' | 'remove' | 'mkdir' | 'link' | 'list' | 'facts';

export type DiskOptions = {
  readonly ignoreCase?: boolean;
  /** Nanoseconds since 1970. */
  readonly now?: () => bigint;
  /** Times are cut to this: 4 ms on many Linux kernels, 2 s on FAT. */
  readonly tickNs?: bigint;
};

export class SimDisk {
  readonly options: DiskOptions;
  readonly top: Inode;
  /** Asked before each call; the code to fail with. */
  fault: (call: DiskCall, path: string) => string | undefined = () => undefined;
  /** Folded paths that a program holds against being replaced or deleted (Windows). */
  readonly held = new Set<string>();
  /** Told of everything that happens to a path. */
  readonly watchers = new Set<(path: string) => void>();
  /** How to undo what names went through since the last sync, oldest first. */
  #journal: (() => void)[] = [];
  #numbers = 1;
  #time = 1_700_000_000_000_000_000n;

  constructor(options: DiskOptions = {}) {
    this.options = options;
    this.top = this.#inode('folder');
  }

  now(): bigint {
    this.#time += 1_000_000n;
    const now = this.options.now?.() ?? this.#time;
    const tick = this.options.tickNs ?? 1n;
    return now - (now % tick);
  }

  inode(path: string): Inode | undefined {
    let at: Inode | undefined = this.top;
    for (const part of parts(path)) {
      if (at?.kind !== 'folder') return undefined;
      at = at.entries.get(this.key(part))?.inode;
    }
    return at;
  }

  /** Puts a name into its folder (made before), or takes it out. */
  put(path: string, inode: Inode | undefined): void {
    const names = parts(path);
    const name = names.pop();
    if (name === undefined) throw failure('EINVAL');
    const folder = this.inode(`/${names.join('/')}`);
    if (folder === undefined) throw failure('ENOENT');
    if (folder.kind !== 'folder') throw failure('ENOTDIR');
    const before = folder.entries.get(this.key(name));
    if (inode) folder.entries.set(this.key(name), { name, inode });
    else folder.entries.delete(this.key(name));
    this.#journal.push(() => {
      if (before) folder.entries.set(this.key(name), before);
      else folder.entries.delete(this.key(name));
    });
    folder.mtimeNs = folder.changedNs = this.now();
    this.tell(path);
  }

  /** `number`: of what was there before, where a whole volume is put back. */
  create(path: string, kind: Inode['kind'], number?: number): Inode {
    const inode = this.#inode(kind, number);
    this.put(path, inode);
    return inode;
  }

  tell(path: string): void {
    for (const watcher of this.watchers) watcher(path);
  }

  key(name: string): string {
    return this.options.ignoreCase ? foldPath(name) : name;
  }

  check(call: DiskCall, path: string): void {
    const code = this.fault(call, path);
    if (code !== undefined) throw failure(code);
  }

  /** All names that were made, renamed and removed until now survive. */
  syncNames(): void {
    this.#journal = [];
  }

  /** Everything survives. */
  syncAll(): void {
    this.syncNames();
    for (const inode of this.#all(this.top)) inode.durable = Buffer.from(inode.bytes);
  }

  /**
   * A power cut. `share` (0 to 1) of what names went through is kept, in order. Of unsynced contents nothing is left, a
   * part, all, or zeros as long as they were, as `chance` has it.
   */
  crash(share: number, chance: () => number): void {
    const kept = Math.floor(this.#journal.length * share);
    for (const undo of this.#journal.slice(kept).reverse()) undo();
    this.#journal = [];
    for (const inode of this.#all(this.top)) {
      if (inode.bytes.equals(inode.durable)) continue;
      inode.bytes = afterPowerCut(inode, chance());
      inode.durable = Buffer.from(inode.bytes);
    }
  }

  *#all(inode: Inode): Generator<Inode> {
    yield inode;
    for (const { inode: below } of inode.entries.values()) yield* this.#all(below);
  }

  #inode(kind: Inode['kind'], known?: number): Inode {
    const now = this.now();
    const empty = Buffer.alloc(0);
    const number = known ?? this.#numbers++;
    return {
      number,
      kind,
      bytes: empty,
      durable: empty,
      mtimeNs: now,
      changedNs: now,
      entries: new Map(),
      target: '',
      device: 1,
    };
  }
}

export function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

export function failure(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}

/** Synced bytes do not vanish; what was written behind them may. */
function afterPowerCut({ bytes, durable }: Inode, chance: number): Buffer {
  if (chance < 0.4) return Buffer.from(durable);
  if (chance < 0.6) return Buffer.concat([durable, Buffer.alloc(bytes.length)], Math.max(durable.length, bytes.length));
  if (chance >= 0.8) return bytes;
  const more = Math.max(0, bytes.length - durable.length);
  return Buffer.from(bytes.subarray(0, bytes.length - Math.floor((more * (chance - 0.6)) / 0.2)));
}
