/**
 * The databases of all copies of one agent, in the one process that may open them (child.ts), which is started when the
 * first of them is asked for. When that process dies it is started again and everything opened anew; what was asked of
 * it meanwhile fails, and is tried again by whoever asked.
 */
import { type Problem, ProblemError } from '../core/problem.ts';
import type { Renewed } from '../core/reissue.ts';
import type { CopyId } from '../core/vector.ts';
import { type Child, startChild } from '../platform/child.ts';
import type { Clock } from '../platform/ports.ts';
import { systemClock } from '../platform/system.ts';
import { answerOf, openAnswer } from './answering.ts';
import type { Answer, CopyStart, FromChild, Method, ToChild } from './child-messages.ts';
import type { DatabaseEvents, Databases, OpenDatabase } from './host.ts';

/** What must be known of a sync folder. */
export interface CopyFolder {
  path(name: string): string;
  readonly renamings: readonly Renewed[];
}

export interface ChildDatabases {
  make(copy: CopyId, folder: CopyFolder, events: DatabaseEvents): Databases;
  /** Ends the process; nothing is called any more. */
  end(): Promise<void>;
}

interface Copy {
  readonly start: CopyStart;
  readonly events: DatabaseEvents;
  readonly open: Map<string, OpenDatabase>;
  stopped?: Promise<void>;
}

type Waiting = (answer: Answer<unknown>) => void;

const RESTART_MS = [0, 100, 500, 2_000, 10_000];
/** A process that has run for so long has not failed at its start. */
const STEADY_MS = 60_000;

export function childDatabases({
  log,
  clock = systemClock,
}: {
  log: (text: string) => void;
  clock?: Clock;
}): ChildDatabases {
  const host = new Host(log, clock);
  return { make: (copy, folder, events) => host.make(copy, folder, events), end: () => host.end() };
}

class Host {
  readonly #log: (text: string) => void;
  readonly #clock: Clock;
  readonly #copies = new Map<number, Copy>();
  readonly #waiting = new Map<number, Waiting>();
  /** By the number of the body that is being appended: who waits for its next piece. */
  readonly #pieces = new Map<number, (answer: Answer<Uint8Array | null>) => void>();
  readonly #unasked: ToChild[] = [];
  #child: Child<ToChild, FromChild> | null = null;
  #lastId = 0;
  #ended = false;
  /** The process has failed, and is started again in a while. */
  #isResting = false;
  #failures = 0;
  #startedAt = 0;

  constructor(log: (text: string) => void, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  make(copy: CopyId, folder: CopyFolder, events: DatabaseEvents): Databases {
    const at = ++this.#lastId;
    const start: CopyStart = {
      copy,
      rowsPath: folder.path('rows.db'),
      storePath: folder.path('store.db'),
      packs: folder.path('packs'),
      renamings: folder.renamings,
    };
    const made: Copy = { start, events, open: new Map() };
    this.#copies.set(at, made);
    this.#child?.send({ kind: 'start', at, start });
    return this.#databases(at, made);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#child?.end();
  }

  #databases(at: number, copy: Copy): Databases {
    const call = <T>(method: Method, ...args: readonly unknown[]): Promise<T> => this.#call(at, method, args);
    return {
      makeBase: (request) => call('makeBase', request),
      adopt: (request) => call('adopt', request),
      open: async (database) => {
        // Listed after it is asked for: a process that is started for it opens what is listed as well.
        const opened = call<void>('open', database);
        copy.open.set(database.id, database);
        await opened;
      },
      close: async (id) => {
        copy.open.delete(id);
        await call('close', id);
      },
      poke: (database) => this.#send({ kind: 'poke', at, database }),
      forward: () => this.#send({ kind: 'forward', at }),
      settle: async (ids) => copy.open.size === 0 || call('settle', ids),
      conflicts: (id) => call('conflicts', id),
      resolve: (id, choices) => call('resolve', id, choices),
      history: (id, query) => call('history', id, query),
      undo: (id, query) => call('undo', id, query),
      settings: (id) => call('settings', id),
      changeSettings: (id, changes) => call('changeSettings', id, changes),
      describe: (id) => call('describe', id),
      digest: (id, vector) => call('digest', id, vector),
      idOf: (path) => call('idOf', path),
      enterRows: (id, path) => call('enterRows', id, path),
      detach: (path) => call('detach', path),
      stop: () => {
        copy.stopped ??= this.#stop(at);
        return copy.stopped;
      },
    };
  }

