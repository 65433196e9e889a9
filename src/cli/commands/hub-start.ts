import { fromHere } from '../../platform/home.ts';
import { command } from '../command.ts';
import { ended, interruption } from '../interruption.ts';
import { printText, usage } from '../report.ts';

export const start = command('start', 'run the hub in the foreground, until Ctrl-C')
  .requiredOption('--dir <DIR>', 'where it keeps everything; made on first start')
  .option('--listen <HOST:PORT>', 'where it is reached', '0.0.0.0:7465')
  .action(async ({ dir, listen }: { dir: string; listen: string }) => {
    if (!/^(\[[\da-f:.]+\]|[^\s:[\]]+):\d{1,5}$/i.test(listen) || !URL.canParse(`https://${listen}`)) {
      throw usage(`--listen ${listen} is not HOST:PORT.`, 'Write for example 0.0.0.0:7465, or [::]:7465.');
    }
    const signal = interruption();
    const { startHub } = await import('../../hub/main.ts');
    const hub = await startHub({
      dir: fromHere(dir),
      listen,
      log: (line: string) => process.stderr.write(`${line}\n`),
    });
    printText(`hub ready ${hub.url}`);
    await ended(signal);
    await hub.close();
  });
