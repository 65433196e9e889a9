/**
 * One sync copy at work: its store, documents and databases, and the exchange with the parent. Everything it decides is
 * computed again from what is stored, so that it can be stopped at any moment and opened again.
 */
import type { KeyObject } from 'node:crypto';
import { body as bodyCodec, type RegistryOp, subjectOf } from '../core/body.ts';
import type { Change } from '../core/change.ts';
import { decode, encode, MalformedError } from '../core/codec.ts';
import { type Problem, ProblemError } from '../core/problem.ts';
import type { Origin } from '../core/rows.ts';
import { at, type CopyId, type Vector, withEntry } from '../core/vector.ts';
import type { Clock } from '../platform/ports.ts';
import { asStorageFailure, storageKind } from '../platform/storage-failure.ts';
import type { TaskRunner } from '../platform/tasks.ts';
import { Exchange } from '../protocol/exchange.ts';
import type { ChunkRecord, Refusal } from '../protocol/replica.ts';
import type { Session } from '../protocol/session.ts';
import type { ChunkTasks } from '../store/chunk-tasks.ts';
import { type Author, FileStore } from '../store/file-store.ts';
import type { StoredChange } from '../store/log.ts';
import { Registry } from '../store/registry.ts';
import { CopyDatabases, type MakeDatabases } from './copy-databases.ts';
import { stopIfAsked } from './copying.ts';
import { Documents } from './documents/documents.ts';
import type { DocumentEvent, DocumentsDeps } from './documents/ports.ts';
import { FolderContents } from './folder-contents.ts';
import type { Attached, HubConnection } from './hub-connection.ts';
import { type OpenProblem, Problems } from './problems.ts';
import type { CopyFacts, SyncFolder } from './sync-folder.ts';
import { Unsent } from './unsent.ts';

/** A database that the disk did not take is tried again after this. */
const DISK_AGAIN_MS = 15_000;
/** How long nothing may move before a wait looks again by itself. */
const LOOK_AGAIN_MS = 200;
/** How long content that is being uploaded may make no progress before others get their turn. */
const PATIENCE_MS = 3000;

export type CopyState = 'online' | 'offline' | 'syncing' | 'unreachable';
export type Amount = { changes: number; bytes: number };

/** Something that a person may like to see pass by. */
export type CopyEvent = {
  readonly what: 'sent' | 'received' | 'captured' | 'placed' | 'conflict' | 'problem' | 'online' | 'offline';
  readonly text: string;
  readonly path?: string;
  readonly bytes?: number;
};

export interface CopyOptions {
  readonly folder: SyncFolder;
  readonly clock: Clock;
  readonly hub: HubConnection;
  readonly key: KeyObject;
  readonly chain: readonly Uint8Array[];
  /** Writes down durably in TIEOUT_HOME that the number is being used. */
  readonly reserve: (copy: CopyId, seq: number) => void;
  /** The log has this own change durably. */
  readonly note: (copy: CopyId, seq: number, hash: string) => void;
  readonly makeDatabases: MakeDatabases;
  /** What documents need from the outside. */
  readonly outside: Pick<DocumentsDeps, 'files' | 'watcher' | 'random' | 'host'>;
  /** The work on bytes: worker threads, or this one. */
  readonly tasks: TaskRunner<ChunkTasks>;
  readonly tell: (event: CopyEvent) => void;
  /** The parent knows another history of this copy: it must go on under another id. */
  readonly forked: () => void;
}

export class Copy implements Attached {
  readonly folder: SyncFolder;
  readonly store: FileStore;
  readonly registry: Registry;
  readonly documents: Documents;
  readonly databases: CopyDatabases;
  readonly unsent: Unsent;
  readonly contents: FolderContents;
  readonly problems: Problems;
  readonly #options: CopyOptions;
  readonly #author: Author;
  #facts: CopyFacts;
  #exchange: Exchange | null = null;
  #session: Session | null = null;
  #countedIn: Vector;
  #countedOut: number | null = null;
  #received: Amount = { changes: 0, bytes: 0 };
  #sent: Amount = { changes: 0, bytes: 0 };
  #changed: (() => void)[] = [];
  #started = false;
  #registryChanged = false;

