/** What all commands have in common, declared once. */
import { Command } from 'commander';

/** A command that prints one JSON document when asked to. */
export function command(name: string, description: string): Command {
  return new Command(name).description(description).option('--json', 'print one JSON document');
}

export const FOLDER = ['[FOLDER]', "a file's folder or any folder inside it (default: the current one)"] as const;
export const DOC = ['<DOC>', 'path to a document'] as const;

/** Whether this run prints JSON. Asked of the arguments: a usage error may come before they are understood. */
export function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? undefined : end).includes('--json');
}
