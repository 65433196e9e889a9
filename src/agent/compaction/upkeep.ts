/**
 * What a copy does for the file as a whole, from time to time while it is connected: it says once a day what it has,
 * packs what everybody has, and lets another copy's snapshot be compared with what is here. Nothing is planned: each
 * time it is looked at what there is, so it may end at any moment. Never ahead of a person's work: edits go on meanwhile.
 */
import type { KeyObject } from 'node:crypto';
import { sha256 } from '../../core/bytes.ts';
import { stampMs } from '../../core/clock.ts';
import { MalformedError } from '../../core/codec.ts';
import { sizeOf } from '../../core/floor.ts';
import type { SnapshotRecord } from '../../core/manifest.ts';
import { ProblemError, StorageError } from '../../core/problem.ts';
import { commonSegments, encodeHistory, piecesOf, type SegmentEntry, sameSegment } from '../../core/segment.ts';
import { EMPTY, includes, type Vector } from '../../core/vector.ts';
import type { Clock } from '../../platform/ports.ts';
import type { Answer, Question } from '../../protocol/messages.ts';
import { makeSegment, makeSegments } from '../../store/packing.ts';
import { countersign, openSnapshot, PACKED, sealSnapshot } from '../../store/snapshot.ts';
import { encodeChunk } from '../../store/stored-chunk.ts';
import type { Copy } from '../copy.ts';
import { closedMeanwhile } from '../copy-problems.ts';
import type { HubConnection } from '../hub-connection.ts';
import { DISK_AGAIN_MS, LOOK_AGAIN_MS } from '../syncing.ts';
import { badHistory, differing, differsHere } from './compaction-problems.ts';
import { fetchHistory } from './history-fetching.ts';
import { LiveCopies } from './live-copies.ts';
import { digestAt } from './state-digest.ts';

export interface UpkeepOptions {
  readonly copy: Copy;
  readonly hub: HubConnection;
  readonly clock: Clock;
  readonly key: KeyObject;
  readonly chain: readonly Uint8Array[];
  /** Fewer changes are not packed. */
  readonly packFrom: number | undefined;
  /** This copy was retired: it goes on under another id. */
  readonly retired: () => void;
}

type History = Extract<Answer, { kind: 'history' }>;

const LOOK_MS = 60 * 60_000;
/** After a session begins there is other work first. */
const SOON_MS = 30_000;
/** A day, less what a working day is shorter. */
const SILENCE_MS = 20 * 60 * 60_000;
/** Packing fewer is not worth a round of questions. */
const MIN_CHANGES = 64;
/** Uploading what was packed is given up after so long without a session; the next look goes on. */
const UPLOAD_MS = 10 * 60_000;

