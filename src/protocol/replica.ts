/** What the exchange needs of a replica: a copy's sync folder and a hub's parent file are the same to it. */
import type { Hash } from '../core/bytes.ts';
import type { Change } from '../core/change.ts';
import type { CopyId, Vector } from '../core/vector.ts';
import type { Message } from './messages.ts';
import type { Incoming } from './wire.ts';

export type ChunkRecord = { readonly id: string; readonly hash: Hash; readonly bytes: Uint8Array };
export type Tip = { readonly seq: number; readonly hash: Hash };
export type Refusal = { readonly code: string; readonly text: string };

export interface Replica {
  vector(): Vector;
  tips(): ReadonlyMap<CopyId, Tip>;
  hashAt(copy: CopyId, seq: number): Hash | undefined;
  depsOf(copy: CopyId, seq: number): Vector | undefined;
  /** In a causal order. */
  after(vector: Vector, options: { limit: number; bytes: number }): Change[];
  /**
   * Checks and durably stores changes that follow on what is here, in the order given. All parts of their bodies are
   * here already. What comes before a refused one is stored.
   */
  receive(changes: readonly Incoming[]): Refusal | null;

  /** Those of them that are not here durably. */
  lacking(ids: readonly string[]): readonly string[];
  /** Those of them that are here and whole, in any order. */
  readChunks(ids: readonly string[]): readonly ChunkRecord[];
  /** Keeps chunks whose stored bytes were checked against their hash; resolves once they are durable. */
  keepChunks(chunks: readonly ChunkRecord[]): Promise<void>;
}

/** The way to the partner, for messages about one file or many. */
export interface Line {
  send(message: Message): void;
  readonly backlog: number;
  drained(bytes: number): Promise<void>;
  /** Something on this side broke in the middle of an exchange: the connection ends, and the next one starts over. */
  fail(error: unknown): void;
}
