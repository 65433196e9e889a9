/**
 * The client of the local API, for Node and browsers alike. It knows the contract by its types only: the agent checks
 * what goes in and what comes out, so that no program has to load the schemas.
 */
import type { MethodName, Progress, Request, Result } from './contract.ts';
import { readFailure, TieoutError } from './failure.ts';
import { Lines } from './lines.ts';

export interface Connection {
  /** Both from the agent: `url` stands in TIEOUT_HOME/agent.json, `token` in TIEOUT_HOME/token. New at every start. */
  readonly url: string;
  readonly token: string;
  /** Default: the platform's own. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions<P> {
  /** Ends the call here and at the agent; `call` then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: P) => void) | undefined;
}

export interface Client {
  /** Throws `TieoutError` when the agent refuses, fails or goes away. */
  call<M extends MethodName>(method: M, params: Request<M>, options?: CallOptions<Progress<M>>): Promise<Result<M>>;
  /** What happens from now on. Ends when the caller leaves the loop or aborts. */
  watch(params?: Request<'watch'>, options?: { readonly signal?: AbortSignal }): AsyncGenerator<Progress<'watch'>>;
}

export function connect(connection: Connection): Client {
  return {
    async call(method, params, { signal, progress } = {}) {
      let result: unknown;
      for await (const message of exchange(connection, method, params, signal)) {
        if (message.progress !== undefined) progress?.(message.progress as never);
        result ??= message.result;
      }
      if (result === undefined) throw cutOff(method);
      return result as never;
    },

    async *watch(params = {}, { signal } = {}) {
      try {
        for await (const message of exchange(connection, 'watch', params, signal)) {
          if (message.result !== undefined) return;
          yield message.progress as Progress<'watch'>;
        }
      } catch (error) {
        if (signal?.aborted) return;
        throw error;
      }
      throw cutOff('watch');
    },
  };
}

/** One line of an answer. */
interface Message {
  readonly progress?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** Sends one call and yields its progress and its result. An error that is answered, or met on the way, is thrown. */
async function* exchange(
  connection: Connection,
  method: MethodName,
  params: unknown,
  signal: AbortSignal | undefined,
): AsyncGenerator<Message> {
  const request = connection.fetch ?? fetch;
  let body: ReadableStreamDefaultReader<Uint8Array> | undefined;
  try {
    const response = await request(`${connection.url}/api/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${connection.token}` },
      body: JSON.stringify(params),
      signal: signal ?? null,
    });
    body = response.body?.getReader();
    const lines = new Lines();
    while (body !== undefined) {
      const piece = await body.read();
      if (piece.done) break;
      for (const line of lines.push(piece.value)) {
        // Empty lines only show that the agent is there.
        if (line !== '') yield understood(line);
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof TieoutError ? error : cutOff(method, error);
  } finally {
    // The caller may leave in the middle (`break`): the agent then notices and stops as well.
    await body?.cancel().catch(() => {});
  }
}

function understood(line: string): Message {
  const message = parse(line);
  if (message.error === undefined) return message;
  throw new TieoutError(readFailure(message.error) ?? unintelligible(line));
}

function parse(line: string): Message {
  try {
    const json: unknown = JSON.parse(line);
    if (typeof json === 'object' && json !== null) return json;
  } catch {}
  throw new TieoutError(unintelligible(line));
}

const unintelligible = (line: string) => ({
  code: 'not-understood',
  text: 'The agent gave an answer that is not understood.',
  why: `It began with ${JSON.stringify(line.slice(0, 80))}.`,
  remedy: 'Run `tieout stop` and try again.',
});

function cutOff(method: string, cause?: unknown): TieoutError {
  return new TieoutError(
    {
      code: 'agent-gone',
      text: `The agent went away before it had answered "${method}".`,
      why: cause instanceof Error ? `${cause.message}.` : '',
      remedy: 'Run the command again; it starts the agent if need be.',
    },
    { cause },
  );
}
