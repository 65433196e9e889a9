/**
 * A pool of worker threads for tasks. Threads start when there is work and end when there was none for a while, so an
 * idle agent has none. A task stays in one thread; a thread may have several.
 */
import { cpus } from 'node:os';
import { parentPort, Worker } from 'node:worker_threads';
import { assert, type Problem, StorageError, type StorageKind } from '../core/problem.ts';
import type { Steps, TaskRunner, TaskTable } from './tasks.ts';

const IDLE_MS = 5000;

type Ask =
  | { id: number; kind: 'start'; task: string; request: unknown }
  | { id: number; kind: 'next'; input: unknown; moves: readonly ArrayBuffer[] }
  | { id: number; kind: 'close' };

type Failure = { storage: { kind: StorageKind; problem: Problem } } | { message: string; stack: string | undefined };

type Answer =
  | { id: number; kind: 'value'; value: unknown }
  | { id: number; kind: 'ended' }
  | { id: number; kind: 'failed'; failure: Failure };

type Waiting = { resolve: (value: unknown) => void; reject: (error: Error) => void };
type Thread = {
  worker: Worker;
  tasks: Map<number, Waiting[]>;
  idle: NodeJS.Timeout | undefined;
  lost: Error | undefined;
};

export interface WorkerPool<T extends TaskTable> extends TaskRunner<T> {
  /** How many threads run now. */
  readonly threads: number;
  /** Ends all threads; what runs fails. */
  end(): Promise<void>;
}

/** `entry` is the module that calls `serveTasks` with the same table. */
export function workerPool<T extends TaskTable>(
  entry: URL,
  size = Math.max(1, Math.min(cpus().length - 1, 4)),
): WorkerPool<T> {
  const threads = new Set<Thread>();
  let lastId = 0;

  function startThread(): Thread {
    const thread: Thread = { worker: new Worker(entry), tasks: new Map(), idle: undefined, lost: undefined };
    threads.add(thread);
    thread.worker.on('message', (answer: Answer) => receive(thread, answer));
    thread.worker.on('error', (error) => lose(thread, error as Error));
    thread.worker.on('exit', () => lose(thread, new Error('a worker thread ended')));
    return thread;
  }

  function lose(thread: Thread, error: Error): void {
    threads.delete(thread);
    clearTimeout(thread.idle);
    thread.lost ??= error;
    const lost = [...thread.tasks.values()].flat();
    thread.tasks.clear();
    for (const { reject } of lost) reject(error);
  }

  function leastBusy(): Thread {
    const all = [...threads].sort((a, b) => a.tasks.size - b.tasks.size);
    const free = all[0];
    return free && (free.tasks.size === 0 || threads.size >= size) ? free : startThread();
  }

  function receive(thread: Thread, answer: Answer): void {
    const waiting = thread.tasks.get(answer.id);
    if (answer.kind === 'value') {
      waiting?.shift()?.resolve(answer.value);
      return;
    }
    drop(thread, answer.id);
    for (const { resolve, reject } of waiting ?? []) {
      if (answer.kind === 'failed') reject(revive(answer.failure));
      else resolve(undefined);
    }
  }

  function drop(thread: Thread, id: number): void {
    if (!thread.tasks.delete(id) || thread.tasks.size > 0) return;
    thread.worker.unref();
    thread.idle = setTimeout(() => {
      threads.delete(thread);
      void thread.worker.terminate();
    }, IDLE_MS).unref();
  }

  return {
    get threads() {
      return threads.size;
    },
    start(task, request): Steps<never, never> {
      const thread = leastBusy();
      const id = ++lastId;
      const post = (ask: Ask, moves: readonly ArrayBuffer[] = []) => thread.worker.postMessage(ask, moves);
      clearTimeout(thread.idle);
      thread.worker.ref();
      thread.tasks.set(id, []);
      post({ id, kind: 'start', task, request });
      return {
        next: (input, moves = []) =>
          new Promise((resolve, reject) => {
            const waiting = thread.tasks.get(id);
            if (waiting) {
              waiting.push({ resolve: resolve as Waiting['resolve'], reject });
              post({ id, kind: 'next', input, moves }, moves);
            } else if (thread.lost) reject(thread.lost);
            else resolve(undefined);
          }),
        close() {
          if (!thread.tasks.has(id)) return;
          post({ id, kind: 'close' });
          for (const { resolve } of thread.tasks.get(id) ?? []) resolve(undefined);
          drop(thread, id);
        },
      };
    },
    async end() {
      const ending = [...threads].map((thread) => thread.worker.terminate());
      await Promise.all(ending);
    },
  };
}

/** The other side: called once by the module that a worker thread starts with. */
export function serveTasks(tasks: TaskTable): void {
  const port = parentPort;
  assert(port, 'serveTasks outside of a worker thread');
  const running = new Map<number, Generator<unknown, void, never>>();
  port.on('message', (ask: Ask) => {
    const { id } = ask;
    try {
      if (ask.kind === 'start') {
        const task = tasks[ask.task];
        assert(task, `no task is called ${ask.task}`);
        running.set(id, task(ask.request as never));
      } else if (ask.kind === 'close') {
        running.get(id)?.return();
        running.delete(id);
      } else {
        const step = running.get(id)?.next(ask.input as never);
        letGo(ask.moves);
        if (!step || step.done) {
          running.delete(id);
          port.postMessage({ id, kind: 'ended' } satisfies Answer);
        } else {
          const { moves = [] } = step.value as { moves?: ArrayBuffer[] };
          port.postMessage({ id, kind: 'value', value: step.value } satisfies Answer, moves);
        }
      }
    } catch (error) {
      running.delete(id);
      port.postMessage({ id, kind: 'failed', failure: plain(error) } satisfies Answer);
    }
  });
}

/**
 * A step is done with what was moved to it. A thread that has hardly anything of its own is not collected before half a
 * gigabyte of such buffers has come together.
 */
function letGo(moved: readonly ArrayBuffer[]): void {
  for (const buffer of moved) buffer.transfer(0);
}

function plain(error: unknown): Failure {
  if (error instanceof StorageError) return { storage: { kind: error.kind, problem: error.problem } };
  return error instanceof Error
    ? { message: error.message, stack: error.stack }
    : { message: String(error), stack: undefined };
}

function revive(failure: Failure): Error {
  if ('storage' in failure) return new StorageError(failure.storage.kind, failure.storage.problem);
  const error = new Error(failure.message);
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}
