/**
 * A hub and machines on this computer, worked as anybody would: through the public command line, one TIEOUT_HOME each.
 * `npm start` and the benchmarks stand on this.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Client, connect } from '../src/sdk/client.ts';

export const launcher = join(import.meta.dirname, '..', 'bin', 'tieout.js');

export interface Hub {
  readonly dir: string;
  /** HOST:PORT */
  readonly listen: string;
  readonly process: ChildProcess;
  /** An invitation for this user; works once. */
  invite(user: string): Promise<string>;
  stop(): Promise<void>;
}

export interface Machine {
  /** TIEOUT_HOME */
  readonly home: string;
  /** Runs one command to its end and gives its JSON. Throws what the command said when it fails. */
  run<T>(...command: readonly string[]): Promise<T>;
  /** The local API of its agent, which must run: every command but `stop` starts it. */
  client(): Client;
  /** Process ids of its agent, as the agent says. */
  agent(): { pid: number; url: string };
}

export async function startHub(dir: string, listen: string): Promise<Hub> {
  const child = spawn(process.execPath, [launcher, 'hub', 'start', '--dir', dir, '--listen', listen], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  await ready(child);
  return {
    dir,
    listen,
    process: child,
    async invite(user) {
      const command = ['hub', 'invite', user, '--dir', dir, '--json'];
      return (await tieout<{ invitation: string }>(command, {})).invitation;
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** `talk`: what commands say to people (progress, warnings) goes to our own stderr as it comes. */
export function machine(home: string, talk = false): Machine {
  const agent = () => JSON.parse(readFileSync(join(home, 'agent.json'), 'utf8')) as { pid: number; url: string };
  return {
    home,
    run: (...command) => tieout([...command, '--json'], { TIEOUT_HOME: home }, talk),
    client: () => connect({ url: agent().url, token: readFileSync(join(home, 'token'), 'utf8').trim() }),
    agent,
  };
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}

async function tieout<T>(command: readonly string[], env: Record<string, string>, talk = false): Promise<T> {
  const child = spawn(process.execPath, [launcher, ...command], {
    stdio: ['ignore', 'pipe', talk ? 'inherit' : 'pipe'],
    env: { ...process.env, ...env },
  });
  let told = '';
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  if (code === 0) return JSON.parse(told);
  // Its arguments may hold a secret.
  throw new Error(`"tieout ${command[0]}" failed (exit ${code}).\n${said}`.trim());
}

/** Waits for the line `hub ready …`; throws what the hub said if it ends before. Its output is read on to its end. */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((done, failed) => {
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-10_000);
        if (/^hub ready https:/m.test(said)) done();
      });
    }
    child.on('error', failed);
    child.on('close', (code) => failed(new Error(`The hub did not start (exit ${code}).\n${said}`.trim())));
  });
}
