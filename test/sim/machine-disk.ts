/**
 * The disk of one machine: documents, packs and whatever else goes through the ports lie on a simulated one, SQLite's
 * files (told by their names) on a real one under the same paths, for SQLite reads no other. What the ports say of
 * those is virtual too: inodes are counted, and a file's time is when it was first seen changed.
 */
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { realFileBytes } from '../../src/platform/file-bytes.ts';
import type { FileBytes, FileFacts, Files, FolderEntry, OpenFile } from '../../src/platform/ports.ts';
import { asStorageFailure } from '../../src/platform/storage-failure.ts';
import { type DiskOptions, failure, type Inode, SimDisk } from './disk.ts';
import { SimBytes, SimFiles } from './disk-files.ts';
import { closeBelow } from './open-stores.ts';

const STORE = /(?:\.db(?:[-.][^/]*)?|\/\.tieout\/lock[^/]*)$/;

/** Is it one of SQLite's files? */
export function isStore(path: string): boolean {
  return STORE.test(path);
}

type Seen = { readonly inode: string; readonly sum: number; readonly ns: bigint };
export type Kept = {
  readonly real: string;
  readonly virtual: Tree | undefined;
  /** Of SQLite's files, by path: what the ports said of them. */
  readonly seen: ReadonlyMap<string, Seen>;
};
type Tree = {
  readonly kind: Inode['kind'];
  readonly number: number;
  readonly mtimeNs: bigint;
  readonly bytes: Buffer;
  readonly below: readonly [string, Tree][];
};
/** As from a backup program (new files with the old times), or as of a whole volume (the very same files). */
export type Restoring = 'files' | 'volume';

export class MachineDisk {
  readonly disk: SimDisk;
  /** Native: where this machine's files lie. */
  readonly folder: string;
  readonly bytes: FileBytes;
  readonly #virtual: SimBytes;
  readonly #seen = new Map<string, Seen>();
  readonly #inodes = new Map<string, string>();
  /** Writes to anything at all; what changes SQLite's files is found by their sums. */
  writes = 0;

  constructor(folder: string, options: DiskOptions) {
    this.folder = folder;
    this.disk = new SimDisk(options);
    this.#virtual = new SimBytes(this.disk);
    this.bytes = this.#both();
    this.disk.watchers.add(() => {
      this.writes += 1;
    });
    this.bytes.makeFolder(folder);
  }

  files(root: string): Files {
    return new MachineFiles(this, new SimFiles(this.disk, root));
  }

  /** What a person's own program does, and the world when it looks, does not meet the faults that are meant for us. */
  withoutFaults<T>(act: () => T): T {
    const { fault } = this.disk;
    this.disk.fault = () => undefined;
    try {
      return act();
    } finally {
      this.disk.fault = fault;
    }
  }

  /** The power goes: nothing is closed in order, and what was not durable is as chance has it. */
  crash(share: number, chance: () => number): void {
    closeBelow(this.folder);
    this.disk.crash(share, chance);
    // SQLite's files are real ones, and stay where they are: so do the folders that they are in.
    for (const path of this.#storesBelow(this.folder)) this.bytes.makeFolder(path.slice(0, path.lastIndexOf('/')));
  }

  /** A backup of a folder with all that is in it. `to`: a place outside of every machine. */
  keep(folder: string, to: string): Kept {
    rmSync(to, { recursive: true, force: true });
    cpSync(folder, to, { recursive: true });
    const seen = new Map<string, Seen>();
    for (const path of this.#storesBelow(folder)) {
      this.storeFacts(path);
      seen.set(path, this.#seen.get(path) as Seen);
    }
    return { real: to, virtual: treeOf(this.disk.inode(folder)), seen };
  }

  restore(folder: string, { real, virtual, seen }: Kept, how: Restoring = 'files'): void {
    closeBelow(folder);
    for (const path of this.#storesBelow(folder)) this.#seen.delete(path);
    rmSync(folder, { recursive: true, force: true });
    cpSync(real, folder, { recursive: true });
    if (how === 'volume') {
      for (const [path, facts] of seen) {
        const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
        if (stats) this.#inodes.set(String(stats.ino), facts.inode);
        this.#seen.set(path, facts);
      }
    }
    this.disk.put(folder, undefined);
    if (virtual) grow(this.disk, folder, virtual, how);
    this.disk.syncAll();
  }

  *#storesBelow(folder: string): Generator<string> {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) yield* this.#storesBelow(path);
      else if (isStore(path)) yield path;
    }
  }

  storeFacts(path: string): FileFacts | undefined {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) return undefined;
    const bytes = readFileSync(path);
    const inode = this.#numberOf(stats.ino);
    const sum = crc32(bytes);
    const known = this.#seen.get(path);
    const same = known?.inode === inode && known.sum === sum;
    const seen = same ? known : { inode, sum, ns: this.disk.now() };
    this.#seen.set(path, seen);
    return { kind: 'file', size: bytes.length, mtimeNs: seen.ns, changedNs: seen.ns, inode, device: '1' };
  }

