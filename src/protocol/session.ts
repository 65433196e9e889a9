/**
 * One connection between two machines: the greeting, questions and their answers, and the exchanges of the files that
 * are open on it. A message that is not as it should be ends the connection; the reason is told to whoever asked.
 */
import { MalformedError } from '../core/codec.ts';
import { ProblemError } from '../core/problem.ts';
import type { Exchange } from './exchange.ts';
import { MAX_BACKLOG, MAX_CHANNELS, VERSIONS } from './limits.ts';
import {
  type Answer,
  clipped,
  decodeMessage,
  encodeMessage,
  type Message,
  type MessageOf,
  type Question,
} from './messages.ts';
import type { Line } from './replica.ts';

/** What the session needs of a connection (`Link` of the platform is one). */
export interface Carrier {
  send(message: Uint8Array): void;
  readonly backlog: number;
  drained(bytes: number): Promise<void>;
  onMessage: (message: Uint8Array) => void;
  onClose: (reason: string) => void;
  close(reason: string): void;
}

export interface SessionOptions {
  readonly carrier: Carrier;
  readonly software: string;
  /** Wall-clock milliseconds, told to the other side so that it can name a wrong clock. */
  readonly nowMs: () => number;
  /** Answers a question; a thrown `ProblemError` goes back as a failure. */
  readonly answer?: (question: Question) => Answer | Promise<Answer>;
  /** The partner opens a file: the exchange for it, or a refusal. */
  readonly opened?: (open: MessageOf<'open'>, line: Line) => Exchange;
  readonly onReady?: (partner: { software: string; aheadMs: number }) => void;
  readonly onEnd: (reason: string) => void;
}

/** Questions that a partner may have open at the same time. */
const MAX_OPEN_QUESTIONS = 64;

type Pending = { resolve: (answer: Answer) => void; reject: (error: Error) => void };

export class Session implements Line {
  readonly #options: SessionOptions;
  readonly #carrier: Carrier;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #questions = new Map<number, Pending>();
  #nextChannel = 1;
  #nextQuestion = 1;
  #answering = 0;
  #greeted = false;
  #ended = false;

  /** `dialled`: this side made the connection, so it speaks first. */
  constructor(options: SessionOptions, dialled: boolean) {
    this.#options = options;
    this.#carrier = options.carrier;
    this.#carrier.onMessage = (bytes) => this.#onBytes(bytes, dialled);
    this.#carrier.onClose = (reason) => this.#onClosed(reason);
    if (dialled) this.send({ kind: 'hello', versions: [...VERSIONS], software: options.software });
  }

  get backlog(): number {
    return this.#carrier.backlog;
  }

  drained(bytes: number): Promise<void> {
    return this.#carrier.drained(bytes);
  }