  constructor(facts: CopyFacts, options: CopyOptions) {
    const { folder, clock } = options;
    this.#options = options;
    this.#facts = facts;
    this.folder = folder;
    this.problems = new Problems(clock);
    this.registry = new Registry(folder.db);
    this.store = new FileStore({
      db: folder.db,
      chunks: folder.chunks,
      file: facts.file,
      office: facts.office,
      clock,
      hooks: {
        stored: (change, bytes) => this.#fold(change, bytes),
        chunksDamaged: (ids) => this.problems.set('chunks', damagedChunks(ids.length)),
        failed: (error) => this.#storageFailed(error),
        clockAhead: (copy, ms) => this.problems.set(`clock ${copy}`, clockAhead(this.makerName(copy), ms)),
      },
    });
    this.#countedIn = this.store.vector();
    this.unsent = new Unsent(
      folder.db,
      // A damaged one is named as a problem, and does not keep the others from going.
      (id) => this.store.readChunks([id])[0],
      (bytes) => this.#onSent(bytes),
    );
    this.contents = new FolderContents({ store: this.store, unsent: this.unsent, tasks: options.tasks });
    this.#author = {
      copy: facts.copy,
      key: options.key,
      chain: options.chain,
      reserve: (seq) => options.reserve(facts.copy, seq),
    };
    this.databases = new CopyDatabases({
      folder,
      registry: this.registry,
      files: options.outside.files,
      contents: this.contents,
      source: this,
      problems: this.problems,
      record: (ops, within) => this.record(ops, within),
      append: (bytes) => this.append(bytes),
      concerns: (vector, subject) => this.store.log.concerns(vector, subject),
      again: () => void clock.after(DISK_AGAIN_MS, () => this.databases.place()),
      make: (events) => options.makeDatabases(facts.copy, folder, events),
      tell: options.tell,
    });
    this.documents = new Documents({
      ...options.outside,
      root: folder.root,
      clock,
      registry: this.registry,
      contents: this.contents,
      source: this,
      record: (ops, within) => this.record(ops, within),
      transaction: (write) => this.store.transaction(write),
      databases: this.databases,
      tell: (event) => this.#onDocuments(event),
    });
  }

  get facts(): CopyFacts {
    return this.#facts;
  }

  setFacts(change: Partial<CopyFacts>): void {
    this.#facts = { ...this.#facts, ...change };
    this.folder.setFacts(this.#facts);
  }

  /** Uses the way to the hub from now on. */
  attach(): void {
    this.#options.hub.attach(this);
  }

  /** Follows the disk from now on. Documents and databases are looked through in the background. */
  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    await this.databases.start();
    await this.documents.start();
  }

  /** The base is listed: changes may come. */
  baseKnown(): void {
    this.setFacts({ phase: 'copying' });
    this.#exchange?.begin();
  }

  async stop(): Promise<void> {
    this.#options.hub.detach(this);
    this.#closeExchange('this copy is closed here');
    if (this.#started) await this.documents.stop();
    await this.databases.stop();
    this.folder.close();
  }

  // The parent

  connected(session: Session): void {
    this.#session = session;
    this.#openExchange();
  }

  disconnected(): void {
    this.#session = null;
  }

  setOffline(offline: boolean): void {
    if (this.#facts.offline === offline) return;
    this.setFacts({ offline });
    if (offline) this.#closeExchange('working offline');
    else {
      this.#options.hub.wake();
      this.#openExchange();
    }
    this.#notify();
  }

  /** The exchange with the parent, once both sides have said what they have. */
  get exchange(): Exchange | null {
    return this.#exchange?.ready ? this.#exchange : null;
  }

  state(): CopyState {
    if (this.#facts.offline) return 'offline';
    if (this.exchange === null) return 'unreachable';
    const { out, in: incoming } = this.pending();
    return out.changes + out.bytes + incoming.changes > 0 ? 'syncing' : 'online';
  }

  pending(): { out: Amount; in: Amount } {
    const parent = this.#parentVector();
    const mine = this.store.vector();
    const out = this.store.log.amountAfter(parent);
    const missing = [...parent].reduce((sum, [copy, seq]) => sum + Math.max(0, seq - at(mine, copy)), 0);
    return {
      out: { changes: out.changes, bytes: out.bytes + this.unsent.totals().bytes },
      in: { changes: missing, bytes: this.documents.missing().bytes },
    };
  }

  /** The parent has everything that was done here and noticed. */
  safe(): boolean {
    this.documents.lookAtHints();
    const { out } = this.pending();
    return out.changes === 0 && out.bytes === 0 && this.documents.quiet();
  }

  /** Resolves when the parent is reached, or after `ms`. */
  async whenReady(ms: number): Promise<void> {
    const until = this.#options.clock.monotonic() + ms;
    while (this.exchange === null && this.#options.clock.monotonic() < until) await this.change(LOOK_AGAIN_MS);
  }

  async conflictCount(): Promise<number> {
    const lists = await this.databases.conflicts();
    const inDatabases = lists.reduce((sum, { conflicts }) => sum + conflicts.length, 0);
    return this.documents.listing.conflicts().length + inDatabases;
  }

  allProblems(): OpenProblem[] {
    return [...this.problems.list(), ...this.documents.problems()].sort((a, b) => a.since - b.since);
  }

  /** Room on this copy's disk, bytes. */
  freeBytes(): number {
    return this.#options.outside.files.freeBytes();
  }

  /** What is in the file and not yet in its place here. */
  missing(): { documents: number; bytes: number } {
    const documents = this.documents.missing();
    const databases = this.databases.missing();
    return { documents: documents.documents + databases.documents, bytes: documents.bytes + databases.bytes };
  }

  /** Resolves when the parent has durably what is here now; rejects when it is out of reach. */
  async parentHasAll(signal: AbortSignal): Promise<void> {
    for (;;) {
      stopIfAsked(signal);
      const { out } = this.pending();
      if (this.exchange && out.changes + out.bytes === 0) return;
      if (this.exchange === null) await this.#options.hub.sessionOrRefusal();
      await this.change(LOOK_AGAIN_MS);
    }
  }

  /** Takes in what was saved on disk, and resolves when the parent has it; rejects when that is out of reach. */
  async handOver(signal: AbortSignal): Promise<void> {
    await this.documents.settle();
    await this.databases.settle();
    await this.parentHasAll(signal);
  }

  /** Takes in what was saved on disk and exchanges until nothing is pending. */
  async sync(signal: AbortSignal): Promise<void> {
    await this.handOver(signal);
    // What others had stored at the hub may still wait there for its turn on the line.
    const { hub } = this.#options;
    await this.exchange?.level().catch(() => hub.sessionOrRefusal());
    while (!this.exchange?.settled || this.missing().documents > 0) {
      stopIfAsked(signal);
      if (this.exchange === null) await this.#options.hub.sessionOrRefusal();
      await this.change(LOOK_AGAIN_MS);
    }
    await this.documents.placed();
    await this.databases.settle();
    await this.parentHasAll(signal);
  }

  /** What went over the line since this copy was opened. */
  traffic(): { sent: Amount; received: Amount } {
    return { sent: { ...this.#sent }, received: { ...this.#received } };
  }

  /** Resolves when something about this copy has changed, or after `ms`. */
  change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#changed.push(resolve);
      this.#options.clock.after(ms, resolve);
    });
  }

  // What is done here

  /** Registry ops as an own change: durable and folded on return, and on its way. */
  async record(ops: readonly RegistryOp[], within?: (by: Origin) => void): Promise<Origin> {
    const bytes = encode(bodyCodec, { kind: 'registry', ops });
    const made = this.#append([bytes], (changes) => {
      for (const { copy, seq, stamp } of changes) within?.({ copy, seq, stamp });
    });
    const [change] = made;
    return { copy: change!.copy, seq: change!.seq, stamp: change!.stamp };
  }

  /** A body as an own change. */
  append(bytes: Uint8Array): StoredChange {
    return this.#append([bytes])[0]!;
  }

  /** Chunks that are not here, from the parent. Resolves with those that could not be had. */
  async fetch(
    ids: readonly string[],
    deliver: (id: string, stored: Uint8Array) => void | Promise<void>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const missing = new Set(ids);
    const exchange = this.exchange;
    if (exchange === null) return ids;
    const delivering: Promise<void>[] = [];
    const giveUp = new AbortController();
    let stopTimer = (): void => {};
    const take = ({ id, bytes }: ChunkRecord): Promise<void> | undefined => {
      stopTimer();
      missing.delete(id);
      this.#received.bytes += bytes.byteLength;
      const busy = deliver(id, bytes) ?? undefined;
      if (busy) delivering.push(busy);
      return busy;
    };
    // A colleague's upload under way is followed; what nobody has uploaded must not be waited for.
    const waiting = (): void => {
      stopTimer();
      stopTimer = this.#options.clock.after(PATIENCE_MS, () => giveUp.abort());
    };
    try {
      await exchange.fetch(ids, take, { signal: AbortSignal.any([signal, giveUp.signal]), waiting });
    } catch {
      // What has not come is told.
    }
    stopTimer();
    await Promise.all(delivering);
    return [...missing];
  }

  /** Who made the changes of a copy, for people. */
  makerName(copy: CopyId): string {
    return this.store.maker(copy)?.user ?? 'somebody unknown';
  }

  #append(bodies: readonly Uint8Array[], alongside?: (made: readonly StoredChange[]) => void): StoredChange[] {
    const made = this.store.append(this.#author, bodies, alongside);
    const last = made.at(-1);
    if (last) this.#options.note(last.copy, last.seq, last.hash);
    // Chunks first: when the change is at a colleague's, what it wants is at the hub.
    this.unsent.send();
    this.#exchange?.advance();
    this.#notify();
    return made;
  }

  #fold(change: Change, bytes: Uint8Array): string | null {
    const subject = subjectOf(bytes);
    if (subject !== '') return subject;
    this.#registryChanged = true;
    if (!foldRegistry(this.registry, change, bytes)) {
      this.problems.set(`change ${change.copy}`, unreadableChange(this.makerName(change.copy)));
    }
    return subject;
  }

  #openExchange(): void {
    const session = this.#session;
    if (session === null || this.#facts.offline || this.#exchange) return;
    const { file, copy } = this.#facts;
    const exchange: Exchange = session.open(
      file,
      copy,
      (channel, line) =>
        new Exchange({
          channel,
          line,
          replica: this.store,
          acceptsUploads: false,
          own: copy,
          onReady: () => this.#onReady(),
          onStored: () => this.#onStored(),
          onAcked: () => this.#onAcked(),
          onEnd: (why) => this.#onEnd(exchange, why),
        }),
    );
    this.#exchange = exchange;
    // Changes can be folded only onto the base.
    if (this.#facts.phase !== 'fetching') exchange.begin();
  }

  #onReady(): void {
    this.problems.clear('parent');
    this.#offerAgain();
    this.unsent.use(this.#exchange);
    this.documents.place();
    this.databases.place();
    this.#options.tell({ what: 'online', text: 'connected to the hub' });
    this.#notify();
  }

  /**
   * A hub that was brought back from a backup lacks changes, and with them contents that it has said to keep. What it
   * still has costs its name only.
   */
  #offerAgain(): void {
    const parent = this.#parentVector();
    if (!this.store.log.concerns(parent, '')) return;
    const ids = new Set<string>();
    for (const { chunks } of this.registry.contentsAfter(parent)) for (const { id } of chunks) ids.add(id);
    this.unsent.offerAgain(ids);
  }

  #storageFailed(error: unknown): void {
    const failure = asStorageFailure(error, 'Colleagues’ work cannot be kept on this disk', this.folder.root);
    if (!(failure instanceof ProblemError)) return;
    this.problems.set('disk', failure.problem);
    this.#options.tell({ what: 'problem', text: failure.problem.text });
    this.#notify();
  }

  #onStored(): void {
    this.#countReceived();
    this.problems.clear('disk');
    this.databases.forward();
    // Most changes are about rows: the lists of documents and databases are looked through only when they changed.
    if (this.#registryChanged) {
      this.#registryChanged = false;
      this.databases.place();
      this.documents.place();
    }
    this.#notify();
  }

  #onAcked(): void {
    const { copy } = this.#facts;
    const acked = at(this.#parentVector(), copy);
    this.#countSent(acked);
    this.#notify();
  }

  /** What of the own log the parent has confirmed since the last time. */
  #countSent(acked: number): void {
    const { copy } = this.#facts;
    const before = this.#countedOut ?? at(this.folder.parentVector, copy);
    this.#countedOut = Math.max(before, acked);
    if (acked <= before) return;
    const others = this.store.vector();
    const left = (seq: number): Amount => this.store.log.amountAfter(withEntry(others, copy, seq));
    this.#sent.changes += acked - before;
    this.#sent.bytes += left(before).bytes - left(acked).bytes;
  }

  #countReceived(): void {
    const own = withEntry(this.#countedIn, this.#facts.copy, Number.MAX_SAFE_INTEGER);
    const { changes, bytes } = this.store.log.amountAfter(own);
    this.#received.changes += changes;
    this.#received.bytes += bytes;
    this.#countedIn = this.store.vector();
  }

  #onSent(bytes: number): void {
    this.#sent.bytes += bytes;
    this.#options.tell({ what: 'sent', text: 'content sent', bytes });
    this.#notify();
  }

  #onEnd(exchange: Exchange, { code, text }: Refusal): void {
    if (this.#exchange !== exchange) return;
    this.#exchange = null;
    this.unsent.use(null);
    this.#rememberParent(exchange.partner);
    if (code === 'forked') this.#options.forked();
    else if (code !== 'cut' && code !== 'closed') this.problems.set('parent', refused(text));
    this.#options.tell({ what: 'offline', text });
    this.#notify();
  }

  /** Only saves work: without it more is offered again after a restart. A full disk is told where it does harm. */
  #rememberParent(vector: Vector): void {
    try {
      this.folder.parentVector = vector;
    } catch (error) {
      if (storageKind(error) === undefined) throw error;
    }
  }

  #closeExchange(text: string): void {
    if (this.#exchange) this.#session?.close(this.#exchange, text);
  }

  #parentVector(): Vector {
    return this.exchange?.partner ?? this.folder.parentVector;
  }

  #onDocuments(event: DocumentEvent): void {
    if (event.kind === 'captured') {
      for (const path of event.documents) this.#options.tell({ what: 'captured', text: `${path} saved`, path });
    }
    if (event.kind === 'placed') {
      for (const path of event.documents) this.#options.tell({ what: 'placed', text: `${path} is here`, path });
    }
    this.#notify();
  }

  #notify(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const tell of waiting) tell();
  }
}