export class Upkeep {
  readonly live: LiveCopies;
  readonly #options: UpkeepOptions;
  readonly #stopping = new AbortController();
  #cancel: () => void = () => {};
  #due = Number.POSITIVE_INFINITY;
  #looking: Promise<void> | null = null;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    const { store, registry, facts, folder } = options.copy;
    this.live = new LiveCopies(facts.file, store, registry, () => {
      const first = folder.snapshot;
      return first && this.#open(first).maker;
    });
  }

  start(): void {
    this.#lookAfter(LOOK_MS);
  }

  /** There is a session, or something was brought about that others may wait for. */
  soon(): void {
    this.#lookAfter(SOON_MS);
  }

  /** Or earlier, where that was asked for. */
  #lookAfter(ms: number): void {
    const { clock } = this.#options;
    if (this.#stopping.signal.aborted || clock.monotonic() + ms >= this.#due) return;
    this.#due = clock.monotonic() + ms;
    this.#cancel();
    this.#cancel = clock.after(ms, () => {
      this.#due = Number.POSITIVE_INFINITY;
      this.#lookAfter(LOOK_MS);
      void this.look();
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel();
    await this.#looking;
  }

  /** The registry has changed: true when this copy was retired, and ends. */
  lookAtRights(): boolean {
    const { copy, retired } = this.#options;
    if (copy.facts.phase !== 'complete' || !this.live.retired().has(copy.facts.copy)) return false;
    if (!this.#stopping.signal.aborted) retired();
    return true;
  }

  /** One look at a time; resolves when it is over. */
  look(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    this.#looking ??= this.#look()
      .then(
        () => this.#options.copy.problems.clear('upkeep'),
        (error: unknown) => this.#failed(error),
      )
      .finally(() => {
        this.#looking = null;
      });
    return this.#looking;
  }

  /** The hub is away, or had a reason: the next look sees. What is wrong here, or with the hub, is told. */
  #failed(error: unknown): void {
    const { problems } = this.#options.copy;
    if (error instanceof StorageError) {
      problems.set('upkeep', error.problem);
      this.#lookAfter(DISK_AGAIN_MS);
    } else if (error instanceof MalformedError) problems.set('upkeep', badHistory(error.message));
    else if (!(error instanceof ProblemError)) throw error;
    // The hub had a reason of its own: whatever the disk refused before is over.
    else if (error.problem.code !== 'unreachable') problems.clear('upkeep');
  }

  async #look(): Promise<void> {
    const { copy } = this.#options;
    if (!this.#isReady() || this.lookAtRights()) return;
    await this.#speak();
    await this.#complete();
    const answer = await this.#ask({ kind: 'history', file: copy.facts.file });
    if (answer.kind !== 'history' || !this.#isReady()) return;
    this.#tell(answer);
    if (answer.safe && !(await this.#pack(answer.safe))) return;
    if (!this.#isReady()) return;
    if (answer.proposed) await this.#compare(answer.proposed, answer.differing);
    else await this.#propose(answer.safe);
  }

  #isReady(): boolean {
    const { copy } = this.#options;
    return !this.#stopping.signal.aborted && copy.facts.phase === 'complete' && copy.exchange?.settled === true;
  }

  /** Says by an empty change what is here, when nothing else has said it for a day. */
  async #speak(): Promise<void> {
    const { copy, clock } = this.#options;
    const own = copy.facts.copy;
    const last = copy.store.log.stamps().get(own);
    if (last === undefined || clock.now() - stampMs(last) < SILENCE_MS || this.live.hasSaidAll(own)) return;
    await copy.record([]);
  }

  /** Pieces of the history that this disk has lost are at the hub. */
  async #complete(): Promise<void> {
    const { copy } = this.#options;
    const pieces = [...copy.store.log.segments()].flatMap(({ parts }) => parts.map(({ id }) => id));
    const lost = copy.store.lacking(pieces);
    if (lost.length > 0) await copy.fetchChunks(lost, this.#stopping.signal);
  }

  #tell({ differing: others, proposed }: History): void {
    const { copy } = this.#options;
    const maker = proposed && this.#open(proposed).maker;
    const isConcerned = others.includes(copy.facts.copy) || maker === copy.facts.copy;
    if (maker && others.length > 0 && isConcerned) {
      const names = [maker, ...others].map((one) => `${copy.makerName(one)} (${one.slice(0, 8)})`);
      copy.problems.set('state', differing(names));
    } else copy.problems.clear('state');
  }

  #open(sealed: Uint8Array): SnapshotRecord {
    const { file, office } = this.#options.copy.facts;
    return openSnapshot(sealed, file, office).record;
  }

  // --- what is safe is packed here ---

  /** False: it could not be done now. */
  async #pack(sealed: Uint8Array): Promise<boolean> {
    const { copy } = this.#options;
    const { log } = copy.store;
    const record = this.#open(sealed);
    if (includes(log.floor, record.vector)) return true;
    if (copy.folder.verified !== sha256(sealed)) {
      const found = await this.#verify(sealed);
      if (found === 'differs') copy.problems.set('packing', differsHere(copy.makerName(record.maker)));
      if (found !== 'agrees') return false;
    }
    copy.problems.clear('packing');
    const segments = await this.#history(record);
    if (segments === undefined) return false;
    const here = [...log.segments()];
    const same = commonSegments(here, segments);
    if (same < here.length) {
      copy.store.transaction(() => copy.store.adoptAll(segments));
      return true;
    }
    for (const entry of segments.slice(same)) {
      if (this.#stopping.signal.aborted) return false;
      const made = makeSegment(log, log.floor, entry);
      if (made === undefined || !sameSegment(made.entry, entry)) return false;
      if (copy.store.lacking(entry.parts.map(({ id }) => id)).length > 0) copy.contents.keepOwn(made.chunks);
      copy.store.transaction(() => log.pack(entry, made.changes));
      await this.#turn();
    }
    return true;
  }

  // --- another copy's snapshot ---

  async #compare(sealed: Uint8Array, others: readonly string[]): Promise<void> {
    const { copy, key, chain } = this.#options;
    const { file, copy: own } = copy.facts;
    if (this.#open(sealed).maker === own || others.includes(own)) return;
    const found = await this.#verify(sealed);
    if (found === 'later') return;
    const snapshot = sha256(sealed);
    if (found === 'agrees') {
      if (!(await this.#uploaded())) return;
      await this.#ask({ kind: 'countersign', file, copy: own, snapshot, signed: countersign(sealed, key, chain) });
      await this.#pack(sealed);
    } else {
      await this.#ask({ kind: 'countersign', file, copy: own, snapshot, signed: null });
      copy.problems.set('state', differing([this.#open(sealed).maker, own].map((one) => copy.makerName(one))));
    }
  }

  /** Is what was packed by somebody else the same as what would be packed here, and the state the same? */
  async #verify(sealed: Uint8Array): Promise<'agrees' | 'differs' | 'later'> {
    const { copy } = this.#options;
    const { log } = copy.store;
    const record = this.#open(sealed);
    // What is packed here already was another snapshot's, which a hub has forgotten: this one comes too early.
    if (!includes(copy.store.vector(), record.vector) || !includes(record.vector, log.floor)) return 'later';
    const segments = await this.#history(record);
    if (segments === undefined) return 'later';
    let after: Vector = EMPTY;
    const same = commonSegments([...log.segments()], segments);
    for (const [index, entry] of segments.entries()) {
      if (index >= same) {
        const made = makeSegment(log, after, entry);
        if (made === undefined || !sameSegment(made.entry, entry)) return 'differs';
        copy.contents.keepOwn(made.chunks);
        await this.#turn();
        if (this.#stopping.signal.aborted) return 'later';
      }
      after = entry.upto;
    }
    const digest = await this.#digestAt(record.vector);
    if (digest === null) return 'later';
    if (digest !== record.digest) return 'differs';
    copy.folder.verified = sha256(sealed);
    return 'agrees';
  }

  async #history(record: SnapshotRecord): Promise<readonly SegmentEntry[] | undefined> {
    const { copy } = this.#options;
    return fetchHistory(copy.store, record, (ids) => copy.fetchChunks(ids, this.#stopping.signal));
  }

  // --- a snapshot of our own ---

  /** `safe`: what the hub says that everybody can rely on. */
  async #propose(safe: Uint8Array | null): Promise<void> {
    const { copy, key, chain, packFrom } = this.#options;
    const { log } = copy.store;
    const place = this.live.restingPlace();
    if (place === null || sizeOf(place) - sizeOf(log.floor) < (packFrom ?? MIN_CHANGES)) return;
    const digest = await this.#digestAt(place);
    if (digest === null) return;
    const segments: SegmentEntry[] = [...log.segments()].map(bare);
    // A hub that was brought back from a backup has forgotten the snapshot by which they are packed, and them with it.
    if (safe === null || !includes(this.#open(safe).vector, log.floor)) {
      const pieces = segments.flatMap(({ parts }) => parts.map(({ id }) => id));
      // Somebody else's disk has what this one has lost as well: they propose.
      if (copy.store.lacking(pieces).length > 0) return;
      copy.unsent.offerChunks(pieces);
    }
    for (const made of makeSegments(log, place)) {
      copy.contents.keepOwn(made.chunks);
      segments.push(made.entry);
      await this.#turn();
      if (this.#stopping.signal.aborted) return;
    }
    const bytes = encodeHistory(segments);
    const chunks = piecesOf(bytes).map((piece) => ({ ...encodeChunk(piece), size: piece.byteLength }));
    copy.contents.keepOwn(chunks);
    if (!(await this.#uploaded())) return;
    const { file, copy: own } = copy.facts;
    const record: SnapshotRecord = {
      format: PACKED,
      file,
      vector: place,
      last: [...place]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([of, seq]) => ({ copy: of, hash: hashAt(log, of, seq) })),
      digest,
      manifest: chunks.map(({ id, size }) => ({ id, size })),
      manifestHash: sha256(bytes),
      documents: copy.registry.count('document'),
      databases: copy.registry.count('database'),
      bytes: 0,
      maker: own,
    };
    const sealed = sealSnapshot(record, key, chain);
    await this.#ask({ kind: 'propose', file, copy: own, record: sealed, retired: [...this.live.retired()] });
    copy.folder.verified = sha256(sealed);
    // Where nobody else is to be asked it is safe at once.
    const answer = await this.#ask({ kind: 'history', file });
    if (answer.kind === 'history' && answer.safe && this.#isReady()) await this.#pack(answer.safe);
  }

  #digestAt(vector: Vector): Promise<string | null> {
    const { copy, clock } = this.#options;
    const { store, registry } = copy;
    return digestAt(vector, { store, registry, databases: copy.databases.process, clock });
  }

  /** Waits until the hub has all that was made here; false when the line was cut. */
  async #uploaded(): Promise<boolean> {
    const { copy, clock } = this.#options;
    const until = clock.monotonic() + UPLOAD_MS;
    while (copy.unsent.totals().chunks > 0) {
      if (!this.#isConnected() || clock.monotonic() > until) return false;
      await copy.change(LOOK_AGAIN_MS);
    }
    return this.#isConnected();
  }

  #isConnected(): boolean {
    return !this.#stopping.signal.aborted && this.#options.copy.exchange !== null;
  }

  /** Whoever ends this copy does not wait for the hub. */
  async #ask(question: Question): Promise<Answer> {
    const { signal } = this.#stopping;
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const end = (): void => reject(closedMeanwhile(this.#options.copy.folder.root));
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
    try {
      return await Promise.race([ended, this.#options.hub.ask(question)]);
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(0, resolve));
  }
}

function hashAt(log: { hashAt(copy: string, seq: number): string | undefined }, copy: string, seq: number): string {
  return log.hashAt(copy, seq) ?? '';
}

function bare({ upto, parts, changes }: SegmentEntry): SegmentEntry {
  return { upto, parts, changes };
}