  /** The same for who mostly asks which file it is: it is only read when its size or time is looked at. */
  storeIdentity(path: string): FileFacts | undefined {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) return undefined;
    let known: FileFacts | undefined;
    const facts = (): FileFacts => {
      known ??= this.storeFacts(path) ?? fail('ENOENT');
      return known;
    };
    return {
      kind: 'file',
      inode: this.#numberOf(stats.ino),
      device: '1',
      get size() {
        return facts().size;
      },
      get mtimeNs() {
        return facts().mtimeNs;
      },
      get changedNs() {
        return facts().changedNs;
      },
    };
  }

  #numberOf(real: bigint): string {
    const inode = this.#inodes.get(String(real)) ?? String(1_000_000 + this.#inodes.size);
    this.#inodes.set(String(real), inode);
    return inode;
  }

  storesIn(folder: string): string[] {
    try {
      return readdirSync(folder)
        .filter((name) => isStore(`${folder}/${name}`))
        .sort();
    } catch {
      return [];
    }
  }

  #both(): FileBytes {
    const virtual = this.#virtual;
    return {
      open: (path, purpose) => (isStore(path) ? this.#openStore(path, purpose) : virtual.open(path, purpose)),
      list: (folder) => [...virtual.list(folder), ...this.storesIn(folder)],
      makeFolder: (folder) => {
        mkdirSync(folder, { recursive: true });
        virtual.makeFolder(folder);
      },
      rename: (from, to) => {
        if (!isStore(from)) return virtual.rename(from, to);
        this.disk.check('rename', from);
        if (this.disk.held.has(from) || this.disk.held.has(to)) throw failure('EBUSY');
        renameSync(from, to);
        this.disk.tell(from);
        this.disk.tell(to);
      },
      remove: (path) => {
        if (!isStore(path)) return virtual.remove(path);
        this.disk.check('remove', path);
        rmSync(path, { force: true });
        this.disk.tell(path);
      },
      syncFolder: (folder) => virtual.syncFolder(folder),
    };
  }

  #openStore(path: string, purpose: 'read' | 'create' | 'extend'): OpenFile {
    this.disk.check('open', path);
    const file = realFileBytes.open(path, purpose);
    const changed = (): void => {
      this.disk.check('write', path);
      this.disk.tell(path);
    };
    return {
      facts: () => this.storeFacts(path) ?? fail('ENOENT'),
      read: (into, position) => file.read(into, position),
      write: (bytes, position) => {
        changed();
        file.write(bytes, position);
      },
      writeAll: (parts, position) => {
        changed();
        file.writeAll(parts, position);
      },
      truncate: (size) => {
        changed();
        file.truncate(size);
      },
      setModified: () => {},
      sync: () => this.disk.check('sync', path),
      close: () => file.close(),
    };
  }
}

/** Where both disks meet in one tree. */
class MachineFiles implements Files {
  readonly #machine: MachineDisk;
  readonly #virtual: SimFiles;

  constructor(machine: MachineDisk, virtual: SimFiles) {
    this.#machine = machine;
    this.#virtual = virtual;
    mkdirSync(virtual.native(''), { recursive: true });
  }

  native(path: string): string {
    return this.#virtual.native(path);
  }

  facts(path: string): FileFacts | undefined {
    const native = this.native(path);
    return isStore(native) ? this.#machine.storeFacts(native) : this.#virtual.facts(path);
  }

