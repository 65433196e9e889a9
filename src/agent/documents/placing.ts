/**
 * Brings the documents on this disk to what the registry shows: one planned step after the other, each proved against
 * the disk at the moment it is taken. Keeps no queue that matters: what is to be done is found again from the registry
 * and the observations.
 */

import { parentOf, temporaryName } from '../../core/paths.ts';
import type { Step } from '../../core/placing.ts';
import { type Problem, ProblemError } from '../../core/problem.ts';
import type { DocumentId } from '../../core/registry.ts';
import type { Clock, FileFacts, Files } from '../../platform/ports.ts';
import { looksSame, type Observation, type Observations, observationOf } from '../../store/observations.ts';
import type { Registry } from '../../store/registry.ts';
import { type DocumentProblems, heldByProgram, inTheWay } from './document-problems.ts';
import type { Hands } from './hands.ts';
import type { Noticing } from './noticing.ts';
import type { Owners } from './owners.ts';
import { Planning } from './planning.ts';
import type { Assembled, ChunkSource, Contents, DocumentEvent, Wanted } from './ports.ts';
import { isUntouched, type Replaced } from './replaced.ts';

/** Written together: durable by one call, observed in one transaction. */
const BATCH_DOCUMENTS = 256;
const BATCH_BYTES = 32 * 1024 * 1024;
/** Batches under way: while one is fetched, another is put in place. */
const BATCHES = 3;
/** A few files are each made durable while they are written; more, by one call for all. */
const FEW = 8;
/** What could not be had is asked for again after this, or when something arrives. */
const AGAIN_MS = 15_000;

export type PlacingOptions = {
  readonly files: Files;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly contents: Contents;
  readonly source: ChunkSource;
  readonly transaction: <T>(write: () => T) => T;
  readonly noticing: Noticing;
  readonly hands: Hands;
  readonly owners: Owners;
  readonly problems: DocumentProblems;
  readonly tell: (event: DocumentEvent) => void;
  readonly wake: () => void;
  readonly replaced: Replaced;
};

type Write = { readonly id: DocumentId; readonly step: Extract<Step, { kind: 'write' }>; readonly temporary: string };

export class Placing {
  readonly #options: PlacingOptions;
  readonly #observations: Observations;
  readonly #replaced: Replaced;
  readonly #planning: Planning;
  readonly #stopping = new AbortController();
  /** What differs from the registry, with the bytes that it takes: found again at each start. */
  readonly #wanted = new Map<DocumentId, number>();
  /** Of those: what waits for a program, a person, a colleague's chunks. */
  readonly #waiting = new Map<DocumentId, Step & { kind: 'wait' }>();
  readonly #unavailable = new Set<DocumentId>();
  /** Where a problem says what went wrong the last time. */
  readonly #failed = new Map<DocumentId, string>();
  readonly #underWay = new Set<DocumentId>();
  readonly #batches = new Set<Promise<void>>();
  #ready = new Set<DocumentId>();
  #bytes = 0;

  constructor(options: PlacingOptions) {
    this.#options = options;
    this.#observations = options.registry.observations;
    this.#replaced = options.replaced;
    this.#planning = new Planning(options);
  }

