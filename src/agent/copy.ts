/**
 * One sync copy at work: its store, documents and databases, and the exchange with the parent. Everything it decides is
 * computed again from what is stored, so that it can be stopped at any moment and opened again.
 */
import { type RegistryOp, subjectOf } from '../core/body.ts';
import { sha256 } from '../core/bytes.ts';
import type { Change } from '../core/change.ts';
import { ProblemError } from '../core/problem.ts';
import type { Origin } from '../core/rows.ts';
import { at, type CopyId } from '../core/vector.ts';
import { asStorageFailure } from '../platform/storage-failure.ts';
import { BEHIND, type Exchange, FORKED_LOG } from '../protocol/exchange.ts';
import type { Refusal } from '../protocol/replica.ts';
import { FileStore } from '../store/file-store.ts';
import { Registry } from '../store/registry.ts';
import { isProved } from '../store/stored-chunk.ts';
import type { HubTips } from './branching.ts';
import { Upkeep } from './compaction/upkeep.ts';
import { CopyDatabases } from './copy-databases.ts';
import type { CopyOptions } from './copy-options.ts';
import { clockAhead, closedMeanwhile, refused, unreadableChange } from './copy-problems.ts';
import { Documents } from './documents/documents.ts';
import type { DocumentEvent } from './documents/ports.ts';
import { FolderContents } from './folder-contents.ts';
import { GivingBack } from './giving-back.ts';
import { knownTo } from './known-to.ts';
import { LogDamage } from './log-damage.ts';
import { LostChunks } from './lost-chunks.ts';
import { OwnChanges } from './own-changes.ts';
import { OwnDamage } from './own-damage.ts';
import { Parent } from './parent.ts';
import { Problems } from './problems.ts';
import { foldRegistry, registryChanges } from './registry-folding.ts';
import type { CopyFacts, SyncFolder } from './sync-folder.ts';
import { DISK_AGAIN_MS } from './syncing.ts';
import { Traffic } from './traffic.ts';
import { Unsent } from './unsent.ts';

export class Copy {
  readonly folder: SyncFolder;
  readonly store: FileStore;
  readonly registry: Registry;
  readonly documents: Documents;
  readonly databases: CopyDatabases;
  readonly unsent: Unsent;
  readonly contents: FolderContents;
  readonly problems: Problems;
  readonly logDamage: LogDamage;
  readonly parent: Parent;
  /** What it does for the file as a whole. */
  readonly upkeep: Upkeep;
  /** What went over the line since this copy was opened. */
  readonly traffic: Traffic;
  readonly #options: CopyOptions;
  readonly #own: OwnChanges;
  readonly #givingBack: GivingBack;
  readonly #ownDamage: OwnDamage;
  readonly #lost: LostChunks;
  #facts: CopyFacts;
  #changed: (() => void)[] = [];
  #started = false;
  #stopped = false;
  #registryChanged = false;
  #isBehind = false;

