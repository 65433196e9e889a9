/**
 * Virtual time. Nothing happens between two events but what promises have left to do; the order of events that are due
 * at one moment is the seed's.
 */
import type { Clock } from '../../src/platform/ports.ts';
import type { Chance } from './chance.ts';

type Event = { readonly at: number; readonly order: number; readonly run: () => void; cancelled: boolean };

/** A wall clock begins here: November 2026. */
const BEGIN_MS = 1_795_000_000_000;

/** More happens in so little time only when something goes round in a circle, which a real machine would do, too. */
const BUSY_MS = 1000;
const BUSY_EVENTS = 10_000;

export class Busy extends Error {
  override readonly name = 'Busy';
  constructor(now: number) {
    super(
      `more than ${BUSY_EVENTS} events within ${BUSY_MS} ms, at ${(now / 1000).toFixed(3)} s: something goes round`,
    );
  }
}

export class Timeline {
  readonly #chance: Chance;
  readonly #heap: Event[] = [];
  #now = 0;
  #order = 0;
  #ran = 0;
  #since = 0;
  #ranBefore = 0;
  /** Looked at after each event and all that followed from it. */
  afterEach: () => void = () => {};

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  get events(): number {
    return this.#ran;
  }

  #startCounting(now: number): void {
    this.#since = now;
    this.#ranBefore = this.#ran;
  }

  /** When the next few events are due, ms. */
  due(count: number): number[] {
    const waiting = this.#heap.filter(({ cancelled }) => !cancelled).map(({ at }) => at);
    return waiting.sort((a, b) => a - b).slice(0, count);
  }

  /** `run` at that moment, or now if it has passed. The returned function cancels it. */
  at(ms: number, run: () => void): () => void {
    const event: Event = { at: Math.max(ms, this.#now), order: this.#order++, run, cancelled: false };
    push(this.#heap, event);
    return () => {
      event.cancelled = true;
    };
  }

  /** A little later than asked, as timers are. */
  jitter(): number {
    return this.#chance.fraction();
  }

  /** Lets time pass until `until` (ms), or until `done`. Says whether `done` came true. */
  async pass(until: number, done: () => boolean = () => false): Promise<boolean> {
    await settled();
    for (;;) {
      if (done()) return true;
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      pop(this.#heap);
      if (next.cancelled) continue;
      if (next.at - this.#since >= BUSY_MS) this.#startCounting(next.at);
      else if (this.#ran - this.#ranBefore > BUSY_EVENTS) throw new Busy(this.#now);
      this.#now = next.at;
      this.#ran += 1;
      next.run();
      await settled();
      this.afterEach();
    }
    this.#now = Math.max(this.#now, until);
    return done();
  }
}

/** All promises that could go on have gone on: Node empties that queue before the next turn. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The clock of one machine, from its start to its end: what it has set does not go off after `stop`. */
export class MachineClock implements Clock {
  readonly #timeline: Timeline;
  readonly #wall: Wall;
  #stopped = false;
  /** What is due now keeps its order within one machine. */
  #lastTurn = 0;

  constructor(timeline: Timeline, wall: Wall) {
    this.#timeline = timeline;
    this.#wall = wall;
  }

  now(): number {
    return this.#wall.now();
  }

  monotonic(): number {
    return this.#timeline.now;
  }

  after(ms: number, run: () => void): () => void {
    const jitter = this.#timeline.jitter();
    const at = this.#timeline.now + (ms > 0 ? ms + jitter : jitter / 20);
    const due = ms > 0 ? at : Math.max(at, this.#lastTurn);
    if (ms <= 0) this.#lastTurn = due;
    return this.#timeline.at(due, () => {
      if (!this.#stopped) run();
    });
  }

  get runs(): boolean {
    return !this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
  }
}

/** What a machine takes for the time. */
export class Wall {
  readonly #timeline: Timeline;
  /** Milliseconds that it is ahead of the true time. */
  aheadMs = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  now(): number {
    return Math.floor(BEGIN_MS + this.#timeline.now + this.aheadMs);
  }
}

function before(a: Event, b: Event): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (!before(event, heap[above]!)) break;
    heap[at] = heap[above]!;
    at = above;
  }
  heap[at] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && before(heap[below + 1]!, heap[below]!)) below += 1;
    if (!before(heap[below]!, last)) break;
    heap[at] = heap[below]!;
    at = below;
  }
  heap[at] = last;
}
