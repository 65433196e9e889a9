/** A process that runs one command after the other: most of what a command takes is to begin. For office.ts. */
import { runProgram } from '../../src/cli/program.ts';
import type { Outcome } from './office.ts';

// Each command listens for its own interruption, for the rest of what is a process elsewhere.
process.setMaxListeners(0);

process.on('message', async (args: string[]) => {
  const said = { out: '', err: '' };
  const kept = [process.stdout.write, process.stderr.write] as const;
  process.stdout.write = ((text: string) => (said.out += text)) as never;
  process.stderr.write = ((text: string) => (said.err += text)) as never;
  process.exitCode = 0;
  await runProgram(args);
  [process.stdout.write, process.stderr.write] = kept;
  process.send!({ exit: Number(process.exitCode), ...said } satisfies Outcome);
});
