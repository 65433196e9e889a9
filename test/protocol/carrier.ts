/**
 * Connections in memory between sessions, on which nothing moves by itself: what was sent waits until it is delivered
 * or lost. Each connection keeps its order; which of several moves next is for the test to say.
 */
import type { Carrier } from '../../src/protocol/session.ts';

export class Wire {
  readonly ends: readonly [End, End];
  open = true;

  constructor() {
    this.ends = [new End(this), new End(this)];
  }

  get moving(): boolean {
    return this.open && this.ends.some(({ queue }) => queue.length > 0);
  }

  /** Delivers one message to the other end; says whether there was one. */
  deliver(from: 0 | 1): boolean {
    const message = this.open ? this.ends[from].queue.shift() : undefined;
    if (message === undefined) return false;
    const backlog = this.ends[from];
    backlog.release();
    this.ends[from === 0 ? 1 : 0].onMessage(message);
    return true;
  }

  /** What is under way is lost; each end learns of it when `tell` says so (a dead line is noticed late). */
  cut(tell: readonly (0 | 1)[] = [0, 1]): void {
    this.open = false;
    for (const end of this.ends) end.queue.length = 0;
    for (const which of tell) this.ends[which].closed('cut by the test');
  }
}

export class End implements Carrier {
  readonly #wire: Wire;
  readonly queue: Uint8Array[] = [];
  /** Everything that was ever sent. */
  readonly sent: Uint8Array[] = [];
  onMessage: (message: Uint8Array) => void = () => {};
  onClose: (reason: string) => void = () => {};
  #closed = false;
  #waiting: { below: number; resolve: () => void }[] = [];

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  get backlog(): number {
    return this.queue.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  send(message: Uint8Array): void {
    if (!this.#wire.open || this.#closed) return;
    this.sent.push(message);
    this.queue.push(message);
  }

  drained(bytes: number): Promise<void> {
    if (this.backlog < bytes || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ below: bytes, resolve }));
  }

  release(): void {
    const done = this.#waiting.filter(({ below }) => this.#closed || this.backlog < below);
    this.#waiting = this.#waiting.filter((entry) => !done.includes(entry));
    for (const { resolve } of done) resolve();
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.closed(reason);
    // The farewell comes after what was sent before it.
    const [a, b] = this.#wire.ends;
    const other = a === this ? b : a;
    for (const message of this.queue.splice(0)) other.onMessage(message);
    this.#wire.open = false;
    other.closed(reason);
  }

  closed(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.release();
    this.onClose(reason);
  }
}

/** Lets promises and what is due at once have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Delivers until nothing moves any more. */
export async function quiet(...wires: Wire[]): Promise<void> {
  for (let still = 0; still < 3; ) {
    let moved = false;
    for (const wire of wires) {
      for (const from of [0, 1] as const) while (wire.deliver(from)) moved = true;
    }
    await turn();
    still = moved || wires.some(({ moving }) => moving) ? 0 : still + 1;
  }
}
