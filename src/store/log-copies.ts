/**
 * The copies of which a log has changes: by short numbers of its own, with the last change of each, and the last that is
 * packed. Held in memory; what of it no row of the log says lies in the tables `copy` and `head`.
 */
import type { DatabaseSync } from 'node:sqlite';
import { fromHex, type Hash, toHex } from '../core/bytes.ts';
import { chainCodec, type Header } from '../core/change.ts';
import type { Stamp } from '../core/clock.ts';
import { decode, encode, list, MalformedError, struct, varint } from '../core/codec.ts';
import { assert } from '../core/problem.ts';
import { type CopyId, MAX_COPIES, type Vector } from '../core/vector.ts';
import { damagedRecord, isWhole } from './log-row.ts';

export type Tip = { readonly seq: number; readonly hash: Hash };

/** The last change that is packed, or on a hub dropped. */
export type Head = Tip & { readonly stamp: Stamp; readonly deps: Vector };

export type CopyEntry = {
  readonly idx: number;
  readonly id: CopyId;
  readonly chain: readonly Uint8Array[];
  tip: Tip & { readonly stamp: Stamp };
  deps: Vector;
  head: Head | null;
  /** Hashes of earlier changes that were asked for: the deps of one change are mostly those of the one before. */
  readonly hashes: Map<number, Hash>;
};

type Row = Record<string, unknown>;

const localDeps = list(struct({ copy: varint(MAX_COPIES * 16), seq: varint() }), MAX_COPIES);

export class LogCopies {
  readonly #db: DatabaseSync;
  readonly #copies = new Map<CopyId, CopyEntry>();
  readonly #byIndex = new Map<number, CopyEntry>();
  #vector: Vector = new Map();
  #floor: Vector = new Map();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Everything that is stored. */
  get vector(): Vector {
    return this.#vector;
  }

  /** Below it nothing is in rows. */
  get floor(): Vector {
    return this.#floor;
  }

  get(copy: CopyId): CopyEntry | undefined {
    return this.#copies.get(copy);
  }

  all(): Iterable<CopyEntry> {
    return this.#copies.values();
  }

  ids(): Iterable<CopyId> {
    return this.#copies.keys();
  }

  idAt(index: number): CopyId | undefined {
    return this.#byIndex.get(index)?.id;
  }

  /** Whose row it is. Throws a `ProblemError` where nobody is known by its number. */
  ofRow(row: Row): CopyEntry {
    const entry = this.#byIndex.get(Number(row.copy));
    if (entry === undefined) throw damagedRecord(`copy ${String(row.copy)}`);
    return entry;
  }

  /** Throws a `ProblemError` when the last change of a copy is damaged: nothing could be built upon it. */
  read(): void {
    this.#copies.clear();
    this.#byIndex.clear();
    const rows = this.#db
      .prepare(
        `SELECT copy.idx, copy.id, copy.chain, change.* FROM copy
         JOIN change ON change.copy = copy.idx
          AND change.seq = (SELECT max(seq) FROM change WHERE change.copy = copy.idx)`,
      )
      .all();
    const heads = this.#db.prepare('SELECT * FROM head JOIN copy ON copy.idx = head.copy').all();
    for (const row of [...heads, ...rows]) {
      const tip = tipOf(row);
      const known = this.#byIndex.get(Number(row.idx));
      if (known) known.tip = known.tip.seq < tip.seq ? tip : known.tip;
      else this.#know(newEntry(Number(row.idx), toHex(row.id as Uint8Array), chainOf(row), tip));
    }
    for (const row of heads) {
      const entry = this.ofRow(row);
      const tip = tipOf(row);
      entry.deps = this.readDeps(row.deps as Uint8Array, entry, tip.seq);
      entry.head = { ...tip, deps: entry.deps };
    }
    for (const row of rows) {
      const entry = this.ofRow(row);
      if (Number(row.seq) <= (entry.head?.seq ?? 0)) continue;
      if (!isWhole(row)) throw damagedRecord(`change ${entry.tip.seq} of copy ${entry.id}`);
      entry.deps = this.readDeps(row.deps as Uint8Array, entry, entry.tip.seq);
    }
    this.noteVectors();
  }

