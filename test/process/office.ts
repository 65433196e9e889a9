/**
 * A hub and machines as real processes in a temporary folder, worked through the public command line. Everything that
 * was started is ended with the test, and whatever is still there then is killed and fails it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, connect } from '../../src/sdk/client.ts';
import type { MethodName, Request } from '../../src/sdk/contract.ts';
import { Relay } from './relay.ts';
import { type Shape, shapes } from './shapes.ts';

const root = join(import.meta.dirname, '..', '..');
/** The program below the launcher (bin/tieout.js): what it does is the same, and a command starts in half the time. */
export const main = join(root, 'src', 'cli', 'main.ts');
const cache = join(root, 'node_modules', '.cache', 'tieout');

/** Longest time for anything that a test waits for: four agents on two cores that others use as well. */
const PATIENCE_MS = 60_000;
/** An agent finishes what it holds before it ends. */
const ENDING_MS = 10_000;
const yes = (): boolean => true;
const no = (): boolean => false;

export interface Outcome {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

export class Office {
  readonly folder: string;
  readonly hub: Hub;
  readonly machines: Machine[] = [];
  readonly #ends: (() => void | Promise<void>)[] = [];

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.hub = new Hub(join(folder, 'hub'), `127.0.0.1:${port}`);
  }

  /** With a running hub; ended after the test. */
  static async open(t: TestContext): Promise<Office> {
    const office = new Office(newFolder(), await freePort());
    t.after(() => office.close());
    await office.hub.start();
    return office;
  }

  /** As `open`, for a program that is no test. */
  static async begin(): Promise<Office> {
    const office = new Office(newFolder(), await freePort());
    await office.hub.start();
    return office;
  }

  /** A machine that is enrolled for this user. */
  async machine(user: string): Promise<Machine> {
    const machine = new Machine(user, join(this.folder, user));
    this.machines.push(machine);
    await machine.json('join', [await this.hub.invite(user), '--device', `${user}-pc`]);
    return machine;
  }

  /** From now on everything between machines and hub goes through a relay; the machines call the same address. */
  async relay(): Promise<Relay> {
    const advertised = this.hub.listen;
    await this.hub.stop();
    this.hub.listen = `127.0.0.1:${await freePort()}`;
    await this.hub.start();
    const relay = await Relay.between(advertised, this.hub.listen);
    this.defer(() => relay.close());
    return relay;
  }

  /** Done when all processes have ended, before the folder is removed. */
  defer(end: () => void | Promise<void>): void {
    this.#ends.push(end);
  }

  /** Ends everything; throws if something was left behind. */
  async close(): Promise<void> {
    // A command that was under way may have started an agent after its machine was told to stop.
    for (let tries = 0; tries < 3; tries++) {
      await Promise.allSettled(this.machines.map((machine) => machine.run('stop')));
      if (tries === 0) await this.hub.stop();
      if (await until('all has ended', () => processesOf(this.folder).length === 0, ENDING_MS).then(yes, no)) break;
    }
    const left = processesOf(this.folder);
    const said = left.length === 0 ? '' : this.machines.map((machine) => machine.said().slice(-2000)).join('\n');
    for (const { pid } of left) killed(pid);
    for (const end of this.#ends) await end();
    if (process.env.TIEOUT_KEEP) process.stderr.write(`kept: ${this.folder}\n`);
    else rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    assert.deepEqual(left, [], `processes left behind\n${said}`);
  }
}

export class Hub {
  readonly dir: string;
  /** HOST:PORT */
  listen: string;
  #process: ChildProcess | undefined;
  /** All that it has written on stderr, over restarts. */
  said = '';

  constructor(dir: string, listen: string) {
    this.dir = dir;
    this.listen = listen;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [main, 'hub', 'start', '--dir', this.dir, '--listen', this.listen], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment({}),
    });
    assert.ok(!this.running, 'the hub runs already');
    this.#process = child;
    const begun = this.said.length;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    await new Promise<void>((ready, failed) => {
      let told = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        told += text;
        if (/^hub ready https:\/\/\S+$/m.test(told)) ready();
      });
      child.once('exit', (code) => {
        if (this.#process === child) process.stderr.write(`the hub has ended (${code}):\n${this.said.slice(-3000)}\n`);
      });
      child.once('exit', (code) => failed(new Error(`the hub ended (${code})\n${this.said.slice(begun)}`)));
    });
  }

  get running(): boolean {
    const child = this.#process;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    const [code] = await exited;
    if (signal === 'SIGTERM') assert.equal(code, 0, this.said);
  }

  async invite(user: string): Promise<string> {
    const outcome = await run(['hub', 'invite', user, '--dir', this.dir, '--json'], {});
    assert.equal(outcome.exit, 0, outcome.err);
    return (JSON.parse(outcome.out) as { invitation: string }).invitation;
  }
}

export class Machine {
  readonly user: string;
  readonly home: string;
  /** Where this machine's sync copies lie. */
  readonly folder: string;

  constructor(user: string, place: string) {
    this.user = user;
    this.home = join(place, 'home');
    this.folder = join(place, 'files');
    mkdirSync(this.folder, { recursive: true });
  }

  run(...args: string[]): Promise<Outcome> {
    return run(args, { TIEOUT_HOME: this.home }, this.folder);
  }

  start(...args: string[]): ChildProcess {
    return start(args, { TIEOUT_HOME: this.home }, this.folder);
  }

