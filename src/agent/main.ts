/** The agent as a program: opens TIEOUT_HOME, starts what it has, serves the local API until it is told to end. */

import { childDatabases } from '../database/child-databases.ts';
import { networkSignature } from '../platform/computer.ts';
import { dialFirst } from '../platform/dial.ts';
import { realFileBytes } from '../platform/file-bytes.ts';
import { RealFiles } from '../platform/files.ts';
import { computerName } from '../platform/home.ts';
import { collectInProportion } from '../platform/memory.ts';
import { holdHome } from '../platform/process.ts';
import { storageKind } from '../platform/storage-failure.ts';
import { systemClock, systemRandom } from '../platform/system.ts';
import { realWatcher } from '../platform/watch.ts';
import { chunkWorkers } from '../store/chunk-tasks.ts';
import { Agent } from './agent.ts';
import { startApi } from './api.ts';
import { openIdentity } from './identity.ts';
import { Ledger } from './ledger.ts';
import { serviceOf } from './service/service.ts';
import { lookForWaking } from './waking.ts';

export interface AgentStart {
  readonly home: string;
  /** Ends the agent. */
  readonly signal: AbortSignal;
}

/** Whatever has not ended in so long hangs. */
const ENDING_MS = 20_000;

export async function runAgent({ home, signal }: AgentStart): Promise<void> {
  const held = await holdHome(home);
  collectInProportion();
  outliveDisks();
  const ending = new AbortController();
  const tasks = chunkWorkers();
  const databases = childDatabases({ log });
  const ledger = Ledger.open(home);
  const agent = new Agent({
    home,
    identity: await openIdentity(home),
    ledger,
    clock: systemClock,
    random: systemRandom,
    dial: dialFirst,
    fileBytes: realFileBytes,
    filesOf: (root) => new RealFiles(root),
    watcher: realWatcher,
    tasks,
    makeDatabases: databases.make,
    host: computerName(),
    log,
  });
  await agent.start();
  const service = serviceOf(agent, () => systemClock.after(0, () => ending.abort()));
  const api = await startApi({ home: held, service, clock: systemClock, log });
  const stopLooking = lookForWaking({ clock: systemClock, network: networkSignature, woke: () => agent.wake() });
  await aborted(AbortSignal.any([signal, ending.signal]));
  stopLooking();
  const ended = endWithin(ENDING_MS);
  await api.close();
  await agent.stop();
  await databases.end();
  await tasks.end();
  ledger.close();
  held.release();
  ended();
}

/**
 * For a machine that shuts down, and for a release that takes over: nothing is half done at any moment that we may end
 * in. Returns what says that everything has ended.
 */
function endWithin(ms: number): () => void {
  return systemClock.after(ms, () => {
    log(`not everything ended within ${ms / 1000} s; what was under way is done at the next start`);
    process.exit(1);
  });
}

/**
 * A full or pulled disk of one copy must not end the others' work. Whoever meets such a failure tells it as a problem;
 * this is the net below. Whatever else nobody caught is a mistake of ours, and ends the process.
 */
function outliveDisks(): void {
  process.on('uncaughtException', (error) => {
    log(error.stack ?? error.message);
    if (storageKind(error) === undefined) process.exit(1);
  });
}

function log(text: string): void {
  process.stderr.write(`${Temporal.Instant.fromEpochMilliseconds(systemClock.now())} ${text}\n`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
