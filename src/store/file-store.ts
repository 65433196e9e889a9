/**
 * One file on one machine, as the exchange sees it: the log and the chunks, checked at the door and durable before they
 * are acknowledged. A copy hangs its own state onto it (`StoreHooks.stored`, inside the same transaction); a hub does
 * not, for it never looks into bodies.
 */

import type { KeyObject } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { concatBytes, sha256 } from '../core/bytes.ts';
import {
  type Change,
  type Content,
  type Header,
  MAX_INLINE_BODY,
  MissingDependency,
  signedBytes,
} from '../core/change.ts';
import { boundaries } from '../core/chunking.ts';
import { MAX_DRIFT_MS, nextStamp, observe, type Stamp, stampAt, stampMs } from '../core/clock.ts';
import { MalformedError } from '../core/codec.ts';
import { assert } from '../core/problem.ts';
import { at, type CopyId, includes, type Vector, withEntry } from '../core/vector.ts';
import { type Identity, signBytes, verifyBytes, verifyChain } from '../platform/certificates.ts';
import type { Clock } from '../platform/ports.ts';
import type { ChunkRecord, Refusal, Replica, Tip } from '../protocol/replica.ts';
import type { Incoming } from '../protocol/wire.ts';
import type { ChunkStore } from './chunks.ts';
import { type AfterOptions, Log, type StoredChange } from './log.ts';
import { transaction } from './sqlite.ts';
import { decodeChunk, encodeChunk } from './stored-chunk.ts';

/** Who makes changes here: the copy's id, the device's key and its certificates. */
export interface Author {
  readonly copy: CopyId;
  readonly key: KeyObject;
  readonly chain: readonly Uint8Array[];
  /** Writes down durably, outside the sync folder, that this number is being used. */
  readonly reserve: (seq: number) => void;
}

export interface StoreHooks {
  /** Inside the transaction that stores the change: folds it, and answers what its ops are about. */
  stored(change: Change, body: Uint8Array): string | null;
  /** After the commit. */
  chunksArrived?(ids: readonly string[]): void;
  /** They are not used, and count as missing from now on. */
  chunksDamaged?(ids: readonly string[]): void;
  /** A colleague's clock is far ahead; its stamp was not taken over. */
  clockAhead?(copy: CopyId, ms: number): void;
}

export interface FileStoreOptions {
  readonly db: DatabaseSync;
  readonly chunks: ChunkStore;
  /** Fingerprint of the office whose devices may make changes. */
  readonly office: string;
  readonly clock: Clock;
  readonly hooks?: StoreHooks;
}

/** Chunks that came in are made durable together: at once when this much has gathered, else in the next turn. */
const FLUSH_BYTES = 16 * 1024 * 1024;

export class FileStore implements Replica {
  readonly log: Log;
  readonly chunks: ChunkStore;
  readonly #db: DatabaseSync;
  readonly #options: FileStoreOptions;
  readonly #makers = new Map<CopyId, Identity>();
  #lastStamp: Stamp;
  #unflushed = 0;
  #flushing: Promise<void> | null = null;
  #flushNow: (() => void) | null = null;

  constructor(options: FileStoreOptions) {
    this.#options = options;
    this.#db = options.db;
    this.chunks = options.chunks;
    this.log = new Log(options.db);
    this.#lastStamp = this.#highestStamp();
  }

  vector(): Vector {
    return this.log.vector();
  }

  tips(): ReadonlyMap<CopyId, Tip> {
    return this.log.tips();
  }

  hashAt(copy: CopyId, seq: number): string | undefined {
    return this.log.hashAt(copy, seq);
  }

  depsOf(copy: CopyId, seq: number): Vector | undefined {
    return this.log.depsOf(copy, seq);
  }

  after(vector: Vector, options: AfterOptions): StoredChange[] {
    return this.log.after(vector, options);
  }

  /** The body's bytes, wherever they are, proved by their hash. */
  body(change: Pick<Change, 'content' | 'body' | 'copy' | 'seq'>): Uint8Array {
    return bodyBytes(change, this.chunks);
  }

  receive(changes: readonly Incoming[]): Refusal | null {
    return this.transaction(() => {
      for (const change of changes) {
        const checked = this.#checked(change);
        if ('code' in checked) return checked;
        this.#keep(checked);
        this.#observe(checked);
      }
      return null;
    });
  }

