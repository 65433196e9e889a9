/**
 * The log of one file on one machine: all changes of all copies, each log without gaps, causally closed.
 * Knows nothing of rights or rows. Whoever inserts holds a transaction on the same database, so that a change and what
 * follows from it are kept together.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { fromHex, type Hash, sameBytes, sha256, toHex } from '../core/bytes.ts';
import {
  type Change,
  type ChangeId,
  type Content,
  chainCodec,
  type FileId,
  type Header,
  partsCodec,
  signedBytes,
} from '../core/change.ts';
import type { Stamp } from '../core/clock.ts';
import { decode, encode, list, struct, varint, Writer } from '../core/codec.ts';
import { assert, ProblemError } from '../core/problem.ts';
import { at, type CopyId, includes, MAX_COPIES, type Vector } from '../core/vector.ts';

export const LOG_SCHEMA = new URL('./schema/log/', import.meta.url);

export type Tip = { readonly seq: number; readonly hash: Hash };

/** A change as the log holds it: `n` is its place in the order of arrival, `subject` what its ops are about. */
export type StoredChange = Change & { readonly n: number; readonly subject: string | null };

export interface AfterOptions {
  /** Only changes on this database ('' for the registry). */
  readonly subject?: string;
  readonly limit?: number;
  /** No more are read once their bodies and lists of parts have come to about this many bytes. */
  readonly bytes?: number;
}

type CopyEntry = {
  readonly idx: number;
  readonly id: CopyId;
  readonly chain: readonly Uint8Array[];
  tip: Tip & { readonly stamp: Stamp };
  deps: Vector;
  /** Hashes of earlier changes that were asked for: the deps of one change are mostly those of the one before. */
  readonly hashes: Map<number, Hash>;
};
type Row = Record<string, unknown>;

/** Per copy. */
const HASHES_KEPT = 256;
/** What was just stored is sent on to everybody who is connected: it is not read again for each of them. */
const RECENT_KEPT = 256;
const RECENT_BYTES = 4096;

const localDeps = list(struct({ copy: varint(MAX_COPIES * 16), seq: varint() }), MAX_COPIES);
/** An id and a size. */
const PART_BYTES = 36;
const COLUMNS = 'n, copy, seq, stamp, deps, hash, signature, size, body, body_hash, parts, subject, sum';

