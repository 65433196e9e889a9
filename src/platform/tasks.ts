/**
 * Tasks: long computations in steps, each a generator whose caller brings to every step what the one before asked for.
 * They run in worker threads (workers.ts) or in place, behind one interface. In place they serve the seeded world, and
 * whatever is too small to be worth a thread.
 */

/** Name to generator function. The argument of the first `next` is not used, as in all generators. */
export type TaskTable = Readonly<Record<string, (request: never) => Generator<unknown, void, never>>>;

type Yielded<F> = F extends (request: never) => Generator<infer Out, void, never> ? Out : never;
type Brought<F> = F extends (request: never) => Generator<unknown, void, infer In> ? In : never;

/** A task that runs. Steps may be asked for before earlier ones are done. A failure ends it. */
export interface Steps<In, Out> {
  /**
   * Resolves with what the step yields, undefined when the task has ended. `moves` are buffers inside `input` that are
   * taken from the caller and let go after the step; what a step yields may name such buffers itself, as `moves`.
   */
  next(input: In, moves?: readonly ArrayBuffer[]): Promise<Out | undefined>;
  /** Ends it where it stands. */
  close(): void;
}

export interface TaskRunner<T extends TaskTable> {
  start<K extends keyof T & string>(task: K, request: Parameters<T[K]>[0]): Steps<Brought<T[K]>, Yielded<T[K]>>;
}

/** Runs the steps in place, in the order in which they are asked for. */
export function inPlace<T extends TaskTable>(tasks: T): TaskRunner<T> {
  return {
    start<K extends keyof T & string>(task: K, request: Parameters<T[K]>[0]) {
      const running = (tasks[task] as T[K])(request);
      return {
        async next(input) {
          const { done, value } = running.next(input as never);
          return done ? undefined : (value as Yielded<T[K]>);
        },
        close: () => void running.return(undefined),
      } satisfies Steps<Brought<T[K]>, Yielded<T[K]>>;
    },
  };
}
