import { fromHere } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command } from '../command.ts';
import { plain } from '../text.ts';

export const resolve = command('resolve', 'settle a conflict, for everybody')
  .argument('<CONFLICT>', 'its id (`tieout conflicts`)')
  .requiredOption('--take <CANDIDATE>', 'the id of the candidate that shall stand')
  .option('--folder <FOLDER>', 'the sync copy to settle it in (default: the current folder, or the copy that lists it)')
  .action(
    calls({
      method: 'resolve',
      params: (conflict: string, { take, folder }: { take: string; folder?: string }) => ({
        conflict,
        candidate: take,
        folder: fromHere(folder),
      }),
      text: ({ id }) => `Conflict ${plain(id)} is settled.`,
    }),
  );
