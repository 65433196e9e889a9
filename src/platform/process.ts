/**
 * The agent as a process: one per TIEOUT_HOME, started in the background when it is needed, found when it runs.
 * It runs if it proves at the url of its note that it knows the token. Nothing is concluded from a pid.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ProblemError } from '../core/problem.ts';
import { VERSION } from '../core/software.ts';
import { type AgentLog, agentLogPath, openAgentLog } from './agent-log.ts';
import {
  copyAround,
  fromHere,
  isFolder,
  makePrivateFolder,
  proofOfToken,
  readAgentNote,
  removeAgentNote,
  sameSecret,
} from './home.ts';
import { takeLock } from './lock.ts';

/** A cold start on a slow Windows disk, with a virus scanner that reads along. */
const START_MS = 30_000;
const ANSWER_MS = 3_000;
const POLL_MS = 15;
const MAX_PROOF = 1_000;
/** Others hold the lock for an instant when they look whether it is free (`isFree`). */
const LOCK_PATIENCE_MS = 250;

/** The exit code of an agent that found another one in its home. Whoever started it looks for that one. */
export const ALREADY_RUNS = 75;

/** TIEOUT_HOME, held by this process and no other until it is released or the process ends. */
export interface HeldHome {
  readonly path: string;
  release(): void;
}

/** Makes TIEOUT_HOME if need be and takes it for this process's agent. Throws `ProblemError` when another runs. */
export async function holdHome(path: string): Promise<HeldHome> {
  mustLieInNoCopy(path);
  makePrivateFolder(path);
  const lock = takeLock(lockPath(path), LOCK_PATIENCE_MS);
  if (lock === undefined) {
    throw new ProblemError({
      code: 'agent-runs-already',
      text: 'An agent runs already for this TIEOUT_HOME, and there can be only one.',
      remedy: 'Use that one, or end it with `tieout stop`.',
      path,
    });
  }
  // Of an agent that crashed: until ours serves, nobody shall find anything.
  await removeAgentNote(path);
  return { path, release: () => lock.release() };
}

/** Asked before anything of ours is written there. */
function mustLieInNoCopy(home: string): void {
  const copy = copyAround(fromHere(home));
  if (copy === undefined) return;
  throw new ProblemError({
    code: 'keys',
    text: `TIEOUT_HOME, ${home}, ${copy === fromHere(home) ? 'is' : 'lies in'} the sync copy ${copy}: the keys of this machine would go to everybody who has that file.`,
    remedy: 'Set TIEOUT_HOME to a folder outside of it.',
    path: home,
  });
}

export interface RunningAgent {
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  /** Of the program that it runs; undefined: older than that being told. */
  readonly version: string | undefined;
}

/** The agent that serves `home` now; undefined if none does. */
export async function findAgent(home: string): Promise<RunningAgent | undefined> {
  const note = await readAgentNote(home);
  if (note === undefined) return undefined;
  const nonce = randomBytes(16).toString('hex');
  const answer = await ask(`${note.url}/api?nonce=${nonce}`);
  if (answer === undefined || !sameSecret(answer.proof, proofOfToken(note.token, nonce, note.url))) return undefined;
  return { ...note, version: answer.version };
}

type Proof = { readonly proof: string; readonly version: string | undefined };

/** What a server at `url` answers as its proof, if one answers at all. (fetch: loading node:http costs 35 ms.) */
async function ask(url: string): Promise<Proof | undefined> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(ANSWER_MS) });
    let answer = '';
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      answer += piece;
      // It may be anybody, with anything to say.
      if (answer.length > MAX_PROOF) return undefined;
    }
    return readProof(answer);
  } catch {
    return undefined;
  }
}

function readProof(answer: string): Proof | undefined {
  const { proof, version } = JSON.parse(answer) as { proof?: unknown; version?: unknown };
  if (typeof proof !== 'string') return undefined;
  return { proof, version: typeof version === 'string' ? version : undefined };
}

export interface AgentStart {
  readonly home: string;
  /** The program to run with the argument `agent`: the entry of the command line. */
  readonly entry: string;
  /** Ends the waiting, not the agent. */
  readonly signal?: AbortSignal;
}

/** The agent that serves `home`, started in the background if none does. Throws `ProblemError`. */
export async function ensureAgent(start: AgentStart): Promise<RunningAgent> {
  const found = await findAgent(start.home);
  if (found !== undefined && !isOlder(found.version)) return found;
  if (found !== undefined) await endOlder(start.home, found);
  mustLieInNoCopy(start.home);
  const log = openAgentLog(start.home);
  try {
    return await answering(start, launch(start, log), log);
  } finally {
    log.close();
  }
}

