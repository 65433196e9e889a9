/**
 * The log of one file on one machine: all changes of all copies, each log without gaps, causally closed.
 * Knows nothing of rights or rows. Whoever inserts holds a transaction on the same database, so that a change and what
 * follows from it are kept together.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { fromHex, type Hash, sha256, toHex } from '../core/bytes.ts';
import { type Change, type ChangeId, type Content, type FileId, partsCodec, signedBytes } from '../core/change.ts';
import type { Stamp } from '../core/clock.ts';
import { decode, encode } from '../core/codec.ts';
import type { Standing } from '../core/floor.ts';
import { assert } from '../core/problem.ts';
import type { PackedChange, SegmentEntry } from '../core/segment.ts';
import { at, type CopyId, includes, type Vector } from '../core/vector.ts';
import { type CopyEntry, headOf, LogCopies, type Tip } from './log-copies.ts';
import { damagedRecord, isWhole, sumOf } from './log-row.ts';
import { PackedLog, type PackedSegment, type SegmentChunks } from './packed-log.ts';
import { RecentChanges } from './recent-changes.ts';
import { Withdrawing } from './withdrawing.ts';

export const LOG_SCHEMA = new URL('./schema/log/', import.meta.url);

/** A change as the log holds it: `n` is its place in the order of arrival, `subject` what its ops are about. */
export type StoredChange = Change & { readonly n: number; readonly subject: string | null };

export interface AfterOptions {
  /** Only changes on this database ('' for the registry). */
  readonly subject?: string;
  readonly limit?: number;
  /** No more are read once their bodies and lists of parts have come to about this many bytes. */
  readonly bytes?: number;
}

type Row = Record<string, unknown>;

/** Of earlier changes, per copy. */
const HASHES_KEPT = 256;
/** An id and a size. */
const PART_BYTES = 36;
const SWEPT_AT_ONCE = 2000;
const COLUMNS = 'n, copy, seq, stamp, deps, hash, signature, size, body, body_hash, parts, subject, sum';

export class Log {
  readonly #db: DatabaseSync;
  readonly #copies: LogCopies;
  readonly #statements: Record<
    'insert' | 'get' | 'read' | 'hash' | 'after' | 'afterSubject' | 'headers' | 'remove',
    StatementSync
  >;
  readonly #recent = new RecentChanges();
  readonly #packed: PackedLog;
  readonly #withdrawing: Withdrawing;
  readonly #damaged: (id: ChangeId) => void;

