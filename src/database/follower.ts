/**
 * Follows one database: decides when its engine takes a step. Hints (`poke`, `forward`) are cheap and coalesced; a pass
 * captures and applies until nothing is left; a program that holds the lock is waited for without holding anything.
 */

import { type Problem, ProblemError } from '../core/problem.ts';
import type { Vector } from '../core/vector.ts';
import type { Clock, FileFacts, Random } from '../platform/ports.ts';
import type { DatabaseEngine } from './engine.ts';
import { busyProblem, isBusy, problemOf } from './file/failing.ts';
import type { DatabaseEvents, DatabaseFigures, DatabaseProblem, OpenDatabase } from './host.ts';
import { Pauses } from './pauses.ts';

export interface FollowerOptions {
  readonly database: OpenDatabase;
  readonly makeEngine: () => DatabaseEngine;
  readonly events: DatabaseEvents;
  readonly clock: Clock;
  readonly random: Random;
  readonly facts: (path: string) => FileFacts | undefined;
  /** Was it our own state that failed? It is made anew while all are paused, and nobody need know. */
  readonly isOurs: (error: unknown) => boolean;
}

/** The net below the watcher: SQLite tells for next to nothing whether somebody committed. */
const POLL_ACTIVE_MS = 250;
/**
 * After a hint. The watcher sees the first frame of a commit written to the -wal; visible is the commit only after the
 * -wal's fsync, in the -shm, which is mapped and shows no watcher anything. So the first look may well be too early.
 */
const LOOKS_MS = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89];
const POLL_QUIET_MS = 1000;
const ACTIVE_MS = 5_000;
/**
 * A program is hot that edited at so many looks within so long: it does not pause, and may not wait for a lock. Until it
 * pauses, what colleagues edit waits for seconds instead of milliseconds, so that our lock is held for this share of the
 * time.
 */
const HOT_EDITS = 4;
const HOT_WITHIN_MS = 250;
const HOT_APPLY_LIMIT_MS = 30_000;
const HOT_LOCK_SHARE = { wal: 1 / 1000, other: 1 / 80 };
/** Commits without a mark are looked for by comparing all tables, for no more than this share of the time. */
const COMPARE_SHARE = 0.05;
/** Then the captured marks are cleared. */
const QUIET_MS = 2_000;
/** Then the connection is closed. */
const IDLE_MS = 30_000;
const BACKOFF_MS = [1, 2, 4, 8, 15, 25, 50, 100, 250];
const BUSY_PROBLEM_MS = 15_000;
const RETRY_MS = 5_000;
const EDIT_TRIES = 40;
const EDIT_WAIT_MS = 50;
/** Passes that found new marks at the moment of applying; then both are done under one lock. */
const PATIENCE = 4;

