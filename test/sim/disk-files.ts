/** The simulated twins of `FileBytes`, `Files` and `Watcher`, on a `SimDisk`. Native paths begin with '/'. */
import type { Clock, FileBytes, FileFacts, Files, FolderEntry, OpenFile, Watcher } from '../../src/platform/ports.ts';
import { asStorageFailure } from '../../src/platform/storage-failure.ts';
import { failure, type Inode, parts, type SimDisk } from './disk.ts';

export function factsOf(inode: Inode): FileFacts {
  return {
    kind: inode.kind,
    size: inode.bytes.length,
    mtimeNs: inode.mtimeNs,
    changedNs: inode.changedNs,
    inode: String(inode.number),
    device: String(inode.device),
  };
}

export class SimBytes implements FileBytes {
  readonly #disk: SimDisk;

  constructor(disk: SimDisk) {
    this.#disk = disk;
  }

  open(path: string, purpose: 'read' | 'create' | 'extend'): OpenFile {
    this.#disk.check('open', path);
    const there = this.#disk.inode(path);
    if (there && purpose === 'create') throw failure('EEXIST');
    if (there?.kind === 'link') throw failure('ELOOP');
    if (there && there.kind !== 'file') throw failure('EISDIR');
    if (!there && purpose === 'read') throw failure('ENOENT');
    return new SimOpenFile(this.#disk, path, there ?? this.#disk.create(path, 'file'));
  }

  list(folder: string): string[] {
    return [...(this.#disk.inode(folder)?.entries.values() ?? [])].map(({ name }) => name);
  }

  makeFolder(folder: string): void {
    let at = '';
    for (const part of parts(folder)) {
      at += `/${part}`;
      if (this.#disk.inode(at) === undefined) this.#disk.create(at, 'folder');
    }
  }

  rename(from: string, to: string): void {
    this.#disk.check('rename', from);
    const inode = this.#disk.inode(from);
    if (inode === undefined) throw failure('ENOENT');
    const there = this.#disk.inode(to);
    if (there === inode && from === to) return;
    if (there && there !== inode && there.kind === 'folder') throw failure('EISDIR');
    if (this.#disk.held.has(from) || this.#disk.held.has(to)) throw failure('EBUSY');
    this.#disk.put(from, undefined);
    this.#disk.put(to, inode);
    inode.changedNs = this.#disk.now();
  }

  remove(path: string): void {
    this.#disk.check('remove', path);
    if (this.#disk.held.has(path)) throw failure('EBUSY');
    if (this.#disk.inode(path) !== undefined) this.#disk.put(path, undefined);
  }

  syncFolder(folder: string): void {
    this.#disk.check('sync', folder);
    this.#disk.syncNames();
  }
}

class SimOpenFile implements OpenFile {
  readonly #disk: SimDisk;
  readonly #path: string;
  readonly #inode: Inode;

  constructor(disk: SimDisk, path: string, inode: Inode) {
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
  }

  facts(): FileFacts {
    return factsOf(this.#inode);
  }

  read(into: Uint8Array, position: number): number {
    const there = this.#inode.bytes.subarray(position, position + into.length);
    into.set(there);
    return there.length;
  }

  write(bytes: Uint8Array, position: number): void {
    this.#disk.check('write', this.#path);
    const size = Math.max(this.#inode.bytes.length, position + bytes.length);
    const next = Buffer.alloc(size);
    this.#inode.bytes.copy(next);
    next.set(bytes, position);
    this.#changed(next);
  }

  writeAll(parts: readonly Uint8Array[], position: number): void {
    this.write(Buffer.concat(parts), position);
  }

  truncate(size: number): void {
    this.#disk.check('write', this.#path);
    const next = Buffer.alloc(size);
    this.#inode.bytes.copy(next, 0, 0, Math.min(size, this.#inode.bytes.length));
    this.#changed(next);
  }

  setModified(mtimeNs: bigint): void {
    this.#inode.mtimeNs = mtimeNs;
    this.#inode.changedNs = this.#disk.now();
  }

  sync(): void {
    this.#disk.check('sync', this.#path);
    this.#inode.durable = Buffer.from(this.#inode.bytes);
  }

  close(): void {}

  #changed(bytes: Buffer): void {
    this.#inode.bytes = bytes;
    this.#inode.mtimeNs = this.#inode.changedNs = this.#disk.now();
    this.#disk.tell(this.#path);
  }
}

/** `root` is made when it is not there. */
export class SimFiles implements Files {
  readonly #disk: SimDisk;
  readonly #bytes: SimBytes;
  readonly #root: string;

  constructor(disk: SimDisk, root: string) {
    this.#disk = disk;
    this.#bytes = new SimBytes(disk);
    this.#root = root;
    this.#bytes.makeFolder(root);
  }

  native(path: string): string {
    return path === '' ? this.#root : `${this.#root}/${path}`;
  }

  facts(path: string): FileFacts | undefined {
    this.#try(() => this.#disk.check('facts', path));
    const inode = this.#disk.inode(this.native(path));
    return inode && factsOf(inode);
  }

  list(folder: string): readonly FolderEntry[] | undefined {
    this.#try(() => this.#disk.check('list', folder));
    const inode = this.#disk.inode(this.native(folder));
    if (inode?.kind !== 'folder') return undefined;
    return [...inode.entries.values()].map(({ name, inode: below }) => ({ name, facts: factsOf(below) }));
  }

  open(path: string, purpose: 'read' | 'create'): OpenFile | 'missing' | 'exists' | 'busy' | 'blocked' {
    if (this.#blocked(path)) return 'blocked';
    return this.#try(() => this.#bytes.open(this.native(path), purpose)) as OpenFile;
  }

  makeFolder(path: string): 'made' | 'there' | 'blocked' {
    if (path === '') return 'there';
    if (this.#blocked(path)) return 'blocked';
    const known = this.facts(path);
    if (known) return known.kind === 'folder' ? 'there' : 'blocked';
    if (path.includes('/') && this.makeFolder(path.slice(0, path.lastIndexOf('/'))) === 'blocked') return 'blocked';
    this.#try(() => {
      this.#disk.check('mkdir', path);
      this.#disk.create(this.native(path), 'folder');
    });
    return 'made';
  }

  rename(from: string, to: string) {
    if (this.#blocked(from) || this.#blocked(to)) return 'blocked';
    const outcome = this.#try(() => this.#bytes.rename(this.native(from), this.native(to)));
    if (outcome === 'blocked') return 'exists';
    return (outcome ?? 'done') as 'done' | 'missing' | 'exists' | 'busy';
  }

  link(from: string, to: string): 'done' | 'missing' | 'exists' | 'unable' {
    const inode = this.#disk.inode(this.native(from));
    if (inode === undefined) return 'missing';
    if (this.#disk.inode(this.native(to))) return 'exists';
    this.#try(() => {
      this.#disk.check('link', from);
      this.#disk.put(this.native(to), inode);
    });
    inode.changedNs = this.#disk.now();
    return 'done';
  }

  remove(path: string): 'done' | 'missing' | 'busy' | 'blocked' {
    const known = this.facts(path);
    if (this.#blocked(path) || known?.kind === 'folder') return 'blocked';
    if (known === undefined) return 'missing';
    return (this.#try(() => this.#bytes.remove(this.native(path))) ?? 'done') as 'done' | 'busy';
  }

  removeFolder(path: string): 'done' | 'missing' | 'not-empty' | 'busy' | 'blocked' {
    const inode = this.#disk.inode(this.native(path));
    if (inode === undefined) return 'missing';
    if (this.#blocked(path) || inode.kind !== 'folder') return 'blocked';
    if (inode.entries.size > 0) return 'not-empty';
    return (this.#try(() => this.#bytes.remove(this.native(path))) ?? 'done') as 'done' | 'busy';
  }

  copyMode(): void {}

  async sync(path: string): Promise<void> {
    const inode = this.#disk.inode(this.native(path));
    if (inode?.kind !== 'file') return;
    this.#try(() => this.#disk.check('sync', path));
    inode.durable = Buffer.from(inode.bytes);
  }

  async syncFolder(folder: string): Promise<void> {
    this.#try(() => this.#bytes.syncFolder(this.native(folder)));
  }

  async flush(): Promise<void> {
    this.#try(() => this.#disk.check('sync', this.#root));
    this.#disk.syncAll();
  }

  freeBytes(): number {
    return 2 ** 40;
  }

  #blocked(path: string): boolean {
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      const inode = this.#disk.inode(this.native(path.slice(0, at)));
      if (inode === undefined) return false;
      if (inode.kind !== 'folder') return true;
    }
    return false;
  }

  #try<T>(act: () => T): T | string {
    try {
      return act();
    } catch (error) {
      const outcome = OUTCOMES[String((error as { code?: string }).code)];
      if (outcome !== undefined) return outcome;
      throw asStorageFailure(error, 'The simulated disk failed');
    }
  }
}

const OUTCOMES: Record<string, string> = {
  ENOENT: 'missing',
  EEXIST: 'exists',
  EBUSY: 'busy',
  ELOOP: 'blocked',
  ENOTDIR: 'blocked',
  EISDIR: 'blocked',
};

/** Hints arrive in a later turn; `drops` decides which never do. */
export function simWatcher(disk: SimDisk, clock: Clock, drops: () => boolean = () => false): Watcher {
  return {
    watch(root, events) {
      let ended = false;
      const see = (path: string) => {
        const inside = path.startsWith(`${root}/`) && !path.startsWith(`${root}/.tieout`);
        if (!inside || drops()) return;
        clock.after(0, () => {
          if (!ended) events.hint(path.slice(root.length + 1));
        });
      };
      disk.watchers.add(see);
      return () => {
        ended = true;
        disk.watchers.delete(see);
      };
    },
  };
}
