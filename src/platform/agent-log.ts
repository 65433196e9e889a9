/** TIEOUT_HOME/logs/agent.log: what an agent in the background prints. One older file is kept beside it. */
import { closeSync, copyFileSync, openSync, readSync, renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateFolder } from './home.ts';

/** Some weeks of a busy agent. */
const MAX_LOG_BYTES = 5 * 1024 * 1024;
const LOOK_EVERY_MS = 10 * 60 * 1000;
const TAIL_BYTES = 4096;

export interface AgentLog {
  readonly path: string;
  /** To hand to the new process; ours is closed after. */
  readonly descriptor: number;
  /** The last lines written since it was opened. */
  tail(lines: number): string[];
  close(): void;
}

export const agentLogPath = (home: string) => join(home, 'logs', 'agent.log');

/** Opens the log for a new agent's output. */
export function openAgentLog(home: string): AgentLog {
  const path = agentLogPath(home);
  makePrivateFolder(join(home, 'logs'));
  if (sizeOf(path) > MAX_LOG_BYTES) {
    // On Windows another agent that is just ending may still hold it: then the next start does it.
    try {
      renameSync(path, `${path}.1`);
    } catch {}
  }
  const descriptor = openSync(path, 'a', 0o600);
  const before = sizeOf(path);
  return {
    path,
    descriptor,
    tail: (lines) => lastLines(path, before, lines),
    close: () => closeSync(descriptor),
  };
}

/**
 * Keeps the log of this very process small while it runs. The log is open for appending, so cutting it to nothing is
 * safe. RACE: a line written between copying and cutting is lost; it is only a log.
 */
export function keepAgentLogSmall(home: string): void {
  const path = agentLogPath(home);
  const look = () => {
    if (sizeOf(path) <= MAX_LOG_BYTES) return;
    try {
      copyFileSync(path, `${path}.1`);
      truncateSync(path);
    } catch (error) {
      console.error(`The log could not be shortened: ${error}`);
    }
  };
  setInterval(look, LOOK_EVERY_MS).unref();
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function lastLines(path: string, since: number, lines: number): string[] {
  const end = sizeOf(path);
  const from = Math.max(since, end - TAIL_BYTES);
  const bytes = new Uint8Array(Math.max(0, end - from));
  const file = openSync(path, 'r');
  try {
    readSync(file, bytes, 0, bytes.length, from);
  } finally {
    closeSync(file);
  }
  return new TextDecoder().decode(bytes).trimEnd().split('\n').filter(Boolean).slice(-lines);
}
