/**
 * A network as TCP and TLS show it: what is sent arrives whole and in order, late, or not at all once the line is cut.
 * A cut is noticed on either side in its own time, so a dead connection may stand beside a new one.
 */
import type { Link, PeerIdentity } from '../../src/platform/ports.ts';
import type { Chance } from './chance.ts';
import type { Timeline } from './time.ts';

/** Silence after which the real link gives its other side up. */
const GIVEN_UP_MS = 30_000;
const HANDSHAKE_TRIPS = 3;

export type Quality = { readonly fromMs: number; readonly toMs: number };

/** One cable, from a machine to the hub. */
export class Cable {
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #lines = new Set<Connection>();
  #quality: Quality;
  #pulled = false;

  constructor(timeline: Timeline, chance: Chance, quality: Quality) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#quality = quality;
  }

  get pulled(): boolean {
    return this.#pulled;
  }

  latency(): number {
    return this.#chance.within(this.#quality.fromMs, this.#quality.toMs);
  }

  later(ms: number, run: () => void): () => void {
    return this.#timeline.at(this.#timeline.now + ms, run);
  }

  /** Calls the hub: `answer` takes the far end, or says why not. */
  dial(
    here: PeerIdentity,
    there: PeerIdentity,
    signal: AbortSignal,
    answer: (link: Link) => string | null,
    isAlive: () => boolean,
  ): Promise<Link> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(why));
      signal.addEventListener('abort', () => fail('given up'), { once: true });
      if (this.#pulled) return void this.later(this.#chance.within(50, 4000), () => fail('no network'));
      this.later(this.latency() * HANDSHAKE_TRIPS, () => {
        // Whoever lost its power meanwhile calls nobody and hears nothing.
        if (!isAlive()) return;
        if (signal.aborted || this.#pulled) return fail('no network');
        const connection = new Connection(this, here, there, () => this.#lines.delete(connection));
        const refusal = answer(connection.far);
        if (refusal !== null) return fail(refusal);
        this.#lines.add(connection);
        resolve(connection.near);
      });
    });
  }

  /** Nothing passes any more until `plug`; both sides give up in their time. */
  pull(): void {
    this.#pulled = true;
    for (const line of this.#lines) line.stall(GIVEN_UP_MS, this.#chance.within(0.7, 1.3));
  }

  plug(): void {
    this.#pulled = false;
    for (const line of this.#lines) line.resume();
  }

  /** A router that forgets its connections: the caller notices soon, the hub perhaps much later. */
  cut(): void {
    for (const line of [...this.#lines]) {
      const [soon, late] = [this.#chance.within(0, 200), this.#chance.within(0, GIVEN_UP_MS)];
      line.sever(soon, this.#chance.happens(0.5) ? late : soon);
    }
  }

  /** One side is gone without a word: the other hears of it when the system says so. */
  lost(side: 'near' | 'far', noticedMs: number): void {
    for (const line of [...this.#lines]) line.loseEnd(side, noticedMs);
  }
}

class Connection {
  readonly near: End;
  readonly far: End;
  readonly #cable: Cable;
  readonly #over: () => void;
  #cancelGivingUp: (() => void)[] = [];
  #severed = false;

  constructor(cable: Cable, here: PeerIdentity, there: PeerIdentity, over: () => void) {
    this.#cable = cable;
    this.#over = over;
    this.near = new End(cable, there, (reason) => this.#closed(this.near, reason));
    this.far = new End(cable, here, (reason) => this.#closed(this.far, reason));
    this.near.other = this.far;
    this.far.other = this.near;
  }

  stall(givenUpMs: number, spread: number): void {
    this.near.stalled = this.far.stalled = true;
    for (const [end, ms] of [
      [this.near, givenUpMs * spread],
      [this.far, givenUpMs * (2 - spread)],
    ] as const) {
      this.#cancelGivingUp.push(this.#cable.later(ms, () => end.ended('no sign of life')));
    }
  }

  resume(): void {
    for (const cancel of this.#cancelGivingUp) cancel();
    this.#cancelGivingUp = [];
    if (this.#severed) return;
    this.near.stalled = this.far.stalled = false;
    // Whoever has given up meanwhile tells the other now.
    if (this.near.closed || this.far.closed) return this.sever(this.#cable.latency(), this.#cable.latency());
    this.near.go();
    this.far.go();
  }

  /** Nothing passes any more, for good; either side notices in its own time. What is under way may still arrive. */
  sever(nearMs: number, farMs: number): void {
    this.#severed = true;
    this.near.severed = this.far.severed = true;
    for (const [end, ms] of [
      [this.near, nearMs],
      [this.far, farMs],
    ] as const) {
      this.#cable.later(ms, () => {
        end.ended('the connection was reset');
        this.#forget();
      });
    }
  }

  loseEnd(side: 'near' | 'far', noticedMs: number): void {
    this[side].dead();
    const other = side === 'near' ? this.far : this.near;
    other.severed = true;
    this.#cable.later(noticedMs, () => {
      other.ended('the connection was reset');
      this.#forget();
    });
  }

  /** Known as long as somebody holds an end. */
  #forget(): void {
    if (this.near.closed && this.far.closed) this.#over();
  }

  #closed(end: End, reason: string): void {
    this.#forget();
    // What was sent before arrives first.
    end.sendEnd(reason);
  }
}

type Packet = { readonly bytes: Uint8Array } | { readonly end: string };

class End implements Link {
  readonly peer: PeerIdentity;
  readonly #cable: Cable;
  readonly #onLocalClose: (reason: string) => void;
  readonly #queue: Packet[] = [];
  other!: End;
  stalled = false;
  /** What is sent from now on does not arrive. */
  severed = false;
  closed = false;
  onMessage: (message: Uint8Array) => void = () => {};
  onClose: (reason: string) => void = () => {};
  #backlog = 0;
  #moving = false;
  #waiting: { below: number; tell: () => void }[] = [];

  constructor(cable: Cable, peer: PeerIdentity, onLocalClose: (reason: string) => void) {
    this.#cable = cable;
    this.peer = peer;
    this.#onLocalClose = onLocalClose;
  }

  get backlog(): number {
    return this.#backlog;
  }

  drained(bytes: number): Promise<void> {
    if (this.closed || this.#backlog < bytes) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ below: bytes, tell: resolve }));
  }

  send(message: Uint8Array): void {
    if (this.closed) return;
    this.#backlog += message.byteLength;
    this.#queue.push({ bytes: Uint8Array.from(message) });
    this.go();
  }

  close(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#tellWaiting();
    // The caller is told in a later turn, as by the real link.
    this.#cable.later(0, () => this.onClose(reason));
    this.#onLocalClose(reason);
  }

  sendEnd(reason: string): void {
    this.#queue.push({ end: reason });
    this.go();
  }

  /** Its machine has no power: it does nothing any more. */
  dead(): void {
    this.closed = true;
    this.severed = true;
    this.onMessage = () => {};
    this.onClose = () => {};
  }

  ended(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#tellWaiting();
    this.onClose(reason);
  }

  /** Sends what waits, one after the other: a message is on its way while the next follows it closely. */
  go(): void {
    if (this.#moving || this.stalled || this.severed) return;
    const packet = this.#queue.shift();
    if (packet === undefined) return;
    this.#moving = true;
    this.#cable.later(this.#first ? this.#cable.latency() : 0.05, () => {
      this.#moving = false;
      if (this.stalled && !this.severed) {
        this.#queue.unshift(packet);
        return;
      }
      this.#arrived(packet);
      this.#first = this.#queue.length === 0;
      this.go();
    });
  }
  #first = true;

  #arrived(packet: Packet): void {
    if ('end' in packet) return this.other.ended(packet.end);
    this.#backlog -= packet.bytes.byteLength;
    this.#tellWaiting();
    if (!this.other.closed) this.other.onMessage(packet.bytes);
  }

  #tellWaiting(): void {
    const ready = this.#waiting.filter(({ below }) => this.closed || this.#backlog < below);
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    for (const { tell } of ready) tell();
  }
}
