/**
 * One file on one machine, as the exchange sees it: the log and the chunks, checked at the door and durable before they
 * are acknowledged. A copy hangs its own state onto it (`StoreHooks.stored`, inside the same transaction); a hub does
 * not, for it never looks into bodies.
 */

import type { KeyObject } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { subjectOf } from '../core/body.ts';
import { sha256 } from '../core/bytes.ts';
import {
  type Change,
  type ChangeId,
  type FileId,
  type Header,
  MissingDependency,
  signedBytes,
} from '../core/change.ts';
import { MAX_DRIFT_MS, nextStamp, observe, type Stamp, stampAt, stampMs } from '../core/clock.ts';
import { MalformedError } from '../core/codec.ts';
import { commonSegments, type SegmentEntry } from '../core/segment.ts';
import { at, type CopyId, includes, MAX_COPIES, type Vector } from '../core/vector.ts';
import { type Identity, signBytes, verifyBytes, verifyChain } from '../platform/certificates.ts';
import type { Clock } from '../platform/ports.ts';
import { storageFailure } from '../platform/storage-failure.ts';
import type { ChunkRecord, Refusal, Replica, Tip } from '../protocol/replica.ts';
import type { Incoming } from '../protocol/wire.ts';
import { ArrivingChunks } from './arriving-chunks.ts';
import { bodyBytes, type Laid, layBody, provedBeginning, registryBytes } from './body-parts.ts';
import type { ChunkStore } from './chunks.ts';
import { type AfterOptions, Log, type StoredChange } from './log.ts';
import { readSegment } from './packed-log.ts';
import { proveSegment } from './proving.ts';
import { transaction } from './sqlite.ts';
import { DamagedChunk } from './stored-chunk.ts';

/** Who makes changes here: the copy's id, the device's key and its certificates. */
export interface Author {
  readonly copy: CopyId;
  readonly key: KeyObject;
  readonly chain: readonly Uint8Array[];
  /** Writes down durably, outside the sync folder, that this number is being used. */
  readonly reserve: (seq: number) => void;
}

/** What was made before, and is made again: with the stamp that it had, so that what is shown stays. */
export interface Reissued {
  readonly author: Author;
  readonly body: Uint8Array;
  /** Left out: it is made now. */
  readonly stamp?: Stamp;
}

export interface StoreHooks {
  /**
   * Inside the transaction that stores the change: folds it, and answers what its ops are about. Not given by a hub,
   * to which bodies are opaque. `body`: of a large one on a database only the beginning.
   */
  stored?(change: Change, body: Uint8Array): string | null;
  /** After the commit. */
  chunksArrived?(ids: readonly string[]): void;
  /** They are not used, and count as missing from now on. */
  chunksDamaged?(ids: readonly string[]): void;
  /** A record of the log was met that is not what was written. */
  recordDamaged?(id: ChangeId): void;
  /** What came in could not be kept: the disk is full, say. It comes again with the next connection. */
  failed?(error: unknown): void;
  /** A colleague's clock is far ahead; its stamp was not taken over. */
  clockAhead?(copy: CopyId, ms: number): void;
}

export interface FileStoreOptions {
  readonly db: DatabaseSync;
  readonly chunks: ChunkStore;
  readonly file: FileId;
  /** Fingerprint of the office whose devices may make changes. */
  readonly office: string;
  readonly clock: Clock;
  /** The first change of one copy more of a device is refused. A hub's: what it took, everybody takes. */
  readonly copiesOfDevice?: number;
  readonly hooks?: StoreHooks;
}

export class FileStore implements Replica {
  readonly log: Log;
  readonly chunks: ChunkStore;
  readonly #db: DatabaseSync;
  readonly #options: FileStoreOptions;
  readonly #makers = new Map<CopyId, Identity>();
  readonly #arriving: ArrivingChunks;
  #lastStamp: Stamp;

