/**
 * What the documents of one copy need from the rest of the agent, and what they tell it. The copy object gives these;
 * the seeded world gives the same on virtual disk, network and time.
 */

import type { RegistryOp } from '../../core/body.ts';
import type { Hash } from '../../core/bytes.ts';
import type { DocumentContent } from '../../core/content.ts';
import type { Problem } from '../../core/problem.ts';
import type { Origin } from '../../core/rows.ts';
import type { Clock, FileFacts, Files, Random, Watcher } from '../../platform/ports.ts';
import type { Registry } from '../../store/registry.ts';
import type { RegistryChange } from './past.ts';

/** Bytes in and out, done in worker threads. Paths are native and absolute. Memory stays bounded whatever the sizes. */
export interface Contents {
  /**
   * Reads, cuts and hashes files, and keeps their chunks durably. One answer per path: what was read, with the facts
   * of the open file before and after (they differ where somebody wrote meanwhile), or why it could not be read.
   */
  ingest(paths: readonly string[], options?: IngestOptions): Promise<readonly Ingested[]>;
  /** The stored chunk as `decodeChunk` takes it, if it is kept here. */
  chunk(id: Hash): Uint8Array | undefined;
  has(id: Hash): boolean;
  /**
   * Writes new files in full, each from chunks that `fetch` brings or that are here, and sets their time. `sync` false:
   * the caller makes them durable. One answer per file, in the order of `files`.
   */
  assemble(files: readonly Wanted[], source: ChunkSource, options: AssembleOptions): Promise<readonly Assembled[]>;
}

export type IngestOptions = {
  /** Hash only; keep nothing. */
  readonly keep?: boolean;
};

export type Ingested =
  | { readonly kind: 'done'; readonly content: DocumentContent; readonly before: FileFacts; readonly after: FileFacts }
  | { readonly kind: 'missing' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'failed'; readonly problem: Problem };

export type Wanted = {
  /** Made new; what a former try left there is used where its chunks are whole, and truncated. */
  readonly path: string;
  readonly content: DocumentContent;
  /** A file that holds an older version: chunks are read from there rather than fetched (proved by their ids). */
  readonly like?: { readonly path: string; readonly content: DocumentContent };
};

export type AssembleOptions = {
  readonly sync: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
};

export type Assembled =
  | { readonly kind: 'done'; readonly facts: FileFacts }
  /** Some chunks could not be had now. */
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'failed'; readonly problem: Problem };

/** Where chunks that are not here come from: the hub, or whoever is reached. */
export interface ChunkSource {
  /**
   * Brings these chunks in any order, one `deliver` each with the stored bytes; `deliver` may ask to be waited for.
   * Resolves with the ids that nobody who is reached has.
   */
  fetch(
    ids: readonly Hash[],
    deliver: (id: Hash, stored: Uint8Array) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<readonly Hash[]>;
  /** What was delivered for these is not what their ids say; when they are asked for again, others may come. */
  wrong?(ids: readonly Hash[]): void;
}

/**
 * Makes a change of these registry ops: numbered, signed, durable, folded. `within` runs in the same transaction after
 * the fold, so that an observation and the change it speaks of are kept together.
 */
export type RecordOps = (ops: readonly RegistryOp[], within?: (by: Origin) => void) => Promise<Origin>;

/** SQLite databases are found here and tracked elsewhere. */
export interface DatabaseReports {
  /** A database at a path where the registry has none. */
  databaseFound(path: string): void;
  /** Something happened at the database or its -wal or -journal. */
  databaseChanged(path: string): void;
  /** Gone from the disk, and not moved. */
  databaseGone(path: string): void;
  /** Another file lies at its path now (rename over it). */
  databaseReplaced(path: string): void;
  /** The same file under another path. */
  databaseMoved?(from: string, to: string): void;
}

export type DocumentEvent =
  | { readonly kind: 'captured'; readonly documents: readonly string[]; readonly bytes: number }
  | { readonly kind: 'placed'; readonly documents: readonly string[] }
  | { readonly kind: 'problems' };

export type DocumentsDeps = {
  /** The copy's folder: native, absolute. */
  readonly root: string;
  readonly files: Files;
  readonly watcher: Watcher;
  readonly clock: Clock;
  readonly random: Random;
  readonly registry: Registry;
  readonly contents: Contents;
  readonly source: ChunkSource;
  readonly record: RecordOps;
  /** Every change of the registry so far, in a causal order: for the history. */
  readonly registryChanges: () => Iterable<RegistryChange>;
  /** One transaction on store.db. */
  readonly transaction: <T>(write: () => T) => T;
  readonly databases: DatabaseReports;
  readonly tell: (event: DocumentEvent) => void;
  /** This computer's name, as editors write it into their owner files. */
  readonly host: string;
};
