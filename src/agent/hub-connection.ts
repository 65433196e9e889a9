/**
 * The way to one hub: dials, greets, and dials again with growing patience when the line is cut. Copies attach
 * themselves and are told of each new session; what they do on it is theirs.
 */
import { ProblemError } from '../core/problem.ts';
import type { Clock, Link, Random } from '../platform/ports.ts';
import type { Answer, Question } from '../protocol/messages.ts';
import { Session } from '../protocol/session.ts';

export interface HubConnectionOptions {
  readonly dial: (signal: AbortSignal) => Promise<Link>;
  readonly clock: Clock;
  readonly random: Random;
  readonly software: string;
}

/** Somebody who uses the connection. */
export interface Attached {
  /** A new session stands. */
  connected(session: Session): void;
  disconnected(reason: string): void;
}

const CHECK_NETWORK = 'Check the network and that the hub runs; work done here is kept and sent later.';
const FIRST_WAIT_MS = 200;
/** A hub that is switched on again is found within half a minute; thousands of laptops do not call it every second. */
const LONGEST_WAIT_MS = 30_000;
/** The hub's clock and ours are compared at each greeting; more than this is told to the user by `doctor`. */
export const CLOCK_TOLERANCE_MS = 60_000;

export class HubConnection {
  readonly #options: HubConnectionOptions;
  readonly #attached = new Set<Attached>();
  #session: Session | null = null;
  #waitMs = FIRST_WAIT_MS;
  #cancelWait: (() => void) | null = null;
  #dialling: AbortController | null = null;
  #stopped = false;
  #reason = 'not connected yet';
  #remedy = CHECK_NETWORK;
  #isRefused = false;
  #readyAt = 0;
  #aheadMs = 0;
  #waiters: (() => void)[] = [];

  constructor(options: HubConnectionOptions) {
    this.#options = options;
  }

  get session(): Session | null {
    return this.#session;
  }

  /** Why there is no session, for people. */
  get reason(): string {
    return this.#reason;
  }

  /** How far this machine's clock is ahead of the hub's, as of the last greeting, ms. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  start(): void {
    void this.#dial();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelWait?.();
    this.#dialling?.abort();
    this.#session?.end('this machine is stopping');
    this.#tellWaiters();
  }

  attach(user: Attached): void {
    this.#attached.add(user);
    if (this.#session) user.connected(this.#session);
  }

  detach(user: Attached): void {
    this.#attached.delete(user);
  }

  /**
   * The hub ends the connection because of what it was sent, and will do so again: until one of them lasts, each call
   * waits longer than the one before.
   */
  refused(): void {
    this.#isRefused = true;
  }

  /** The machine woke up or the network changed: what stood may be dead, and what was far may be near. */
  wake(): void {
    if (this.#stopped || this.#session) return;
    this.#waitMs = FIRST_WAIT_MS;
    this.#cancelWait?.();
    void this.#dial();
  }

  /** Asks the hub; waits a moment for a connection that is just being made. */
  async ask(question: Question, patienceMs = 5_000): Promise<Answer> {
    const session = await this.sessionOrRefusal(patienceMs);
    return session.ask(question);
  }

  /** The session, or the one that stands within `patienceMs`. Throws a `ProblemError` that says why there is none. */
  async sessionOrRefusal(patienceMs = 5_000): Promise<Session> {
    if (this.#session) return this.#session;
    this.wake();
    await new Promise<void>((resolve) => {
      this.#waiters.push(resolve);
      this.#options.clock.after(patienceMs, resolve);
    });
    if (this.#session) return this.#session;
    throw new ProblemError({
      code: 'unreachable',
      text: `The hub cannot be reached: ${this.#reason}.`,
      remedy: this.#remedy,
    });
  }

  async #dial(): Promise<void> {
    if (this.#dialling || this.#session || this.#stopped) return;
    const attempt = new AbortController();
    this.#dialling = attempt;
    try {
      const link = await this.#options.dial(attempt.signal);
      if (this.#stopped) link.close('this machine is stopping');
      else this.#greet(link);
    } catch (error) {
      this.#dialling = null;
      if (!(error instanceof ProblemError)) return this.#lost((error as Error).message);
      // Said as part of a sentence.
      const { code, text, remedy } = error.problem;
      this.#lost(text.replace(/\.$/, ''), code === 'link-unreachable' ? CHECK_NETWORK : remedy);
    }
  }

  #greet(link: Link): void {
    const { clock, software } = this.#options;
    const session: Session = new Session(
      {
        carrier: link,
        software,
        nowMs: () => clock.now(),
        onReady: ({ aheadMs }) => {
          this.#dialling = null;
          this.#aheadMs = aheadMs;
          this.#readyAt = clock.monotonic();
          if (!this.#isRefused) this.#waitMs = FIRST_WAIT_MS;
          this.#session = session;
          for (const user of this.#attached) user.connected(session);
          this.#tellWaiters();
        },
        onEnd: (reason) => {
          this.#dialling = null;
          const stood = this.#session === session;
          this.#session = null;
          if (stood && clock.monotonic() - this.#readyAt > LONGEST_WAIT_MS) this.#isRefused = false;
          if (stood) for (const user of this.#attached) user.disconnected(reason);
          this.#lost(reason);
        },
      },
      true,
    );
  }

  #lost(reason: string, remedy = CHECK_NETWORK): void {
    this.#reason = reason;
    this.#remedy = remedy;
    if (this.#stopped) return;
    const { clock, random } = this.#options;
    // Half fixed, half by chance: laptops that lost the hub together do not come back together.
    const wait = this.#waitMs * (0.5 + random.fraction() / 2);
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
    this.#cancelWait?.();
    this.#cancelWait = clock.after(wait, () => void this.#dial());
  }

  #tellWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const tell of waiters) tell();
  }
}