  list(folder: string): readonly FolderEntry[] | undefined {
    const virtual = this.#virtual.list(folder);
    if (virtual === undefined) return undefined;
    const native = this.native(folder);
    const stores = this.#machine.storesIn(native);
    return [...virtual, ...stores.map((name) => ({ name, facts: this.#machine.storeFacts(`${native}/${name}`) }))];
  }

  open(path: string, purpose: 'read' | 'create'): ReturnType<Files['open']> {
    if (!isStore(this.native(path))) return this.#virtual.open(path, purpose);
    return outcome<OpenFile, 'missing' | 'exists' | 'busy'>(() => this.#machine.bytes.open(this.native(path), purpose));
  }

  makeFolder(path: string): 'made' | 'there' | 'blocked' {
    const made = this.#virtual.makeFolder(path);
    if (made !== 'blocked') mkdirSync(this.native(path), { recursive: true });
    return made;
  }

  rename(from: string, to: string): ReturnType<Files['rename']> {
    if (!isStore(this.native(from))) return this.#virtual.rename(from, to);
    return outcome(() => this.#machine.bytes.rename(this.native(from), this.native(to))) ?? 'done';
  }

  link(from: string, to: string): ReturnType<Files['link']> {
    return isStore(this.native(from)) ? 'unable' : this.#virtual.link(from, to);
  }

  remove(path: string): ReturnType<Files['remove']> {
    if (!isStore(this.native(path))) return this.#virtual.remove(path);
    if (this.facts(path) === undefined) return 'missing';
    return outcome(() => this.#machine.bytes.remove(this.native(path))) ?? 'done';
  }

  removeFolder(path: string): ReturnType<Files['removeFolder']> {
    if (this.#machine.storesIn(this.native(path)).length > 0) return 'not-empty';
    const removed = this.#virtual.removeFolder(path);
    if (removed === 'done') rmSync(this.native(path), { recursive: true, force: true });
    return removed;
  }

  copyMode(from: string, to: string): void {
    if (!isStore(this.native(from))) this.#virtual.copyMode();
    void to;
  }

  sync(path: string): Promise<void> {
    return this.#virtual.sync(path);
  }

  syncFolder(folder: string): Promise<void> {
    return this.#virtual.syncFolder(folder);
  }

  flush(): Promise<void> {
    return this.#virtual.flush();
  }

  freeBytes(): number {
    return this.#virtual.freeBytes();
  }
}

function outcome<T, Told extends string>(act: () => T): T | Told {
  try {
    return act();
  } catch (error) {
    const { code } = error as { code?: string };
    const told = code === 'ENOENT' ? 'missing' : code === 'EEXIST' ? 'exists' : code === 'EBUSY' ? 'busy' : undefined;
    if (told === undefined) throw asStorageFailure(error, 'The simulated disk failed');
    return told as Told;
  }
}

function fail(code: string): never {
  throw failure(code);
}

function treeOf(inode: Inode | undefined): Tree | undefined {
  if (inode === undefined) return undefined;
  const below = [...inode.entries.values()].map(({ name, inode: each }) => [name, treeOf(each)!] as [string, Tree]);
  return { kind: inode.kind, number: inode.number, mtimeNs: inode.mtimeNs, bytes: Buffer.from(inode.bytes), below };
}

function grow(disk: SimDisk, path: string, { kind, number, mtimeNs, bytes, below }: Tree, how: Restoring): void {
  const inode = disk.create(path, kind, how === 'volume' ? number : undefined);
  inode.bytes = Buffer.from(bytes);
  for (const [name, each] of below) grow(disk, `${path}/${name}`, each, how);
  inode.mtimeNs = mtimeNs;
}

/** One of SQLite's files as it is now, with its log: to be put back after a power cut that loses what came after. */
export type StoreState = {
  readonly path: string;
  readonly inode: bigint;
  readonly main: Buffer;
  readonly wal: Buffer | undefined;
};

export function storeState(path: string): StoreState | undefined {
  const read = (name: string): Buffer | undefined => {
    try {
      return readFileSync(name);
    } catch {
      return undefined;
    }
  };
  const main = read(path);
  return main && { path, inode: lstatSync(path, { bigint: true }).ino, main, wal: read(`${path}-wal`) };
}

/** Where that very file still lies. */
export function putBack({ path, inode, main, wal }: StoreState): void {
  if (lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino !== inode) return;
  for (const companion of ['-wal', '-shm', '-journal']) rmSync(path + companion, { force: true });
  writeFileSync(path, main);
  if (wal) writeFileSync(`${path}-wal`, wal);
}
