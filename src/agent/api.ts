/**
 * The local API: the agent's methods (sdk/contract.ts) over HTTP, for this machine's user only.
 *
 *   GET  /api?nonce=…   {"proof", "version"}: shows the caller that this is the agent whose token it holds, and how old
 *   POST /api/METHOD    params as JSON, with the token; answered as api-answer.ts says
 *
 * It decides nothing: who is let in stands in api-gate.ts, what a method takes in the contract, what it does in the
 * `Service`.
 */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { VERSION } from '../core/software.ts';
import { newToken, proofOfToken, removeAgentNote, writeAgentNote } from '../platform/home.ts';
import { serveLoopback } from '../platform/loopback.ts';
import type { Clock } from '../platform/ports.ts';
import type { HeldHome } from '../platform/process.ts';
import { contract, isMethod, type Service } from '../sdk/contract.ts';
import type { Method } from '../sdk/method.ts';
import { answerInLines, answerOnce, type Run, refused } from './api-answer.ts';
import { agentEnds, badParams, callerGone, closed, refusalOf, unknownMethod } from './api-failure.ts';
import { type Door, stranger, unwelcome } from './api-gate.ts';

export interface ApiOptions {
  /** Held: whoever serves a TIEOUT_HOME is the only one (`holdHome`). */
  readonly home: HeldHome;
  readonly service: Service;
  readonly clock: Clock;
  /** Told of what failed inside, one text each (with the stack). Default: stderr, which is the agent's log. */
  readonly log?: (text: string) => void;
  /** Of this program; default: its own. */
  readonly version?: string;
}

export interface Api {
  readonly url: string;
  /** Takes away the note, lets calls that run end with an error, and closes. The home stays held. */
  close(): Promise<void>;
}

/** Paths of 100,000 documents (`sync DOC…`) are the largest that is asked. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const CLOSE_MS = 2_000;

/** Serves on a free port of 127.0.0.1 and leaves the note (TIEOUT_HOME/agent.json). Throws `StorageError`. */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { home } = options;
  const door = { url: '', token: newToken() };
  const ending = new AbortController();
  const server = await serveLoopback(routes(options, door, ending.signal).fetch);
  // Nobody knows the port before the note tells it, so nobody meets the empty url.
  door.url = server.url;
  await writeAgentNote(home.path, { pid: process.pid, url: door.url }, door.token);

  return {
    url: door.url,
    async close() {
      await removeAgentNote(home.path);
      ending.abort(agentEnds());
      await server.close(CLOSE_MS);
    },
  };
}

function routes(
  { service, clock, log = console.error, version = VERSION }: ApiOptions,
  door: Door,
  ending: AbortSignal,
): Hono {
  const failed = (error: unknown) => log(error instanceof Error ? (error.stack ?? String(error)) : String(error));
  const app = new Hono();
  app.use(async (c, next) => {
    const refusal = stranger(c, door);
    return refusal === undefined ? next() : refused(refusal);
  });
  app.get('/api', (c) => {
    const nonce = c.req.query('nonce') ?? '';
    return c.json({ proof: proofOfToken(door.token, nonce.slice(0, 100), door.url), version });
  });
  app.post(
    '/api/:method',
    async (c, next) => {
      const refusal = unwelcome(c, door);
      return refusal === undefined ? next() : refused(refusal);
    },
    bodyLimit({ maxSize: MAX_BODY_BYTES, onError: () => refused(closed(413, 'too-large', 'It is too large.')) }),
    async (c) => {
      const name = c.req.param('method');
      if (!isMethod(name)) return refused(unknownMethod(name));
      const method: Method = contract[name];
      const params = method.params.safeParse(await c.req.json().catch(() => undefined));
      if (!params.success) return refused(badParams(name, params.error));

      const run: Run = async (progress, signal) => {
        const tell = (told: unknown) => progress(method.progress?.parse(told));
        const act = service[name] as (params: unknown, context: object) => Promise<unknown>;
        return method.result.parse(await act(params.data, { progress: tell, signal }));
      };
      const answering = { clock, failed, signal: AbortSignal.any([goneSignal(c.req.raw), ending]) };
      if (method.progress === undefined) return answerOnce(run, answering);
      return answerInLines(run, method.live ?? false, answering);
    },
  );
  app.notFound(() => refused(closed(404, 'not-found', 'There is nothing here.')));
  app.onError((error) => {
    failed(error);
    return refused(refusalOf(error));
  });
  return app;
}

/** The request's own signal tells its reason as a plain string, which no method should have to throw. */
function goneSignal(request: Request): AbortSignal {
  const gone = new AbortController();
  request.signal.addEventListener('abort', () => gone.abort(callerGone()), { once: true });
  if (request.signal.aborted) gone.abort(callerGone());
  return gone.signal;
}