  send(message: Message): void {
    if (this.#ended) return;
    if (message.kind === 'close') this.#exchanges.delete(message.channel);
    this.#carrier.send(encodeMessage(message));
  }

  fail(error: unknown): void {
    this.end((error as Error).message);
  }

  ask(question: Question): Promise<Answer> {
    if (this.#ended) return Promise.reject(outOfReach('the connection has ended'));
    return new Promise((resolve, reject) => {
      const id = this.#nextQuestion++;
      this.#questions.set(id, { resolve, reject });
      this.send({ kind: 'ask', id, question });
    });
  }

  /**
   * Opens a file on this connection; `make` builds the exchange for the channel. Chunks can be fetched at once; changes
   * come from the exchange's `begin` on.
   */
  open(file: string, copy: string, make: (channel: number, line: Line) => Exchange): Exchange {
    const channel = this.#nextChannel++;
    this.send({ kind: 'open', channel, file, copy });
    const exchange = make(channel, this);
    this.#exchanges.set(channel, exchange);
    // Who opens several files may not have heard yet that the first one has ended the connection.
    if (this.#ended) queueMicrotask(() => exchange.end({ code: 'cut', text: 'the connection has ended' }));
    return exchange;
  }

  /** Closes one file on this connection. */
  close(exchange: Exchange, text: string): void {
    const { channel } = exchange;
    if (this.#exchanges.get(channel) !== exchange) return;
    this.send({ kind: 'close', channel, code: 'closed', text: clipped(text) });
    exchange.end({ code: 'closed', text });
  }

  /** Ends the connection from this side. */
  end(reason: string): void {
    if (this.#ended) return;
    this.#carrier.close(reason);
    this.#onClosed(reason);
  }

  #onBytes(bytes: Uint8Array, dialled: boolean): void {
    if (this.#ended) return;
    if (this.backlog > MAX_BACKLOG) return this.end('the other side does not read what it asks for');
    try {
      this.#onMessage(decodeMessage(bytes), dialled);
    } catch (error) {
      // Damaged chunks or a full disk here concern one file, but its exchange is in the middle of something: start over.
      const why = error instanceof MalformedError ? `unreadable message: ${error.message}` : (error as Error).message;
      this.end(why);
    }
  }

  #onMessage(message: Message, dialled: boolean): void {
    if (!this.#greeted) return this.#onGreeting(message, dialled);
    switch (message.kind) {
      case 'hello':
      case 'welcome':
        throw new MalformedError('a second greeting');
      case 'ask':
        void this.#answer(message);
        return;
      case 'answer':
        return this.#take(message.id)?.resolve(message.answer);
      case 'fail': {
        const { id, code, text, remedy } = message;
        return this.#take(id)?.reject(new ProblemError({ code, text, remedy }));
      }
      case 'open':
        return this.#onOpen(message);
      case 'close': {
        const exchange = this.#exchanges.get(message.channel);
        this.#exchanges.delete(message.channel);
        return exchange?.end({ code: message.code, text: message.text });
      }
      default:
        // A channel that was just closed here may still get what was on its way.
        return this.#exchanges.get(message.channel)?.receive(message);
    }
  }

  #onGreeting(message: Message, dialled: boolean): void {
    const expected = dialled ? 'welcome' : 'hello';
    if (message.kind === 'fail') throw new Error(`${message.text} ${message.remedy}`);
    if (message.kind !== 'hello' && message.kind !== 'welcome') throw new MalformedError('no greeting');
    if (message.kind !== expected) throw new MalformedError(`${message.kind} instead of ${expected}`);
    const { software, nowMs } = this.#options;
    if (message.kind === 'hello') {
      const version = VERSIONS.find((ours) => message.versions.includes(ours));
      if (version === undefined) {
        this.send({ kind: 'fail', id: 0, ...noCommonVersion(message.versions) });
        throw new Error('no common protocol version');
      }
      this.send({ kind: 'welcome', version, software, nowMs: nowMs() });
    } else if (!VERSIONS.some((ours) => ours === message.version)) throw new MalformedError('a version nobody offered');
    this.#greeted = true;
    const aheadMs = message.kind === 'welcome' ? nowMs() - message.nowMs : 0;
    this.#options.onReady?.({ software: message.software, aheadMs });
  }

  async #answer({ id, question }: MessageOf<'ask'>): Promise<void> {
    this.#answering += 1;
    try {
      if (this.#answering > MAX_OPEN_QUESTIONS) throw new MalformedError('too many questions at once');
      if (!this.#options.answer) throw new MalformedError('this side answers no questions');
      const answer = await this.#options.answer(question);
      this.send({ kind: 'answer', id, answer });
    } catch (error) {
      if (error instanceof ProblemError) {
        const { code, text, remedy } = error.problem;
        this.send({ kind: 'fail', id, code, text: clipped(text), remedy: clipped(remedy) });
      } else this.end((error as Error).message);
    } finally {
      this.#answering -= 1;
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#questions.get(id);
    this.#questions.delete(id);
    return pending;
  }

  #onOpen(open: MessageOf<'open'>): void {
    if (!this.#options.opened) throw new MalformedError('this side opens no files');
    if (this.#exchanges.has(open.channel)) throw new MalformedError('a channel that is open already');
    if (this.#exchanges.size >= MAX_CHANNELS) throw new MalformedError('too many open files');
    try {
      const exchange = this.#options.opened(open, this);
      this.#exchanges.set(open.channel, exchange);
      exchange.begin();
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.send({ kind: 'close', channel: open.channel, code: error.problem.code, text: clipped(error.problem.text) });
    }
  }

  #onClosed(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { reject } of this.#questions.values()) reject(outOfReach(reason));
    this.#questions.clear();
    const failures: unknown[] = [];
    // One of them may fail to write down what it knows: the others, and the connection, end nevertheless.
    for (const exchange of this.#exchanges.values()) {
      try {
        exchange.end({ code: 'cut', text: reason });
      } catch (error) {
        failures.push(error);
      }
    }
    this.#exchanges.clear();
    this.#options.onEnd(reason);
    if (failures.length > 0) throw failures[0];
  }
}

function outOfReach(reason: string): ProblemError {
  return new ProblemError({
    code: 'unreachable',
    text: `The hub cannot be reached: ${reason}.`,
    remedy: 'Work goes on here; it is sent as soon as the hub is in reach again.',
  });
}

function noCommonVersion(theirs: readonly number[]): { code: string; text: string; remedy: string } {
  return {
    code: 'version',
    text: `This side speaks protocol versions ${VERSIONS.join(', ')}, the other ${theirs.join(', ')}.`,
    remedy: 'Install the same release of Tieout on both machines.',
  };
}
