/**
 * Brings the documents on this disk to what the registry shows: one planned step after the other, each proved against
 * the disk at the moment it is taken. Keeps no queue that matters: what is to be done is found again from the registry
 * and the observations.
 */

import type { Step } from '../../core/placing.ts';
import { type Problem, ProblemError } from '../../core/problem.ts';
import type { DocumentId } from '../../core/registry.ts';
import type { Clock, Files } from '../../platform/ports.ts';
import type { Observations } from '../../store/observations.ts';
import type { Registry } from '../../store/registry.ts';
import { type DocumentProblems, heldByProgram, inTheWay } from './document-problems.ts';
import type { Hands } from './hands.ts';
import { Moving } from './moving.ts';
import type { Noticing } from './noticing.ts';
import type { Owners } from './owners.ts';
import { Planning } from './planning.ts';
import type { ChunkSource, Contents, DocumentEvent } from './ports.ts';
import { Putting, temporaryPath, type Write } from './putting.ts';
import type { Replaced } from './replaced.ts';

/** Written together: durable by one call, observed in one transaction. */
const BATCH_DOCUMENTS = 256;
const BATCH_BYTES = 32 * 1024 * 1024;
/** Batches under way: while one is fetched, another is put in place. */
const BATCHES = 3;
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

export class Placing {
  readonly #options: PlacingOptions;
  readonly #observations: Observations;
  readonly #planning: Planning;
  readonly #moving: Moving;
  readonly #putting: Putting;
  readonly #stopping = new AbortController();
  /** What differs from the registry, with the bytes that it takes: found again at each start. */
  readonly #wanted = new Map<DocumentId, number>();
  /** Of those: what waits for a program, a person, a colleague's chunks. */
  readonly #waiting = new Map<DocumentId, Step & { kind: 'wait' }>();
  /** Those that waited until something new was wanted of them: what was told of it stands until the next step is known. */
  readonly #waited = new Map<DocumentId, Step & { kind: 'wait' }>();
  readonly #unavailable = new Set<DocumentId>();
  /** Where a problem says what went wrong the last time. */
  readonly #failed = new Map<DocumentId, string>();
  readonly #underWay = new Set<DocumentId>();
  readonly #batches = new Set<Promise<void>>();
  #ready = new Set<DocumentId>();
  #bytes = 0;
  #isToAsk = false;

  constructor(options: PlacingOptions) {
    this.#options = options;
    this.#observations = options.registry.observations;
    const planning = new Planning(options);
    const report = {
      waits: (id: DocumentId, step: Step & { kind: 'wait' }) => this.#wait(id, step),
      over: (id: DocumentId, done: boolean) => this.#after(id, done),
      letGo: (paths: readonly string[]) => {
        options.hands.release(paths);
        for (const path of paths) options.noticing.hint(path);
      },
      isWanted: (id: DocumentId) => this.#wanted.has(id),
      failed: (documents: readonly { id: DocumentId }[], problem: Problem) => this.#fail(documents, problem),
      unavailable: (id: DocumentId) => void this.#unavailable.add(id),
    };
    this.#planning = planning;
    this.#moving = new Moving({ ...options, planning }, report);
    this.#putting = new Putting({ ...options, planning, signal: this.#stopping.signal }, report);
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
    if (writes.length > 0) this.#run(this.#putting.writeAll(writes), writes);
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
    const work = step.kind === 'move' ? this.#moving.move(id, step.from, step.to) : this.#moving.remove(id, path);
    this.#run(work, [{ id }]);
    return true;
  }

  #wait(id: DocumentId, step: Extract<Step, { kind: 'wait' }>): void {
    const { noticing, problems } = this.#options;
    const before = this.#waiting.get(id) ?? this.#waited.get(id);
    if (before && (before.for !== step.for || before.path !== step.path)) this.#stopWaiting(id);
    if (step.for === 'capture') noticing.hint(step.path);
    if (step.for === 'program') problems.set(step.path, heldByProgram(step.path));
    if (step.for === 'person') problems.set(step.path, inTheWay(step.path));
    const seen = step.for === 'move' ? this.#observations.of(id) : undefined;
    const aside = seen && this.#moving.asideOf(id, seen.path, step.path);
    if (seen && aside) return this.#run(this.#moving.move(id, seen.path, aside), [{ id }]);
    this.#waiting.set(id, step);
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

  /** One question for all: each that was asked in vain would ask for another. */
  #askAgain(): void {
    if (this.#isToAsk) return;
    this.#isToAsk = true;
    this.#options.clock.after(AGAIN_MS, () => {
      this.#isToAsk = false;
      for (const id of this.#unavailable) this.#ready.add(id);
      this.#unavailable.clear();
      this.#options.wake();
    });
  }

  #want(id: DocumentId, bytes: number): void {
    this.#bytes += bytes - (this.#wanted.get(id) ?? 0);
    this.#wanted.set(id, bytes);
    const waiting = this.#waiting.get(id);
    if (waiting) this.#waited.set(id, waiting);
    this.#waiting.delete(id);
    this.#ready.add(id);
  }

  #stopWaiting(id: DocumentId): void {
    const waited = this.#waiting.get(id) ?? this.#waited.get(id);
    if (waited) this.#options.problems.clear(waited.path, 'held', 'in-the-way');
    this.#waiting.delete(id);
    this.#waited.delete(id);
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

function internalError(error: unknown): Problem {
  const text = `Documents could not be put in their places: ${error instanceof Error ? error.message : String(error)}.`;
  return {
    code: 'internal-error',
    text,
    remedy: 'Stop and start Tieout; if it comes again, report it with `tieout doctor`.',
  };
}
