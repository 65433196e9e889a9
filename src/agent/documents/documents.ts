/**
 * The documents of one sync copy: notices saves and takes them in, puts colleagues' versions in place. Called by the
 * copy object only. Everything here can be stopped at any moment and begun again: what is to be done is found anew from
 * the registry, the observations and the disk.
 */
import { type Problem, ProblemError } from '../../core/problem.ts';
import { contentCell, DOCUMENTS, setOp } from '../../core/registry.ts';
import { looksSame, type Observations, observationOf } from '../../store/observations.ts';
import { Capture, isDoubtful } from './capture.ts';
import { DocumentProblems, type OpenProblem } from './document-problems.ts';
import { Hands } from './hands.ts';
import { Listing } from './listing.ts';
import { Noticing } from './noticing.ts';
import { Owners } from './owners.ts';
import { Placing } from './placing.ts';
import type { DocumentsDeps, Ingested } from './ports.ts';
import { Replaced } from './replaced.ts';
import { StraightPlacing } from './straight.ts';
import { companionOf, isDatabase, listFolder } from './walking.ts';

/** Paths taken in together: one change, one flush. */
const CAPTURE_LIMIT = 2000;
/** Scanning costs at most this share of a core, and is done at least so often. */
const SCAN_SHARE = 1 / 250;
const SCAN_LEAST_MS = 20_000;
/** Where the watcher does not work, saves are noticed by scanning alone. */
const BLIND_SCAN_SHARE = 1 / 20;
const BLIND_SCAN_MS = 2000;
const WATCH_AGAIN_MS = 60_000;
/** A document that is written all the time is not waited for longer than this. */
const SETTLE_LIMIT_MS = 15_000;
const AGAIN_MS = 15_000;
/** What the disk says (`StorageKind`) of a document that it does not give or take, or a program that holds it. */
const FAILURES: readonly string[] = ['disk-full', 'read-only', 'no-permission', 'missing', 'disk-error', 'held'];
/** After the disk failed. */
const FAILED_MS = 2000;

export class Documents {
  readonly listing: Listing;
  readonly #deps: DocumentsDeps;
  readonly #observations: Observations;
  readonly #problems: DocumentProblems;
  readonly #hands = new Hands();
  readonly #owners: Owners;
  readonly #noticing: Noticing;
  readonly #replaced: Replaced;
  readonly #capture: Capture;
  readonly #placing: Placing;
  readonly #straight: StraightPlacing;
  readonly #stopping = new AbortController();
  #running: Promise<void>[] = [];
  #scanning: Promise<void> | undefined;
  #nextScan = Number.POSITIVE_INFINITY;
  #isBlind = false;
  #hasScanned = false;
  #unwatch = () => {};
  #capturing = false;
  #filling = false;
  /** Something may be had that was not there when the filling began. */
  #mayFill = false;
  #awake = false;
  #onWake = () => {};
  #onFillAgain = () => {};
  #onTurn: (() => void)[] = [];

