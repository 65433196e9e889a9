/**
 * The documents of one sync copy: notices saves and takes them in, puts colleagues' versions in place. Called by the
 * copy object only. Everything here can be stopped at any moment and begun again: what is to be done is found anew from
 * the registry, the observations and the disk.
 */
import { ProblemError } from '../../core/problem.ts';
import { contentCell, DOCUMENTS, setOp } from '../../core/registry.ts';
import { lookOf, type Observations, observationOf } from '../../store/observations.ts';
import { Capture, isDoubtful, staysLocal } from './capture.ts';
import { DocumentConflicts } from './conflicts.ts';
import { busyDocument, DocumentProblems, type OpenProblem, takingInFailed } from './document-problems.ts';
import { Hands } from './hands.ts';
import { HeldBack } from './held-back.ts';
import { DocumentHistory } from './history.ts';
import { Listing } from './listing.ts';
import { Noticing } from './noticing.ts';
import { Oddities } from './oddities.ts';
import { Owners } from './owners.ts';
import { Placing } from './placing.ts';
import type { DocumentsDeps, Ingested } from './ports.ts';
import { Replaced } from './replaced.ts';
import { replacedWrites } from './replacing.ts';
import { StraightPlacing } from './straight.ts';
import { type Survey, survey } from './surveying.ts';
import { Turns } from './turns.ts';
import { Watching } from './watching.ts';

/** Paths taken in together: one change, one flush. */
const CAPTURE_LIMIT = 2000;
/** A document that is written all the time is not waited for longer than this. */
const SETTLE_LIMIT_MS = 15_000;
const AGAIN_MS = 15_000;
/** After the disk failed. */
const FAILED_MS = 2000;

export class Documents {
  readonly listing: Listing;
  readonly history: DocumentHistory;
  readonly conflicts: DocumentConflicts;
  readonly #deps: DocumentsDeps;
  readonly #observations: Observations;
  readonly #problems: DocumentProblems;
  readonly #hands = new Hands();
  readonly #heldBack: HeldBack;
  readonly #owners: Owners;
  readonly #oddities: Oddities;
  readonly #noticing: Noticing;
  readonly #watching: Watching;
  readonly #replaced: Replaced;
  readonly #capture: Capture;
  readonly #placing: Placing;
  readonly #straight: StraightPlacing;
  readonly #stopping = new AbortController();
  readonly #turns: Turns;
  #running: Promise<void>[] = [];
  #capturing = false;
  #filling = false;
  /** Something may be had that was not there when the filling began. */
  #mayFill = false;
  #onFillAgain = () => {};