/** Is it of an older program than this one? A newer one is used by older commands as well as it can be. */
function isOlder(version: string | undefined): boolean {
  const [theirs, ours] = [partsOf(version ?? '0'), partsOf(VERSION)];
  const at = ours.findIndex((part, index) => part !== (theirs[index] ?? 0));
  return at >= 0 && (theirs[at] ?? 0) < (ours[at] as number);
}

function partsOf(version: string): number[] {
  return version.split('.').map((part) => Number.parseInt(part, 10) || 0);
}

/** The program was updated while its agent ran: it ends in order, and everything goes on with the new one. */
async function endOlder(home: string, { url, token, pid, version }: RunningAgent): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  // It may have been told by another command already, and be gone.
  await fetch(`${url}/api/stop`, { method: 'POST', headers, body: '{}', redirect: 'error' }).catch(() => undefined);
  if (await agentEnded(home, START_MS)) return;
  throw new ProblemError({
    code: 'agent-does-not-end',
    text: `The agent (process ${pid}) is of an older release (${version ?? 'unknown'}), was told to end, and still runs.`,
    remedy: 'Try again; if it stays, end the process. Nothing that was committed is lost by that.',
    path: home,
  });
}

function launch({ home, entry }: AgentStart, log: AgentLog): ChildProcess {
  const child = spawn(process.execPath, [entry, 'agent'], {
    // Not the caller's folder: it could not be removed or ejected while the agent runs.
    cwd: home,
    env: { ...process.env, TIEOUT_HOME: home, TIEOUT_BACKGROUND: '1' },
    stdio: ['ignore', log.descriptor, log.descriptor],
    detached: true,
    windowsHide: true,
  });
  child.unref();
  return child;
}

async function answering({ home, signal }: AgentStart, child: ChildProcess, log: AgentLog): Promise<RunningAgent> {
  let ended: string | undefined;
  child.on('error', (error) => {
    ended = `It could not be started: ${error.message}.`;
  });
  child.on('exit', (code, killer) => {
    if (code !== ALREADY_RUNS) ended = `It ended at once (${killer ?? `exit code ${code}`}).`;
  });
  for (const until = performance.now() + START_MS; performance.now() < until; await wait(POLL_MS)) {
    const agent = await findAgent(home);
    if (agent !== undefined) return agent;
    if (ended !== undefined) break;
    signal?.throwIfAborted();
  }
  throw notStarted(ended ?? `It has not answered within ${START_MS / 1000} seconds.`, log);
}

function notStarted(why: string, log: AgentLog): ProblemError {
  const said = log.tail(20);
  const tail = said.length === 0 ? '' : ` Its last lines:\n${said.map((line) => `  ${line}`).join('\n')}\n`;
  return new ProblemError({
    code: 'agent-not-started',
    text: `The agent did not start. ${why}${tail}`,
    remedy: `Run \`tieout agent\` to see it start in the foreground; its log is ${log.path}.`,
    path: log.path,
  });
}

/**
 * The agent that holds `home`, as soon as it answers: it may just be starting, or busy for a moment. Undefined if none
 * holds it. Throws `ProblemError` if it says nothing.
 */
export async function holdingAgent(home: string, ms = START_MS): Promise<RunningAgent | undefined> {
  for (const until = performance.now() + ms; ; await wait(POLL_MS)) {
    const agent = await findAgent(home);
    if (agent !== undefined) return agent;
    if (isFree(home)) return undefined;
    if (performance.now() > until) break;
  }
  throw new ProblemError({
    code: 'agent-silent',
    text: `An agent runs for ${home}, but it does not answer.`,
    remedy: `Try again; if it stays silent, end its process. Its log is ${agentLogPath(home)}.`,
    path: home,
  });
}

/** Waits until no process holds `home` any more; false if one still does after `ms`. */
export async function agentEnded(home: string, ms: number): Promise<boolean> {
  for (const until = performance.now() + ms; ; await wait(POLL_MS)) {
    if (isFree(home)) return true;
    if (performance.now() > until) return false;
  }
}

function isFree(home: string): boolean {
  if (!isFolder(home)) return true;
  const lock = takeLock(lockPath(home));
  lock?.release();
  return lock !== undefined;
}

const lockPath = (home: string) => join(home, 'agent.lock');
