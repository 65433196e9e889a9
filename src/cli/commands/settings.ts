import { fromHere } from '../../platform/home.ts';
import type { Request, Result } from '../../sdk/contract.ts';
import { calls } from '../call.ts';
import { command, FOLDER } from '../command.ts';
import { usage } from '../report.ts';
import { table } from '../table.ts';
import { time } from '../text.ts';

type Changes = NonNullable<Request<'settings'>['changes']>;

interface Options {
  readonly leaveOut?: string;
  readonly takeIn?: string;
  readonly refers?: string;
  readonly number?: string;
  readonly name?: string;
  readonly deletionWins?: string;
  readonly editWins?: string;
}

export const settings = command('settings', 'see and change what is set about the tables and columns of databases')
  .argument(...FOLDER)
  .argument('[DATABASE]', 'its path within the file (default: all; to change something, the only one)')
  .option('--leave-out <T[.C]>', 'every copy keeps its own rows of a table, or its own values of a column')
  .option('--take-in <T[.C]>', 'follow them again: what the copies have there becomes their edits')
  .option('--refers <T.C=P>', 'the column holds keys of the table P without a FOREIGN KEY; `T.C=`: it does not')
  .option('--number <T[.C]>', 'an integer key, or one in a UNIQUE index, is handed out: the later row moves')
  .option('--name <T.C>', 'an integer of a UNIQUE index is chosen by somebody, and never moved')
  .option('--deletion-wins <T>', 'rows that somebody deletes go, also where others edited them meanwhile')
  .option('--edit-wins <T>', 'such rows stay, and are listed as conflicts (the default)')
  .action(
    calls({
      method: 'settings',
      params: (folder: string | undefined, database: string | undefined, options: Options) => {
        const changes = changesOf(options);
        mustBeClear(changes);
        return { folder: fromHere(folder), database, changes: changes.length === 0 ? undefined : changes };
      },
      text: (databases) =>
        table(
          ['Database', 'Table', 'Column', 'Set', 'By', 'At'],
          databases.flatMap(({ database, settings: all }) =>
            all.map((one) => [
              database,
              one.table,
              one.column ?? '',
              said(one),
              one.by ?? '',
              one.at ? time(one.at) : '',
            ]),
          ),
          'Nothing is set.',
        ),
    }),
  );

function changesOf(options: Options): Changes {
  const each = (places: string | undefined): string[] => places?.split(',') ?? [];
  return [
    ...each(options.leaveOut).map((place) => ({ place, set: 'left-out' as const, value: true })),
    ...each(options.takeIn).map((place) => ({ place, set: 'left-out' as const, value: false })),
    ...each(options.refers).map(reference),
    ...each(options.number).map((place) => ({ place, set: 'number' as const, value: true })),
    ...each(options.name).map((place) => ({ place, set: 'number' as const, value: false })),
    ...each(options.deletionWins).map((place) => ({ place, set: 'deletion-wins' as const, value: true })),
    ...each(options.editWins).map((place) => ({ place, set: 'deletion-wins' as const, value: false })),
  ];
}

/** What names nothing, or says two things of one, is a slip of whoever wrote it. */
function mustBeClear(changes: Changes): void {
  const met = new Map<string, unknown>();
  for (const { place, set, value } of changes) {
    if (place === '') throw usage('A table or column has no name.', 'Name them, with commas between them.');
    const one = JSON.stringify([place, set]);
    if (met.has(one) && met.get(one) !== value) {
      throw usage(`Two things are said of ${place} that exclude each other.`, 'Say one of them.');
    }
    met.set(one, value);
  }
}

function reference(text: string): Changes[number] {
  const at = text.indexOf('=');
  if (at <= 0) throw usage(`--refers ${text} names no table.`, 'Write it as in --refers line.account=account.');
  return { place: text.slice(0, at), set: 'refers', value: text.slice(at + 1) || null };
}

type Setting = Result<'settings'>[number]['settings'][number];

function said({ set, value }: Setting): string {
  switch (set) {
    case 'left-out':
      return value === true ? 'left out' : 'followed';
    case 'refers':
      return `refers to ${value}`;
    case 'number':
      return value === true ? 'a number, handed out' : 'a name';
    case 'deletion-wins':
      return 'a deletion wins';
    default:
      return set satisfies never;
  }
}