  constructor(facts: CopyFacts, options: CopyOptions) {
    const { folder, clock } = options;
    this.#options = options;
    this.#facts = facts;
    this.folder = folder;
    this.problems = new Problems(clock);
    this.registry = new Registry(folder.db, (copy) => this.store.maker(copy)?.user);
    this.store = new FileStore({
      db: folder.db,
      chunks: folder.chunks,
      file: facts.file,
      office: facts.office,
      clock,
      hooks: {
        stored: (change, bytes) => this.#fold(change, bytes),
        chunksDamaged: (ids) => this.#onDamaged(ids),
        recordDamaged: (id) => this.logDamage.met(id),
        failed: (error) => this.#storageFailed(error),
        clockAhead: (copy, ms) => this.problems.set(`clock ${copy}`, clockAhead(this.makerName(copy), ms)),
      },
    });
    this.logDamage = new LogDamage(this.store, this.problems);
    this.parent = new Parent({
      file: facts.file,
      copy: facts.copy,
      hub: options.hub,
      clock,
      replica: this.store,
      folder,
      isWanted: () => !this.#facts.offline,
      takesChanges: () => this.#facts.phase !== 'fetching' && this.#facts.phase !== 'packed',
      ready: () => this.#onReady(),
      stored: () => this.#onStored(),
      acked: () => this.#onAcked(),
      received: (bytes) => this.traffic.contentReceived(bytes),
      ended: (why, theirs) => this.#onEnded(why, theirs),
    });
    this.#ownDamage = new OwnDamage({ copy: facts.copy, folder, store: this.store, problems: this.problems });
    this.#givingBack = new GivingBack(this, options.hub);
    const retired = (): void => options.forked('away');
    const { hub, key, chain, packFrom } = options;
    this.upkeep = new Upkeep({ copy: this, hub, clock, key, chain, packFrom, retired });
    this.traffic = new Traffic(this.store.log, facts.copy, at(folder.parentVector, facts.copy));
    this.unsent = new Unsent(
      folder.db,
      // A damaged one is named as a problem, and does not keep the others from going.
      (id) => this.store.readChunks([id])[0],
      {
        sent: (bytes) => this.#onSent(bytes),
        lost: (ids) => void this.#lost.look(ids),
        failed: (problem) => {
          this.problems.set('sending', problem);
          clock.after(DISK_AGAIN_MS, () => this.unsent.send());
        },
      },
    );
    this.contents = new FolderContents({ store: this.store, unsent: this.unsent, tasks: options.tasks });
    this.#lost = new LostChunks({
      registry: this.registry,
      contents: this.contents,
      problems: this.problems,
      clock,
      native: (path) => options.outside.files.native(path),
      settled: (ids) => this.unsent.settled(ids),
    });
    this.#own = new OwnChanges({
      store: this.store,
      author: {
        copy: facts.copy,
        key: options.key,
        chain: options.chain,
        reserve: (seq) => options.reserve(facts.copy, seq),
      },
      note: options.note,
      made: () => {
        // Chunks first: when the change is at a colleague's, what it wants is at the hub.
        this.unsent.send();
        this.parent.advance();
        this.#notify();
      },
    });
    this.databases = new CopyDatabases({
      copy: facts.copy,
      folder,
      registry: this.registry,
      files: options.outside.files,
      contents: this.contents,
      source: this.parent,
      problems: this.problems,
      record: (ops, within) => this.record(ops, within),
      append: (bytes, ops) => this.#own.append(bytes, ops),
      appendPieces: (pieces) => this.#own.appendPieces(pieces),
      concerns: (vector, subject) => this.store.log.concerns(vector, subject),
      knownTo: (changes) => knownTo(this.store.log, changes),
      again: () => void clock.after(DISK_AGAIN_MS, () => this.databases.place()),
      make: (events) =>
        options.makeDatabases(facts.copy, folder, { ...events, recordDamaged: (id) => this.logDamage.met(id) }),
      tell: options.tell,
    });
    this.documents = new Documents({
      ...options.outside,
      root: folder.root,
      clock,
      registry: this.registry,
      contents: this.contents,
      source: this.parent,
      record: (ops, within) => this.record(ops, within),
      registryChanges: () => registryChanges(this.store),
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
    this.parent.attach();
  }

  /** Follows the disk from now on. Documents and databases are looked through in the background. */
  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    await this.databases.start();
    await this.documents.start();
    this.upkeep.start();
  }

  /** The base is listed: changes may come. */
  baseKnown(): void {
    this.setFacts({ phase: 'copying' });
    this.parent.begin();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#notify();
    this.parent.detach();
    await this.upkeep.stop();
    if (this.#started) await this.documents.stop();
    await this.databases.stop();
    this.folder.close();
  }

  // The parent

  setOffline(offline: boolean): void {
    if (this.#facts.offline === offline) return;
    this.setFacts({ offline });
    if (offline) this.parent.close('working offline');
    else {
      this.#options.hub.wake();
      this.parent.open();
    }
    this.#notify();
  }

  /** The exchange with the parent, once both sides have said what they have. */
  get exchange(): Exchange | null {
    return this.parent.exchange;
  }

  /** This machine's wall clock, ms. */
  now(): number {
    return this.#options.clock.now();
  }

  /** Room on this copy's disk, bytes. */
  freeBytes(): number {
    return this.#options.outside.files.freeBytes();
  }

  /** Keeps chunks that the hub has and that are what their ids say; resolves with those that could not be had now. */
  async fetchChunks(ids: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const wrong: string[] = [];
    const keep = (id: string, bytes: Uint8Array): Promise<void> | undefined => {
      const chunk = { id, hash: sha256(bytes), bytes };
      if (isProved(chunk)) return this.store.keepChunks([chunk]);
      return void wrong.push(id);
    };
    const missing = await this.parent.fetch(ids, keep, signal);
    this.parent.wrong(wrong);
    return [...missing, ...wrong];
  }

  /** Throws a `ProblemError` for whoever waits for something of a copy that is closed meanwhile. */
  mustBeOpen(): void {
    if (this.#stopped) throw closedMeanwhile(this.folder.root);
  }

  /** What it lacks is packed by now. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Begins the exchange again. */
  reopen(): void {
    this.#isBehind = false;
    this.parent.open();
  }

  /** Resolves when something about this copy has changed, or after `ms`. */
  change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#changed.push(resolve);
      this.#options.clock.after(ms, resolve);
    });
  }

  /** Registry ops as an own change: durable and folded on return, and on its way. */
  record(ops: readonly RegistryOp[], within?: (by: Origin) => void): Promise<Origin> {
    return this.#own.record(ops, within);
  }

  /** Who made the changes of a copy, for people. */
  makerName(copy: CopyId): string {
    return this.store.maker(copy)?.user ?? 'somebody unknown';
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

  #onReady(): void {
    this.problems.clear('parent');
    this.#givingBack.offerAgain();
    this.unsent.use(this.exchange);
    void this.#givingBack.lacking().finally(() => this.documents.place());
    this.upkeep.soon();
    this.databases.place();
    this.#options.tell({ what: 'online', text: 'connected to the hub' });
    this.#notify();
  }

  #storageFailed(error: unknown): void {
    const failure = asStorageFailure(error, 'Colleagues’ work cannot be kept on this disk', this.folder.root);
    if (!(failure instanceof ProblemError)) return;
    this.problems.set('disk', failure.problem);
    this.#options.tell({ what: 'problem', text: failure.problem.text });
    this.#notify();
  }

  #onStored(): void {
    this.traffic.stored();
    this.problems.clear('disk');
    this.databases.forward();
    // Most changes are about rows: the lists of documents and databases are looked through only when they changed.
    if (this.#registryChanged) {
      this.#registryChanged = false;
      this.databases.place();
      if (!this.#givingBack.isAtWork) this.documents.place();
      this.upkeep.lookAtRights();
    }
    this.#notify();
  }

  #onAcked(): void {
    const confirmed = at(this.parent.vector, this.#facts.copy);
    this.traffic.confirmed(confirmed);
    this.#ownDamage.confirmed(confirmed);
    this.#notify();
  }

  #onSent(bytes: number): void {
    this.problems.clear('sending');
    this.traffic.contentSent(bytes);
    this.#options.tell({ what: 'sent', text: 'content sent', bytes });
    this.#notify();
  }

  #onEnded({ code, text }: Refusal, theirs: HubTips): void {
    this.unsent.use(null);
    if (code === 'forged' || code === 'distrusted') this.#options.hub.refused();
    const isNew = this.#facts.phase !== 'complete' && at(this.store.vector(), this.#facts.copy) === 0;
    // What was edited here since goes on from changes that the hub has packed: it is issued again.
    if (code === BEHIND && isNew) this.#isBehind = true;
    else if (code === 'forked' || code === BEHIND) this.#options.forked(code === BEHIND ? 'away' : 'forked');
    else if (code === FORKED_LOG && this.#facts.phase !== 'publishing') this.#options.forked('branched', theirs);
    else if (code === 'unknown-file' && this.#givingBack.mayHelp) void this.#giveBack();
    else if (code !== 'cut' && code !== 'closed') this.problems.set('parent', refused(text));
    this.#options.tell({ what: 'offline', text });
    this.#notify();
  }

  /** The hub does not know the file: it was closed to us, or the hub was brought back from a backup. */
  async #giveBack(): Promise<void> {
    try {
      await this.#givingBack.file();
      this.parent.open();
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      if (error.problem.code !== 'unreachable') this.problems.set('parent', refused(error.problem.text));
      this.#notify();
    }
  }

  #onDamaged(ids: readonly string[]): void {
    this.#lost.damaged(ids);
    this.#ownDamage.found(ids, this.parent.vector);
    this.#notify();
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
