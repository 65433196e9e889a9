import { fromHere } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command } from '../command.ts';
import { plain } from '../text.ts';

export const detach = command('detach', 'end a sync copy: its files stay, as ordinary ones, and are synced no more')
  .argument('<FOLDER>', "a file's folder or any folder inside it")
  .option('--unsent', 'also when the hub lacks something that was done in it: that stays in the folder only')
  .action(
    calls({
      method: 'detach',
      params: (folder: string, { unsent }: { unsent?: true }) => ({ folder: fromHere(folder), unsent }),
      text: ({ folder }) =>
        `${plain(folder)} is no sync copy any more: its files are ordinary ones. The file on the hub stays as it is.`,
    }),
  );
