/**
 * How far the history of one parent file is packed: the snapshot that everybody can rely on, and the one that is
 * proposed. What a snapshot holds is opaque here; its vector and the last hash of each log are compared with this log.
 * Only when a second copy has found the same, if there is one, does the log let go of what lies below it: the snapshot
 * and the heads of the logs in one transaction, the rows after it, some at a time.
 */
import type { DatabaseSync } from 'node:sqlite';
import { sha256 } from '../core/bytes.ts';
import { type Codec, decode, encode, hex, list, struct, varint } from '../core/codec.ts';
import { holding, sizeOf } from '../core/floor.ts';
import { ProblemError } from '../core/problem.ts';
import { MAX_LIST_PIECES } from '../core/segment.ts';
import { type CopyId, includes, MAX_COPIES, type Vector } from '../core/vector.ts';
import type { Clock } from '../platform/ports.ts';
import { storageKind } from '../platform/storage-failure.ts';
import { type Answer, type Question, signedCodec } from '../protocol/messages.ts';
import type { FileStore } from '../store/file-store.ts';
import { countersigner, openSnapshot, PACKED } from '../store/snapshot.ts';

export type Propose = Extract<Question, { kind: 'propose' }>;
export type Countersign = Extract<Question, { kind: 'countersign' }>;
type History = Extract<Answer, { kind: 'history' }>;

export interface SnapshotsOptions {
  readonly db: DatabaseSync;
  readonly store: FileStore;
  readonly file: string;
  readonly office: string;
  readonly clock: Clock;
  /** Is this copy connected? */
  readonly isHere: (copy: CopyId) => boolean;
  /** The floor has risen: who lacks something below it is behind. */
  readonly risen: () => void;
}

/** A proposal that nobody has countersigned gives way to another after this; so does one that was disputed. */
const PATIENCE_MS = 24 * 60 * 60_000;
/** Between two batches of rows that are removed, others get their turn. */
const SWEEP_AGAIN_MS = 20;
/** The disk refused: rows that mean nothing any more are in nobody's way until it does not. */
const DISK_AGAIN_MS = 60_000;

const proposal = struct({ at: varint(), snapshot: hex(32), differing: list(hex(16), MAX_COPIES) });
type Proposal = { at: number; snapshot: string; differing: readonly CopyId[] };
const signatures = list(signedCodec, MAX_COPIES);