  /** One transaction on the store; when it is rolled back, the memory of the log is brought back in step. */
  transaction<T>(write: () => T): T {
    try {
      return transaction(this.#db, write);
    } catch (error) {
      this.log.reload();
      this.#makers.clear();
      throw error;
    }
  }

  /**
   * Makes the own changes for these bodies, in order and in one transaction: numbered, stamped, signed, durable on
   * return. `alongside` runs in the same transaction.
   */
  append(
    author: Author,
    bodies: readonly Uint8Array[],
    alongside?: (made: readonly StoredChange[]) => void,
  ): StoredChange[] {
    const contents = bodies.map((bytes) => this.#contentOf(bytes));
    if (contents.some(({ kind }) => kind === 'parts')) this.chunks.flush();
    author.reserve(at(this.vector(), author.copy) + bodies.length);
    return this.transaction(() => {
      const made = bodies.map((bytes, index) => this.#make(author, bytes, contents[index] as Content));
      alongside?.(made);
      return made;
    });
  }

  /** Who made the changes of this copy, by the certificates in its log. */
  maker(copy: CopyId): Identity | undefined {
    const known = this.#makers.get(copy);
    if (known) return known;
    const chain = this.log.chain(copy);
    const identity = chain && verifyChain(chain, this.#options.office);
    if (identity === undefined || 'distrust' in identity) return undefined;
    this.#makers.set(copy, identity);
    return identity;
  }

  lacking(ids: readonly string[]): readonly string[] {
    const here = this.chunks.has(ids);
    return ids.filter((id) => !here.has(id));
  }

  readChunks(ids: readonly string[]): readonly ChunkRecord[] {
    const { found, damaged } = this.chunks.read(ids);
    if (damaged.length > 0) {
      this.chunks.forget(damaged);
      this.#options.hooks?.chunksDamaged?.(damaged);
    }
    return found;
  }

  keepChunks(chunks: readonly ChunkRecord[]): Promise<void> {
    this.chunks.append(chunks);
    this.#options.hooks?.chunksArrived?.(chunks.map(({ id }) => id));
    for (const { bytes } of chunks) this.#unflushed += bytes.byteLength;
    this.#flushing ??= new Promise((resolve, reject) => {
      const flush = (): void => {
        cancel();
        this.#flushing = null;
        this.#flushNow = null;
        this.#unflushed = 0;
        try {
          this.chunks.flush();
          resolve();
        } catch (error) {
          reject(error as Error);
        }
      };
      const cancel = this.#options.clock.after(0, flush);
      this.#flushNow = flush;
    });
    const done = this.#flushing;
    if (this.#unflushed >= FLUSH_BYTES) this.#flushNow?.();
    return done;
  }

  #make(author: Author, bytes: Uint8Array, content: Content): StoredChange {
    const { copy, key, chain } = author;
    const seq = at(this.vector(), copy) + 1;
    this.#lastStamp = nextStamp(this.#lastStamp, this.#options.clock.now());
    const header: Header = {
      copy,
      seq,
      deps: seq > 1 ? withEntry(this.vector(), copy, seq - 1) : this.vector(),
      stamp: this.#lastStamp,
      body: sha256(bytes),
      size: bytes.byteLength,
      chain: seq === 1 ? chain : null,
    };
    const signed = signedBytes(header, (of, number) => this.log.hashAt(of, number));
    const change = { ...header, hash: sha256(signed), signature: signBytes(key, signed), content };
    return this.#keep(change, bytes);
  }

  #contentOf(bytes: Uint8Array): Content {
    if (bytes.byteLength <= MAX_INLINE_BODY) return { kind: 'inline', bytes };
    const parts: { id: string; size: number }[] = [];
    let start = 0;
    for (const end of boundaries(bytes, 0, bytes.byteLength, true)) {
      const chunk = encodeChunk(bytes.subarray(start, end));
      this.chunks.append([chunk]);
      parts.push({ id: chunk.id, size: end - start });
      start = end;
    }
    return { kind: 'parts', parts };
  }

  /** Everything about a change that can be known without its body's meaning. */
  #checked(incoming: Incoming): Change | Refusal {
    const { copy, seq, deps } = incoming;
    const mine = this.vector();
    const where = `Change ${seq} of copy ${copy}`;
    if (seq !== at(mine, copy) + 1) return { code: 'gap', text: `${where} does not follow on ${at(mine, copy)}.` };
    if (!includes(mine, deps)) return { code: 'gap', text: `${where} came before what it depends on.` };
    const identity = seq === 1 ? verifyChain(incoming.chain ?? [], this.#options.office) : this.maker(copy);
    if (identity === undefined || 'distrust' in identity) {
      return { code: 'distrusted', text: `${where} is by nobody we know: ${identity?.distrust ?? 'no certificate'}.` };
    }
    try {
      const signed = signedBytes(incoming, (of, number) => this.log.hashAt(of, number));
      if (!verifyBytes(identity.publicKey, signed, incoming.signature)) {
        return { code: 'forged', text: `${where} is not signed by its maker.` };
      }
      return { ...incoming, hash: sha256(signed) };
    } catch (error) {
      if (error instanceof MissingDependency) return { code: 'gap', text: `${where}: ${error.message}.` };
      throw error;
    }
  }

  #keep(change: Change, bytes?: Uint8Array): StoredChange {
    const { hooks } = this.#options;
    if (hooks === undefined) return this.log.insert(change, null);
    const subject = hooks.stored(change, bytes ?? this.body(change));
    return this.log.insert(change, subject);
  }

  #observe({ stamp, copy }: Change): void {
    const observed = observe(this.#lastStamp, stamp, this.#options.clock.now());
    this.#lastStamp = observed.last;
    if (observed.ahead) this.#options.hooks?.clockAhead?.(copy, stampMs(stamp));
  }

  #highestStamp(): Stamp {
    const limit = stampAt(this.#options.clock.now() + MAX_DRIFT_MS);
    const row = this.#db.prepare('SELECT max(stamp) AS stamp FROM change WHERE stamp <= ?').get(limit);
    return Number(row?.stamp ?? 0);
  }
}

/** Reads a body for whoever has the chunks at hand: the agent, or the database process. */
export function bodyBytes(
  { content, body, copy, seq }: Pick<Change, 'content' | 'body' | 'copy' | 'seq'>,
  chunks: Pick<ChunkStore, 'readOne'>,
): Uint8Array {
  if (content.kind === 'inline') return content.bytes;
  const plain = content.parts.map(({ id, size }) => {
    const record = chunks.readOne(id);
    assert(record, `part ${id} of change ${seq} of ${copy} is not here`);
    return decodeChunk(id, record.bytes, size);
  });
  const bytes = concatBytes(plain);
  if (sha256(bytes) !== body) throw new MalformedError(`the body of change ${seq} of ${copy} is not what was signed`);
  return bytes;
}
