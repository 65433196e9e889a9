/**
 * The command line. One file per command in commands/, thin over the sdk. Ends with 0 when it is done, 1 when it was
 * refused or failed, 2 when it was called wrongly (docs: cli.md).
 */
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { wantsJson } from './command.ts';
import { commands } from './commands.ts';
import { endWithLauncher } from './launched.ts';
import { reportFailure } from './report.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

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

// A reader that has seen enough (`tieout docs | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

endWithLauncher();
const args = process.argv.slice(2);
try {
  await run(args);
} catch (error) {
  process.exitCode = reportFailure(error, wantsJson(args));
}
