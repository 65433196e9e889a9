/**
 * The command line. One file per command in commands/, thin over the sdk. Ends with 0 when it is done, 1 when it was
 * refused or failed, 2 when it was called wrongly (docs: cli.md).
 */
import { endWithLauncher } from './launched.ts';
import { runProgram } from './program.ts';

// A reader that has seen enough (`tieout docs | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

endWithLauncher();
await runProgram(process.argv.slice(2));
