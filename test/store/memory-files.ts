/**
 * `FileBytes` in memory, with what real disks do: a crash that loses what was not synced (or keeps a part of it), and
 * calls that fail.
 */
import type { FileBytes, FileFacts, OpenFile } from '../../src/platform/ports.ts';

type Node = { bytes: Buffer; synced: Buffer; mtimeNs: bigint; inode: number };

export class MemoryFiles implements FileBytes {
  readonly nodes = new Map<string, Node>();
  /** Asked before each call that writes; returns the code to fail with. */
  fault: (call: 'open' | 'write' | 'sync' | 'truncate') => string | undefined = () => undefined;
  #inodes = 1;
  #time = 1n;

  open(path: string, purpose: 'read' | 'create' | 'extend'): OpenFile {
    let node = this.nodes.get(path);
    if (node && purpose === 'create') throw failure('EEXIST');
    if (!node) {
      if (purpose === 'read') throw failure('ENOENT');
      this.#mayFail('open');
      node = { bytes: Buffer.alloc(0), synced: Buffer.alloc(0), mtimeNs: this.#time++, inode: this.#inodes++ };
      this.nodes.set(path, node);
    }
    return this.#handle(node);
  }

  list(folder: string): string[] {
    const inside = [...this.nodes.keys()].filter((path) => path.startsWith(`${folder}/`));
    return inside.map((path) => path.slice(folder.length + 1));
  }

  makeFolder(): void {}
  syncFolder(): void {}

  rename(from: string, to: string): void {
    const node = this.nodes.get(from);
    if (!node) throw failure('ENOENT');
    this.nodes.delete(from);
    this.nodes.set(to, node);
  }

  remove(path: string): void {
    this.nodes.delete(path);
  }

  /** A power cut: of what was not synced, the share `kept` (0 to 1) of the bytes is there, and noise behind it. */
  crash(kept: number): void {
    for (const node of this.nodes.values()) {
      const { bytes, synced } = node;
      const share = synced.length + Math.floor(Math.max(0, bytes.length - synced.length) * kept);
      node.bytes = Buffer.from(bytes.subarray(0, share));
      if (share > synced.length) node.bytes.fill(0xee, share - Math.min(20, share - synced.length));
      node.synced = Buffer.from(node.bytes);
    }
  }

  #mayFail(call: Parameters<MemoryFiles['fault']>[0]): void {
    const code = this.fault(call);
    if (code !== undefined) throw failure(code);
  }

  #handle(node: Node): OpenFile {
    const grow = (size: number) => {
      if (size > node.bytes.length) node.bytes = Buffer.concat([node.bytes, Buffer.alloc(size - node.bytes.length)]);
    };
    return {
      facts: (): FileFacts => ({
        kind: 'file',
        size: node.bytes.length,
        mtimeNs: node.mtimeNs,
        changedNs: node.mtimeNs,
        inode: String(node.inode),
        device: '1',
      }),
      read: (into, position) => {
        const there = node.bytes.subarray(position, position + into.length);
        into.set(there);
        return there.length;
      },
      write: (bytes, position) => {
        this.#mayFail('write');
        grow(position + bytes.length);
        node.bytes.set(bytes, position);
        node.mtimeNs = this.#time++;
      },
      truncate: (size) => {
        this.#mayFail('truncate');
        grow(size);
        node.bytes = Buffer.from(node.bytes.subarray(0, size));
        node.mtimeNs = this.#time++;
      },
      setModified: (mtimeNs) => {
        node.mtimeNs = mtimeNs;
      },
      sync: () => {
        this.#mayFail('sync');
        node.synced = Buffer.from(node.bytes);
      },
      close: () => {},
    };
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it`), { code });
}