  constructor(options: FileStoreOptions) {
    this.#options = options;
    this.#db = options.db;
    this.chunks = options.chunks;
    this.#arriving = new ArrivingChunks(options.chunks, options.clock);
    const damaged = (id: ChangeId): void => options.hooks?.recordDamaged?.(id);
    this.log = new Log(options.db, { readOne: (id) => this.readChunks([id])[0] }, damaged);
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

  /** The same of a change of the registry; of one above `MAX_REGISTRY_BODY` only what shows that nobody can read it. */
  registryBody(change: Pick<Change, 'content' | 'body' | 'copy' | 'seq'>): Uint8Array {
    return registryBytes(change, this.chunks);
  }

  receive(changes: readonly Incoming[]): Refusal | null {
    try {
      return this.transaction(() => this.take(changes));
    } catch (error) {
      // What is forgotten is fetched again when the change comes the next time.
      if (error instanceof DamagedChunk) this.#forget([error.id]);
      this.#options.hooks?.failed?.(error);
      throw error;
    }
  }

  /** As `receive`, in the caller's transaction. */
  take(changes: readonly Incoming[]): Refusal | null {
    for (const change of changes) {
      const checked = this.#checked(change);
      if ('code' in checked) return checked;
      const bytes = this.#readable(checked);
      if (bytes !== null && 'code' in bytes) return bytes;
      this.#keep(checked, bytes);
      this.#observe(checked);
    }
    return null;
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
    bodies: readonly (Uint8Array | Laid)[],
    alongside?: (made: readonly StoredChange[]) => void,
  ): StoredChange[] {
    const laid = bodies.map((body) => ('content' in body ? body : layBody(body, this.chunks)));
    this.#flushParts(laid);
    author.reserve(at(this.vector(), author.copy) + bodies.length);
    return this.transaction(() => {
      const made = laid.map((body) => this.#make(author, body));
      alongside?.(made);
      return made;
    });
  }

  /**
   * Takes back what is not in `kept`, and makes changes of these bodies in its place: in one transaction. `refold` brings
   * what was folded back to the log that is left.
   */
  reissue(kept: Vector, made: readonly Reissued[], refold: () => void): void {
    const laid = made.map(({ body, ...change }) => ({ ...change, body: layBody(body, this.chunks) }));
    this.#flushParts(laid.map(({ body }) => body));
    for (const author of new Set(made.map(({ author }) => author))) {
      author.reserve(made.filter((one) => one.author === author).length);
    }
    this.transaction(() => {
      this.log.withdraw(kept);
      this.#makers.clear();
      refold();
      for (const { author, body, stamp } of laid) this.#make(author, body, stamp);
    });
  }

  /**
   * Takes over a segment of the history that follows on those that are here, all chunks of which are here: proved by the
   * chain of its hashes. What of it was not in the log is folded. In the caller's transaction; throws `MalformedError`.
   */
  adopt(entry: SegmentEntry): void {
    const changes = readSegment(entry, { readOne: (id) => this.readChunks([id])[0] });
    proveSegment(entry, changes, this.#options, this.log);
    for (const change of changes) {
      if (at(this.vector(), change.copy) >= change.seq) continue;
      const body = this.#readable(change);
      if (body !== null && 'code' in body) throw new MalformedError(body.text);
      if (body !== null && this.#options.hooks?.stored?.(change, body) !== change.subject) {
        throw new MalformedError(`change ${change.seq} of copy ${change.copy} is about something else than was said`);
      }
      this.#observe(change);
    }
    this.log.pack(entry, changes);
  }

  /**
   * Takes over a whole history, whose chunks are here: what is packed otherwise here (a hub was brought back from a backup
   * in between) is packed as it says. In the caller's transaction.
   */
  adoptAll(history: readonly SegmentEntry[]): void {
    const before = this.log.floor;
    const own = [...this.log.segments()];
    const same = commonSegments(own, history);
    if (same < own.length) this.log.unpack(same);
    for (const entry of history.slice(same)) this.adopt(entry);
    if (!includes(this.log.floor, before)) throw new MalformedError('a history that ends before what is packed here');
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

  /** The changes in the log that are not what their makers signed; doctor reads them all. */
  damaged(): Generator<ChangeId> {
    return this.log.damaged(this.#options.file, (change, signed) => {
      const maker = this.maker(change.copy);
      return maker !== undefined && verifyBytes(maker.publicKey, signed, change.signature);
    });
  }

  lacking(ids: readonly string[]): readonly string[] {
    const here = this.chunks.has(ids);
    // Whoever is told that we have a chunk forgets that it had to send it.
    if (here.size > 0) this.chunks.flush();
    return ids.filter((id) => !here.has(id));
  }

  readChunks(ids: readonly string[]): readonly ChunkRecord[] {
    const { found, damaged } = this.chunks.read(ids);
    if (damaged.length > 0) this.#forget(damaged);
    return found;
  }

  keepChunks(chunks: readonly ChunkRecord[]): Promise<void> {
    const kept = this.#arriving.keep(chunks);
    this.#options.hooks?.chunksArrived?.(chunks.map(({ id }) => id));
    return kept;
  }

  /** Large bodies are laid over several turns, in which the disk may have failed somebody else. */
  #flushParts(laid: readonly Laid[]): void {
    const ids = laid.flatMap(({ content }) => (content.kind === 'parts' ? content.parts.map(({ id }) => id) : []));
    if (ids.length === 0) return;
    this.chunks.flush();
    if (this.chunks.has(ids).size < new Set(ids).size) throw storageFailure('disk-error', 'Cannot keep a change');
  }

  #make(author: Author, { content, hash: body, size, beginning }: Laid, stamp?: Stamp): StoredChange {
    const { copy, key, chain } = author;
    const deps = this.vector();
    const seq = at(deps, copy) + 1;
    if (stamp === undefined) this.#lastStamp = nextStamp(this.#lastStamp, this.#options.clock.now());
    const header: Header = {
      copy,
      seq,
      deps,
      stamp: stamp ?? this.#lastStamp,
      body,
      size,
      chain: seq === 1 ? chain : null,
    };
    const signed = signedBytes(this.#options.file, header, (of, number) => this.log.hashAt(of, number));
    const change = { ...header, hash: sha256(signed), signature: signBytes(key, signed), content };
    return this.#keep(change, beginning);
  }

  /** Everything about a change that can be known without its body's meaning. */
  #checked(incoming: Incoming): Change | Refusal {
    const { copy, seq, deps } = incoming;
    const mine = this.vector();
    const where = `Change ${seq} of copy ${copy}`;
    if (seq !== at(mine, copy) + 1) return { code: 'gap', text: `${where} does not follow on ${at(mine, copy)}.` };
    if (!includes(mine, deps) || at(deps, copy) !== seq - 1)
      return { code: 'gap', text: `${where} came before what it depends on.` };
    // One more, and nobody's change could name what it depends on.
    if (seq === 1 && mine.size >= MAX_COPIES) {
      return { code: 'too-many-copies', text: `${where} is of one copy more than a file can have.` };
    }
    const identity = seq === 1 ? verifyChain(incoming.chain ?? [], this.#options.office) : this.maker(copy);
    if (identity === undefined || 'distrust' in identity) {
      return { code: 'distrusted', text: `${where} is by nobody we know: ${identity?.distrust ?? 'no certificate'}.` };
    }
    if (seq === 1 && this.#hasTooMany(identity)) {
      return { code: 'too-many-copies', text: `${where} is of one copy more than one device can have of a file.` };
    }
    try {
      const signed = signedBytes(this.#options.file, incoming, (of, number) => this.log.hashAt(of, number));
      if (!verifyBytes(identity.publicKey, signed, incoming.signature)) {
        return { code: 'forged', text: `${where} is not signed by its maker.` };
      }
      return { ...incoming, hash: sha256(signed) };
    } catch (error) {
      if (error instanceof MissingDependency) return { code: 'gap', text: `${where}: ${error.message}.` };
      throw error;
    }
  }

  #hasTooMany({ device }: Identity): boolean {
    const { copiesOfDevice } = this.#options;
    const copies = [...this.vector().keys()];
    if (copiesOfDevice === undefined || copies.length < copiesOfDevice) return false;
    return copies.filter((copy) => this.maker(copy)?.device === device).length >= copiesOfDevice;
  }

  /** The body for whoever folds it, of a large one on a database the beginning; null where nobody does. */
  #readable(change: Change): Uint8Array | Refusal | null {
    if (this.#options.hooks?.stored === undefined) return null;
    try {
      const beginning = provedBeginning(change, this.chunks);
      return subjectOf(beginning) === ''
        ? this.registryBody(change)
        : change.content.kind === 'inline'
          ? change.content.bytes
          : beginning;
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      return { code: 'forged', text: `${this.maker(change.copy)?.user ?? 'Somebody'}: ${error.message}.` };
    }
  }

  #keep(change: Change, bytes: Uint8Array | null): StoredChange {
    const subject = bytes && (this.#options.hooks?.stored?.(change, bytes) ?? null);
    return this.log.insert(change, subject);
  }

  #forget(ids: readonly string[]): void {
    this.chunks.forget(ids);
    this.#options.hooks?.chunksDamaged?.(ids);
  }

  #observe({ stamp, copy }: Change): void {
    const observed = observe(this.#lastStamp, stamp, this.#options.clock.now());
    this.#lastStamp = observed.last;
    if (observed.ahead) this.#options.hooks?.clockAhead?.(copy, stampMs(stamp));
  }

  #highestStamp(): Stamp {
    return this.log.highestStamp(stampAt(this.#options.clock.now() + MAX_DRIFT_MS));
  }
}
