/**
 * The part of a log that is packed: segments of the history below the floor, read when somebody asks for what is old.
 * A replica without chunks at hand (a hub) has heads and no segments.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { concatBytes } from '../core/bytes.ts';
import { type ChangeId, partsCodec, sameChange } from '../core/change.ts';
import { decode, encode, MalformedError } from '../core/codec.ts';
import { decodeSegment, type PackedChange, type SegmentEntry } from '../core/segment.ts';
import { at, type CopyId, includes, type Vector, vectorCodec } from '../core/vector.ts';
import type { ChunkStore } from './chunks.ts';
import { DamagedChunk, decodeChunk } from './stored-chunk.ts';

/** The stored chunks, or nothing where only heads are kept. */
export type SegmentChunks = Pick<ChunkStore, 'readOne'>;

export interface PackedSegment extends SegmentEntry {
  /** 1, 2, 3, … */
  readonly n: number;
  /** Of the bodies. */
  readonly bytes: number;
}

/** Short numbers of copies, as this log gives them. */
export interface CopyNumbers {
  indexOf(copy: CopyId): number | undefined;
  copyAt(index: number): CopyId | undefined;
}

/** Segments that are asked for one after the other. */
const OPEN_SEGMENTS = 4;

export class PackedLog {
  readonly #db: DatabaseSync;
  readonly #chunks: SegmentChunks | undefined;
  readonly #numbers: CopyNumbers;
  readonly #open = new Map<number, readonly PackedChange[]>();
  readonly #statements: Record<'one' | 'all' | 'logs' | 'about' | 'with' | 'concerns', StatementSync>;

  constructor(db: DatabaseSync, numbers: CopyNumbers, chunks: SegmentChunks | undefined) {
    this.#db = db;
    this.#numbers = numbers;
    this.#chunks = chunks;
    this.#statements = {
      one: db.prepare('SELECT * FROM segment WHERE n = ?'),
      all: db.prepare('SELECT * FROM segment ORDER BY n'),
      logs: db.prepare('SELECT DISTINCT segment, copy, last FROM segment_log ORDER BY segment'),
      about: db.prepare('SELECT segment, copy, last FROM segment_log WHERE subject = ? ORDER BY segment'),
      with: db.prepare('SELECT min(segment) AS n FROM segment_log WHERE copy = ? AND last >= ?'),
      concerns: db.prepare('SELECT 1 FROM segment_log WHERE subject = ? AND copy = ? AND last > ? LIMIT 1'),
    };
  }

  /** What was read may have been taken back with a transaction. */
  forget(): void {
    this.#open.clear();
  }

  *segments(): Generator<PackedSegment> {
    for (const row of this.#statements.all.all()) yield segmentOf(row);
  }

  get(id: ChangeId): PackedChange | undefined {
    const index = this.#numbers.indexOf(id.copy);
    const row = index === undefined ? undefined : this.#statements.with.get(index, id.seq);
    if (row === undefined || row.n === null) return undefined;
    return this.#changesOf(Number(row.n)).find((change) => sameChange(change, id));
  }

  /** Those that `vector` lacks, in a causal order; of other subjects none where one is named. */
  *after(vector: Vector, subject?: string): Generator<PackedChange> {
    for (const n of this.#holding(vector, subject)) {
      for (const change of this.#changesOf(n)) {
        if (subject !== undefined && change.subject !== subject) continue;
        if (at(vector, change.copy) < change.seq) yield change;
      }
    }
  }

  concerns(vector: Vector, subject: string, copies: Iterable<CopyId>): boolean {
    for (const copy of copies) {
      const index = this.#numbers.indexOf(copy);
      if (index !== undefined && this.#statements.concerns.get(subject, index, at(vector, copy))) return true;
    }
    return false;
  }

  /** Those that are not what they were. What a lost piece holds is not among them: it is fetched again. */
  *damaged(isWhole: (change: PackedChange) => boolean): Generator<ChangeId> {
    for (const { n } of this.segments()) {
      for (const change of unlessLost(() => this.#changesOf(n)) ?? []) {
        if (unlessLost(() => isWhole(change)) === false) yield { copy: change.copy, seq: change.seq };
      }
    }
  }

  /** Bytes of the bodies in segments of which `vector` lacks something: at least what it lacks. */
  bytesAfter(vector: Vector): number {
    let bytes = 0;
    for (const segment of this.segments()) if (!includes(vector, segment.upto)) bytes += segment.bytes;
    return bytes;
  }

  /** In the caller's transaction. */
  add(entry: SegmentEntry, changes: readonly PackedChange[]): void {
    const { upto, parts } = entry;
    const bytes = changes.reduce((sum, { size }) => sum + size, 0);
    const n = Number(
      this.#db
        .prepare('INSERT INTO segment (upto, parts, changes, bytes) VALUES (?, ?, ?, ?)')
        .run(encode(vectorCodec, upto), encode(partsCodec, parts), changes.length, bytes).lastInsertRowid,
    );
    const last = new Map<string, { copy: CopyId; subject: string | null; seq: number }>();
    for (const { copy, subject, seq } of changes) last.set(`${copy} ${subject}`, { copy, subject, seq });
    const insert = this.#db.prepare('INSERT INTO segment_log (segment, copy, subject, last) VALUES (?, ?, ?, ?)');
    for (const { copy, subject, seq } of last.values()) {
      insert.run(n, this.#numbers.indexOf(copy) as number, subject, seq);
    }
  }

  /** Forgets the segments after the first `keep`. In the caller's transaction, which puts others in their place. */
  cutTo(keep: number): void {
    const beyond = [...this.segments()].slice(keep).map(({ n }) => n);
    for (const n of beyond) {
      this.#db.prepare('DELETE FROM segment_log WHERE segment = ?').run(n);
      this.#db.prepare('DELETE FROM segment WHERE n = ?').run(n);
    }
    this.forget();
  }

  #holding(vector: Vector, subject: string | undefined): number[] {
    const found = new Set<number>();
    const rows = subject === undefined ? this.#statements.logs.iterate() : this.#statements.about.iterate(subject);
    for (const { segment, copy, last } of rows) {
      const id = this.#numbers.copyAt(Number(copy));
      if (id !== undefined && at(vector, id) < Number(last)) found.add(Number(segment));
    }
    return [...found];
  }

  #changesOf(n: number): readonly PackedChange[] {
    const known = this.#open.get(n);
    if (known) return known;
    const changes = readSegment(segmentOf(this.#statements.one.get(n) ?? {}), this.#chunks);
    this.#open.set(n, changes);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= OPEN_SEGMENTS) break;
      this.#open.delete(oldest);
    }
    return changes;
  }
}

/** Throws `DamagedChunk` when a piece of it is not here, or not what its id says. */
export function readSegment({ parts, changes }: SegmentEntry, chunks: SegmentChunks | undefined): PackedChange[] {
  const pieces = parts.map(({ id, size }) => {
    const record = chunks?.readOne(id);
    if (record === undefined) throw new DamagedChunk(id, 'it holds a part of the history and is gone');
    return decodeChunk(id, record.bytes, size);
  });
  const read = decodeSegment(concatBytes(pieces));
  if (read.length !== changes) throw new MalformedError('a segment with another number of changes than was said');
  return read;
}

function unlessLost<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DamagedChunk) return undefined;
    throw error;
  }
}

function segmentOf(row: Record<string, unknown>): PackedSegment {
  return {
    n: Number(row.n),
    upto: decode(vectorCodec, row.upto as Uint8Array),
    parts: decode(partsCodec, row.parts as Uint8Array),
    changes: Number(row.changes),
    bytes: Number(row.bytes),
  };
}