  /**
   * `chunks`: where the packed history lies; without them only what is above the floor can be read. `damaged` is told of
   * each record that is met and cannot be read.
   */
  constructor(db: DatabaseSync, chunks?: SegmentChunks, damaged: (id: ChangeId) => void = () => {}) {
    this.#db = db;
    this.#damaged = damaged;
    this.#copies = new LogCopies(db);
    const indexOf = (copy: CopyId): number | undefined => this.#copies.get(copy)?.idx;
    this.#packed = new PackedLog(db, { indexOf, copyAt: (index) => this.#copies.idAt(index) }, chunks);
    this.#withdrawing = new Withdrawing(this, { db, copies: this.#copies, packed: this.#packed });
    this.#statements = {
      insert: db.prepare(`INSERT INTO change (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
      get: db.prepare(`SELECT ${COLUMNS} FROM change WHERE copy = ? AND seq = ?`),
      hash: db.prepare('SELECT hash FROM change WHERE copy = ? AND seq = ?'),
      read: db.prepare(`SELECT ${COLUMNS} FROM change WHERE n = ?`),
      headers: db.prepare('SELECT n, seq, deps, size FROM change WHERE copy = ? AND seq > ? ORDER BY seq'),
      remove: db.prepare('DELETE FROM change WHERE copy = ? AND seq = ?'),
      // Both answered from an index alone.
      after: db.prepare('SELECT n FROM change WHERE copy = ? AND seq > ? ORDER BY seq LIMIT ?'),
      afterSubject: db.prepare('SELECT n FROM change WHERE copy = ? AND seq > ? AND subject = ? ORDER BY seq LIMIT ?'),
    };
    this.reload();
  }

  /**
   * Reads again what another connection may have written (the database process follows the agent's log). Throws a
   * `ProblemError` when the last change of a copy is damaged: nothing could be built upon it.
   */
  reload(): void {
    this.#recent.clear();
    this.#packed.forget();
    this.#copies.read();
  }

  /** Below it nothing is in rows: it is packed, or, on a hub, dropped. */
  get floor(): Vector {
    return this.#copies.floor;
  }

  /** Everything that is stored. */
  vector(): Vector {
    return this.#copies.vector;
  }

  /** The last change of each copy. */
  tips(): ReadonlyMap<CopyId, Tip> {
    return new Map([...this.#copies.all()].map(({ id, tip }) => [id, tip]));
  }

  chain(copy: CopyId): readonly Uint8Array[] | undefined {
    return this.#copies.get(copy)?.chain;
  }

  hashAt(copy: CopyId, seq: number): Hash | undefined {
    const entry = this.#copies.get(copy);
    if (entry === undefined || seq > entry.tip.seq) return undefined;
    if (entry.tip.seq === seq) return entry.tip.hash;
    if (entry.head?.seq === seq) return entry.head.hash;
    const known = entry.hashes.get(seq);
    if (known !== undefined) return known;
    const row = this.#statements.hash.get(entry.idx, seq);
    const hash = row ? toHex(row.hash as Uint8Array) : this.#packed.get({ copy, seq })?.hash;
    if (hash === undefined) return undefined;
    if (entry.hashes.size >= HASHES_KEPT) entry.hashes.clear();
    entry.hashes.set(seq, hash);
    return hash;
  }

  /** The highest stamp up to `limit` of the copies' last changes. */
  highestStamp(limit: Stamp): Stamp {
    const stamps = [...this.#copies.all()].map(({ tip }) => tip.stamp);
    return Math.max(0, ...stamps.filter((stamp) => stamp <= limit));
  }

  get({ copy, seq }: ChangeId): StoredChange | undefined {
    const entry = this.#copies.get(copy);
    const row = entry && this.#statements.get.get(entry.idx, seq);
    if (row) return this.#change(row);
    return packedAsStored(this.#packed.get({ copy, seq }));
  }

  /** The deps of a change that is here; cheap for the last one of each copy. */
  depsOf(copy: CopyId, seq: number): Vector | undefined {
    const entry = this.#copies.get(copy);
    if (entry?.tip.seq === seq) return entry.deps;
    if (entry?.head?.seq === seq) return entry.head.deps;
    return this.get({ copy, seq })?.deps;
  }

  /**
   * Up to `limit` of the changes that a replica with `vector` lacks, in a causal order. Throws a `ProblemError` that
   * names the record when one of them is damaged.
   */
  after(
    vector: Vector,
    { subject, limit = 10_000, bytes = Number.POSITIVE_INFINITY }: AfterOptions = {},
  ): StoredChange[] {
    const found: StoredChange[] = [];
    let size = 0;
    const take = (change: StoredChange): void => {
      size += change.content.kind === 'inline' ? change.size : change.content.parts.length * PART_BYTES;
      found.push(change);
    };
    if (!includes(vector, this.#copies.floor)) {
      for (const packed of this.#packed.after(vector, subject)) {
        if (size >= bytes || found.length >= limit) return found;
        take({ ...packed, n: PACKED });
      }
    }
    for (const n of this.#placesAfter(vector, subject, limit - found.length)) {
      if (size >= bytes) break;
      const change = this.#recent.get(n) ?? this.#read(n);
      // RACE: another process has just taken it back (own changes under a new id); a later look shows what there is now.
      if (change === undefined) break;
      take(change);
    }
    return found;
  }

  #read(n: number): StoredChange | undefined {
    const row = this.#statements.read.get(n);
    return row && this.#change(row);
  }

  /** The first places, in the order of arrival. */
  #placesAfter(vector: Vector, subject: string | undefined, limit: number): number[] {
    const places: number[] = [];
    let copies = 0;
    for (const entry of this.#copies.all()) {
      const from = Math.max(at(vector, entry.id), entry.head?.seq ?? 0);
      if (from >= entry.tip.seq) continue;
      const found =
        subject === undefined
          ? this.#statements.after.all(entry.idx, from, limit)
          : this.#statements.afterSubject.all(entry.idx, from, subject, limit);
      for (const { n } of found) places.push(n as number);
      copies += 1;
    }
    return copies > 1 ? places.sort((a, b) => a - b).slice(0, limit) : places;
  }

  /** How much of the log a replica with `vector` lacks; of bytes that are packed rather too many. */
  amountAfter(vector: Vector): { changes: number; bytes: number } {
    let changes = 0;
    let bytes = 0;
    for (const entry of this.#copies.all()) {
      const from = at(vector, entry.id);
      if (from >= entry.tip.seq) continue;
      changes += entry.tip.seq - from;
      const row = this.#db
        .prepare('SELECT sum(size) AS bytes FROM change WHERE copy = ? AND seq > ?')
        .get(entry.idx, Math.max(from, entry.head?.seq ?? 0));
      bytes += Number(row?.bytes ?? 0);
    }
    if (!includes(vector, this.#copies.floor)) bytes += this.#packed.bytesAfter(vector);
    return { changes, bytes };
  }

  /** Is there a change about `subject` that a state at `vector` does not contain? */
  concerns(vector: Vector, subject: string): boolean {
    for (const entry of this.#copies.all()) {
      const from = at(vector, entry.id);
      if (from < entry.tip.seq && this.#statements.afterSubject.get(entry.idx, from, subject, 1)) return true;
    }
    return !includes(vector, this.#copies.floor) && this.#packed.concerns(vector, subject, this.#copies.ids());
  }

  /** Of the last change of each copy. */
  stamps(): ReadonlyMap<CopyId, Stamp> {
    return new Map([...this.#copies.all()].map(({ id, tip }) => [id, tip.stamp]));
  }

  /** The last change of each copy, with what its maker had. */
  *standing(): Generator<Standing> {
    for (const { id, tip, deps } of this.#copies.all()) yield { copy: id, seq: tip.seq, deps };
  }

  /** What is above the floor and beyond `vector`, per log in order: without bodies. */
  *headersAfter(vector: Vector): Generator<Standing & { readonly size: number; readonly n: number }> {
    for (const entry of this.#copies.all()) {
      const from = Math.max(at(vector, entry.id), entry.head?.seq ?? 0);
      if (from >= entry.tip.seq) continue;
      for (const row of this.#statements.headers.iterate(entry.idx, from)) {
        const seq = Number(row.seq);
        const deps = this.#copies.readDeps(row.deps as Uint8Array, entry, seq);
        yield { copy: entry.id, seq, deps, size: Number(row.size), n: Number(row.n) };
      }
    }
  }

  segments(): Generator<PackedSegment> {
    return this.#packed.segments();
  }

  /**
   * Takes over a segment that follows on those that are here: its changes are packed from now on, and rows of them are
   * gone. Changes that were not here yet are, by this, stored; whoever calls has folded them. In the caller's
   * transaction.
   */
  pack(segment: SegmentEntry, changes: readonly PackedChange[]): void {
    for (const change of changes) {
      const entry = this.#copies.makerOf(change);
      entry.head = headOf(change);
      if (change.seq > entry.tip.seq) this.#copies.advance(entry, change);
      this.#statements.remove.run(entry.idx, change.seq);
    }
    for (const copy of new Set(changes.map(({ copy }) => copy)))
      this.#copies.putHead(this.#copies.get(copy) as CopyEntry);
    this.#packed.add(segment, changes);
    this.#copies.noteVectors();
    this.#recent.clear();
  }

  /**
   * Forgets how what lies after the first `keep` segments is packed: the caller packs it otherwise, all of it, in the same
   * transaction.
   */
  unpack(keep: number): void {
    this.#withdrawing.unpack(keep);
  }

  /**
   * A hub's way: from now on only the last change of each log up to `vector` counts, and nothing before it. In the
   * caller's transaction; the rows go with `sweep`.
   */
  cut(vector: Vector): void {
    for (const [copy, seq] of vector) {
      const entry = this.#copies.get(copy);
      if (entry === undefined || seq <= (entry.head?.seq ?? 0)) continue;
      const last = this.get({ copy, seq });
      assert(last, `the log of ${copy} is cut behind its end`);
      entry.head = { seq, hash: last.hash, stamp: last.stamp, deps: last.deps };
      this.#copies.putHead(entry);
    }
    this.#copies.noteVectors();
    this.#recent.clear();
  }

  /** Removes some rows that do not count any more; false when there are none. In the caller's transaction. */
  sweep(): boolean {
    const { changes } = this.#db
      .prepare(
        `DELETE FROM change WHERE n IN (SELECT n FROM change JOIN head ON head.copy = change.copy
           AND change.seq <= head.seq LIMIT ?)`,
      )
      .run(SWEPT_AT_ONCE);
    return Number(changes) > 0;
  }

  /**
   * Keeps a change whose signature and hash were checked. The caller's transaction must be open; when it is rolled
   * back, `reload` brings the memory back in step.
   */
  insert(change: Change, subject: string | null): StoredChange {
    const entry = this.#copies.makerOf(change);
    assert(change.seq === entry.tip.seq + 1, `change ${change.seq} of ${change.copy} after ${entry.tip.seq}`);
    assert(
      includes(this.#copies.vector, change.deps),
      `change ${change.seq} of ${change.copy} before its dependencies`,
    );
    const { content } = change;
    const inline = content.kind === 'inline';
    const row = {
      seq: change.seq,
      stamp: change.stamp,
      deps: this.#copies.writeDeps(change),
      hash: fromHex(change.hash),
      signature: change.signature,
      size: change.size,
      body: inline ? content.bytes : null,
      body_hash: inline ? null : fromHex(change.body),
      parts: inline ? null : encode(partsCodec, content.parts),
      subject,
    };
    const inserted = this.#statements.insert.run(null, entry.idx, ...Object.values(row), sumOf(row));
    this.#copies.advance(entry, change);
    const stored = { ...change, n: Number(inserted.lastInsertRowid), subject };
    this.#recent.add(stored);
    return stored;
  }

  /**
   * Takes back what is not in `kept`, and is made again under other ids. Of packed history that holds some of it, the
   * rest is in rows again. In the caller's transaction.
   */
  withdraw(kept: Vector): void {
    this.#withdrawing.withdraw(kept);
  }

  /**
   * Puts together again what was signed and names the changes that are not what they were; `isSigned` judges the
   * signature, which the hash does not cover.
   */
  *damaged(file: FileId, isSigned: (change: Change, signed: Uint8Array) => boolean): Generator<ChangeId> {
    const isWhole = (change: Change): boolean => {
      const bytes = signedBytes(file, change, (copy, seq) => this.hashAt(copy, seq));
      return sha256(bytes) === change.hash && isSigned(change, bytes);
    };
    yield* this.#packed.damaged(isWhole);
    const rows = this.#db.prepare(`SELECT ${COLUMNS} FROM change ORDER BY n`);
    for (const row of rows.iterate()) {
      const id = { copy: this.#copies.idAt(Number(row.copy)) ?? '?', seq: Number(row.seq) };
      try {
        if (!isWhole(this.#change(row))) yield id;
      } catch {
        yield id;
      }
    }
  }

  #change(row: Row): StoredChange {
    const entry = this.#copies.ofRow(row);
    const seq = Number(row.seq);
    if (!isWhole(row)) {
      this.#damaged({ copy: entry.id, seq });
      throw damagedRecord(`change ${seq} of copy ${entry.id}`);
    }
    const content: Content =
      row.body !== null
        ? { kind: 'inline', bytes: row.body as Uint8Array }
        : { kind: 'parts', parts: decode(partsCodec, row.parts as Uint8Array) };
    return {
      n: Number(row.n),
      subject: row.subject as string | null,
      copy: entry.id,
      seq,
      deps: this.#copies.readDeps(row.deps as Uint8Array, entry, seq),
      stamp: Number(row.stamp),
      body: content.kind === 'inline' ? sha256(content.bytes) : toHex(row.body_hash as Uint8Array),
      size: Number(row.size),
      chain: seq === 1 ? entry.chain : null,
      hash: toHex(row.hash as Uint8Array),
      signature: row.signature as Uint8Array,
      content,
    };
  }
}

/** The place in the order of arrival of what is packed: before all rows. */
const PACKED = 0;

function packedAsStored(change: PackedChange | undefined): StoredChange | undefined {
  return change && { ...change, n: PACKED };
}
