/**
 * What was noticed waits here until it has settled: a save until it is quiet, what has gone until it stays gone. Knows
 * paths and times only.
 */
import { parentOf } from '../../core/paths.ts';
import type { Clock } from '../../platform/ports.ts';

/** What is gone may come back at once: many programs save by deleting and renaming. */
const GONE_MS = 1000;
/** A tree that is being deleted is looked at as a whole; but not for ever. */
const GONE_LIMIT_MS = 10_000;

/** `look`: what was seen, 'gone', or '' where nothing was. */
type Pending = { look: string; dueAt: number };

export class Settling {
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();
  readonly #gone = new Set<string>();
  #goneSince = 0;
  #goneDueAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#pending.size === 0;
  }

  has(path: string): boolean {
    return this.#pending.has(path);
  }

  /** What has gone and may be gone for good. */
  get gone(): ReadonlySet<string> {
    return this.#gone;
  }

  drop(path: string): void {
    this.#pending.delete(path);
    this.#gone.delete(path);
  }

  /** Looks again at a path in `ms`. */
  defer(path: string, ms: number): void {
    this.#pending.set(path, { look: '', dueAt: this.#clock.monotonic() + ms });
  }

  /** It looks like this since now, or still; due after `wait` ms of it. */
  settles(path: string, look: string, wait: number): 'due' | 'pending' {
    this.#gone.delete(path);
    const now = this.#clock.monotonic();
    const before = this.#pending.get(path);
    // Quiet is counted on our own clock from when it was first seen so: the file's times may be those of another.
    // What was put off stays so, whoever hints at it: a save that a full disk does not take in would be read for ever.
    const putOff = before?.look === '' ? before.dueAt : 0;
    const dueAt = before?.look === look ? before.dueAt : Math.max(now + wait, putOff);
    this.#pending.set(path, { look, dueAt });
    return dueAt <= now ? 'due' : 'pending';
  }

  hasGone(path: string): 'due' | 'pending' {
    const now = this.#clock.monotonic();
    if (this.#gone.size === 0) this.#goneSince = now;
    if (!this.#gone.has(path)) this.#goneDueAt = Math.min(now + GONE_MS, this.#goneSince + GONE_LIMIT_MS);
    this.#gone.add(path);
    this.#pending.set(path, { look: 'gone', dueAt: now });
    return this.#goneDueAt <= now ? 'due' : 'pending';
  }

  /** Something is being saved in this folder: what is pending there waits `ms` more. */
  waitFor(folder: string, ms: number): void {
    const dueAt = this.#clock.monotonic() + ms;
    for (const [path, pending] of this.#pending) {
      if (parentOf(path) === folder && pending.look !== 'gone' && pending.dueAt < dueAt) pending.dueAt = dueAt;
    }
  }

  /** Milliseconds until something is due; undefined: nothing is pending. */
  dueIn(): number | undefined {
    let first: number | undefined;
    for (const pending of this.#pending.values()) {
      const dueAt = this.#dueAt(pending);
      if (first === undefined || dueAt < first) first = dueAt;
    }
    return first === undefined ? undefined : Math.max(0, first - this.#clock.monotonic());
  }

  /** What is due now. Whoever takes it drops it. */
  *due(): Generator<{ readonly path: string; readonly look: string }> {
    const now = this.#clock.monotonic();
    for (const [path, pending] of this.#pending) {
      if (this.#dueAt(pending) <= now) yield { path, look: pending.look };
    }
  }

  /** All that has gone is due together: a tree that is being deleted is looked at as a whole. */
  #dueAt({ look, dueAt }: Pending): number {
    return look === 'gone' ? this.#goneDueAt : dueAt;
  }
}