  /** Tips or heads have moved. */
  noteVectors(): void {
    this.#vector = new Map([...this.#copies].map(([id, entry]) => [id, entry.tip.seq]));
    this.#floor = new Map([...this.#copies].flatMap(([id, { head }]) => (head ? [[id, head.seq]] : [])));
  }

  /** The copy has one change more. */
  advance(entry: CopyEntry, { seq, hash, stamp, deps }: Head): void {
    entry.tip = { seq, hash, stamp };
    entry.deps = deps;
    this.#vector = new Map(this.#vector).set(entry.id, seq);
  }

  /** Whoever makes this change; made known where it is the first. */
  makerOf({ copy, chain }: Pick<Header, 'copy' | 'chain'>): CopyEntry {
    const known = this.#copies.get(copy);
    if (known !== undefined) return known;
    const idx = Math.max(0, ...this.#byIndex.keys()) + 1;
    const entry = newEntry(idx, copy, chain ?? [], { seq: 0, hash: '', stamp: 0 });
    this.#db
      .prepare('INSERT INTO copy (idx, id, chain) VALUES (?, ?, ?)')
      .run(idx, fromHex(copy), encode(chainCodec, entry.chain));
    this.#know(entry);
    return entry;
  }

  putHead({ idx, id, head }: CopyEntry): void {
    assert(head, 'a log without a head');
    const deps = this.writeDeps({ copy: id, deps: head.deps });
    this.#db
      .prepare('INSERT OR REPLACE INTO head (copy, seq, hash, stamp, deps) VALUES (?, ?, ?, ?, ?)')
      .run(idx, head.seq, fromHex(head.hash), head.stamp, deps);
  }

  clearHeads(): void {
    this.#db.exec('DELETE FROM head');
    for (const entry of this.#copies.values()) entry.head = null;
  }

  writeDeps(change: Pick<Header, 'copy' | 'deps'>): Uint8Array {
    const others: { copy: number; seq: number }[] = [];
    for (const [copy, seq] of change.deps) {
      if (copy === change.copy) continue;
      const entry = this.#copies.get(copy);
      assert(entry, `no log of ${copy}`);
      others.push({ copy: entry.idx, seq });
    }
    return encode(localDeps, others);
  }

  readDeps(bytes: Uint8Array, own: CopyEntry, seq: number): Vector {
    const deps = new Map<CopyId, number>();
    const what = `change ${seq} of ${own.id}`;
    for (const { copy, seq: upTo } of readable(what, () => decode(localDeps, bytes))) {
      const entry = this.#byIndex.get(copy);
      if (entry === undefined) throw damagedRecord(what);
      deps.set(entry.id, upTo);
    }
    if (seq > 1) deps.set(own.id, seq - 1);
    return deps;
  }

  #know(entry: CopyEntry): void {
    this.#copies.set(entry.id, entry);
    this.#byIndex.set(entry.idx, entry);
  }
}

/** A change as the last one that is packed. */
export function headOf({ seq, hash, stamp, deps }: Head): Head {
  return { seq, hash, stamp, deps };
}

function newEntry(idx: number, id: CopyId, chain: readonly Uint8Array[], tip: CopyEntry['tip']): CopyEntry {
  return { idx, id, chain, tip, deps: new Map(), head: null, hashes: new Map() };
}

function chainOf(row: Row): readonly Uint8Array[] {
  const what = `the certificates of copy ${toHex(row.id as Uint8Array)}`;
  return readable(what, () => decode(chainCodec, row.chain as Uint8Array)) ?? [];
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw damagedRecord(what);
  }
}

function tipOf(row: Row): CopyEntry['tip'] {
  return { seq: Number(row.seq), hash: toHex(row.hash as Uint8Array), stamp: Number(row.stamp) };
}
