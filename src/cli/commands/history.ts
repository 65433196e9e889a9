import { Option } from 'commander';
import { fromHere } from '../../platform/home.ts';
import type { Request } from '../../sdk/contract.ts';
import { calls } from '../call.ts';
import { command } from '../command.ts';
import { usage } from '../report.ts';
import { rowKey } from '../row-key.ts';
import { table } from '../table.ts';
import { content, time } from '../text.ts';

const KINDS = ['insert', 'update', 'delete', 'number', 'schema', 'setting'];

interface Options {
  readonly database?: string;
  readonly table?: string;
  readonly key?: string;
  readonly column?: string;
  readonly kind?: string;
  readonly limit?: string;
}

export const history = command('history', 'show what happened, newest first: in a file, a document, a row or a cell')
  .argument('[FOLDER|DOC]', "a file's folder, any folder inside it, or a document (default: the current folder)")
  .option('--database <D>', 'path of a database within the file')
  .option('--table <T>', 'a table of it')
  .option('--key <JSON>', 'a row of it, by its key columns: \'{"no":4010}\'')
  .option('--column <C>', 'one column')
  .addOption(
    new Option(
      '--kind <K>',
      'only insert, update, delete (the rows that were deleted), number, schema or setting',
    ).choices(KINDS),
  )
  .option('--limit <N>', 'not more than N entries')
  .action(
    calls({
      method: 'history',
      params: (path: string | undefined, options: Options) => ({
        path: fromHere(path),
        row: rowOf(options),
        limit: options.limit === undefined ? undefined : numberOf(options.limit),
      }),
      text: (entries) =>
        table(
          ['At', 'By', 'What', 'From', 'To', 'Change'],
          entries.map(({ at, by, what, from, to, change }) => [
            time(at),
            by,
            what,
            content(from),
            content(to),
            change ?? '',
          ]),
          'Nothing has happened here yet.',
        ),
    }),
  );

type Row = NonNullable<Request<'history'>['row']>;

function rowOf({ database, table, key, column, kind }: Options): Row | undefined {
  if ([database, table, key, column, kind].every((option) => option === undefined)) return undefined;
  if (database === undefined || (table === undefined && (key ?? column) !== undefined)) {
    throw usage('A row is named by --database, --table and --key together.', 'See `tieout history --help`.');
  }
  return { database, table, key: key === undefined ? undefined : rowKey(key), column, kind: kind as Row['kind'] };
}

function numberOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw usage(`--limit ${text} is not a number of entries.`, 'Write a whole number.');
}
