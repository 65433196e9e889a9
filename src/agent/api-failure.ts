/** How a failed call is told: the one place where errors become JSON and HTTP statuses. */
import type { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import { type Failure, TieoutError } from '../sdk/failure.ts';
import { paramFaults } from './param-faults.ts';

export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 421 | 500;
  readonly failure: Failure;
}

/** What the caller is told about `error`, which a method threw. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof TieoutError) return { status: 409, failure: error.failure };
  if (error instanceof ProblemError) {
    const { code, text, remedy } = error.problem;
    return { status: 409, failure: { code, text, why: '', remedy } };
  }
  return {
    status: 500,
    failure: {
      code: 'internal',
      text: 'Something went wrong inside Tieout.',
      why: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
      remedy: 'Run `tieout doctor`; the log (logs/agent.log in TIEOUT_HOME) tells more.',
    },
  };
}

export function badParams(method: string, error: z.ZodError): Refusal {
  return {
    status: 400,
    failure: {
      code: 'usage',
      text: `"${method}" cannot be done with what it was given.`,
      why: paramFaults(error).join('\n'),
      remedy: `Correct that; \`tieout ${COMMANDS[method] ?? method} --help\` says what it takes.`,
    },
  };
}

/** Of methods that are called otherwise on the command line. */
const COMMANDS: Readonly<Record<string, string>> = { accept: 'conflicts accept', retire: 'copies retire' };

export function unknownMethod(method: string): Refusal {
  return {
    status: 404,
    failure: {
      code: 'no-such-method',
      text: `This agent does not know "${method.slice(0, 80)}".`,
      why: 'It may be older than the program that called it.',
      remedy: 'Run `tieout stop`; the next command starts the newest agent.',
    },
  };
}

/** A caller that is not let in. It learns nothing but why. */
export function closed(status: Refusal['status'], code: string, why: string): Refusal {
  return {
    status,
    failure: {
      code,
      text: 'The local API did not take this request.',
      why,
      remedy: 'Use the command line or the client library on this computer.',
    },
  };
}

/** Why calls are aborted. Nobody reads it when the caller is gone, but it is what a method throws on. */
export const callerGone = () =>
  new TieoutError({
    code: 'caller-gone',
    text: 'Whoever made this call went away.',
    why: '',
    remedy: 'Run the same command again; it goes on where it stopped.',
  });

export const agentEnds = () =>
  new TieoutError({
    code: 'agent-ends',
    text: 'The agent was ended while this call ran.',
    why: '',
    remedy: 'Run the same command again; it goes on where it stopped.',
  });

export const tooSlow = (waiting: number) =>
  new TieoutError({
    code: 'too-slow',
    text: 'The events were not read fast enough.',
    why: `${waiting} of them were waiting.`,
    remedy: 'Read them as they come, or ask again.',
  });