/**
 * False: the body cannot be read. Its maker signed it, so the log stays closed; it has no effect on any copy.
 */
export function foldRegistry(registry: Registry, change: Change, bytes: Uint8Array): boolean {
  try {
    const read = decode(bodyCodec, bytes);
    if (read.kind === 'registry') registry.fold(change, read);
    return true;
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}

function refused(text: string): Problem {
  return { code: 'refused', text: `The hub does not accept this copy: ${text}`, remedy: 'Ask the owner of the file.' };
}

function damagedChunks(count: number): Problem {
  return {
    code: 'damaged-chunks',
    text: `${count} pieces of stored content were damaged on this disk and are not used.`,
    remedy: 'They are fetched from the hub when needed. Run `tieout doctor`, and have the disk checked.',
  };
}

function clockAhead(user: string, ms: number): Problem {
  return {
    code: 'clock',
    text: `The clock of ${user}'s machine is wrong: it says ${new Temporal.Instant(BigInt(ms) * 1_000_000n).toString()}.`,
    remedy: `Ask ${user} to set the clock of the machine.`,
  };
}

function unreadableChange(user: string): Problem {
  return {
    code: 'unreadable-change',
    text: `A change by ${user} cannot be read by this release.`,
    remedy: 'Install the newest release of Tieout on this machine.',
  };
}