export class Snapshots {
  readonly #options: SnapshotsOptions;
  #cancelSweep: () => void = () => {};

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    // What a crash left.
    this.#sweepSoon();
  }

  stop(): void {
    this.#cancelSweep();
  }

  /** A proposal whose time is over is not told any more: whoever asks makes another. */
  history(): Omit<History, 'kind'> {
    const standing = this.#standing();
    return {
      safe: this.#fact('safe') ?? null,
      signed: decodeOr(signatures, this.#fact('safe-signed'), []),
      proposed: (standing && this.#fact('proposed')) ?? null,
      differing: standing?.differing ?? [],
    };
  }

  /** `device`: whose connection it came over. Throws a `ProblemError` for what cannot be, or not now. */
  propose({ copy, record: sealed, retired }: Propose, device: string): void {
    const { file, office, store, clock } = this.#options;
    const { record, maker } = openSnapshot(sealed, file, office);
    if (record.format !== PACKED || record.maker !== copy || maker.device !== device) throw unfit('it is not yours');
    if (this.#standing()) throw another();
    this.#check(sealed);
    this.#mustBeHeld(record.vector, retired);
    if (record.manifest.length > MAX_LIST_PIECES) throw unfit('its list is too long');
    if (store.lacking(record.manifest.map(({ id }) => id)).length > 0) throw unfit('its list is not here');
    store.transaction(() => {
      this.#setFact('proposed', sealed);
      this.#putProposal({ at: clock.now(), snapshot: sha256(sealed), differing: [] });
    });
    const { isHere } = this.#options;
    const others = [...store.vector().keys()].filter((one) => one !== copy && (isHere(one) || !retired.includes(one)));
    if (others.length === 0) this.#settle([]);
  }

  countersign({ copy, snapshot, signed }: Countersign, device: string): void {
    const { store, office, file } = this.#options;
    const sealed = this.#fact('proposed');
    const proposal = this.#proposal();
    if (sealed === undefined || proposal?.snapshot !== snapshot) throw unfit('it is not proposed any more');
    if (openSnapshot(sealed, file, office).record.maker === copy) throw unfit('its maker cannot countersign it');
    if (store.maker(copy)?.device !== device) throw unfit('it is looked at for another copy than yours');
    if (signed === null) {
      const differing = [...new Set([...proposal.differing, copy])];
      store.transaction(() => this.#putProposal({ ...proposal, differing }));
      return;
    }
    const by = countersigner(sealed, signed, office);
    if (by?.device !== device) throw unfit('the signature is not yours');
    if (proposal.differing.length === 0) this.#settle([signed]);
  }

  /** Is it about this very log, and can this log do without what lies below it? */
  #check(sealed: Uint8Array): void {
    const { file, office, store } = this.#options;
    const { vector, last } = openSnapshot(sealed, file, office).record;
    const { log } = store;
    if (!includes(log.vector(), vector) || !includes(vector, log.floor)) throw unfit('it is of another time');
    if (sizeOf(vector) <= sizeOf(log.floor)) throw unfit('there is nothing new in it');
    const hashes = new Map(last.map(({ copy, hash }) => [copy, hash]));
    for (const [copy, seq] of vector) {
      if (hashes.get(copy) !== log.hashAt(copy, seq)) throw unfit('it is of other changes than these');
    }
    for (const { deps } of log.headersAfter(vector)) {
      if (!includes(deps, vector)) throw unfit('somebody has not seen all that is in it');
    }
  }

  /**
   * Has every copy in use said, by the deps that it signed, that it has all of it? Who is retired is the proposer's word,
   * for the hub does not look into changes; but whoever is connected is in use.
   */
  #mustBeHeld(vector: Vector, retired: readonly CopyId[]): void {
    const { store, isHere } = this.#options;
    for (const last of store.log.standing()) {
      if (retired.includes(last.copy) && !isHere(last.copy)) continue;
      if (!includes(holding(last), vector)) throw unfit('somebody has not said that all of it is there');
    }
  }

  #settle(signed: readonly { signature: Uint8Array; chain: readonly Uint8Array[] }[]): void {
    const { store, file, office, risen } = this.#options;
    const sealed = this.#fact('proposed') as Uint8Array;
    try {
      this.#check(sealed);
    } catch (error) {
      // Somebody who had been away has come with changes that were made without it.
      store.transaction(() => this.#dropProposal());
      throw error;
    }
    const { vector } = openSnapshot(sealed, file, office).record;
    store.transaction(() => {
      this.#setFact('safe', sealed);
      this.#setFact('safe-signed', encode(signatures, signed));
      this.#dropProposal();
      store.log.cut(vector);
    });
    risen();
    this.#sweepSoon();
  }

  #sweepSoon(ms = SWEEP_AGAIN_MS): void {
    this.#cancelSweep();
    this.#cancelSweep = this.#options.clock.after(ms, () => this.#sweep());
  }

  /** Nobody waits for it: what the disk refuses must not end the hub. */
  #sweep(): void {
    const { store } = this.#options;
    try {
      if (store.transaction(() => store.log.sweep())) this.#sweepSoon();
    } catch (error) {
      if (storageKind(error) === undefined) throw error;
      this.#sweepSoon(DISK_AGAIN_MS);
    }
  }

  /** The proposal that is waited for; a clock that was put back does not prolong the wait. */
  #standing(): Proposal | undefined {
    const proposal = this.#proposal();
    const waited = proposal && this.#options.clock.now() - proposal.at;
    return waited !== undefined && waited >= 0 && waited < PATIENCE_MS ? proposal : undefined;
  }

  #proposal(): Proposal | undefined {
    const bytes = this.#fact('proposal');
    return bytes && decode(proposal, bytes);
  }

  #putProposal(value: Proposal): void {
    this.#setFact('proposal', encode(proposal, value));
  }

  #dropProposal(): void {
    this.#options.db.prepare("DELETE FROM fact WHERE name IN ('proposed', 'proposal')").run();
  }

  #fact(name: string): Uint8Array | undefined {
    const value = this.#options.db.prepare('SELECT value FROM fact WHERE name = ?').get(name)?.value;
    return value instanceof Uint8Array ? value : undefined;
  }

  #setFact(name: string, value: Uint8Array): void {
    this.#options.db
      .prepare('INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
      .run(name, value);
  }
}

function decodeOr<T>(codec: Codec<T>, bytes: Uint8Array | undefined, none: T): T {
  return bytes === undefined ? none : decode(codec, bytes);
}

function unfit(why: string): ProblemError {
  return new ProblemError({
    code: 'unfit-snapshot',
    text: `This snapshot is not taken: ${why}.`,
    remedy: 'Another is made by itself in a while.',
  });
}

function another(): ProblemError {
  return new ProblemError({
    code: 'snapshot-proposed',
    text: 'Another copy has proposed a snapshot already.',
    remedy: 'It is countersigned by itself in a while.',
  });
}