  /** Compares everything; for the start. */
  begin(): void {
    for (const { id, size } of this.#observations.unplaced()) this.#want(id, size);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#batches);
  }

  /** The registry has changed, or chunks may be had now. */
  look(): void {
    for (const id of this.#options.registry.takeTouched()) this.lookAt(id);
    for (const id of this.#unavailable) this.#ready.add(id);
    this.#unavailable.clear();
    this.lookAtWaiting();
  }

  /** A program may have let go, or a person acted. */
  lookAtWaiting(): void {
    for (const id of this.#waiting.keys()) this.#ready.add(id);
    if (this.#ready.size > 0) this.#options.wake();
  }

  lookAt(id: DocumentId): void {
    const entry = this.#options.registry.entry(id);
    const seen = this.#observations.of(id);
    const isPlaced = entry?.alive ? seen?.path === entry.shown && seen.hash === entry.hash : seen === undefined;
    if (entry === undefined || entry.kind !== 'document' || isPlaced) this.#done(id);
    else this.#want(id, entry.alive && seen?.hash !== entry.hash ? entry.size : 0);
  }

  /** What is not in its place and does not wait for somebody here. */
  missing(): { documents: number; bytes: number } {
    return { documents: this.#wanted.size - this.#waiting.size, bytes: this.#bytes };
  }

  stateOf(id: DocumentId): 'held' | 'missing' | undefined {
    if (!this.#wanted.has(id)) return undefined;
    return this.#observations.of(id) ? 'held' : 'missing';
  }

  get isIdle(): boolean {
    return this.#batches.size === 0 && this.#wanted.size === 0;
  }

  /** Resolves when nothing more can be placed now. */
  async settled(): Promise<void> {
    while (this.turn() || this.#batches.size > 0) await Promise.race(this.#batches);
  }

  /** Takes the next steps. False: there was nothing to do, or enough is under way. */
  turn(): boolean {
    if (this.#ready.size === 0 || this.#batches.size >= BATCHES || this.#stopping.signal.aborted) return false;
    const writes: Write[] = [];
    let bytes = 0;
    let acted = false;
    const failures: unknown[] = [];
    for (const id of this.#ready) {
      if (this.#underWay.has(id)) continue;
      this.#ready.delete(id);
      const step = this.#planned(id, failures);
      if (step === undefined) continue;
      if (step.kind !== 'wait') this.#stopWaiting(id);
      if (step.kind === 'write') {
        writes.push({ id, step, temporary: temporaryPath(id, step) });
        bytes += this.#wanted.get(id) ?? 0;
        if (writes.length === BATCH_DOCUMENTS || bytes >= BATCH_BYTES) break;
      } else acted = this.#act(id, step) || acted;
    }
    if (writes.length > 0) this.#run(this.#writeAll(writes), writes);
    if (failures.length > 0) throw failures[0];
    return writes.length > 0 || acted;
  }

  /** What the disk does not let us look at keeps nothing else waiting, and is not forgotten. */
  #planned(id: DocumentId, failures: unknown[]): Step | undefined {
    try {
      return this.#planning.plan(id);
    } catch (error) {
      this.#unavailable.add(id);
      failures.push(error);
      return undefined;
    }
  }

  // Acting

  /** Everything but writing. True: something moved, so others may go on. */
  #act(id: DocumentId, step: Exclude<Step, { kind: 'write' }>): boolean {
    if (step.kind === 'nothing') {
      this.#done(id);
      return false;
    }
    if (step.kind === 'wait') {
      this.#wait(id, step);
      return false;
    }
    const path = step.kind === 'move' ? step.from : step.path;
    const work = step.kind === 'move' ? this.#move(id, step.from, step.to) : this.#remove(id, path);
    this.#run(work, [{ id }]);
    return true;
  }

  #wait(id: DocumentId, step: Extract<Step, { kind: 'wait' }>): void {
    const { noticing, problems } = this.#options;
    const before = this.#waiting.get(id);
    if (before && (before.for !== step.for || before.path !== step.path)) this.#stopWaiting(id);
    if (step.for === 'capture') noticing.hint(step.path);
    if (step.for === 'program') problems.set(step.path, heldByProgram(step.path));
    if (step.for === 'person') problems.set(step.path, inTheWay(step.path));
    if (step.for === 'move' && this.#isCircle(step.path, id)) return this.#stepAside(id);
    this.#waiting.set(id, step);
  }

  /** Do the documents in each other's way wait for one another? */
  #isCircle(path: string, first: DocumentId): boolean {
    const met = new Set<DocumentId>();
    for (let at = this.#observations.at(path)?.subject; at !== undefined && !met.has(at); ) {
      if (at === first) return true;
      met.add(at);
      const entry = this.#options.registry.entry(at);
      at = entry?.alive ? this.#observations.at(entry.shown)?.subject : undefined;
    }
    return false;
  }

  /** One of a circle goes to a name of ours; the others, and then itself, find their places free. */
  #stepAside(id: DocumentId): void {
    const seen = this.#observations.of(id);
    if (seen === undefined) return;
    const aside = `${folderPrefix(seen.path)}${temporaryName(`aside-${id.slice(0, 16)}`)}`;
    this.#run(this.#move(id, seen.path, aside), [{ id }]);
  }

  async #move(id: DocumentId, from: string, to: string): Promise<void> {
    const { files, hands, transaction, registry } = this.#options;
    const paths = hands.take([from, to]);
    let done = false;
    try {
      const seen = this.#observations.of(id);
      // RACE: a file that somebody makes at `to` after this look is replaced; its bytes are lost. Microseconds.
      if (paths.length < 2 || seen?.path !== from || this.#lookAtMoved(seen, from, to) !== 'free') return;
      const outcome = files.rename(from, to);
      if (outcome === 'busy') return this.#wait(id, { kind: 'wait', for: 'program', path: from });
      const facts = files.facts(to);
      if (outcome !== 'done' || facts === undefined) return;
      await this.#planning.syncFolders([parentOf(to), parentOf(from)]);
      transaction(() => {
        this.#observations.remove(from);
        this.#observations.put(observationOf(to, id, seen.hash, facts));
      });
      done = true;
      this.#removeEmptyFolders(parentOf(from));
      this.#options.tell({ kind: 'placed', documents: [registry.entry(id)?.shown ?? to] });
    } finally {
      this.#letGo(paths);
      this.#after(id, done);
    }
  }

  #lookAtMoved(seen: Observation, from: string, to: string): 'free' | 'taken' {
    const there = this.#options.files.facts(to);
    const here = this.#options.files.facts(from);
    if (here === undefined || !looksSame(seen, here)) return 'taken';
    return there === undefined || there.inode === seen.inode ? 'free' : 'taken';
  }

  async #remove(id: DocumentId, path: string): Promise<void> {
    const { files, hands, transaction } = this.#options;
    const paths = hands.take([path]);
    const seen = this.#observations.of(id);
    let done = false;
    try {
      if (paths.length === 0 || seen?.path !== path) return;
      // Out of the way first: should somebody have written to it just now, it is put back.
      const aside = `${folderPrefix(path)}${temporaryName(`gone-${id.slice(0, 16)}`)}`;
      const kept = this.#replaced.keep(id, seen, path);
      const outcome = files.rename(path, aside);
      if (outcome !== 'done') this.#replaced.drop(kept);
      if (outcome === 'busy') return this.#wait(id, { kind: 'wait', for: 'program', path });
      if (outcome !== 'done') return;
      const facts = files.facts(aside);
      if (facts === undefined || !isUntouched(seen, facts)) {
        files.rename(aside, path);
        this.#replaced.drop(kept);
        return;
      }
      files.remove(aside);
      this.#replaced.release(kept);
      await files.syncFolder(parentOf(path));
      transaction(() => this.#observations.remove(path));
      done = true;
      this.#removeEmptyFolders(parentOf(path));
      this.#options.tell({ kind: 'placed', documents: [path] });
    } finally {
      this.#letGo(paths);
      this.#after(id, done);
    }
  }

  #removeEmptyFolders(folder: string): void {
    for (let at = folder; at !== ''; at = parentOf(at)) {
      if (this.#options.files.removeFolder(at) !== 'done') return;
    }
  }

  // Writing

  async #writeAll(writes: readonly Write[]): Promise<void> {
    const { contents, files, source } = this.#options;
    const wanted = writes.map((write) => this.#wantedFile(write));
    const sync = writes.length <= FEW;
    const made = await contents.assemble(wanted, source, { sync, signal: this.#stopping.signal });
    if (this.#stopping.signal.aborted) return;
    const whole = writes.filter((write, index) => this.#isWhole(write, made[index]!));
    if (!sync) await files.flush(whole.map(({ temporary }) => temporary));
    await this.#putAll(whole);
  }

  #wantedFile({ id, step, temporary }: Write): Wanted {
    const { files, registry } = this.#options;
    const content = registry.contentByHash(id, step.hash)!;
    const seen = this.#observations.of(id);
    const before = seen && registry.contentByHash(id, seen.hash);
    const like = seen && before ? { like: { path: files.native(seen.path), content: before } } : {};
    return { path: files.native(temporary), content, ...like };
  }

  #isWhole({ id }: Write, made: Assembled): boolean {
    if (made.kind === 'done') return true;
    if (made.kind === 'failed') this.#fail([{ id }], made.problem);
    // What arrived stays in the temporary file, and is not fetched again.
    this.#unavailable.add(id);
    return false;
  }

  /** Puts what is whole in its place, one at a time, and makes the names durable before they are observed. */
  async #putAll(writes: readonly Write[]): Promise<void> {
    const { files, hands, transaction, tell, registry } = this.#options;
    const paths = hands.take(writes.map(({ step }) => step.path));
    const free = new Set(paths);
    const put: { write: Write; facts: FileFacts }[] = [];
    try {
      for (const write of writes) {
        const facts = free.has(write.step.path) ? this.#put(write) : undefined;
        if (facts) put.push({ write, facts });
      }
      await this.#planning.syncFolders(put.map(({ write }) => parentOf(write.step.path)));
      transaction(() => {
        for (const { write, facts } of put) {
          this.#observations.put(observationOf(write.step.path, write.id, write.step.hash, facts));
        }
      });
      for (const { write } of put) this.#options.problems.clear(write.step.path);
      if (put.length > 0) tell({ kind: 'placed', documents: put.map(({ write }) => write.step.path) });
    } finally {
      this.#letGo(paths);
      const done = new Set(put.map(({ write }) => write.id));
      for (const { id, temporary } of writes) {
        const isStillWanted = registry.entry(id)?.alive === true && this.#wanted.has(id);
        if (!isStillWanted) files.remove(temporary);
        this.#after(id, done.has(id));
      }
    }
  }

  /** The moment itself: what lies there is proved to be what was seen, kept under a second name, and replaced. */
  #put({ id, step, temporary }: Write): FileFacts | undefined {
    const { files } = this.#options;
    const now = this.#planning.plan(id, step.path);
    if (now.kind !== 'write' || now.path !== step.path || now.hash !== step.hash) return undefined;
    if (!step.over) return this.#putNew(step.path, temporary);
    const seen = this.#observations.of(id)!;
    files.copyMode(step.path, temporary);
    const kept = this.#replaced.keep(id, seen, step.path);
    const outcome = files.rename(temporary, step.path);
    if (outcome === 'done') this.#replaced.release(kept);
    else this.#replaced.drop(kept);
    if (outcome === 'busy') {
      this.#wait(id, { kind: 'wait', for: 'program', path: step.path });
      return undefined;
    }
    return outcome === 'done' ? files.facts(step.path) : undefined;
  }

  /** A second name is only given where there is none yet, so nothing that just came there is replaced. */
  #putNew(path: string, temporary: string): FileFacts | undefined {
    const { files } = this.#options;
    const linked = files.link(temporary, path);
    if (linked === 'done') files.remove(temporary);
    // RACE: without second names (FAT) a file that is made at `path` after this look is replaced. Microseconds.
    else if (linked !== 'unable' || files.facts(path) || files.rename(temporary, path) !== 'done') return undefined;
    return files.facts(path);
  }

  // What is left

  #run(work: Promise<void>, of: readonly { id: DocumentId }[]): void {
    for (const { id } of of) this.#underWay.add(id);
    const batch = work
      .catch((error: unknown) => {
        const problem = error instanceof ProblemError ? error.problem : internalError(error);
        this.#fail(of, problem);
        for (const { id } of of) this.#unavailable.add(id);
      })
      .finally(() => {
        for (const { id } of of) this.#underWay.delete(id);
        this.#batches.delete(batch);
        if (this.#unavailable.size > 0) this.#askAgain();
        this.#options.wake();
      });
    this.#batches.add(batch);
  }

  #fail(documents: readonly { id: DocumentId }[], problem: Problem): void {
    for (const { id } of documents) {
      const path = this.#options.registry.entry(id)?.shown ?? '';
      this.#options.problems.set(path, { ...problem, path });
      this.#failed.set(id, path);
    }
  }

  /**
   * Something was done: compares again, and lets those go on that waited for a place. What could not be done is not
   * tried again at once (that would be for ever): a hint, a look, or some seconds bring it back.
   */
  #after(id: DocumentId, done: boolean): void {
    if (done) this.lookAt(id);
    else if (!this.#waiting.has(id)) this.#unavailable.add(id);
    for (const [other, step] of this.#waiting) {
      if (step.for === 'move' || step.for === 'person') this.#ready.add(other);
    }
  }

  #askAgain(): void {
    this.#options.clock.after(AGAIN_MS, () => {
      for (const id of this.#unavailable) this.#ready.add(id);
      this.#unavailable.clear();
      this.#options.wake();
    });
  }

  #letGo(paths: readonly string[]): void {
    this.#options.hands.release(paths);
    for (const path of paths) this.#options.noticing.hint(path);
  }

