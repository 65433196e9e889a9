/**
 * Watches the folder, and scans it as a whole now and then: what the watcher missed, and all of it where the system
 * does not let us watch.
 */
import type { Clock, Files, Watcher } from '../../platform/ports.ts';
import { looksSame } from '../../store/observations.ts';
import type { Registry } from '../../store/registry.ts';
import { type DocumentProblems, takingInFailed } from './document-problems.ts';
import type { Noticing } from './noticing.ts';
import { isThere } from './walking.ts';

/** Scanning costs at most this share of a core, and is done at least so often. */
const SCAN_SHARE = 1 / 250;
const SCAN_LEAST_MS = 20_000;
/** Where the watcher does not work, saves are noticed by scanning alone. */
const BLIND_SCAN_SHARE = 1 / 20;
const BLIND_SCAN_MS = 2000;
const WATCH_AGAIN_MS = 60_000;
/** What the disk says (`StorageKind`) of a document that it does not give or take, or a program that holds it. */
const FAILURES: readonly string[] = ['disk-full', 'read-only', 'no-permission', 'missing', 'disk-error', 'held'];

export type WatchingOptions = {
  /** The copy's folder: native, absolute. */
  readonly root: string;
  readonly files: Files;
  readonly watcher: Watcher;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly problems: DocumentProblems;
  readonly noticing: Noticing;
  /** After it nothing is looked at any more. */
  readonly signal: AbortSignal;
  /** A scan has ended. */
  readonly scanned: () => void;
  /** The time of the next scan has changed. */
  readonly wake: () => void;
};

export class Watching {
  readonly #options: WatchingOptions;
  #scanning: Promise<void> | undefined;
  #next = Number.POSITIVE_INFINITY;
  #isBlind = false;
  /** The watcher has lost what it had to tell, since the last scan began. */
  #hasLost = false;
  /** How long the last scan worked. */
  #tookMs = 0;
  #hasScanned = false;
  #unwatch = () => {};

  constructor(options: WatchingOptions) {
    this.#options = options;
  }

  /** The whole folder was looked at, and was there the last time. */
  get hasScanned(): boolean {
    return this.#hasScanned;
  }

  /** Milliseconds until the next scan; infinite while one is under way. */
  dueIn(): number {
    return Math.max(0, this.#next - this.#options.clock.monotonic());
  }

  /** Begins a scan if it is time for one. */
  scanIfDue(): void {
    if (this.#options.clock.monotonic() >= this.#next && this.#scanning === undefined) void this.scan();
  }

  /** Resolves when the scan that is under way has ended. */
  async stop(): Promise<void> {
    this.#unwatch();
    await this.#scanning?.catch(() => {});
  }

  watch(): void {
    const { watcher, root, clock, problems, noticing, signal } = this.#options;
    this.#isBlind = false;
    problems.clear(root, 'watch-limit', 'watch-failed');
    this.#unwatch = watcher.watch(root, {
      hint: (path) => (path === '' ? this.#lookEverywhere() : noticing.hint(path)),
      failed: (problem) => {
        this.#isBlind = true;
        problems.set(root, { ...problem, path: root });
        this.#plan(0);
        clock.after(WATCH_AGAIN_MS, () => {
          if (!signal.aborted) this.watch();
        });
      },
    });
  }

  /** More happened at once than Windows keeps for a watcher: a scan finds it, soon, and however often this is told. */
  #lookEverywhere(): void {
    if (this.#hasLost) return;
    this.#hasLost = true;
    if (this.#scanning === undefined) this.#plan(this.#tookMs);
  }

  /** One scan at a time; who asks during one gets another after it. */
  async scan(): Promise<void> {
    if (this.#scanning) await this.#scanning;
    if (this.#options.signal.aborted) return;
    // Begun since by another who had waited: it began after both had asked.
    this.#scanning ??= this.#scanOnce().finally(() => {
      this.#scanning = undefined;
    });
    return this.#scanning;
  }

  async #scanOnce(): Promise<void> {
    const { noticing, problems } = this.#options;
    this.#next = Number.POSITIVE_INFINITY;
    this.#hasLost = false;
    try {
      const took = await noticing.scan();
      this.#plan(took ?? 0);
      this.#hasScanned = took !== undefined;
      if (noticing.gone().size === 0) problems.clear('', 'many-gone');
      problems.clear('', 'disk');
      this.#forgetFailures();
    } catch (error) {
      problems.set('', takingInFailed(error));
      this.#plan(0);
    }
    this.#options.scanned();
  }

  /** What the disk once refused is over where the document is in its place now, or is none any more. */
  #forgetFailures(): void {
    const { problems } = this.#options;
    for (const { path, code } of problems.list()) {
      if (FAILURES.includes(code) && path !== '' && this.#isInOrder(path)) problems.clear(path, code);
    }
  }

  #isInOrder(path: string): boolean {
    const { registry, files } = this.#options;
    // Under this spelling: a disk that minds no case finds another document by it.
    if (!isThere(files, path) && !registry.observations.at(path) && registry.entryAt(path)?.shown !== path) return true;
    const entry = registry.entryAt(path);
    const seen = registry.observations.at(path);
    const facts = files.facts(path);
    if (entry === undefined || seen === undefined || facts === undefined) return !entry && !seen && !facts;
    return seen.subject === entry.id && seen.hash === entry.hash && looksSame(seen, facts);
  }

  #plan(tookMs: number): void {
    this.#tookMs = tookMs;
    const isSoon = this.#isBlind || this.#hasLost;
    const wait = isSoon
      ? Math.max(BLIND_SCAN_MS, tookMs / BLIND_SCAN_SHARE)
      : Math.max(SCAN_LEAST_MS, tookMs / SCAN_SHARE);
    this.#next = this.#options.clock.monotonic() + wait;
    this.#options.wake();
  }
}
