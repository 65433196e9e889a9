/** The commands put together: arguments in, exit code out. */
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { wantsJson } from './command.ts';
import { commands } from './commands.ts';
import { reportFailure } from './report.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** Runs one command; what it prints and `process.exitCode` tell how it went. */
export async function runProgram(args: readonly string[]): Promise<void> {
  try {
    await run(args);
  } catch (error) {
    process.exitCode = reportFailure(error, wantsJson(args));
  }
}

async function run(args: readonly string[]): Promise<void> {
  const program = new Command('tieout')
    .description('A client file on everyone’s disk: databases synced cell by cell, documents version by version.')
    .version(version)
    .addHelpText('after', '\nFOLDER is a file’s folder or any folder inside it. DOC is a path to a document.');
  const name = args[0] ?? '';
  const called = Object.hasOwn(commands, name) ? commands[name] : undefined;
  // For help, and for a name that does not exist, all are needed.
  const loaded =
    called === undefined ? await Promise.all(Object.values(commands).map((load) => load())) : [await called()];
  for (const command of loaded) program.addCommand(command);
  settle(program);
  await program.parseAsync(args, { from: 'user' });
}

/** Errors are thrown, to be reported in one place; options belong to the command that they follow. Not inherited. */
function settle(command: Command): void {
  command.enablePositionalOptions().exitOverride().showHelpAfterError('Run with --help to see how it is used.');
  for (const child of command.commands) settle(child);
}
