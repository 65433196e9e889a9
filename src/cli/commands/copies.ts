import { calls } from '../call.ts';
import { command } from '../command.ts';
import { table } from '../table.ts';
import { plain } from '../text.ts';
import { retire } from './copies-retire.ts';

export const copies = command('copies', 'list the sync copies on this machine')
  .addCommand(retire)
  .action(
    calls({
      method: 'copies',
      params: () => ({}),
      text: (copies) => {
        const listed = table(
          ['File', 'State', 'Folder'],
          copies.map(({ file, state, folder }) => [file.name, state, folder]),
          'There are no sync copies on this machine. `tieout copy NAME` makes one.',
        );
        return [listed, ...copies.flatMap(({ problem }) => (problem === undefined ? [] : plain(problem)))].join('\n');
      },
    }),
  );