export class Follower {
  readonly #options: FollowerOptions;
  readonly #figures = { captures: 0, capturedRows: 0, applies: 0, appliedRows: 0, busy: 0, longestLockMs: 0 };
  #engine: DatabaseEngine | null = null;
  #wanted = false;
  #running: Promise<void> | null = null;
  #closed = false;
  #waiting: ((isDone: boolean) => void)[] = [];
  #cancelRetry: (() => void) | null = null;
  #cancelTick: (() => void) | null = null;
  readonly #pauses: Pauses;
  #busySince: number | null = null;
  #busyTries = 0;
  #lastWork = 0;
  #lastApply = Number.NEGATIVE_INFINITY;
  /** How long the last applying kept the lock. */
  #lockedMs = 0;
  /** When the program edited, at the last looks. */
  readonly #edits: number[] = [];
  /** Somebody waits until all is done. */
  #awaited = false;
  /** Since when nothing is left to do in the file. */
  #restsSince: number | null = null;
  #dataVersion = 0;
  /** Not before this time are all tables compared again. */
  #compareAt = Number.NEGATIVE_INFINITY;
  /** How many of LOOKS_MS were taken since the last hint. */
  #looks = LOOKS_MS.length;
  #told: readonly DatabaseProblem[] = [];

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#pauses = new Pauses(options.clock, () => this.#want());
    this.#lastWork = options.clock.monotonic();
    this.#want();
  }

  get database(): OpenDatabase {
    return this.#options.database;
  }

  get figures(): DatabaseFigures {
    return this.#figures;
  }

  poke(): void {
    // Our own closing is no reason to open again.
    if (this.#engine?.isAsClosed && !this.#engine.isOpen) return;
    if (!this.#isWal()) return this.#pauses.committed();
    this.#looks = 0;
    this.#want();
  }

  forward(): void {
    if (this.#engine === null || this.#engine.hasMore()) this.#wantInPause();
  }

  /** False: a program keeps the database locked, or nobody follows it any more. */
  settle(): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#want();
    });
  }

  /** Runs `use` between passes. */
  async between<T>(use: (engine: DatabaseEngine) => T): Promise<T> {
    while (this.#running !== null) await this.#running;
    return use(this.#getEngine());
  }

  /** Lets a person's choice be done in the database and captured. Throws `ProblemError`. */
  async edit(work: Parameters<DatabaseEngine['edit']>[0]): Promise<void> {
    for (let tries = 0; tries < EDIT_TRIES; tries++) {
      await this.settle();
      const [waiting] = this.#told;
      if (waiting !== undefined && this.#busySince !== null) throw new ProblemError(waiting);
      try {
        if ((await this.between((engine) => engine.edit(work))) === 'done') return void (await this.settle());
      } catch (error) {
        if (!isBusy(error)) throw error;
        await new Promise<void>((resolve) => this.#options.clock.after(EDIT_WAIT_MS, resolve));
      }
    }
    throw new ProblemError(busyProblem(this.database.path));
  }

  async enterRows(path: string): Promise<Vector> {
    await this.settle();
    const { request, contained } = await this.between((engine) => engine.entering(path));
    if (request === null) return contained;
    const entering = this.#options.events.append(request);
    // No capture may come between the number and its folding.
    this.#running = entering.then(
      (appended) => this.#getEngine().entered(appended),
      () => undefined,
    );
    try {
      await entering;
      await this.#running;
      return contained;
    } finally {
      this.#running = null;
      this.#want();
    }
  }

  /** Gives up its engine, and begins with another one `until` then. */
  async pause(until: Promise<void>): Promise<void> {
    while (this.#running !== null) await this.#running;
    this.#engine?.close();
    this.#engine = null;
    this.#running = until.finally(() => {
      this.#running = null;
      this.#want();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelTick?.();
    this.#pauses.stop();
    await this.#running;
    this.#engine?.close();
    this.#engine = null;
    for (const resolve of this.#waiting.splice(0)) resolve(false);
  }

  #isWal(): boolean {
    return this.#options.facts(`${this.database.path}-wal`) !== undefined;
  }

  #wantInPause(): void {
    if (this.#isWal()) this.#want();
    else this.#pauses.wait();
  }

  #want(): void {
    if (this.#closed) return;
    this.#wanted = true;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
      if (this.#wanted) this.#want();
    });
  }

  async #run(): Promise<void> {
    while (this.#wanted && !this.#closed) {
      this.#wanted = false;
      const waiting = this.#waiting.splice(0);
      this.#awaited = waiting.length > 0;
      const outcome = await this.#tryPass();
      if (outcome === 'busy' || outcome === 'pausing') {
        this.#waiting.unshift(...waiting);
        if (outcome === 'busy') this.#backOff();
        return;
      }
      for (const resolve of waiting) resolve(true);
    }
    this.#tick();
  }

  async #tryPass(): Promise<'done' | 'busy' | 'pausing' | 'failed'> {
    try {
      // RACE: read afterwards it would hide a commit that came after the pass had looked for marks, for good.
      const before = this.#engine?.dataVersion() ?? 0;
      await this.#pass();
      this.#dataVersion = before;
      this.#busySince = null;
      this.#busyTries = 0;
      this.#tell(this.#engine?.problems ?? []);
      return 'done';
    } catch (error) {
      this.#engine?.letGo();
      if (isBusy(error)) return 'busy';
      if (this.#options.isOurs(error)) return 'pausing';
      this.#engine?.disconnect();
      this.#tell([problemOf(error, this.database.path)]);
      this.#retryIn(RETRY_MS);
      return 'failed';
    }
  }

  async #pass(): Promise<void> {
    const engine = this.#getEngine();
    this.#restsSince = null;
    let held: number | null = null;
    for (let disturbed = 0; !this.#closed; ) {
      if (disturbed >= PATIENCE) {
        engine.hold();
        held ??= this.#options.clock.monotonic();
      }
      const captured = await this.#capture(engine, disturbed > 0);
      const left = captured === 'must apply' || this.#awaited ? 0 : this.#untilMayApply();
      if (left > 0) return this.#isWal() ? this.#retryIn(Math.min(left, HOT_WITHIN_MS)) : this.#pauses.wait();
      const began = this.#options.clock.monotonic();
      const step = engine.apply();
      if (step.kind === 'applied') {
        disturbed = 0;
        this.#lastApply = this.#options.clock.monotonic();
        this.#lockedMs = this.#lastApply - (held ?? began);
        held = null;
        this.#worked();
        this.#figures.applies += 1;
        this.#figures.appliedRows += step.rows;
        this.#figures.longestLockMs = Math.max(this.#figures.longestLockMs, this.#lockedMs);
        const { id } = this.database;
        this.#options.events.applied({ database: id, changes: step.changes, rows: step.rows, vector: engine.vector });
        this.#options.events.conflictsChanged?.(id);
        await this.#letOthers();
      } else if (step.kind === 'capture') disturbed += 1;
      else {
        engine.letGo();
        // Whoever waits waits for what was there when he asked; a program that never pauses goes on.
        if (captured === 'captured') this.#wanted = true;
        return;
      }
    }
  }

  async #capture(engine: DatabaseEngine, isDisturbed: boolean): Promise<'captured' | 'nothing' | 'must apply'> {
    const began = this.#options.clock.monotonic();
    // What is about to be written over has to be known before, whatever it costs.
    const isTime = began >= this.#compareAt;
    const mayDoubt = this.#awaited ? 'all' : isTime ? 'piece' : 'no';
    const step = engine.capture(isDisturbed || this.#awaited || isTime || engine.hasMore(), mayDoubt);
    const now = this.#options.clock.monotonic();
    const { comparison } = engine;
    if (comparison === 'done' || comparison === 'begun') this.#compareAt = now + (now - began) / COMPARE_SHARE;
    if (comparison === 'due' || comparison === 'begun') this.#retryIn(this.#compareAt - now);
    if (step.kind === 'apply') return 'must apply';
    if (step.kind === 'nothing') return 'nothing';
    try {
      const appended = await this.#options.events.append(step.request);
      engine.captured(appended);
    } catch (error) {
      engine.notCaptured();
      throw error;
    }
    this.#worked();
    this.#edits.push(this.#lastWork);
    if (this.#edits.length > HOT_EDITS) this.#edits.shift();
    this.#figures.captures += 1;
    this.#figures.capturedRows += step.request.ops;
    this.#options.events.conflictsChanged?.(this.database.id);
    return 'captured';
  }

  #isHot(): boolean {
    if (!this.#isWal()) return this.#pauses.isRestless;
    const [first] = this.#edits;
    if (first === undefined || this.#edits.length < HOT_EDITS) return false;
    return this.#options.clock.monotonic() - first < HOT_WITHIN_MS;
  }

  /** Milliseconds; not above 0: now. */
  #untilMayApply(): number {
    if (!this.#isHot()) return 0;
    const share = this.#isWal() ? HOT_LOCK_SHARE.wal : HOT_LOCK_SHARE.other;
    return this.#lastApply + Math.min(this.#lockedMs / share, HOT_APPLY_LIMIT_MS) - this.#options.clock.monotonic();
  }

  #getEngine(): DatabaseEngine {
    this.#engine ??= this.#options.makeEngine();
    return this.#engine;
  }

  #worked(): void {
    this.#lastWork = this.#options.clock.monotonic();
  }

  #letOthers(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(0, resolve));
  }

  #backOff(): void {
    const { clock, random } = this.#options;
    this.#figures.busy += 1;
    this.#busySince ??= clock.monotonic();
    const ms = BACKOFF_MS[Math.min(this.#busyTries++, BACKOFF_MS.length - 1)] as number;
    if (clock.monotonic() - this.#busySince > BUSY_PROBLEM_MS) {
      this.#tell([busyProblem(this.database.path)]);
      for (const resolve of this.#waiting.splice(0)) resolve(false);
    }
    this.#retryIn(ms * (0.5 + random.fraction()));
  }

  #retryIn(ms: number): void {
    this.#cancelRetry?.();
    this.#cancelRetry = this.#options.clock.after(ms, () => this.#want());
  }

  #tell(problems: readonly Problem[]): void {
    if (problems.length === this.#told.length && problems.every(({ text }, at) => text === this.#told[at]?.text))
      return;
    const now = this.#options.clock.now();
    const since = ({ text }: Problem): number => this.#told.find((told) => told.text === text)?.since ?? now;
    this.#told = problems.map((problem) => ({ ...problem, since: since(problem) }));
    this.#options.events.problems(this.database.id, this.#told);
  }

  /** While the connection is open: looks for commits, tidies in quiet, closes when idle. */
  #tick(): void {
    this.#cancelTick?.();
    this.#cancelTick = null;
    const engine = this.#engine;
    if (this.#closed || engine === null || !engine.isOpen) return;
    const quiet = this.#options.clock.monotonic() - this.#lastWork;
    const poll = quiet < ACTIVE_MS ? POLL_ACTIVE_MS : POLL_QUIET_MS;
    this.#cancelTick = this.#options.clock.after(LOOKS_MS[this.#looks++] ?? poll, () => this.#look(engine));
  }

  #look(engine: DatabaseEngine): void {
    if (this.#closed || this.#running !== null) return;
    try {
      const now = this.#options.clock.monotonic();
      if (engine.isReplaced() || engine.dataVersion() !== this.#dataVersion) return this.#wantInPause();
      if (this.#restsSince !== null) {
        if (now - this.#restsSince > IDLE_MS) engine.disconnect();
      } else if (now - this.#lastWork > QUIET_MS && engine.tidy()) {
        engine.rest();
        this.#restsSince = now;
      }
    } catch (error) {
      if (!isBusy(error)) return this.#want();
    }
    this.#tick();
  }
}
