import { fromHere } from '../../platform/home.ts';
import type { Result } from '../../sdk/contract.ts';
import { calls } from '../call.ts';
import { command, FOLDER } from '../command.ts';
import { usage } from '../report.ts';
import { rowKey } from '../row-key.ts';
import { content, count, plain } from '../text.ts';

interface Options {
  readonly table?: string;
  readonly key?: string;
}

export const undo = command(
  'undo',
  'undo one change to a database, or a deletion of databases or documents, for everybody, by a new change',
)
  .argument('<CHANGE>', 'its id (`tieout history`)')
  .argument(...FOLDER)
  .option('--table <T>', 'only what it did in this table')
  .option('--key <JSON>', 'only what it did to this row of the table, by its key columns: \'{"no":4010}\'')
  .action(
    calls({
      method: 'undo',
      params: (change: string, folder: string | undefined, { table, key }: Options) => {
        if (key !== undefined && table === undefined) {
          throw usage('A row is named by --table and --key together.', 'See `tieout undo --help`.');
        }
        return { change, folder: fromHere(folder), table, key: key === undefined ? undefined : rowKey(key) };
      },
      text: ({ rows, schema, left }) => {
        const done = schema.map((what) => `Brought back: ${plain(what)}.`);
        if (rows > 0) done.push(`Undone in ${count(rows, 'row')}.`);
        return [...(done.length === 0 ? ['Nothing was undone.'] : done), ...left.map(line)].join('\n');
      },
      failed: ({ rows, schema }) => rows === 0 && schema.length === 0,
    }),
  );

function line({ table, key, column, why }: Result<'undo'>['left'][number]): string {
  const place = [table, content(key), column ?? ''].filter((part) => part !== '').map(plain);
  return `Left alone: ${place.join(' › ')}: ${plain(why)}.`;
}