  constructor(deps: DocumentsDeps) {
    this.#deps = deps;
    const { files, clock, registry, databases } = deps;
    const hands = this.#hands;
    this.#observations = registry.observations;
    this.#problems = new DocumentProblems(clock, () => deps.tell({ kind: 'problems' }));
    const problems = this.#problems;
    this.#owners = new Owners(files, clock, deps.host);
    this.#noticing = new Noticing({
      files,
      root: deps.root,
      clock,
      observations: this.#observations,
      problems,
      databases,
      hands,
      signal: this.#stopping.signal,
      isKnownDatabase: (path) => this.#isKnownDatabase(path),
      wake: (owners) => {
        if (owners) this.#placing.lookAtWaiting();
        this.#wake();
      },
    });
    const noticing = this.#noticing;
    const { signal } = this.#stopping;
    this.#replaced = new Replaced(files, clock, signal, (id, over, native) => this.#lateSave(id, over, native));
    this.#capture = new Capture({ ...deps, noticing, problems });
    const wake = () => this.#wake();
    const owners = this.#owners;
    this.#placing = new Placing({ ...deps, noticing, problems, hands, owners, wake, replaced: this.#replaced });
    this.#straight = new StraightPlacing({ ...deps, observations: this.#observations, problems, hands, signal });
    const record: DocumentsDeps['record'] = async (ops, within) => {
      const by = await deps.record(ops, within);
      // What was chosen in the list is to be on disk here as well.
      this.place();
      return by;
    };
    this.listing = new Listing({ ...deps, record, owners, placing: this.#placing, noticing });
  }

  native(path: string): string {
    return this.#deps.files.native(path);
  }

  problems(): readonly OpenProblem[] {
    return this.#problems.list();
  }

  // Publishing

  /** What lies in the folder, before anything of it is known: '/'-separated paths. Names problems on the way. */
  survey(): { documents: string[]; databases: string[]; bytes: number } {
    const { files } = this.#deps;
    const found = { documents: [] as string[], databases: [] as string[], bytes: 0 };
    const companions: string[] = [];
    const taken = new Map<string, string>();
    const left = [''];
    for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
      const listed = listFolder(files, folder);
      if (listed === undefined || this.#noticing.tellOddities(folder, listed)) continue;
      left.push(...listed.folders);
      for (const { path, facts } of listed.files) {
        if (!this.#noticing.isFit(path, taken)) continue;
        found.bytes += facts.size;
        const sniffed = isDatabase(files, path);
        if (sniffed === true) found.databases.push(path);
        else if (sniffed === false && /-(?:wal|shm|journal)$/.test(path)) companions.push(path);
        else if (sniffed === false) found.documents.push(path);
      }
    }
    const databases = new Set(found.databases);
    found.documents.push(...companions.filter((path) => !companionOf(path, (database) => databases.has(database))));
    return found;
  }

  /** The documents that were read for a base, as they were read. In the transaction in which the base is listed. */
  observeBase(read: Iterable<{ path: string; read: Extract<Ingested, { kind: 'done' }> }>): void {
    const now = this.#deps.clock.now();
    for (const { path, read: one } of read) {
      const entry = this.#deps.registry.entryAt(path);
      if (entry?.kind !== 'document') continue;
      this.#observations.put(observationOf(path, entry.id, one.content.hash, one.after, isDoubtful(one.after, now)));
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
      for (const id of await this.#replaced.recover()) this.#capture.wasInterrupted(id);
    } catch (error) {
      // What was kept aside stays there until the next start.
      this.#problems.set('', asProblem(error));
    }
    if (this.#straight.applies) this.#running.push(this.#fill());
    else this.#follow();
    this.#running.push(this.#loop());
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#unwatch();
    this.#onFillAgain();
    this.#wake();
    await Promise.allSettled([...this.#running, this.#scanning]);
    await this.#placing.stop();
    this.#replaced.stop();
  }

  /** The registry has changed, or content can be had again. */
  place(): void {
    if (this.#stopping.signal.aborted) return;
    this.#placing.look();
    this.#mayFill = true;
    this.#onFillAgain();
    this.#wake();
  }

  /** Takes in everything that is saved on disk now. */
  async settle(): Promise<void> {
    if (this.#filling) return;
    await this.#scan();
    const { clock } = this.#deps;
    const limit = clock.monotonic() + SETTLE_LIMIT_MS;
    while ((!this.#noticing.isQuiet || this.#capturing) && clock.monotonic() < limit) await this.#turn();
  }

  /** Resolves when everything that can be placed now is in its place. */
  async placed(): Promise<void> {
    while (this.#filling && !this.#stopping.signal.aborted) await this.#turn();
    await this.#placing.settled();
  }

  /** Looks at once where something may have happened: most hints turn out to be none of the user's doing. */
  lookAtHints(): void {
    this.#noticing.lookAtHints();
  }

  /** Nothing that was noticed waits to be taken in. */
  quiet(): boolean {
    return this.#noticing.isQuiet && !this.#capturing;
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
    this.#capture.allowDeletingMany();
    await this.settle();
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
      this.#problems.set('', asProblem(error));
      return 'unavailable';
    }
  }

  #follow(): void {
    this.#placing.begin();
    this.#watch();
    void this.#scan();
    this.#wake();
  }

  #watch(): void {
    const { watcher, root, clock } = this.#deps;
    this.#isBlind = false;
    this.#problems.clear(root, 'watch-limit', 'watch-failed');
    this.#unwatch = watcher.watch(root, {
      hint: (path) => this.#noticing.hint(path),
      failed: (problem) => {
        this.#isBlind = true;
        this.#problems.set(root, { ...problem, path: root });
        this.#planScan(0);
        clock.after(WATCH_AGAIN_MS, () => {
          if (!this.#stopping.signal.aborted) this.#watch();
        });
      },
    });
  }

  async #loop(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (await this.#work()) continue;
      if (this.#deps.clock.monotonic() >= this.#nextScan && this.#scanning === undefined) void this.#scan();
      if (this.#hasScanned && this.quiet()) this.#capture.forgetInterrupted();
      this.#tellTurn();
      await this.#rest();
    }
    this.#tellTurn();
  }

  /** False: there is nothing to do for now. */
  async #work(): Promise<boolean> {
    try {
      const captured = await this.#takeDue();
      // A new copy is filled first: what was renamed since the base would be put in two places.
      return (!this.#filling && this.#placing.turn()) || captured;
    } catch (error) {
      this.#problems.set('', asProblem(error));
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
      this.#problems.set('', asProblem(error));
      for (const path of due) this.#noticing.defer(path, FAILED_MS);
    } finally {
      this.#capturing = false;
      this.#hands.release(due);
      for (const [index, path] of due.entries()) this.#noticing.lookAfter(path, before[index]!);
    }
    this.#placing.look();
    return true;
  }

  /** One scan at a time; who asks during one gets another after it. */
  async #scan(): Promise<void> {
    const before = this.#scanning;
    if (before) await before;
    if (this.#scanning !== before || this.#stopping.signal.aborted) return this.#scanning;
    const scan = this.#scanOnce().finally(() => {
      this.#scanning = undefined;
    });
    this.#scanning = scan;
    return scan;
  }

  async #scanOnce(): Promise<void> {
    this.#nextScan = Number.POSITIVE_INFINITY;
    try {
      const took = (await this.#noticing.scan()) ?? 0;
      this.#planScan(took);
      this.#hasScanned = true;
      if (this.#noticing.gone().size === 0) this.#problems.clear('', 'many-gone');
      this.#problems.clear('', 'disk');
      this.#forgetFailures();
    } catch (error) {
      this.#problems.set('', asProblem(error));
      this.#planScan(0);
    }
    if (this.#placing.isIdle && !this.#filling) this.#noticing.removeTemporaries();
  }

  /** What the disk once refused is over where the document is in its place now, or is none any more. */
  #forgetFailures(): void {
    for (const { path, code } of this.#problems.list()) {
      if (FAILURES.includes(code) && path !== '' && this.#isInOrder(path)) this.#problems.clear(path, code);
    }
  }

  #isInOrder(path: string): boolean {
    const { registry, files } = this.#deps;
    const entry = registry.entryAt(path);
    const seen = this.#observations.at(path);
    const facts = files.facts(path);
    if (entry === undefined || seen === undefined || facts === undefined) return !entry && !seen && !facts;
    return seen.subject === entry.id && seen.hash === entry.hash && looksSame(seen, facts);
  }

  #planScan(tookMs: number): void {
    const wait = this.#isBlind
      ? Math.max(BLIND_SCAN_MS, tookMs / BLIND_SCAN_SHARE)
      : Math.max(SCAN_LEAST_MS, tookMs / SCAN_SHARE);
    this.#nextScan = this.#deps.clock.monotonic() + wait;
    this.#wake();
  }

  async #lateSave(id: string, over: string, native: string): Promise<void> {
    const { contents, registry, record } = this.#deps;
    const [read] = await contents.ingest([native]);
    if (read?.kind !== 'done' || registry.contentByHash(id, read.content.hash)) return;
    const replaced = registry.document(id)?.contents.filter(({ content }) => content.hash === over) ?? [];
    const writes = replaced.flatMap(({ by }) => by);
    await record([setOp(DOCUMENTS, id, { content: contentCell(read.content, writes) })]);
    this.place();
  }

  #isKnownDatabase(path: string): boolean {
    return this.#observations.at(path)?.subject === '' || this.#deps.registry.entryAt(path)?.kind === 'database';
  }

  // Waiting

  #wake(): void {
    this.#awake = true;
    this.#onWake();
  }

  async #rest(): Promise<void> {
    if (this.#awake || this.#stopping.signal.aborted) {
      this.#awake = false;
      return;
    }
    const untilScan = this.#nextScan - this.#deps.clock.monotonic();
    const wait = Math.min(this.#noticing.dueIn() ?? Number.POSITIVE_INFINITY, Math.max(0, untilScan));
    await new Promise<void>((resolve) => {
      const cancel = Number.isFinite(wait) ? this.#deps.clock.after(wait, resolve) : () => {};
      this.#onWake = () => {
        cancel();
        resolve();
      };
    });
    this.#onWake = () => {};
    this.#awake = false;
  }

  /** Resolves when the loop has nothing more to do for now. */
  #turn(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => this.#onTurn.push(resolve));
  }

  #tellTurn(): void {
    const waiting = this.#onTurn;
    this.#onTurn = [];
    for (const tell of waiting) tell();
  }

  #untilAgain(): Promise<void> {
    if (this.#stopping.signal.aborted || this.#mayFill) return Promise.resolve();
    return new Promise((resolve) => {
      this.#deps.clock.after(AGAIN_MS, resolve);
      this.#onFillAgain = resolve;
    });
  }
}

function asProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return { ...error.problem, code: 'disk' };
  const text = `What was saved could not be taken in: ${error instanceof Error ? error.message : String(error)}.`;
  return { code: 'disk', text, remedy: 'Tieout tries again by itself; if this stays, run `tieout doctor`.' };
}
