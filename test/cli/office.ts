/** A TIEOUT_HOME whose agent is the fake service in the test's own process, and the command line run against it. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { startApi } from '../../src/agent/api.ts';
import { holdHome } from '../../src/platform/process.ts';
import { systemClock } from '../../src/platform/system.ts';
import type { Service } from '../../src/sdk/contract.ts';
import { fakeService } from '../agent/fake-service.ts';

const root = join(import.meta.dirname, '..', '..');
export const main = join(root, 'src', 'cli', 'main.ts');
export const launcher = join(root, 'bin', 'tieout.js');

const cache = join(root, 'node_modules', '.cache', 'tieout');

export interface Outcome {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

export interface Office {
  readonly home: string;
  /** The current folder of the commands. */
  readonly folder: string;
  /** What the service was asked: [method, params]. */
  readonly calls: [string, unknown][];
  run(...args: string[]): Promise<Outcome>;
  /** As `run`, one after the other in one process. */
  runNext(...args: string[]): Promise<Outcome>;
  start(args: readonly string[], program?: readonly string[]): ChildProcess;
}

export async function office(t: TestContext, replaced: Partial<Service> = {}): Promise<Office> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tieout-cli-')));
  const home = join(folder, 'home');
  const calls: Office['calls'] = [];
  const held = await holdHome(home);
  const api = await startApi({ home: held, service: recorded(fakeService(replaced), calls), clock: systemClock });
  t.after(async () => {
    await api.close();
    held.release();
    rmSync(folder, { recursive: true });
  });
  const start: Office['start'] = (args, program = [process.execPath, main]) => {
    const [node, ...given] = [...program, ...args];
    return spawn(node!, given, { cwd: folder, env: environment(home), stdio: ['ignore', 'pipe', 'pipe'] });
  };
  let series: ChildProcess | undefined;
  // It listens for the signals that end others.
  t.after(() => series?.kill('SIGKILL'));
  const runNext: Office['runNext'] = (...args) =>
    new Promise((resolve, reject) => {
      series ??= fork(join(import.meta.dirname, 'series.ts'), [], { cwd: folder, env: environment(home) });
      series.removeAllListeners();
      series.once('message', (said) => resolve(said as Outcome));
      series.once('exit', (code) => reject(new Error(`tieout ${args.join(' ')} has ended its process (${code})`)));
      series.send(args);
    });
  return { home, folder, calls, start, runNext, run: (...args) => outcome(start(args)) };
}

/** As shells count: a process that a signal has ended, a second one on its way out, say, ends with 128 and its number. */
export async function outcome(child: ChildProcess): Promise<Outcome> {
  const [out, err, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close'),
  ]);
  const exit = signal === null ? (code as number) : 128 + constants.signals[signal as NodeJS.Signals];
  return { exit, out, err };
}

/** Times and colours as on any machine; compiled code kept, as the launcher does. */
export function environment(home: string): NodeJS.ProcessEnv {
  const { FORCE_COLOR, NODE_TEST_CONTEXT, TIEOUT_BACKGROUND, ...env } = process.env;
  return { ...env, TIEOUT_HOME: home, TZ: 'Europe/Berlin', NODE_COMPILE_CACHE: cache };
}

function recorded(service: Service, calls: Office['calls']): Service {
  const wrapped = Object.entries(service).map(([method, act]) => [
    method,
    (params: never, context: never) => {
      calls.push([method, params]);
      return act(params, context);
    },
  ]);
  return Object.fromEntries(wrapped) as Service;
}
