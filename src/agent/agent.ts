/**
 * One machine: its hubs, its sync copies, and what is told to those who watch. Copies live and fail on their own; one
 * that cannot be opened is listed with its problem and does not keep the others from working.
 */
import type { ProblemError } from '../core/problem.ts';
import { FILE } from '../core/registry.ts';
import type { CopyId } from '../core/vector.ts';
import type { dialFirst } from '../platform/dial.ts';
import type { Clock, FileBytes, Files, Random, Watcher } from '../platform/ports.ts';
import type { TaskRunner } from '../platform/tasks.ts';
import { publishedId } from '../protocol/file-id.ts';
import type { ChunkTasks } from '../store/chunk-tasks.ts';
import {
  alreadyCopy,
  beingDetached,
  COPIED,
  copiedFolder,
  DETACHING,
  GONE,
  nestedCopies,
  notACopy,
  notThere,
  WHY_RENEWED,
  whyClosed,
} from './agent-problems.ts';
import { Copy } from './copy.ts';
import type { MakeDatabases } from './copy-databases.ts';
import type { CopyEvent } from './copy-options.ts';
import { UNFINISHED, unfinished } from './copy-problems.ts';
import { isLeftOver, mustBeSafe, takeLeave, takeOut } from './detaching.ts';
import type { HubConnection } from './hub-connection.ts';
import { Hubs } from './hubs.ts';
import type { MachineIdentity, Membership } from './identity.ts';
import type { Ledger } from './ledger.ts';
import type { Place } from './matching.ts';
import { Renewals } from './renewals.ts';
import { type CopyFacts, SYNC_FOLDER, SyncFolder } from './sync-folder.ts';

export interface AgentOptions {
  readonly home: string;
  readonly identity: MachineIdentity;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  /** Calls a hub. */
  readonly dial: typeof dialFirst;
  readonly fileBytes: FileBytes;
  readonly filesOf: (root: string) => Files;
  readonly watcher: Watcher;
  readonly tasks: TaskRunner<ChunkTasks>;
  readonly makeDatabases: MakeDatabases;
  /** This computer's name, as editors write it into their owner files. */
  readonly host: string;
  readonly log: (text: string) => void;
  /** Changes that everybody has are packed from this many on; left out: as many as are worth it. */
  readonly packFrom?: number;
}

/** A copy that could not be opened (its disk is not there, another agent has it) is tried again after this. */
const OPEN_AGAIN_MS = 15_000;

/** A copy that this machine is known to have, open or with the reason why not. */
export type ListedCopy =
  | { readonly kind: 'open'; readonly root: string; readonly copy: Copy }
  | { readonly kind: 'closed'; readonly root: string; readonly why: ProblemError };

/** What is said of a copy that is to be made; `file` null: it publishes a new one. */
type BegunFacts = Omit<CopyFacts, 'copy' | 'offline' | 'file'> & { readonly file: string | null };

export type AgentEvent = CopyEvent & { readonly copy: Copy };

export class Agent {
  readonly options: AgentOptions;
  readonly #hubs: Hubs;
  readonly #copies = new Map<string, ListedCopy>();
  readonly #opening = new Map<string, Promise<void>>();
  /** Tried again in a while. */
  readonly #toOpen = new Set<string>();
  readonly #stopping = new AbortController();
  /** Copies that get a new id. */
  readonly #renewals: Renewals;
  /** Folders that become ordinary ones. */
  readonly #detachings = new Map<string, Promise<void>>();
  readonly #watching = new Set<(event: AgentEvent) => void>();

