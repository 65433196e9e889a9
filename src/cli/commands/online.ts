import { fromHere } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command, FOLDER } from '../command.ts';

export const online = command('online', 'work with the hub again')
  .argument(...FOLDER)
  .action(
    calls({
      method: 'online',
      params: (folder?: string) => ({ folder: fromHere(folder) }),
      text: ({ state }) => (state === 'unreachable' ? 'Online, but the hub is out of reach now.' : `State: ${state}.`),
    }),
  );
