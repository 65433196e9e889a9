import { fromHere } from '../../platform/home.ts';
import { calls } from '../call.ts';
import { command, FOLDER } from '../command.ts';
import { usage } from '../report.ts';
import { count } from '../text.ts';

export const accept = command('accept', 'settle all conflicts by what is shown now, for everybody')
  .argument(...FOLDER)
  .option('--database <PATH>', 'only those of this database')
  .option('--table <NAME>', 'only those of this table of it')
  .action(
    calls({
      method: 'accept',
      params: (folder: string | undefined, { database, table }: { database?: string; table?: string }) => {
        if (table !== undefined && database === undefined) {
          throw usage('A table is one of a database.', 'Name both: --database D --table T.');
        }
        return { folder: fromHere(folder), database, table };
      },
      text: ({ settled, left }) =>
        [
          `${count(settled, 'conflict')} settled as shown.`,
          ...(left === 0
            ? []
            : [`${count(left, 'conflict')} left, to be chosen or corrected: see \`tieout conflicts\`.`]),
        ].join(' '),
    }),
  );