  constructor(deps: DocumentsDeps) {
    this.#deps = deps;
    this.#turns = new Turns(deps.clock, this.#stopping.signal);
    const { files, clock, registry, databases } = deps;
    const hands = this.#hands;
    this.#observations = registry.observations;
    this.#problems = new DocumentProblems(clock, () => deps.tell({ kind: 'problems' }));
    const problems = this.#problems;
    this.#heldBack = new HeldBack(files, this.#observations);
    const heldBack = this.#heldBack;
    this.#owners = new Owners(files, clock, deps.host);
    this.#oddities = new Oddities(files, this.#observations, problems);
    this.#noticing = new Noticing({
      files,
      root: deps.root,
      clock,
      observations: this.#observations,
      problems,
      oddities: this.#oddities,
      databases,
      hands,
      heldBack,
      signal: this.#stopping.signal,
      isKnownDatabase: (path) => this.#isKnownDatabase(path),
      isLocal: (path) => {
        const entry = deps.registry.entryAt(path);
        return entry !== undefined && staysLocal(entry);
      },
      wake: (owners) => {
        if (owners) this.#placing.lookAtWaiting();
        this.#turns.wake();
      },
    });
    const noticing = this.#noticing;
    const { signal } = this.#stopping;
    this.#watching = new Watching({
      ...deps,
      problems,
      noticing,
      signal,
      scanned: () => {
        if (this.#placing.isIdle && !this.#filling) this.#oddities.removeTemporaries();
      },
      wake: () => this.#turns.wake(),
    });
    this.#replaced = new Replaced(files, clock, signal, (id, over, native) => this.#lateSave(id, over, native));
    this.#capture = new Capture({ ...deps, noticing, heldBack, problems });
    const wake = () => this.#turns.wake();
    const owners = this.#owners;
    this.#placing = new Placing({ ...deps, noticing, problems, hands, owners, wake, replaced: this.#replaced });
    this.#straight = new StraightPlacing({ ...deps, observations: this.#observations, problems, hands, signal });
    const record: DocumentsDeps['record'] = async (ops, within) => {
      const by = await deps.record(ops, within);
      // What was chosen in the list is to be on disk here as well.
      this.place();
      return by;
    };
    this.history = new DocumentHistory(deps);
    this.conflicts = new DocumentConflicts({ registry, record });
    this.listing = new Listing({ ...deps, record, owners, placing: this.#placing, noticing });
  }

  native(path: string): string {
    return this.#deps.files.native(path);
  }

  problems(): readonly OpenProblem[] {
    return this.#problems.list();
  }

  // Publishing

  /** What lies in the folder, before anything of it is known. Names problems on the way. */
  survey(): Survey {
    return survey(this.#deps.files, this.#oddities);
  }

  /**
   * The documents that were read for a base, as they were read `at` (ms since 1970). In the transaction in which the base
   * is listed.
   */
  observeBase(read: Iterable<{ path: string; read: Extract<Ingested, { kind: 'done' }>; at: number }>): void {
    for (const { path, read: one, at } of read) {
      const entry = this.#deps.registry.entryAt(path);
      if (entry?.kind !== 'document') continue;
      this.#observations.put(observationOf(path, entry.id, one.content.hash, one.after, isDoubtful(one.after, at)));
    }
  }

  /** They are known for databases from here on: each need not settle first, as a file that is new does. */
  observeDatabases(paths: Iterable<string>): void {
    for (const path of paths) {
      const facts = this.#deps.files.facts(path);
      if (facts) this.#observations.put(observationOf(path, '', '', facts));
    }
  }

  // At work

  async start(): Promise<void> {
    try {
      await this.#replaced.recover((id, inode) => this.#capture.wasReplaced(id, inode));
    } catch (error) {
      // What was kept aside stays there until the next start.
      this.#problems.set('', takingInFailed(error));
    }
    if (this.#straight.applies) this.#running.push(this.#fill());
    else this.#follow();
    this.#running.push(this.#loop());
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#onFillAgain();
    this.#turns.wake();
    await Promise.allSettled([...this.#running, this.#watching.stop()]);
    await this.#placing.stop();
    this.#replaced.stop();
  }

  /** The registry has changed, or content can be had again. */
  place(): void {
    if (this.#stopping.signal.aborted) return;
    this.#placing.look();
    this.#mayFill = true;
    this.#onFillAgain();
    this.#turns.wake();
  }

  /** Takes in everything that is saved on disk now. */
  async settle(): Promise<void> {
    if (this.#filling) return;
    await this.#watching.scan();
    const { clock } = this.#deps;
    const limit = clock.monotonic() + SETTLE_LIMIT_MS;
    const { signal } = this.#stopping;
    const isBusy = (): boolean => !this.#noticing.isQuiet || this.#capturing;
    // A copy that ends meanwhile takes nothing in any more.
    while (isBusy() && !signal.aborted && clock.monotonic() < limit) await this.#turns.next();
  }

  /** Resolves when everything that can be placed now is in its place. */
  async placed(): Promise<void> {
    while (this.#filling && !this.#stopping.signal.aborted) await this.#turns.next();
    await this.#placing.settled();
  }

  /** Looks at once where something may have happened: most hints turn out to be none of the user's doing. */
  lookAtHints(): void {
    this.#noticing.lookAtHints();
  }

  /** The folder was looked through, and nothing that was noticed waits to be taken in. */
  quiet(): boolean {
    return this.#watching.hasScanned && this.#noticing.isQuiet && !this.#capturing;
  }

  /** What is in the file and not in its place here; what waits for somebody's program or decision does not count. */
  missing(): { documents: number; bytes: number } {
    const [placing, straight] = [this.#placing.missing(), this.#straight.missing()];
    const documents = placing.documents + straight.documents;
    // Until a new copy was compared with the registry as a whole, it is not known to be complete.
    return { documents: this.#filling ? Math.max(documents, 1) : documents, bytes: placing.bytes + straight.bytes };
  }

  /** What has gone is to be deleted for everybody, however much it is. */
  async deleteGone(): Promise<void> {
    this.#heldBack.allowDeletingMany(true);
    try {
      await this.settle();
    } finally {
      this.#heldBack.allowDeletingMany(false);
    }
  }

  /** A new copy: first its content, then the watcher, which need not hear of all that. */
  async #fill(): Promise<void> {
    this.#filling = true;
    while (!this.#stopping.signal.aborted && (await this.#fillNow()) !== 'done') await this.#untilAgain();
    this.#filling = false;
    if (!this.#stopping.signal.aborted) this.#follow();
  }

  async #fillNow(): Promise<'done' | 'unavailable'> {
    this.#mayFill = false;
    try {
      const outcome = await this.#straight.run();
      this.#problems.clear('', 'disk');
      return outcome;
    } catch (error) {
      this.#problems.set('', takingInFailed(error));
      return 'unavailable';
    }
  }

  #follow(): void {
    this.#placing.begin();
    this.#watching.watch();
    void this.#watching.scan();
    this.#turns.wake();
  }

  async #loop(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (await this.#work()) continue;
      this.#watching.scanIfDue();
      if (this.#watching.hasScanned && this.quiet()) this.#capture.forgetInterrupted();
      this.#turns.tell();
      await this.#turns.rest(Math.min(this.#noticing.dueIn() ?? Number.POSITIVE_INFINITY, this.#watching.dueIn()));
    }
    this.#turns.tell();
  }

  /** False: there is nothing to do for now. */
  async #work(): Promise<boolean> {
    try {
      const captured = await this.#takeDue();
      // A new copy is filled first: what was renamed since the base would be put in two places.
      return (!this.#filling && this.#placing.turn()) || captured;
    } catch (error) {
      this.#problems.set('', takingInFailed(error));
      this.#deps.clock.after(FAILED_MS, () => this.#placing.look());
      return false;
    }
  }

  async #takeDue(): Promise<boolean> {
    const due = this.#hands.take(this.#noticing.takeDue(CAPTURE_LIMIT));
    if (due.length === 0) return false;
    this.#capturing = true;
    const before = due.map((path) => this.#noticing.textAt(path));
    try {
      await this.#capture.take(due);
    } catch (error) {
      // The disk failed under us: what was due is noticed again.
      this.#problems.set('', takingInFailed(error));
      for (const path of due) this.#noticing.defer(path, FAILED_MS);
    } finally {
      this.#capturing = false;
      this.#hands.release(due);
      for (const [index, path] of due.entries()) this.#noticing.lookAfter(path, before[index]!);
    }
    this.#placing.look();
    return true;
  }

  async #lateSave(id: string, over: string, native: string): Promise<void> {
    const { contents, registry, record } = this.#deps;
    const [read] = await contents.ingest([native]);
    if (read?.kind === 'failed') throw new ProblemError(read.problem);
    const isWritten = read?.kind === 'done' && lookOf(read.before) !== lookOf(read.after);
    if (read?.kind === 'busy' || isWritten) throw new ProblemError(busyDocument(registry.entry(id)?.shown ?? native));
    if (read?.kind !== 'done' || registry.contentByHash(id, read.content.hash)) return;
    await record([setOp(DOCUMENTS, id, { content: contentCell(read.content, replacedWrites(registry, id, over)) })]);
    this.place();
  }

  #isKnownDatabase(path: string): boolean {
    return this.#observations.at(path)?.subject === '' || this.#deps.registry.entryAt(path)?.kind === 'database';
  }

  #untilAgain(): Promise<void> {
    if (this.#stopping.signal.aborted || this.#mayFill) return Promise.resolve();
    return new Promise((resolve) => {
      this.#deps.clock.after(AGAIN_MS, resolve);
      this.#onFillAgain = resolve;
    });
  }
}