  /** What is being captured just now is appended to its end: it would wait for its answer for ever. */
  async #stop(at: number): Promise<void> {
    if (this.#child !== null) await this.#ask((id) => ({ kind: 'stop', at, id })).catch(() => undefined);
    this.#copies.delete(at);
  }

  async #call<T>(at: number, method: Method, args: readonly unknown[]): Promise<T> {
    return (await this.#ask((id) => ({ kind: 'call', at, id, method, args }))) as T;
  }

  #ask(message: (id: number) => ToChild): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (answer) => {
        try {
          resolve(openAnswer(answer));
        } catch (error) {
          reject(error as Error);
        }
      });
      this.#send(message(id));
    });
  }

  #send(message: ToChild): void {
    if (this.#child !== null) this.#child.send(message);
    // Before its first life, and between two, hints are made up for by opening anew, and questions wait.
    else if (message.kind === 'call') {
      this.#unasked.push(message);
      if (!this.#isResting && !this.#ended) this.#startChild();
    } else if (message.kind === 'stop') this.#waiting.get(message.id)?.({ kind: 'done', value: undefined });
  }

  #startChild(): void {
    // In a build both are .js.
    const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
    const child = startChild<ToChild, FromChild>(new URL(`./child${extension}`, import.meta.url));
    this.#child = child;
    this.#startedAt = this.#clock.monotonic();
    child.onMessage = (message) => void this.#receive(message);
    child.onExit = (how) => this.#onExit(how);
    for (const [at, { start, open }] of this.#copies) {
      this.#send({ kind: 'start', at, start });
      for (const database of open.values()) void this.#call(at, 'open', [database]).catch(() => undefined);
    }
    for (const message of this.#unasked.splice(0)) this.#send(message);
  }

  #onExit(how: string): void {
    this.#child = null;
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of lost) waiting({ kind: 'problem', problem: processGone() });
    const cut = [...this.#pieces.values()];
    this.#pieces.clear();
    for (const take of cut) take({ kind: 'problem', problem: processGone() });
    if (this.#ended) return;
    this.#failures = this.#clock.monotonic() - this.#startedAt > STEADY_MS ? 0 : this.#failures + 1;
    const wait = RESTART_MS[Math.min(this.#failures, RESTART_MS.length - 1)] as number;
    this.#log(`the database process ended (${how}); it is started again`);
    this.#isResting = true;
    this.#clock.after(wait, () => {
      this.#isResting = false;
      if (!this.#ended && this.#child === null && this.#copies.size > 0) this.#startChild();
    });
  }

  /** What follows of a large body: a piece is asked for when the one before is kept, so that none pile up. */
  async *#rest(id: number): AsyncGenerator<Uint8Array> {
    for (;;) {
      const answer = await new Promise<Answer<Uint8Array | null>>((resolve) => {
        if (this.#child === null) return resolve({ kind: 'problem', problem: processGone() });
        this.#pieces.set(id, resolve);
        this.#send({ kind: 'more', id });
      });
      const piece = openAnswer(answer);
      if (piece === null) return;
      yield piece;
    }
  }

  async #receive(message: FromChild): Promise<void> {
    if (message.kind === 'answer') {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      waiting?.(message.answer);
      return;
    }
    if (message.kind === 'piece') {
      const take = this.#pieces.get(message.id);
      this.#pieces.delete(message.id);
      return take?.(message.answer);
    }
    const events = this.#copies.get(message.at)?.events;
    if (events === undefined) return;
    switch (message.kind) {
      case 'append': {
        const { id, request, hasRest } = message;
        const whole = hasRest ? { ...request, rest: this.#rest(id) } : request;
        const answer = await answerOf(() => events.append(whole));
        return this.#send({ kind: 'appended', id, answer });
      }
      case 'applied':
        return events.applied(message.event);
      case 'conflicts':
        return events.conflictsChanged?.(message.database);
      case 'damaged':
        return events.recordDamaged?.(message.id);
      case 'problems':
        return events.problems(message.database, message.problems);
      default:
        return message satisfies never;
    }
  }
}

function processGone(): Problem {
  return new ProblemError({
    code: 'database-process-gone',
    text: 'The process that has the databases open has ended; it is being started again.',
    remedy: 'Try again in a moment.',
  }).problem;
}
