import { fromHere } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command, FOLDER } from '../command.ts';

export const offline = command(
  'offline',
  'work without the hub until told otherwise; nothing is lost, it is sent later',
)
  .argument(...FOLDER)
  .action(
    calls({
      method: 'offline',
      params: (folder?: string) => ({ folder: fromHere(folder) }),
      text: () => 'You work offline now; `tieout online` ends that.',
    }),
  );