  constructor(options: AgentOptions) {
    this.options = options;
    this.#hubs = new Hubs(options);
    this.#renewals = new Renewals({
      ...options,
      signal: this.#stopping.signal,
      newId: () => this.#newId(),
      membership: (office) => this.membership(office),
      hub: (office) => this.hub(office),
      placeOf: (root) => this.#placeOf(root),
      renewed: (root) => this.#openRenewed(root),
    });
  }

  /** Opens every copy that this machine has, and calls the hubs. */
  async start(): Promise<void> {
    this.#hubs.start();
    for (const known of this.options.ledger.all()) {
      if (known.path !== undefined) await this.#tryToOpen(known.path);
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#opening.values());
    for (const listed of this.#copies.values()) if (listed.kind === 'open') await this.#close(listed.copy);
    this.#hubs.stop();
    // They have a sync folder open, which is nobody else's before they let go.
    await Promise.allSettled([this.#renewals.ended(), ...this.#detachings.values()]);
    this.#copies.clear();
  }

  /** The machine slept, or its network changed. */
  wake(): void {
    this.#hubs.wake();
  }

  copies(): ListedCopy[] {
    return [...this.#copies.values()].sort((a, b) => (a.root < b.root ? -1 : 1));
  }

  /** The copy that a folder lies in. Throws a `ProblemError` that says why it cannot be used. */
  copyAt(folder: string): Copy {
    const listed = this.#listedAt(folder);
    if (listed?.kind === 'open') return listed.copy;
    if (listed) throw listed.why;
    throw notACopy(folder);
  }

  /** As `copyAt`; one that could not be opened is tried again first, for whoever names it may have mended what was wrong. */
  async copyNamed(folder: string): Promise<Copy> {
    const listed = this.#listedAt(folder);
    if (listed?.kind === 'closed') await this.#tryToOpen(listed.root);
    return this.copyAt(folder);
  }

  /** The way to the hub of an office; without a name the one that this machine has joined last. */
  hub(office = this.membership().office): HubConnection {
    return this.#hubs.hub(office);
  }

  membership(office?: string): Membership {
    return this.#hubs.membership(office);
  }

  /** Makes the sync folder of a new copy, or opens the one of the same file that was begun here. */
  begin(root: string, facts: BegunFacts): Copy {
    const listed = this.#copies.get(root);
    if (listed?.kind === 'open') return this.#begun(listed.copy, facts);
    // It has its sync folder to itself while it gets a new id.
    if (listed?.why.problem.code === COPIED) throw listed.why;
    this.#refuseNested(root);
    const folder = new SyncFolder(root, this.options.fileBytes);
    try {
      const known = folder.facts ?? this.#newFacts(facts);
      if (known.phase === 'complete') throw alreadyCopy(root);
      if (known.phase === 'detaching') throw beingDetached(root);
      folder.setFacts(known);
      if (!this.options.ledger.entry(known.copy)) {
        this.options.ledger.register(known.copy, known.file, known.office, this.#placeOf(root));
      }
      return this.#open(folder, known);
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  /**
   * The copy that `folder` lies in becomes an ordinary folder; returns where that is. `unsent`: what the hub lacks may
   * stay in it only. What was begun goes on with the same call. Throws a `ProblemError` that says what is in the way.
   */
  async detach(folder: string, unsent: boolean, signal: AbortSignal): Promise<string> {
    const { filesOf, fileBytes } = this.options;
    const root = this.#listedAt(folder)?.root ?? folder;
    const running = this.#detachings.get(root);
    if (running) return running.then(() => root);
    if (unsent && filesOf(root).facts('') === undefined) return this.forget(root);
    if (!this.#goesOnDetaching(root, unsent)) {
      const copy = await this.copyNamed(folder);
      if (!unsent) await mustBeSafe(copy, signal);
      copy.setFacts({ phase: 'detaching' });
      this.#copies.set(root, { kind: 'closed', root, why: beingDetached(root) });
      if (!unsent) await takeLeave(copy, signal);
      await copy.stop();
    }
    const { ledger, makeDatabases } = this.options;
    const detaching = takeOut({ root, files: filesOf(root), fileBytes, ledger, makeDatabases });
    this.#detachings.set(root, detaching);
    await detaching.finally(() => this.#detachings.delete(root));
    this.#copies.delete(root);
    return root;
  }

  /** Its folder is not there any more, and nobody expects it back; or the hub never took it. */
  async forget(root: string): Promise<string> {
    await this.#opening.get(root);
    const { ledger } = this.options;
    const known = ledger.lookup(root);
    if (known === undefined) throw notACopy(root);
    const listed = this.#copies.get(root);
    if (listed?.kind === 'open') await listed.copy.stop();
    ledger.leave(known.copy);
    this.#copies.delete(root);
    return root;
  }

  watch(tell: (event: AgentEvent) => void): () => void {
    this.#watching.add(tell);
    return () => this.#watching.delete(tell);
  }

  #listedAt(folder: string): ListedCopy | undefined {
    return this.copies().find(({ root }) => folder === root || startsWithFolder(folder, root));
  }

  /** Is there no copy to be closed first, but only what is left of one? */
  #goesOnDetaching(root: string, unsent: boolean): boolean {
    const { filesOf, fileBytes } = this.options;
    const listed = this.#copies.get(root);
    if (listed === undefined) return isLeftOver(root, filesOf(root), fileBytes);
    if (listed.kind === 'open') return false;
    const { code } = listed.why.problem;
    // Somebody has deleted the sync folder by hand: the marks are still in the databases.
    const isGone = code === GONE && filesOf(root).facts('') !== undefined;
    return code === DETACHING || (isGone && unsent);
  }

  #newFacts(facts: BegunFacts): CopyFacts {
    const copy = this.#newId();
    const file = facts.file ?? publishedId(this.options.identity.device, copy);
    return { ...facts, file, copy, offline: false };
  }

  #begun(copy: Copy, facts: BegunFacts): Copy {
    const { phase, file } = copy.facts;
    const isPublishing = phase === 'publishing' && facts.phase === 'publishing';
    if (phase === 'complete' || (!isPublishing && file !== facts.file)) throw alreadyCopy(copy.folder.root);
    // A publish goes on under the id that it began with; name and members are today's until the hub has taken them.
    if (isPublishing && copy.registry.row(FILE, 'file').cells.size === 0) {
      copy.setFacts({ name: facts.name, members: facts.members });
    }
    return copy;
  }

  /** One try at a time; what cannot be opened now is listed with the reason, and tried again in a while. */
  #tryToOpen(root: string): Promise<void> {
    const trying = this.#opening.get(root) ?? this.#openOrList(root).finally(() => this.#opening.delete(root));
    this.#opening.set(root, trying);
    return trying;
  }

  async #openOrList(root: string): Promise<void> {
    const listed = this.#copies.get(root);
    // It is open, or gets a new id before it is.
    if (this.#stopping.signal.aborted || listed?.kind === 'open') return;
    if (listed && [COPIED, DETACHING].includes(listed.why.problem.code)) return;
    try {
      await this.#reopen(root);
    } catch (error) {
      this.#listClosed(root, error, listed?.why);
    }
  }

  /** With the reason, whatever it is: the other copies go on. */
  #listClosed(root: string, error: unknown, before?: ProblemError): void {
    const why = whyClosed(root, error);
    if (before?.message !== why.message) this.options.log(`${root}: ${error === why ? why.message : inFull(error)}`);
    this.#copies.set(root, { kind: 'closed', root, why });
    this.#openAgain(root);
  }

  #openAgain(root: string): void {
    if (this.#toOpen.has(root)) return;
    this.#toOpen.add(root);
    this.options.clock.after(OPEN_AGAIN_MS, () => {
      this.#toOpen.delete(root);
      if (this.#copies.has(root)) void this.#tryToOpen(root);
    });
  }

  async #reopen(root: string): Promise<void> {
    if (this.options.filesOf(root).facts(SYNC_FOLDER) === undefined) throw notThere(root);
    const folder = new SyncFolder(root, this.options.fileBytes);
    let copy: Copy | undefined;
    try {
      copy = this.#openIn(folder);
      await this.#goOn(copy);
    } catch (error) {
      // Tried again in a while: nothing of it may stay at work, or in the next one's way.
      await (copy ? copy.stop() : folder.close());
      throw error;
    }
  }

  #openIn(folder: SyncFolder): Copy {
    const { facts, root } = folder;
    if (facts === undefined) throw notThere(root);
    if (facts.phase === 'detaching') throw beingDetached(root);
    return this.#open(folder, facts);
  }

  /** As the copy that it was, or, where it is a duplicate of that, under a new id. */
  async #goOn(copy: Copy): Promise<void> {
    const { facts, store, folder } = copy;
    const { root } = folder;
    const found = {
      ...this.#placeOf(root),
      last: store.log.tips().get(facts.copy)?.seq ?? 0,
      hashAt: (seq: number) => store.log.hashAt(facts.copy, seq),
    };
    const hasSyncFolder = (path: string): boolean => this.options.filesOf(path).facts(SYNC_FOLDER) !== undefined;
    if (this.options.ledger.match(facts.copy, found, hasSyncFolder) === 'copied') {
      this.#copies.set(root, { kind: 'closed', root, why: copiedFolder(root) });
      this.#renewals.after(root, copy.stop(), 'duplicate');
      return;
    }
    if (facts.phase !== 'complete') return;
    copy.attach();
    await copy.start();
  }

  async #close(copy: Copy): Promise<void> {
    const { copy: id } = copy.facts;
    await copy.stop();
    this.options.ledger.settle(id);
  }

  async #openRenewed(root: string): Promise<void> {
    try {
      await this.#reopen(root);
    } catch (error) {
      // The disk, say: it is a copy like any other that cannot be opened now.
      this.#listClosed(root, error);
    }
  }

  #placeOf(root: string): Place {
    const facts = this.options.filesOf(root).facts(SYNC_FOLDER);
    return { path: root, device: facts?.device ?? '', inode: facts?.inode ?? '' };
  }

  #open(folder: SyncFolder, facts: CopyFacts): Copy {
    const { identity, ledger, clock, random, filesOf, watcher, tasks, makeDatabases, host, packFrom } = this.options;
    const copy: Copy = new Copy(facts, {
      folder,
      clock,
      hub: this.hub(facts.office),
      key: identity.key,
      chain: this.membership(facts.office).chain,
      reserve: (id: CopyId, seq: number) => ledger.reserve(id, seq),
      note: (id: CopyId, seq: number, hash: string) => ledger.note(id, seq, hash),
      makeDatabases,
      outside: { files: filesOf(folder.root), watcher, random, host },
      tasks,
      packFrom,
      tell: (event) => {
        for (const tell of this.#watching) tell({ ...event, copy });
      },
      forked: (how, theirs) => {
        const { root } = folder;
        this.#copies.set(root, { kind: 'closed', root, why: WHY_RENEWED[how](root) });
        this.#renewals.after(root, copy.stop(), theirs ?? 'retires');
      },
    });
    if (facts.phase !== 'complete') copy.problems.set(UNFINISHED, unfinished(facts, folder.root));
    this.#copies.set(folder.root, { kind: 'open', root: folder.root, copy });
    return copy;
  }

  #refuseNested(root: string): void {
    for (const other of this.#copies.keys()) {
      if (!startsWithFolder(root, other) && !startsWithFolder(other, root)) continue;
      throw nestedCopies(root, other);
    }
  }

  #newId(): string {
    return Buffer.from(this.options.random.bytes(16)).toString('hex');
  }
}

function inFull(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function startsWithFolder(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`) || path.startsWith(`${folder}\\`);
}
