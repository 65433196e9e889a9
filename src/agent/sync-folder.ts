/**
 * The sync folder `.tieout/` of one copy: where things lie in it, the facts that it states of itself, and the lock by
 * which only one agent works in it.
 */
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import type { Origins } from '../core/branches.ts';
import type { Hash } from '../core/bytes.ts';
import { decode, encode } from '../core/codec.ts';
import { ProblemError } from '../core/problem.ts';
import type { Renewed } from '../core/reissue.ts';
import { type Vector, vectorCodec } from '../core/vector.ts';
import { type Lock, takeLock } from '../platform/lock.ts';
import type { FileBytes } from '../platform/ports.ts';
import { storageFailure } from '../platform/storage-failure.ts';
import { CHUNKS_SCHEMA, ChunkStore } from '../store/chunks.ts';
import { LOG_SCHEMA } from '../store/log.ts';
import { REGISTRY_SCHEMA } from '../store/registry.ts';
import { openStore } from '../store/sqlite.ts';

export const SYNC_FOLDER = '.tieout';
export const COPY_SCHEMA = new URL('../store/schema/copy/', import.meta.url);
export const STORE_SCHEMA = [LOG_SCHEMA, CHUNKS_SCHEMA, REGISTRY_SCHEMA, COPY_SCHEMA];

const facts = z.strictObject({
  file: z.string().regex(/^[0-9a-f]{32}$/),
  name: z.string(),
  copy: z.string().regex(/^[0-9a-f]{32}$/),
  /** Fingerprint of the office whose hub is the parent. */
  office: z.string(),
  /**
   * Publishing and copying are taken up again where they were left. fetching: what is in the file is not known here
   * yet; packed: its base is, and its packed history is on the way; copying: its content and later changes are. detaching: it is no copy any more, and what is ours is being
   * taken out.
   */
  phase: z.enum(['publishing', 'fetching', 'packed', 'copying', 'complete', 'detaching']),
  /** The user asked to work offline. */
  offline: z.boolean(),
  /** Who may see the file, while it is being published; null: the whole office. */
  members: z.array(z.string()).nullable(),
});

export type CopyFacts = z.infer<typeof facts>;

const renaming = z.strictObject({ from: z.string(), to: z.string(), after: z.int() });
const renewed = renaming.extend({ others: z.array(renaming).optional() });
const origins = z.record(z.string(), z.array(z.string()));

export class SyncFolder {
  /** The file's folder: native, absolute. */
  readonly root: string;
  readonly db: DatabaseSync;
  readonly chunks: ChunkStore;
  readonly #lock: Lock;

  /** Opens or makes it. Throws a `ProblemError` when another agent works in it. */
  constructor(root: string, files: FileBytes) {
    this.root = root;
    files.makeFolder(`${this.path('base')}`);
    files.makeFolder(this.path('incoming'));
    this.#lock = lockOrRefuse(this.path('lock'), root);
    try {
      this.db = openStore(this.path('store.db'), { schema: STORE_SCHEMA, synchronous: 'FULL' });
      this.chunks = new ChunkStore(this.db, this.path('packs'), files);
    } catch (error) {
      this.#lock.release();
      throw error;
    }
  }

  /** Below the sync folder; '/' works as a separator on every system. */
  path(name: string): string {
    return `${this.root}/${SYNC_FOLDER}/${name}`;
  }

  basePath(database: string): string {
    return this.path(`base/${database}.db`);
  }

  get facts(): CopyFacts | undefined {
    const text = this.#fact('copy');
    if (text === undefined) return undefined;
    try {
      return facts.parse(JSON.parse(String(text)));
    } catch (error) {
      throw storageFailure('damaged', 'Cannot read which copy this is', this.path('store.db'), error);
    }
  }

  setFacts(value: CopyFacts): void {
    this.#setFact('copy', JSON.stringify(value));
  }

  /** What the parent is known to have: after a cut, until it says so again. */
  get parentVector(): Vector {
    const bytes = this.#fact('parent');
    return bytes instanceof Uint8Array ? decode(vectorCodec, bytes) : new Map();
  }

  set parentVector(vector: Vector) {
    this.#setFact('parent', encode(vectorCodec, vector));
  }

  /** What the publisher signed of the base, as it came: with it a hub can be given the file back. */
  get snapshot(): Uint8Array | undefined {
    const bytes = this.#fact('snapshot');
    return bytes instanceof Uint8Array ? bytes : undefined;
  }

  set snapshot(record: Uint8Array) {
    this.#setFact('snapshot', record);
  }

  /** sha256 of the later snapshot at whose vector this copy found the same as its maker. */
  get verified(): string | undefined {
    const hash = this.#fact('verified');
    return hash === undefined ? undefined : String(hash);
  }

  set verified(hash: string) {
    this.#setFact('verified', hash);
  }

  /** By which giving back of the file, by whomever, all was handed over that lay here. */
  get given(): string | null {
    const given = this.#fact('given');
    return given === undefined ? null : String(given);
  }

  set given(given: string) {
    this.#setFact('given', given);
  }

  /** The hub has forgotten what it had, and was not told yet that the file is given back. */
  get hubForgot(): boolean {
    return this.#fact('hub-forgot') !== undefined;
  }

  set hubForgot(is: boolean) {
    if (is) this.#setFact('hub-forgot', '1');
    else this.db.prepare("DELETE FROM fact WHERE name = 'hub-forgot'").run();
  }

  /** The number of an own change whose body is damaged here and that the parent lacks. */
  get damagedChange(): number | undefined {
    const seq = this.#fact('damaged-change');
    return seq === undefined ? undefined : Number(seq);
  }

  set damagedChange(seq: number | undefined) {
    if (seq === undefined) this.db.prepare("DELETE FROM fact WHERE name = 'damaged-change'").run();
    else this.#setFact('damaged-change', String(seq));
  }

  /** The ids under which this copy numbered before, so that a database that still names them is understood. */
  get renamings(): readonly Renewed[] {
    const text = this.#fact('renamings');
    return text === undefined ? [] : z.array(renewed).parse(JSON.parse(String(text)));
  }

  addRenaming(value: Renewed): void {
    this.#setFact('renamings', JSON.stringify([...this.renamings, value]));
  }

  /** Of logs that hold what was made again: the hashes that their changes had before. */
  get origins(): Origins {
    const text = this.#fact('origins');
    return new Map(text === undefined ? [] : Object.entries(origins.parse(JSON.parse(String(text)))));
  }

  addOrigins(more: Origins): void {
    this.#setFact('origins', JSON.stringify(Object.fromEntries<readonly Hash[]>([...this.origins, ...more])));
  }

  close(): void {
    try {
      this.chunks.close();
    } finally {
      this.db.close();
      this.#lock.release();
    }
  }

  #fact(name: string): unknown {
    return this.db.prepare('SELECT value FROM fact WHERE name = ?').get(name)?.value;
  }

  #setFact(name: string, value: string | Uint8Array): void {
    this.db
      .prepare('INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
      .run(name, value);
  }
}

function lockOrRefuse(path: string, root: string): Lock {
  const lock = takeLock(path);
  if (lock) return lock;
  throw new ProblemError({
    code: 'in-use',
    text: `Another Tieout agent works in ${root}.`,
    remedy: 'End that agent, or make a copy of your own with `tieout copy`.',
    path: root,
  });
}
