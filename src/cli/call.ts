/** What nearly every command does: one call to the agent, shown to people or printed as JSON. */
import type { Command } from 'commander';
import { defaultHome } from '../platform/home.ts';
import { ensureAgent } from '../platform/process.ts';
import { systemClock } from '../platform/system.ts';
import { connect } from '../sdk/client.ts';
import type { MethodName, Request, Result } from '../sdk/contract.ts';
import { progressLine, type Told } from './bar.ts';
import { interruption } from './interruption.ts';
import { printJson, printText } from './report.ts';

export interface Call<M extends MethodName, Given extends readonly unknown[]> {
  readonly method: M;
  /** From what commander gives: the arguments, then the options. Throws `usage(…)`. */
  readonly params: (...given: Given) => Request<M>;
  readonly text: (result: Result<M>) => string;
  /** The call succeeded, and yet the command says no. */
  readonly failed?: (result: Result<M>) => boolean;
}

/** The action of a command that calls the agent, which is started if it does not run. */
export function calls<M extends MethodName, Given extends readonly unknown[]>(call: Call<M, Given>) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const params = call.params(...(given as unknown as Given));
    const signal = interruption();
    const result = await answer(call.method, params, signal);
    if (command.opts().json) printJson(result);
    else printText(call.text(result));
    if (call.failed?.(result)) process.exitCode = 1;
  };
}

async function answer<M extends MethodName>(method: M, params: Request<M>, signal: AbortSignal): Promise<Result<M>> {
  const agent = await ensureAgent({ home: defaultHome(), entry: ENTRY, signal });
  signal.throwIfAborted();
  const line = await progressLine(systemClock);
  try {
    const progress = line && ((told: unknown) => line.show(told as Told));
    return await connect(agent).call(method, params, { signal, progress });
  } finally {
    line?.end();
  }
}

/** This program itself is also the agent (`tieout agent`): main.ts in a checkout, main.js in a package. */
export const ENTRY = import.meta.filename.replace(/call(\.[jt]s)$/, 'main$1');
