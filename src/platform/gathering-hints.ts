/**
 * Hints on their way from the watcher to whoever listens: what is heard several times is told once, a little later.
 *
 * A commit with a WAL is heard page by page until its end, a bulk one a thousand times a second for seconds, and each
 * hint has three processes look for what is not there yet, on the cores that its program needs. So the longer a -wal is
 * written without a pause, the longer the next hint waits; whoever follows the database goes on looking meanwhile.
 * Without a WAL the hints are what pauses of a program are told by, and are not held back.
 */
import type { Clock } from './ports.ts';

/** We hear of a program's commit while it is still being written. What follows waits for its end. */
const GATHER_MS = 1;
/** The share of the time that a -wal has been written for, and how much it is at most. */
const WAL_SHARE = 1 / 8;
const WAL_GATHER_MS = 16;
/** Whoever writes after that writes anew: a person's edits that follow each other closely are each hinted at at once. */
const WAL_PAUSE_MS = 5;

const WAL = '-wal';

/** A database with a WAL that is, or was, written: hints at the file itself are its checkpoints. */
interface Stream {
  since: number;
  heard: number;
  readonly names: Set<string>;
  cancel: (() => void) | null;
}

export class GatheringHints {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  readonly #tell: (name: string) => void;
  readonly #others: Stream = { since: 0, heard: 0, names: new Set(), cancel: null };
  readonly #streams = new Map<string, Stream>();

  constructor(clock: Pick<Clock, 'monotonic' | 'after'>, tell: (name: string) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  hear(name: string): void {
    const stream = this.#streamOf(name);
    const wait = stream === this.#others ? GATHER_MS : this.#waitFor(stream);
    stream.names.add(name);
    stream.cancel ??= this.#clock.after(wait, () => this.#flush(stream));
  }

  stop(): void {
    for (const stream of [this.#others, ...this.#streams.values()]) stream.cancel?.();
    this.#streams.clear();
  }

  #streamOf(name: string): Stream {
    const isWal = name.endsWith(WAL);
    const database = isWal ? name.slice(0, -WAL.length) : name;
    const known = this.#streams.get(database);
    if (known !== undefined || !isWal) return known ?? this.#others;
    const made: Stream = { since: 0, heard: Number.NEGATIVE_INFINITY, names: new Set(), cancel: null };
    this.#streams.set(database, made);
    return made;
  }

  #waitFor(stream: Stream): number {
    const now = this.#clock.monotonic();
    if (now - stream.heard > WAL_PAUSE_MS) stream.since = now;
    stream.heard = now;
    return Math.max(GATHER_MS, Math.min(WAL_GATHER_MS, (now - stream.since) * WAL_SHARE));
  }

  #flush(stream: Stream): void {
    stream.cancel = null;
    const names = [...stream.names];
    stream.names.clear();
    for (const name of names) this.#tell(name);
  }
}
