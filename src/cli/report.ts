/** How a command ends: what it prints and its exit code. The only place that writes results and failures. */
import { CommanderError } from 'commander';
import { type Failure, readFailure, TieoutError } from '../sdk/failure.ts';
import { Interrupted } from './interruption.ts';
import { inkFor } from './text.ts';

export const USAGE = 2;

export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

export function printText(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Tells what went wrong, to people on stderr and to programs on stdout, and returns the exit code. */
export function reportFailure(error: unknown, json: boolean): number {
  // Help and version, asked for, are not failures; commander has printed its text in every case.
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    if (json) printJson({ error: { code: 'usage', text: error.message, why: '', remedy: 'See `tieout --help`.' } });
    return USAGE;
  }
  const failure = failureOf(error);
  if (json) printJson({ error: failure });
  const ink = inkFor(process.stderr);
  const lines = [ink.red(visible(failure.text)), visible(failure.why), visible(failure.remedy)];
  process.stderr.write(`${lines.filter(Boolean).join('\n')}\n`);
  if (error instanceof Interrupted) return error.exitCode;
  return failure.code === 'usage' ? USAGE : 1;
}

export function usage(text: string, remedy: string): TieoutError {
  return new TieoutError({ code: 'usage', text, why: '', remedy });
}

function failureOf(error: unknown): Failure {
  if (error instanceof TieoutError) return error.failure;
  // Core's ProblemError, which starting the agent or the hub throws. Core is out of this room's reach.
  const problem = readFailure({ why: '', ...(error as { problem?: object }).problem });
  if (problem !== undefined) return problem;
  if (error instanceof Interrupted) {
    const remedy = 'Run the same command again: it goes on where it stopped.';
    return { code: 'interrupted', text: 'Stopped.', why: '', remedy };
  }
  const why = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  return { code: 'internal', text: 'Something went wrong inside Tieout.', why, remedy: 'Please report it.' };
}

/** Several lines stay several lines; nothing else steers the terminal. */
function visible(text: string): string {
  return text.replace(/[^\P{Cc}\n]/gu, '\uFFFD').trimEnd();
}