  /** Runs a command that must succeed; its JSON must have exactly the shape that cli.md gives it. */
  async json<C extends keyof typeof shapes>(command: C, args: readonly string[] = []): Promise<Shape<C>> {
    const { exit, out, err } = await this.run(...command.split(' '), ...args, '--json');
    assert.equal(exit, 0, `tieout ${command}: ${err}${out}`);
    const told: unknown = JSON.parse(out);
    const parsed = shapes[command].safeParse(told);
    assert.ok(parsed.success, `tieout ${command} --json: ${parsed.error?.message}\n${out}`);
    return parsed.data as Shape<C>;
  }

  /** As `json`, without a process for the command: what it prints is the answer of the agent as it is. */
  async ask<M extends keyof typeof shapes & MethodName>(method: M, params: Request<M>): Promise<Shape<M>> {
    const parsed = shapes[method].safeParse(await this.client().call(method, params));
    assert.ok(parsed.success, `${method}: ${parsed.error?.message}`);
    return parsed.data as Shape<M>;
  }

  /** A command that must be refused: exit 1, a reason on stderr, no result. */
  async refused(...args: string[]): Promise<string> {
    const { exit, out, err } = await this.run(...args);
    assert.equal(exit, 1, `tieout ${args.join(' ')}: ${out}${err}`);
    assert.notEqual(err.trim(), '');
    return err;
  }

  /** The local API of the running agent. */
  client(): Client {
    const { url } = this.agent();
    return connect({ url, token: readFileSync(join(this.home, 'token'), 'utf8').trim() });
  }

  agent(): { pid: number; url: string } {
    return JSON.parse(readFileSync(join(this.home, 'agent.json'), 'utf8'));
  }

  /** What the agent has said since it was first started; nothing while it was never started. */
  said(): string {
    const log = join(this.home, 'logs', 'agent.log');
    return existsSync(log) ? readFileSync(log, 'utf8') : '';
  }

  status(folder: string): Promise<Shape<'status'>> {
    return this.ask('status', { folder });
  }

  /** Kills the agent and the process of its databases, as a power cut would. Resolves when both are gone. */
  async kill(): Promise<void> {
    const { pid } = this.agent();
    const all = [pid, ...childrenOf(pid)];
    for (const each of all) killed(each);
    await until(`the end of the agent of ${this.user}`, () => all.every((each) => !isAlive(each)));
  }

  /** Kills only the process that has the databases open. False if there is none, or this system does not tell. */
  killDatabases(): boolean {
    return this.#signalDatabases('SIGKILL');
  }

  /** The process that has the databases open does nothing any more, and does not end. False as above. */
  haltDatabases(): boolean {
    return this.#signalDatabases('SIGSTOP');
  }

  #signalDatabases(signal: NodeJS.Signals): boolean {
    const children = childrenOf(this.agent().pid);
    for (const each of children) signalled(each, signal);
    return children.length > 0;
  }
}

export function start(args: readonly string[], env: Record<string, string>, cwd = tmpdir()): ChildProcess {
  return spawn(process.execPath, [main, ...args], { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
}

export async function outcome(child: ChildProcess): Promise<Outcome> {
  const [out, err, [exit]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')]);
  return { exit: exit as number | null, out, err };
}

export function run(args: readonly string[], env: Record<string, string>, cwd?: string): Promise<Outcome> {
  return outcome(start(args, env, cwd));
}

/**
 * Waits for a condition that the product shows; a check that throws is not met yet. Says in the end what it waited for
 * and why the last look failed.
 */
export async function until(what: string, holds: () => unknown, ms = PATIENCE_MS): Promise<void> {
  let last: unknown;
  for (const limit = performance.now() + ms; ; await pause(15)) {
    try {
      if ((await holds()) !== false) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > limit) throw new Error(`not within ${ms / 1000} s: ${what}`, { cause: last });
  }
}

function environment(more: Record<string, string>): NodeJS.ProcessEnv {
  const { FORCE_COLOR, NODE_TEST_CONTEXT, TIEOUT_BACKGROUND, ...env } = process.env;
  return { ...env, NODE_COMPILE_CACHE: cache, ...more };
}

function newFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'tieout-process-')));
}

/** A port that nobody listens on now: the hub must come back at the same one. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function killed(pid: number): void {
  signalled(pid, 'SIGKILL');
}

function signalled(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** A process that waits to be collected by its parent has ended. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return statOf(pid)?.state !== 'Z';
}

function childrenOf(pid: number): number[] {
  return allProcesses().filter((each) => statOf(each)?.parent === pid);
}

/** Processes that were started with something in this folder as argument or environment. */
function processesOf(folder: string): { pid: number; command: string }[] {
  return allProcesses().flatMap((pid) => {
    const command = procFile(pid, 'cmdline').replaceAll('\0', ' ');
    if (pid === process.pid || statOf(pid)?.state === 'Z') return [];
    return command.includes(folder) || procFile(pid, 'environ').includes(folder) ? [{ pid, command }] : [];
  });
}

/** Linux tells; elsewhere there are none to see. */
function allProcesses(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function statOf(pid: number): { state: string; parent: number } | undefined {
  const [, fields] = procFile(pid, 'stat').split(/\) (?=[A-Z] \d)/);
  if (fields === undefined) return undefined;
  const [state = '', parent] = fields.split(' ');
  return { state, parent: Number(parent) };
}

function procFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
