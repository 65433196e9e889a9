/**
 * The ports to the outside world. Everything above `platform` sees time, chance, disk and network only through
 * these, so that the seeded world of the tests can run the shipping code on virtual ones.
 */
import type { Problem } from '../core/problem.ts';

/** Time. `now` is wall-clock milliseconds since 1970 (may jump); `monotonic` is milliseconds that never go back. */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Calls `run` once after `ms`; the returned function cancels it. Timers never keep a process alive. */
  after(ms: number, run: () => void): () => void;
}

/** Chance: ids, nonces, jitter. */
export interface Random {
  bytes(count: number): Uint8Array;
  /** A number in [0, 1). */
  fraction(): number;
}

/** Who is at the other end, proved by the certificate of the TLS session (never by what the peer says). */
export interface PeerIdentity {
  /** sha256 of the certificate's public key (SPKI, DER), 64 hex characters. */
  readonly device: string;
  readonly user: string;
  readonly deviceName: string;
  /** The certificate and its issuers, DER, leaf first. */
  readonly chain: readonly Uint8Array[];
}

/** One connection that carries whole binary messages in order, or ends. */
export interface Link {
  readonly peer: PeerIdentity;
  /** Queues one message. After `close` it does nothing. */
  send(message: Uint8Array): void;
  /** Bytes queued and not yet handed to the network. */
  readonly backlog: number;
  /** Resolves once `backlog` has fallen below `bytes`, or the link is closed. */
  drained(bytes: number): Promise<void>;
  /** Set once, before the first message can arrive (same tick as the link was handed over). */
  onMessage: (message: Uint8Array) => void;
  /** Called exactly once. */
  onClose: (reason: string) => void;
  close(reason: string): void;
}

/** What is on disk under one path. Times are nanoseconds since 1970, ids are decimal strings (64 bit). */
export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly size: number;
  readonly mtimeNs: bigint;
  /** When content, name or permissions last changed (ctime); no program can set it back. */
  readonly changedNs: bigint;
  readonly inode: string;
  readonly device: string;
}

/**
 * Bytes of files, by native absolute path. Synchronous: called in worker threads, or for what is small. Fails with
 * errors that carry a `code` as node:fs gives them (ENOENT, ENOSPC …).
 */
export interface FileBytes {
  /**
   * 'read': an existing file. 'create': a new file, EEXIST when there is one. 'extend': for reading and writing, made
   * when absent. A symbolic link in the last place is refused (ELOOP).
   */
  open(path: string, purpose: 'read' | 'create' | 'extend'): OpenFile;
  /** Names in a folder, in no order; empty when the folder is not there. */
  list(folder: string): string[];
  /** Makes the folder and what is missing above it. */
  makeFolder(folder: string): void;
  /** Replaces what is at `to`. */
  rename(from: string, to: string): void;
  /** No error when it is not there. */
  remove(path: string): void;
  /** Makes names made, renamed and removed in this folder survive a power cut. Nothing where the system has no such thing. */
  syncFolder(folder: string): void;
}

export interface OpenFile {
  facts(): FileFacts;
  /** How many bytes were read: all that `into` holds, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): number;
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array, position: number): void;
  /** The same of several, one behind the other. */
  writeAll(parts: readonly Uint8Array[], position: number): void;
  truncate(size: number): void;
  /** Systems keep what they can: 100 ns and the rounding of a double. `facts` tells what was kept. */
  setModified(mtimeNs: bigint): void;
  /** Data and size survive a power cut once this returns. */
  sync(): void;
  close(): void;
}

/** Names in one folder, with what lstat says of each; `facts` is undefined for what vanished or cannot be looked at. */
export interface FolderEntry {
  /** As the disk has it; not normalised. */
  readonly name: string;
  readonly facts: FileFacts | undefined;
}

/**
 * The tree of one copy's folder, by '/'-separated paths relative to it; '' is the folder itself. Nothing here follows
 * a symbolic link: not in the last place, and whoever writes is refused ('blocked') when a folder on the way is one,
 * or is no folder. Synchronous, because it is quick on a local disk and leaves no gap between looking and acting;
 * bytes go through `FileBytes` with `native`.
 *
 * What is to be expected is returned: 'busy' is a program that holds the file (a sharing violation on Windows), after
 * a few short tries; it passes. Everything else that the disk does is thrown as `StorageError`.
 */
export interface Files {
  native(path: string): string;
  facts(path: string): FileFacts | undefined;
  /** undefined: there is no such folder. */
  list(folder: string): readonly FolderEntry[] | undefined;
  open(path: string, purpose: 'read' | 'create'): OpenFile | 'missing' | 'exists' | 'busy' | 'blocked';
  /** Makes this folder and those above it. */
  makeFolder(path: string): 'made' | 'there' | 'blocked';
  /** Replaces a file that is at `to`, open or not, at once: whoever looks sees the old one or the new one. */
  rename(from: string, to: string): 'done' | 'missing' | 'exists' | 'busy' | 'blocked';
  /** A second name for one file; 'unable' where the disk has no such thing. */
  link(from: string, to: string): 'done' | 'missing' | 'exists' | 'unable';
  remove(path: string): 'done' | 'missing' | 'busy' | 'blocked';
  /** Only an empty folder. */
  removeFolder(path: string): 'done' | 'missing' | 'not-empty' | 'busy' | 'blocked';
  /** What the permissions of `from` are, `to` gets, where the system has such a thing. */
  copyMode(from: string, to: string): void;
  /** What is in this file survives a power cut once it resolves; nothing for one that is not there or is held. */
  sync(path: string): Promise<void>;
  /** Names made, renamed and removed in this folder survive a power cut once it resolves. */
  syncFolder(folder: string): Promise<void>;
  /** All that was written below the copy's folder survives a power cut once it resolves. */
  flush(paths: readonly string[]): Promise<void>;
  /** Bytes that this user can still write. */
  freeBytes(): number;
}

/** Something may have happened at `path`: a hint to look, never a fact. '' : look everywhere. */
export type WatchEvents = {
  hint(path: string): void;
  /** Watching ended or is incomplete (a limit of the system, the folder is gone): scan, and tell. */
  failed(problem: Problem): void;
};

export interface Watcher {
  /** Watches the folder `root` (native, absolute) and all below it but `.tieout`. The returned function ends it. */
  watch(root: string, events: WatchEvents): () => void;
}