export class Log {
  readonly #db: DatabaseSync;
  readonly #copies = new Map<CopyId, CopyEntry>();
  readonly #byIndex = new Map<number, CopyEntry>();
  readonly #statements: Record<
    'insert' | 'addCopy' | 'get' | 'read' | 'hash' | 'after' | 'afterSubject',
    StatementSync
  >;
  readonly #recent = new Map<number, StoredChange>();
  #vector = new Map<CopyId, number>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#statements = {
      insert: db.prepare(`INSERT INTO change (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
      addCopy: db.prepare('INSERT INTO copy (idx, id, chain) VALUES (?, ?, ?)'),
      get: db.prepare(`SELECT ${COLUMNS} FROM change WHERE copy = ? AND seq = ?`),
      hash: db.prepare('SELECT hash FROM change WHERE copy = ? AND seq = ?'),
      read: db.prepare(`SELECT ${COLUMNS} FROM change WHERE n = ?`),
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
    this.#copies.clear();
    this.#byIndex.clear();
    this.#recent.clear();
    const rows = this.#db
      .prepare(
        `SELECT copy.idx, copy.id, copy.chain, change.* FROM copy
         JOIN change ON change.copy = copy.idx
          AND change.seq = (SELECT max(seq) FROM change WHERE change.copy = copy.idx)`,
      )
      .all();
    for (const row of rows) {
      this.#know({
        idx: Number(row.idx),
        id: toHex(row.id as Uint8Array),
        chain: decode(chainCodec, row.chain as Uint8Array) ?? [],
        tip: { seq: Number(row.seq), hash: toHex(row.hash as Uint8Array), stamp: Number(row.stamp) },
        deps: new Map(),
        hashes: new Map(),
      });
    }
    for (const row of rows) {
      const entry = this.#byIndex.get(Number(row.idx));
      if (entry && !isWhole(row)) throw damagedRecord(`change ${entry.tip.seq} of copy ${entry.id}`);
      if (entry) entry.deps = this.#readDeps(row.deps as Uint8Array, entry, entry.tip.seq);
    }
    this.#vector = new Map([...this.#copies].map(([id, entry]) => [id, entry.tip.seq]));
  }

  /** Everything that is stored. */
  vector(): Vector {
    return this.#vector;
  }

  /** The last change of each copy. */
  tips(): ReadonlyMap<CopyId, Tip> {
    return new Map([...this.#copies].map(([id, entry]) => [id, entry.tip]));
  }

  chain(copy: CopyId): readonly Uint8Array[] | undefined {
    return this.#copies.get(copy)?.chain;
  }

  hashAt(copy: CopyId, seq: number): Hash | undefined {
    const entry = this.#copies.get(copy);
    if (entry === undefined || seq > entry.tip.seq) return undefined;
    if (entry.tip.seq === seq) return entry.tip.hash;
    const known = entry.hashes.get(seq);
    if (known !== undefined) return known;
    const row = this.#statements.hash.get(entry.idx, seq);
    if (row === undefined) return undefined;
    const hash = toHex(row.hash as Uint8Array);
    if (entry.hashes.size >= HASHES_KEPT) entry.hashes.clear();
    entry.hashes.set(seq, hash);
    return hash;
  }

  /** The highest stamp up to `limit` of the copies' last changes. */
  highestStamp(limit: Stamp): Stamp {
    const stamps = [...this.#copies.values()].map(({ tip }) => tip.stamp);
    return Math.max(0, ...stamps.filter((stamp) => stamp <= limit));
  }

  get({ copy, seq }: ChangeId): StoredChange | undefined {
    const entry = this.#copies.get(copy);
    const row = entry && this.#statements.get.get(entry.idx, seq);
    return row && this.#change(row);
  }

  /** The deps of a change that is here; cheap for the last one of each copy. */
  depsOf(copy: CopyId, seq: number): Vector | undefined {
    const entry = this.#copies.get(copy);
    if (entry?.tip.seq === seq) return entry.deps;
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
    for (const n of this.#placesAfter(vector, subject, limit)) {
      if (size >= bytes) break;
      const change = this.#recent.get(n) ?? this.#read(n);
      // RACE: another process has just taken it back (own changes under a new id); a later look shows what there is now.
      if (change === undefined) break;
      size += change.content.kind === 'inline' ? change.size : change.content.parts.length * PART_BYTES;
      found.push(change);
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
    for (const entry of this.#copies.values()) {
      const from = at(vector, entry.id);
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

  /** How much of the log a replica with `vector` lacks. */
  amountAfter(vector: Vector): { changes: number; bytes: number } {
    let changes = 0;
    let bytes = 0;
    for (const entry of this.#copies.values()) {
      const from = at(vector, entry.id);
      if (from >= entry.tip.seq) continue;
      changes += entry.tip.seq - from;
      const row = this.#db
        .prepare('SELECT sum(size) AS bytes FROM change WHERE copy = ? AND seq > ?')
        .get(entry.idx, from);
      bytes += Number(row?.bytes ?? 0);
    }
    return { changes, bytes };
  }

  /** Is there a change about `subject` that a state at `vector` does not contain? */
  concerns(vector: Vector, subject: string): boolean {
    for (const entry of this.#copies.values()) {
      const from = at(vector, entry.id);
      if (from < entry.tip.seq && this.#statements.afterSubject.get(entry.idx, from, subject, 1)) return true;
    }
    return false;
  }

  /**
   * Keeps a change whose signature and hash were checked. The caller's transaction must be open; when it is rolled
   * back, `reload` brings the memory back in step.
   */
  insert(change: Change, subject: string | null): StoredChange {
    const entry = this.#copies.get(change.copy) ?? this.#addCopy(change);
    assert(change.seq === entry.tip.seq + 1, `change ${change.seq} of ${change.copy} after ${entry.tip.seq}`);
    assert(includes(this.#vector, change.deps), `change ${change.seq} of ${change.copy} before its dependencies`);
    const { content } = change;
    const inline = content.kind === 'inline';
    const row = {
      seq: change.seq,
      stamp: change.stamp,
      deps: this.#writeDeps(change),
      hash: fromHex(change.hash),
      signature: change.signature,
      size: change.size,
      body: inline ? content.bytes : null,
      body_hash: inline ? null : fromHex(change.body),
      parts: inline ? null : encode(partsCodec, content.parts),
      subject,
    };
    const inserted = this.#statements.insert.run(null, entry.idx, ...Object.values(row), sumOf(row));
    entry.tip = { seq: change.seq, hash: change.hash, stamp: change.stamp };
    entry.deps = change.deps;
    this.#vector = new Map(this.#vector).set(change.copy, change.seq);
    const stored = { ...change, n: Number(inserted.lastInsertRowid), subject };
    this.#remember(stored);
    return stored;
  }

  #remember(change: StoredChange): void {
    const { n, content, signature } = change;
    if (content.kind !== 'inline' || content.bytes.byteLength > RECENT_BYTES) return;
    // Copies: what came in are views of a whole message.
    const bytes = Uint8Array.from(content.bytes);
    this.#recent.set(n, { ...change, content: { kind: 'inline', bytes }, signature: Uint8Array.from(signature) });
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= RECENT_KEPT) break;
      this.#recent.delete(oldest);
    }
  }

  /** Takes back the own changes after `seq`, which nobody has seen: they are issued again under another id. */
  withdraw(copy: CopyId, seq: number): void {
    const entry = this.#copies.get(copy);
    assert(entry, `no log of ${copy}`);
    this.#db.prepare('DELETE FROM change WHERE copy = ? AND seq > ?').run(entry.idx, seq);
    if (seq === 0) this.#db.prepare('DELETE FROM copy WHERE idx = ?').run(entry.idx);
    this.reload();
  }

  /**
   * Puts together again what was signed and names the changes that are not what they were; `isSigned` judges the
   * signature, which the hash does not cover.
   */
  *damaged(file: FileId, isSigned: (change: Change, signed: Uint8Array) => boolean): Generator<ChangeId> {
    const rows = this.#db.prepare(`SELECT ${COLUMNS} FROM change ORDER BY n`);
    for (const row of rows.iterate()) {
      const id = { copy: this.#byIndex.get(Number(row.copy))?.id ?? '?', seq: Number(row.seq) };
      try {
        const change = this.#change(row);
        const bytes = signedBytes(file, change, (copy, seq) => this.hashAt(copy, seq));
        if (sha256(bytes) !== change.hash || !isSigned(change, bytes)) yield id;
      } catch {
        yield id;
      }
    }
  }

  #know(entry: CopyEntry): void {
    this.#copies.set(entry.id, entry);
    this.#byIndex.set(entry.idx, entry);
  }

  #addCopy(first: Header): CopyEntry {
    const idx = Math.max(0, ...this.#byIndex.keys()) + 1;
    const tip = { seq: 0, hash: '', stamp: 0 };
    const entry = { idx, id: first.copy, chain: first.chain ?? [], tip, deps: new Map(), hashes: new Map() };
    this.#statements.addCopy.run(idx, fromHex(first.copy), encode(chainCodec, entry.chain));
    this.#know(entry);
    return entry;
  }

  #entry(row: Row): CopyEntry {
    const entry = this.#byIndex.get(Number(row.copy));
    if (entry === undefined) throw damagedRecord(`copy ${String(row.copy)}`);
    return entry;
  }

  #change(row: Row): StoredChange {
    const entry = this.#entry(row);
    const seq = Number(row.seq);
    if (!isWhole(row)) throw damagedRecord(`change ${seq} of copy ${entry.id}`);
    const content: Content =
      row.body !== null
        ? { kind: 'inline', bytes: row.body as Uint8Array }
        : { kind: 'parts', parts: decode(partsCodec, row.parts as Uint8Array) };
    return {
      n: Number(row.n),
      subject: row.subject as string | null,
      copy: entry.id,
      seq,
      deps: this.#readDeps(row.deps as Uint8Array, entry, seq),
      stamp: Number(row.stamp),
      body: content.kind === 'inline' ? sha256(content.bytes) : toHex(row.body_hash as Uint8Array),
      size: Number(row.size),
      chain: seq === 1 ? entry.chain : null,
      hash: toHex(row.hash as Uint8Array),
      signature: row.signature as Uint8Array,
      content,
    };
  }

  #writeDeps(change: Header): Uint8Array {
    const others: { copy: number; seq: number }[] = [];
    for (const [copy, seq] of change.deps) {
      if (copy === change.copy) continue;
      const entry = this.#copies.get(copy);
      assert(entry, `no log of ${copy}`);
      others.push({ copy: entry.idx, seq });
    }
    return encode(localDeps, others);
  }

  #readDeps(bytes: Uint8Array, own: CopyEntry, seq: number): Vector {
    const deps = new Map<CopyId, number>();
    for (const { copy, seq: upTo } of decode(localDeps, bytes)) {
      const entry = this.#byIndex.get(copy);
      if (entry === undefined) throw damagedRecord(`change ${seq} of ${own.id}`);
      deps.set(entry.id, upTo);
    }
    if (seq > 1) deps.set(own.id, seq - 1);
    return deps;
  }
}

type SummedRow = {
  readonly seq: number;
  readonly stamp: number;
  readonly deps: Uint8Array;
  readonly hash: Uint8Array;
  readonly signature: Uint8Array;
  readonly size: number;
  readonly body: Uint8Array | null;
  readonly body_hash: Uint8Array | null;
  readonly parts: Uint8Array | null;
  readonly subject: string | null;
};

const NONE = new Uint8Array();

function isWhole(row: Row): boolean {
  try {
    return sameBytes(sumOf(row as SummedRow), row.sum as Uint8Array);
  } catch {
    return false;
  }
}

/** Against damage, not against people: those are stopped by signature and hash when the change comes in. */
function sumOf(row: SummedRow): Uint8Array {
  const to = new Writer(512);
  for (const item of [row.deps, row.hash, row.signature, row.body ?? NONE, row.body_hash ?? NONE, row.parts ?? NONE]) {
    to.blob(item);
  }
  to.varint(row.seq);
  to.varint(row.stamp);
  to.varint(row.size);
  to.text(row.subject ?? '-');
  return fromHex(sha256(to.finish()).slice(0, 16));
}

function damagedRecord(what: string): ProblemError {
  return new ProblemError({
    code: 'damaged-log',
    text: `The log of changes is damaged: ${what} cannot be read.`,
    remedy: 'Run `tieout doctor`; what this copy has already sent can be had again by making a new copy.',
  });
}