  #want(id: DocumentId, bytes: number): void {
    this.#bytes += bytes - (this.#wanted.get(id) ?? 0);
    this.#wanted.set(id, bytes);
    this.#waiting.delete(id);
    this.#ready.add(id);
  }

  #stopWaiting(id: DocumentId): void {
    const waited = this.#waiting.get(id);
    if (waited) this.#options.problems.clear(waited.path, 'held', 'in-the-way');
    this.#waiting.delete(id);
  }

  #done(id: DocumentId): void {
    const failed = this.#failed.get(id);
    if (failed !== undefined) this.#options.problems.clear(failed);
    this.#failed.delete(id);
    this.#bytes -= this.#wanted.get(id) ?? 0;
    this.#wanted.delete(id);
    this.#stopWaiting(id);
    this.#unavailable.delete(id);
    this.#ready.delete(id);
  }
}

function temporaryPath(id: DocumentId, { path, hash }: { path: string; hash: string }): string {
  return `${folderPrefix(path)}${temporaryName(`${id.slice(0, 16)}-${hash.slice(0, 16)}`)}`;
}

function folderPrefix(path: string): string {
  const folder = parentOf(path);
  return folder === '' ? '' : `${folder}/`;
}

function internalError(error: unknown): Problem {
  const text = `Documents could not be put in their places: ${error instanceof Error ? error.message : String(error)}.`;
  return {
    code: 'internal-error',
    text,
    remedy: 'Stop and start Tieout; if it comes again, report it with `tieout doctor`.',
  };
}
