import { fromHere } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command, FOLDER } from '../command.ts';
import { plain } from '../text.ts';

export const retire = command('retire', 'wait no longer for a copy of this file that does not come back')
  .argument('<COPY>', 'its id, or how it begins (`tieout users`)')
  .argument(...FOLDER)
  .action(
    calls({
      method: 'retire',
      params: (copy: string, folder?: string) => ({ copy, folder: fromHere(folder) }),
      text: ({ user, device, copy }) =>
        `The copy ${copy.slice(0, 8)} of ${plain(user)} on ${plain(device)} is retired. Should it come back, it goes on as a new copy, with all that was done in it.`,
    }),
  );
