import { fromHere } from '../../platform/home.ts';
import type { Result } from '../../sdk/contract.ts';
import { calls } from '../call.ts';
import { command, FOLDER } from '../command.ts';
import { table } from '../table.ts';
import { size, time } from '../text.ts';

type Entry = Result<'docs'>[number];

export const docs = command('docs', 'list the documents of a file: the Document Manager')
  .argument(...FOLDER)
  .action(
    calls({
      method: 'docs',
      params: (folder?: string) => ({ folder: fromHere(folder) }),
      text: (entries) =>
        table(
          ['Document', 'State', 'Behaviour', 'Size', 'By', 'At', 'Open by'],
          entries.map((entry) => [
            entry.path,
            state(entry),
            entry.registered ? entry.behaviour : 'not registered',
            size(entry.size),
            entry.by,
            time(entry.at),
            entry.openBy.map(({ user, device }) => `${user} (${device})`).join(', '),
          ]),
          'There are no documents in this file.',
        ),
    }),
  );

function state({ state, conflict }: Entry): string {
  return conflict ? `${state}, conflict` : state;
}
